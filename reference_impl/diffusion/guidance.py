r"""Classifier-free guidance: Ho & Salimans, 2022, arXiv:2207.12598. Schedule, prediction, backbone, sampler combine.

The problem
    A model told the class c of an image samples p(x | c). One may want more of it: images that are typical of their
    class, at the price of variety. A classifier's gradient could push towards p(c | x), but has to be trained on noisy
    images, and may be fooled. Here the model is its own classifier: p(c | x) is proportional to p(x | c) / p(x).

The equations, with the paper's numbers; Eq. (4) of DDPM in the place of the paper's z = alpha x + sigma eps
    forward           x_t = alpha_t x_0 + sigma_t eps,  alpha_t = sqrt(abar_t),  sigma_t = sqrt(1 - abar_t)
    training  Alg. 1  E |y - y_theta(x_t, t, c)|^2, t uniform on 1..T, y = eps, x_0 or v = alpha_t eps - sigma_t x_0,
                      and the class c dropped with probability p_uncond: one network learns p(x | c) and p(x)
    weights           one error, seen three ways: |error of v|^2 = |error of eps|^2 / alpha_t^2
                      = |error of x_0|^2 / sigma_t^2. So v weighs times near T more than eps does, where alpha_t is
                      small, and times near 0 more than x_0 does, where sigma_t is small
    guidance  (6)     y~ = (1 + w) y_theta(x_t, t, c) - w y_theta(x_t, t)
    what it is        with exact scores, grad log p(x_t) + (1 + w) grad log p(c | x_t)
    sampling          Alg. 2, with the steps of DDIM (ddim.py) in the place of DDPM's

The symbols (b images of c x h x w numbers)
    z_lambda          x_t                     [b c h w]; the paper's time is lambda, the logarithm of alpha^2 / sigma^2
    alpha, sigma      alpha, noise            [b] float64, of ddim.shares
    eps_theta(z, c)   network                 a callable (x, t, labels) -> [b c h w]; labels None for any class
    c                 labels                  [b] integers; `classes` stands for any class, the paper's null token
    w                 w                       strength: 0 the conditional model, -1 the unconditional one
    p_uncond          p_uncond                probability with which a class is dropped in training

Deviations from the paper
    - Data: 8x8 digits and 28x28 garments, not 64x64 and 128x128 ImageNet; networks of up to 1.2 M parameters.
    - Time: uniform on 1..T of a schedule of variances, linear or cosine. The paper draws a continuous lambda.
    - The network may predict x_0 or v instead of the noise. The presets predict v.
    - Sampler: DDIM with 25 steps. The paper has the ancestral sampler, with an interpolated variance and more steps.
    - The guess of x_0 is kept in [-1, 1] at each step (`clip`), as in DDPM's code: guidance overshoots.
    - Training: about a thousand steps; learning rate along half a cosine; averaged weights.
    - As in the paper: one network for both laws, which differ in a token only; p_uncond = 0.1.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from reference_impl.data import Data, Spec
from reference_impl.diffusion import ddim
from reference_impl.diffusion.conditioning import Conditional, Labels, drop_labels, guided
from reference_impl.diffusion.networks import Network, build_network
from reference_impl.diffusion.parameterisation import Prediction, known, mixture, noise_from, target
from reference_impl.diffusion.process import Images, Schedule, Times
from reference_impl.engine import Player, Preset, TrainConfig, Watch, check
from reference_impl.metrics import compare

ScheduleName = Literal["linear", "cosine"]


def build_schedule(name: ScheduleName, T: int) -> Schedule:
    """The schedule of this name with T steps."""
    check(name in ("linear", "cosine"), "schedule", name, '"linear" or "cosine"')
    return Schedule.linear(T) if name == "linear" else Schedule.cosine(T)


# -------------------------------------------------------------------------------------------------- the loss


def loss_at(
    schedule: Schedule,
    network: Conditional,
    prediction: Prediction,
    x_0: Images,
    labels: Labels | None,
    t: Times,
    eps: Images,
) -> Float[Tensor, " b"]:
    r"""Each image's squared error, $|y - y_\theta(x_t, t, c)|^2 / (c h w)$, at given times and noise."""
    alpha, noise = ddim.shares(schedule, t)
    said = network(mixture(x_0, eps, alpha, noise), t, labels)
    if said.shape != x_0.shape:
        raise ValueError(f"the prediction is {list(said.shape)}; expected the shape of the images {list(x_0.shape)}")
    return (target(prediction, x_0, eps, alpha, noise) - said).square().flatten(1).mean(dim=1)


def loss(
    schedule: Schedule,
    network: Conditional,
    prediction: Prediction,
    x_0: Images,
    labels: Labels | None,
    generator: Generator | None = None,
) -> Float[Tensor, ""]:
    """Algorithm 1 for labels some of which were dropped: for each image a fresh t, uniform on 1..T, and fresh noise."""
    t = torch.randint(1, schedule.T + 1, x_0.shape[:1], generator=generator, device=x_0.device)
    eps = torch.randn(x_0.shape, generator=generator, device=x_0.device, dtype=x_0.dtype)
    return loss_at(schedule, network, prediction, x_0, labels, t, eps).mean()


def noise_error_at(
    schedule: Schedule,
    network: Conditional,
    prediction: Prediction,
    x_0: Images,
    labels: Labels | None,
    t: Times,
    eps: Images,
) -> Float[Tensor, " b"]:
    r"""Each image's $|\epsilon - \hat\epsilon|^2 / (c h w)$, for the noise that the prediction implies.

    It is one measure for networks that predict different things, and DDPM's loss where the noise is predicted.
    """
    alpha, noise = ddim.shares(schedule, t)
    x_t = mixture(x_0, eps, alpha, noise)
    implied = noise_from(prediction, network(x_t, t, labels), x_t, alpha, noise)
    return (eps - implied).square().flatten(1).mean(dim=1)


# ------------------------------------------------------------------------------------ the method, to be run


@dataclass(frozen=True)
class GuidanceConfig:
    """What defines the method.

    Attributes:
        T: Times of the forward process.
        schedule: "linear" or "cosine".
        prediction: What the network predicts: "eps", "x_0" or "v".
        network: The backbone, "unet" or "dit".
        width: The backbone's width.
        patch: Side of the patches that it sees as one place.
        p_uncond: Probability with which a class is dropped in training.
        w: Strength of the guidance in sampling; 0 for none.
        sample_steps: Steps of DDIM, equally spread.
        eta: Noise that they add, from 0 to 1.
        clip: Keep the guess of x_0 in [-1, 1].
    """

    T: int = 1000
    schedule: ScheduleName = "cosine"
    prediction: Prediction = "v"
    network: Network = "unet"
    width: int = 32
    patch: int = 1
    p_uncond: float = 0.1
    w: float = 1.0
    sample_steps: int = 25
    eta: float = 0.0
    clip: bool = True

    def __post_init__(self) -> None:
        check(self.T >= 1, "T", self.T, "a number of steps >= 1")
        check(self.schedule in ("linear", "cosine"), "schedule", self.schedule, '"linear" or "cosine"')
        known(self.prediction)
        check(self.network in ("unet", "dit"), "network", self.network, '"unet" or "dit"')
        check(self.width >= 16 and self.width % 16 == 0, "width", self.width, "a multiple of 16, at least 16")
        check(self.patch >= 1, "patch", self.patch, "a side >= 1")
        check(0 < self.p_uncond < 1, "p_uncond", self.p_uncond, "a probability between 0 and 1")
        check(self.w >= -1, "w", self.w, "a strength >= -1, where nothing of the class is left")
        check(1 <= self.sample_steps <= self.T, "sample_steps", self.sample_steps, f"a number of steps in 1..{self.T}")
        check(0 <= self.eta <= 1, "eta", self.eta, "a number in 0..1")


PRESETS = {
    "digits": Preset(
        TrainConfig(steps=900, decay="cosine"),
        GuidanceConfig(),
        {"seconds": 90.0, "held_out_loss": 0.18, "frechet": 1.8, "class_error": 0.05},
    ),
    "digits_dit": Preset(
        TrainConfig(steps=1100, decay="cosine"),
        GuidanceConfig(network="dit", width=64, patch=2),
        {"seconds": 90.0, "held_out_loss": 0.18, "frechet": 2.2, "class_error": 0.05},
    ),
    "fashion": Preset(
        TrainConfig(data="fashion", steps=3000, decay="cosine", lr=1e-3, ema_decay=0.999, evaluate_on=1000),
        GuidanceConfig(width=64, patch=2),
        {"seconds": 1800.0, "class_error": 0.2},
    ),
    "fashion_dit": Preset(
        TrainConfig(data="fashion", steps=6000, decay="cosine", lr=1e-3, ema_decay=0.999, evaluate_on=1000),
        GuidanceConfig(network="dit", width=96, patch=4),
        {"seconds": 1800.0, "class_error": 0.2},
    ),
}

STRENGTHS = (-1.0, 0.0, 1.0, 3.0, 7.0)
"""The rows of the picture `guidance`."""
STEPS = (5, 10, 20, 50)
"""The rows of the picture `steps`."""
MEASURED = 1000
"""Held-out images whose noise is measured at 20 times; all of a large set would take minutes."""


class Guidance:
    """The method as the engine runs it: a schedule, a network, the loss, and how to sample and to judge."""

    def __init__(self, config: GuidanceConfig, spec: Spec, device: torch.device | str = "cpu") -> None:
        self.config, self.shape, self.classes = config, spec.shape, spec.classes
        self.schedule = build_schedule(config.schedule, config.T).to(device)
        self.model = build_network(config.network, spec.shape[0], config.width, spec.classes, config.patch).to(device)

    def players(self) -> list[Player]:
        """One network, with Algorithm 1's loss."""
        return [Player("loss", self.model, lambda batch, g: self.loss(batch.x, batch.labels, g))]

    def loss(self, x_0: Images, labels: Labels, generator: Generator) -> Float[Tensor, ""]:
        """Algorithm 1: some classes are dropped, then the error of the prediction is taken."""
        seen = drop_labels(labels, self.classes, self.config.p_uncond, generator) if self.classes else None
        return loss(self.schedule, self.model, self.config.prediction, x_0, seen, generator)

    def sample(
        self,
        n: int,
        labels: Labels | None,
        generator: Generator,
        watch: Watch = lambda steps, _: steps,
    ) -> Images:
        """N new images of the classes `labels` [n], or of any."""
        x_T = torch.randn((n, *self.shape), generator=generator, device=self.schedule.beta.device)
        return self.decode(x_T, labels, self.config.w, self.config.sample_steps, generator, watch)

    def decode(
        self,
        x_T: Images,
        labels: Labels | None,
        w: float,
        steps: int,
        generator: Generator | None = None,
        watch: Watch = lambda steps, _: steps,
    ) -> Images:
        """Algorithm 2 from given noise: the guided prediction, followed by DDIM."""
        config = self.config
        return ddim.decode(
            self.schedule,
            guided(self.model, labels, w),
            x_T,
            ddim.spread(config.T, steps),
            config.eta,
            config.prediction,
            generator,
            1.0 if config.clip else None,
            watch,
        )

    def pictures(self, data: Data, generator: Generator) -> dict[str, Float[Tensor, "rows columns c h w"]]:
        """The same noise in each row, a column for each class.

        `guidance`: a row for each strength in STRENGTHS. `steps`: a row for each number of steps in STEPS, at the run's
        strength. `walk`: between two noises along a great circle, at the run's strength.
        """
        columns = min(self.classes, 10) or 10
        labels = torch.arange(columns, device=data.train.device) if self.classes else None
        ends = torch.randn((2, columns, *self.shape), generator=generator, device=data.train.device)
        few = self.config.sample_steps
        strengths = [self.decode(ends[0], labels, w, few, generator) for w in STRENGTHS]
        steps = [self.decode(ends[0], labels, self.config.w, min(s, self.config.T), generator) for s in STEPS]
        path = [ddim.slerp(ends[0], ends[1], share / 7) for share in range(8)]
        walk = [self.decode(x_T, labels, self.config.w, few, generator) for x_T in path]
        return {"guidance": torch.stack(strengths), "steps": torch.stack(steps), "walk": torch.stack(walk)}

    @torch.no_grad()
    def evaluate(self, data: Data, samples: Images, labels: Labels | None, generator: Generator) -> dict[str, float]:
        """The error of the noise on held-out images of known class, and what all methods' samples are measured by."""
        x_0 = data.held_out[:MEASURED]
        known_labels = data.held_out_labels[:MEASURED] if self.classes else None
        errors = []
        for t in torch.linspace(1, self.config.T, 20).long().tolist():  # the same times and noise for every run
            eps = torch.randn(x_0.shape, generator=generator, device=x_0.device)
            t_each = torch.full((len(eps),), t, device=eps.device)
            arguments = (self.schedule, self.model, self.config.prediction, x_0, known_labels, t_each, eps)
            errors.append(noise_error_at(*arguments).mean())
        return {"held_out_loss": torch.stack(errors).mean().item(), **compare(data, samples, labels)}


def build(config: GuidanceConfig, spec: Spec, device: torch.device | str) -> Guidance:
    """The method for images of this kind; torch's global generator draws its first weights."""
    return Guidance(config, spec, device)
