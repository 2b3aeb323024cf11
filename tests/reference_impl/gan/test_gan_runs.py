"""The first GAN trained by the engine, in seconds, on laws that are known."""

import math
from dataclasses import replace

import pytest
import torch

from reference_impl import engine
from reference_impl.data import Data
from reference_impl.engine import Preset, TrainConfig

MEAN, SPREAD = torch.tensor([0.4, -0.2]), torch.tensor([[0.5, 0.0], [0.3, 0.2]])
"""A law of points in the plane: MEAN + SPREAD e, with e from N(0, I)."""


def slanted() -> Data:
    x = MEAN + torch.randn(4000, 2, generator=torch.Generator().manual_seed(0)) @ SPREAD.T
    none = torch.zeros(4000, dtype=torch.long)
    return Data("slanted", x[1000:], none[1000:], x[:1000], none[:1000])


@pytest.mark.parametrize("loss", ["non_saturating", "minimax"])
def test_the_game_ends_near_the_law_of_the_data_with_D_near_one_half(gan, tmp_path, loss):
    """Both losses have the same end: 1,500 steps find mean and covariance of a slanted Gaussian within 0.12 (its
    standard deviations are 0.5 and 0.36), and what D still tells apart is less than 0.05 of log 2 = 0.69 nats."""
    data = slanted()
    config = gan.GANConfig(
        loss=loss, d_z=2, g_width=32, g_depth=1, d_width=64, d_depth=2, dropout=0.0, conditional=False
    )
    train = TrainConfig(
        steps=1500, batch_size=128, lr=2e-3, betas=(0.5, 0.999), warmup=0, grad_clip=0.0, ema_decay=0.99
    )
    torch.manual_seed(0)
    method = gan.build(config, data.spec, "cpu")
    engine.train(method, data, Preset(train, config), seed=0, out=tmp_path, label="gan/test")
    x = method.sample(4000, None, torch.Generator().manual_seed(1))
    assert (x.mean(dim=0) - MEAN).abs().max() < 0.12
    assert (x.T.cov() - SPREAD @ SPREAD.T).abs().max() < 0.12
    with torch.no_grad():
        assert gan.jsd_bound(method.D(data.held_out), method.D(x)).item() < 0.05
        assert (method.D(x).sigmoid() - 0.5).abs().mean() < 0.1


def test_the_loss_as_generator_and_discriminator_start_is_that_of_guessing(gan, tmp_path):
    """D's first loss is near log 4, since its first logits are near 0."""
    preset = replace(
        gan.PRESETS["gaussians"], train=replace(gan.PRESETS["gaussians"].train, data="slanted", steps=3, batch_size=64)
    )
    data = slanted()
    torch.manual_seed(0)
    method = gan.build(preset.config, data.spec, "cpu")
    losses = engine.train(method, data, preset, seed=0, out=tmp_path, label="gan/test")
    assert set(losses) == {"discriminator", "generator"}
    assert losses["discriminator"][0] == pytest.approx(math.log(4), abs=0.15)
    assert losses["generator"][0] == pytest.approx(math.log(2), abs=0.15)
