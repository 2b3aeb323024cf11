"""Proofs of ddim.py: against DDPM's own chain, closed forms of Gaussian data, and formulas written out once more.

Statistical bounds are stated as numbers of standard errors; seeds are fixed, so a test that passes once passes always.
"""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import stats

from tests.reference_impl.diffusion.laws import MEANS, SDS, band, gaussian_noise, mixture_cdf, mixture_noise
from tests.reference_impl.diffusion.toys import F64, every_t, normal, pixels, rough, seeded, unchecked

KINDS = ["eps", "x_0", "v"]


def each(t: int, n: int = 1) -> torch.Tensor:
    return torch.full((n,), t)


def as_kind(schedule, kind: str, eps_theta):
    """The same knowledge, told as x_0 or as v."""

    def predict(x_t, t):
        abar = schedule.alpha_bar[t].reshape(-1, 1, 1, 1).to(x_t.dtype)
        eps = eps_theta(x_t, t)
        x_0 = (x_t - (1 - abar).sqrt() * eps) / abar.sqrt()
        return {"eps": eps, "x_0": x_0, "v": abar.sqrt() * eps - (1 - abar).sqrt() * x_0}[kind]

    return predict


# ------------------------------------------------------------------------------------------------- the times


def test_times_are_the_papers(ddim):
    """Appendix D.2: floor(c i) and floor(c i^2), with c so that the last is T."""
    assert ddim.spread(1000, 10) == list(range(100, 1001, 100))
    assert ddim.spread(10, 3) == [3, 6, 10]
    assert ddim.spread(100, 10, "quadratic") == [i * i for i in range(1, 11)]
    assert ddim.spread(1000, 7, "quadratic") == [math.floor(1000 / 49 * i * i) for i in range(1, 7)] + [1000]


@pytest.mark.parametrize("spacing", ["linear", "quadratic"])
def test_times_increase_from_1_or_later_to_T_however_many_there_are(ddim, spacing):
    for T in (1, 2, 9, 100, 1000):
        for steps in {1, min(2, T), (T + 1) // 2, T}:
            tau = ddim.spread(T, steps, spacing)
            assert len(tau) == steps
            assert tau[0] >= 1
            assert tau[-1] == T
            assert all(a < b for a, b in pairwise(tau))
        assert ddim.spread(T, T, spacing) == list(range(1, T + 1))


def test_quadratic_times_that_the_floor_makes_equal_are_moved_to_the_next_free_one(ddim):
    tau = ddim.spread(1000, 100, "quadratic")  # c = 0.1: floors 0, 0, 0, 1, 2, 3, 4, 6, 8, 10, 12, 14, ...
    assert tau[:9] == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert tau[9:] == [i * i // 10 for i in range(10, 101)]


# ---------------------------------------------------------------------------------------------- sigma and q


def test_sigma_is_eq_16_and_at_eta_1_ddpms_beta_tilde(process, ddpm, ddim):
    s, beta = rough(process)
    abar = np.cumprod(1 - beta)
    for eta in (0.0, 0.3, 1.0):
        for now, then in ((9, 8), (9, 3), (5, 1), (2, 1)):
            a, b = abar[now - 1], abar[then - 1]
            expected = eta * math.sqrt((1 - b) / (1 - a) * (1 - a / b))
            assert ddim.sigma(s, each(now), each(then), eta).item() == pytest.approx(expected, rel=1e-13, abs=0)
    t = every_t(9)
    torch.testing.assert_close(ddim.sigma(s, t, t - 1, 1.0), ddpm.sigma(s, t, "beta_tilde"), rtol=1e-12, atol=1e-15)


def test_step_to_time_0_has_no_noise_whatever_eta(process, ddim):
    s = process.Schedule.linear()
    assert torch.equal(ddim.sigma(s, every_t(1000), torch.zeros(1000).long(), 1.0), torch.zeros(1000, dtype=F64))


def test_q_at_eta_1_is_ddpms_posterior(process, ddim):
    """Eq. (7) of the one is Eqs. (6) and (7) of the other, at each t."""
    s, _ = rough(process)
    t, x_0, eps = every_t(9), normal(9, 1, 2, 2, seed=1), normal(9, 1, 2, 2, seed=2)
    mean, variance = process.q_posterior(s, x_0, process.q_sample(s, x_0, t, eps), t)
    ours, deviation = ddim.q_sigma(s, x_0, eps, t, t - 1, 1.0)
    torch.testing.assert_close(ours, mean, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(deviation**2, variance, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
def test_marginals_of_the_process_are_those_of_ddpm_for_every_eta(process, ddim, eta):
    """Lemma 1, exactly: from x_t ~ q(x_t | x_0), x_s has the share sqrt(abar_s) of x_0 and the variance 1 - abar_s."""
    s, beta = rough(process)
    abar = np.array([1, *np.cumprod(1 - beta)])
    for now, then in ((9, 8), (9, 2), (6, 1), (4, 3), (3, 0), (1, 0)):
        one, zero = pixels([1.0]), pixels([0.0])
        of_x_0, deviation = ddim.q_sigma(s, one, zero, each(now), each(then), eta)
        of_eps, _ = ddim.q_sigma(s, zero, one, each(now), each(then), eta)
        assert of_x_0.item() == pytest.approx(math.sqrt(abar[then]), rel=1e-14)
        assert of_eps.item() ** 2 + deviation.item() ** 2 == pytest.approx(1 - abar[then], rel=1e-13)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_whole_chains_that_know_x_0_have_those_marginals(process, ddim, eta):
    """100,000 chains from q(x_9 | x_0) down by Eq. (7): mean and variance of x_2 within 5 standard errors."""
    s, beta = rough(process)
    n, x_0 = 100_000, 0.7
    data, abar = torch.full((n, 1, 1, 1), x_0, dtype=F64), np.cumprod(1 - beta)
    x, g = process.q_sample(s, data, each(9, n), normal(n, 1, 1, 1)), seeded(1)
    for now, then in ((9, 6), (6, 5), (5, 2)):
        eps = (x - math.sqrt(abar[now - 1]) * data) / math.sqrt(1 - abar[now - 1])
        mean, deviation = ddim.q_sigma(s, data, eps, each(now, n), each(then, n), eta)
        x = mean + deviation.reshape(-1, 1, 1, 1) * torch.randn(x.shape, generator=g, dtype=F64)
    var = 1 - abar[1]
    assert abs(x.mean().item() - math.sqrt(abar[1]) * x_0) < 5 * math.sqrt(var / n)
    assert abs(x.var().item() - var) < 5 * var * math.sqrt(2 / n)


# ---------------------------------------------------------------------------------------------------- guess


@pytest.mark.parametrize("kind", KINDS)
def test_guess_finds_the_data_and_the_noise_in_what_an_oracle_says(process, ddim, kind):
    s, _ = rough(process)
    t, x_0, eps = every_t(9), normal(9, 2, 3, 3, seed=1), normal(9, 2, 3, 3, seed=2)
    x_t = process.q_sample(s, x_0, t, eps)
    predict = as_kind(s, kind, lambda x, t: eps)
    got_x_0, got_eps = ddim.guess(s, predict, x_t, t, kind)
    torch.testing.assert_close(got_x_0, x_0, rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(got_eps, eps, rtol=1e-11, atol=1e-11)


def test_a_limited_guess_stays_in_range_and_its_noise_still_mixes_to_x_t(process, ddim):
    s, _ = rough(process)
    t, x_t, said = every_t(9), normal(9, 1, 4, 4, seed=1), normal(9, 1, 4, 4, seed=2)
    free, _ = ddim.guess(s, lambda x, t: said, x_t, t, "v")
    x_0, eps = ddim.guess(s, lambda x, t: said, x_t, t, "v", limit=0.8)
    assert free.abs().max() > 1.5
    assert torch.equal(x_0, free.clamp(-0.8, 0.8))
    torch.testing.assert_close(process.q_sample(s, x_0, t, eps), x_t, rtol=1e-11, atol=1e-11)


# ------------------------------------------------------------------------------------------------- sampling


@pytest.mark.parametrize("kind", KINDS)
def test_at_eta_1_it_is_ddpm_step_for_step(process, ddpm, ddim, kind):
    """All times, the same noise drawn: the chain of Algorithm 2 with beta~, state by state."""
    s, _ = rough(process)
    eps_theta = gaussian_noise(s)
    theirs = list(ddpm.trajectory(s, eps_theta, (3, 1, 4, 4), seeded(), "beta_tilde", F64))
    g = seeded()
    x_T = torch.randn((3, 1, 4, 4), generator=g, dtype=F64)
    ours = list(ddim.trajectory(s, as_kind(s, kind, eps_theta), x_T, range(1, 10), 1.0, kind, g))
    assert [t for t, _ in ours] == [t for t, _ in theirs] == list(range(9, -1, -1))
    for (_, x), (_, y) in zip(ours, theirs, strict=True):
        torch.testing.assert_close(x, y, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_a_short_rough_chain_has_the_law_carried_by_hand(process, ddim, eta):
    """Gaussian data and big steps over tau = (2, 5, 9): Eq. (12) is linear, so mean and variance can be carried from
    x_9 to x_0; 200,000 samples agree within 5 standard errors."""
    s, beta = rough(process)
    abar, mean, var, n = np.array([1, *np.cumprod(1 - beta)]), 0.6, 0.25, 200_000
    m, v = 0.0, 1.0
    for now, then in ((9, 5), (5, 2), (2, 0)):
        a, b = abar[now], abar[then]
        noise = eta**2 * (1 - b) / (1 - a) * (1 - a / b)
        slope = math.sqrt(1 - a) / (a * var + 1 - a)  # eps = slope (x - sqrt(a) mean)
        by_eps = math.sqrt(1 - b - noise) - math.sqrt(b / a) * math.sqrt(1 - a)
        gain = math.sqrt(b / a) + by_eps * slope
        m, v = gain * m - by_eps * slope * math.sqrt(a) * mean, gain**2 * v + noise
    x_T = normal(1, 1, 400, 500, seed=4)
    x = ddim.decode(s, gaussian_noise(s, mean, var), x_T, [2, 5, 9], eta, "eps", seeded(1))
    assert abs(x.mean().item() - m) < 5 * math.sqrt(v / n)
    assert abs(x.var().item() - v) < 5 * v * math.sqrt(2 / n)


@pytest.mark.parametrize(("eta", "kind"), [(0.0, "eps"), (0.5, "v"), (1.0, "x_0")])
def test_sampling_recovers_a_mixture(process, ddim, eta, kind):
    """Kolmogorov-Smirnov distance over 6,400 samples of 100 steps below its 1e-6 quantile plus 0.02 for the steps."""
    s, n = process.Schedule.linear(), 6_400
    predict = as_kind(s, kind, mixture_noise(s))
    x_T = normal(1, 1, 80, 80)
    x = ddim.decode(s, predict, x_T, ddim.spread(1000, 100), eta, kind, seeded(1)).flatten().numpy()
    assert stats.kstest(x, mixture_cdf).statistic < band(n) + 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_a_gaussian_is_recovered_by_few_steps(process, ddim, kind):
    """50 steps without noise: mean within 0.01 and standard deviation within 3 % of N(0.6, 0.5^2), beyond what 40,000
    samples leave open."""
    s = process.Schedule.cosine()
    x = ddim.decode(s, as_kind(s, kind, gaussian_noise(s)), normal(1, 1, 200, 200), ddim.spread(1000, 50), 0.0, kind)
    assert abs(x.mean().item() - 0.6) < 0.01 + 5 * 0.5 / 200
    assert abs(x.std().item() - 0.5) < 0.015 + 5 * 0.5 / 200 / math.sqrt(2)


def test_without_noise_it_is_a_function_of_x_T(process, ddim):
    """eta = 0 draws nothing: the generator is left as it was, and other seeds lead to the same bits."""
    s, _ = rough(process)
    x_T, g = normal(2, 1, 3, 3), seeded()
    before = g.get_state()
    x = ddim.decode(s, gaussian_noise(s), x_T, [3, 9], 0.0, "eps", g)
    assert torch.equal(g.get_state(), before)
    assert torch.equal(ddim.decode(s, gaussian_noise(s), x_T, [3, 9], 0.0, "eps", seeded(5)), x)
    assert not torch.equal(ddim.decode(s, gaussian_noise(s), x_T, [3, 9], 0.5, "eps", seeded(5)), x)


def test_the_last_step_adds_no_noise(process, ddim):
    s, _ = rough(process)
    x_1 = normal(4, 1, 3, 3)
    g = seeded(1)
    before = g.get_state()
    x = [ddim.decode(s, lambda x, t: 0.5 * x, x_1, [1], 1.0, "eps", one) for one in (g, seeded(2))]
    assert torch.equal(g.get_state(), before)
    assert torch.equal(x[0], x[1])
    torch.testing.assert_close(x[0], (x_1 - 0.5 * s.beta[1].sqrt() * x_1) / s.alpha[1].sqrt())


def test_it_asks_once_at_each_time_of_tau_and_at_no_other(process, ddim):
    s, asked, watched = rough(process)[0], [], []

    def predict(x_t, t):
        asked.append((t.tolist(), tuple(x_t.shape)))
        return torch.zeros_like(x_t)

    def watch(steps, total):
        watched.append(total)
        return steps

    x_T = normal(2, 1, 3, 3)
    states = list(ddim.trajectory(s, predict, x_T, [2, 3, 7]))
    assert [t for t, _ in states] == [7, 3, 2, 0]
    assert torch.equal(states[0][1], x_T)
    assert asked == [([t, t], (2, 1, 3, 3)) for t in (7, 3, 2)]
    assert torch.equal(ddim.decode(s, predict, x_T, [2, 3, 7], watch=watch), states[-1][1])
    assert watched == [4] == [len(states)]


def test_samples_start_from_the_standard_normal_and_come_from_the_generator_alone(process, ddim):
    s, seen = rough(process)[0], []

    def predict(x_t, t):
        seen.append(x_t)
        return 0.1 * x_t

    outcomes = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        outcomes.append(ddim.sample(s, predict, (1, 1, 60, 60), [4, 9], 1.0, "eps", seeded()))
    assert torch.equal(outcomes[0], outcomes[1])
    assert not torch.equal(outcomes[0], ddim.sample(s, predict, (1, 1, 60, 60), [4, 9], 1.0, "eps", seeded(1)))
    assert stats.kstest(seen[0].flatten().numpy(), "norm").pvalue > 1e-6
    assert outcomes[0].dtype == torch.float32


def test_arguments_reach_the_steps(process, ddim):
    """`sample` is `decode` of its own noise, with the same prediction, noise and limit."""
    s, shape = rough(process)[0], (2, 1, 3, 3)
    for eta, kind, limit in ((0.0, "eps", None), (0.7, "v", None), (1.0, "x_0", 0.3)):
        g = seeded()
        x_T = torch.randn(shape, generator=g)
        expected = ddim.decode(s, lambda x, t: 0.9 * x, x_T, [4, 9], eta, kind, g, limit)
        x = ddim.sample(s, lambda x, t: 0.9 * x, shape, [4, 9], eta, kind, seeded(), limit)
        assert torch.equal(x, expected)
        assert x.abs().max() <= (limit or math.inf)


def test_sampling_and_encoding_keep_no_gradient(process, ddim):
    s, weight, x = rough(process)[0], torch.ones(1, requires_grad=True), torch.ones(1, 1, 2, 2)
    assert not ddim.sample(s, lambda x, t: weight * x, (1, 1, 2, 2), [9]).requires_grad
    assert not ddim.encode(s, lambda x, t: weight * x, x, [9]).requires_grad


@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (3, 2, 7, 5), (5, 1, 1, 1)])
def test_batch_of_one_and_odd_sizes(process, ddim, shape):
    s = rough(process)[0]
    x = ddim.sample(s, lambda x, t: 0.1 * x, shape, [9])
    assert x.shape == ddim.encode(s, lambda x, t: 0.1 * x, x, [9]).shape == shape
    assert ddim.slerp(x, 1 - 2 * x, 0.3).shape == shape


# ------------------------------------------------------------------------------------------------ there and back


def test_a_step_without_noise_is_an_euler_step_of_the_ode(process, ddim):
    """Eq. (13) from Eq. (12), at every pair of times; x / sqrt(abar) moves by the change of r times the noise."""
    s, beta = rough(process)
    abar, x_t, eps = np.array([1, *np.cumprod(1 - beta)]), normal(1, 1, 2, 2, seed=1), normal(1, 1, 2, 2, seed=2)
    r = np.sqrt((1 - abar) / abar)
    for now in range(1, 10):
        for then in range(10):
            x_s = ddim.euler(s, x_t, eps, each(now), each(then))
            expected = x_t / math.sqrt(abar[now]) + (r[then] - r[now]) * eps
            torch.testing.assert_close(x_s / math.sqrt(abar[then]), expected, rtol=1e-11, atol=1e-11)
            if then < now:
                x_0, _ = ddim.guess(s, lambda x, t: eps, x_t, each(now))
                mean, _ = ddim.q_sigma(s, x_0, eps, each(now), each(then))
                torch.testing.assert_close(x_s, mean, rtol=1e-11, atol=1e-11)


def errors(process, ddim, way: str) -> list[float]:
    """How far 25, 50, 100 steps are from where they should lead: the closed form of the ODE for Gaussian data
    ("encode", "decode"), or, for data of the mixture, the data that were encoded ("back")."""
    s, mean, var = process.Schedule.linear(), 0.6, 0.25
    abar, z = s.alpha_bar[1000], normal(1, 1, 10, 10)
    x_0, x_T = mean + math.sqrt(var) * z, abar.sqrt() * mean + (abar * var + 1 - abar).sqrt() * z
    found = []
    mixed = torch.where(z < 0, MEANS[0] + SDS[0] * z, MEANS[1] + SDS[1] * z)
    for steps in (25, 50, 100):
        tau = ddim.spread(1000, steps)
        if way == "encode":
            gap = ddim.encode(s, gaussian_noise(s, mean, var), x_0, tau) - x_T
        elif way == "decode":
            gap = ddim.decode(s, gaussian_noise(s, mean, var), x_T, tau) - x_0
        else:
            gap = ddim.decode(s, mixture_noise(s), ddim.encode(s, mixture_noise(s), mixed, tau), tau) - mixed
        found.append(gap.abs().max().item())
    return found


@pytest.mark.parametrize(("way", "most"), [("encode", 0.1), ("decode", 0.06), ("back", 0.2)])
def test_without_noise_it_is_a_method_of_first_order(process, ddim, way, most):
    """Each doubling of the steps halves the error, and at 100 steps it is small: encoding and decoding against the
    closed form of the ODE, and encoding followed by decoding against the identity."""
    found = errors(process, ddim, way)
    orders = [math.log2(a / b) for a, b in pairwise(found)]
    assert found[-1] < most
    assert all(0.65 < order < 1.4 for order in orders), (found, orders)


def test_encoding_is_the_chain_carried_by_hand(process, ddim):
    """Gaussian data and big steps from 0 over tau = (2, 5, 9): xbar = x / sqrt(abar) and r, number by number."""
    s, beta = rough(process)
    abar, x = np.array([1, *np.cumprod(1 - beta)]), np.array([-0.8, 0.1, 1.3])
    r = np.sqrt((1 - abar) / abar)
    for now, then in ((0, 2), (2, 5), (5, 9)):
        a = abar[max(now, 1)]
        eps = math.sqrt(1 - a) * (x - math.sqrt(a) * 0.6) / (a * 0.25 + 1 - a)
        x = math.sqrt(abar[then]) * (x / math.sqrt(abar[now]) + (r[then] - r[now]) * eps)
    got = ddim.encode(s, gaussian_noise(s, 0.6, 0.25), pixels([-0.8, 0.1, 1.3]), [2, 5, 9])
    np.testing.assert_allclose(got.flatten(), x, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_encoding_is_the_same_whatever_is_predicted(process, ddim, kind):
    s, x_0 = rough(process)[0], normal(2, 1, 3, 3)
    expected = ddim.encode(s, gaussian_noise(s), x_0, [1, 4, 9])
    got = ddim.encode(s, as_kind(s, kind, gaussian_noise(s)), x_0, [1, 4, 9], kind)
    torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-10)


def test_encoding_asks_at_1_for_the_noise_of_the_data_and_then_at_each_time_but_the_last(process, ddim):
    s, asked = rough(process)[0], []

    def predict(x_t, t):
        asked.append((t.tolist(), x_t))
        return torch.zeros_like(x_t)

    x_0 = normal(2, 1, 3, 3)
    ddim.encode(s, predict, x_0, [2, 5, 9])
    assert [t for t, _ in asked] == [[1, 1], [2, 2], [5, 5]]
    assert torch.equal(asked[0][1], x_0)


# -------------------------------------------------------------------------------------------- interpolation


def test_slerp_walks_a_great_circle(ddim):
    """In the plane the angle is walked evenly at constant length: by complex numbers."""
    start, end = 0.3, 2.1
    a, b = (torch.tensor([math.cos(u), math.sin(u)], dtype=F64).reshape(1, 2, 1, 1) for u in (start, end))
    for share in (0.0, 0.25, 0.5, 0.9, 1.0):
        angle = start + share * (end - start)
        expected = torch.tensor([math.cos(angle), math.sin(angle)], dtype=F64)
        torch.testing.assert_close(ddim.slerp(a, b, share).flatten(), expected, rtol=1e-12, atol=1e-12)


def test_slerp_of_noise_keeps_its_variance_which_the_straight_line_halves(ddim):
    a, b = normal(4, 1, 100, 100, seed=1), normal(4, 1, 100, 100, seed=2)
    for share in (0.2, 0.5, 0.8):
        assert (ddim.slerp(a, b, share).var(dim=(1, 2, 3)) - 1).abs().max() < 0.05
    assert (((a + b) / 2).var(dim=(1, 2, 3)) - 0.5).abs().max() < 0.05


def test_slerp_is_each_images_own_and_begins_and_ends_at_the_given_points(ddim):
    a, b = normal(3, 1, 2, 2, seed=1), 3 * normal(3, 1, 2, 2, seed=2)
    torch.testing.assert_close(ddim.slerp(a, b, 0.0), a)
    torch.testing.assert_close(ddim.slerp(a, b, 1.0), b)
    alone = torch.cat([ddim.slerp(a[i : i + 1], b[i : i + 1], 0.3) for i in range(3)])
    torch.testing.assert_close(ddim.slerp(a, b, 0.3), alone)


def test_slerp_between_points_of_one_direction_is_straight(ddim):
    a = normal(2, 1, 2, 2).float()
    torch.testing.assert_close(ddim.slerp(a, a, 0.3), a)
    torch.testing.assert_close(ddim.slerp(a, 3 * a, 0.5), 2 * a)


# ------------------------------------------------------------------------------------ precision and messages


def test_coefficients_are_exact_in_float32(process, ddim):
    """The share of the noise at t = 1, 0.01, and sigma there and at t = 2: formed in float64, right to 1e-6."""
    s = process.Schedule.linear()
    _, noise = ddim.shares(s, torch.tensor([0, 1]))
    assert noise.dtype == F64
    assert noise[0] == 0
    assert noise[1].item() == pytest.approx(0.01, rel=1e-12)
    one, zero = torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1)
    step, _ = ddim.q_sigma(s, zero, one, each(2), each(1))
    assert step.dtype == torch.float32
    assert step.item() == pytest.approx(0.01, rel=1e-6)


def test_bad_values_name_field_value_and_what_is_expected(process, ddim):
    s, x = rough(process)[0], torch.zeros(2, 1, 3, 3)
    spread = unchecked(ddim.spread)
    for words, message in [
        ((0, 1), r"T is 0; expected a number of steps >= 1"),
        ((9, 0), r"steps is 0; expected a number of steps in 1\.\.9"),
        ((9, 10), r"steps is 10; expected a number of steps in 1\.\.9"),
        ((9, 3, "cubic"), r'spacing is \'cubic\'; expected "linear" or "quadratic"'),
    ]:
        with pytest.raises(ValueError, match=message):
            spread(*words)
    for tau in ([], [0, 3], [3, 3], [5, 2], [4, 10]):
        for way in (ddim.decode, ddim.encode):
            with pytest.raises(ValueError, match=r"tau is .*; expected increasing times in 1\.\.9"):
                way(s, lambda x, t: x, x, tau)
    for t in (-1, 10):
        with pytest.raises(ValueError, match=rf"t runs from {t} to {t}; expected times in 0\.\.9"):
            ddim.shares(s, each(t))
    for eta in (-0.1, 1.1):
        with pytest.raises(ValueError, match=r"eta is .*; expected a number in 0\.\.1"):
            ddim.sigma(s, each(5), each(4), eta)
    with pytest.raises(ValueError, match=r"s is \[5\] and t is \[5\]; expected each s before its t"):
        ddim.sigma(s, each(5), each(5), 1.0)
    with pytest.raises(ValueError, match=r"t is 0; expected times in 1\.\.9, where there is noise"):
        ddim.guess(s, lambda x, t: x, x[:1], each(0))
    with pytest.raises(ValueError, match=r"the prediction is \[2, 1, 3, 2\]; expected the shape of the images"):
        ddim.guess(s, lambda x, t: x[..., :2], x, each(3, 2))
