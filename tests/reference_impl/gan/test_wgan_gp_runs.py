"""Short trainings: what the critic and the game must reach, with stated bounds. Too slow for the mutation run."""

from dataclasses import replace

import pytest
import torch
from scipy import stats

from reference_impl import engine
from reference_impl.data import Data
from reference_impl.datasets import DATA
from reference_impl.gan import mlp

N = 20_000


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def plane(law, seed: int) -> torch.Tensor:
    """Points whose first coordinate follows the law; the second is the same noise in all laws, and costs nothing.

    Not on the line: there the slope would have to pass through 0 to change its sign, and the penalty forbids it.
    """
    z = torch.randn(N, 2, generator=seeded(seed))
    return torch.stack([law(z[:, 0]), z[:, 1]], dim=1)


def trained_critic(wgan_gp, real, fake, lam: float):
    """A critic of points, trained by Eq. (3) on 600 batches of 256."""
    torch.manual_seed(0)
    D, g = mlp.Discriminator((2,), width=32, depth=2), seeded()
    D.layers[-1] = torch.nn.Linear(32, 1, bias=False)
    adam = torch.optim.Adam(D.parameters(), lr=3e-3, betas=(0.0, 0.9))
    for step in range(600):
        adam.param_groups[0]["lr"] = 3e-3 * (1 - step / 600)
        x, y = (law[torch.randint(N, (256,), generator=g)] for law in (real, fake))
        loss = wgan_gp.critic_loss(D, x, y, torch.rand(256, generator=g), lam)
        adam.zero_grad()
        loss.backward()
        adam.step()
    return D


LAWS = {"shifted": lambda z: z + 2, "wider": lambda z: 2.5 * z, "parted": lambda z: z + z.sign()}


@pytest.mark.parametrize("name", LAWS)
def test_a_trained_critic_comes_within_15_percent_of_the_distance(wgan_gp, name):
    """On fresh examples, against scipy's distance. Too high where it is a shift: the penalty is soft."""
    D = trained_critic(wgan_gp, plane(LAWS[name], 1), plane(lambda z: z, 2), lam=10.0)
    real, fake = plane(LAWS[name], 3), plane(lambda z: z, 4)
    distance = stats.wasserstein_distance(real[:, 0], fake[:, 0])
    with torch.no_grad():
        estimate = wgan_gp.wasserstein(D(real), D(fake)).item()
    assert 0.85 * distance < estimate < 1.15 * distance


@pytest.mark.parametrize("lam", [10.0, 1.0])
def test_a_trained_critics_slope_is_1_plus_the_shift_over_2_lambda(wgan_gp, lam):
    """A hard constraint would have 1 (Proposition 1); the soft penalty leaves W / (2 lambda) more.

    The mean within 0.05; single slopes are off by less than 0.1 on average.
    """
    real, fake = plane(LAWS["shifted"], 1), plane(lambda z: z, 2)
    D = trained_critic(wgan_gp, real, fake, lam)
    slopes = wgan_gp.gradient_norm(D, wgan_gp.interpolate(real, fake, torch.rand(N, generator=seeded(5)))).detach()
    expected = 1 + 2 / (2 * lam)
    assert slopes.mean().item() == pytest.approx(expected, abs=0.05)
    assert (slopes - expected).abs().mean().item() < 0.1


def test_a_short_game_finds_all_but_a_few_of_the_25_gaussians(wgan_gp, tmp_path):
    """2,000 moves of the critic, 400 of the generator; the preset has five times as many."""
    held = wgan_gp.PRESETS["gaussians"]
    short = replace(held, train=replace(held.train, steps=2000))
    data: Data = DATA["gaussians"]()
    torch.manual_seed(0)
    method = wgan_gp.build(short.config, data.spec, "cpu")
    before = method.evaluate(data, method.sample(2500, None, seeded()), None, seeded())
    engine.train(method, data, short, seed=0, out=tmp_path, label="short")
    after = method.evaluate(data, method.sample(2500, None, seeded()), None, seeded())
    assert before["modes_missed"] >= 23
    assert after["modes_missed"] <= 5
