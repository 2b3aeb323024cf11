"""The data sets by name. Each is a `Data`: examples, labels, and a split that never changes.

Images lie in [-1, 1]. `digits` is in scikit-learn's wheel and `gaussians` is made here, so the first run needs no
network. `fashion` is read from the folder that `AIGC_DATA` names, or downloaded once (`reference_impl.download`). The
texts are in `reference_impl.texts`, pairs of texts in `reference_impl.translations`.

A run's record holds the sha256 of the numbers that it saw, so this file may grow without making a record stale.
"""

import gzip
import math
import zlib
from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor

from reference_impl import texts, translations
from reference_impl.data import Data
from reference_impl.download import fetch
from reference_impl.metrics import GRID_STD, grid_means
from reference_impl.tokens import Tokeniser

SPLIT_SEED = 0
"""The split is part of the data, not of a run: every run of every method holds out the same images."""


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


def fashion() -> Data:
    """Fashion-MNIST: 60,000 photographs of garments to train on and 10,000 held out, 28x28 pixels, 256 grey levels.

    Xiao, Rasul & Vollgraf 2017, arXiv:1708.07747. The classes: T-shirt/top, trouser, pullover, dress, coat, sandal,
    shirt, sneaker, bag, ankle boot. The split is the published one; 30 MB are downloaded once.
    """
    parts: list[Tensor] = []
    for part, n in (("train", 60_000), ("t10k", 10_000)):
        pixels = read_idx(fetch("fashion-mnist", f"{part}-images-idx3-ubyte.gz"), (n, 28, 28))
        labels = read_idx(fetch("fashion-mnist", f"{part}-labels-idx1-ubyte.gz"), (n,))
        parts += [pixels[:, None] / 127.5 - 1, labels.long()]  # 0..255 -> [-1, 1]
    return Data("fashion", *parts, levels=256)


def read_idx(path: Path, shape: tuple[int, ...]) -> UInt8[Tensor, "..."]:
    """The array of bytes in a gzipped IDX file, the format of MNIST.

    The file is: two zeros, 8 for "unsigned bytes", the number of dimensions, each dimension as four bytes with the
    highest first, and the numbers themselves, the last index running fastest.

    Args:
        path: The file.
        shape: The array's shape.

    Raises:
        ValueError: The file is damaged, or holds another kind of array.
    """
    try:
        raw = gzip.decompress(path.read_bytes())
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is damaged ({error}); expected a gzipped IDX file") from None
    header = bytes([0, 0, 8, len(shape)]) + b"".join(n.to_bytes(4, "big") for n in shape)
    if raw[: len(header)] != header:
        raise ValueError(f"{path} begins with {raw[: len(header)].hex(' ')}; expected {header.hex(' ')}: bytes {shape}")
    if len(raw) != len(header) + math.prod(shape):
        raise ValueError(f"{path} holds {len(raw) - len(header)} numbers; expected {math.prod(shape)}: bytes {shape}")
    return torch.frombuffer(bytearray(raw), dtype=torch.uint8, offset=len(header)).reshape(shape)


def gaussians() -> Data:
    """20,000 points in the plane from 25 Gaussians of equal weight, and 2,500 held out: the classic test of modes lost.

    The ratio of distance to standard deviation, 40, is that of the grid in PacGAN (Lin et al. 2018), whose code has
    means 2 apart and a standard deviation of 0.05.
    """
    random = torch.Generator().manual_seed(SPLIT_SEED)
    points = grid_means().repeat(900, 1)
    points = points + GRID_STD * torch.randn(points.shape, generator=random)
    points = points[torch.randperm(len(points), generator=random)]
    no_labels = torch.zeros(len(points), dtype=torch.long)
    return Data("gaussians", points[2500:], no_labels[2500:], points[:2500], no_labels[:2500])


DATA: dict[str, Callable[[], Data]] = {
    "digits": digits,
    "fashion": fashion,
    "gaussians": gaussians,
    **texts.TEXTS,
    **translations.TRANSLATIONS,
}
TOKENISERS: dict[str, Callable[[], Tokeniser]] = {**texts.TOKENISERS, **translations.TOKENISERS}
"""Those of the data that are text."""
