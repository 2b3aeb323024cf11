r"""Wasserstein GAN with gradient penalty (WGAN-GP): Gulrajani et al., NeurIPS 2017, arXiv:1704.00028.

After Wasserstein GAN (WGAN): Arjovsky, Chintala & Bottou, ICML 2017, arXiv:1701.07875.

The problem
    Given samples of an unknown law P_r, draw new ones. A GAN's discriminator measures how far the law P_g of the
    generator's samples is from P_r, but where the two hardly overlap it is certain of itself, and its gradient tells
    the generator nothing. The earth mover's distance W(P_r, P_g) still does: it is the mass to be moved times the way
    that it has to go. A critic estimates it, provided that its slope is nowhere more than 1; the gradient penalty sees
    to that.

The equations, with the papers' numbers
    earth mover     WGAN (1)         W(P_r, P_g) = inf_gamma E_{(x, y) ~ gamma} |x - y|, over all couplings gamma
    its dual        WGAN (2)         W(P_r, P_g) = sup_{|f|_L <= 1} E_{x ~ P_r} f(x) - E_{x~ ~ P_g} f(x~)
    the game        WGAN-GP (2)      min_G max_{D 1-Lipschitz} E_{x ~ P_r} D(x) - E_{x~ ~ P_g} D(x~)
    interpolates    WGAN-GP Alg. 1   x^ = eps x + (1 - eps) x~, eps ~ U[0, 1], one for each example
    critic's loss   WGAN-GP (3)      L = E D(x~) - E D(x) + lambda E (|grad_x^ D(x^)|_2 - 1)^2
    G's loss        WGAN-GP Alg. 1   - E_z D(G(z))
    Why 1: on the lines that join coupled points an optimal critic climbs with slope exactly 1 (WGAN-GP, Prop. 1).

The symbols (b examples, of c x h x w numbers or of 2)
    x, x~ = G(z), x^          real, fake, x_hat               [b ...], data in [-1, 1]
    z                         z                               [b d_z], drawn from N(0, I)
    D(x)                      D, a callable                   [b ...] -> [b], a real number; not a probability
    eps                       eps                             [b], one for each example
    |grad_x^ D(x^)|_2         gradient_norm(D, x_hat)         [b], over all numbers of an example
    lambda, n_critic          lam, n_critic                   WGANGPConfig
    W                         earth_mover(x, y)               [], on the line; wasserstein(real, fake), by a critic

Deviations from the paper
    - Data: scikit-learn's 8x8 digits and Fashion-MNIST, not CIFAR-10, LSUN and ImageNet; and 25 Gaussians in the plane.
    - Networks: convolutions at two or three scales, not DCGANs and ResNets. Layer normalisation in G too, where the
      paper has batch normalisation: averaged weights then need no statistics of their own.
    - The presets for images are conditional. The class goes beside z, and into the critic's last map by the projection
      of Miyato & Koyama 2018; the authors' code for CIFAR-10 puts it into the normalisation, or adds a classifier. The
      critic then estimates the distance between the laws of each class, averaged over the classes.
      `conditional=false` gives the paper's game.
    - Training: a few thousand moves of the critic (the authors' code: 500,000 and more), so a learning rate of 1e-3 or
      more instead of 1e-4.
    - The preset `gaussians` has lambda = 0.1, as the authors' code for toy problems; the paper states 10 throughout.
    - Sampling from a moving average of G's weights, which the paper does not have; the critic that is measured is an
      average too.
    - The last layer of the critic has no bias: an offset cancels in D(x~) - D(x), and the penalty does not see it.
    - In Algorithm 1 the critic moves n_critic times, then G. Here the critic moves in each step, and G after it in
      every n_critic-th.
    - As in the paper: lambda = 10 for images, n_critic = 5, Adam with beta = (0, 0.9), penalty on both sides of 1, no
      batch normalisation in the critic but layer normalisation, no clipping of weights.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from reference_impl.data import Data, Spec
from reference_impl.engine import Batch, Player, Preset, TrainConfig, Watch, check
from reference_impl.gan import mlp
from reference_impl.metrics import compare

Examples = Float[Tensor, "b ..."]
PerExample = Float[Tensor, " b"]
Labels = Int64[Tensor, " b"]
Scalar = Float[Tensor, ""]
Critic = Callable[[Tensor], Tensor]
"""D: examples [b ...] -> one real number for each [b]. A network, or a known function in the tests."""


# ------------------------------------------------------------------------------------ the distance, and its dual


def earth_mover(x: Float[Tensor, " n"], y: Float[Tensor, " n"]) -> Scalar:
    r"""WGAN's Eq. (1) for n numbers each: on the line, the least work moves the i-th smallest to the i-th smallest."""
    if x.shape != y.shape:
        raise ValueError(f"sets have {len(x)} and {len(y)} numbers; expected as many in both")
    return (x.sort().values - y.sort().values).abs().mean()


def wasserstein(real: Float[Tensor, " n"], fake: Float[Tensor, " m"]) -> Scalar:
    r"""What is under the supremum of WGAN's Eq. (2), $\mathbb E_x D(x) - \mathbb E_{\tilde x} D(\tilde x)$.

    If D is 1-Lipschitz, it is at most $W(P_r, P_g)$; if D is K-Lipschitz, at most K times that.

    Args:
        real: The critic's values on real examples.
        fake: The critic's values on generated ones.
    """
    return real.mean() - fake.mean()


# -------------------------------------------------------------------------------------------- the gradient penalty


def interpolate(real: Examples, fake: Examples, eps: PerExample) -> Examples:
    r"""Line 6 of Algorithm 1: $\hat x = \epsilon x + (1 - \epsilon) \tilde x$, with each example's own $\epsilon$."""
    if real.shape != fake.shape or eps.shape != real.shape[:1]:
        raise ValueError(
            f"real, fake and eps are {list(real.shape)}, {list(fake.shape)} and {list(eps.shape)}; "
            f"expected two batches of one shape, and eps [{len(real)}]"
        )
    eps = eps.reshape(-1, *[1] * (real.ndim - 1))
    return eps * real + (1 - eps) * fake


def gradient_norm(D: Critic, x: Examples) -> PerExample:
    r"""$\|\nabla_{x} D(x)\|_2$ for each example, over all of its numbers; D's weights receive its gradient.

    The gradient of the sum over the batch is each example's own gradient only because D looks at one example at a
    time: the reason why the critic has no batch normalisation. Where the gradient is 0, `vector_norm` has the
    derivative 0; a square root of the sum of squares would have NaN.
    """
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
        return torch.linalg.vector_norm(gradient.flatten(1), dim=1)


def gradient_penalty(D: Critic, x_hat: Examples) -> Scalar:
    r"""The second term of Eq. (3) without its factor: $\mathbb E\, (\|\nabla_{\hat x} D(\hat x)\|_2 - 1)^2$."""
    return (gradient_norm(D, x_hat) - 1).square().mean()


def critic_loss(D: Critic, real: Examples, fake: Examples, eps: PerExample, lam: float = 10.0) -> Scalar:
    r"""Eq. (3): $\mathbb E D(\tilde x) - \mathbb E D(x) + \lambda\, \mathbb E\, (\|\nabla D(\hat x)\|_2 - 1)^2$."""
    return -wasserstein(D(real), D(fake)) + lam * gradient_penalty(D, interpolate(real, fake, eps))


def generator_loss(fake: PerExample) -> Scalar:
    r"""Line 12 of Algorithm 1: $-\mathbb E_z D(G(z))$, from the critic's values on generated examples."""
    return -fake.mean()


# --------------------------------------------------------------------------------------------------- the networks


def scales(h: int, w: int) -> list[tuple[int, int]]:
    """Heights and widths from the image's own down to at most 7, each half the one before, rounded up."""
    sizes = [(h, w)]
    while max(sizes[-1]) > 7:
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    return sizes


def layer_norm(channels: int) -> nn.GroupNorm:
    """Layer normalisation of images: each by itself, over channels and places; a scale and an offset per channel."""
    return nn.GroupNorm(1, channels)


class ImageGenerator(nn.Module):
    """G for images: z to the smallest scale; then norm, ReLU, enlargement and convolution up to the image's own."""

    def __init__(self, d_z: int, shape: tuple[int, ...], width: int, classes: int) -> None:
        super().__init__()
        self.classes, (channels, h, w) = classes, shape
        *self.larger, self.smallest = scales(h, w)
        widths = [width * 2**i for i in range(len(self.larger), -1, -1)]
        self.enter = nn.Linear(d_z + classes, widths[0] * self.smallest[0] * self.smallest[1])
        self.norms = nn.ModuleList(layer_norm(n) for n in widths)
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in itertools.pairwise([*widths, channels]))

    def forward(self, z: Float[Tensor, "b d_z"], labels: Labels | None = None) -> Float[Tensor, "b c h w"]:
        """G(z), or G(z | labels), in (-1, 1)."""
        x = self.enter(mlp.beside(z, labels, self.classes)).unflatten(1, (-1, *self.smallest))
        for norm, conv, size in zip(self.norms, self.convs, [*self.larger[::-1], None], strict=True):
            x = F.relu(norm(x))
            x = conv(x if size is None else F.interpolate(x, size, mode="nearest"))
        return x.tanh()


class ImageCritic(nn.Module):
    """D for images: convolutions, each but the first halving the image, with layer norm; a linear map to one number.

    The last map is a row that all classes share plus a row of the class's own (Miyato & Koyama 2018, "projection").
    """

    def __init__(self, shape: tuple[int, ...], width: int, classes: int) -> None:
        super().__init__()
        self.classes, (channels, h, w) = classes, shape
        sizes = scales(h, w)
        widths = [width * 2**i for i in range(len(sizes))]
        self.enter = nn.Conv2d(channels, width, 3, padding=1)
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in itertools.pairwise(widths))
        self.norms = nn.ModuleList(layer_norm(n) for n in widths[1:])
        self.leave = nn.Linear(widths[-1] * sizes[-1][0] * sizes[-1][1], 1 + classes, bias=False)

    def forward(self, x: Float[Tensor, "b c h w"], labels: Labels | None = None) -> PerExample:
        """D(x), or D(x | labels): one real number for each image."""
        rows = mlp.beside(torch.ones(len(x), 1, dtype=x.dtype, device=x.device), labels, self.classes)
        x = F.leaky_relu(self.enter(x), 0.2)
        for norm, conv in zip(self.norms, self.convs, strict=True):
            x = F.leaky_relu(norm(conv(x)), 0.2)
        return (self.leave(x.flatten(1)) * rows).sum(dim=1)


def networks(config: "WGANGPConfig", spec: Spec, classes: int) -> tuple[nn.Module, nn.Module]:
    """G and D: convolutions for images, fully connected layers for points."""
    if len(spec.shape) == 3:
        return (
            ImageGenerator(config.d_z, spec.shape, config.g_width, classes),
            ImageCritic(spec.shape, config.d_width, classes),
        )
    G = mlp.Generator(config.d_z, spec.shape, config.g_width, classes=classes)
    D = mlp.Discriminator(spec.shape, config.d_width, classes=classes)
    D.layers[-1] = nn.Linear(config.d_width, 1, bias=False)  # a bias would cancel in D(x~) - D(x)
    return G, D


# ------------------------------------------------------------------------------------------ the method, to be run


@dataclass(frozen=True)
class WGANGPConfig:
    """What defines the method; widths are those of the largest scale, or of a hidden layer.

    Attributes:
        lam: The penalty's factor, lambda.
        n_critic: Moves of the critic for one of the generator.
        d_z: Coordinates of the noise.
        conditional: Whether both players see the class, where the data have classes.
    """

    lam: float = 10.0
    n_critic: int = 5
    d_z: int = 64
    g_width: int = 32
    d_width: int = 32
    conditional: bool = True

    def __post_init__(self) -> None:
        check(self.lam >= 0, "lam", self.lam, "a factor >= 0")
        for name in ("n_critic", "d_z", "g_width", "d_width"):
            check(getattr(self, name) >= 1, name, getattr(self, name), "a number >= 1")


PRESETS = {
    "digits": Preset(
        TrainConfig(
            data="digits", steps=2200, batch_size=64, lr=1.5e-3, betas=(0.0, 0.9),
            warmup=0, grad_clip=0.0, ema_decay=0.995, evaluate_on=360,
        ),
        WGANGPConfig(),
        {"seconds": 90.0, "frechet": 2.0, "class_error": 0.06, "slope_error": 0.2},
    ),
    "fashion": Preset(
        TrainConfig(
            data="fashion", steps=6000, batch_size=64, lr=1e-3, betas=(0.0, 0.9),
            warmup=0, grad_clip=0.0, ema_decay=0.998, evaluate_on=2000,
        ),
        WGANGPConfig(g_width=16, d_width=16),
        {"frechet": 16.0, "class_error": 0.22, "slope_error": 0.2},
    ),
    "gaussians": Preset(
        TrainConfig(
            data="gaussians", steps=10_000, batch_size=256, lr=1e-3, betas=(0.0, 0.9),
            warmup=0, grad_clip=0.0, ema_decay=0.998, evaluate_on=2500,
        ),
        WGANGPConfig(lam=0.1, d_z=2, g_width=128, d_width=128),
        {"seconds": 180.0, "modes_missed": 1.0, "low_quality": 0.85},
    ),
}  # fmt: skip


EVALUATE = 1000
"""Held-out examples, at most, on which the critic is measured: the gradient's graph holds them all at once."""


class WGANGP:
    """The game as the engine runs it: two networks, whose turn it is, and how to sample and to judge."""

    def __init__(self, config: WGANGPConfig, spec: Spec, device: torch.device | str = "cpu") -> None:
        self.config, self.shape = config, spec.shape
        self.classes = spec.classes if config.conditional else 0
        self.G, self.D = networks(config, spec, self.classes)
        self.model = nn.ModuleDict({"generator": self.G, "critic": self.D}).to(device)

    def generate(self, n: int, labels: Int64[Tensor, " n"] | None, generator: torch.Generator) -> Examples:
        """G(z) for n fresh z from N(0, I)."""
        z = torch.randn(n, self.config.d_z, generator=generator, device=generator.device)
        return self.G(z, labels)

    def labels_of(self, labels: Tensor | None) -> Tensor | None:
        """The classes, where the method is conditional."""
        return labels if self.classes else None

    def critic_loss(self, batch: Batch, generator: torch.Generator) -> Scalar:
        """The critic's move, lines 3 to 9 of Algorithm 1. What G made is data here: no gradient goes back into G."""
        labels, b = self.labels_of(batch.labels), len(batch.x)
        with torch.no_grad():
            fake = self.generate(b, labels, generator)
        eps = torch.rand(b, generator=generator, device=batch.x.device)
        return critic_loss(lambda x: self.D(x, labels), batch.x, fake, eps, self.config.lam)

    def generator_loss(self, batch: Batch, generator: torch.Generator) -> Scalar:
        """G's move, lines 11 and 12 of Algorithm 1, on fresh noise; of the batch it looks at the classes alone."""
        labels = self.labels_of(batch.labels)
        return generator_loss(self.D(self.generate(len(batch.x), labels, generator), labels))

    def players(self) -> list[Player]:
        """The critic moves in each step, G after every n_critic-th move of the critic."""
        return [
            Player("critic", self.D, self.critic_loss),
            Player("generator", self.G, self.generator_loss, plays=lambda step: step % self.config.n_critic == 0),
        ]

    @torch.no_grad()
    def sample(
        self, n: int, labels: Tensor | None, generator: torch.Generator, watch: Watch = lambda steps, _: steps
    ) -> Examples:
        """N new examples in one pass, of the classes `labels` if there are any; of classes drawn evenly, if None."""
        if self.classes and labels is None:
            labels = torch.randint(self.classes, (n,), generator=generator, device=generator.device)
        (x,) = watch([self.generate(n, self.labels_of(labels), generator)], 1)
        return x

    @torch.no_grad()
    def pictures(self, data: Data, generator: torch.Generator) -> dict[str, Float[Tensor, "rows columns c h w"]]:
        """`walk`: images along straight lines from one z to another; a class in a row."""
        if len(self.shape) != 3:
            return {}
        rows, columns = self.classes or 6, 10
        ends = torch.randn(2, rows, 1, self.config.d_z, generator=generator, device=generator.device)
        share = torch.linspace(0, 1, columns, device=generator.device)[:, None]
        z = ends[0].lerp(ends[1], share).flatten(0, 1)
        labels = torch.arange(rows, device=z.device).repeat_interleave(columns)
        return {"walk": self.G(z, self.labels_of(labels)).unflatten(0, (rows, columns))}

    @torch.no_grad()
    def evaluate(
        self, data: Data, samples: Examples, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, float]:
        """The critic's estimate of the distance on held-out data, its slope there, and what all samples get.

        `wasserstein` compares held-out examples with as many generated ones of the same classes, so that a value that
        the critic gives to a class as such cancels. `slope_error` is the mean distance of the gradient's norm from 1.
        """
        real, y = data.held_out[:EVALUATE], self.labels_of(data.held_out_labels[:EVALUATE])
        fake = self.generate(len(real), y, generator)
        eps = torch.rand(len(real), generator=generator, device=real.device)
        slope = gradient_norm(lambda x: self.D(x, y), interpolate(real, fake, eps))
        return {
            "wasserstein": wasserstein(self.D(real, y), self.D(fake, y)).item(),
            "slope_error": (slope - 1).abs().mean().item(),
            **compare(data, samples, labels),
        }


def build(config: WGANGPConfig, spec: Spec, device: torch.device | str) -> WGANGP:
    """The method for data of this kind; torch's global generator draws its first weights."""
    return WGANGP(config, spec, device)
