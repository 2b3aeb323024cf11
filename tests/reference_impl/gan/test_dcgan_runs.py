"""What DCGAN learns in seconds: digits of the classes asked for, by the running statistics as by the batch's."""

from dataclasses import replace

import pytest
import torch

from reference_impl import engine
from reference_impl.datasets import digits
from reference_impl.metrics import frechet_distance


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The digits preset, at 700 of its 2,000 steps."""
    from reference_impl.gan import dcgan

    data, preset = digits(), dcgan.PRESETS["digits"]
    preset = replace(preset, train=replace(preset.train, steps=700))
    torch.manual_seed(0)
    method = dcgan.build(preset.config, data.spec, "cpu")
    losses = engine.train(method, data, preset, seed=0, out=tmp_path_factory.mktemp("run"), label="dcgan/test")
    labels = torch.arange(10).repeat(36)
    return dcgan, data, method, losses, labels, method.sample(360, labels, torch.Generator().manual_seed(0))


def test_seven_hundred_steps_come_near_the_digits(run):
    _, data, _, _, _, samples = run
    blank = torch.zeros_like(samples) + 0.1 * torch.randn(samples.shape, generator=torch.Generator().manual_seed(0))
    assert frechet_distance(blank, data.held_out) > 30
    assert frechet_distance(samples, data.held_out) < 4


def test_most_samples_are_of_the_class_asked_for(run):
    """By the nearest of the classes' mean images, which errs on about a tenth of real digits."""
    _, data, _, _, labels, samples = run
    means = torch.stack([data.train[data.train_labels == k].mean(dim=0) for k in range(10)]).flatten(1)

    def error(x, y):
        return (torch.cdist(x.flatten(1), means).argmin(dim=1) != y).double().mean().item()

    assert error(data.held_out, data.held_out_labels) < 0.15
    assert error(samples, labels) < 0.2


def test_samples_of_one_class_differ(run):
    """No class has collapsed: its samples vary at least half as much as its real digits."""
    _, data, _, _, labels, samples = run
    for k in range(10):
        real = data.train[data.train_labels == k].var(dim=0).sum()
        assert samples[labels == k].var(dim=0).sum() > real / 2


def test_neither_player_has_won(run):
    """D's loss stays off 0, and below what a coin would have, 2 log 2."""
    *_, losses, _, _ = run
    last = torch.tensor(losses["discriminator"][-50:]).mean().item()
    assert 0.3 < last < 1.386


def test_running_statistics_serve_as_well_as_the_batchs_own(run):
    dcgan, data, method, _, labels, samples = run
    z = dcgan.draw_noise(360, 100, torch.Generator().manual_seed(1))
    method.G.train()
    with torch.no_grad():
        by_batch = method.G(z, labels)
    method.G.eval()
    assert frechet_distance(samples, data.held_out) < 1.3 * frechet_distance(by_batch, data.held_out)
