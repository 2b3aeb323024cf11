r"""The variational bound of a diffusion model, in bits per dimension: Ho, Jain & Abbeel 2020, arXiv:2006.11239.

The problem
    A diffusion model is a model of the density: it bounds the number of bits that an image takes. The bound is a sum
    of T + 1 terms, all of them known in closed form given x_t, and an average over the noise in x_t.

The equations, with the paper's numbers
    bound             (3)     E_q [-log p_theta(x_{0:T}) / q(x_{1:T} | x_0)] >= -log p_theta(x_0)
    the same          (5)     L_T + sum_{t > 1} L_{t-1} + L_0, averaged over q, with
                              L_T     = D_KL(q(x_T | x_0) || p(x_T)), p(x_T) = N(0, I)
                              L_{t-1} = D_KL(q(x_{t-1} | x_t, x_0) || p_theta(x_{t-1} | x_t))
                              L_0     = -log p_theta(x_0 | x_1)
    decoder           (13)    p_theta(x_0 | x_1) = prod_i of N(mu_theta^i(x_1, 1), sigma_1^2)'s mass in pixel i's bin
    A KL of Gaussians is 1/2 (log v_2 - log v_1 + (v_1 + (m_1 - m_2)^2) / v_2 - 1), for each pixel.
    One unit for all: nats of an image, divided by its c h w numbers and by log 2.

The symbols (b images of c x h x w numbers)
    p_theta(x_{t-1} | x_t)    p           (x_t, t) -> mean [b c h w], log variance [broadcastable to it]
    x_0, x_t, eps, t          the same    as in process.py; t in 1..T, one for each image
    L_T, L_{t-1} and L_0      prior_term, term_at -> [b] float64, in bits per dimension

Deviations from the paper
    - The sum over t has an unbiased estimate besides: one t from each of K strata, weighed by the stratum's size. The
      strata grow with t, since L_{t-1} falls steeply with t: the first few hold one t each and are exact.
    - Bins are those of `levels` grey levels, 17 for the digits, not of 256 alone. With levels = 0 data are real
      numbers, and L_0 is minus the log of their density, whose bits may be negative.
    - The difference of two normal distribution functions is taken in the log domain and in the lower tail. The
      authors' code approximates the function by a tanh, and clips the difference at 1e-12.
"""

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from jaxtyping import Float, Float64
from torch import Generator, Tensor

from reference_impl.diffusion.process import Images, PerImage, Schedule, Times, q_posterior, q_sample
from reference_impl.engine import check

ReverseLaw = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""p_theta: (x_t [b c h w], t [b]) -> its mean [b c h w] and its log variance [broadcastable to the mean]."""

HELD_OUT = 360
"""Held-out images, at most, behind a bound."""
STRATA = 50
"""Times, for each of them, at which its terms are taken."""


# ------------------------------------------------------------------------------------- the parts of the bound


def kl_gaussians(
    mean_1: Float[Tensor, "*#s"],
    log_var_1: Float[Tensor, "*#s"],
    mean_2: Float[Tensor, "*#s"],
    log_var_2: Float[Tensor, "*#s"],
) -> Float[Tensor, "..."]:
    r"""$D_\mathrm{KL}(\mathcal N(m_1, v_1) \,\|\, \mathcal N(m_2, v_2))$ of each pixel, in nats.

    $$\frac12 \Big(\log \frac{v_2}{v_1} + \frac{v_1 + (m_1 - m_2)^2}{v_2} - 1\Big)$$
    """
    ratio = log_var_1 - log_var_2
    return (torch.expm1(ratio) - ratio + (mean_1 - mean_2).square() * (-log_var_2).exp()) / 2


def log_decoder(
    x_0: Float[Tensor, "*#s"], mean: Float[Tensor, "*#s"], log_var: Float[Tensor, "*#s"], levels: int
) -> Float64[Tensor, "..."]:
    r"""Each pixel's $\log p(x_0 \mid x_1)$, Eq. (13), in nats: the log of a normal law's mass in the pixel's bin.

    $$\log \big(\Phi(a) - \Phi(b)\big) = \log\Phi(a) + \log\big(1 - e^{\log\Phi(b) - \log\Phi(a)}\big), \qquad
      a, b = \frac{x_0 \pm \delta - \mu}{\sigma},\quad \delta = \frac{1}{\mathrm{levels} - 1}$$

    The first bin reaches down to minus infinity, the last up to infinity. Where a + b > 0 the bin is mirrored to the
    other side of the mean: there both logarithms are large, and differ. In float32 the gradient of log Phi is wrong in
    the far tail, hence float64.

    Args:
        x_0: The pixels, of `levels` values evenly spaced on [-1, 1].
        mean: Their law's mean mu.
        log_var: Its log variance, log sigma^2.
        levels: How many values a pixel can have; 0 for real numbers, of which the log density is returned.
    """
    check(levels == 0 or levels >= 2, "levels", levels, "two or more, or 0 for real numbers")
    x_0, mean, log_var = x_0.double(), mean.double(), log_var.double()
    if levels == 0:
        return -(math.log(2 * math.pi) + log_var + (x_0 - mean).square() * (-log_var).exp()) / 2
    delta = 1 / (levels - 1)
    upper, lower = ((x_0 + d - mean) * (-log_var / 2).exp() for d in (delta, -delta))
    mirrored = upper + lower > 0
    log_a = torch.special.log_ndtr(torch.where(mirrored, -lower, upper))
    log_b = torch.special.log_ndtr(torch.where(mirrored, -upper, lower))
    inner = log_a + (-torch.expm1(log_b - log_a)).log()
    first, last = x_0 < -1 + delta, x_0 > 1 - delta
    return torch.where(first, torch.special.log_ndtr(upper), torch.where(last, torch.special.log_ndtr(-lower), inner))


def bits_per_dim(nats: Float64[Tensor, "b c h w"]) -> PerImage:
    """Nats of each pixel to bits for each number of an image."""
    return nats.flatten(1).mean(dim=1) / math.log(2)


def log_beta_tilde(schedule: Schedule, t: Times) -> PerImage:
    r"""$\log\tilde\beta_t$, and at t = 1, where it would be the log of 0, that of t = 2, as in the authors' code.

    A reverse law with no variance at t = 1 would give a pixel all its mass or none; $L_0$ needs some width.
    """
    s = schedule.at(t.clamp(min=2))
    return ((1 - s.alpha_bar_prev) / (1 - s.alpha_bar) * s.beta).log()


# -------------------------------------------------------------------------------------- the terms and their sum


def prior_term(schedule: Schedule, x_0: Images) -> PerImage:
    r"""$L_T = D_\mathrm{KL}(q(x_T \mid x_0) \,\|\, \mathcal N(0, I))$ of each image, in bits per dimension."""
    alpha_bar = schedule.alpha_bar[-1]
    nothing = torch.zeros((), dtype=torch.float64, device=x_0.device)
    return bits_per_dim(kl_gaussians(alpha_bar.sqrt() * x_0.double(), (1 - alpha_bar).log(), nothing, nothing))


def term_at(schedule: Schedule, p: ReverseLaw, x_0: Images, t: Times, eps: Images, levels: int) -> PerImage:
    r"""Each image's term of Eq. (5) at its own t >= 1, in bits per dimension: $L_{t-1}$, and $L_0$ at t = 1.

    $$L_{t-1} = D_\mathrm{KL}\big(q(x_{t-1} \mid x_t, x_0) \,\|\, p_\theta(x_{t-1} \mid x_t)\big), \qquad
      L_0 = -\log p_\theta(x_0 \mid x_1)$$

    Args:
        schedule: The forward process.
        p: The reverse law; its variance may be fixed or learned.
        x_0: The images.
        t: Their times.
        eps: The noise in x_t, by Eq. (4).
        levels: How many values a pixel can have; 0 for real numbers.
    """
    x_t = q_sample(schedule, x_0, t, eps)
    mean, log_var = p(x_t, t)
    if mean.shape != x_0.shape:
        raise ValueError(f"p returned a mean {list(mean.shape)}; expected the images' shape {list(x_0.shape)}")
    true_mean, true_var = q_posterior(schedule, x_0, x_t, t)
    true_log_var = true_var.log()[:, None, None, None]  # minus infinity at t = 1, where L_0 takes the KL's place
    kl = kl_gaussians(true_mean.double(), true_log_var, mean.double(), log_var.double())
    first = (t == 1)[:, None, None, None]
    return bits_per_dim(torch.where(first, -log_decoder(x_0, mean, log_var, levels), kl))


def strata(T: int, K: int) -> list[int]:
    r"""Cut 1..T into K strata $(e_{k-1}, e_k]$ with $e_k = \max(k, \lfloor T (k/K)^3 \rfloor)$; e_0..e_K are returned.

    The terms of small t are the largest and change fastest, so the first strata hold one t each, and count exactly.
    """
    check(1 <= K <= T, "strata", K, f"a number in 1..{T}, the number of steps")
    return [max(k, T * k**3 // K**3) for k in range(K + 1)]


def variational_bound(
    schedule: Schedule, p: ReverseLaw, x_0: Images, levels: int, generator: Generator, K: int | None = None
) -> PerImage:
    r"""The bound (5) of each image, in bits per dimension: $L_T + \sum_k (e_k - e_{k-1})\, L_{t_k - 1}$.

    Each image has its own $t_k$, uniform in the stratum, and its own noise there, so the estimate is unbiased.

    Args:
        schedule: The forward process.
        p: The reverse law.
        x_0: The images.
        levels: How many values a pixel can have; 0 for real numbers.
        generator: Where times and noise come from.
        K: The number of strata; None for one to each t: then the sum over t is exact.
    """
    bound = prior_term(schedule, x_0)
    for low, high in pairwise(strata(schedule.T, schedule.T if K is None else K)):
        t = torch.randint(low + 1, high + 1, x_0.shape[:1], generator=generator, device=x_0.device)
        eps = torch.randn(x_0.shape, generator=generator, device=x_0.device, dtype=x_0.dtype)
        bound = bound + (high - low) * term_at(schedule, p, x_0, t, eps, levels)
    return bound


@torch.no_grad()
def held_out_bits(schedule: Schedule, p: ReverseLaw, x_0: Images, levels: int, generator: Generator) -> float:
    """The mean bound of the first `HELD_OUT` images, at `STRATA` times each, or at all if there are fewer."""
    K = min(STRATA, schedule.T)
    parts = [variational_bound(schedule, p, x, levels, generator, K) for x in x_0[:HELD_OUT].split(60)]
    return torch.cat(parts).mean().item()
