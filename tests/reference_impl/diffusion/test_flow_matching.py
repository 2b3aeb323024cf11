"""Proofs of flow_matching.py. Each holds the code against something worked out another way.

Statistical bounds are stated as numbers of standard errors; seeds are fixed, so a test that passes once passes always.
"""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import stats

from reference_impl.data import Data, Spec
from reference_impl.diffusion import parameterisation
from reference_impl.diffusion.ode import even, integrate, trajectory
from reference_impl.diffusion.unet import time_embedding
from reference_impl.engine import Batch
from tests.reference_impl.diffusion.laws import (
    MEAN,
    MEANS,
    SD,
    SDS,
    WEIGHTS,
    gaussian_flow,
    gaussian_velocity,
    mixture_samples,
    mixture_velocity,
)
from tests.reference_impl.diffusion.toys import F64, normal, pixels, seeded, unchecked
from tests.reference_impl.weights import shaken, slopes

SIGMAS = [0.0, 0.2]


def some_times(n: int, seed: int = 7) -> torch.Tensor:
    return torch.rand(n, generator=seeded(seed), dtype=F64)


def of(t: torch.Tensor) -> torch.Tensor:
    """A time for each image, in the shape of images."""
    return t.reshape(-1, 1, 1, 1)


# --------------------------------------------------------------------------------------- path and velocity


@pytest.mark.parametrize("sigma_min", SIGMAS)
def test_path_goes_from_noise_to_data(flow_matching, sigma_min):
    x_0, x_1 = normal(4, 2, 3, 3, seed=1), normal(4, 2, 3, 3, seed=2)
    zero, one = torch.zeros(4, dtype=F64), torch.ones(4, dtype=F64)
    torch.testing.assert_close(flow_matching.path(x_0, x_1, zero, sigma_min), x_0, rtol=0, atol=0)
    end = flow_matching.path(x_0, x_1, one, sigma_min)
    torch.testing.assert_close(end, x_1 + sigma_min * x_0, rtol=0, atol=1e-14)


def test_without_sigma_min_the_path_is_lius(flow_matching):
    x_0, x_1, t = normal(4, 1, 2, 2, seed=1), normal(4, 1, 2, 2, seed=2), some_times(4)
    expected = of(t) * x_1 + (1 - of(t)) * x_0
    torch.testing.assert_close(flow_matching.path(x_0, x_1, t), expected, rtol=1e-14, atol=1e-14)
    torch.testing.assert_close(flow_matching.target(x_0, x_1), x_1 - x_0, rtol=0, atol=0)


def test_lipmans_path_has_mean_t_x1_and_its_standard_deviation(flow_matching):
    """Given x_1, x_t ~ N(t x_1, (1 - (1 - sigma_min) t)^2): exactly, and over 100,000 draws within 5 standard
    errors."""
    t, sigma_min, n = some_times(6), 0.1, 100_000
    sd = 1 - 0.9 * t
    one, zero = pixels(np.ones(6)), pixels(np.zeros(6))
    torch.testing.assert_close(flow_matching.path(zero, one, t, sigma_min), of(t), rtol=1e-14, atol=1e-14)
    torch.testing.assert_close(flow_matching.path(one, zero, t, sigma_min), of(sd), rtol=1e-14, atol=1e-14)
    x_t = flow_matching.path(normal(1, 1, n, 1), torch.full((1, 1, n, 1), 0.7, dtype=F64), t[:1], sigma_min)
    assert abs(x_t.mean() - 0.7 * t[0]) < 5 * sd[0] / math.sqrt(n)
    assert abs(x_t.var() - sd[0] ** 2) < 5 * sd[0] ** 2 * math.sqrt(2 / n)


@pytest.mark.parametrize("sigma_min", SIGMAS)
def test_target_is_the_derivative_of_the_path(flow_matching, sigma_min):
    """By automatic differentiation in forward mode."""
    x_0, x_1, t = normal(5, 1, 2, 2, seed=1), normal(5, 1, 2, 2, seed=2), some_times(5)
    of_time = unchecked(flow_matching.path)
    _, slope = torch.func.jvp(lambda t: of_time(x_0, x_1, t, sigma_min), (t,), (torch.ones_like(t),))
    torch.testing.assert_close(flow_matching.target(x_0, x_1, sigma_min), slope, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("sigma_min", SIGMAS)
def test_the_ends_that_a_velocity_implies(flow_matching, sigma_min):
    """The true velocity implies the true ends; any other implies a pair whose path runs through x_t with it."""
    x_0, x_1, t = (
        normal(6, 1, 2, 2, seed=1),
        normal(6, 1, 2, 2, seed=2),
        torch.tensor([0, 0.2, 0.5, 0.8, 0.9, 1]).double(),
    )
    x_t = flow_matching.path(x_0, x_1, t, sigma_min)
    ends = flow_matching.ends_from(flow_matching.target(x_0, x_1, sigma_min), x_t, t, sigma_min)
    torch.testing.assert_close(ends, (x_0, x_1), rtol=1e-12, atol=1e-12)
    v = normal(6, 1, 2, 2, seed=3)
    ends = flow_matching.ends_from(v, x_t, t, sigma_min)
    torch.testing.assert_close(flow_matching.path(*ends, t, sigma_min), x_t, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(flow_matching.target(*ends, sigma_min), v, rtol=1e-12, atol=1e-12)


def test_a_flow_is_a_diffusion_with_alpha_t_and_sigma_one_minus_t(flow_matching):
    """The same mixture, noise, data and score as parameterisation.py has them; its v is another velocity."""
    noise, data, t = normal(6, 1, 2, 2, seed=1), normal(6, 1, 2, 2, seed=2), 0.05 + 0.9 * some_times(6)
    alpha, sigma = t, 1 - t
    x_t = flow_matching.path(noise, data, t)
    torch.testing.assert_close(parameterisation.mixture(data, noise, alpha, sigma), x_t, rtol=1e-13, atol=1e-13)
    v = normal(6, 1, 2, 2, seed=3)
    eps, x = flow_matching.ends_from(v, x_t, t)
    torch.testing.assert_close(parameterisation.data_from("eps", eps, x_t, alpha, sigma), x, rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(parameterisation.noise_from("x_0", x, x_t, alpha, sigma), eps, rtol=1e-11, atol=1e-11)
    theirs = parameterisation.velocity(x, eps, alpha, sigma)
    torch.testing.assert_close(parameterisation.data_from("v", theirs, x_t, alpha, sigma), x, rtol=1e-11, atol=1e-11)
    assert (theirs - v).abs().mean() > 0.5
    assert (theirs + v).abs().mean() > 0.1


def test_velocity_implies_the_score_of_the_noisy_data(flow_matching):
    """For Gaussian data the law of x_t is known: its score by automatic differentiation."""
    t = torch.tensor([0.1, 0.5, 0.9], dtype=F64)
    x = normal(3, 1, 4, 4).requires_grad_()
    law = torch.distributions.Normal(of(t) * MEAN, ((1 - of(t)) ** 2 + of(t) ** 2 * SD**2).sqrt())
    (score,) = torch.autograd.grad(law.log_prob(x).sum(), x)
    noise, _ = flow_matching.ends_from(gaussian_velocity(x.detach(), t), x.detach(), t)
    torch.testing.assert_close(parameterisation.score_from_noise(noise, 1 - t), score, rtol=1e-10, atol=1e-10)


# ------------------------------------------------------------------------------------------------- time laws


def test_uniform_times(flow_matching):
    """Kolmogorov-Smirnov at level 1e-6 over 20,000 draws."""
    t = flow_matching.draw_times(20_000, generator=seeded())
    assert t.dtype == F64
    assert t.shape == (20_000,)
    assert stats.kstest(t.numpy(), "uniform").pvalue > 1e-6
    assert len(t.unique()) == 20_000


@pytest.mark.parametrize("logit", [(0.0, 1.0), (0.8, 0.5), (-1.0, 2.0)])
def test_logit_normal_times_have_the_density_of_eq_19(flow_matching, logit):
    """Kolmogorov-Smirnov at level 1e-6 over 20,000 draws, against the density summed up on a grid."""
    t = flow_matching.draw_times(20_000, "logit_normal", logit, seeded())
    m, s = logit
    grid = np.linspace(0, 1, 100_001)[1:-1]
    z = np.log(grid / (1 - grid)) - m
    density = np.exp(-(z**2) / (2 * s**2)) / (s * math.sqrt(2 * math.pi) * grid * (1 - grid))
    cdf = np.cumsum(density) / 100_000
    assert cdf[-1] == pytest.approx(1, abs=0.01)
    assert stats.kstest(t.numpy(), lambda u: np.interp(u, grid, cdf / cdf[-1])).pvalue > 1e-6


def test_a_positive_mean_of_the_logit_favours_times_near_the_data(flow_matching):
    t = flow_matching.draw_times(1000, "logit_normal", (1.5, 1.0), seeded())
    assert t.mean() > 0.7


# ------------------------------------------------------------------------------------------------- the loss


@pytest.mark.parametrize("sigma_min", SIGMAS)
def test_oracle_of_the_conditional_velocity_has_loss_zero_and_an_offset_c_has_c_squared(flow_matching, sigma_min):
    """It knows x_1, so it can solve for the noise that was mixed in."""
    x_0, x_1, t = normal(8, 2, 3, 3, seed=1), normal(8, 2, 3, 3, seed=2), 0.9 * some_times(8)

    def oracle(x, t):
        a = 1 - (1 - sigma_min) * of(t)
        return x_1 - (1 - sigma_min) * (x - of(t) * x_1) / a

    assert flow_matching.loss_at(oracle, x_0, x_1, t, sigma_min).max() < 1e-24
    off = flow_matching.loss_at(lambda x, t: oracle(x, t) + 0.8, x_0, x_1, t, sigma_min)
    torch.testing.assert_close(off, torch.full((8,), 0.64, dtype=F64), rtol=1e-11, atol=0)


def test_loss_at_is_each_images_own(flow_matching):
    x_0, x_1, t = normal(3, 2, 4, 4, seed=1), normal(3, 2, 4, 4, seed=2), some_times(3)
    errors = torch.tensor([0.0, 1.0, 3.0], dtype=F64)
    loss = flow_matching.loss_at(lambda x, t: x_1 - x_0 + of(errors), x_0, x_1, t)
    torch.testing.assert_close(loss, errors**2)


@pytest.mark.parametrize("sigma_min", SIGMAS)
def test_the_marginal_velocity_minimises_the_loss_with_an_excess_of_its_squared_distance(flow_matching, sigma_min):
    """v* = E[velocity of the line | x_t] of Gaussian data. For four other fields v over 100,000 draws, the loss of v
    less that of v* less |v - v*|^2 has the mean 0, within 5 standard errors: at v* the loss is flat, and lowest."""
    n = 100_000
    x_0, x_1, t = normal(n, 1, 1, 1, seed=1), MEAN + SD * normal(n, 1, 1, 1, seed=2), some_times(n)

    def best(x, t):
        return gaussian_velocity(x, t, sigma_min=sigma_min)

    at_best = flow_matching.loss_at(best, x_0, x_1, t, sigma_min)
    for off in (
        lambda x, t: torch.ones_like(x),
        lambda x, t: x,
        lambda x, t: of(t) * x.sin(),
        lambda x, t: (1 - of(t)) * (3 * x).cos(),
    ):
        loss = flow_matching.loss_at(lambda x, t, off=off: best(x, t) + 0.5 * off(x, t), x_0, x_1, t, sigma_min)
        excess = (0.5 * off(flow_matching.path(x_0, x_1, t, sigma_min), t)).square().flatten()
        rest = loss - at_best - excess
        assert abs(rest.mean()) < 5 * rest.std() / math.sqrt(n)
        assert (loss - at_best).mean() > 10 * rest.std() / math.sqrt(n)


def test_the_marginal_velocity_of_a_mixture_is_the_conditional_expectation(flow_matching):
    """E[x_1 - x_0 | x_t] by quadrature over x_1, at four points: the field that the samplers' proofs follow."""
    x_1 = torch.linspace(-2, 2, 8001, dtype=F64)
    density = sum(w * stats.norm.pdf(x_1.numpy(), m, s) for w, m, s in zip(WEIGHTS, MEANS, SDS, strict=True))
    for x, t in ((0.3, 0.2), (-0.5, 0.6), (0.1, 0.5), (1.0, 0.8)):
        noise = (x - t * x_1) / (1 - t)
        weight = torch.as_tensor(density * stats.norm.pdf(noise.numpy()))
        lines = flow_matching.target(pixels(noise), pixels(x_1)).flatten()
        expected = (weight * lines).sum() / weight.sum()
        got = mixture_velocity(pixels([x]), torch.tensor([t], dtype=F64)).item()
        assert got == pytest.approx(expected.item(), abs=1e-8)


# ---------------------------------------------------------------------------------------------- straightness


def test_straightness_of_two_standard_normals_is_two_minus_half_pi(flow_matching):
    """v = (2t - 1) / (t^2 + (1 - t)^2) x moves N(0, 1) to N(0, 1) along curves of S = int (2t - 1)^2 / (...) dt."""
    z, grid = normal(4000, 1, 1, 1), even(100)
    z = z / z.square().mean().sqrt()
    states = torch.stack([gaussian_flow(z, t, 0.0, 1.0) for t in grid])
    assert flow_matching.straightness(states, grid).item() == pytest.approx(2 - math.pi / 2, rel=1e-3)


def test_straightness_is_zero_at_constant_speed_and_only_there(flow_matching):
    z, d, uneven = normal(3, 1, 2, 2, seed=1), normal(3, 1, 2, 2, seed=2), [0.0, 0.1, 0.4, 1.0]
    states = torch.stack([z + t * d for t in uneven])
    assert flow_matching.straightness(states, uneven) < 1e-28
    hasty = torch.stack([z + t**2 * d for t in uneven])
    share = sum((b - a) * (1 - (b**2 - a**2) / (b - a)) ** 2 for a, b in pairwise(uneven))
    assert flow_matching.straightness(hasty, uneven).item() == pytest.approx(
        share * d.square().mean().item(), rel=1e-12
    )


def test_what_the_flow_saves_is_its_straightness_and_the_crossings(flow_matching):
    """E|x_1 - x_0|^2 - E|z_1 - z_0|^2 = S(z) + E|x_1 - x_0 - v(x_t, t)|^2 (Section 3.3 of Liu et al.), for the mixture:
    20,000 paths, within 5 standard errors and 0.003 for the steps."""
    n, grid = 20_000, even(60)
    x_0, x_1, t = normal(n, 1, 1, 1, seed=1), mixture_samples(n, seeded(2)), some_times(n)
    states = torch.stack([z for _, z in trajectory(mixture_velocity, x_0, grid, "midpoint")])
    crossings = flow_matching.loss_at(mixture_velocity, x_0, x_1, t)
    saved = (x_1 - x_0).square().flatten() - (states[-1] - x_0).square().flatten()
    rest = saved - crossings
    assert rest.mean().item() == pytest.approx(
        flow_matching.straightness(states, grid).item(), abs=5 * rest.std().item() / math.sqrt(n) + 0.003
    )


def test_a_flow_with_the_marginal_velocity_keeps_the_law_of_the_path(flow_matching):
    """Half way, states of the mixture's flow and points of the lines have one law (two-sample test at level 1e-6)."""
    n = 5000
    half = [t / 2 for t in even(40)]
    z = integrate(mixture_velocity, normal(n, 1, 1, 1, seed=1), half, "midpoint")
    x = flow_matching.path(normal(n, 1, 1, 1, seed=2), mixture_samples(n, seeded(3)), torch.full((n,), 0.5, dtype=F64))
    assert stats.ks_2samp(z.flatten().numpy(), x.flatten().numpy()).pvalue > 1e-6


@pytest.mark.parametrize("mean", [MEAN, WEIGHTS @ MEANS])
def test_one_euler_step_lands_on_the_mean_of_the_data(flow_matching, mean):
    """At t = 0 x_t is the noise and says nothing of the data: the minimiser of the loss there is E[x_1] - x_0. Of all
    numbers for the mean, the true one has the smallest loss; and the known velocities agree."""
    velocity = gaussian_velocity if mean == MEAN else mixture_velocity
    z = normal(5000, 1, 1, 1, seed=1)
    torch.testing.assert_close(integrate(velocity, z, even(1)), torch.full_like(z, mean), rtol=0, atol=1e-12)
    x_1 = MEAN + SD * normal(5000, 1, 1, 1, seed=2) if mean == MEAN else mixture_samples(5000, seeded(2))
    t = torch.zeros(5000, dtype=F64)
    losses = [flow_matching.loss_at(lambda x, t, m=m: m - x, z, x_1, t).mean() for m in (mean - 0.1, mean, mean + 0.1)]
    assert min(losses) == losses[1]


def test_told_t_itself_most_of_the_embedding_would_stand_still(flow_matching):
    """From t = 0 to t = 1, 26 of 32 numbers move by less than 0.1; told 1000 t, 2 of them."""

    def still(scale: float) -> int:
        t = torch.linspace(0, 1, 1001, dtype=F64)
        return int(((e := time_embedding(scale * t, 32)).max(dim=0).values - e.min(dim=0).values < 0.1).sum())

    assert still(1.0) == 26
    assert still(flow_matching.TIME_SCALE) == 2


# -------------------------------------------------------------------------------------- the method as it is run


class Spy(torch.nn.Module):
    """Returns its weight times the images, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(0.3))
        self.asked = []

    def forward(self, x, t, labels=None):
        self.asked.append((x.detach(), t, labels))
        return self.weight * x + (0 if labels is None else 0.1 * labels.reshape(-1, 1, 1, 1))


def toy(flow_matching, classes: int = 3, **settings):
    """The method for one-pixel images, with a network that can be watched."""
    torch.manual_seed(0)
    method = flow_matching.FlowMatching(
        flow_matching.FlowMatchingConfig(width=16, **settings), Spec((1, 1, 1), classes, 0)
    )
    method.model = Spy()
    return method, method.model.asked


def test_the_network_is_told_1000_t_and_sees_the_path_at_t(flow_matching):
    """At x_1 = 1 with hardly any noise left the pixel is t itself."""
    method, asked = toy(flow_matching, sigma_min=1e-9)
    x_1 = 1e6 * torch.ones(500, 1, 1, 1)
    method.loss(Batch(x_1, torch.zeros(500).long()), seeded())
    ((x, t, _),) = asked
    np.testing.assert_allclose(x.flatten() / 1e6, t / 1000, atol=1e-5)
    assert stats.kstest((t / 1000).numpy(), "uniform").pvalue > 1e-6


def test_the_loss_draws_its_times_noise_and_sigma_as_the_settings_say(flow_matching):
    """With x_1 = 0 what the network sees is the noise: (1 - (1 - sigma_min) t) x_0."""
    method, asked = toy(flow_matching, sigma_min=0.25, time_law="logit_normal", logit=(1.0, 0.5))
    loss = method.loss(Batch(torch.zeros(10_000, 1, 1, 1), torch.zeros(10_000).long()), seeded())
    ((x, told, labels),) = asked
    t = told / 1000
    assert stats.kstest(torch.logit(t).numpy(), "norm", args=(1.0, 0.5)).pvalue > 1e-6
    noise = x.flatten().double() / (1 - 0.75 * t)
    assert stats.kstest(noise.numpy(), "norm").pvalue > 1e-6
    guess = 0.3 * x.flatten() + 0.1 * labels
    assert loss.item() == pytest.approx((guess + 0.75 * noise).square().mean().item(), rel=1e-5)


def test_labels_reach_the_network_and_a_tenth_of_them_are_dropped(flow_matching):
    method, asked = toy(flow_matching)
    labels = torch.arange(10_000) % 3
    method.loss(Batch(torch.zeros(10_000, 1, 1, 1), labels), seeded())
    told = asked[0][2]
    dropped = told == 3
    assert abs(dropped.double().mean() - 0.1) < 5 * math.sqrt(0.09 / 10_000)
    assert torch.equal(told[~dropped], labels[~dropped])
    method, asked = toy(flow_matching, classes=0)
    method.loss(Batch(torch.zeros(4, 1, 1, 1), torch.zeros(4).long()), seeded())
    method.sample(4, None, seeded())
    assert all(labels is None for _, _, labels in asked)


def test_samples_are_where_the_flow_ends(flow_matching):
    """From standard normal noise, by the solver and the steps of the settings, towards the classes asked for."""
    for solver, steps in (("euler", 7), ("midpoint", 3), ("heun", 2)):
        method, asked = toy(flow_matching, solver=solver, sampling_steps=steps)
        labels = torch.arange(4000) % 3
        x = method.sample(4000, labels, seeded())
        noise = asked[0][0]
        assert stats.kstest(noise.flatten().numpy(), "norm").pvalue > 1e-6
        assert all(torch.equal(told, labels) for _, _, told in asked)
        expected = integrate(lambda x, t, y=labels: 0.3 * x + 0.1 * y.reshape(-1, 1, 1, 1), noise, even(steps), solver)
        torch.testing.assert_close(x, expected)
        assert not x.requires_grad


def test_guidance_is_followed_when_sampling_and_only_then(flow_matching):
    """Eq. (6) of Ho & Salimans; the spy says 0.3 x + 0.1 y of class y, and 0.3 x of any."""
    method, asked = toy(flow_matching, guidance=2.0)
    x, t, y = normal(5, 1, 1, 1), some_times(5), torch.tensor([0, 1, 2, 1, 0])
    torch.testing.assert_close(method.velocity(y)(x, t), 0.3 * x + 0.3 * y.reshape(-1, 1, 1, 1), check_dtype=False)
    torch.testing.assert_close(method.velocity(None)(x, t), 0.3 * x, check_dtype=False)
    assert len(asked) == 3
    method.loss(Batch(torch.zeros(5, 1, 1, 1), y), seeded())
    assert len(asked) == 4


def test_watch_sees_every_step(flow_matching):
    method, _ = toy(flow_matching, sampling_steps=5)
    seen = []

    def watch(steps, total):
        seen.append(total)
        for step in steps:
            seen.append(step[0])
            yield step

    method.sample(2, None, seeded(), watch)
    assert seen == [6, *even(5)]


def test_steps_are_shown_from_the_same_noise_for_each_class_in_turn(flow_matching):
    method, asked = toy(flow_matching)
    steps = method.pictures(toy_data(), seeded())["steps"]
    assert steps.shape == (5, 10, 1, 1, 1)
    noise = torch.randn(10, 1, 1, 1, generator=seeded())
    labels = torch.arange(10) % 3
    assert all(torch.equal(told, labels) for _, _, told in asked)
    for row, n in zip(steps, (1, 2, 4, 8, 32), strict=True):
        expected = integrate(lambda x, t: 0.3 * x + 0.1 * labels.reshape(-1, 1, 1, 1), noise, even(n))
        torch.testing.assert_close(row, expected)


def toy_data() -> Data:
    x, y = torch.rand(40, 1, 4, 4, generator=seeded()) * 2 - 1, torch.arange(40) % 3
    return Data("toy", x[:30], y[:30], x[30:], y[30:])


def test_numbers_are_on_fixed_times_and_noise_and_are_what_they_say(flow_matching):
    """A zero velocity has the loss E|x_1 - x_0|^2 = 1 + E x_1^2, and straight paths of length 0."""
    torch.manual_seed(0)
    data = toy_data()
    method = flow_matching.FlowMatching(flow_matching.FlowMatchingConfig(width=16), Spec((1, 4, 4), 3, 0))
    y = torch.arange(30) % 3
    first, again = (method.evaluate(data, data.train, y, seeded()) for _ in range(2))
    assert first == again
    assert first["held_out_loss"] == pytest.approx(1 + data.held_out.square().mean().item(), abs=0.15)
    assert first["straightness"] == 0
    assert first["frechet"] == first["frechet_real"]


def test_evaluation_asks_for_the_held_out_classes_and_follows_the_samplers_flow(flow_matching):
    """The spy's flow of class y is z_t = (z_0 + y/3) e^{0.3 t} - y/3 without guidance: its S in closed form."""
    method, asked = toy(flow_matching)
    n, x = 40, torch.rand(40, 1, 1, 1, generator=seeded())
    y = torch.arange(n) % 3
    data = Data("toy", x, y, x, y)
    numbers = method.evaluate(data, x, y, seeded())
    assert all(told is None or torch.equal(told, y) for _, _, told in asked)
    assert sorted({t[0].item() for _, t, _ in asked[:11]}) == pytest.approx([100 * i for i in range(11)])
    start = asked[11][0].double()
    t = torch.linspace(0, 1, 2001, dtype=F64)
    speed = 0.3 * (start.flatten() + y / 3) * (0.3 * t[:, None]).exp()
    end = (start.flatten() + y / 3) * math.exp(0.3) - y / 3
    expected = torch.trapezoid(((end - start.flatten()) - speed).square().mean(dim=1), t)
    assert numbers["straightness"] == pytest.approx(expected.item(), rel=0.06)


def test_gradient_of_the_loss_equals_finite_differences(flow_matching):
    """In float64, along two random directions through all the weights of a small U-Net."""
    torch.manual_seed(0)
    method = flow_matching.FlowMatching(flow_matching.FlowMatchingConfig(width=16), Spec((1, 4, 4), 3, 0))
    net, batch = shaken(method.model.double()), Batch(normal(4, 1, 4, 4), torch.tensor([0, 1, 2, 0]))
    (player,) = method.players()
    for slope, difference in slopes(lambda: player.loss(batch, seeded(5)), list(net.parameters()), tries=2):
        assert slope == pytest.approx(difference, rel=1e-5)


@pytest.mark.parametrize("network", ["unet", "dit"])
@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (3, 1, 7, 5)])
def test_batch_of_one_odd_sizes_and_either_network(flow_matching, shape, network):
    torch.manual_seed(0)
    config = flow_matching.FlowMatchingConfig(width=16, network=network, sampling_steps=1)
    method = flow_matching.build(config, Spec(shape[1:], 2, 0), torch.device("cpu"))
    (player,) = method.players()
    assert player.loss(Batch(torch.zeros(shape), torch.zeros(shape[0]).long()), seeded()).shape == ()
    assert method.sample(shape[0], torch.ones(shape[0]).long(), seeded()).shape == shape


def test_settings_reach_the_network(flow_matching):
    config = flow_matching.FlowMatchingConfig(width=32, patch=2, network="dit")
    method = flow_matching.FlowMatching(config, Spec((1, 4, 4), 5, 0))
    assert (type(method.model).__name__, method.model.width, method.model.patch) == ("DiT", 32, 2)
    assert (method.model.classes, method.classes) == (5, 5)


def test_same_seed_same_bits_and_nothing_from_the_global_generator(flow_matching):
    torch.manual_seed(0)
    config = flow_matching.FlowMatchingConfig(width=16, sampling_steps=1, time_law="logit_normal")
    method = flow_matching.FlowMatching(config, Spec((1, 4, 4), 3, 0))
    shaken(method.model)
    batch = Batch(torch.rand(5, 1, 4, 4), torch.tensor([0, 1, 2, 0, 1]))
    uniform = toy(flow_matching)[0]
    for draw in (
        lambda g: method.sample(3, None, g),
        lambda g: method.loss(batch, g),
        lambda g: uniform.loss(Batch(batch.x[:, :, :1, :1], batch.labels), g),
        lambda g: uniform.pictures(toy_data(), g)["steps"],
    ):
        torch.manual_seed(1)
        first = draw(seeded(1))
        torch.manual_seed(2)
        assert torch.equal(draw(seeded(1)), first)
        assert not torch.equal(draw(seeded(2)), first)


# ------------------------------------------------------------------------------------------------- messages


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("sigma_min", -0.1, r"a standard deviation in \[0, 1\)"),
        ("sigma_min", 1.0, r"a standard deviation in \[0, 1\)"),
        ("logit", (0.0, 0.0), "a mean and a standard deviation > 0"),
        ("logit", (math.inf, 1.0), "a mean and a standard deviation > 0"),
        ("p_uncond", 1.0, r"a probability in \[0, 1\)"),
        ("p_uncond", -0.1, r"a probability in \[0, 1\)"),
        ("guidance", -1.5, "a strength w >= -1"),
        ("sampling_steps", 0, "a number of steps >= 1"),
    ],
)
def test_bad_settings_name_field_value_and_what_is_expected(flow_matching, field, value, expected):
    with pytest.raises(ValueError, match=f"{field} is .*; expected {expected}"):
        flow_matching.FlowMatchingConfig(**{field: value})


def test_unknown_laws_solvers_shapes_and_grids_are_refused(flow_matching):
    with pytest.raises(ValueError, match='time_law is \'normal\'; expected "uniform" or "logit_normal"'):
        unchecked(flow_matching.draw_times)(3, "normal")
    raw = object.__new__(flow_matching.FlowMatchingConfig)
    for field, value in (("time_law", "normal"), ("solver", "rk4")):
        for name, default in flow_matching.FlowMatchingConfig().__dict__.items():
            object.__setattr__(raw, name, default)
        object.__setattr__(raw, field, value)
        with pytest.raises(ValueError, match=f"{field} is '{value}'"):
            unchecked(flow_matching.FlowMatchingConfig.__post_init__)(raw)
    x, t = normal(2, 1, 3, 3), some_times(2)
    with pytest.raises(ValueError, match="expected the images' shape"):
        flow_matching.loss_at(lambda x, t: x[:, :, :1], x, x, t)
    for grid in ([0.0, 0.5, 1.0], [0.0, 0.5]):
        with pytest.raises(ValueError, match=r"grid is .*; expected 2 times, one for each state, from 0 to 1"):
            flow_matching.straightness(torch.stack([x, x]), grid)
