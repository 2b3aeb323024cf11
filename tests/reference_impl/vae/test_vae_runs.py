"""What a trained VAE must show: short runs on the digits."""

import math
from dataclasses import replace

import pytest
import torch

from reference_impl import datasets, engine
from reference_impl.data import Data


@pytest.fixture(scope="module")
def digits():
    return datasets.digits()


@pytest.fixture
def trained(vae, digits, tmp_path):
    def run(steps: int = 500, **settings):
        held = vae.PRESETS["digits"]
        preset = replace(
            held, train=replace(held.train, steps=steps), config=replace(held.config, **{"hidden": 64, **settings})
        )
        torch.manual_seed(0)
        method = vae.build(preset.config, digits.spec, torch.device("cpu"))
        losses = engine.train(method, digits, preset, seed=0, out=tmp_path / str(settings), label="vae")["loss"]
        labels = digits.held_out_labels
        samples = method.sample(len(labels), labels, engine.generator(0, "samples"))
        return method, losses, method.evaluate(digits, samples, labels, engine.generator(0, "evaluate"))

    return run


def independent_pixels(digits: Data) -> float:
    """Nats for a held-out digit by the best model without a code: each class's histogram of each pixel, from 1 up."""
    nats = 0.0
    for y in range(10):
        levels = ((digits.train[digits.train_labels == y] + 1) * 8).round().long().flatten(1)
        counts = torch.nn.functional.one_hot(levels, 17).sum(dim=0) + 1.0
        log_p = (counts / counts.sum(dim=1, keepdim=True)).log()
        held_out = ((digits.held_out[digits.held_out_labels == y] + 1) * 8).round().long().flatten(1)
        nats -= log_p.gather(1, held_out.T).sum().item()
    return nats / len(digits.held_out)


def test_the_bound_beats_every_model_without_a_code_and_iwae_is_tighter(trained, digits):
    _, losses, numbers = trained()
    assert sum(losses[-50:]) < 0.75 * sum(losses[:50])
    assert numbers["neg_iwae_50"] < numbers["neg_elbo"] < independent_pixels(digits) - 5
    assert numbers["bits_per_dim"] < math.log2(17)
    assert numbers["kl"] > 2
    assert numbers["active_units"] >= 3


def test_a_large_beta_lets_the_posterior_collapse(trained, digits):
    """The KL is bought off: the codes say nothing, and all images of a class become nearly one."""
    method, _, numbers = trained(beta=200.0)
    assert numbers["kl"] < 0.05
    assert numbers["active_units"] == 0
    sevens = method.sample(50, torch.full((50,), 7), engine.generator(1, "samples"))
    real = digits.train[digits.train_labels == 7]
    assert sevens.std(dim=0).mean() < 0.2 * real.std(dim=0).mean()


def test_training_on_the_iwae_bound_lowers_it(trained):
    _, losses, numbers = trained(steps=200, k=5)
    assert sum(losses[-20:]) < 0.8 * sum(losses[:20])
    assert numbers["neg_iwae_50"] < numbers["neg_elbo"]
