r"""Elucidated diffusion models (EDM): Karras, Aittala, Aila & Laine, NeurIPS 2022, arXiv:2206.00364.

The problem
    A diffusion model is many choices: how much noise at which time, what the network predicts, how its error is
    weighed, which steps the sampler takes. Earlier methods bring them as a package. EDM takes them apart: the noise
    level sigma is the time, a denoiser D(x; sigma) is what is learnt, and the rest is chosen for stated reasons.

The equations, with the paper's numbers
    noisy data               p(x; sigma) is the law of y + n, with y ~ p_data and n ~ N(0, sigma^2 I)
    flow             (1)     dx = -sigma'(t) sigma(t) grad log p(x; sigma(t)) dt
    denoiser         (2)     D minimises E |D(y + n; sigma) - y|^2 for every sigma
    score            (3)     grad log p(x; sigma) = (D(x; sigma) - x) / sigma^2
    with sigma(t) = t        dx/dt = (x - D(x; t)) / t: (1) and (3), at the end of Section 3
    time steps       (5)     t_i = (sigma_max^(1/rho) + i/(N-1) (sigma_min^(1/rho) - sigma_max^(1/rho)))^rho, t_N = 0
    preconditioning  (7)     D_theta(x; sigma) = c_skip x + c_out F_theta(c_in x; c_noise)
                     Tab. 1  c_skip = sigma_data^2 / (sigma^2 + sigma_data^2), c_in = 1 / sqrt(sigma^2 + sigma_data^2),
                             c_out = sigma sigma_data / sqrt(sigma^2 + sigma_data^2), c_noise = ln(sigma) / 4
    loss             (8)     E [lambda c_out^2 |F_theta(c_in (y + n); c_noise) - (y - c_skip (y + n)) / c_out|^2]
                             = E [lambda(sigma) |D_theta(y + n; sigma) - y|^2]
                     Tab. 1  lambda = (sigma^2 + sigma_data^2) / (sigma sigma_data)^2, ln(sigma) ~ N(P_mean, P_std^2)
    samplers         Alg. 1  Heun's method on the flow; without its correction it is Euler's
                     Alg. 2  the same, after each step's noise is raised by the factor 1 + gamma_i with fresh noise

The symbols (b images of c x h x w numbers)
    y, n               y, times(sigma, eps)      [b c h w], data in [-1, 1], and noise
    x, sigma           x, sigma                  [b c h w], [b] float64
    D(x; sigma)        D                         a callable (x, sigma) -> [b c h w]
    F_theta            F                         a callable (c_in x, c_noise) -> [b c h w]: the network
    sigma_data         sigma_data                the standard deviation of the pixels of all training images
    c_skip, c_out, c_in, c_noise   Preconditioning   [b] float64 each
    lambda(sigma)      loss_weight               [b] float64
    t_0 > ... > t_N    time_steps                [N + 1] float64
    d_i                slope                     [b c h w], dx/dt at t_i
    gamma_i, t^_i, x^_i   Churn.gamma, t_hat, x_hat   two numbers, [b c h w]

Deviations from the paper
    - Data: scikit-learn's 8x8 grey digits and Fashion-MNIST, not CIFAR-10, FFHQ, AFHQv2 and ImageNet. sigma_data is
      theirs: 0.75 and 0.71 where the paper has 0.5. The mean of their pixels is not zero, so that the loss of an
      untrained network is 1 at small sigma only, and grows to 1.27 and 1.35 at large sigma.
    - Network: this project's small U-Net or DiT, not DDPM++, NCSN++ or ADM; no dropout.
    - Training: 900 batches of 64 (digits) or 3000 (Fashion-MNIST), learning rate 2e-3 or 1e-3 that falls along half a
      cosine; no augmentation. The authors' code for CIFAR-10: 200 million images in batches of 512, learning rate 1e-3.
    - The loss is the mean over the pixels, not the sum: a factor to which Adam is blind.
    - Classes are dropped in training with probability p_uncond, for classifier-free guidance of D (Ho & Salimans 2022).
      The paper has no guidance; w = 0 is its conditional model, and the presets take w = 0.5.
    - The sampler's state is float32; the authors' code keeps it in float64. Differences of times are float64 in both.
    - As in the paper: preconditioning, P_mean = -1.2, P_std = 1.2, lambda, sigma_min = 0.002, sigma_max = 80, rho = 7,
      N = 18 steps of Heun, Adam, averaged weights to sample. None of the authors' code is used.
"""

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Float64
from torch import Generator, Tensor

from reference_impl.data import Data, Spec
from reference_impl.diffusion.conditioning import drop_labels, guided
from reference_impl.diffusion.networks import Network, build_network
from reference_impl.diffusion.process import Images, PerImage, times
from reference_impl.engine import Batch, Player, Preset, TrainConfig, Watch, check
from reference_impl.metrics import compare

Denoiser = Callable[[Tensor, Tensor], Tensor]
"""D: (x [b c h w], sigma [b] float64) -> the expected data [b c h w]. A network, or an oracle in the tests."""
Device = torch.device | str
Levels = Float64[Tensor, " t"]
"""t_0 > t_1 > ... > t_N = 0."""


class Preconditioning(NamedTuple):
    """The four functions of Table 1 at the noise levels of a batch, each [b] in float64."""

    c_skip: PerImage
    c_out: PerImage
    c_in: PerImage
    c_noise: PerImage


def preconditioning(sigma: PerImage, sigma_data: float) -> Preconditioning:
    """What keeps the network's input and target at unit variance, and amplifies its errors least (Table 1)."""
    check(bool((sigma > 0).all()), "sigma", sigma.min().item(), "noise levels > 0: at 0 there is nothing to denoise")
    variance = sigma**2 + sigma_data**2
    return Preconditioning(
        c_skip=sigma_data**2 / variance,
        c_out=sigma * sigma_data * variance.rsqrt(),
        c_in=variance.rsqrt(),
        c_noise=sigma.log() / 4,
    )


def denoise(F: Callable[[Tensor, Tensor], Tensor], x: Images, sigma: PerImage, sigma_data: float) -> Images:
    """The denoiser that a network makes, Eq. (7): the skip connection carries what the network need not learn."""
    c = preconditioning(sigma, sigma_data)
    return times(c.c_skip, x) + times(c.c_out, F(times(c.c_in, x), c.c_noise))


# ------------------------------------------------------------------------------------------------- training


def loss_weight(sigma: PerImage, sigma_data: float) -> PerImage:
    r"""$\lambda(\sigma) = (\sigma^2 + \sigma_\mathrm{data}^2) / (\sigma\, \sigma_\mathrm{data})^2$, Table 1."""
    return (sigma**2 + sigma_data**2) / (sigma * sigma_data) ** 2


def draw_sigma(n: int, P: tuple[float, float], generator: Generator | None = None, device: Device = "cpu") -> PerImage:
    r"""Noise levels to train on: $\ln \sigma \sim \mathcal N(P_\mathrm{mean}, P_\mathrm{std}^2)$, Table 1."""
    P_mean, P_std = P
    return (P_mean + P_std * torch.randn(n, generator=generator, device=device, dtype=torch.float64)).exp()


def sigma_quantiles(n: int, P: tuple[float, float]) -> PerImage:
    """The noise levels below which the shares 1/2n, 3/2n, ..., (2n - 1)/2n of those that are trained on lie."""
    P_mean, P_std = P
    share = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    return (P_mean + P_std * torch.special.ndtri(share)).exp()


def loss_at(D: Denoiser, y: Images, sigma: PerImage, eps: Images, sigma_data: float) -> Float[Tensor, " b"]:
    r"""Each image's term of the loss, $\lambda(\sigma)\, |D(y + \sigma \epsilon; \sigma) - y|^2 / (c h w)$."""
    guess = D(y + times(sigma, eps), sigma)
    check(guess.shape == y.shape, "D's shape", list(guess.shape), f"that of the images, {list(y.shape)}")
    return times(loss_weight(sigma, sigma_data), (guess - y).square()).flatten(1).mean(dim=1)


def loss(
    D: Denoiser, y: Images, P: tuple[float, float], sigma_data: float, generator: Generator | None = None
) -> Float[Tensor, ""]:
    r"""$\mathbb E\, \lambda(\sigma)\, |D(y + n; \sigma) - y|^2$, with a fresh level and fresh noise for each image."""
    sigma = draw_sigma(len(y), P, generator, y.device)
    eps = torch.randn(y.shape, generator=generator, device=y.device, dtype=y.dtype)
    return loss_at(D, y, sigma, eps, sigma_data).mean()


# ------------------------------------------------------------------------------------------------- sampling


def time_steps(N: int, sigma_min: float = 0.002, sigma_max: float = 80.0, rho: float = 7.0) -> Levels:
    """The N + 1 noise levels that a sampler visits, Eq. (5): from sigma_max to sigma_min, then 0.

    The larger rho, the shorter the steps at low noise; at rho = 1 all but the last are equal.
    """
    check(N >= 2, "N", N, "a number of steps >= 2: the last one, from sigma_min to 0, is one of them")
    check(0 < sigma_min < sigma_max < math.inf, "sigma", (sigma_min, sigma_max), "0 < sigma_min < sigma_max")
    check(rho > 0, "rho", rho, "an exponent > 0")
    share = torch.arange(N, dtype=torch.float64) / (N - 1)
    t = (sigma_max ** (1 / rho) + share * (sigma_min ** (1 / rho) - sigma_max ** (1 / rho))) ** rho
    return torch.cat([t, torch.zeros(1, dtype=torch.float64)])


@dataclass(frozen=True)
class Churn:
    """How much noise Algorithm 2 adds before its steps; nothing where S_churn is 0, and then it is Algorithm 1.

    Attributes:
        S_churn: How much in all; each step raises the noise level by the factor 1 + S_churn / N.
        S_tmin: The lowest noise level at which it is done.
        S_tmax: The highest.
        S_noise: Standard deviation of the fresh noise, slightly above 1 to make up for detail that is lost.
    """

    S_churn: float = 0.0
    S_tmin: float = 0.0
    S_tmax: float = math.inf
    S_noise: float = 1.0

    def __post_init__(self) -> None:
        check(0 <= self.S_churn < math.inf, "S_churn", self.S_churn, "an amount of noise >= 0")
        check(0 <= self.S_tmin <= self.S_tmax, "S_tmin, S_tmax", (self.S_tmin, self.S_tmax), "0 <= S_tmin <= S_tmax")
        check(0 < self.S_noise < math.inf, "S_noise", self.S_noise, "a standard deviation > 0")

    def gamma(self, t: float, N: int) -> float:
        r"""$\gamma_i = \min(S_\mathrm{churn} / N, \sqrt2 - 1)$ if $t \in [S_\mathrm{tmin}, S_\mathrm{tmax}]$, else 0.

        At the bound, as much noise is added as is there already: the variance doubles.
        """
        return min(self.S_churn / N, math.sqrt(2) - 1) if self.S_tmin <= t <= self.S_tmax else 0.0


def stir(
    x: Images, t: float, gamma: float, S_noise: float = 1.0, generator: Generator | None = None
) -> tuple[Images, float]:
    """Raise the noise level from t to t + gamma t by fresh noise (Algorithm 2); at gamma = 0 nothing is drawn."""
    if gamma == 0:
        return x, t
    t_hat = t + gamma * t
    eps = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
    return x + math.sqrt(t_hat**2 - t**2) * S_noise * eps, t_hat


def slope(D: Denoiser, x: Images, t: float) -> Images:
    r"""The flow's direction, $dx/dt = (x - D(x; t)) / t$: it points away from what the denoiser expects."""
    return (x - D(x, torch.full(x.shape[:1], t, device=x.device, dtype=torch.float64))) / t


@torch.no_grad()
def step(D: Denoiser, x: Images, t: float, t_next: float, order: int = 2) -> Images:
    """One step of Algorithm 1 along the flow, from noise level t to t_next.

    Order 1 is Euler's. Order 2 is Heun's: it goes along the mean of the slopes here and where Euler's step ends. A step
    to 0 is Euler's in either case, and ends at D(x; t).
    """
    d = slope(D, x, t)
    x_next = x + (t_next - t) * d
    if order == 1 or t_next == 0:
        return x_next
    return x + (t_next - t) * (d + slope(D, x_next, t_next)) / 2


def trajectory(
    D: Denoiser,
    shape: tuple[int, ...],
    t: Levels,
    generator: Generator | None = None,
    order: int = 2,
    churn: Churn | None = None,
    dtype: torch.dtype = torch.float32,
) -> Iterator[tuple[float, Images]]:
    """Algorithm 2, or without churn Algorithm 1, step by step.

    Args:
        D: The denoiser.
        shape: Of the images, [b c h w].
        t: The falling noise levels to visit, the last one 0; on the device to compute on.
        generator: Draws the first state and what churn adds.
        order: 2 for Heun's method, which calls D 2N - 1 times in N steps; 1 for Euler's, N times.
        churn: How much noise is added before each step; None for none.
        dtype: Of the images.

    Yields:
        (t_0, x_0), (t_1, x_1), ..., (0, x_N).
    """
    check(order in (1, 2), "order", order, "1 (Euler) or 2 (Heun)")
    levels, churn = t.tolist(), churn or Churn()
    good = len(levels) >= 2 and levels == sorted(set(levels), reverse=True) and levels[-1] == 0
    check(good, "t", levels, "falling noise levels, the last one 0")
    x = levels[0] * torch.randn(shape, generator=generator, device=t.device, dtype=dtype)
    yield levels[0], x
    for now, then in itertools.pairwise(levels):
        x_hat, t_hat = stir(x, now, churn.gamma(now, len(levels) - 1), churn.S_noise, generator)
        x = step(D, x_hat, t_hat, then, order)
        yield then, x


def sample(
    D: Denoiser,
    shape: tuple[int, ...],
    t: Levels,
    generator: Generator | None = None,
    order: int = 2,
    churn: Churn | None = None,
    dtype: torch.dtype = torch.float32,
) -> Images:
    """The end of a trajectory: new data of the given shape [b c h w]. The arguments are those of `trajectory`."""
    for _, x in trajectory(D, shape, t, generator, order, churn, dtype):
        x_N = x
    return x_N


# ------------------------------------------------------------------------------------ the method, to be run


@dataclass(frozen=True)
class EDMConfig:
    """What defines the method, and how it samples.

    Attributes:
        sigma_data: Standard deviation of the pixels of all training images.
        P: P_mean and P_std, mean and standard deviation of ln(sigma) in training.
        p_uncond: Probability with which a class is dropped in training, where the data have classes.
        levels: sigma_min, sigma_max and rho of the sampler's time steps, Eq. (5).
        N: The sampler's steps.
        order: 2 for Heun's method, 1 for Euler's.
        churn: S_churn, S_tmin, S_tmax and S_noise of Algorithm 2.
        w: Strength of the guidance; 0 for none, which halves the calls of the network.
        network: The backbone.
        width: The backbone's.
        patch: Side of the patches that the backbone cuts the image into.
    """

    sigma_data: float = 0.75
    P: tuple[float, float] = (-1.2, 1.2)
    p_uncond: float = 0.1
    levels: tuple[float, float, float] = (0.002, 80.0, 7.0)
    N: int = 18
    order: int = 2
    churn: tuple[float, float, float, float] = (0.0, 0.0, 80.0, 1.0)
    w: float = 0.0
    network: Network = "unet"
    width: int = 32
    patch: int = 1

    def __post_init__(self) -> None:
        check(0 < self.sigma_data < math.inf, "sigma_data", self.sigma_data, "a standard deviation > 0")
        check(len(self.P) == 2 and self.P[1] > 0, "P", self.P, "P_mean and P_std, with P_std > 0")
        check(0 <= self.p_uncond < 1, "p_uncond", self.p_uncond, "a probability in [0, 1)")
        check(len(self.levels) == 3, "levels", self.levels, "sigma_min, sigma_max and rho")
        time_steps(self.N, *self.levels)
        check(self.order in (1, 2), "order", self.order, "1 (Euler) or 2 (Heun)")
        check(len(self.churn) == 4, "churn", self.churn, "S_churn, S_tmin, S_tmax and S_noise")
        Churn(*self.churn)
        check(-1 <= self.w < math.inf, "w", self.w, "a strength >= 0, or -1 for the unconditional model")
        check(self.w == 0 or self.p_uncond > 0, "p_uncond", self.p_uncond, "a probability > 0, for guidance")
        check(self.patch >= 1, "patch", self.patch, "a side >= 1")


PRESETS = {
    "digits": Preset(
        TrainConfig(steps=900, decay="cosine"),
        EDMConfig(w=0.5),
        {"seconds": 90.0, "held_out_loss": 0.38, "frechet": 1.4, "class_error": 0.05},
    ),
    "fashion": Preset(
        TrainConfig(data="fashion", steps=3000, lr=1e-3, decay="cosine", ema_decay=0.998, evaluate_on=1000),
        EDMConfig(sigma_data=0.71, w=0.5, width=64, patch=2),
        {"class_error": 0.2},
    ),
}


class EDM:
    """The method as the engine runs it: a network, its denoiser, the loss, and how to sample and to judge."""

    def __init__(self, config: EDMConfig, spec: Spec, device: Device = "cpu") -> None:
        self.config, self.shape, self.classes = config, spec.shape, spec.classes
        self.t = time_steps(config.N, *config.levels).to(device)
        self.model = build_network(
            config.network, spec.shape[0], config.width, classes=spec.classes, patch=config.patch
        ).to(device)

    def D(self, x: Images, sigma: PerImage, labels: Tensor | None) -> Images:
        """The network's denoiser for images of given classes, or of any."""
        return denoise(lambda x, c: self.model(x, c, labels), x, sigma, self.config.sigma_data)

    def loss(self, batch: Batch, generator: Generator) -> Tensor:
        """The loss on a batch, with some of the classes dropped."""
        c, labels = self.config, None
        if self.classes:
            labels = drop_labels(batch.labels, self.classes, c.p_uncond, generator)
        return loss(lambda x, sigma: self.D(x, sigma, labels), batch.x, c.P, c.sigma_data, generator)

    def players(self) -> list[Player]:
        """One network, with the loss of Eq. (8)."""
        return [Player("loss", self.model, self.loss)]

    def sample(
        self, n: int, labels: Tensor | None, generator: Generator, watch: Watch = lambda steps, _: steps
    ) -> Images:
        """N new images, of the given classes or of any."""
        c, D = self.config, guided(self.D, labels, self.config.w)
        states = trajectory(D, (n, *self.shape), self.t, generator, c.order, Churn(*c.churn))
        for _, x in watch(states, c.N + 1):
            x_N = x
        return x_N

    @torch.no_grad()
    def pictures(self, data: Data, generator: Generator) -> dict[str, Float[Tensor, "rows columns c h w"]]:
        """Four images each: what happens on the way, and what fewer steps make of the same noise.

        - `process`: the state x, scaled to the size of the data, and below it D(x; sigma); at the end D is the sample.
        - `steps`: Euler's method, and below it Heun's, with 3, 5, 9, 17 and 35 calls of the denoiser.
        """
        c, labels = self.config, torch.arange(4, device=self.t.device) % self.classes if self.classes else None
        D, shape, state = guided(self.D, labels, c.w), (4, *self.shape), generator.get_state()
        process, steps, shown = [], [], torch.linspace(0, c.N - 1, 10).round().tolist()
        states = trajectory(D, shape, self.t, generator, c.order, Churn(*c.churn))
        for i, (t, x) in enumerate(states):
            if i in shown:
                sigma = torch.full((4,), t, device=x.device, dtype=torch.float64)
                scaled = times(c.sigma_data * preconditioning(sigma, c.sigma_data).c_in, x)
                process.append(torch.stack([scaled, D(x, sigma)], dim=1).flatten(0, 1))
        for calls in (3, 5, 9, 17, 35):
            pair = []
            for order, N in ((1, calls), (2, (calls + 1) // 2)):
                generator.set_state(state)  # the same noise again
                pair.append(sample(D, shape, time_steps(N, *c.levels).to(self.t), generator, order))
            steps.append(torch.stack(pair, dim=1).flatten(0, 1))
        return {"process": torch.stack(process, dim=1), "steps": torch.stack(steps, dim=1)}

    @torch.no_grad()
    def evaluate(self, data: Data, samples: Images, labels: Tensor | None, generator: Generator) -> dict[str, float]:
        """The loss on held-out images, and what all methods' samples are measured by."""
        c, y, losses = self.config, data.held_out[:1000], []  # all of them would take minutes on large sets
        known = data.held_out_labels[:1000] if self.classes else None
        for level in sigma_quantiles(20, c.P).tolist():  # the same levels and noise for every run
            eps = torch.randn(y.shape, generator=generator, device=y.device)
            sigma = torch.full((len(y),), level, device=y.device, dtype=torch.float64)
            losses.append(loss_at(lambda x, s: self.D(x, s, known), y, sigma, eps, c.sigma_data).mean())
        return {"held_out_loss": torch.stack(losses).mean().item(), **compare(data, samples, labels)}


def build(config: EDMConfig, spec: Spec, device: Device) -> EDM:
    """The method for images of this kind; torch's global generator draws its first weights."""
    return EDM(config, spec, device)
