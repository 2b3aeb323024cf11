r"""Reflow: a second flow, trained on the pairs of noise and samples of a first one, whose paths are straighter.

    Liu, Gong & Liu, "Flow Straight and Fast", ICLR 2023, arXiv:2209.03003

The problem
    A flow learned by flow_matching.py is trained on lines that cross, so its paths bend, and following a bent path
    takes many steps. Its own end points are a better pairing of noise and data: the flow's paths never cross. Training
    anew on lines between these end points gives nearly straight paths, which a single step can follow.

The equations, with the paper's numbers
    first flow        (1)(2)    v = argmin E |v(x_t, t) - (x_1 - x_0)|^2,  x_0 and x_1 independent: flow_matching.py
    pairs                       (z_0, z_1):  z_0 ~ N(0, I),  z_1 the end of d z_t / dt = v(z_t, t) from z_0
    reflow            Sec. 2.2  v' = argmin E |v'(z_t, t) - (z_1 - z_0)|^2,  z_t = t z_1 + (1 - t) z_0
    straightness      Sec. 2.2  S(z) = int_0^1 E |(z_1 - z_0) - d z_t / dt|^2 dt,  smaller for v' than for v
    one step                    z_1 = z_0 + v'(z_0, 0): exact where S = 0
    Why it works: E |x_1 - x_0|^2 - E |z_1 - z_0|^2 = S(z) + E int |x_1 - x_0 - v(x_t, t)|^2 dt. No round of reflow
    lengthens the way from z_0 to z_1, and the sum of S over all rounds is at most E |x_1 - x_0|^2.

The symbols (b images of c x h x w numbers)
    v, v'             flow.model, second      networks, called as in flow_matching.py
    z_0, z_1          z_0, z_1                [b c h w], noise and where the first flow carries it

Deviations from the paper
    - Each step of reflow simulates its own pairs with a few midpoint steps, as the authors' code does on request; its
      main way is to simulate all pairs once and store them. There is no state outside of the checkpoint.
    - The pairs have classes: each is simulated towards a class, with the first flow's guidance, and keeps it. The
      second flow is told the class, or with probability p_uncond none, and is then followed without guidance.
    - As in the authors' code the second flow starts from the first one's weights. While the first is trained, the
      second is a copy of it, and so is its average.
    - The first flow's weights are its last ones, not their average.
    - Not here: more than one round; distillation of the pairs into a one-step map (Section 2.2 of the paper).
    - Stage one is short, 550 steps, and stage two has 120; the learning rate falls along a cosine over both, and is
      `lr_scale` times as large in stage two. The moving average's decay is 0.97, so that it forgets stage one.
    - Everything else is as in flow_matching.py.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from reference_impl.data import Data, Spec
from reference_impl.diffusion.conditioning import Labels, Predictor, drop_labels
from reference_impl.diffusion.flow_matching import (
    FlowMatching,
    FlowMatchingConfig,
    conditional_velocity,
    draw_times,
    first_classes,
    loss_at,
    noise_like,
    straightness,
)
from reference_impl.diffusion.networks import Network, build_network
from reference_impl.diffusion.ode import Velocity, even, integrate, trajectory
from reference_impl.diffusion.process import Images
from reference_impl.engine import Batch, Player, Preset, TrainConfig, Watch, adam, check
from reference_impl.metrics import compare


def pairs(v: Velocity, z_0: Images, steps: int) -> tuple[Images, Images]:
    """Noise, and where the first flow carries it in so many midpoint steps; no gradient reaches the first flow."""
    return z_0, integrate(v, z_0, even(steps), "midpoint")


def one_step(v: Velocity, z_0: Images) -> Images:
    """The whole way in one Euler step, $z_1 = z_0 + v(z_0, 0)$."""
    return integrate(v, z_0, even(1), "euler")


@dataclass(frozen=True)
class ReflowConfig:
    """What defines the method.

    Attributes:
        flow_steps: Steps of stage one; the second flow is trained in all later ones.
        pair_steps: Midpoint steps with which the first flow makes a pair.
        p_uncond: The share of labels that are dropped in training, in both stages.
        guidance: The strength w of the guidance with which pairs are made.
        lr_scale: The second flow's learning rate, as a multiple of the training's in the same step.
        sampling_steps: Midpoint steps with which the second flow is followed.
        network: The backbone of both.
        width: Its width.
        patch: Side of the square patches whose pixels become channels.
    """

    flow_steps: int = 550
    pair_steps: int = 3
    p_uncond: float = 0.1
    guidance: float = 0.25
    lr_scale: float = 5.0
    sampling_steps: int = 4
    network: Network = "unet"
    width: int = 32
    patch: int = 1

    def __post_init__(self) -> None:
        check(self.flow_steps >= 1, "flow_steps", self.flow_steps, "a number of steps >= 1")
        check(self.pair_steps >= 1, "pair_steps", self.pair_steps, "a number of steps >= 1")
        check(0 < self.lr_scale < math.inf, "lr_scale", self.lr_scale, "a factor > 0")
        self.first()  # whose checks are those of the fields that follow

    def first(self) -> FlowMatchingConfig:
        """The first flow's settings."""
        return FlowMatchingConfig(
            p_uncond=self.p_uncond,
            guidance=self.guidance,
            sampling_steps=self.sampling_steps,
            network=self.network,
            width=self.width,
            patch=self.patch,
        )


PRESETS = {
    "digits": Preset(
        TrainConfig(steps=670, decay="cosine", ema_decay=0.97),
        ReflowConfig(),
        {"seconds": 90.0, "straightness": 0.03, "one_step_frechet": 2.5, "frechet": 1.8, "class_error": 0.05},
    ),
}


class Reflow:
    """The method as the engine runs it: a first flow from noise to data, a second from noise to the first's ends."""

    def __init__(self, config: ReflowConfig, spec: Spec, device: torch.device | str = "cpu") -> None:
        self.config, self.shape, self.classes = config, spec.shape, spec.classes
        self.flow = FlowMatching(config.first(), spec, device)
        self.second = build_network(config.network, spec.shape[0], config.width, spec.classes, config.patch).to(device)
        self.model = nn.ModuleDict({"first": self.flow.model, "second": self.second})

    def players(self) -> list[Player]:
        """Two stages: the first flow alone, then, with its weights fixed, the second alone."""
        n = self.config.flow_steps
        return [
            Player("flow", self.flow.model, self.flow_loss, plays=lambda step: step <= n),
            Player("reflow", self.second, self.reflow_loss, plays=lambda step: step > n, optimiser=self.optimiser),
        ]

    def optimiser(self, model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
        """Adam for the second flow; by stage two a falling learning rate has become too small to learn anew."""
        made = adam(model, config)
        for group in made.param_groups:
            group["lr_scale"] = self.config.lr_scale
        return made

    def flow_loss(self, batch: Batch, generator: Generator) -> Float[Tensor, ""]:
        """The first flow's loss; while it is trained, the second is a copy of it."""
        if self.second.training:
            self.second.load_state_dict(self.flow.model.state_dict())
        return self.flow.loss(batch, generator)

    def reflow_loss(self, batch: Batch, generator: Generator) -> Float[Tensor, ""]:
        """The same loss on lines between the first flow's end points; of the batch it takes the classes alone."""
        z_0, z_1 = pairs(self.flow.velocity(batch.labels), noise_like(batch.x, generator), self.config.pair_steps)
        t = draw_times(len(z_0), generator=generator, device=z_0.device)
        labels = drop_labels(batch.labels, self.classes, self.config.p_uncond, generator) if self.classes else None
        return loss_at(conditional_velocity(self.second, labels), z_0, z_1, t).mean()

    def velocity(self, labels: Labels | None) -> Predictor:
        """The second flow's velocity field."""
        return conditional_velocity(self.second, labels if self.classes else None)

    def sample(
        self, n: int, labels: Labels | None, generator: Generator, watch: Watch = lambda steps, _: steps
    ) -> Images:
        """N new images, of the classes asked for, by the second flow."""
        x_0 = torch.randn(n, *self.shape, generator=generator, device=generator.device)
        grid = even(self.config.sampling_steps)
        for _, x in watch(trajectory(self.velocity(labels), x_0, grid, "midpoint"), len(grid)):
            x_1 = x
        return x_1

    def pictures(self, data: Data, generator: Generator) -> dict[str, Float[Tensor, "rows columns c h w"]]:
        """`before` and `after`: from the same noise, a row for each number of Euler steps, by either flow."""
        x_0, labels = first_classes(10, self.shape, self.classes, generator)
        flows = {"before": self.flow.velocity(labels), "after": self.velocity(labels)}
        return {
            name: torch.stack([integrate(v, x_0, even(steps)) for steps in (1, 2, 4, 8, 32)])
            for name, v in flows.items()
        }

    @torch.no_grad()
    def evaluate(self, data: Data, samples: Images, labels: Labels | None, generator: Generator) -> dict[str, float]:
        """How straight the flows are and how good in one step, and what all methods' samples are measured by."""
        x_0, grid = noise_like(samples, generator), even(32)
        asked = labels if self.classes else None
        numbers: dict[str, float] = {}
        for suffix, v in (("_before", self.flow.velocity(labels)), ("", self.velocity(labels))):
            states = torch.stack([z for _, z in trajectory(v, x_0, grid)])
            numbers[f"straightness{suffix}"] = straightness(states, grid).item()
            at_once = compare(data, one_step(v, x_0), asked)
            for name in ("frechet", "class_error"):
                if name in at_once:
                    numbers[f"one_step_{name}{suffix}"] = at_once[name]
        return {**numbers, **compare(data, samples, asked)}


def build(config: ReflowConfig, spec: Spec, device: torch.device | str) -> Reflow:
    """The method for images of this kind; torch's global generator draws its first weights."""
    return Reflow(config, spec, device)
