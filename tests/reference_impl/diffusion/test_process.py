"""Proofs of process.py: each holds the code against something worked out another way."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from tests.reference_impl.diffusion.toys import F64, every_t, pixels, rough, seeded, unchecked

# ------------------------------------------------------------------------------------------------- schedule


def test_linear_schedule_is_the_papers(process):
    s = process.Schedule.linear()
    assert s.T == 1000
    assert len(s.beta) == len(s.alpha) == len(s.alpha_bar) == 1001
    assert (s.beta[0], s.alpha_bar[0]) == (0, 1)
    for t in (1, 2, 500, 999, 1000):
        assert s.beta[t].item() == pytest.approx(1e-4 + (0.02 - 1e-4) * (t - 1) / 999, rel=1e-12)
    assert torch.equal(s.alpha, 1 - s.beta)
    for t in (1, 2, 500, 1000):  # the product, by a compensated sum of logarithms
        assert s.alpha_bar[t].item() == pytest.approx(
            math.exp(math.fsum(np.log1p(-s.beta[1 : t + 1].numpy()))), rel=1e-11
        )


def test_end_of_the_forward_process_is_nearly_the_prior(process):
    """Section 4: the prior's KL term L_T is about 1e-5 bits per dimension. That needs abar_T near 4e-5."""
    abar = process.Schedule.linear().alpha_bar[1000].item()
    assert abar == pytest.approx(4.036e-5, rel=1e-3)
    for mean_square in (0.2, 0.5):  # of natural images in [-1, 1]
        kl = 0.5 * (abar * mean_square - abar - math.log1p(-abar)) / math.log(2)
        assert 0.3e-5 < kl < 2e-5


def test_lookup_at_t_holds_the_neighbours_apart(process):
    s, beta = rough(process)
    at = s.at(every_t(9))
    abar = np.cumprod(1 - beta)
    np.testing.assert_allclose(at.beta, beta, rtol=1e-15)
    np.testing.assert_allclose(at.alpha, 1 - beta, rtol=1e-15)
    np.testing.assert_allclose(at.alpha_bar, abar, rtol=1e-14)
    np.testing.assert_allclose(at.alpha_bar_prev, [1, *abar[:-1]], rtol=1e-14)


# ------------------------------------------------------------------------------------------ forward process


def test_forward_step_has_mean_and_variance_of_eq_2(process):
    s, beta = rough(process)
    t, one, zero = every_t(9), pixels(np.ones(9)), pixels(np.zeros(9))
    np.testing.assert_allclose(process.q_step(s, one, t, zero).flatten(), np.sqrt(1 - beta), rtol=1e-14)
    np.testing.assert_allclose(process.q_step(s, zero, t, one).flatten() ** 2, beta, rtol=1e-14)


def test_q_sample_equals_the_steps_by_recursion(process):
    """Eq. (4) from Eq. (2): m_t = sqrt(1 - beta_t) m_{t-1}, v_t = (1 - beta_t) v_{t-1} + beta_t, all t of T = 1000."""
    s = process.Schedule.linear()
    t, one, zero = every_t(1000), pixels(np.ones(1000)), pixels(np.zeros(1000))
    m, v, means, variances = 1.0, 0.0, [], []
    for beta in s.beta[1:].tolist():
        m, v = math.sqrt(1 - beta) * m, (1 - beta) * v + beta
        means.append(m)
        variances.append(v)
    np.testing.assert_allclose(process.q_sample(s, one, t, zero).flatten(), means, rtol=1e-11)
    np.testing.assert_allclose(process.q_sample(s, zero, t, one).flatten() ** 2, variances, rtol=1e-11)


def test_q_sample_equals_the_steps_by_simulation(process):
    """200,000 chains of Eq. (2) against Eq. (4): mean and variance within 5 standard errors (p < 1e-6)."""
    n, x_0 = 200_000, 0.7
    s, _ = rough(process)
    x, g = torch.full((n, 1, 1, 1), x_0, dtype=F64), seeded()
    for t in range(1, 6):
        x = process.q_step(s, x, torch.full((n,), t), torch.randn(x.shape, generator=g, dtype=F64))
    five, one, zero = torch.tensor([5]), pixels([1.0]), pixels([0.0])
    mean, var = process.q_sample(s, x_0 * one, five, zero).item(), process.q_sample(s, zero, five, one).item() ** 2
    assert abs(x.mean().item() - mean) < 5 * math.sqrt(var / n)
    assert abs(x.var().item() - var) < 5 * var * math.sqrt(2 / n)


# ------------------------------------------------------------------------------------------------ posterior


def test_posterior_equals_bayes_rule_by_quadrature(process):
    """q(x_{t-1} | x_t, x_0) is proportional to q(x_t | x_{t-1}) q(x_{t-1} | x_0): integrated on a grid."""
    s, beta = rough(process)
    abar, x_0, x_t = np.cumprod(1 - beta), 0.4, -0.9
    u = np.linspace(-12, 12, 200_001)
    for t in range(2, 10):
        prior = stats.norm.pdf(u, math.sqrt(abar[t - 2]) * x_0, math.sqrt(1 - abar[t - 2]))
        density = prior * stats.norm.pdf(x_t, np.sqrt(1 - beta[t - 1]) * u, math.sqrt(beta[t - 1]))
        density /= density.sum()
        mean, var = process.q_posterior(s, pixels([x_0]), pixels([x_t]), torch.tensor([t]))
        assert mean.item() == pytest.approx((density * u).sum(), abs=1e-9)
        assert var.item() == pytest.approx((density * u**2).sum() - (density * u).sum() ** 2, abs=1e-9)


def test_posterior_equals_conditioning_the_joint_gaussian(process):
    """x_1..x_T given x_0 is one Gaussian, x = m x_0 + L eps. Condition x_{t-1} on x_t by the Schur complement."""
    s, beta = rough(process)
    T, m, L = len(beta), np.zeros(len(beta)), np.zeros((len(beta), len(beta)))
    for i in range(T):
        a = math.sqrt(1 - beta[i])
        m[i] = a * (m[i - 1] if i else 1.0)
        L[i] = a * L[i - 1] if i else 0.0
        L[i, i] = math.sqrt(beta[i])
    cov, x_0, x_t = L @ L.T, -0.3, 1.1
    for t in range(2, T + 1):
        i, j = t - 2, t - 1  # the rows of x_{t-1} and x_t
        gain = cov[i, j] / cov[j, j]
        mean, var = process.q_posterior(s, pixels([x_0]), pixels([x_t]), torch.tensor([t]))
        assert mean.item() == pytest.approx(m[i] * x_0 + gain * (x_t - m[j] * x_0), rel=1e-12)
        assert var.item() == pytest.approx(cov[i, i] - gain * cov[i, j], rel=1e-11)


def test_posterior_at_t_1_is_x_0_itself(process):
    s, _ = rough(process)
    mean, var = process.q_posterior(s, pixels([0.6]), pixels([-5.0]), torch.tensor([1]))
    assert mean.item() == pytest.approx(0.6, rel=1e-14)
    assert var.item() == 0


# ------------------------------------------------------------------------------------- precision and messages


def test_coefficients_are_exact_in_float32_where_subtraction_would_not_be(process):
    """At t = 1, 1 - abar = 1e-4: formed in float32 it would be off by up to 3e-4 of itself. Ours is right to 1e-6."""
    s = process.Schedule.linear()
    noise = process.q_sample(s, torch.zeros(1, 1, 1, 1), torch.tensor([1]), torch.ones(1, 1, 1, 1))
    assert noise.dtype == torch.float32
    assert noise.item() == pytest.approx(0.01, rel=1e-6)


def test_bad_times_and_shapes_name_what_is_expected(process):
    s, x = rough(process)[0], torch.zeros(2, 1, 3, 3)
    at, times = unchecked(process.Schedule.at), unchecked(process.times)
    for bad in ([0, 1], [1, 10], [-1, 3]):
        with pytest.raises(ValueError, match=r"expected times in 1\.\.9"):
            process.q_sample(s, x, torch.tensor(bad), x)
    for bad in (torch.tensor([0.5, 1.0]), torch.tensor(3), torch.tensor([True, True])):
        with pytest.raises(ValueError, match=r"expected integers \[b\]"):
            at(s, bad)
    with pytest.raises(ValueError, match=r"expected floating point \[3 c h w\]"):
        times(torch.ones(3, dtype=F64), x)
    with pytest.raises(ValueError, match="expected floating point"):
        times(torch.ones(2, dtype=F64), x.int())


def test_bad_schedules_are_refused(process):
    schedule = unchecked(process.Schedule)
    for beta in ([0.1, 0.2], [0.0, 0.2, 1.0], [0.0, 0.0], [0.0, -0.1]):
        with pytest.raises(ValueError, match="expected beta_0 = 0 and 0 < beta_t < 1"):
            schedule(torch.tensor(beta, dtype=F64))
    with pytest.raises(ValueError, match=r"expected float64 \[T \+ 1\]"):
        schedule(torch.zeros(1, dtype=F64))
    with pytest.raises(ValueError, match="T is 0"):
        process.Schedule.linear(0)


def test_cosine_schedule_is_the_papers(process):
    """Eq. (17) of Nichol & Dhariwal: their offset s makes sqrt(beta_1) a little less than a grey level, 1 / 127.5."""
    s = process.Schedule.cosine()
    assert s.T == 1000
    for t in (1, 250, 500, 990):
        angle = (t / 1000 + 0.008) / 1.008 * math.pi / 2
        start = 0.008 / 1.008 * math.pi / 2
        assert s.alpha_bar[t].item() == pytest.approx(math.cos(angle) ** 2 / math.cos(start) ** 2, rel=1e-9)
    assert math.sqrt(s.beta[1].item()) == pytest.approx(1 / 127.5, rel=0.25)
    assert s.beta[1000] == 0.999
    assert (s.beta[1:].diff() >= 0).all()


def test_the_cosine_schedule_ends_with_next_to_no_signal_and_keeps_more_of_it_on_the_way(process):
    """What is left at T: 2.4e-9 of the variance, where the linear schedule leaves 4e-5; half way, 49 % against 8 %."""
    cosine, linear = process.Schedule.cosine(), process.Schedule.linear()
    assert cosine.alpha_bar[1000].item() == pytest.approx(2.4e-9, rel=0.05)
    assert linear.alpha_bar[1000].item() == pytest.approx(4.0e-5, rel=0.05)
    assert cosine.alpha_bar[500].item() == pytest.approx(0.49, abs=0.01)
    assert linear.alpha_bar[500].item() == pytest.approx(0.08, abs=0.01)


@pytest.mark.parametrize(("words", "message"), [({"T": 0}, "T is 0"), ({"s": 0.0}, "s is 0"), ({"most": 1.0}, "most")])
def test_bad_cosine_schedules_are_refused(process, words, message):
    with pytest.raises(ValueError, match=message):
        process.Schedule.cosine(**words)
