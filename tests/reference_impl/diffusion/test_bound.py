"""Proofs of bound.py: the variational bound against closed forms, quadrature and 60-digit arithmetic."""

import math
import re
from itertools import pairwise

import mpmath
import numpy as np
import pytest
import torch
from scipy import stats

from tests.reference_impl.diffusion.toys import F64, every_t, normal, pixels, rough, seeded, unchecked

BIT = math.log(2)

# ------------------------------------------------------------------------------------------- the KL of Gaussians


def test_kl_equals_torchs_own_for_each_pixel(bound):
    m_1, m_2, v_1, v_2 = (normal(3, 2, 4, 5, seed=i) for i in range(4))
    first, second = (torch.distributions.Normal(m, (v / 2).exp()) for m, v in ((m_1, 2 * v_1), (m_2, 2 * v_2)))
    expected = torch.distributions.kl_divergence(first, second)
    torch.testing.assert_close(bound.kl_gaussians(m_1, 2 * v_1, m_2, 2 * v_2), expected, rtol=1e-12, atol=1e-12)
    assert (bound.kl_gaussians(m_1, v_1, m_1, v_1) == 0).all()
    near = bound.kl_gaussians(m_1, v_1, m_1, v_1 + 1e-9)  # 1/4 of the square; a sum of rounded ones would be noise
    torch.testing.assert_close(near, torch.full_like(near, 2.5e-19), rtol=1e-5, atol=0)


def test_kl_equals_quadrature(bound):
    x = np.linspace(-30, 30, 200_001)
    for m_1, v_1, m_2, v_2 in [(0.3, 0.5, -1.0, 2.0), (1.5, 2.0, 1.0, 0.4)]:
        p, log_q = stats.norm.pdf(x, m_1, math.sqrt(v_1)), stats.norm.logpdf(x, m_2, math.sqrt(v_2))
        expected = (p * (stats.norm.logpdf(x, m_1, math.sqrt(v_1)) - log_q)).sum() * (x[1] - x[0])
        given = (torch.tensor(value, dtype=F64) for value in (m_1, math.log(v_1), m_2, math.log(v_2)))
        assert bound.kl_gaussians(*given).item() == pytest.approx(expected, rel=1e-8)


# ----------------------------------------------------------------------------------------------- the decoder


@pytest.mark.parametrize("levels", [2, 3, 17, 256])
def test_probabilities_of_all_levels_add_up_to_one(bound, levels):
    x = torch.linspace(-1, 1, levels, dtype=F64)
    mean = torch.linspace(-2.5, 2.5, 41, dtype=F64)[:, None]
    for log_var in (-14.0, -9.2, -4.0, 0.0, 3.0):
        log_p = bound.log_decoder(x, mean, torch.tensor(log_var, dtype=F64), levels)
        torch.testing.assert_close(log_p.exp().sum(dim=1), torch.ones(41, dtype=F64), rtol=0, atol=1e-12)


def mass(x: float, mean: float, log_var: float, levels: int) -> float:
    """The log of a normal law's mass in a level's bin, with sixty digits."""
    with mpmath.workdps(60):
        sd, delta = mpmath.exp(mpmath.mpf(log_var) / 2), mpmath.mpf(1) / (levels - 1)
        upper, lower = (mpmath.mpf(x) + delta - mean) / sd, (mpmath.mpf(x) - delta - mean) / sd
        if x == -1:
            return float(mpmath.log(mpmath.ncdf(upper)))
        if x == 1:
            return float(mpmath.log(mpmath.ncdf(-lower)))
        if lower > 0:
            upper, lower = -lower, -upper
        return float(mpmath.log(mpmath.ncdf(upper) - mpmath.ncdf(lower)))


def test_decoder_is_the_mass_in_the_levels_bin_on_both_sides_of_the_mean(bound):
    """Centre, both tails and both ends, against arithmetic with 60 digits; bins of a seventh and of hundreds of sds."""
    for levels in (5, 17):
        for mean in (-6.0, -1.02, -0.3, 0.0, 0.41, 1.0, 6.0):
            for log_var in (-8.0, -2.0, 3.0):
                x = torch.linspace(-1, 1, levels, dtype=F64)
                given = (torch.tensor(value, dtype=F64) for value in (mean, log_var))
                expected = [mass(level, mean, log_var, levels) for level in x.tolist()]
                np.testing.assert_allclose(bound.log_decoder(x, *given, levels), expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_a_mean_far_away_costs_its_squared_distance_and_pulls_back(bound, dtype):
    """-(distance / sigma)^2 / 2 and distance / sigma^2 to the bin's nearer edge, up to a lower order."""
    x = torch.tensor([-1.0, -1.0, 0.0, 0.0, 1.0, 1.0], dtype=dtype)
    for far in (30.0, 1e3, 1e4):
        mean = torch.tensor([-far, far] * 3, dtype=dtype, requires_grad=True)
        log_var = torch.tensor(-9.0, dtype=dtype, requires_grad=True)
        log_p = bound.log_decoder(x, mean, log_var, 17)
        edge = torch.tensor([0.0, -1 + 1 / 16, -1 / 16, 1 / 16, 1 - 1 / 16, 0.0])
        distance = (mean.detach().double() - edge).abs()
        slope_mean, slope_var = torch.autograd.grad(log_p.sum(), [mean, log_var])
        assert log_p.isfinite().all()
        assert slope_mean.isfinite().all()
        assert slope_var.isfinite()
        inside = [0, 5]  # the end bins hold the mean
        outside = [1, 2, 3, 4]
        assert log_p[inside].abs().max() == slope_mean[inside].abs().max() == 0
        torch.testing.assert_close(log_p[outside], -(distance[outside] ** 2) * math.exp(9) / 2, rtol=1e-3, atol=0)
        expected = (edge[outside] - mean.detach()[outside].double()) * math.exp(9)
        torch.testing.assert_close(slope_mean[outside].double(), expected, rtol=1e-3, atol=0)


def test_decoders_gradient_equals_finite_differences(bound):
    x = torch.linspace(-1, 1, 9, dtype=F64)
    for log_var in (-6.0, -1.0):
        mean = normal(9).requires_grad_()
        given = (mean, torch.full((9,), log_var, dtype=F64, requires_grad=True))
        assert torch.autograd.gradcheck(lambda m, v: bound.log_decoder(x, m, v, 9), given)


def test_without_levels_it_is_the_normal_density(bound):
    x, mean, log_var = (normal(2, 1, 3, 3, seed=i) for i in range(3))
    expected = torch.distributions.Normal(mean, (log_var / 2).exp()).log_prob(x)
    torch.testing.assert_close(bound.log_decoder(x, mean, log_var, 0), expected, rtol=1e-12, atol=1e-12)


# ------------------------------------------------------------------------------------- the terms of the bound


def test_prior_term_is_its_closed_form(process, bound):
    """x_T is N(sqrt(abar) x_0, 1 - abar): 1/2 (abar x_0^2 - abar - log(1 - abar)) nats for each pixel."""
    s, beta = rough(process)
    abar, x_0 = np.prod(1 - beta), normal(5, 2, 3, 4)
    nats = (abar * x_0.numpy() ** 2 - abar - math.log(1 - abar)) / 2
    np.testing.assert_allclose(bound.prior_term(s, x_0), nats.mean(axis=(1, 2, 3)) / BIT, rtol=1e-12)
    nothing_left = bound.prior_term(process.Schedule.linear(), torch.rand(3, 1, 8, 8) * 2 - 1)
    assert (nothing_left < 1e-4).all()  # as the paper has it, under 1e-5 bits for its images


def test_log_beta_tilde_is_the_posteriors_but_at_t_1(process, bound):
    for s in (rough(process)[0], process.Schedule.cosine()):
        t = every_t(s.T)
        _, variance = process.q_posterior(s, normal(s.T, 1, 1, 1), normal(s.T, 1, 1, 1), t)
        mine = bound.log_beta_tilde(s, t)
        torch.testing.assert_close(mine[1:], variance[1:].log(), rtol=1e-12, atol=0)
        assert mine[0] == mine[1]


def gaussian_reverse(beta: np.ndarray, mean: torch.Tensor, var: torch.Tensor, widen: float = 0.0):
    """q(x_{t-1} | x_t) when each pixel of x_0 is N(mean, var): the joint Gaussian of the two, conditioned."""
    abar = torch.from_numpy(np.cumprod(np.concatenate([[1.0], 1 - beta])))

    def p(x_t, t):
        now, before = (abar[i].reshape(-1, 1, 1, 1) for i in (t, t - 1))
        var_t, var_before = now * var + 1 - now, before * var + 1 - before
        covariance = (now / before).sqrt() * var_before
        centre = before.sqrt() * mean + covariance / var_t * (x_t - now.sqrt() * mean)
        return centre, (var_before - covariance**2 / var_t).log() + widen

    return p


MEAN = torch.tensor([[[0.7, -0.2], [0.0, 1.5]]], dtype=F64)
VAR = torch.tensor([[[0.3, 1.4], [0.05, 2.0]]], dtype=F64)


def closed_form(beta: np.ndarray) -> float:
    """With the exact reverse law the bound is the data's entropy plus KL(q(x_T) || N(0, I)): its only gap."""
    abar, mean, var = np.prod(1 - beta), MEAN.numpy(), VAR.numpy()
    entropy = np.log(2 * np.pi * np.e * var) / 2
    var_T, mean_T = abar * var + 1 - abar, np.sqrt(abar) * mean
    return float((entropy + (var_T + mean_T**2 - 1 - np.log(var_T)) / 2).mean() / BIT)


def test_bound_of_a_gaussian_law_with_its_exact_reverse_model_is_its_closed_form(process, bound):
    """Every term is quadratic in x_0 and eps, so three nodes of Gauss and Hermite for each give exact means."""
    s, beta = rough(process)
    nodes, weights = np.polynomial.hermite_e.hermegauss(3)
    weights = torch.from_numpy(np.outer(weights, weights).ravel()) / (2 * np.pi)
    u, e = (torch.from_numpy(a.ravel()).reshape(9, 1, 1, 1) for a in np.meshgrid(nodes, nodes, indexing="ij"))
    x_0, eps = MEAN + VAR.sqrt() * u, e.expand(9, 1, 2, 2)

    def whole(p) -> float:
        terms = bound.prior_term(s, x_0)
        for t in range(1, 10):
            terms = terms + bound.term_at(s, p, x_0, torch.full((9,), t), eps, 0)
        return (weights * terms).sum().item()

    assert whole(gaussian_reverse(beta, MEAN, VAR)) == pytest.approx(closed_form(beta), rel=1e-11)
    for other in (
        gaussian_reverse(beta, MEAN + 0.1, VAR),
        *(gaussian_reverse(beta, MEAN, VAR, w) for w in (-0.2, 0.2)),
    ):
        assert whole(other) > closed_form(beta) + 0.01  # any other reverse law pays


def test_the_sum_over_every_t_estimates_the_closed_form_and_so_do_strata(process, bound):
    """20,000 images: within 5 standard errors."""
    s, beta = rough(process)
    x_0 = MEAN + VAR.sqrt() * normal(20_000, 1, 2, 2)
    for K in (None, 5):
        bits = bound.variational_bound(s, gaussian_reverse(beta, MEAN, VAR), x_0, 0, seeded(), K)
        assert bits.shape == (20_000,)
        assert abs(bits.mean().item() - closed_form(beta)) < 5 * bits.std().item() / math.sqrt(20_000)
        assert bits.std() / math.sqrt(20_000) < 0.05


LAW = np.array([0.1, 0.4, 0.2, 0.05, 0.25])
ENTROPY = float(-(LAW * np.log2(LAW)).sum())
GREY = np.linspace(-1, 1, 5)


def discrete_reverse(process, bound, s, law: np.ndarray, shift: float = 0.0):
    """The posterior's mean at E[x_0 | x_t], which Bayes' rule gives for a law on five levels, and beta~_t."""

    def p(x_t, t):
        a = s.alpha_bar[t].reshape(-1, 1, 1, 1, 1)
        log_p = torch.from_numpy(np.log(law)) - (x_t[..., None] - a.sqrt() * torch.from_numpy(GREY)) ** 2 / (1 - a) / 2
        x_0 = (log_p.softmax(dim=-1) * torch.from_numpy(GREY)).sum(dim=-1) + shift
        return process.q_posterior(s, x_0, x_t, t)[0], bound.log_beta_tilde(s, t)[:, None, None, None]

    return p


def test_bits_of_a_discrete_law_are_not_below_its_entropy_and_come_near_it(process, bound):
    """The expectation by quadrature: all five levels, 40 nodes of noise, every t of 200."""
    s = process.Schedule.linear(200, 1e-3, 0.06)
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    x_0, eps = (pixels(a.ravel()) for a in np.meshgrid(GREY, nodes, indexing="ij"))
    weight = torch.from_numpy(np.outer(LAW, weights / weights.sum()).ravel())

    def whole(p) -> float:
        terms = bound.prior_term(s, x_0)
        for t in range(1, 201):
            terms = terms + bound.term_at(s, p, x_0, torch.full((len(x_0),), t), eps, 5)
        return (weight * terms).sum().item()

    best = whole(discrete_reverse(process, bound, s, LAW))
    assert ENTROPY < best < ENTROPY + 0.16
    assert whole(discrete_reverse(process, bound, s, np.full(5, 0.2))) > best + 0.01  # what the data are not
    assert whole(discrete_reverse(process, bound, s, LAW, shift=0.1)) > best + 0.01


def known(process, s, x_0: torch.Tensor):
    """The posterior itself, but for a variance that errs by a factor that depends on t: no term depends on noise."""

    def p(x_t, t):
        mean, variance = process.q_posterior(s, x_0[: len(x_t)], x_t, t)
        log_var = torch.where(t == 1, -3.0, variance.masked_fill(t == 1, 1.0).log() + 1 + t.double() / 5)
        return mean, log_var[:, None, None, None]

    return p


def terms_by_hand(T: int, levels: int = 5) -> np.ndarray:
    """What those terms are at x_0 = 0, in bits."""
    c = 1 + np.arange(2, T + 1) / 5
    sd, half = math.exp(-1.5), 1 / (levels - 1)
    return np.concatenate([[-math.log(2 * stats.norm.cdf(half / sd) - 1)], (c + np.exp(-c) - 1) / 2]) / BIT


def test_each_image_gets_the_term_of_its_own_t(process, bound):
    s, _ = rough(process)
    x_0, t = torch.zeros(9, 1, 2, 3, dtype=F64), every_t(9).flip(0)
    terms = bound.term_at(s, known(process, s, x_0), x_0, t, normal(9, 1, 2, 3), 5)
    np.testing.assert_allclose(terms, terms_by_hand(9)[::-1], rtol=1e-10)
    alone = torch.cat(
        [
            bound.term_at(s, known(process, s, x_0), x_0[:1], t[i : i + 1], normal(9, 1, 2, 3)[i : i + 1], 5)
            for i in range(9)
        ]
    )
    torch.testing.assert_close(alone, terms, rtol=1e-12, atol=0)


def test_the_law_is_asked_at_x_t_of_eq_4(process, bound):
    s, beta = rough(process)
    x_0, eps, t, seen = normal(9, 1, 2, 2, seed=1), normal(9, 1, 2, 2, seed=2), every_t(9), {}

    def p(x_t, times):
        seen.update(x_t=x_t, t=times)
        return x_t, torch.zeros(())

    bound.term_at(s, p, x_0, t, eps, 5)
    abar = torch.from_numpy(np.cumprod(1 - beta)).reshape(-1, 1, 1, 1)
    torch.testing.assert_close(seen["x_t"], abar.sqrt() * x_0 + (1 - abar).sqrt() * eps)
    assert torch.equal(seen["t"], t)


def test_gradients_of_the_terms_equal_finite_differences_at_t_1_too(process, bound):
    """A branch not taken must not put NaN into the gradient: one batch holds t = 1 and others."""
    s, _ = rough(process)
    x_0, eps, t = pixels([-1.0, -0.5, 0.0, 0.5, 1.0]), normal(5, 1, 1, 1), torch.tensor([1, 1, 1, 4, 9])

    def loss(shift, log_var):
        return bound.term_at(s, lambda x_t, t: (0.8 * x_t + shift, log_var), x_0, t, eps, 5)

    given = (normal(5, 1, 1, 1, seed=3).requires_grad_(), (normal(5, 1, 1, 1, seed=4) - 2).requires_grad_())
    assert torch.autograd.gradcheck(loss, given)


def test_float32_images_give_the_same_bits_to_four_digits(process, bound):
    s = process.Schedule.linear(1000)
    x_0, eps, t = torch.rand(40, 1, 4, 4) * 2 - 1, torch.randn(40, 1, 4, 4, generator=seeded()), every_t(1000)[::25]

    def p(x_t, t):
        mean, _ = process.q_posterior(s, 0.9 * x_0.to(x_t.dtype), x_t, t)
        return mean, bound.log_beta_tilde(s, t)[:, None, None, None].to(x_t.dtype)

    ours, exact = (bound.term_at(s, p, x_0.to(d), t, eps.to(d), 17) for d in (torch.float32, F64))
    assert ours.dtype == F64
    torch.testing.assert_close(ours, exact, rtol=1e-4, atol=1e-9)


# --------------------------------------------------------------------------------------------- the sum over t


@pytest.mark.parametrize(("T", "K"), [(1000, 50), (1000, 1), (1000, 1000), (9, 5), (7, 6), (40, 40), (100, 99)])
def test_strata_cut_1_to_T_into_K_parts_that_grow(bound, T, K):
    edges = bound.strata(T, K)
    sizes = np.diff(edges)
    assert (edges[0], edges[-1], len(edges)) == (0, T, K + 1)
    assert sizes.min() >= 1
    assert sizes[0] == 1 or K == 1
    if K < T:
        assert sizes[-1] == sizes.max() > 1


def test_strata_of_a_thousand_steps(bound):
    """The first eleven hold one t each; from there on the edges are cubes."""
    edges = bound.strata(1000, 50)
    assert edges[:12] == list(range(12))
    assert edges[25] == 125
    assert edges[-2] == math.floor(1000 * 0.98**3)


def test_times_are_uniform_in_each_stratum_and_each_images_own(process, bound):
    """Chi-square at level 1e-6 in each of four strata of 40 times."""
    s, asked = rough(process, T=40)[0], []

    def p(x_t, t):
        asked.append(t)
        return x_t, torch.zeros(())

    bound.variational_bound(s, p, torch.zeros(20_000, 1, 1, 1), 5, seeded(), 4)
    assert len(asked) == 4
    for (low, high), t in zip(pairwise(bound.strata(40, 4)), asked, strict=True):
        count = np.bincount(t.numpy(), minlength=41)
        assert count[low + 1 : high + 1].sum() == 20_000
        expected = 20_000 / (high - low)
        if high - low > 1:
            statistic = ((count[low + 1 : high + 1] - expected) ** 2 / expected).sum()
            assert statistic < stats.chi2.isf(1e-6, df=high - low - 1)


def test_strata_are_unbiased_and_every_t_is_exact(process, bound):
    """No term depends on noise here: over every t the sum is known, and with strata only its mean is."""
    s, _ = rough(process, T=40)
    x_0 = torch.zeros(20_000, 1, 1, 1, dtype=F64)
    exact = terms_by_hand(40).sum() + bound.prior_term(s, x_0[:1]).item()
    p = known(process, s, x_0)
    whole = bound.variational_bound(s, p, x_0[:3], 5, seeded())
    np.testing.assert_allclose(whole, [exact] * 3, rtol=1e-10)
    estimates = bound.variational_bound(s, p, x_0, 5, seeded(), 4)
    error = estimates.std().item() / math.sqrt(20_000)
    assert 0 < error < exact / 500
    assert abs(estimates.mean().item() - exact) < 5 * error


def test_noise_is_fresh_for_each_image_and_time_and_comes_from_the_generator(process, bound):
    s, _ = rough(process)
    seen: list[torch.Tensor] = []

    def p(x_t, t):
        seen.append(x_t / (1 - s.alpha_bar[t]).sqrt().reshape(-1, 1, 1, 1))  # x_0 = 0: what is left is eps
        return x_t, torch.zeros(())

    x_0 = torch.zeros(500, 1, 2, 2, dtype=F64)
    first = bound.variational_bound(s, p, x_0, 5, seeded(1), 6)
    eps = torch.cat(seen).flatten().numpy()
    assert len(np.unique(eps)) == len(eps) == 500 * 4 * 6
    assert stats.kstest(eps, "norm").pvalue > 1e-6
    torch.manual_seed(5)
    assert torch.equal(bound.variational_bound(s, p, x_0, 5, seeded(1), 6), first)
    assert not torch.equal(bound.variational_bound(s, p, x_0, 5, seeded(2), 6), first)


def test_held_out_bits_are_the_mean_of_the_first_360_images(process, bound):
    s, _ = rough(process)
    x_0 = torch.zeros(400, 1, 2, 2)
    x_0[360:] = torch.nan
    weight = torch.ones(1, requires_grad=True)
    law, count = known(process, s, torch.zeros(60, 1, 2, 2)), []

    def p(x_t, t):
        count.append(len(x_t))
        mean, log_var = law(x_t, t)
        assert not (weight * mean).requires_grad
        return mean, log_var

    bits = bound.held_out_bits(s, p, x_0, 5, seeded())
    assert bits == pytest.approx(terms_by_hand(9).sum() + bound.prior_term(s, x_0[:1]).item(), rel=1e-5)
    assert sum(count) == 360 * 9  # T is less than the strata: every t counts
    count.clear()
    bound.held_out_bits(rough(process, T=70)[0], lambda x, t: (count.append(len(x)) or x, x), x_0[:7], 5, seeded())
    assert count == [7] * 50


# ------------------------------------------------------------------------------------------------- messages


def test_bad_arguments_name_what_is_expected(process, bound):
    s, x = rough(process)[0], torch.zeros(2, 1, 2, 2)
    t, zero = torch.ones(2).long(), torch.zeros(())
    for call, parts in [
        (lambda: unchecked(bound.log_decoder)(x, x, zero, 1), ["levels is 1", "two or more"]),
        (lambda: unchecked(bound.log_decoder)(x, x, zero, -3), ["levels is -3"]),
        (lambda: unchecked(bound.strata)(9, 0), ["strata is 0", "1..9"]),
        (lambda: unchecked(bound.strata)(9, 10), ["strata is 10", "1..9"]),
        (lambda: unchecked(bound.term_at)(s, lambda x, t: (x[:1], zero), x, t, x, 5), ["[1, 1, 2, 2]", "[2, 1, 2, 2]"]),
    ]:
        with pytest.raises(ValueError, match=re.escape(parts[0])) as caught:
            call()
        assert all(part in str(caught.value) for part in parts), caught.value
