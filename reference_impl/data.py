"""Training data as tensors. Each set is a `Data`: examples, labels, and a split that never changes.

Images lie in [-1, 1]. `digits` is in scikit-learn's wheel and `gaussians` is made here, so the first run needs no
network.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import torch
from jaxtyping import Float32, Int64, Num
from torch import Tensor

SPLIT_SEED = 0
"""The split is part of the data, not of a run: every run of every method holds out the same images."""


class Spec(NamedTuple):
    """What a method must know of its data before it sees them.

    Attributes:
        shape: An image's channels, height and width; a point's one number of coordinates.
        classes: How many classes there are; 0 where there are none.
        levels: How many values a pixel can have, evenly spaced from -1 to 1; 0 for real numbers.
    """

    shape: tuple[int, ...]
    classes: int
    levels: int


@dataclass(frozen=True, eq=False)
class Data:
    """Examples and their labels, split into a part to train on and a part held out."""

    name: str
    train: Num[Tensor, "n ..."]
    train_labels: Int64[Tensor, " n"]
    held_out: Num[Tensor, "m ..."]
    held_out_labels: Int64[Tensor, " m"]
    levels: int = 0

    @property
    def spec(self) -> Spec:
        """Shape, classes and levels."""
        classes = int(torch.cat([self.train_labels, self.held_out_labels]).max()) + 1
        return Spec(tuple(self.train.shape[1:]), classes if classes > 1 else 0, self.levels)

    def to(self, device: torch.device | str) -> "Data":
        """The same data on a device."""
        parts = ("train", "train_labels", "held_out", "held_out_labels")
        return replace(self, **{name: getattr(self, name).to(device) for name in parts})

    @cached_property
    def sha256(self) -> str:
        """A fingerprint of every number, so that a record says which data it saw."""
        digest = hashlib.sha256()
        for part in (self.train, self.train_labels, self.held_out, self.held_out_labels):
            digest.update(str(tuple(part.shape)).encode() + part.cpu().numpy().tobytes())
        return digest.hexdigest()


def digits() -> Data:
    """1,797 handwritten digits of 8x8 pixels with 17 grey levels: 1,437 to train on, 360 held out.

    The UCI ML hand-written digits (Alpaydin & Kaynak 1998), as shipped with scikit-learn.
    """
    from sklearn.datasets import load_digits  # imported here: it takes a second

    raw = load_digits()
    images = torch.from_numpy(raw.images).float()[:, None] / 8 - 1  # 0..16 -> [-1, 1]
    labels = torch.from_numpy(raw.target).long()
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(SPLIT_SEED))
    held_out, train = order[:360], order[360:]
    return Data("digits", images[train], labels[train], images[held_out], labels[held_out], levels=17)


GRID_STD = 0.0125
"""Standard deviation of each of the 25 Gaussians; their means are 0.5 apart, 40 times as much."""


def grid_means() -> Float32[Tensor, "25 2"]:
    """The means of the 25 Gaussians: a grid of 5x5 points, 0.5 apart, about the origin."""
    line = torch.linspace(-1, 1, 5)
    return torch.cartesian_prod(line, line)


def gaussians() -> Data:
    """20,000 points in the plane from 25 Gaussians of equal weight, and 2,500 held out: the classic test of modes lost.

    The ratio of distance to standard deviation, 40, is that of the grid in VEEGAN and PacGAN (2 and 0.05).
    """
    random = torch.Generator().manual_seed(SPLIT_SEED)
    points = grid_means().repeat(900, 1)
    points = points + GRID_STD * torch.randn(points.shape, generator=random)
    points = points[torch.randperm(len(points), generator=random)]
    no_labels = torch.zeros(len(points), dtype=torch.long)
    return Data("gaussians", points[2500:], no_labels[2500:], points[:2500], no_labels[:2500])


DATA: dict[str, Callable[[], Data]] = {"digits": digits, "gaussians": gaussians}
