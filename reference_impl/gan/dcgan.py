r"""Deep convolutional GAN (DCGAN): Radford, Metz & Chintala, ICLR 2016, arXiv:1511.06434.

The problem
    A generator G turns noise z into an image; a discriminator D says how likely an image is to be real; each is trained
    against the other (Goodfellow et al. 2014, arXiv:1406.2661). With convolutional networks this game used to fall
    apart. The paper gives architectural rules under which it holds. It changes the networks, not the game.

The game, with the numbers of Goodfellow et al.
    value                 (1)        V(D, G) = E log D(x) + E log(1 - D(G(z)));  D climbs it
    generator             Section 3  G climbs E log D(G(z)) instead of descending E log(1 - D(G(z))): the same fixed
                                     point, but a gradient that does not vanish when D is sure of itself

The rules, with this paper's sections
    strided convolution   Section 3  no pooling: D halves height and width by convolutions of stride 2
    fractional stride     Section 3  G doubles them by transposed convolutions, the adjoints of the former
    no hidden linear map  Section 3  z is multiplied by one matrix and reshaped; D's last features give one logit
    batch normalisation   Section 3  in G and D, but not at G's output and not at D's input
    activations           Section 3  G: ReLU, tanh at the output. D: leaky ReLU with slope 0.2 (Section 4)
    first weights         Section 4  N(0, 0.02^2)
    walk                  Section 6.1  straight lines between two z's

The symbols (b images of c x h x w numbers, `depth` strided layers)
    x, G(z)               x, fake                                 [b c h w], in [-1, 1]
    z                     z, uniform on [-1, 1]                   [b d_z]
    y, the class          labels                                  [b] integers, or None
    D(x)                  sigmoid(D(x, labels)): D returns logits [b]
    mu, sigma^2           statistics of one channel in a batch    [channels]
    gamma, beta           BatchNorm2d.weight, .bias               [channels]

Deviations from the paper
    - Data: 8x8 digits and 28x28 Fashion-MNIST in grey, not bedrooms, faces and ImageNet in colour. So two strided
      layers, not four, from 2x2 or 7x7 pixels, not 4x4; and far narrower ones (the paper's G begins with 1,024
      channels).
    - Kernels of 4x4 pixels, not 5x5: with stride 2 each output of the transposed convolution then sums equally many
      terms, and size / 2 and 2 size hold without extra padding.
    - Classes: the presets tell both players the class (Mirza & Osindero 2014, arXiv:1411.1784), as a one-hot vector
      beside z and as constant channels beside x. The paper's models have no classes; `conditional=False` is the
      paper's. (The authors' own MNIST script is conditional too, but has fully connected hidden layers.)
    - Training: a learning rate of 5e-4 that falls to 0 along half a cosine, not 2e-4 throughout: a run of few thousand
      steps gets further with it. (The paper found 1e-3 too high and names no decay; the authors' MNIST script lets the
      rate fall to 0 over its second half.)
    - Samples are drawn with batch normalisation's running statistics, so that an image does not depend on the others in
      its batch. The authors' code samples with the statistics of the batch.
    - No weight decay. The paper names none; the authors' code has some (1e-5 to 2.5e-5).
    - Not here: the rest of Sections 5 and 6: D's features for a classifier, removed windows, arithmetic on faces.
    - As in the authors' code, where the paper is silent: real and fake images pass D in batches of their own; no biases
      but batch normalisation's, whose gains begin at N(1, 0.02^2); z on [-1, 1] (the paper: uniform).
    - As in the paper: 100 coordinates of z, Adam with beta_1 = 0.5, batches of 128, data in [-1, 1], no average of the
      weights: batch normalisation's running statistics belong to the last weights and would not fit an average.
"""

import itertools
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Generator as Random
from torch import Tensor, nn
from torch.nn import functional as F

from reference_impl.data import Data, Spec
from reference_impl.engine import Batch, Player, Preset, TrainConfig, Watch, check
from reference_impl.metrics import compare

Images = Float[Tensor, "b c h w"]
Noise = Float[Tensor, "b d_z"]
Labels = Int64[Tensor, " b"] | None
Logits = Float[Tensor, " b"]

STD = 0.02
"""Standard deviation of the first weights (Section 4)."""
SLOPE = 0.2
"""Of D's leaky ReLU below zero (Section 4)."""


# ------------------------------------------------------------------------------------ the layers, Section 3


def down(c_in: int, c_out: int) -> nn.Conv2d:
    r"""A strided convolution: from c_in channels of h x w pixels to c_out of h/2 x w/2.

    $$y_{o,i,j} = \sum_{c,k,l} w_{o,c,k,l}\; x_{c,\ 2i + k - 1,\ 2j + l - 1}, \qquad k, l = 0, \dots, 3$$
    """
    conv = nn.Conv2d(c_in, c_out, kernel_size=4, stride=2, padding=1, bias=False)
    nn.init.normal_(conv.weight, std=STD)
    return conv


def up(c_in: int, c_out: int) -> nn.ConvTranspose2d:
    r"""A fractionally strided convolution, `down`'s adjoint: from c_in channels of h x w pixels to c_out of 2h x 2w.

    $$\langle \mathrm{down}(x), y \rangle = \langle x, \mathrm{up}(y) \rangle \quad\text{with the same weights}$$
    """
    conv = nn.ConvTranspose2d(c_in, c_out, kernel_size=4, stride=2, padding=1, bias=False)
    nn.init.normal_(conv.weight, std=STD)
    return conv


def batch_norm(channels: int) -> nn.BatchNorm2d:
    r"""Batch normalisation of each channel: in training by the batch's statistics, in eval by their running mean.

    $$\hat x = \gamma\, \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta$$

    $\mu$ and $\sigma^2$ are taken over the images and the pixels of a batch. Each training pass also moves the running
    statistics by a tenth of the way to them.
    """
    norm = nn.BatchNorm2d(channels, eps=1e-5, momentum=0.1)  # by name: the second place is eps, not momentum
    nn.init.normal_(norm.weight, mean=1.0, std=STD)
    return norm


# ------------------------------------------------------------------------------------------------- classes


def one_hot(labels: Labels, classes: int, like: Float[Tensor, "b ..."]) -> Float[Tensor, "b classes"]:
    """The classes as one-hot vectors, one for each row of `like`; of length 0 where there are no classes.

    Raises:
        ValueError: There are classes and no labels, or a label that is no class.
    """
    if not classes:
        return like.new_zeros(len(like), 0)
    if labels is None or len(labels) != len(like) or labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"labels are {labels}; expected one class in 0..{classes - 1} for each of {len(like)} rows")
    return F.one_hot(labels, classes).to(like.dtype)


def beside_noise(z: Noise, labels: Labels, classes: int) -> Float[Tensor, "b e"]:
    r"""The generator's input, $[z, \mathrm{onehot}(y)]$ (Mirza & Osindero 2014)."""
    return torch.cat([z, one_hot(labels, classes, z)], dim=1)


def beside_image(x: Images, labels: Labels, classes: int) -> Float[Tensor, "b e h w"]:
    r"""The discriminator's input: x and a channel for each class, which is 1 everywhere for the image's own, else 0."""
    planes = one_hot(labels, classes, x)[:, :, None, None].expand(-1, -1, *x.shape[2:])
    return torch.cat([x, planes], dim=1)


# ---------------------------------------------------------------------------------------------- the players


def base_of(shape: tuple[int, ...], depth: int) -> tuple[int, int]:
    """Height and width where G begins and D ends: those of the image, halved `depth` times.

    Raises:
        ValueError: They cannot be halved so often with at least 2 left.
    """
    f = 2**depth
    good = len(shape) == 3 and all(n % f == 0 and n // f >= 2 for n in shape[1:])
    check(good, "shape", tuple(shape), f"[c h w] with h and w multiples of 2^depth = {f}, at least twice that")
    return shape[1] // f, shape[2] // f


class Generator(nn.Module):
    """G: noise, and a class where there are classes, to an image in (-1, 1).

    Args:
        d_z: Coordinates of the noise.
        shape: Of an image: [c h w].
        width: Channels in the largest hidden layer; each smaller one has twice as many.
        depth: Doublings of height and width.
        classes: 0 for none.
    """

    def __init__(self, d_z: int, shape: tuple[int, ...], width: int, depth: int = 2, classes: int = 0) -> None:
        super().__init__()
        self.classes, self.base = classes, base_of(shape, depth)
        channels = [width * 2**i for i in reversed(range(depth))]
        project = nn.ConvTranspose2d(d_z + classes, channels[0], self.base, bias=False)  # of one pixel: a matrix
        nn.init.normal_(project.weight, std=STD)
        layers: list[nn.Module] = [project, batch_norm(channels[0]), nn.ReLU()]
        for before, after in itertools.pairwise(channels):
            layers += [up(before, after), batch_norm(after), nn.ReLU()]
        self.layers = nn.Sequential(*layers, up(channels[-1], shape[0]), nn.Tanh())

    def forward(self, z: Noise, labels: Labels = None) -> Images:
        """G(z), or G(z | y)."""
        return self.layers(beside_noise(z, labels, self.classes)[:, :, None, None])


class Discriminator(nn.Module):
    """D: an image, and its class where there are classes, to the logit of "real". The mirror image of the generator."""

    def __init__(self, shape: tuple[int, ...], width: int, depth: int = 2, classes: int = 0) -> None:
        super().__init__()
        self.classes, base = classes, base_of(shape, depth)
        channels = [width * 2**i for i in range(depth)]
        layers: list[nn.Module] = [down(shape[0] + classes, width), nn.LeakyReLU(SLOPE)]
        for before, after in itertools.pairwise(channels):
            layers += [down(before, after), batch_norm(after), nn.LeakyReLU(SLOPE)]
        logit = nn.Conv2d(channels[-1], 1, base, bias=False)  # of all pixels: flattened, one output
        nn.init.normal_(logit.weight, std=STD)
        self.layers = nn.Sequential(*layers, logit)

    def forward(self, x: Images, labels: Labels = None) -> Logits:
        """The logit of D(x), or of D(x | y)."""
        return self.layers(beside_image(x, labels, self.classes)).flatten()


# ------------------------------------------------------------------------- the game (Goodfellow et al. 2014)


def draw_noise(n: int, d_z: int, random: Random) -> Noise:
    r"""$z \sim U[-1, 1]^{d_z}$, n times."""
    return 2 * torch.rand(n, d_z, generator=random, device=random.device) - 1


def discriminator_loss(real: Logits, fake: Logits) -> Float[Tensor, ""]:
    r"""D's loss, -V(D, G) of Eq. (1), from logits a: $-\log \sigma(a) = \mathrm{softplus}(-a)$ is never infinite.

    $$L_D = -\mathbb E \log D(x) - \mathbb E \log(1 - D(G(z)))$$
    """
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def generator_loss(fake: Logits) -> Float[Tensor, ""]:
    r"""The loss that does not saturate (Section 3 of Goodfellow et al.), from logits.

    $$L_G = -\mathbb E \log D(G(z))$$
    """
    return F.softplus(-fake).mean()


def discriminator_step(G: nn.Module, D: nn.Module, x: Images, labels: Labels, z: Noise) -> Float[Tensor, ""]:
    """L_D on a batch. Real and fake images go through D apart, so that each is normalised by its own statistics."""
    with torch.no_grad():  # D's step moves D: nothing is to be known of how G made the images
        fake = G(z, labels)
    return discriminator_loss(D(x, labels), D(fake, labels))


def generator_step(G: nn.Module, D: nn.Module, labels: Labels, z: Noise) -> Float[Tensor, ""]:
    """L_G on a batch of noise. The gradient goes through D, whose weights stay."""
    return generator_loss(D(G(z, labels), labels))


# ------------------------------------------------------------------------------------------------- samples


@torch.no_grad()
def generate(G: nn.Module, z: Noise, labels: Labels = None, at_once: int = 500) -> Images:
    """G(z) by the running statistics, in whatever mode G is; the mode is as before afterwards.

    In training mode each image would depend on the others in its batch, and drawing samples would change G.
    """
    training = G.training
    G.eval()
    parts = zip(z.split(at_once), [None] * len(z) if labels is None else labels.split(at_once), strict=False)
    images = torch.cat([G(z_part, labels_part) for z_part, labels_part in parts])
    G.train(training)
    return images


def walk(start: Noise, end: Noise, steps: int) -> Float[Tensor, "steps b d_z"]:
    r"""Straight walks in the space of z (Section 6.1); a line between two points of the cube stays in the cube.

    $$z_k = \Big(1 - \frac{k}{K}\Big)\, z_0 + \frac{k}{K}\, z_K, \qquad k = 0, \dots, K$$
    """
    share = torch.linspace(0, 1, steps, device=start.device)[:, None, None]
    return (1 - share) * start + share * end


# ------------------------------------------------------------------------------------ the method, to be run


@dataclass(frozen=True)
class DCGANConfig:
    """What defines the method.

    Attributes:
        d_z: Coordinates of the noise.
        width: Channels of the largest hidden layer of either player.
        depth: Strided layers of either player.
        conditional: Whether both players are told the class, where the data have classes.
    """

    d_z: int = 100
    width: int = 64
    depth: int = 2
    conditional: bool = True

    def __post_init__(self) -> None:
        check(self.d_z >= 1, "d_z", self.d_z, "a number of coordinates >= 1")
        check(self.width >= 1, "width", self.width, "a number of channels >= 1")
        check(self.depth >= 1, "depth", self.depth, "a number of strided layers >= 1")


def training(data: str, steps: int, lr: float, evaluate_on: int) -> TrainConfig:
    """Section 4's training, but for the learning rate and its decay."""
    return TrainConfig(
        data=data,
        steps=steps,
        batch_size=128,
        lr=lr,
        betas=(0.5, 0.999),
        warmup=0,
        decay="cosine",
        grad_clip=0.0,
        ema_decay=0.0,
        evaluate_on=evaluate_on,
    )


PRESETS = {
    "digits": Preset(
        training("digits", steps=2000, lr=5e-4, evaluate_on=360),
        DCGANConfig(width=32),
        {"seconds": 60.0, "frechet": 1.5, "class_error": 0.05},
    ),
    "fashion": Preset(
        training("fashion", steps=3500, lr=5e-4, evaluate_on=2000),
        DCGANConfig(width=48),
        {"frechet": 25.0, "feature_frechet": 30.0, "class_error": 0.25},
    ),
}


class DCGAN:
    """The method as the engine runs it."""

    def __init__(self, config: DCGANConfig, spec: Spec, device: torch.device | str = "cpu") -> None:
        self.config = config
        self.classes = spec.classes if config.conditional else 0
        self.model = nn.ModuleDict(
            {
                "generator": Generator(config.d_z, spec.shape, config.width, config.depth, self.classes),
                "discriminator": Discriminator(spec.shape, config.width, config.depth, self.classes),
            }
        ).to(device)
        self.G, self.D = self.model["generator"], self.model["discriminator"]

    def known(self, labels: Labels) -> Labels:
        """The classes that the players are told: none, if they are unconditional."""
        return labels if self.classes else None

    def players(self) -> list[Player]:
        """D moves first, then G, one step each; every step draws noise of its own."""

        def lower_L_D(batch: Batch, random: Random) -> Tensor:
            z = draw_noise(len(batch.x), self.config.d_z, random)
            return discriminator_step(self.G, self.D, batch.x, self.known(batch.labels), z)

        def lower_L_G(batch: Batch, random: Random) -> Tensor:
            z = draw_noise(len(batch.x), self.config.d_z, random)
            return generator_step(self.G, self.D, self.known(batch.labels), z)

        return [Player("discriminator", self.D, lower_L_D), Player("generator", self.G, lower_L_G)]

    def sample(self, n: int, labels: Labels, generator: Random, watch: Watch = lambda steps, _: steps) -> Images:
        """N new images, of the classes asked for; of classes drawn at random where none are given."""
        if self.classes and labels is None:
            labels = torch.randint(self.classes, (n,), generator=generator, device=generator.device)
        return generate(self.G, draw_noise(n, self.config.d_z, generator), self.known(labels))

    def pictures(self, data: Data, generator: Random) -> dict[str, Float[Tensor, "rows columns c h w"]]:
        """`walk`: from one z to another in ten pictures, a row for each class, or eight rows where there is none."""
        rows = self.classes or 8
        ends = draw_noise(2 * rows, self.config.d_z, generator)
        z = walk(ends[:rows], ends[rows:], steps=10).transpose(0, 1)  # rows, columns, d_z
        labels = torch.arange(rows, device=z.device).repeat_interleave(10) if self.classes else None
        return {"walk": generate(self.G, z.flatten(0, 1), labels).unflatten(0, (rows, 10))}

    def evaluate(self, data: Data, samples: Images, labels: Tensor | None, generator: Random) -> dict[str, float]:
        """What all methods' samples are measured by; a GAN has no likelihood to add."""
        return compare(data, samples, labels)


def build(config: DCGANConfig, spec: Spec, device: torch.device | str) -> DCGAN:
    """The method for images of this kind; torch's global generator draws its first weights."""
    return DCGAN(config, spec, device)
