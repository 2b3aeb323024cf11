"""What training data are: examples and labels as tensors, split into a part to train on and a part held out."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import torch
from jaxtyping import Int64, Num
from torch import Tensor


class Spec(NamedTuple):
    """What a method must know of its data before it sees them.

    Attributes:
        shape: An image's channels, height and width; a point's one number of coordinates.
        classes: How many classes there are; 0 where there are none.
        levels: How many values a pixel can have, evenly spaced from -1 to 1, or how many tokens there are; 0 for real
            numbers.
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
    decode: Callable[[Tensor], str] | None = None
    """For text: the characters of a vector of tokens."""

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
            digest.update(str(tuple(part.shape)).encode())
            for some in part.split(4096):  # windows of a text overlap: all at once, they would be long
                digest.update(some.cpu().numpy().tobytes())
        return digest.hexdigest()
