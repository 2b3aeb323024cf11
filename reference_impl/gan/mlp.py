"""Fully connected networks for a GAN's two players: for points in the plane, and for the images of the first paper."""

import itertools
import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F


def layers(sizes: list[int], slope: float) -> nn.Sequential:
    """Linear maps from size to size with leaky ReLUs between them; slope 0 is the plain ReLU."""
    parts: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        parts += [nn.Linear(before, after), nn.LeakyReLU(slope)]
    return nn.Sequential(*parts[:-1])


class Generator(nn.Module):
    """G: noise z [b d_z], and a class where there are classes, to an example.

    Args:
        d_z: Coordinates of the noise.
        shape: Of one example. Images end in tanh, which keeps them in (-1, 1); points are left free.
        width: Units in a hidden layer.
        depth: Hidden layers.
        classes: The class enters as a one-hot vector beside z; 0 for none.
        slope: Of the leaky ReLU below zero.
    """

    def __init__(
        self, d_z: int, shape: tuple[int, ...], width: int = 128, depth: int = 3, classes: int = 0, slope: float = 0.0
    ) -> None:
        super().__init__()
        self.shape, self.classes = shape, classes
        self.layers = layers([d_z + classes, *[width] * depth, math.prod(shape)], slope)

    def forward(self, z: Float[Tensor, "b d_z"], labels: Int64[Tensor, " b"] | None = None) -> Float[Tensor, "b ..."]:
        """G(z), or G(z | labels)."""
        x = self.layers(beside(z, labels, self.classes)).unflatten(1, self.shape)
        return x.tanh() if len(self.shape) == 3 else x


class Discriminator(nn.Module):
    """The logit of D, or a critic's value: one number for an example, beside its class where there are classes.

    Args:
        shape: Of one example.
        width: Units in a hidden layer.
        depth: Hidden layers.
        classes: The class enters as a one-hot vector beside x; 0 for none.
        slope: Of the leaky ReLU below zero.
        dropout: The share of hidden units that is dropped in training.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        width: int = 128,
        depth: int = 3,
        classes: int = 0,
        slope: float = 0.2,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.classes, self.dropout = classes, dropout
        self.layers = layers([math.prod(shape) + classes, *[width] * depth, 1], slope)

    def forward(
        self,
        x: Float[Tensor, "b ..."],
        labels: Int64[Tensor, " b"] | None = None,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, " b"]:
        """One number for each example; the generator is what dropout draws from."""
        h = beside(x.flatten(1), labels, self.classes)
        for layer in self.layers:
            h = layer(h)
            if self.training and self.dropout and isinstance(layer, nn.LeakyReLU):
                h = drop(h, self.dropout, generator)
        return h.squeeze(1)


def drop(x: Float[Tensor, "b d"], share: float, generator: torch.Generator | None) -> Float[Tensor, "b d"]:
    """Dropout whose randomness can be replayed: each number is 0 with this probability, the rest are scaled up.

    torch's own dropout draws from the global generator, which a resumed run would have elsewhere.
    """
    kept = torch.rand(x.shape, generator=generator, device=x.device) >= share
    return x * kept / (1 - share)


def beside(x: Float[Tensor, "b d"], labels: Int64[Tensor, " b"] | None, classes: int) -> Float[Tensor, "b e"]:
    """X and the one-hot vector of its class, side by side; x itself where there are no classes (Mirza & Osindero 2014).

    Raises:
        ValueError: There are classes and no labels, or a label that is no class.
    """
    if not classes:
        return x
    if labels is None or labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"labels are {labels}; expected one class in 0..{classes - 1} for each of {len(x)} examples")
    return torch.cat([x, F.one_hot(labels, classes).to(x.dtype)], dim=1)
