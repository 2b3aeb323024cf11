r"""MeanFlow: Geng, Deng, Bai, Kolter & He, "Mean Flows for One-step Generative Modeling", 2025, arXiv:2505.13447.

The problem
    Flow matching learns a velocity v(z_t, t) that carries noise at t = 1 to data at t = 0. The paths it makes are
    curved, so following them takes many small steps, each with one call of the network. MeanFlow learns the average
    velocity u(z_t, r, t) over a whole stretch of the path instead: one step of length 1 along u(z_1, 0, 1) ends where
    all the small steps would have ended.

The equations, with the paper's numbers
    path              Sec. 3   z_t = (1 - t) x + t eps,  v_t = eps - x;  t = 0 is data, t = 1 is noise
    marginal velocity (1)      v(z_t, t) = E[v_t | z_t]
    average velocity  (3)      u(z_t, r, t) = 1 / (t - r) int_r^t v(z_tau, tau) dtau;  u(z_t, t, t) = v(z_t, t)
    the identity      (4)-(6)  (t - r) u = int_r^t v dtau, differentiated along the path:  u = v - (t - r) du/dt
    its derivative    (7)(8)   du/dt = v d_z u + d_t u: the Jacobian of u times the tangent (v, 0, 1) of (z, r, t)
    loss              (9)-(11) E |u_theta - sg(u_tgt)|^2,  u_tgt = v_t - (t - r) (v_t d_z u_theta + d_t u_theta)
    step              (12)     z_r = z_t - (t - r) u(z_t, r, t);  from noise to data in one step: x = eps - u(eps, 0, 1)
    guidance          (13)     v_cfg(z_t, t | c) = omega v(z_t, t | c) + (1 - omega) v(z_t, t)
      in the target   (19)     v~_t = omega v_t + (1 - omega) u_theta(z_t, t, t)
      mixed           (21)     v~_t = omega v_t + kappa u_theta(z_t, t, t | c) + (1 - omega - kappa) u_theta(z_t, t, t)
    adaptive weight   App. B.2 w = 1 / (|Delta|^2 + c)^p,  loss sg(w) |Delta|^2
    Why (19) and (21) aim at (13): on average v_t is v(z_t, t | c), and u_theta(z_t, t, t | c) learns to be v_cfg. Put
    v_cfg for it in (21) and solve: the guidance has the scale omega' = omega / (1 - kappa). The cost of guidance is
    paid in training; a sample still takes one call.

The symbols (b images of c x h x w numbers)
    x, eps, z_t, v_t        x, eps, z, v_t           [b c h w], data in [-1, 1]
    r, t                    r, t                     [b] float64, 0 <= r <= t <= 1
    u_theta(z, r, t | c)    u                        a callable (z, r, t, labels) -> [b c h w]; labels None: any class
    du/dt                   derivative               [b c h w]
    u_tgt                   target                   [b c h w], no gradient
    v~_t                    guided_velocity          [b c h w], no gradient
    omega, kappa            omega, kappa             numbers; omega / (1 - kappa) is the guidance's scale
    p, c                    p, C                     numbers; c = 1e-3

Deviations from the paper
    - Data: 8x8 grey digits and their classes, in pixels; the paper trains on ImageNet in the latent space of a VAE
      (32 x 32 x 4), and without classes on the pixels of CIFAR-10. No horizontal flips: a mirrored digit is no digit.
    - Network: a U-Net of two resolutions; the paper's are DiT for ImageNet, a U-Net for CIFAR-10. As in the paper it
      reads (t, t - r). Here both are multiplied by 10 first, since the embedding's highest frequency is 1.
    - The derivative is computed without a gradient and apart from u_theta, and only for images with r < t: where r = t
      its factor is 0. Algorithm 1 takes both from one jvp over the whole batch; the numbers are the same.
    - Each image is given r = t by a draw of its own; the authors' code gives it to a fixed share of each batch.
    - Guidance acts at all t. For ImageNet the paper's largest models use it within an interval of t only.
    - An image whose class is dropped keeps v_t, as in the authors' code: (13) is v(z_t, t) where there is no class.
    - Times and weight on the digits: logit-normal of mean -0.4 and deviation 1, as for ImageNet; r < t for 50 % of the
      images (ImageNet: 25 %, CIFAR-10: 75 %); p = 0.75, as for CIFAR-10 (ImageNet: 1). No guidance by default.
    - Training: 800 steps with batches of 64, learning rate 3e-3 along half a cosine, EMA with decay 0.995.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from reference_impl.data import Data, Spec
from reference_impl.diffusion.conditioning import Labels, drop_labels
from reference_impl.diffusion.networks import build_network
from reference_impl.diffusion.process import Images, PerImage, times
from reference_impl.engine import Batch, Player, Preset, TrainConfig, Watch, check
from reference_impl.metrics import compare

AverageVelocity = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]
"""u: (z [b c h w], r [b], t [b], labels [b] or None) -> [b c h w]. A network, or a closed form in the tests."""
C = 1e-3
"""The constant c that keeps the adaptive weight finite."""
TIME_SCALE = 10.0
"""What times are multiplied by for the network: its embedding's highest frequency is 1, and t runs over [0, 1]."""


# ------------------------------------------------------------------------------------- the path and its times


def path(x: Images, eps: Images, t: PerImage) -> tuple[Images, Images]:
    r"""The straight path from data to noise, $z_t = (1 - t) x + t \epsilon$, and its velocity $v_t = \epsilon - x$."""
    return times(1 - t, x) + times(t, eps), eps - x


def sample_times(
    n: int, mu: float, sigma: float, unequal: float, generator: Generator, device: torch.device | str = "cpu"
) -> tuple[PerImage, PerImage]:
    """Pairs r <= t (Section 4.3): two logit-normal draws, the larger is t; then r = t but for a share `unequal`."""
    normal = torch.randn(n, 2, generator=generator, device=device, dtype=torch.float64)
    r, t = (mu + sigma * normal).sigmoid().sort(dim=1).values.unbind(dim=1)
    return torch.where(torch.rand(n, generator=generator, device=device) < unequal, r, t), t


# ---------------------------------------------------------------------------------------- the MeanFlow identity


def derivative(
    u: AverageVelocity, z: Images, r: PerImage, t: PerImage, v: Images, labels: Labels | None = None
) -> Images:
    r"""The total derivative along the path, Eqs. (7) and (8).

    $$\frac{d}{dt} u(z_t, r, t) = v\, \partial_z u + \partial_t u$$

    The state moves with velocity v, r stands still, t moves with velocity 1: one Jacobian-vector product with the
    tangent (v, 0, 1), in forward mode.
    """
    tangent = (v, torch.zeros_like(r), torch.ones_like(t))
    return torch.func.jvp(lambda *at: u(*at, labels), (z, r, t), tangent)[1]


@torch.no_grad()
def target(u: AverageVelocity, z: Images, r: PerImage, t: PerImage, v: Images, labels: Labels | None = None) -> Images:
    r"""What the identity (6) says u must be, by u's own derivative, Eqs. (10) and (11); a constant to the gradient.

    $$u_\mathrm{tgt} = v - (t - r) \frac{d}{dt} u(z_t, r, t)$$
    """
    u_tgt, far = v.clone(), r < t  # where r = t, the target is v
    if far.any():
        known = None if labels is None else labels[far]
        du_dt = derivative(u, z[far], r[far], t[far], v[far], known)
        u_tgt[far] -= times((t - r)[far], du_dt)
    return u_tgt


@torch.no_grad()
def guided_velocity(
    u: AverageVelocity, v_t: Images, z: Images, t: PerImage, labels: Labels, classes: int, omega: float, kappa: float
) -> Images:
    r"""The velocity that aims at a guided field, Eqs. (19) and (21); a constant to the gradient.

    $$\tilde v_t = \omega\, v_t + \kappa\, u_\theta(z_t, t, t \mid c) + (1 - \omega - \kappa)\, u_\theta(z_t, t, t)$$

    Images without a class (their label is `classes`) keep $v_t$, and so do all where $\omega = 1$ and $\kappa = 0$.
    """
    rest = 1 - omega - kappa
    v = omega * v_t
    if kappa:
        v = v + kappa * u(z, t, t, labels)
    if rest:
        v = v + rest * u(z, t, t, None)
    return torch.where((labels == classes).reshape(-1, 1, 1, 1), v_t, v)


def weighted(delta: Images, p: float, c: float = C) -> Float[Tensor, " b"]:
    r"""Each image's adaptive loss (Appendix B.2): $\mathrm{sg}(w)\, |\Delta|^2$, $w = 1 / (|\Delta|^2 + c)^p$."""
    square = delta.square().flatten(1).sum(dim=1)
    return square / (square.detach() + c) ** p


def loss_at(
    u: AverageVelocity, z: Images, r: PerImage, t: PerImage, v: Images, labels: Labels | None = None, p: float = 0.0
) -> Float[Tensor, " b"]:
    r"""Each image's term of Eq. (9), $|u_\theta(z_t, r, t) - \mathrm{sg}(u_\mathrm{tgt})|^2$, with its weight."""
    guess = u(z, r, t, labels)
    if guess.shape != z.shape:
        raise ValueError(f"u returned {list(guess.shape)}; expected the shape of z, {list(z.shape)}")
    return weighted(guess - target(u, z, r, t, v, labels), p)


# ------------------------------------------------------------------------------------------------- sampling


def jump(u: AverageVelocity, z: Images, r: PerImage, t: PerImage, labels: Labels | None = None) -> Images:
    r"""From time t to time r in one step, Eq. (12): $z_r = z_t - (t - r)\, u(z_t, r, t)$."""
    return z - times(t - r, u(z, r, t, labels))


@torch.no_grad()
def sample(u: AverageVelocity, z: Images, steps: int = 1, labels: Labels | None = None) -> Images:
    """From noise z at time 1 to data in equal steps; one step is Algorithm 2."""
    check(steps >= 1, "steps", steps, "a number of steps >= 1")
    at = torch.linspace(1, 0, steps + 1, dtype=torch.float64, device=z.device)
    for t, r in itertools.pairwise(at):
        z = jump(u, z, r.expand(len(z)), t.expand(len(z)), labels)
    return z


@torch.no_grad()
def follow(u: AverageVelocity, z: Images, steps: int = 32, labels: Labels | None = None) -> Images:
    r"""From noise z at time 1 to data along $dz/dt = v(z, t) = u(z, t, t)$, Eq. (1), by the midpoint rule.

    What one step of u stands for. Its own small steps of u(z, t, t) are what flow matching would take.
    """
    check(steps >= 1, "steps", steps, "a number of steps >= 1")
    h = 1 / steps
    for i in range(steps):
        t = torch.full((len(z),), 1 - i * h, dtype=torch.float64, device=z.device)
        middle = z - h / 2 * u(z, t, t, labels)
        z = z - h * u(middle, t - h / 2, t - h / 2, labels)
    return z


# ------------------------------------------------------------------------------------ the method, to be run


@dataclass(frozen=True)
class MeanFlowConfig:
    """What defines the method.

    Attributes:
        width: The U-Net's.
        patch: Side of the patches that the U-Net cuts the image into.
        mu: Mean of the logit of a time.
        sigma: Standard deviation of the logit of a time.
        unequal: Share of images with r < t.
        p: Power of the adaptive weight; 0 for none.
        omega: Weight of the sample's own velocity in the guided one.
        kappa: Weight of the network's velocity for the class; the guidance's scale is omega / (1 - kappa).
        p_uncond: Share of images whose class is dropped in training.
        sampling_steps: Steps from noise to data.
    """

    width: int = 16
    patch: int = 1
    mu: float = -0.4
    sigma: float = 1.0
    unequal: float = 0.25
    p: float = 0.75
    omega: float = 1.0
    kappa: float = 0.0
    p_uncond: float = 0.1
    sampling_steps: int = 1

    def __post_init__(self) -> None:
        check(self.patch >= 1, "patch", self.patch, "a side >= 1")
        check(self.sigma > 0, "sigma", self.sigma, "a standard deviation > 0")
        check(0 <= self.unequal <= 1, "unequal", self.unequal, "a share in [0, 1]")
        check(self.p >= 0, "p", self.p, "a power >= 0")
        check(self.omega > 0, "omega", self.omega, "a weight > 0")
        check(0 <= self.kappa < 1, "kappa", self.kappa, "a weight in [0, 1)")
        check(0 <= self.p_uncond < 1, "p_uncond", self.p_uncond, "a share in [0, 1)")
        check(self.sampling_steps >= 1, "sampling_steps", self.sampling_steps, "a number of steps >= 1")


PRESETS = {
    "digits": Preset(
        TrainConfig(steps=800, lr=3e-3, decay="cosine"),
        MeanFlowConfig(unequal=0.5),
        {"seconds": 90.0, "held_out_loss": 0.5, "one_step_gap": 0.4, "frechet": 2.5, "class_error": 0.05},
    ),
    "fashion": Preset(
        TrainConfig(data="fashion", steps=3400, decay="cosine", ema_decay=0.998, evaluate_on=2000),
        MeanFlowConfig(width=48, patch=2, unequal=0.5),
        {"class_error": 0.2},
    ),
}


class MeanFlow:
    """The method as the engine runs it: a network of two times, the loss, and how to sample and to judge."""

    def __init__(self, config: MeanFlowConfig, spec: Spec, device: torch.device | str = "cpu") -> None:
        self.config, self.shape, self.classes, self.device = config, spec.shape, spec.classes, device
        self.model = build_network("unet", spec.shape[0], config.width, spec.classes, config.patch, times=2)
        # forward mode through torch's group norm fails on images that are laid out channels last
        self.model.to(device, memory_format=torch.contiguous_format)

    def u(self, z: Images, r: PerImage, t: PerImage, labels: Labels | None) -> Images:
        r"""The average velocity $u_\theta(z, r, t \mid c)$: the network is told t and t - r (Section 4.3)."""
        return self.model(z, TIME_SCALE * torch.stack([t, t - r], dim=1), labels)

    def loss(self, batch: Batch, generator: Generator) -> Float[Tensor, ""]:
        """Algorithm 1, with guidance: fresh times and noise for each image, some classes dropped."""
        c, x = self.config, batch.x
        labels = drop_labels(batch.labels, self.classes, c.p_uncond, generator) if self.classes else None
        r, t = sample_times(len(x), c.mu, c.sigma, c.unequal, generator, x.device)
        eps = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
        z, v = path(x, eps, t)
        if labels is not None:
            v = guided_velocity(self.u, v, z, t, labels, self.classes, c.omega, c.kappa)
        return loss_at(self.u, z, r, t, v, labels, c.p).mean()

    def players(self) -> list[Player]:
        """One network, with Algorithm 1's loss."""
        return [Player("loss", self.model, self.loss)]

    def noise(self, n: int, generator: Generator) -> Images:
        """The z_1 that samples start from."""
        return torch.randn((n, *self.shape), generator=generator, device=self.device)

    def sample(
        self, n: int, labels: Tensor | None, generator: Generator, watch: Watch = lambda steps, _: steps
    ) -> Images:
        """N new images of the classes asked for, or of any; 256 at a time, so that many do not need much memory."""
        z, x = self.noise(n, generator), []
        for part in watch(torch.arange(n).split(256), -(-n // 256)):
            known = None if labels is None else labels[part]
            x.append(sample(self.u, z[part], self.config.sampling_steps, known))
        return torch.cat(x)

    def pictures(self, data: Data, generator: Generator) -> dict[str, Float[Tensor, "rows columns c h w"]]:
        """`steps`: the same noise in 1, 2 and 4 steps, and along the velocity u(z, t, t); a column for each class."""
        n = self.classes or 10
        z, labels = self.noise(n, generator), torch.arange(n, device=self.device) if self.classes else None
        rows = [sample(self.u, z, steps, labels) for steps in (1, 2, 4)]
        return {"steps": torch.stack([*rows, follow(self.u, z, labels=labels)])}

    @torch.no_grad()
    def evaluate(self, data: Data, samples: Images, labels: Tensor | None, generator: Generator) -> dict[str, float]:
        """The loss on held-out images, how far one step is from many, and what all methods are measured by.

        `held_out_loss` is the flow matching loss, (9) at r = t, for each pixel, on at most 1,000 images. `one_step_gap`
        is the root mean square difference between samples in one step and those of the same noise along u(z, t, t),
        over the standard deviation of the data.
        """
        x, y, losses = data.held_out[:1000], data.held_out_labels[:1000] if self.classes else None, []
        for t in torch.linspace(0.025, 0.975, 20).tolist():  # the same times and noise for every run
            t_each = torch.full((len(x),), t, dtype=torch.float64, device=x.device)
            z, v = path(x, torch.randn(x.shape, generator=generator, device=x.device), t_each)
            losses.append(loss_at(self.u, z, t_each, t_each, v, y).mean() / x[0].numel())
        z = self.noise(100, generator)
        asked = torch.arange(100, device=self.device) % self.classes if self.classes else None
        gap = (sample(self.u, z, 1, asked) - follow(self.u, z, labels=asked)).square().mean().sqrt() / data.train.std()
        numbers = {"held_out_loss": torch.stack(losses).mean().item(), "one_step_gap": gap.item()}
        return {**numbers, **compare(data, samples, labels)}


def build(config: MeanFlowConfig, spec: Spec, device: torch.device | str) -> MeanFlow:
    """The method for images of this kind; torch's global generator draws its first weights."""
    return MeanFlow(config, spec, device)
