"""What R3GAN learns in seconds: all 25 Gaussians, where the same training on the ordinary loss loses some."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from reference_impl import engine
from reference_impl.datasets import gaussians
from reference_impl.gan import r3gan
from reference_impl.metrics import modes


class Ordinary(r3gan.R3GAN):
    """The same networks and noise on the ordinary GAN's losses: real and fake by themselves, and no penalty."""

    def loss_of_discriminator(self, batch, generator):
        D = self.model["discriminator"]
        fake = self.generate(len(batch.x), None, generator).detach()
        return F.softplus(-D(batch.x)).mean() + F.softplus(D(fake)).mean()

    def loss_of_generator(self, batch, generator):
        fake = self.generate(len(batch.x), None, generator)
        return F.softplus(-self.model["discriminator"](fake)).mean()


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    def run(kind):
        """The preset for the 25 Gaussians in 2,500 steps; so few need a larger first gamma to reach them all."""
        preset = r3gan.PRESETS["gaussians"]
        preset = replace(
            preset,
            train=replace(preset.train, steps=2500, ema_decay=0.998),
            config=replace(preset.config, gamma=(0.1, 0.002), burn_in=1250),
        )
        data = gaussians()
        torch.manual_seed(0)
        method = kind(preset.config, data.spec)
        losses = engine.train(method, data, preset, seed=0, out=tmp_path_factory.mktemp("run"), label="r3gan/test")
        return modes(method.sample(2500, None, torch.Generator().manual_seed(0))), losses

    return run


def test_every_one_of_the_25_gaussians_is_found(train):
    measured, losses = train(r3gan.R3GAN)
    assert measured["modes_missed"] == 0
    assert measured["low_quality"] < 0.9
    last = {name: torch.tensor(values[-100:]).mean().item() for name, values in losses.items()}
    assert 0.4 < last["discriminator"] < last["generator"] < 1.4  # neither player has won


def test_without_pairs_and_penalties_the_same_training_loses_modes(train):
    measured, _ = train(Ordinary)
    assert measured["modes_missed"] >= 2
