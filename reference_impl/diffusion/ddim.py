r"""Denoising diffusion implicit models (DDIM): Song, Meng & Ermon, ICLR 2021, arXiv:2010.02502. A sampler.

The problem
    DDPM's sampler takes as many steps as its forward process, a thousand. But its training looks at the laws
    q(x_t | x_0) only, not at how x_t and x_{t-1} hang together. Other processes have the same laws q(x_t | x_0), and so
    the same trained network serves their samplers too: some of them take few steps, and one of them draws no noise.

The equations, with the paper's numbers
    in one jump       (4)     q(x_t | x_0) = N(sqrt(abar_t) x_0, (1 - abar_t) I), the same for every sigma
    inference         (7)     q_sigma(x_s | x_t, x_0) = N(sqrt(abar_s) x_0 + sqrt(1 - abar_s - sigma^2) eps, sigma^2 I)
                              with eps = (x_t - sqrt(abar_t) x_0) / sqrt(1 - abar_t)
    guess of x_0      (9)     x^_0 = (x_t - sqrt(1 - abar_t) eps_theta(x_t, t)) / sqrt(abar_t)
    step              (12)    x_s = sqrt(abar_s) x^_0 + sqrt(1 - abar_s - sigma^2) eps_theta + sigma z
    as an ODE         (13)(14) x_s / sqrt(abar_s) = x_t / sqrt(abar_t) + (r_s - r_t) eps_theta(x_t, t) for sigma = 0,
                              r = sqrt((1 - abar) / abar): an Euler step of d xbar = eps_theta dr
    noise             (16)    sigma = eta sqrt((1 - abar_s) / (1 - abar_t)) sqrt(1 - abar_t / abar_s)
    times       App. D.2      tau_i = floor(c i) or floor(c i^2), with c so that tau_S is at T
    interpolation App. D.5    between two x_T along the great circle: Shoemake, "Animating rotation with quaternion
                              curves", SIGGRAPH 1985

The symbols (b images of c x h x w numbers)
    alpha_t           Schedule.alpha_bar      [T + 1] float64. THE PAPER'S alpha_t IS DDPM's abar_t, and is abar_t here
    tau_1 < .. < tau_S  tau                   S integers in 1..T, the times at which the network is asked
    t, s              t, s                    [b] integers: tau_i, and tau_{i-1} or 0; the paper's t and t - 1
    x_t, x_0, x^_0    x_t, x_0                [b c h w]
    eps_theta         eps                     [b c h w]
    eps_theta(x_t, t) predict                 a callable (x_t, t) -> [b c h w]; it may predict eps, x_0 or v
    sigma_t           sigma                   [b] float64
    eta               eta                     0: no noise, DDIM; 1: DDPM's sampler with the variance beta~_t

Deviations from the paper
    - The network may predict x_0 or v instead of the noise (parameterisation.py); Eq. (12) is written in what follows.
    - Times that the floor of the quadratic spacing makes equal, or 0, are moved up to the next free time. The authors'
      code has the last quadratic time at 0.8 T; ours is T, where sampling starts.
    - Encoding asks at t = 1 for the noise in x_0 itself: at t = 0 no network was trained.
    - The guess of x_0 can be kept in the range of the data; the noise is then worked out anew. Off by default.
    - Not here: the variance sigma^ larger than that of eta = 1 (Section 5), and the discrete case (Appendix A).
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Generator

from reference_impl.diffusion.conditioning import Predictor
from reference_impl.diffusion.parameterisation import Prediction, data_from, noise_from
from reference_impl.diffusion.process import Images, PerImage, Schedule, Times, times
from reference_impl.engine import Watch, check

Spacing = Literal["linear", "quadratic"]


# ------------------------------------------------------------------------------------------------- the times


def spread(T: int, steps: int, spacing: Spacing = "linear") -> list[int]:
    r"""The times $\tau_1 < \dots < \tau_S = T$ of Appendix D.2, $\lfloor c i \rfloor$ or $\lfloor c i^2 \rfloor$.

    Args:
        T: The last time.
        steps: How many times, S; at most T.
        spacing: Equal steps, or steps that are short near the data and long in the noise.
    """
    check(T >= 1, "T", T, "a number of steps >= 1")
    check(1 <= steps <= T, "steps", steps, f"a number of steps in 1..{T}")
    check(spacing in ("linear", "quadratic"), "spacing", spacing, '"linear" or "quadratic"')
    tau: list[int] = []
    for i in range(1, steps + 1):
        wanted = T * i // steps if spacing == "linear" else T * i**2 // steps**2
        tau.append(max(wanted, tau[-1] + 1 if tau else 1))
    return tau


def known_times(schedule: Schedule, tau: Sequence[int]) -> None:
    """Raise a ValueError for times that are not an increasing sub-sequence of 1..T."""
    good = len(tau) >= 1 and tau[0] >= 1 and tau[-1] <= schedule.T and all(a < b for a, b in pairwise(tau))
    check(good, "tau", list(tau), f"increasing times in 1..{schedule.T}, at least one")


def shares(schedule: Schedule, t: Times) -> tuple[PerImage, PerImage]:
    r"""Of signal, $\sqrt{\bar\alpha_t}$, and of noise, $\sqrt{1 - \bar\alpha_t}$, at times in 0..T."""
    if ((t < 0) | (t > schedule.T)).any():
        raise ValueError(f"t runs from {t.min()} to {t.max()}; expected times in 0..{schedule.T}")
    alpha_bar = schedule.alpha_bar[t]
    return alpha_bar.sqrt(), (1 - alpha_bar).sqrt()


# -------------------------------------------------------------------------------------------------- one step


def guess(
    schedule: Schedule,
    predict: Predictor,
    x_t: Images,
    t: Times,
    prediction: Prediction = "eps",
    limit: float | None = None,
) -> tuple[Images, Images]:
    r"""The data $\hat x_0$ and the noise $\epsilon_\theta$ that a prediction implies, Eq. (9).

    Args:
        schedule: The forward process.
        predict: What is asked, once.
        x_t: The noisy images.
        t: Their times, in 1..T.
        prediction: What `predict` predicts.
        limit: Keep the data within -limit..limit, and take the noise that then remains; None leaves them as they are.
    """
    if (t < 1).any():
        raise ValueError(f"t is {t.min()}; expected times in 1..{schedule.T}, where there is noise to find")
    alpha, noise = shares(schedule, t)
    said = predict(x_t, t)
    if said.shape != x_t.shape:
        raise ValueError(f"the prediction is {list(said.shape)}; expected the shape of the images {list(x_t.shape)}")
    x_0 = data_from(prediction, said, x_t, alpha, noise)
    if limit is None:
        return x_0, noise_from(prediction, said, x_t, alpha, noise)
    x_0 = x_0.clamp(-limit, limit)
    return x_0, noise_from("x_0", x_0, x_t, alpha, noise)


def sigma(schedule: Schedule, t: Times, s: Times, eta: float) -> PerImage:
    r"""The standard deviation of the noise in a step from t to s, Eq. (16).

    $$\sigma = \eta \sqrt{\frac{1 - \bar\alpha_s}{1 - \bar\alpha_t}} \sqrt{1 - \frac{\bar\alpha_t}{\bar\alpha_s}}$$

    It is 0 where s = 0: the last step adds no noise.
    """
    check(0 <= eta <= 1, "eta", eta, "a number in 0..1; beyond 1 the root in Eq. (12) is of a negative number")
    if (s >= t).any():
        raise ValueError(f"s is {s.tolist()} and t is {t.tolist()}; expected each s before its t")
    (a_t, noise_t), (a_s, noise_s) = shares(schedule, t), shares(schedule, s)
    return eta * noise_s / noise_t * (1 - (a_t / a_s) ** 2).sqrt()


def q_sigma(
    schedule: Schedule, x_0: Images, eps: Images, t: Times, s: Times, eta: float = 0.0
) -> tuple[Images, PerImage]:
    r"""Mean and standard deviation of $q_\sigma(x_s \mid x_t, x_0)$, Eq. (7).

    $$\mu = \sqrt{\bar\alpha_s}\, x_0 + \sqrt{1 - \bar\alpha_s - \sigma^2}\; \epsilon, \qquad
      \epsilon = \frac{x_t - \sqrt{\bar\alpha_t}\, x_0}{\sqrt{1 - \bar\alpha_t}}$$

    With the guesses of data and noise in the place of the true ones, it is the law of the step of Eq. (12).
    """
    deviation = sigma(schedule, t, s, eta)
    alpha, noise = shares(schedule, s)
    return times(alpha, x_0) + times((noise**2 - deviation**2).sqrt(), eps), deviation


# -------------------------------------------------------------------------------------------------- sampling


@torch.no_grad()
def step(
    schedule: Schedule,
    predict: Predictor,
    x_t: Images,
    t: int,
    s: int,
    eta: float = 0.0,
    prediction: Prediction = "eps",
    generator: Generator | None = None,
    limit: float | None = None,
) -> Images:
    r"""From time t to an earlier time s, Eq. (12); arguments as in `trajectory`. Where sigma is 0, nothing is drawn.

    $$x_s = \sqrt{\bar\alpha_s}\, \hat x_0 + \sqrt{1 - \bar\alpha_s - \sigma^2}\; \epsilon_\theta + \sigma z$$
    """
    t_each, s_each = (torch.full(x_t.shape[:1], time, device=x_t.device) for time in (t, s))
    x_0, eps = guess(schedule, predict, x_t, t_each, prediction, limit)
    mean, deviation = q_sigma(schedule, x_0, eps, t_each, s_each, eta)
    if eta == 0 or s == 0:
        return mean
    z = torch.randn(x_t.shape, generator=generator, device=x_t.device, dtype=x_t.dtype)
    return mean + times(deviation, z)


def trajectory(
    schedule: Schedule,
    predict: Predictor,
    x_T: Images,
    tau: Sequence[int],
    eta: float = 0.0,
    prediction: Prediction = "eps",
    generator: Generator | None = None,
    limit: float | None = None,
) -> Iterator[tuple[int, Images]]:
    r"""Eq. (12) along $\tau$, step by step: yields $(\tau_S, x_{\tau_S})$, ..., $(\tau_1, x_{\tau_1})$, $(0, x_0)$.

    Args:
        schedule: The forward process.
        predict: What is asked at each time of tau.
        x_T: The images at tau_S: noise, or images that `encode` returned.
        tau: The times, increasing, in 1..T.
        eta: 0 for no noise (DDIM), 1 for as much as DDPM adds.
        prediction: What `predict` predicts.
        generator: Where the noise of the steps comes from.
        limit: See `guess`.
    """
    known_times(schedule, tau)
    x = x_T
    yield tau[-1], x
    for t, s in pairwise([*reversed(tau), 0]):
        x = step(schedule, predict, x, t, s, eta, prediction, generator, limit)
        yield s, x


def decode(
    schedule: Schedule,
    predict: Predictor,
    x_T: Images,
    tau: Sequence[int],
    eta: float = 0.0,
    prediction: Prediction = "eps",
    generator: Generator | None = None,
    limit: float | None = None,
    watch: Watch = lambda steps, _: steps,
) -> Images:
    """The data x_0 that the noise x_T leads to; arguments as in `trajectory`."""
    for _, x in watch(trajectory(schedule, predict, x_T, tau, eta, prediction, generator, limit), len(tau) + 1):
        x_0 = x
    return x_0


def sample(
    schedule: Schedule,
    predict: Predictor,
    shape: tuple[int, ...],
    tau: Sequence[int],
    eta: float = 0.0,
    prediction: Prediction = "eps",
    generator: Generator | None = None,
    limit: float | None = None,
    watch: Watch = lambda steps, _: steps,
) -> Images:
    """New data of the given shape [b c h w], from standard normal noise; other arguments as in `trajectory`."""
    x_T = torch.randn(shape, generator=generator, device=schedule.beta.device)
    return decode(schedule, predict, x_T, tau, eta, prediction, generator, limit, watch)


# -------------------------------------------------------------------------------- the other way, and between


def euler(schedule: Schedule, x_t: Images, eps: Images, t: Times, s: Times) -> Images:
    r"""From time t to any time s along the noise, Eq. (13); with the noise at t it is Eq. (12) for eta = 0.

    $$\frac{x_s}{\sqrt{\bar\alpha_s}} = \frac{x_t}{\sqrt{\bar\alpha_t}}
      + \Big(\sqrt{\tfrac{1 - \bar\alpha_s}{\bar\alpha_s}} - \sqrt{\tfrac{1 - \bar\alpha_t}{\bar\alpha_t}}\Big)
      \epsilon_\theta(x_t, t)$$
    """
    (a_t, noise_t), (a_s, noise_s) = shares(schedule, t), shares(schedule, s)
    return times(a_s / a_t, x_t) + times(noise_s - a_s / a_t * noise_t, eps)


@torch.no_grad()
def encode(
    schedule: Schedule, predict: Predictor, x_0: Images, tau: Sequence[int], prediction: Prediction = "eps"
) -> Images:
    r"""The noise $x_{\tau_S}$ that leads to given data: the ODE (14) followed from 0 to $\tau_S$ by steps of Eq. (13).

    `decode` with eta = 0 leads back, up to an error that falls like 1 / S.
    """
    known_times(schedule, tau)
    x = x_0
    for now, then in pairwise([0, *tau]):
        t, s = (torch.full(x.shape[:1], time, device=x.device) for time in (now, then))
        _, eps = guess(schedule, predict, x, t.clamp(min=1), prediction)
        x = euler(schedule, x, eps, t, s)
    return x


def slerp(a: Images, b: Images, share: float) -> Images:
    r"""The point that lies a share of the way from a to b on a great circle, for each image.

    $$\frac{\sin((1 - \lambda)\, \theta)}{\sin\theta}\, a + \frac{\sin(\lambda\, \theta)}{\sin\theta}\, b,
      \qquad \cos\theta = \frac{a \cdot b}{|a|\, |b|}$$

    Where a and b have one direction, the circle is any, and the point lies on the straight line.
    """
    x, y = a.flatten(1).double(), b.flatten(1).double()
    theta = ((x * y).sum(dim=1) / (x.norm(dim=1) * y.norm(dim=1))).clamp(-1, 1).acos()
    straight = theta.sin() < 1e-6
    theta = theta.masked_fill(straight, 1.0)
    of_a = (((1 - share) * theta).sin() / theta.sin()).masked_fill(straight, 1 - share)
    of_b = ((share * theta).sin() / theta.sin()).masked_fill(straight, share)
    return times(of_a, a) + times(of_b, b)
