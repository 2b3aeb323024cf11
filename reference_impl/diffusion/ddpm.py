r"""Denoising diffusion probabilistic models (DDPM): Ho, Jain & Abbeel, NeurIPS 2020, arXiv:2006.11239.

The problem
    Given samples of an unknown law q(x_0), draw new ones. A fixed chain adds a little Gaussian noise T times, until
    nothing but noise is left. A network learns to undo one step of it; run T times from pure noise, it makes new data.

The equations, with the paper's numbers
    forward step      (2)     q(x_t | x_{t-1}) = N(sqrt(1 - beta_t) x_{t-1}, beta_t I)
    in one jump       (4)     q(x_t | x_0) = N(sqrt(abar_t) x_0, (1 - abar_t) I)
    posterior         (6)(7)  q(x_{t-1} | x_t, x_0) = N(mu~_t(x_t, x_0), beta~_t I)
    reverse step      (1)(11) p_theta(x_{t-1} | x_t) = N(mu_theta(x_t, t), sigma_t^2 I), sigma_t^2 in {beta_t, beta~_t}
    guess of x_0      (15)    x^_0 = (x_t - sqrt(1 - abar_t) eps_theta(x_t, t)) / sqrt(abar_t)
    objective         (14)    L_simple = E |eps - eps_theta(x_t, t)|^2,  t uniform on 1..T
    Why it works: the bound (5) compares mu_theta with mu~_t (8); writing x_t by (4) turns that into a comparison of
    eps_theta with eps, with a weight that depends on t only (9)-(12); (14) sets the weight to one. The bound itself, in
    bits per dimension (3)(5)(13), is in bound.py; held-out images are measured by it.

The symbols (b images of c x h x w numbers)
    beta_t, alpha_t, abar_t   Schedule.beta, .alpha, .alpha_bar   [T + 1] float64, entry t is the paper's symbol at t
    abar_{t-1}                Schedule.at(t).alpha_bar_prev       [b] float64
    x_0, x_t                  x_0, x_t                            [b c h w], data in [-1, 1]
    eps, eps_theta(x_t, t)    eps, eps_theta                      [b c h w], a callable (x_t, t) -> [b c h w]
    t                         t                                   [b] integers in 1..T, as in the paper
    mu~_t, beta~_t            q_posterior -> mean, variance       [b c h w], [b] float64
    sigma_t                   sigma                               [b] float64

    The schedule and the forward process are in process.py, which also has the index convention: t runs over 1..T.

Deviations from the paper
    - Data: scikit-learn's 8x8 grey digits (1,437 to train on, 360 held out; 17 grey levels), not 32x32 CIFAR-10. No
      horizontal flips: a mirrored digit is no digit.
    - Network: a U-Net of two resolutions and 0.3 M parameters, not four and 35.7 M; attention at 4x4, not 16x16; no
      dropout.
    - Training: 700 steps instead of 800,000; learning rate 2e-3 instead of 2e-4, warm-up over 50 steps (the authors'
      code: 5,000); batches of 64 instead of 128; gradient clipping at 1.0 as in the authors' code.
    - EMA: decay 0.995 with a warm-up, min(decay, (1 + n) / (10 + n)) after n steps, instead of 0.9999: a run of 700
      steps would otherwise never leave its first weights.
    - L_simple is the mean over the pixels, not the sum, as in the authors' code: a factor to which Adam is blind.
    - Sampling is Algorithm 2 to the letter. The authors' code also clips x^_0 to [-1, 1] at each step; we do not,
      neither there nor in the bound.
    - In the bound, sigma_1^2 is beta~_2 for either choice of sigma_t, as in the authors' code: beta~_1 is 0.
    - Not here: the predictions of mu~ or x_0 that the paper compares.
    - The preset `fashion`: Fashion-MNIST, whose 2x2 patches become channels, so that the U-Net of width 64 works at
      14x14 and 7x7; 256 samples behind its numbers.
    - As in the paper: T = 1000, beta from 1e-4 to 0.02, Adam, data in [-1, 1], sigma_t^2 = beta_t, EMA to sample.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from reference_impl.data import Data, Spec
from reference_impl.diffusion.bound import HELD_OUT, ReverseLaw, held_out_bits, log_beta_tilde
from reference_impl.diffusion.process import Images, PerImage, Schedule, Times, q_sample, times
from reference_impl.diffusion.unet import UNet
from reference_impl.engine import Player, Preset, TrainConfig, Watch, check
from reference_impl.metrics import compare

NoisePredictor = Callable[[Tensor, Tensor], Tensor]
"""eps_theta: (x_t [b c h w], t [b]) -> the predicted noise [b c h w]. A network, or an oracle in the tests."""
Variance = Literal["beta", "beta_tilde"]


# ------------------------------------------------------------------------------- the reverse process p_theta


def predict_x0(schedule: Schedule, x_t: Images, t: Times, eps: Images) -> Images:
    r"""The data that the noise implies, Eq. (15).

    $$\hat x_0 = \big(x_t - \sqrt{1 - \bar\alpha_t}\, \epsilon\big) / \sqrt{\bar\alpha_t}$$
    """
    s = schedule.at(t)
    return times(s.alpha_bar.rsqrt(), x_t - times((1 - s.alpha_bar).sqrt(), eps))


def p_mean(schedule: Schedule, x_t: Images, t: Times, eps: Images) -> Images:
    r"""The mean of the reverse step, Eq. (11).

    $$\mu_\theta = \frac{1}{\sqrt{\alpha_t}} \Big(x_t - \frac{\beta_t}{\sqrt{1 - \bar\alpha_t}}\, \epsilon\Big)$$
    """
    s = schedule.at(t)
    return times(s.alpha.rsqrt(), x_t - times(s.beta / (1 - s.alpha_bar).sqrt(), eps))


def sigma(schedule: Schedule, t: Times, variance: Variance = "beta") -> PerImage:
    r"""The reverse step's standard deviation $\sigma_t$: the two extremes of Section 3.2.

    `"beta"`, $\sigma_t^2 = \beta_t$, is optimal for $x_0 \sim N(0, I)$; `"beta_tilde"`, $\sigma_t^2 = \tilde\beta_t$,
    for $x_0$ set to one point. They bound the entropy of the true reverse step for data of unit variance.
    """
    check(variance in ("beta", "beta_tilde"), "variance", variance, '"beta" or "beta_tilde"')
    s = schedule.at(t)
    if variance == "beta":
        return s.beta.sqrt()
    return ((1 - s.alpha_bar_prev) / (1 - s.alpha_bar) * s.beta).sqrt()


def reverse_law(schedule: Schedule, eps_theta: NoisePredictor, variance: Variance = "beta") -> ReverseLaw:
    r"""$p_\theta(x_{t-1} \mid x_t)$ of Eq. (1), as the bound reads it: $(x_t, t) \to \mu_\theta, \log\sigma_t^2$.

    At t = 1 the variance is $\tilde\beta_2$, as in the authors' code, so that $L_0$ is that of a law with some width.
    """
    check(variance in ("beta", "beta_tilde"), "variance", variance, '"beta" or "beta_tilde"')

    def p(x_t: Images, t: Times) -> tuple[Images, Tensor]:
        log_var = log_beta_tilde(schedule, t)
        if variance == "beta":
            log_var = torch.where(t == 1, log_var, schedule.at(t).beta.log())
        return p_mean(schedule, x_t, t, eps_theta(x_t, t)), log_var[:, None, None, None]

    return p


# ----------------------------------------------------------------------------------- Algorithm 1: training


def loss_at(schedule: Schedule, eps_theta: NoisePredictor, x_0: Images, t: Times, eps: Images) -> Float[Tensor, " b"]:
    r"""Each image's term of Eq. (14), $|\epsilon - \epsilon_\theta(x_t, t)|^2 / (c h w)$, at given times and noise."""
    guess = eps_theta(q_sample(schedule, x_0, t, eps), t)
    if guess.shape != eps.shape:
        raise ValueError(f"eps_theta returned {list(guess.shape)}; expected the noise's shape {list(eps.shape)}")
    return (eps - guess).square().flatten(1).mean(dim=1)


def loss_simple(
    schedule: Schedule, eps_theta: NoisePredictor, x_0: Images, generator: Generator | None = None
) -> Float[Tensor, ""]:
    r"""$L_\mathrm{simple}$, Eq. (14), by Algorithm 1: for each image a fresh t, uniform on 1..T, and fresh noise."""
    t = torch.randint(1, schedule.T + 1, x_0.shape[:1], generator=generator, device=x_0.device)
    eps = torch.randn(x_0.shape, generator=generator, device=x_0.device, dtype=x_0.dtype)
    return loss_at(schedule, eps_theta, x_0, t, eps).mean()


# ----------------------------------------------------------------------------------- Algorithm 2: sampling


@torch.no_grad()
def p_sample(
    schedule: Schedule,
    eps_theta: NoisePredictor,
    x_t: Images,
    t: int,
    generator: Generator | None = None,
    variance: Variance = "beta",
) -> Images:
    r"""One step of Algorithm 2, from $x_t$ to $x_{t-1} = \mu_\theta(x_t, t) + \sigma_t z$; z = 0 at t = 1."""
    t_each = torch.full(x_t.shape[:1], t, device=x_t.device)
    mean = p_mean(schedule, x_t, t_each, eps_theta(x_t, t_each))
    if t == 1:
        return mean  # the last step is shown without noise (Section 3.3)
    z = torch.randn(x_t.shape, generator=generator, device=x_t.device, dtype=x_t.dtype)
    return mean + times(sigma(schedule, t_each, variance), z)


def trajectory(
    schedule: Schedule,
    eps_theta: NoisePredictor,
    shape: tuple[int, ...],
    generator: Generator | None = None,
    variance: Variance = "beta",
    dtype: torch.dtype = torch.float32,
) -> Iterator[tuple[int, Images]]:
    """Algorithm 2, step by step: yields (T, x_T), (T - 1, x_{T-1}), ..., (0, x_0)."""
    x_t = torch.randn(shape, generator=generator, device=schedule.beta.device, dtype=dtype)
    yield schedule.T, x_t
    for t in range(schedule.T, 0, -1):
        x_t = p_sample(schedule, eps_theta, x_t, t, generator, variance)
        yield t - 1, x_t


def sample(
    schedule: Schedule,
    eps_theta: NoisePredictor,
    shape: tuple[int, ...],
    generator: Generator | None = None,
    variance: Variance = "beta",
    dtype: torch.dtype = torch.float32,
) -> Images:
    """Algorithm 2: new data x_0 of the given shape [b c h w]."""
    for _, x in trajectory(schedule, eps_theta, shape, generator, variance, dtype):
        x_0 = x
    return x_0


# ------------------------------------------------------------------------------------ the method, to be run


@dataclass(frozen=True)
class DDPMConfig:
    """What defines the method; `width` and `patch` are the U-Net's."""

    T: int = 1000
    beta: tuple[float, float] = (1e-4, 0.02)
    variance: Variance = "beta"
    width: int = 32
    patch: int = 1

    def __post_init__(self) -> None:
        check(self.T >= 2, "T", self.T, "a number of steps >= 2")
        good = len(self.beta) == 2 and 0 < self.beta[0] <= self.beta[1] < 1
        check(good, "beta", self.beta, "two numbers, 0 < beta_1 <= beta_T < 1")
        check(self.variance in ("beta", "beta_tilde"), "variance", self.variance, '"beta" or "beta_tilde"')
        check(self.width >= 16 and self.width % 8 == 0, "width", self.width, "a multiple of 8, at least 16")
        check(self.patch >= 1, "patch", self.patch, "a side of patches >= 1")


PRESETS = {
    "digits": Preset(
        TrainConfig(), DDPMConfig(), {"seconds": 90.0, "held_out_loss": 0.12, "bits_per_dim": 3.5, "frechet": 1.5}
    ),
    "fashion": Preset(
        TrainConfig(data="fashion", steps=1500, lr=1e-3, warmup=100, decay="cosine", ema_decay=0.995, evaluate_on=256),
        DDPMConfig(width=64, patch=2),
        {"bits_per_dim": 8.0, "frechet": 100.0},
    ),
}


class DDPM:
    """The method as the engine runs it: a schedule, a network, the loss, and how to sample and to judge."""

    classes = 0

    def __init__(self, config: DDPMConfig, spec: Spec, device: torch.device | str = "cpu") -> None:
        self.config, self.shape, self.levels = config, spec.shape, spec.levels
        self.schedule = Schedule.linear(config.T, *config.beta).to(device)
        self.model = UNet(channels=spec.shape[0], width=config.width, patch=config.patch).to(device)

    def players(self) -> list[Player]:
        """One network, with Algorithm 1's loss; classes are not looked at."""
        return [Player("loss", self.model, lambda batch, g: loss_simple(self.schedule, self.model, batch.x, g))]

    def sample(
        self, n: int, labels: Tensor | None, generator: Generator, watch: Watch = lambda steps, _: steps
    ) -> Images:
        """N new images; the model is unconditional and ignores labels."""
        steps = trajectory(self.schedule, self.model, (n, *self.shape), generator, self.config.variance)
        for _, x_t in watch(steps, self.config.T + 1):
            x_0 = x_t
        return x_0

    def pictures(self, data: Data, generator: Generator) -> dict[str, Float[Tensor, "rows columns c h w"]]:
        """`process`: the states x_t on the way to four new images."""
        T, process = self.config.T, []
        shown = {round(T * share) for share in (1, 0.8, 0.6, 0.45, 0.3, 0.2, 0.12, 0.06, 0.03, 0)}
        for t, x_t in trajectory(self.schedule, self.model, (4, *self.shape), generator, self.config.variance):
            if t in shown:
                process.append(x_t)
        return {"process": torch.stack(process, dim=1)}

    @torch.no_grad()
    def evaluate(self, data: Data, samples: Images, labels: Tensor | None, generator: Generator) -> dict[str, float]:
        """The loss on held-out images, the bound on their bits, and what all methods' samples are measured by.

        Loss and bound are those of the first `HELD_OUT` images.
        """
        x_0, losses = data.held_out[:HELD_OUT], []
        for t in torch.linspace(1, self.config.T, 20).long().tolist():  # the same times and noise for every run
            eps = torch.randn(x_0.shape, generator=generator, device=x_0.device)
            t_each = torch.full((len(eps),), t, device=eps.device)
            losses.append(loss_at(self.schedule, self.model, x_0, t_each, eps).mean())
        p = reverse_law(self.schedule, self.model, self.config.variance)
        return {
            "held_out_loss": torch.stack(losses).mean().item(),
            "bits_per_dim": held_out_bits(self.schedule, p, x_0, self.levels, generator),
            **compare(data, samples, None),
        }


def build(config: DDPMConfig, spec: Spec, device: torch.device | str) -> DDPM:
    """The method for images of this kind; torch's global generator draws its first weights."""
    return DDPM(config, spec, device)
