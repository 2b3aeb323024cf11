"""Proofs of parameterisation.py: exact inverses of one another, an independent check by autograd, and each guard."""

import math

import pytest
import torch

from tests.reference_impl.diffusion.toys import F64, normal

KINDS = ["eps", "x_0", "v"]


def angles(n: int = 6):
    """Shares of signal and noise of DDPM's kind, and some of none: rows of [alpha], [sigma]."""
    angle = torch.linspace(0.05, 1.5, n, dtype=F64)
    return {
        "variance preserving": (angle.cos(), angle.sin()),
        "variance exploding": (torch.ones(n, dtype=F64), torch.logspace(-2, 2, n, dtype=F64)),
        "straight": (1 - torch.linspace(0.1, 0.9, n, dtype=F64), torch.linspace(0.1, 0.9, n, dtype=F64)),
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("process", angles())
def test_what_is_asked_for_implies_the_data_and_the_noise_exactly(parameterisation, process, kind):
    p, (alpha, sigma) = parameterisation, angles()[process]
    x_0, eps = normal(6, 2, 3, 3, seed=1), normal(6, 2, 3, 3, seed=2)
    shape = (6, 1, 1, 1)
    x_t = alpha.reshape(shape) * x_0 + sigma.reshape(shape) * eps
    torch.testing.assert_close(p.mixture(x_0, eps, alpha, sigma), x_t, rtol=1e-14, atol=1e-14)
    guess = p.target(kind, x_0, eps, alpha, sigma)
    torch.testing.assert_close(p.data_from(kind, guess, x_t, alpha, sigma), x_0, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(p.noise_from(kind, guess, x_t, alpha, sigma), eps, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("process", angles())
def test_a_wrong_guess_too_implies_a_pair_that_mixes_to_x_t(parameterisation, process, kind):
    """Any guess, not the true one only: what it implies of data and noise is consistent with what was seen."""
    p, (alpha, sigma) = parameterisation, angles()[process]
    x_t, guess = normal(6, 1, 2, 2, seed=3), normal(6, 1, 2, 2, seed=4)
    x_0 = p.data_from(kind, guess, x_t, alpha, sigma)
    eps = p.noise_from(kind, guess, x_t, alpha, sigma)
    torch.testing.assert_close(p.mixture(x_0, eps, alpha, sigma), x_t, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(p.target(kind, x_0, eps, alpha, sigma), guess, rtol=1e-9, atol=1e-9)


def test_velocity_is_the_derivative_of_the_mixture_by_its_angle(parameterisation):
    """Appendix D: v = d x / d phi with alpha = cos phi, sigma = sin phi. By automatic differentiation."""
    x_0, eps = normal(1, 1, 2, 2, seed=1), normal(1, 1, 2, 2, seed=2)
    for angle in (0.0, 0.4, 1.2, math.pi / 2):
        phi = torch.tensor(angle, dtype=F64)
        _, slope = torch.func.jvp(lambda a: a.cos() * x_0 + a.sin() * eps, (phi,), (torch.ones_like(phi),))
        v = parameterisation.velocity(x_0, eps, phi.cos().reshape(1), phi.sin().reshape(1))
        torch.testing.assert_close(v, slope, rtol=1e-12, atol=1e-12)


def test_score_is_the_gradient_of_the_log_density(parameterisation):
    """Of q(x_t | x_0) = N(alpha x_0, sigma^2 I), by automatic differentiation; and back."""
    x_0, eps = normal(3, 1, 2, 2, seed=1), normal(3, 1, 2, 2, seed=2)
    alpha, sigma = torch.tensor([0.9, 0.5, 0.1], dtype=F64), torch.tensor([0.2, 0.7, 3.0], dtype=F64)
    x_t = parameterisation.mixture(x_0, eps, alpha, sigma).requires_grad_()
    law = torch.distributions.Normal(alpha.reshape(3, 1, 1, 1) * x_0, sigma.reshape(3, 1, 1, 1))
    (gradient,) = torch.autograd.grad(law.log_prob(x_t).sum(), x_t)
    score = parameterisation.score_from_noise(eps, sigma)
    torch.testing.assert_close(score, gradient, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(parameterisation.noise_from_score(score, sigma), eps, rtol=1e-12, atol=1e-12)


def test_v_needs_no_division_at_either_end(parameterisation):
    """Without signal it still says what the data are, and without noise what the noise would be."""
    p, x_0, eps = parameterisation, normal(1, 1, 2, 2, seed=1), normal(1, 1, 2, 2, seed=2)
    zero, one = torch.zeros(1, dtype=F64), torch.ones(1, dtype=F64)
    torch.testing.assert_close(p.data_from("v", p.velocity(x_0, eps, zero, one), eps, zero, one), x_0)
    torch.testing.assert_close(p.noise_from("v", p.velocity(x_0, eps, one, zero), x_0, one, zero), eps)


def test_what_cannot_be_implied_is_refused(parameterisation):
    p, x = parameterisation, normal(1, 1, 2, 2)
    zero, one = torch.zeros(1, dtype=F64), torch.ones(1, dtype=F64)
    with pytest.raises(ValueError, match=r"alpha is 0.0; expected a share of the signal > 0"):
        p.data_from("eps", x, x, zero, one)
    with pytest.raises(ValueError, match=r"sigma is 0.0; expected a share of the noise > 0"):
        p.noise_from("x_0", x, x, one, zero)
    with pytest.raises(ValueError, match='prediction is \'w\'; expected "eps", "x_0" or "v"'):
        p.known("w")
