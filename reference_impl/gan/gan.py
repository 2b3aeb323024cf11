r"""Generative adversarial networks (GAN): Goodfellow et al., NeurIPS 2014, arXiv:1406.2661.

The problem
    Given samples of an unknown law p_data, draw new ones, without a density and without a Markov chain. A generator G
    maps noise z to data; a discriminator D says how likely an example is to be real. D is trained to be right, G to
    make D wrong. The game ends where the law p_g of G(z) is p_data and D can only guess.

The equations, with the paper's numbers
    value           (1)      min_G max_D V(D, G) = E_{x ~ p_data} log D(x) + E_{z ~ p_z} log(1 - D(G(z)))
    best D          (2)      D*(x) = p_data(x) / (p_data(x) + p_g(x))
    value on laws   (3)      V(D, G) = int p_data(x) log D(x) + p_g(x) log(1 - D(x)) dx
    criterion of G  (4)      C(G) = max_D V(D, G) = V(D*, G)
    what it is      (5)(6)   C(G) = -log 4 + KL(p_data | m) + KL(p_g | m) = -log 4 + 2 JSD(p_data | p_g),
                             m = (p_data + p_g) / 2
    D's step        (Alg. 1) k times: up the gradient of V on m examples and m noises
    G's step        (Alg. 1) once: down the gradient of E log(1 - D(G(z))), "minimax"; or, as Section 3 advises and the
                             authors' code does, up the gradient of E log D(G(z)), "non_saturating"
    All on logits: with l = D's logit, D = sigma(l), log D = logsigmoid(l) and log(1 - D) = logsigmoid(-l). The sigmoid
    itself is never rounded to 0 or 1 on the way.

The symbols (b examples, of c x h x w numbers or of 2)
    z                   z                               [b d_z], drawn from N(0, I)
    G(z), D(x)          G(z, labels), sigmoid(D(x))     [b ...], [b]; D returns the logit
    V(D, G)             value(real, fake)               [], from logits of real and of generated examples [n], [m]
    p_data, p_g         p, q                            [cells], probabilities of the cells of a discrete law
    D*                  optimal_discriminator(p, q)     [cells]
    C(G), JSD           criterion(p, q), jsd(p, q)      []
    k                   GANConfig.k                     moves of D for one of G

Deviations from the paper
    - Data: scikit-learn's 8x8 digits and Fashion-MNIST, not MNIST, TFD and CIFAR-10; and 25 Gaussians in the plane.
      Pixels in [-1, 1] and a generator that ends in tanh, not in [0, 1] and a sigmoid.
    - Networks: leaky ReLUs (slope 0.2) in D, not maxout; other widths than G's 2 x 1200 units and D's 2 x 240 maxout
      units of 5 pieces. D drops 30 % of its hidden units; the authors' code drops 50 %, and 20 % of the inputs.
    - Training: Adam at beta_1 = 0.5, not momentum from 0.5 to 0.7 with a learning rate that falls from 0.1. A fresh
      batch for G's step; the authors' code takes D's.
    - Sampling from a moving average of G's weights, which the paper does not have.
    - The presets for images are conditional: the class goes beside z and beside x, as in Mirza & Osindero 2014.
      `conditional=false` gives the paper's.
    - D's loss is -V; the authors' code has -V / 2. Adam is blind to the factor.
    - Not here: the Parzen window estimate of the likelihood (Table 1).
    - As in the paper: fully connected networks, ReLUs in G, dropout in D alone, k = 1. As in the authors' code: z is
      normal, and D drops units in G's step too.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from reference_impl.data import Data, Spec
from reference_impl.engine import Batch, Player, Preset, TrainConfig, Watch, check
from reference_impl.gan.mlp import Discriminator, Generator
from reference_impl.metrics import compare

Examples = Float[Tensor, "b ..."]
Logits = Float[Tensor, " b"]
Law = Float[Tensor, " cells"]
Scalar = Float[Tensor, ""]
Loss = Literal["non_saturating", "minimax"]


# ----------------------------------------------------------------------------------------- the game, on logits


def value(real: Float[Tensor, " n"], fake: Float[Tensor, " m"]) -> Scalar:
    r"""$V(D, G)$, Eq. (1), estimated from D's logits on real and on generated examples.

    $\log D = \log \sigma(\ell)$ and $\log(1 - D) = \log \sigma(-\ell)$, so no sigmoid is rounded before its logarithm.
    """
    return F.logsigmoid(real).mean() + F.logsigmoid(-fake).mean()


def d_loss(real: Float[Tensor, " n"], fake: Float[Tensor, " m"]) -> Scalar:
    r"""What the discriminator lowers: $-V(D, G)$, the cross-entropy of telling real from generated."""
    return -value(real, fake)


def g_loss_minimax(fake: Logits) -> Scalar:
    r"""What the generator lowers in the minimax game, Algorithm 1: $\mathbb E_z \log(1 - D(G(z)))$."""
    return F.logsigmoid(-fake).mean()


def g_loss_non_saturating(fake: Logits) -> Scalar:
    r"""What the generator lowers in practice, Section 3: $-\mathbb E_z \log D(G(z))$."""
    return -F.logsigmoid(fake).mean()


G_LOSSES = {"non_saturating": g_loss_non_saturating, "minimax": g_loss_minimax}


# ------------------------------------------------------------------------- what the game is about, on known laws


def optimal_discriminator(p: Law, q: Law) -> Law:
    r"""Proposition 1, Eq. (2): $D^*(x) = p_\mathrm{data}(x) / (p_\mathrm{data}(x) + p_g(x))$.

    Args:
        p: p_data, as densities or as probabilities, at some places x.
        q: p_g at the same places; nowhere 0 where p is 0 too, or D* is not defined there.
    """
    return p / (p + q)


def criterion(p: Law, q: Law) -> Scalar:
    r"""$C(G) = \max_D V(D, G)$, Eq. (4), by Eq. (3) at $D^*$: $\sum p \log D^* + p_g \log(1 - D^*)$.

    Args:
        p: p_data, the probabilities of the cells of a discrete law.
        q: p_g, likewise; each cell has some probability under p or under q.
    """
    D = optimal_discriminator(p, q)
    return (torch.xlogy(p, D) + torch.xlogy(q, 1 - D)).sum()  # xlogy: 0 log 0 = 0


def kl(p: Law, q: Law) -> Scalar:
    r"""The Kullback-Leibler divergence $\mathrm{KL}(p \| q) = \sum p \log(p / q)$ of discrete laws, in nats."""
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum()


def jsd(p: Law, q: Law) -> Scalar:
    r"""The Jensen-Shannon divergence: the mean of both laws' KL divergence from their mixture; at most log 2."""
    m = (p + q) / 2
    return (kl(p, m) + kl(q, m)) / 2


def jsd_bound(real: Float[Tensor, " n"], fake: Float[Tensor, " m"]) -> Scalar:
    r"""Any discriminator's value bounds the divergence from below: $\mathrm{JSD} \ge (V(D, G) + \log 4) / 2$.

    By Theorem 1, $V(D, G) \le V(D^*, G) = -\log 4 + 2\, \mathrm{JSD}$. It holds for the laws' own expectations, so for
    examples that D has not been trained on and up to sampling noise.
    """
    return (value(real, fake) + math.log(4)) / 2


# ------------------------------------------------------------------------------------- the method, to be run


@dataclass(frozen=True)
class GANConfig:
    """What defines the method; widths and depths are of the hidden layers.

    Attributes:
        loss: What the generator lowers.
        k: Moves of the discriminator for one of the generator (Algorithm 1).
        d_z: Coordinates of the noise.
        dropout: The share of its hidden units that D drops in training.
        conditional: Whether both players see the class, where the data have classes.
    """

    loss: Loss = "non_saturating"
    k: int = 1
    d_z: int = 64
    g_width: int = 256
    g_depth: int = 2
    d_width: int = 256
    d_depth: int = 2
    dropout: float = 0.3
    conditional: bool = True

    def __post_init__(self) -> None:
        check(self.loss in G_LOSSES, "loss", self.loss, '"non_saturating" or "minimax"')
        for name in ("k", "d_z", "g_width", "g_depth", "d_width", "d_depth"):
            check(getattr(self, name) >= 1, name, getattr(self, name), "a number >= 1")
        check(0 <= self.dropout < 1, "dropout", self.dropout, "a share in [0, 1)")


PRESETS = {
    "digits": Preset(
        TrainConfig(
            data="digits", steps=6000, batch_size=64, lr=5e-4, betas=(0.5, 0.999),
            warmup=0, grad_clip=0.0, ema_decay=0.998, evaluate_on=360,
        ),
        GANConfig(),
        {"seconds": 60.0, "frechet": 1.5, "class_error": 0.1},
    ),
    "fashion": Preset(
        TrainConfig(
            data="fashion", steps=20_000, batch_size=64, lr=2e-4, betas=(0.5, 0.999),
            warmup=0, grad_clip=0.0, ema_decay=0.999, evaluate_on=2000,
        ),
        GANConfig(g_width=512, d_width=512),
        {"frechet": 25.0, "class_error": 0.3},
    ),
    "gaussians": Preset(
        TrainConfig(
            data="gaussians", steps=6000, batch_size=256, lr=5e-4, betas=(0.5, 0.999),
            warmup=0, grad_clip=0.0, ema_decay=0.998, evaluate_on=2500,
        ),
        GANConfig(d_z=2, g_width=128, g_depth=3, d_width=128, d_depth=3, dropout=0.0, conditional=False),
        {"seconds": 60.0, "modes_missed": 2.0, "low_quality": 0.6},
    ),
}  # fmt: skip


class GAN:
    """The game as the engine runs it: two networks, whose turn it is, and how to sample and to judge."""

    def __init__(self, config: GANConfig, spec: Spec, device: torch.device | str = "cpu") -> None:
        self.config, self.shape = config, spec.shape
        self.classes = spec.classes if config.conditional else 0
        self.G = Generator(config.d_z, spec.shape, config.g_width, config.g_depth, self.classes)
        self.D = Discriminator(spec.shape, config.d_width, config.d_depth, self.classes, dropout=config.dropout)
        self.model = nn.ModuleDict({"generator": self.G, "discriminator": self.D}).to(device)

    def generate(self, n: int, labels: Int64[Tensor, " n"] | None, generator: torch.Generator) -> Examples:
        """G(z) for n fresh z from N(0, I)."""
        weight = self.G.layers[0].weight
        z = torch.randn(n, self.config.d_z, generator=generator, device=weight.device, dtype=weight.dtype)
        return self.G(z, labels)

    def labels_of(self, batch: Batch) -> Int64[Tensor, " b"] | None:
        """The batch's classes, where the method is conditional."""
        return batch.labels if self.classes else None

    def discriminator_loss(self, batch: Batch, generator: torch.Generator) -> Scalar:
        """D's step of Algorithm 1. What G made is data here: no gradient goes back into G."""
        labels = self.labels_of(batch)
        fake = self.generate(len(batch.x), labels, generator).detach()
        return d_loss(self.D(batch.x, labels, generator), self.D(fake, labels, generator))

    def generator_loss(self, batch: Batch, generator: torch.Generator) -> Scalar:
        """G's step of Algorithm 1, on fresh noise; of the batch it looks at the classes alone."""
        labels = self.labels_of(batch)
        fake = self.generate(len(batch.x), labels, generator)
        return G_LOSSES[self.config.loss](self.D(fake, labels, generator))

    def players(self) -> list[Player]:
        """D moves in each step, G after every k-th move of D."""
        return [
            Player("discriminator", self.D, self.discriminator_loss),
            Player("generator", self.G, self.generator_loss, plays=lambda step: step % self.config.k == 0),
        ]

    @torch.no_grad()
    def sample(
        self, n: int, labels: Tensor | None, generator: torch.Generator, watch: Watch = lambda steps, _: steps
    ) -> Examples:
        """N new examples in one pass, of the classes `labels` if there are any; of classes drawn evenly, if None."""
        if self.classes and labels is None:
            labels = torch.randint(self.classes, (n,), generator=generator, device=generator.device)
        (x,) = watch([self.generate(n, labels if self.classes else None, generator)], 1)
        return x

    @torch.no_grad()
    def pictures(self, data: Data, generator: torch.Generator) -> dict[str, Float[Tensor, "rows columns c h w"]]:
        """`walk`: images along straight lines from one z to another, as in the paper's Figure 3; a class in a row."""
        if len(self.shape) != 3:
            return {}
        rows, columns = self.classes or 6, 10
        ends = torch.randn(2, rows, 1, self.config.d_z, generator=generator, device=generator.device)
        share = torch.linspace(0, 1, columns, device=generator.device)[:, None]
        z = ends[0].lerp(ends[1], share).flatten(0, 1)
        labels = torch.arange(rows, device=z.device).repeat_interleave(columns) if self.classes else None
        return {"walk": self.G(z, labels).unflatten(0, (rows, columns))}

    @torch.no_grad()
    def evaluate(
        self, data: Data, samples: Examples, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, float]:
        """What D makes of samples beside held-out data, and what all methods' samples are measured by."""
        real = self.D(data.held_out, data.held_out_labels if self.classes else None)
        fake = self.D(samples, labels if self.classes else None)
        return {"jsd_bound": jsd_bound(real, fake).item(), **compare(data, samples, labels)}


def build(config: GANConfig, spec: Spec, device: torch.device | str) -> GAN:
    """The method for data of this kind; torch's global generator draws its first weights."""
    return GAN(config, spec, device)
