"""Laws of one pixel, and what a perfect network says of them: the noise, or the velocity, in closed form."""

import math

import numpy as np
import torch
from scipy import stats

MEAN, SD = 0.6, 0.5
WEIGHTS, MEANS, SDS = np.array([0.3, 0.7]), np.array([-0.7, 0.5]), np.array([0.1, 0.15])


def gaussian_noise(schedule, mean: float = MEAN, var: float = SD**2):
    """E[eps | x_t] for x_0 ~ N(mean, var), on a schedule of DDPM."""

    def eps_theta(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        a = schedule.alpha_bar[t].reshape(-1, 1, 1, 1).to(x_t.dtype)
        return (1 - a).sqrt() * (x_t - a.sqrt() * mean) / (a * var + 1 - a)

    return eps_theta


def mixture_noise(schedule):
    """E[eps | x_t] for the mixture, by the gradient of the log density, which is that of a mixture again."""
    weight, mean, sd = (torch.tensor(a) for a in (WEIGHTS, MEANS, SDS))

    def eps_theta(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        a = schedule.alpha_bar[t][0]
        centre, var = a.sqrt() * mean, a * sd**2 + 1 - a
        x = x_t.double()[..., None]
        log_w = weight.log() - 0.5 * var.log() - 0.5 * (x - centre) ** 2 / var
        score = (log_w.softmax(dim=-1) * (centre - x) / var).sum(dim=-1)
        return (-(1 - a).sqrt() * score).to(x_t.dtype)

    return eps_theta


def gaussian_velocity(x: torch.Tensor, t: torch.Tensor, mean=MEAN, sd=SD, sigma_min: float = 0.0) -> torch.Tensor:
    """E[velocity of the line | x_t = x] for x_1 ~ N(mean, sd^2): the regression of one Gaussian on another."""
    t = t.reshape(-1, *[1] * (x.ndim - 1)).to(x.dtype)
    a, k = 1 - (1 - sigma_min) * t, 1 - sigma_min  # x_t = a x_0 + t x_1, velocity x_1 - k x_0
    return mean + (t * sd**2 - k * a) / (a**2 + t**2 * sd**2) * (x - t * mean)


def gaussian_flow(x: torch.Tensor, t: float, mean=MEAN, sd=SD) -> torch.Tensor:
    """Where that velocity carries x from time 0 to t: the increasing map from N(0, 1) to the law of x_t."""
    return t * mean + math.sqrt((1 - t) ** 2 + t**2 * sd**2) * x


def mixture_velocity(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """The same for a mixture: each component's velocity, by how likely the component is at x_t = x."""
    x, t = x[..., None], t.reshape(-1, *[1] * x.ndim).to(x.dtype)
    weight, mean, sd = (torch.as_tensor(a, dtype=x.dtype, device=x.device) for a in (WEIGHTS, MEANS, SDS))
    var = (1 - t) ** 2 + t**2 * sd**2
    log_w = weight.log() - 0.5 * var.log() - 0.5 * (x - t * mean) ** 2 / var
    v = mean + (t * sd**2 - (1 - t)) / var * (x - t * mean)
    return (log_w.softmax(dim=-1) * v).sum(dim=-1)


def mixture_cdf(u: np.ndarray, t: float = 1.0) -> np.ndarray:
    """Of x_t. In one dimension a flow keeps the order, so it carries z to where this is the normal's at z."""
    sd = np.sqrt((1 - t) ** 2 + t**2 * SDS**2)
    return (WEIGHTS * stats.norm.cdf(np.asarray(u)[:, None], t * MEANS, sd)).sum(axis=1)


def mixture_samples(n: int, generator: torch.Generator) -> torch.Tensor:
    """[n 1 1 1] in float64."""
    which = (torch.rand(n, generator=generator) >= WEIGHTS[0]).long()
    noise = torch.randn(n, generator=generator, dtype=torch.float64)
    return (torch.tensor(MEANS)[which] + torch.tensor(SDS)[which] * noise).reshape(n, 1, 1, 1)


def band(n: int) -> float:
    """The Kolmogorov-Smirnov distance of n true samples stays below this with probability 1 - 1e-6."""
    return math.sqrt(math.log(2 / 1e-6) / (2 * n))
