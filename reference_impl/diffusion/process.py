r"""The forward process of DDPM (Ho, Jain & Abbeel 2020): a schedule of variances, and the laws that follow from it.

The equations, with the paper's numbers
    forward step      (2)     q(x_t | x_{t-1}) = N(sqrt(1 - beta_t) x_{t-1}, beta_t I)
    in one jump       (4)     q(x_t | x_0) = N(sqrt(abar_t) x_0, (1 - abar_t) I)
    posterior         (6)(7)  q(x_{t-1} | x_t, x_0) = N(mu~_t(x_t, x_0), beta~_t I)
    linear schedule   Sec. 4  beta_1 .. beta_T in equal steps
    cosine schedule           abar_t = f(t) / f(0), f(t) = cos^2((t / T + s) / (1 + s) pi / 2): Eq. (17) of Nichol &
                              Dhariwal, "Improved DDPM", ICML 2021, arXiv:2102.09672

The index convention
    t runs over 1..T as in the paper. The tables have T + 1 entries: entry t belongs to time t, and entry 0 is "no noise
    yet" (beta_0 = 0, abar_0 = 1). No function here adds or subtracts one, but `Schedule.at`, which looks up abar_{t-1}.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from reference_impl.engine import check

Images = Float[Tensor, "b c h w"]
Times = Int[Tensor, " b"]
PerImage = Float64[Tensor, " b"]


# ---------------------------------------------------------------------------------------------- the schedule


class At(NamedTuple):
    """The schedule's numbers at the times t of a batch, each [b] in float64."""

    beta: PerImage
    alpha: PerImage
    alpha_bar: PerImage
    alpha_bar_prev: PerImage


@dataclass(frozen=True, eq=False)
class Schedule:
    r"""The variances $\beta_1, \dots, \beta_T$ of the forward process, and what follows from them.

    Attributes:
        beta: float64 [T + 1]; entry t is the paper's beta_t, and entry 0 is 0.
    """

    beta: Float64[Tensor, " steps"]

    def __post_init__(self) -> None:
        beta = self.beta
        if beta.dtype != torch.float64 or beta.ndim != 1 or len(beta) < 2:
            raise ValueError(f"beta is {beta.dtype} {list(beta.shape)}; expected float64 [T + 1] with T >= 1")
        if beta[0] != 0 or not ((beta[1:] > 0) & (beta[1:] < 1)).all():
            raise ValueError("beta is out of range; expected beta_0 = 0 and 0 < beta_t < 1 for t = 1..T")

    @classmethod
    def linear(cls, T: int = 1000, beta_1: float = 1e-4, beta_T: float = 0.02) -> "Schedule":
        """Variances that grow linearly from beta_1 to beta_T (Section 4)."""
        check(T >= 1, "T", T, "a number of steps >= 1")
        check(0 < beta_1 <= beta_T < 1, "beta", (beta_1, beta_T), "0 < beta_1 <= beta_T < 1")
        beta = torch.linspace(beta_1, beta_T, T, dtype=torch.float64)
        return cls(torch.cat([torch.zeros(1, dtype=torch.float64), beta]))

    @classmethod
    def cosine(cls, T: int = 1000, s: float = 0.008, most: float = 0.999) -> "Schedule":
        r"""Signal that falls along a squared cosine, Eq. (17) of Nichol & Dhariwal.

        $$\bar\alpha_t = f(t) / f(0), \qquad f(t) = \cos^2\Big(\frac{t/T + s}{1 + s} \cdot \frac\pi2\Big)$$

        f(T) is 0, and beta_T would be 1: no beta is larger than `most`, so a little signal is left at T.
        """
        check(T >= 1, "T", T, "a number of steps >= 1")
        check(s > 0, "s", s, "an offset > 0: without it the first steps add next to no noise")
        check(0 < most < 1, "most", most, "a variance between 0 and 1")
        f = torch.cos((torch.arange(T + 1, dtype=torch.float64) / T + s) / (1 + s) * math.pi / 2).square()
        beta = (1 - f[1:] / f[:-1]).clamp(max=most)
        return cls(torch.cat([torch.zeros(1, dtype=torch.float64), beta]))

    def to(self, device: torch.device | str) -> "Schedule":
        """The same schedule with its tables on a device."""
        return Schedule(self.beta.to(device))

    @property
    def T(self) -> int:
        """The number of steps."""
        return len(self.beta) - 1

    @cached_property
    def alpha(self) -> Float64[Tensor, " steps"]:
        r"""$\alpha_t := 1 - \beta_t$."""
        return 1 - self.beta

    @cached_property
    def alpha_bar(self) -> Float64[Tensor, " steps"]:
        r"""$\bar\alpha_t := \prod_{s=1}^t \alpha_s$, with $\bar\alpha_0 = 1$."""
        return self.alpha.cumprod(dim=0)

    def at(self, t: Times) -> At:
        """The numbers at times t in 1..T, one time for each image.

        Raises:
            ValueError: t is not a vector of integers in 1..T.
        """
        if t.ndim != 1 or t.is_floating_point() or t.dtype == torch.bool:
            raise ValueError(f"t is {t.dtype} {list(t.shape)}; expected integers [b], one time for each image")
        if ((t < 1) | (t > self.T)).any():
            raise ValueError(f"t runs from {t.min()} to {t.max()}; expected times in 1..{self.T}")
        return At(self.beta[t], self.alpha[t], self.alpha_bar[t], self.alpha_bar[t - 1])


def times(c: PerImage, x: Images) -> Images:
    """c_i x_i for each image i: the coefficient worked out in float64, the product in x's own precision."""
    if not x.is_floating_point() or x.shape[:1] != c.shape:
        raise ValueError(f"images are {x.dtype} {list(x.shape)}; expected floating point [{len(c)} c h w], as t has it")
    return c.to(x.dtype).reshape(-1, *[1] * (x.ndim - 1)) * x


# ------------------------------------------------------------------------------------ the forward process q


def q_step(schedule: Schedule, x_prev: Images, t: Times, eps: Images) -> Images:
    r"""One forward step, Eq. (2): $x_t = \sqrt{1 - \beta_t}\, x_{t-1} + \sqrt{\beta_t}\, \epsilon$."""
    s = schedule.at(t)
    return times((1 - s.beta).sqrt(), x_prev) + times(s.beta.sqrt(), eps)


def q_sample(schedule: Schedule, x_0: Images, t: Times, eps: Images) -> Images:
    r"""All t steps in one jump, Eq. (4): $x_t = \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\, \epsilon$."""
    s = schedule.at(t)
    return times(s.alpha_bar.sqrt(), x_0) + times((1 - s.alpha_bar).sqrt(), eps)


def q_posterior(schedule: Schedule, x_0: Images, x_t: Images, t: Times) -> tuple[Images, PerImage]:
    r"""Mean and variance of $q(x_{t-1} \mid x_t, x_0)$, Eqs. (6) and (7).

    $$\tilde\mu_t = \frac{\sqrt{\bar\alpha_{t-1}}\, \beta_t}{1 - \bar\alpha_t}\, x_0
      + \frac{\sqrt{\alpha_t}\, (1 - \bar\alpha_{t-1})}{1 - \bar\alpha_t}\, x_t, \qquad
      \tilde\beta_t = \frac{1 - \bar\alpha_{t-1}}{1 - \bar\alpha_t}\, \beta_t$$
    """
    s = schedule.at(t)
    from_x_0 = s.alpha_bar_prev.sqrt() * s.beta / (1 - s.alpha_bar)
    from_x_t = s.alpha.sqrt() * (1 - s.alpha_bar_prev) / (1 - s.alpha_bar)
    variance = (1 - s.alpha_bar_prev) / (1 - s.alpha_bar) * s.beta
    return times(from_x_0, x_0) + times(from_x_t, x_t), variance
