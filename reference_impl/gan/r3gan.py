r"""R3GAN, a modern GAN baseline: Huang, Gokaslan, Kuleshov & Tompkin, NeurIPS 2024, arXiv:2501.05441.

The problem
    A GAN's discriminator needs one boundary between real and fake, so the generator may crowd just behind it and leave
    modes of the data out; and gradient descent on the game may circle for ever instead of settling. R3GAN judges each
    fake against one real example (no boundary to crowd behind) and asks D to be flat where the data are (no circling).
    With that loss no further trick is needed, and the networks are plain residual ones without normalisation.

The equations, with the paper's numbers
    RpGAN             (2)     L(theta, psi) = E f(D(G(z)) - D(x)),  f(t) = -log(1 + e^-t); G lowers it, D raises it
    penalties         (3)     R1 = gamma/2 E_{x ~ data} |grad_x D(x)|^2,   R2 = gamma/2 E_{x ~ G} |grad_x D(x)|^2
    smallest game     (6)     data at 0, G = theta, D(x) = psi x: L = f(psi theta)
    its field         (13)    (-psi f'(psi theta), theta f'(psi theta) - gamma psi)
    its eigenvalues   (12)    at (0, 0): -gamma/2 +- sqrt(gamma^2/4 - f'(0)^2); with R1 and R2, gamma counts twice
    burn-in           (App D) gamma falls along half a cosine from a first to a last value
    initialisation    (Sec 3) last convolution of a block 0, the others L^(-1/4) smaller, L blocks in the network
    class             (App D) G sees (z, embed(c)); D(x) = embed(c) . D'(x)

The symbols (b examples of c x h x w pixels, or of two coordinates)
    x, G(z)           x, fake                     [b c h w] or [b 2]
    z                 z                           [b d_z], standard normal
    D(x), D(G(z))     real_logits, fake_logits    [b]; D is any callable (x, labels) -> [b]
    c                 labels                      [b] integers, None of an unconditional GAN
    |grad_x D|^2      squared_gradient_norm       [b]
    gamma             gamma                       a number
    theta, psi        the weights of G, of D

The sign
    In Eq. (2) as printed, D is large on fakes. As in the authors' code, D here is large on real examples, and the game
    is the non-saturating one: instead of lowering (2) itself, G lowers D's own loss with real and fake swapped. Near
    the equilibrium the two games are the same to first order, so (12) holds for both.

Deviations from the paper
    - Data: 8x8 digits and points in the plane, not CIFAR-10, FFHQ and ImageNet. No augmentation.
    - Networks: one residual block per resolution and tens of channels, not two and hundreds. The channels halve with
      each doubling of the resolution (on CIFAR-10 the authors have 768 at each). The basis is 4x4 for digits and 7x7
      for 28x28 images. For the plane, the fully connected networks of mlp.py.
    - Resampling is bilinear as the paper's text says: at factor 1/2 the mean of 2x2 pixels, at factor 2 the weights 3/4
      and 1/4. The authors' code filters with [1, 2, 1] instead.
    - Schedules: the burn-in lowers gamma only. Adam's beta2 is constant (theirs goes from 0.9 to 0.99), and so is EMA's
      half-life; the learning rate falls to 0 along half a cosine over the whole run (theirs to a quarter of the first
      value, then no further).
    - Training: hundreds to thousands of steps in batches of 32 to 256 with a learning rate of 1e-3 and more, not
      millions of images in batches of 512 with 2e-4. float32 throughout, not bfloat16 at the high resolutions.
    - EMA: over all weights, with the engine's warm-up; D's averages are not used.
    - As in the paper: the loss, both penalties in every step (never lazily), Adam with beta1 = 0, z of 64 numbers for
      images, inverted bottlenecks with grouped 3x3 convolutions of 16 channels, no normalisation, leaky ReLU of slope
      0.2, no tanh, no bias in a block's last convolution and in D's head, fix-up initialisation, class conditioning.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64, Int64
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from reference_impl.data import Data, Spec
from reference_impl.engine import Batch, Player, Preset, TrainConfig, Watch, check
from reference_impl.gan import mlp
from reference_impl.metrics import compare

Images = Float[Tensor, "b c h w"]
Examples = Float[Tensor, "b ..."]
Logits = Float[Tensor, " b"]
Scalar = Float[Tensor, ""]
Labels = Int64[Tensor, " b"] | None
Critic = Callable[[Tensor, Tensor | None], Tensor]
"""D: (x [b ...], labels [b] or None) -> logits [b]. A network, or a function in the tests."""


# --------------------------------------------------------------------------------------------------- the loss


def relativistic_loss(better: Logits, worse: Logits) -> Scalar:
    r"""The paired loss of Eq. (2), with its sign turned, to be lowered: the i-th logit should beat the i-th.

    $$\frac1b \sum_{i=1}^b \log\big(1 + e^{-(\text{better}_i - \text{worse}_i)}\big)$$

    Raises:
        ValueError: The logits are not one number for each of the same count of examples; [b 1] beside [b] would
            broadcast to all b^2 pairs.
    """
    if better.ndim != 1 or better.shape != worse.shape:
        raise ValueError(
            f"logits are {list(better.shape)} and {list(worse.shape)}; expected [b] and [b], one for each example"
        )
    return F.softplus(worse - better).mean()


def squared_gradient_norm(logits: Logits, x: Examples) -> Logits:
    r"""$\|\nabla_x D(x_i)\|^2$ of each example, kept in the graph, so that D's weights can be trained to lower it."""
    (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    return gradient.square().reshape(len(x), -1).sum(dim=1)


def zero_centred_penalty(logits: Logits, x: Examples, gamma: float) -> Scalar:
    r"""Eq. (3): R1 where x are real examples, R2 where they are fakes; $\frac\gamma2 \mathbb E \|\nabla_x D(x)\|^2$."""
    return gamma / 2 * squared_gradient_norm(logits, x).mean()


def discriminator_loss(D: Critic, x: Examples, fake: Examples, labels: Labels, gamma: float) -> Scalar:
    """What D lowers: each real example should beat the fake beside it, and D should be flat at both (R1 and R2)."""
    x, fake = x.detach().requires_grad_(), fake.detach().requires_grad_()
    real_logits, fake_logits = D(x, labels), D(fake, labels)
    r1, r2 = zero_centred_penalty(real_logits, x, gamma), zero_centred_penalty(fake_logits, fake, gamma)
    return relativistic_loss(real_logits, fake_logits) + r1 + r2


def generator_loss(D: Critic, x: Examples, fake: Examples, labels: Labels) -> Scalar:
    """What G lowers: each fake should beat the real example beside it. D(x) is a constant here, but no idle one."""
    with torch.no_grad():
        real_logits = D(x, labels)
    return relativistic_loss(D(fake, labels), real_logits)


def dirac_field(theta: float, psi: float, gamma: float) -> Float64[Tensor, " 2"]:
    r"""Where gradient descent on the two losses pushes $(\theta, \psi)$ in the smallest game: Eq. (13), in our form.

    All data are 0, G is the number theta, and D(x) = psi x.
    """
    weights = torch.tensor([[theta], [psi]], dtype=torch.float64, requires_grad=True)
    fake, slope = weights
    data = torch.zeros(1, dtype=torch.float64)

    def D(x: Tensor, labels: Tensor | None) -> Tensor:
        return slope * x

    (for_theta,) = torch.autograd.grad(generator_loss(D, data, fake, None), fake)
    (for_psi,) = torch.autograd.grad(discriminator_loss(D, data, fake, None, gamma), slope)
    return -torch.cat([for_theta, for_psi])


def gamma_at(step: int, gamma: tuple[float, float], burn_in: int) -> float:
    r"""The penalties' weight in a step, counted from 1: from the first value to the last along half a cosine.

    $$\gamma(s) = \gamma_1 + (\gamma_0 - \gamma_1)\, \tfrac12 \big(1 + \cos(\pi \min(1, s / B))\big)$$
    """
    first, last = gamma
    done = min(1.0, step / burn_in) if burn_in else 1.0
    return last + (first - last) * (1 + math.cos(math.pi * done)) / 2


# ----------------------------------------------------------------------------------------------- the networks

SLOPE = 0.2
"""Of the leaky ReLU below zero."""

GAIN = math.sqrt(2 / (1 + SLOPE**2))
"""Makes up for what the leaky ReLU takes from the variance (He et al. 2015)."""


def initialise(layer: nn.Conv2d | nn.Linear, gain: float = 1.0) -> nn.Conv2d | nn.Linear:
    """Normal weights of variance gain^2 / fan-in, so that unit inputs give outputs of variance gain^2; no bias yet."""
    nn.init.normal_(layer.weight, std=gain / math.sqrt(layer.weight[0].numel()))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class Up(nn.Module):
    """Twice the resolution by bilinear interpolation: along each axis 3/4 of a pixel and 1/4 of its neighbour."""

    def forward(self, x: Images) -> Float[Tensor, "b c h_2 w_2"]:
        """X at twice the height and width; beyond the edge, the edge itself goes on."""
        for axis in (2, 3):
            n = x.shape[axis]
            before = torch.cat([x.narrow(axis, 0, 1), x.narrow(axis, 0, n - 1)], dim=axis)
            after = torch.cat([x.narrow(axis, 1, n - 1), x.narrow(axis, n - 1, 1)], dim=axis)
            pairs = torch.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], dim=axis + 1)
            x = pairs.flatten(axis, axis + 1)
        return x


class Down(nn.Module):
    """Half the resolution by bilinear interpolation: the mean of 2x2 pixels."""

    def forward(self, x: Images) -> Float[Tensor, "b c h_2 w_2"]:
        """X at half the height and width."""
        return F.avg_pool2d(x, 2)


class Block(nn.Module):
    """A residual block: 1x1 convolution to twice the width, grouped 3x3 convolution, 1x1 convolution back.

    By fix-up initialisation it begins as the identity, whatever the depth, and needs no normalisation.

    Args:
        width: Channels in and out; the inner ones are twice as many.
        group: Channels in a group of the 3x3 convolution.
        L: Blocks in the whole network.
    """

    def __init__(self, width: int, group: int, L: int) -> None:
        super().__init__()
        inner, gain = 2 * width, GAIN * L**-0.25
        self.expand = initialise(nn.Conv2d(width, inner, 1), gain)
        self.grouped = initialise(nn.Conv2d(inner, inner, 3, padding=1, groups=inner // group), gain)
        self.project = initialise(nn.Conv2d(inner, width, 1, bias=False), 0.0)

    def forward(self, x: Images) -> Images:
        """X, and what the block adds to it."""
        h = F.leaky_relu(self.expand(x), SLOPE)
        h = F.leaky_relu(self.grouped(h), SLOPE)
        return x + self.project(h)


def halvings(height: int, width: int) -> int:
    """How often an image can be halved until a side would be odd, or shorter than 4 pixels."""
    n = 0
    while height % 2 == 0 and width % 2 == 0 and min(height, width) >= 8:
        height, width, n = height // 2, width // 2, n + 1
    return n


def widths(width: int, n: int, group: int) -> list[int]:
    """Channels from the coarsest resolution to the finest: half as many at each of n doublings.

    Raises:
        ValueError: At the finest, twice as many do not fall into groups.
    """
    step = math.lcm(2, group) // 2 << n
    check(width % step == 0, "width", width, f"a multiple of {step}, to be halved {n} times with groups of {group}")
    return [width >> i for i in range(n + 1)]


class ImageGenerator(nn.Module):
    """G for images: learned 4x4 pictures, weighed by z and its class, then blocks at one resolution after the other.

    Args:
        shape: An image's channels, height and width.
        d_z: Coordinates of the noise.
        width: Channels at the coarsest resolution; half as many at each doubling.
        blocks: Residual blocks at each resolution.
        group: Channels in a group of the 3x3 convolutions.
        classes: 0 for an unconditional G.
    """

    def __init__(
        self, shape: tuple[int, int, int], d_z: int, width: int, blocks: int, group: int, classes: int
    ) -> None:
        super().__init__()
        self.classes, n = classes, halvings(*shape[1:])
        L = blocks * (n + 1)
        if classes:
            self.embed = initialise(nn.Linear(classes, d_z, bias=False))
        self.weigh = initialise(nn.Linear(2 * d_z if classes else d_z, width, bias=False))
        self.basis = nn.Parameter(torch.randn(width, shape[1] >> n, shape[2] >> n))
        first, *finer = widths(width, n, group)
        stages: list[nn.Module] = [Block(first, group, L) for _ in range(blocks)]
        for w in finer:
            stages += [initialise(nn.Conv2d(2 * w, w, 1, bias=False)), Up()]
            stages += [Block(w, group, L) for _ in range(blocks)]
        self.stages = nn.Sequential(*stages)
        self.to_pixels = initialise(nn.Conv2d(width >> n, shape[0], 1, bias=False))

    def forward(self, z: Float[Tensor, "b d_z"], labels: Labels = None) -> Images:
        """G(z), or G(z | labels)."""
        if self.classes:
            z = torch.cat([z, self.embed(one_hot(labels, self.classes).to(z.dtype))], dim=1)
        return self.to_pixels(self.stages(self.weigh(z)[:, :, None, None] * self.basis))


class ImageDiscriminator(nn.Module):
    """D for images: G in the mirror, then a 4x4 convolution of each channel alone and a linear head.

    With classes the head has as many outputs as D has channels, and the logit is their inner product with the class's
    embedding (the projection discriminator of Miyato & Koyama 2018). The arguments are G's.
    """

    def __init__(self, shape: tuple[int, int, int], width: int, blocks: int, group: int, classes: int) -> None:
        super().__init__()
        self.classes, n = classes, halvings(*shape[1:])
        L, d = blocks * (n + 1), width if classes else 1
        finest, *coarser = widths(width, n, group)[::-1]
        self.from_pixels = initialise(nn.Conv2d(shape[0], finest, 1, bias=False))
        stages: list[nn.Module] = [Block(finest, group, L) for _ in range(blocks)]
        for w in coarser:
            stages += [Down(), initialise(nn.Conv2d(w // 2, w, 1, bias=False))]
            stages += [Block(w, group, L) for _ in range(blocks)]
        self.stages = nn.Sequential(*stages)
        self.basis = initialise(nn.Conv2d(width, width, (shape[1] >> n, shape[2] >> n), groups=width, bias=False))
        self.head = initialise(nn.Linear(width, d, bias=False))
        if classes:
            self.embed = initialise(nn.Linear(classes, d, bias=False), 1 / math.sqrt(d))

    def forward(self, x: Images, labels: Labels = None) -> Logits:
        """D(x), or D(x | labels)."""
        features = self.head(self.basis(self.stages(self.from_pixels(x))).flatten(1))
        if self.classes:
            features = features * self.embed(one_hot(labels, self.classes).to(x.dtype))
        return features.sum(dim=1)


def one_hot(labels: Labels, classes: int) -> Float[Tensor, "b classes"]:
    """A unit vector for each class.

    Raises:
        ValueError: There are no labels, or one of them is no class.
    """
    if labels is None or labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"labels are {labels}; expected one class in 0..{classes - 1} for each example")
    return F.one_hot(labels, classes).float()


# ------------------------------------------------------------------------------------ the method, to be run


@dataclass(frozen=True)
class R3GANConfig:
    """What defines the method.

    Attributes:
        gamma: The penalties' weight at first and after the burn-in.
        burn_in: Steps from the one to the other; 0 to begin with the last.
        d_z: Coordinates of the noise.
        width: Channels at the coarsest resolution of the image networks; units of the plane's.
        blocks: Residual blocks at each resolution.
        group: Channels in a group of the 3x3 convolutions.
        conditional: Whether classes are used, where there are any.
    """

    gamma: tuple[float, float] = (1.0, 0.1)
    burn_in: int = 500
    d_z: int = 64
    width: int = 32
    blocks: int = 1
    group: int = 16
    conditional: bool = True

    def __post_init__(self) -> None:
        good = len(self.gamma) == 2 and all(0 <= gamma < math.inf for gamma in self.gamma)
        check(good, "gamma", self.gamma, "two weights >= 0, the first and the last")
        check(self.burn_in >= 0, "burn_in", self.burn_in, "a number of steps >= 0")
        check(self.d_z >= 1, "d_z", self.d_z, "a number of coordinates >= 1")
        check(self.group >= 1, "group", self.group, "a number of channels >= 1")
        good = self.width >= 1 and 2 * self.width % self.group == 0
        check(good, "width", self.width, f"channels of which twice as many fall into groups of {self.group}")
        check(self.blocks >= 1, "blocks", self.blocks, "a number of blocks >= 1")


PRESETS = {
    "digits": Preset(
        TrainConfig(
            steps=750, batch_size=64, lr=2e-3, betas=(0.0, 0.99), warmup=0, decay="cosine", grad_clip=0.0,
            ema_decay=0.998,
        ),
        R3GANConfig(gamma=(5.0, 0.5), burn_in=375),
        {"seconds": 90.0, "frechet": 4.5, "class_error": 0.08},
    ),
    "fashion": Preset(
        TrainConfig(
            data="fashion", steps=6000, batch_size=32, lr=2e-3, betas=(0.0, 0.99), warmup=0, decay="cosine",
            grad_clip=0.0, ema_decay=0.998, evaluate_on=2000,
        ),
        R3GANConfig(gamma=(30.0, 5.0), burn_in=3000),
        {"frechet": 40.0, "class_error": 0.22},
    ),
    "gaussians": Preset(
        TrainConfig(
            data="gaussians", steps=12_000, batch_size=256, lr=1e-3, betas=(0.0, 0.99), warmup=0, decay="cosine",
            grad_clip=0.0, ema_decay=0.999, evaluate_on=2500,
        ),
        R3GANConfig(gamma=(0.02, 0.002), burn_in=8000, d_z=2, width=128, conditional=False),
        {"seconds": 300.0, "modes_missed": 0.0, "low_quality": 0.3},
    ),
}  # fmt: skip


class R3GAN:
    """The method as the engine runs it: two players, their losses, and how to sample and to judge."""

    def __init__(self, config: R3GANConfig, spec: Spec, device: torch.device | str = "cpu") -> None:
        self.config, self.shape, self.device = config, spec.shape, device
        self.classes = spec.classes if config.conditional else 0
        if len(spec.shape) == 3:
            size = (config.width, config.blocks, config.group, self.classes)
            G, D = ImageGenerator(spec.shape, config.d_z, *size), ImageDiscriminator(spec.shape, *size)
        else:
            G = mlp.Generator(config.d_z, spec.shape, config.width, classes=self.classes, slope=SLOPE)
            D = mlp.Discriminator(spec.shape, config.width, classes=self.classes, slope=SLOPE)
            D.layers[-1].bias = None  # no loss of pairs sees a constant added to D
        self.model = nn.ModuleDict({"generator": G, "discriminator": D}).to(device)
        self.gamma = gamma_at(1, config.gamma, config.burn_in)

    def players(self) -> list[Player]:
        """D moves first, then G, each in every step."""
        G, D = self.model["generator"], self.model["discriminator"]
        return [
            Player("discriminator", D, self.loss_of_discriminator, self.set_gamma),
            Player("generator", G, self.loss_of_generator),
        ]

    def set_gamma(self, step: int) -> bool:
        """D plays in every step, under the gamma of that step."""
        self.gamma = gamma_at(step, self.config.gamma, self.config.burn_in)
        return True

    def loss_of_discriminator(self, batch: Batch, generator: Generator) -> Scalar:
        """D's loss on real examples and on as many fakes, each of its real partner's class."""
        labels = batch.labels if self.classes else None
        with torch.no_grad():
            fake = self.generate(len(batch.x), labels, generator)
        return discriminator_loss(self.model["discriminator"], batch.x, fake, labels, self.gamma)

    def loss_of_generator(self, batch: Batch, generator: Generator) -> Scalar:
        """G's loss on as many fakes as there are real examples, each of its real partner's class."""
        labels = batch.labels if self.classes else None
        fake = self.generate(len(batch.x), labels, generator)
        return generator_loss(self.model["discriminator"], batch.x, fake, labels)

    def generate(self, n: int, labels: Labels, generator: Generator) -> Examples:
        """N fakes G(z)."""
        z = torch.randn(n, self.config.d_z, generator=generator, device=self.device)
        return self.model["generator"](z, labels)

    @torch.no_grad()
    def sample(self, n: int, labels: Labels, generator: Generator, watch: Watch = lambda steps, _: steps) -> Examples:
        """N new examples in one go; of classes drawn evenly, where classes are used and none are named."""
        if self.classes and labels is None:
            labels = torch.randint(self.classes, (n,), generator=generator, device=self.device)
        return self.generate(n, labels if self.classes else None, generator)

    @torch.no_grad()
    def pictures(self, data: Data, generator: Generator) -> dict[str, Float[Tensor, "rows columns c h w"]]:
        """`walk`: in each row, from one z to another, by a path on which each stop is itself standard normal."""
        if len(self.shape) != 3:
            return {}
        rows, columns = self.classes or 8, 10
        start, end = torch.randn(2, rows, 1, self.config.d_z, generator=generator, device=self.device)
        angle = torch.linspace(0, math.pi / 2, columns, device=self.device)[:, None]
        z = angle.cos() * start + angle.sin() * end  # cos^2 + sin^2 = 1: the variance stays
        labels = torch.arange(rows, device=self.device).repeat_interleave(columns) if self.classes else None
        return {"walk": self.model["generator"](z.flatten(0, 1), labels).unflatten(0, (rows, columns))}

    def evaluate(self, data: Data, samples: Examples, labels: Labels, generator: Generator) -> dict[str, float]:
        """What all methods' samples are measured by."""
        return compare(data, samples, labels)


def build(config: R3GANConfig, spec: Spec, device: torch.device | str) -> R3GAN:
    """The method for examples of this kind; torch's global generator draws its first weights."""
    return R3GAN(config, spec, device)
