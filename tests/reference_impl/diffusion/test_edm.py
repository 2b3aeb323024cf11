"""Proofs of edm.py. Each holds the code against something worked out another way; the mutation run breaks the code
line by line and asks that one of these fails.

Statistical bounds are stated as numbers of standard errors; seeds are fixed, so a test that passes once passes always.
"""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import optimize, stats

from reference_impl.data import Data, Spec
from reference_impl.datasets import DATA
from reference_impl.engine import Batch
from tests.reference_impl.diffusion.laws import band
from tests.reference_impl.diffusion.toys import F64, normal, pixels, seeded, unchecked
from tests.reference_impl.weights import shaken, slopes

SIGMAS = torch.tensor([0.002, 0.05, 0.3, 0.75, 2.0, 80.0], dtype=F64)


def gaussian_denoiser(mean: float, s: float):
    """E[y | x] where y ~ N(mean, s^2) and x = y + n: the best possible D, in closed form."""

    def D(x, sigma):
        share = (s**2 / (s**2 + sigma**2)).reshape(-1, 1, 1, 1).to(x.dtype)
        return mean + share * (x - mean)

    return D


# ------------------------------------------------------------------------------------------ preconditioning


@pytest.mark.parametrize("sigma_data", [0.5, 0.75])
def test_input_and_target_have_unit_variance_in_closed_form(edm, sigma_data):
    """x = y + n has variance sigma_data^2 + sigma^2; the target of Eq. (8) is linear in the independent y and n."""
    c = edm.preconditioning(SIGMAS, sigma_data)
    np.testing.assert_allclose(c.c_in**2 * (sigma_data**2 + SIGMAS**2), 1, rtol=1e-12)
    target = ((1 - c.c_skip) / c.c_out) ** 2 * sigma_data**2 + (c.c_skip / c.c_out) ** 2 * SIGMAS**2
    np.testing.assert_allclose(target, 1, rtol=1e-9)
    np.testing.assert_allclose(c.c_noise, np.log(SIGMAS.numpy()) / 4, rtol=1e-14)


def test_input_and_target_have_unit_variance_by_simulation(edm):
    """100,000 pixels at each level, of data that are not normal (two values); within 5 standard errors of a variance,
    sqrt(2 / n) for the widest of the laws met here, the normal one."""
    n, sigma_data, g = 100_000, 0.75, seeded()
    for sigma in SIGMAS:
        y = sigma_data * torch.randint(0, 2, (n,), generator=g).double() * 2 - sigma_data
        noise = sigma * torch.randn(n, generator=g, dtype=F64)
        c = edm.preconditioning(sigma.reshape(1), sigma_data)
        assert (c.c_in * (y + noise)).var().item() == pytest.approx(1, abs=5 * math.sqrt(2 / n))
        assert ((y - c.c_skip * (y + noise)) / c.c_out).var().item() == pytest.approx(1, abs=5 * math.sqrt(2 / n))


def test_c_skip_is_what_makes_c_out_least(edm):
    """Appendix B.6: of all skips, each with the c_out that unit variance of the target then asks for. By search."""
    sigma_data = 0.6
    for sigma in (0.1, 0.6, 3.0):
        c = edm.preconditioning(torch.tensor([sigma], dtype=F64), sigma_data)

        def amplification(skip, sigma=sigma):
            return math.sqrt((1 - skip) ** 2 * sigma_data**2 + skip**2 * sigma**2)

        best = optimize.minimize_scalar(amplification, bounds=(-1, 2), method="bounded", options={"xatol": 1e-10})
        assert c.c_skip.item() == pytest.approx(best.x, abs=1e-6)
        assert c.c_out.item() == pytest.approx(best.fun, rel=1e-10)


def test_denoiser_is_eq_7_with_a_network_that_sees_scaled_noise_and_its_level(edm):
    """Against Eq. (7) written out for one image after another."""
    x, seen = normal(6, 1, 2, 3), {}

    def F(x_in, c_noise):
        seen.update(x=x_in, c=c_noise)
        return x_in.sin() + c_noise.reshape(-1, 1, 1, 1)

    D = edm.denoise(F, x, SIGMAS, 0.5)
    for i, s in enumerate(SIGMAS.tolist()):
        x_in = x[i] / math.sqrt(s**2 + 0.25)
        torch.testing.assert_close(seen["x"][i], x_in, rtol=1e-12, atol=0)
        assert seen["c"][i].item() == pytest.approx(math.log(s) / 4, rel=1e-12)
        network = torch.sin(x_in) + math.log(s) / 4
        expected = 0.25 / (s**2 + 0.25) * x[i] + s * 0.5 / math.sqrt(s**2 + 0.25) * network
        torch.testing.assert_close(D[i], expected, rtol=1e-10, atol=1e-12)


def test_without_noise_D_would_be_the_identity_and_with_much_the_network_alone(edm):
    """At 1e-4 the network's errors are worth 1e-4 of themselves; at 1e4 the state adds next to nothing."""
    x = normal(1, 1, 3, 3)
    low, high = torch.tensor([1e-4], dtype=F64), torch.tensor([1e4], dtype=F64)
    torch.testing.assert_close(edm.denoise(lambda x, c: torch.ones_like(x), x, low, 0.5), x, rtol=0, atol=2e-4)
    out = edm.denoise(lambda x, c: torch.ones_like(x), x, high, 0.5)
    torch.testing.assert_close(out, 0.5 * torch.ones_like(x), rtol=0, atol=1e-6)


def test_no_noise_at_all_is_refused(edm):
    with pytest.raises(ValueError, match=r"sigma is 0.0; expected noise levels > 0"):
        edm.preconditioning(torch.tensor([1.0, 0.0], dtype=F64), 0.5)


# ------------------------------------------------------------------------------------------------- training


def test_weight_undoes_c_out(edm):
    """lambda c_out^2 = 1: the network's squared error counts the same at each level."""
    for sigma_data in (0.5, 0.75):
        c = edm.preconditioning(SIGMAS, sigma_data)
        np.testing.assert_allclose(edm.loss_weight(SIGMAS, sigma_data) * c.c_out**2, 1, rtol=1e-12)


def test_loss_is_one_at_each_level_where_the_network_returns_zero(edm):
    """Of data of mean 0 and deviation sigma_data; 100,000 pixels at each level, within 5 standard errors."""
    sigma_data, n = 0.75, 100_000
    for sigma in SIGMAS:
        y, eps = sigma_data * normal(4, 1, 1, n // 4, seed=1), normal(4, 1, 1, n // 4, seed=2)

        def D(x, sigma):
            return edm.denoise(lambda x, c: torch.zeros_like(x), x, sigma, sigma_data)

        loss = edm.loss_at(D, y, sigma.expand(4), eps, sigma_data).mean().item()
        assert loss == pytest.approx(1, abs=5 * math.sqrt(2 / n))


def test_oracle_has_loss_zero_and_one_that_errs_by_c_has_lambda_c_squared(edm):
    """The oracle knows y. Kills every mismatch between the data that are noised and those that are the target."""
    y, eps = normal(6, 2, 3, 3, seed=1), normal(6, 2, 3, 3, seed=2)
    assert torch.equal(edm.loss_at(lambda x, s: y, y, SIGMAS, eps, 0.5), torch.zeros(6, dtype=F64))
    errors = torch.tensor([0.0, 1.0, 0.5, 2.0, 3.0, 0.1], dtype=F64)
    loss = edm.loss_at(lambda x, s: y + errors.reshape(6, 1, 1, 1), y, SIGMAS, eps, 0.5)
    np.testing.assert_allclose(loss, (1 / 0.5**2 + 1 / SIGMAS**2) * errors**2, rtol=1e-10)
    assert edm.loss(lambda x, s: y, y, (-1.2, 1.2), 0.5, seeded()) == 0


def test_loss_equals_eq_8_written_for_the_network(edm):
    """The weighted error of D equals the plain error of F against its effective target."""
    y, eps, sigma_data = normal(6, 1, 2, 2, seed=1), normal(6, 1, 2, 2, seed=2), 0.6

    def F(x, c):
        return torch.tanh(x) - c.reshape(-1, 1, 1, 1)

    loss = edm.loss_at(lambda x, s: edm.denoise(F, x, s, sigma_data), y, SIGMAS, eps, sigma_data)
    for i, s in enumerate(SIGMAS.tolist()):
        x, skip = y[i] + s * eps[i], sigma_data**2 / (s**2 + sigma_data**2)
        target = (y[i] - skip * x) / (s * sigma_data / math.sqrt(s**2 + sigma_data**2))
        error = torch.tanh(x / math.sqrt(s**2 + sigma_data**2)) - math.log(s) / 4 - target
        assert loss[i].item() == pytest.approx(error.square().mean().item(), rel=1e-9)


def test_the_network_sees_y_plus_its_own_noise(edm):
    """At y = 1 the spread of what reaches D gives away the level that D is told, within 5 standard errors; the noise
    is fresh, and normal."""
    seen, n = {}, 10_000

    def spy(x, sigma):
        seen.update(x=x, sigma=sigma)
        return x

    edm.loss(spy, torch.ones(64, 1, 100, 100, dtype=F64), (-1.2, 1.2), 0.5, seeded())
    eps = (seen["x"] - 1).flatten(1) / seen["sigma"][:, None]
    assert len(seen["sigma"].unique()) == 64
    assert ((eps.std(dim=1) - 1).abs() < 5 / math.sqrt(2 * n)).all()
    assert (eps.mean(dim=1).abs() < 5 / math.sqrt(n)).all()
    assert len(eps.unique()) == eps.numel()
    assert stats.kstest(eps[:4].flatten().numpy(), "norm").pvalue > 1e-6


def test_levels_are_log_normal(edm):
    """Kolmogorov-Smirnov over 100,000 draws, at level 1e-6."""
    for P in ((-1.2, 1.2), (0.4, 2.0)):
        sigma = edm.draw_sigma(100_000, P, seeded())
        assert sigma.dtype == F64
        assert stats.kstest(sigma.log().numpy(), "norm", args=P).pvalue > 1e-6


def test_quantiles_split_the_law_of_levels_into_equal_shares(edm):
    """By scipy's log-normal law."""
    sigma = edm.sigma_quantiles(5, (-1.2, 1.3))
    law = stats.lognorm(s=1.3, scale=math.exp(-1.2))
    np.testing.assert_allclose(law.cdf(sigma), [0.1, 0.3, 0.5, 0.7, 0.9], rtol=1e-9)


def test_gradient_of_the_loss_equals_finite_differences(edm):
    """In float64, along three random directions through all the weights of a small conditional method."""
    torch.manual_seed(0)
    method = edm.EDM(edm.EDMConfig(width=16), Spec((1, 4, 4), 3, 0))
    net, batch = shaken(method.model.double()), Batch(normal(4, 1, 4, 4), torch.tensor([0, 1, 2, 1]))
    for slope, difference in slopes(lambda: method.loss(batch, seeded(5)), list(net.parameters())):
        assert slope == pytest.approx(difference, rel=1e-5)


# ----------------------------------------------------------------------------------------------- time steps


def test_time_steps_end_at_sigma_max_and_sigma_min_and_then_at_zero(edm):
    t = edm.time_steps(18)
    assert len(t) == 19
    assert t.dtype == F64
    assert t[0].item() == pytest.approx(80, rel=1e-12)
    assert t[17].item() == pytest.approx(0.002, rel=1e-9)
    assert t[18] == 0
    assert (t.diff() < 0).all()


def test_time_steps_are_equally_spaced_in_the_rho_th_root(edm):
    """Eq. (5) says no more than that: sigma_i = (A i + B)^rho."""
    for N, low, high, rho in ((18, 0.002, 80.0, 7.0), (5, 0.1, 3.0, 2.0), (2, 0.5, 2.0, 1.0)):
        root = edm.time_steps(N, low, high, rho)[:-1].numpy() ** (1 / rho)
        np.testing.assert_allclose(root, np.linspace(high ** (1 / rho), low ** (1 / rho), N), rtol=1e-9)


# ------------------------------------------------------------------------------------------------- the flow


def test_slope_is_minus_sigma_times_the_score(edm):
    """Eqs. (1) and (3): of a mixture's density at sigma, differentiated automatically."""
    weight, mean, s = torch.tensor([0.3, 0.7], dtype=F64), torch.tensor([-0.7, 0.5], dtype=F64), 0.2
    x = torch.linspace(-3, 3, 25, dtype=F64).reshape(1, 1, 5, 5).requires_grad_()
    for t in (0.1, 1.0, 5.0):
        law = torch.distributions.Normal(mean, math.sqrt(s**2 + t**2))
        (score,) = torch.autograd.grad((law.log_prob(x[..., None]) + weight.log()).logsumexp(dim=-1).sum(), x)
        torch.testing.assert_close(edm.slope(mixture_denoiser(weight, mean, s), x.detach(), t), -t * score)


def mixture_denoiser(weight, mean, s: float):
    """E[y | x] for a mixture of Gaussians of one deviation s: each component's guess, by its probability given x."""

    def D(x, sigma):
        v = sigma.reshape(-1, 1, 1, 1, 1).to(x.dtype) ** 2
        x = x[..., None]
        share = (weight.log() - (x - mean) ** 2 / (2 * (s**2 + v))).softmax(dim=-1)
        return (share * (mean + s**2 / (s**2 + v) * (x - mean))).sum(dim=-1)

    return D


def test_one_euler_step_to_zero_is_the_denoiser(edm):
    """Section 3: the flow's tangent points at D(x; t)."""
    x, D = normal(2, 1, 3, 3), gaussian_denoiser(0.2, 0.5)
    for order in (1, 2):
        end = edm.step(D, x, 1.7, 0.0, order)
        torch.testing.assert_close(end, D(x, torch.full((2,), 1.7, dtype=F64)), rtol=1e-12, atol=1e-12)


def test_heuns_step_is_the_trapezoidal_rule_and_eulers_the_left_end(edm):
    """Written out for D(x; sigma) = a x, where the slope is (1 - a) x / t."""
    x, t, then, a = normal(1, 1, 2, 2), 2.0, 0.5, 0.3
    euler = x + (then - t) * (1 - a) * x / t
    heun = x + (then - t) * ((1 - a) * x / t + (1 - a) * euler / then) / 2
    D = lambda x, sigma: a * x  # noqa: E731
    torch.testing.assert_close(edm.step(D, x, t, then, 1), euler, rtol=1e-12, atol=0)
    torch.testing.assert_close(edm.step(D, x, t, then, 2), heun, rtol=1e-12, atol=0)


@pytest.mark.parametrize(("order", "expected"), [(1, 1.0), (2, 2.0)])
def test_measured_order_of_convergence(edm, order, expected):
    """The flow of a Gaussian is linear, with a known solution. The error at sigma_min, before the last step to 0, falls
    as N^-order: a straight line fitted to the logarithms over N = 40 to 320 has that slope within 0.05."""
    mean, s, errors, counts = 0.3, 0.5, [], (40, 80, 160, 320)
    for N in counts:
        t = edm.time_steps(N, 0.01, 10.0, 7.0)
        states = list(edm.trajectory(gaussian_denoiser(mean, s), (1, 1, 4, 4), t, seeded(), order, dtype=F64))
        x_0, (level, x) = states[0][1], states[-2]
        exact = mean + (x_0 - mean) * math.sqrt((s**2 + level**2) / (s**2 + t[0].item() ** 2))
        errors.append((x - exact).abs().max().item())
    slope, _ = np.polyfit(np.log(counts), np.log(errors), 1)
    assert slope == pytest.approx(-expected, abs=0.05)


def test_heun_calls_the_denoiser_2N_minus_1_times_and_euler_N_times(edm):
    """And at the levels of Algorithm 1: each one but the last twice, on the way in and on the way out."""
    for order in (1, 2):
        asked = []

        def D(x, sigma, asked=asked):
            assert sigma.shape == (3,)
            assert sigma.dtype == F64
            asked.append(sigma[0].item())
            return 0.5 * x

        t = edm.time_steps(18)
        edm.sample(D, (3, 1, 2, 2), t, seeded(), order)
        levels = t.tolist()
        expected = levels[:18] if order == 1 else [levels[0], *[v for v in levels[1:18] for _ in (0, 1)]]
        assert asked == expected
        assert len(asked) == (18 if order == 1 else 35)


# ----------------------------------------------------------------------------------------------- the samplers


def by_hand(D, x, t, order: int):
    """Algorithm 1 in numpy, from its pseudo-code."""
    x, t = x.numpy(), t.numpy()
    call = lambda x, t: D(torch.from_numpy(x), torch.full((len(x),), t, dtype=F64)).numpy()  # noqa: E731
    for i in range(len(t) - 1):
        d = (x - call(x, t[i])) / t[i]
        x_next = x + (t[i + 1] - t[i]) * d
        if t[i + 1] != 0 and order == 2:
            d_next = (x_next - call(x_next, t[i + 1])) / t[i + 1]
            x_next = x + (t[i + 1] - t[i]) * (d / 2 + d_next / 2)
        x = x_next
    return x


@pytest.mark.parametrize("order", [1, 2])
def test_sampler_equals_algorithm_1_by_hand(edm, order):
    D, t = (lambda x, s: torch.tanh(x) / (1 + s.reshape(-1, 1, 1, 1))), edm.time_steps(6)
    x_0 = 80 * torch.randn(2, 1, 3, 3, generator=seeded(), dtype=F64)
    x = edm.sample(D, (2, 1, 3, 3), t, seeded(), order, dtype=F64)
    np.testing.assert_allclose(x.numpy(), by_hand(D, x_0, t, order), rtol=1e-10, atol=1e-12)


def test_trajectory_begins_with_noise_of_sigma_max_and_names_its_levels(edm):
    t = edm.time_steps(5, 0.1, 3.0)
    states = list(edm.trajectory(lambda x, s: 0.5 * x, (1, 1, 100, 100), t, seeded()))
    assert [level for level, _ in states] == t.tolist()
    assert stats.kstest(states[0][1].flatten().numpy() / 3, "norm").pvalue > 1e-6
    assert states[0][1].dtype == torch.float32
    assert torch.equal(edm.sample(lambda x, s: 0.5 * x, (1, 1, 100, 100), t, seeded()), states[-1][1])


@pytest.mark.parametrize("S_churn", [0.0, 10.0])
def test_sampling_recovers_a_mixture(edm, S_churn):
    """0.3 N(-0.7, 0.15^2) + 0.7 N(0.5, 0.15^2). Kolmogorov-Smirnov distance over 20,000 samples below its 1e-6 quantile
    plus 0.01 for the steps."""
    weight, mean, s, n = torch.tensor([0.3, 0.7], dtype=F64), torch.tensor([-0.7, 0.5], dtype=F64), 0.15, 20_000
    D, t = mixture_denoiser(weight, mean, s), edm.time_steps(60)
    x = edm.sample(D, (1, 1, 100, 200), t, seeded(), 2, edm.Churn(S_churn), F64).flatten().numpy()
    cdf = lambda u: (weight.numpy() * stats.norm.cdf(u[:, None], mean.numpy(), s)).sum(axis=1)  # noqa: E731
    assert stats.kstest(x, cdf).statistic < band(n) + 0.01


# ----------------------------------------------------------------------------------------------------- churn


def test_gamma_is_S_churn_over_N_within_the_range_and_never_above_root_two_minus_one(edm):
    churn = edm.Churn(4.0, 0.05, 50.0)
    assert churn.gamma(1.0, 20) == pytest.approx(0.2)
    assert churn.gamma(0.05, 20) == churn.gamma(50.0, 20) == pytest.approx(0.2)
    assert churn.gamma(0.049, 20) == churn.gamma(50.1, 20) == 0
    assert churn.gamma(1.0, 4) == math.sqrt(2) - 1
    assert edm.Churn().gamma(1.0, 20) == 0


def test_stirring_raises_the_level_by_the_noise_that_is_missing(edm):
    """From t to (1 + gamma) t: the variances' difference, within 5 standard errors over 250,000 pixels."""
    n, t, gamma = 250_000, 1.5, 0.3
    x_hat, t_hat = edm.stir(torch.full((1, 1, 500, 500), 0.4, dtype=F64), t, gamma, 1.0, seeded())
    assert t_hat == pytest.approx(1.95)
    added = x_hat - 0.4
    var = 1.95**2 - 1.5**2
    assert abs(added.mean().item()) < 5 * math.sqrt(var / n)
    assert abs(added.var().item() - var) < 5 * var * math.sqrt(2 / n)
    louder, _ = edm.stir(torch.full((1, 1, 500, 500), 0.4, dtype=F64), t, gamma, 1.1, seeded())
    torch.testing.assert_close(louder - 0.4, 1.1 * added)
    x = normal(1, 1, 2, 2)
    g, untouched = seeded(), seeded()
    same, level = edm.stir(x, t, 0.0, 1.0, g)
    assert torch.equal(same, x)
    assert level == t
    assert torch.equal(g.get_state(), untouched.get_state())


def carried_variance(t: list[float], s: float, churn: tuple[float, float, float, float]) -> list[float]:
    """Algorithm 2 with the denoiser of N(mean, s^2) is linear: the variance of its states, carried from t_0 to t_N."""
    S_churn, S_tmin, S_tmax, S_noise = churn
    N, variances = len(t) - 1, [t[0] ** 2]
    for now, then in itertools.pairwise(t):
        hat = now * (1 + (min(S_churn / N, math.sqrt(2) - 1) if S_tmin <= now <= S_tmax else 0))
        factor = 1 + (then - hat) * hat / (s**2 + hat**2)
        if then > 0:
            factor = 1 + (then - hat) * (hat / (s**2 + hat**2) + then / (s**2 + then**2) * factor) / 2
        variances.append((variances[-1] + (hat**2 - now**2) * S_noise**2) * factor**2)
    return variances


@pytest.mark.parametrize("churn", [(0.0, 0.0, 80.0, 1.0), (20.0, 0.01, 15.0, 1.0), (20.0, 0.01, 15.0, 1.1)])
def test_sampler_keeps_a_gaussians_marginal_law_at_every_level(edm, churn):
    """At each t_i the states of 40,000 samples have the mean of the data and the variance carried by hand, within 5
    standard errors. That is s^2 + t_i^2 within 0.5 % at N = 200, unless S_noise inflates it."""
    mean, s, n, t = 0.3, 0.5, 40_000, edm.time_steps(200, 0.002, 20.0)
    variances = carried_variance(t.tolist(), s, churn)
    truth = [s**2 + level**2 for level in t.tolist()]
    assert (np.abs(np.divide(variances, truth) - 1)[1:].max() < 0.005) == (churn[3] == 1)
    shape, D = (4, 1, 100, 100), gaussian_denoiser(mean, s)
    for i, (level, x) in enumerate(edm.trajectory(D, shape, t, seeded(), 2, edm.Churn(*churn), F64)):
        if i % 20 == 0:
            assert abs(x.var().item() / variances[i] - 1) < 5 * math.sqrt(2 / n), level
            assert abs(x.mean().item() - mean) < 5 * math.sqrt(variances[i] / n) + mean * level / s, level


def test_without_churn_the_stochastic_sampler_is_the_deterministic_one_bit_for_bit(edm):
    D, t = gaussian_denoiser(0.1, 0.5), edm.time_steps(10)
    plain = edm.sample(D, (2, 1, 4, 4), t, seeded())
    for none in (edm.Churn(), edm.Churn(0.0, 0.05, 50.0, 1.003), edm.Churn(9.0, 90.0), edm.Churn(9.0, 0.0, 0.001)):
        assert torch.equal(edm.sample(D, (2, 1, 4, 4), t, seeded(), 2, none), plain)
    assert not torch.equal(edm.sample(D, (2, 1, 4, 4), t, seeded(), 2, edm.Churn(9.0)), plain)


def test_churn_steps_from_the_raised_level(edm):
    """Algorithm 2, lines 6 to 8: D is asked at t^, not at t; and S_noise scales what is added."""
    asked, t = [], edm.time_steps(4, 0.1, 2.0)

    def D(x, sigma):
        asked.append(sigma[0].item())
        return 0.5 * x

    x = edm.sample(D, (1, 1, 3, 3), t, seeded(), 1, edm.Churn(0.8, 0.0, 10.0, 1.5), F64)
    np.testing.assert_allclose(asked, 1.2 * t[:-1].numpy(), rtol=1e-12)
    g = seeded()
    expected = 2.0 * torch.randn(1, 1, 3, 3, generator=g, dtype=F64)
    for now, then in itertools.pairwise(t.tolist()):
        expected = expected + math.sqrt(1.44 - 1) * now * 1.5 * torch.randn(1, 1, 3, 3, generator=g, dtype=F64)
        expected = expected + (then - 1.2 * now) * 0.5 * expected / (1.2 * now)
    torch.testing.assert_close(x, expected, rtol=1e-10, atol=1e-12)


def test_no_noise_is_left_after_the_last_step(edm):
    """With churn at its bound, every sample of data that are one point is that point."""
    D = lambda x, sigma: torch.full_like(x, 0.7)  # noqa: E731
    x = edm.sample(D, (2, 1, 8, 8), edm.time_steps(12), seeded(), 2, edm.Churn(50.0), F64)
    torch.testing.assert_close(x, torch.full_like(x, 0.7), rtol=0, atol=1e-12)


def test_sampling_keeps_no_gradient(edm):
    weight = torch.ones(1, requires_grad=True)
    assert not edm.sample(lambda x, s: weight * x, (1, 1, 2, 2), edm.time_steps(3), seeded()).requires_grad


# ------------------------------------------------------------------------------------------------ the method


def toy(classes: int = 3, n: int = 12) -> Data:
    x, y = torch.rand(n, 1, 4, 4, generator=seeded()) * 2 - 1, torch.arange(n) % max(1, classes)
    return Data("toy", x, y, x[: n // 2], y[: n // 2])


def built(edm, shape=(1, 4, 4), classes: int = 3, **settings):
    """A small method whose network is not the zero that it starts as."""
    torch.manual_seed(0)
    method = edm.EDM(edm.EDMConfig(width=16, **settings), Spec(shape, classes, 0))
    shaken(method.model)
    return method


def test_sigma_data_of_the_digits_is_theirs(edm):
    x = DATA["digits"]().train.double()
    assert edm.PRESETS["digits"].config.sigma_data == pytest.approx(x.std().item(), rel=0.01)


def test_network_is_told_the_level_and_the_class(edm):
    method, seen = built(edm), {}

    def spy(x, t, labels):
        seen.update(x=x, t=t, labels=labels)
        return torch.zeros_like(x)

    method.model.forward = spy
    x, sigma, labels = torch.ones(2, 1, 4, 4), torch.tensor([0.1, 10.0], dtype=F64), torch.tensor([2, 0])
    D = method.D(x, sigma, labels)
    np.testing.assert_allclose(seen["t"], np.log([0.1, 10.0]) / 4, rtol=1e-12)
    np.testing.assert_allclose(seen["x"][:, 0, 0, 0], (0.75**2 + sigma**2) ** -0.5, rtol=1e-6)
    assert torch.equal(seen["labels"], labels)
    np.testing.assert_allclose(D[:, 0, 0, 0], 0.75**2 / (0.75**2 + sigma**2), rtol=1e-6)


def test_classes_are_dropped_with_probability_p_uncond_in_training(edm):
    method, seen = built(edm, p_uncond=0.2), []
    plain = method.model.forward

    def spy(x, t, labels):
        seen.append(labels)
        return plain(x, t, labels)

    method.model.forward = spy
    n = 5000
    method.loss(Batch(torch.zeros(n, 1, 4, 4), torch.ones(n).long()), seeded())
    assert set(seen[0].tolist()) == {1, 3}
    share = (seen[0] == 3).double().mean().item()
    assert abs(share - 0.2) < 5 * math.sqrt(0.2 * 0.8 / n)


def test_method_trains_on_the_loss_as_it_is_configured(edm):
    method, labels = built(edm, sigma_data=0.6, P=(0.3, 0.5), p_uncond=0.0), torch.tensor([0, 2, 1, 1])
    x, g = torch.rand(4, 1, 4, 4), seeded()
    torch.rand(4, generator=g)  # which classes to drop: none
    expected = edm.loss(lambda x, s: method.D(x, s, labels), x, (0.3, 0.5), 0.6, g)
    torch.testing.assert_close(method.loss(Batch(x, labels), seeded()), expected)


def test_data_without_classes_are_learnt_without(edm):
    method = built(edm, classes=0)
    assert method.model.label is None
    loss = method.loss(Batch(torch.zeros(3, 1, 4, 4), torch.zeros(3).long()), seeded())
    assert loss.isfinite()
    assert method.sample(2, None, seeded()).shape == (2, 1, 4, 4)
    assert {"process", "steps"} == set(method.pictures(toy(), seeded()))
    assert method.evaluate(toy(), torch.zeros(4, 1, 4, 4), None, seeded())["held_out_loss"] > 0


def test_guidance_extrapolates_the_denoiser(edm):
    """One Euler step to 0, the shortest sampler, ends at (1 + w) D(x; sigma, c) - w D(x; sigma)."""
    labels, sigma = torch.tensor([0, 2]), torch.full((2,), 80.0, dtype=F64)
    for w in (0.0, 1.5, -1.0):
        method = built(edm, w=w)
        method.t = torch.tensor([80.0, 0.0], dtype=F64)
        x = 80 * torch.randn(2, 1, 4, 4, generator=seeded())
        with torch.no_grad():
            expected = (1 + w) * method.D(x, sigma, labels) - w * method.D(x, sigma, None)
        torch.testing.assert_close(method.sample(2, labels, seeded()), expected, rtol=1e-4, atol=1e-4)


def test_method_samples_as_it_is_configured(edm):
    labels = torch.tensor([0, 1])
    for settings in ({"N": 4}, {"order": 1}, {"churn": (3.0, 0.1, 50.0, 1.2)}, {"levels": (0.1, 5.0, 3.0)}):
        method = built(edm, **{"N": 3, **settings})
        c = method.config
        D = lambda x, s, method=method: method.D(x, s, labels)  # noqa: E731
        t = edm.time_steps(c.N, *c.levels)
        x = edm.sample(D, (2, 1, 4, 4), t, seeded(), c.order, edm.Churn(*c.churn))
        assert torch.equal(method.sample(2, labels, seeded()), x)


@pytest.mark.parametrize("network", ["unet", "dit"])
@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (3, 1, 6, 10), (2, 3, 4, 4)])
def test_batch_of_one_and_other_sizes_with_either_backbone(edm, shape, network):
    method = built(edm, shape[1:], network=network, patch=2, N=2)
    (player,) = method.players()
    labels = torch.zeros(shape[0]).long()
    assert player.loss(Batch(torch.zeros(shape), labels), seeded()).shape == ()
    assert method.sample(shape[0], labels, seeded()).shape == shape


def test_odd_sizes_without_patches(edm):
    assert built(edm, (1, 7, 5), N=2).sample(1, None, seeded()).shape == (1, 1, 7, 5)


def test_every_parameter_receives_a_gradient(edm):
    method = built(edm)
    loss = method.loss(Batch(torch.rand(8, 1, 4, 4), torch.arange(8) % 3), seeded())
    named = dict(method.model.named_parameters())
    for name, gradient in zip(named, torch.autograd.grad(loss, list(named.values())), strict=True):
        assert gradient.abs().max() > 0, name


def test_pictures_end_with_the_samples_and_show_both_methods_at_equal_cost(edm):
    method, labels = built(edm), torch.arange(4) % 3
    pictures = method.pictures(toy(), seeded())
    process, steps = pictures["process"], pictures["steps"]
    D = lambda x, s: method.D(x, s, labels)  # noqa: E731
    assert process.shape == (8, 10, 1, 4, 4)
    torch.testing.assert_close(process[1::2, -1], method.sample(4, labels, seeded()), rtol=1e-4, atol=1e-5)
    x = 80 * torch.randn(4, 1, 4, 4, generator=seeded())
    torch.testing.assert_close(process[::2, 0], x * 0.75 / math.sqrt(80**2 + 0.75**2))
    with torch.no_grad():
        torch.testing.assert_close(process[1::2, 0], D(x, torch.full((4,), 80.0, dtype=F64)), rtol=1e-4, atol=1e-5)
    assert steps.shape == (8, 5, 1, 4, 4)
    for column, calls in ((0, 3), (2, 9), (4, 35)):
        for row, order, N in ((0, 1, calls), (1, 2, (calls + 1) // 2)):
            x = edm.sample(D, (4, 1, 4, 4), edm.time_steps(N), seeded(), order)
            torch.testing.assert_close(steps[row::2, column], x, rtol=1e-4, atol=1e-5)


def test_same_seed_same_bits_other_seed_other_bits(edm):
    method, labels = built(edm, N=3, churn=(5.0, 0.0, 80.0, 1.0)), torch.tensor([0, 1, 2])
    batch = Batch(torch.rand(3, 1, 4, 4), labels)
    for draw in (lambda g: method.sample(3, labels, g), lambda g: method.loss(batch, g)):
        torch.manual_seed(1)
        first = draw(seeded(1))
        torch.manual_seed(2)
        assert torch.equal(draw(seeded(1)), first)
        assert not torch.equal(draw(seeded(2)), first)


def test_held_out_loss_is_at_fixed_levels_with_fixed_noise_and_the_right_classes(edm):
    method, data = built(edm), toy()
    x = data.train
    first, again = (method.evaluate(data, x, data.train_labels, seeded()) for _ in range(2))
    assert first == again
    g, losses, law = seeded(), [], stats.lognorm(s=1.2, scale=math.exp(-1.2))
    for share in (np.arange(20) + 0.5) / 20:
        eps = torch.randn(6, 1, 4, 4, generator=g)
        sigma = torch.full((6,), law.ppf(share), dtype=F64)
        with torch.no_grad():
            guess = method.D(data.held_out + sigma.float().reshape(6, 1, 1, 1) * eps, sigma, data.held_out_labels)
        losses.append(((guess - data.held_out) ** 2).mean().item() * (1 / sigma[0].item() ** 2 + 1 / 0.75**2))
    assert first["held_out_loss"] == pytest.approx(np.mean(losses), rel=1e-4)
    assert first["frechet"] == first["frechet_real"]  # samples that are the training images


# ------------------------------------------------------------------------------------------------- messages


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sigma_data": 0.0}, r"sigma_data is 0.0; expected a standard deviation > 0"),
        ({"P": (0.0, 0.0)}, r"P is \(0.0, 0.0\); expected P_mean and P_std"),
        ({"p_uncond": 1.0}, r"p_uncond is 1.0; expected a probability in \[0, 1\)"),
        ({"levels": (0.1, 0.1, 7.0)}, r"sigma is \(0.1, 0.1\); expected 0 < sigma_min < sigma_max"),
        ({"levels": (0.0, 1.0, 7.0)}, r"sigma is \(0.0, 1.0\)"),
        ({"levels": (0.1, 1.0, 0.0)}, r"rho is 0.0; expected an exponent > 0"),
        ({"N": 1}, r"N is 1; expected a number of steps >= 2"),
        ({"order": 3}, r"order is 3; expected 1 \(Euler\) or 2 \(Heun\)"),
        ({"churn": (-1.0, 0.0, 1.0, 1.0)}, r"S_churn is -1.0; expected an amount of noise >= 0"),
        ({"churn": (1.0, 2.0, 1.0, 1.0)}, r"S_tmin, S_tmax is \(2.0, 1.0\); expected 0 <= S_tmin <= S_tmax"),
        ({"churn": (1.0, 0.0, 1.0, 0.0)}, r"S_noise is 0.0; expected a standard deviation > 0"),
        ({"w": -1.5}, r"w is -1.5; expected a strength >= 0"),
        ({"w": 1.0, "p_uncond": 0.0}, r"p_uncond is 0.0; expected a probability > 0, for guidance"),
        ({"patch": 0}, r"patch is 0; expected a side >= 1"),
    ],
)
def test_bad_values_name_field_value_and_what_is_expected(edm, settings, message):
    with pytest.raises(ValueError, match=message):
        edm.EDMConfig(**settings)


def test_tuples_of_another_length_are_refused(edm):
    for settings in ({"P": (1.0,)}, {"levels": (1.0, 2.0)}, {"churn": (0.0,)}):
        with pytest.raises(Exception, match=next(iter(settings))):
            edm.EDMConfig(**settings)


def test_bad_levels_orders_and_shapes_are_refused(edm):
    trajectory = unchecked(edm.trajectory)
    for bad in ([1.0, 0.5], [0.5, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0]):
        with pytest.raises(ValueError, match="expected falling noise levels, the last one 0"):
            next(trajectory(lambda x, s: x, (1, 1, 2, 2), torch.tensor(bad, dtype=F64)))
    with pytest.raises(ValueError, match=r"order is 0; expected 1 \(Euler\) or 2 \(Heun\)"):
        next(trajectory(lambda x, s: x, (1, 1, 2, 2), torch.tensor([1.0, 0.0], dtype=F64), order=0))
    y = pixels([1.0, 2.0])
    with pytest.raises(ValueError, match=r"D's shape is \[1, 1, 1, 1\]; expected that of the images, \[2, 1, 1, 1\]"):
        edm.loss_at(lambda x, s: x[:1], y, torch.ones(2, dtype=F64), y, 0.5)


def test_sigma_data_of_fashion_is_theirs(edm, fashion):
    assert edm.PRESETS["fashion"].config.sigma_data == pytest.approx(fashion.train.double().std().item(), rel=0.01)
