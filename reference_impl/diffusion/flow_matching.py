r"""Flow matching, and rectified flow: a velocity field that carries noise to data, learned by regression.

    Lipman, Chen, Ben-Hamu, Nickel & Le, "Flow Matching for Generative Modeling", ICLR 2023, arXiv:2210.02747
    Liu, Gong & Liu, "Flow Straight and Fast", ICLR 2023, arXiv:2209.03003

The problem
    Given samples of an unknown law, draw new ones. Join a noise image x_0 and a data image x_1 by a straight line and
    ask a network, at a point of the line, for the direction of the line. Many lines run through one point, so it learns
    their mean. Following that mean velocity from pure noise by an ordinary differential equation makes new data.

The equations; (L n) is Lipman et al.'s number n, (R n) that of Liu et al.
    path              (L 22)     x_t = (1 - (1 - sigma_min) t) x_0 + t x_1;  t = 0 is noise, t = 1 data, in both papers
                                 Liu et al. have sigma_min = 0: x_t = t x_1 + (1 - t) x_0
    its velocity      (L 14)     d x_t / dt = x_1 - (1 - sigma_min) x_0
    objective         (L 23)     E |v_theta(x_t, t) - (x_1 - (1 - sigma_min) x_0)|^2,  t uniform on [0, 1]
    its minimiser     (R 2)      v(x, t) = E[x_1 - x_0 | x_t = x]
    flow              (L 1)      d z_t / dt = v_theta(z_t, t),  z_0 ~ N(0, I):  z_1 is the sample
    straightness      R Sec. 2.2 S(z) = int_0^1 E |(z_1 - z_0) - d z_t / dt|^2 dt;  0 where all paths are straight
    time law                     t = 1 / (1 + exp(-u)),  u ~ N(m, s^2): the logit-normal law of Esser et al., "Scaling
                                 Rectified Flow Transformers", ICML 2024, arXiv:2403.03206, Eq. (19)
    Why it works: the law of x_t at each t is the law of z_t, since the mean velocity moves the same mass as all lines
    together (R Section 3.1). Lines cross, flows cannot: z_t bends where lines cross.

The symbols (b images of c x h x w numbers)
    x_0, x_1, x_t     x_0, x_1, x_t           [b c h w]; x_0 is noise here, where ddpm.py's x_0 is data
    t                 t                       [b] float64 in [0, 1]
    v_theta           v                       a callable (x [b c h w], t [b]) -> [b c h w]
    sigma_min         sigma_min               the noise that is left at t = 1
    m, s              logit                   of the logit-normal law of t
    w                 guidance                strength of the guidance, see conditioning.py

Deviations from the papers
    - Data: 8x8 grey digits and 28x28 grey garments with their classes, not CIFAR-10 or ImageNet. No flips. Guidance
      (conditioning.py) is in neither paper.
    - sigma_min = 0, as Liu et al. have it, so that t = 1 is the data; Lipman et al.'s small number is an option.
    - Network: the small U-Net of unet.py, or the DiT; told 1000 t, since its embedding is made for
      DDPM's 1000 steps. Liu et al.'s code tells 999 t.
    - t runs over all of [0, 1]. Liu et al.'s code leaves out t < 0.001.
    - Sampling by a fixed number of midpoint steps, not by an adaptive solver (RK45 in Liu et al.'s code).
    - Training: a thousand steps or a few at batch 64. Learning rate, warm-up and averaging are as in ddpm.py, but the
      learning rate falls along a cosine.
    - The loss and the straightness are means over the pixels, not sums.
    - Esser et al. count time from data to noise, so their m < 0 is m > 0 here.
    - Not here: likelihoods by the change of variables; paths of diffusion models (L Section 4.1).
    - Reflow, the second half of Liu et al.'s method, is in reflow.py.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Float64
from torch import Generator, Tensor, nn

from reference_impl.data import Data, Spec
from reference_impl.diffusion.conditioning import Conditional, Labels, Predictor, drop_labels, guided
from reference_impl.diffusion.networks import Network, build_network
from reference_impl.diffusion.ode import EVALUATIONS, Solver, Velocity, even, integrate, trajectory
from reference_impl.diffusion.process import Images, PerImage, times
from reference_impl.engine import Batch, Player, Preset, TrainConfig, Watch, check
from reference_impl.metrics import compare

TimeLaw = Literal["uniform", "logit_normal"]

TIME_SCALE = 1000.0
"""The network is told this many times t."""
PATHS = 500
"""Paths whose straightness is measured."""


# ----------------------------------------------------------------------------------- the path and its velocity


def path(x_0: Images, x_1: Images, t: PerImage, sigma_min: float = 0.0) -> Images:
    r"""The point at time t of the line from noise to data, Eq. (22) of Lipman et al.

    $$x_t = (1 - (1 - \sigma_\min)\, t)\, x_0 + t\, x_1$$
    """
    return times(1 - (1 - sigma_min) * t, x_0) + times(t, x_1)


def target(x_0: Images, x_1: Images, sigma_min: float = 0.0) -> Images:
    r"""The line's velocity, $\dot x_t = x_1 - (1 - \sigma_\min)\, x_0$: the same at each t."""
    return x_1 - (1 - sigma_min) * x_0


def ends_from(v: Images, x_t: Images, t: PerImage, sigma_min: float = 0.0) -> tuple[Images, Images]:
    r"""The noise and the data that a velocity at $x_t$ implies; nothing is divided by.

    $$x_0 = x_t - t\, v, \qquad x_1 = v + (1 - \sigma_\min)\, x_0$$
    """
    x_0 = x_t - times(t, v)
    return x_0, v + (1 - sigma_min) * x_0


def draw_times(
    n: int,
    law: TimeLaw = "uniform",
    logit: tuple[float, float] = (0.0, 1.0),
    generator: Generator | None = None,
    device: torch.device | str = "cpu",
) -> PerImage:
    r"""N times of training: uniform on [0, 1), or logit-normal.

    The density of the latter, with (m, s) = `logit`, is Eq. (19) of Esser et al.:

    $$\pi(t) = \frac{1}{s \sqrt{2\pi}}\, \frac{1}{t (1 - t)}
      \exp\Big(-\frac{(\log \frac{t}{1 - t} - m)^2}{2 s^2}\Big)$$
    """
    check(law in ("uniform", "logit_normal"), "time_law", law, '"uniform" or "logit_normal"')
    if law == "uniform":
        return torch.rand(n, generator=generator, device=device, dtype=torch.float64)
    m, s = logit
    return torch.sigmoid(m + s * torch.randn(n, generator=generator, device=device, dtype=torch.float64))


# ------------------------------------------------------------------------------------------------- the objective


def loss_at(v: Velocity, x_0: Images, x_1: Images, t: PerImage, sigma_min: float = 0.0) -> Float[Tensor, " b"]:
    r"""Each image's term of Eq. (23), $|v_\theta(x_t, t) - \dot x_t|^2 / (c h w)$, at given times and noise."""
    guess, wanted = v(path(x_0, x_1, t, sigma_min), t), target(x_0, x_1, sigma_min)
    if guess.shape != wanted.shape:
        raise ValueError(f"v returned {list(guess.shape)}; expected the images' shape {list(wanted.shape)}")
    return (guess - wanted).square().flatten(1).mean(dim=1)


def noise_like(x: Images, generator: Generator | None) -> Images:
    """Standard normal noise in the shape of x."""
    return torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)


# ---------------------------------------------------------------------------------------------- the straightness


def straightness(states: Float[Tensor, "n b *shape"], grid: Sequence[float]) -> Float64[Tensor, ""]:
    r"""How far the paths are from straight lines walked at constant speed, $S(z)$ of Liu et al., Section 2.2.

    $$S(z) = \int_0^1 \mathbb E\, \big|(z_1 - z_0) - \dot z_t\big|^2\, dt$$

    It is exact for the polygon through the states, whose velocity between two times is the difference of its states
    over that of the times, and so tends to the flow's own S as the grid becomes finer. A mean over the pixels.

    Args:
        states: The states of b paths at n times.
        grid: The times, from 0 to 1.
    """
    good = len(states) == len(grid) and abs(grid[-1] - grid[0] - 1) < 1e-9
    check(good, "grid", list(grid), f"{len(states)} times, one for each state, from 0 to 1")
    z = states.double()
    h = torch.tensor(grid, dtype=torch.float64, device=z.device).diff()
    slopes = z.diff(dim=0) / h.reshape(-1, *[1] * (z.ndim - 1))
    return (h * ((z[-1] - z[0]) - slopes).square().flatten(1).mean(dim=1)).sum()


# ------------------------------------------------------------------------------------ the method, to be run


def timed(network: nn.Module) -> Conditional:
    """The network as a velocity of a time in [0, 1]: it is told `TIME_SCALE` times t."""
    return lambda x, t, labels: network(x, TIME_SCALE * t, labels)


def conditional_velocity(network: nn.Module, labels: Labels | None, w: float = 0.0) -> Predictor:
    """The velocity field towards the classes asked for, with guidance of strength w."""
    return guided(timed(network), labels, w)


@dataclass(frozen=True)
class FlowMatchingConfig:
    """What defines the method.

    Attributes:
        sigma_min: The noise that is left at t = 1 (Lipman et al.); 0 for none (Liu et al.).
        time_law: The law of t in training.
        logit: Mean m and standard deviation s of the logit of t, where its law is logit-normal.
        p_uncond: The share of labels that are dropped in training.
        guidance: The strength w of the guidance when sampling; 0 for none.
        solver: What follows the flow when sampling.
        sampling_steps: Its steps.
        network: The backbone.
        width: Its width.
        patch: Side of the square patches whose pixels become channels.
    """

    sigma_min: float = 0.0
    time_law: TimeLaw = "uniform"
    logit: tuple[float, float] = (0.0, 1.0)
    p_uncond: float = 0.1
    guidance: float = 0.0
    solver: Solver = "midpoint"
    sampling_steps: int = 16
    network: Network = "unet"
    width: int = 32
    patch: int = 1

    def __post_init__(self) -> None:
        check(0 <= self.sigma_min < 1, "sigma_min", self.sigma_min, "a standard deviation in [0, 1)")
        check(self.time_law in ("uniform", "logit_normal"), "time_law", self.time_law, '"uniform" or "logit_normal"')
        good = len(self.logit) == 2 and math.isfinite(self.logit[0]) and 0 < self.logit[1] < math.inf
        check(good, "logit", self.logit, "a mean and a standard deviation > 0")
        check(0 <= self.p_uncond < 1, "p_uncond", self.p_uncond, "a probability in [0, 1)")
        check(-1 <= self.guidance < math.inf, "guidance", self.guidance, "a strength w >= -1")
        check(self.solver in EVALUATIONS, "solver", self.solver, '"euler", "midpoint" or "heun"')
        check(self.sampling_steps >= 1, "sampling_steps", self.sampling_steps, "a number of steps >= 1")


PRESETS = {
    "digits": Preset(
        TrainConfig(steps=1000, decay="cosine"),
        FlowMatchingConfig(guidance=0.25),
        {"seconds": 90.0, "held_out_loss": 0.43, "frechet": 1.3, "class_error": 0.05},
    ),
    "fashion": Preset(
        TrainConfig(data="fashion", steps=2500, lr=1e-3, decay="cosine", ema_decay=0.998, evaluate_on=2000),
        FlowMatchingConfig(width=64, patch=2),
        {"class_error": 0.2},
    ),
}


class FlowMatching:
    """The method as the engine runs it: a velocity network, the loss, and how to sample and to judge."""

    def __init__(self, config: FlowMatchingConfig, spec: Spec, device: torch.device | str = "cpu") -> None:
        self.config, self.shape, self.classes = config, spec.shape, spec.classes
        self.model = build_network(config.network, spec.shape[0], config.width, spec.classes, config.patch).to(device)

    def players(self) -> list[Player]:
        """One network, with the loss of Eq. (23)."""
        return [Player("loss", self.model, self.loss)]

    def loss(self, batch: Batch, generator: Generator) -> Float[Tensor, ""]:
        """Eq. (23): for each image fresh noise and a fresh time; some labels are dropped."""
        config, x_1 = self.config, batch.x
        t = draw_times(len(x_1), config.time_law, config.logit, generator, x_1.device)
        labels = drop_labels(batch.labels, self.classes, config.p_uncond, generator) if self.classes else None
        v = conditional_velocity(self.model, labels)
        return loss_at(v, noise_like(x_1, generator), x_1, t, config.sigma_min).mean()

    def velocity(self, labels: Labels | None) -> Predictor:
        """The velocity field that is followed when sampling."""
        return conditional_velocity(self.model, labels if self.classes else None, self.config.guidance)

    def sample(
        self, n: int, labels: Labels | None, generator: Generator, watch: Watch = lambda steps, _: steps
    ) -> Images:
        """N new images, of the classes asked for: the flow followed from noise to t = 1."""
        x_0 = torch.randn(n, *self.shape, generator=generator, device=generator.device)
        grid = even(self.config.sampling_steps)
        for _, x in watch(trajectory(self.velocity(labels), x_0, grid, self.config.solver), len(grid)):
            x_1 = x
        return x_1

    def pictures(self, data: Data, generator: Generator) -> dict[str, Float[Tensor, "rows columns c h w"]]:
        """`steps`: from the same noise, a row for each number of Euler steps, a column for each class."""
        x_0, labels = first_classes(10, self.shape, self.classes, generator)
        v = self.velocity(labels)
        return {"steps": torch.stack([integrate(v, x_0, even(steps)) for steps in (1, 2, 4, 8, 32)])}

    @torch.no_grad()
    def evaluate(self, data: Data, samples: Images, labels: Labels | None, generator: Generator) -> dict[str, float]:
        """The loss on held-out images, the flow's straightness, and what all methods' samples are measured by."""
        x_1, losses = data.held_out, []
        v = conditional_velocity(self.model, data.held_out_labels if self.classes else None)
        for t in even(10):  # the same times and noise for every run
            t_each = torch.full((len(x_1),), t, dtype=torch.float64, device=x_1.device)
            losses.append(loss_at(v, noise_like(x_1, generator), x_1, t_each, self.config.sigma_min).mean())
        x_0, grid = noise_like(samples[:PATHS], generator), even(32)
        v = self.velocity(labels if labels is None else labels[:PATHS])
        states = torch.stack([z for _, z in trajectory(v, x_0, grid)])
        return {
            "held_out_loss": torch.stack(losses).mean().item(),
            "straightness": straightness(states, grid).item(),
            **compare(data, samples, labels if self.classes else None),
        }


def first_classes(n: int, shape: tuple[int, ...], classes: int, generator: Generator) -> tuple[Images, Labels | None]:
    """Noise for n images, and their classes in turn; None where there are none."""
    x_0 = torch.randn(n, *shape, generator=generator, device=generator.device)
    return x_0, torch.arange(n, device=x_0.device) % classes if classes else None


def build(config: FlowMatchingConfig, spec: Spec, device: torch.device | str) -> FlowMatching:
    """The method for images of this kind; torch's global generator draws its first weights."""
    return FlowMatching(config, spec, device)
