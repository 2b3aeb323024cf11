r"""A prior over grids of codes: the gated PixelCNN of van den Oord et al., NeurIPS 2016, arXiv:1606.05328.

The problem
    Learn which grids of whole numbers are likely, and draw new ones. A grid has K^(r s) values, too many to list; but
    any law over them is a product of laws of one code each, and one network can compute all of those in one pass,
    if no output of it sees its own code or a later one.

The equations, with the paper's numbers
    factorisation     (1)     p(z) = prod_i p(z_i | z_1 .. z_{i-1}), z in raster order: row after row, left to right
    gate              (2)     y = tanh(W_f * x) sigmoid(W_g * x)
    with the class    (4)     y = tanh(W_f * x + V_f h) sigmoid(W_g * x + V_g h), h the class, one-hot
    two stacks        Fig. 2  v sees the rows above, h what is left of it in its row; v feeds h: no blind spot
    masks                     A hides the position itself, in the first layer; B shows it, in all the others

The symbols (b grids of r x s codes)
    z                     k                   [b r s] integers in 0..K-1
    v, h (stacks)         v, h                [b p r s]
    W_f, W_g above, left  above, left         masked kernels; both in one convolution, W_f first
    V_f, V_g              V                   [classes 4p], the rows of both stacks
    p(z_i | z_<i, class)  PixelCNN.forward    [b K r s], logits
    log p(z | class)      log_prior           [b], in nats

Deviations from the paper
    - It models codes, not pixels: their embedding is learnt (a code's number means nothing), and each output is one
      softmax over K codes, not one per colour. VQ-VAE uses it in this way.
    - A few layers of a few dozen channels; the kernel is as large as the layers need to reach across the grid.
    - The masks' names are those of the first PixelCNN (van den Oord et al., ICML 2016, arXiv:1601.06759), as is the
      head: ReLU and 1x1 convolution, twice.
    - As in the paper: gates, two stacks, residual connections in the horizontal stack only, the class as a bias.
"""

import math
from typing import Literal

import torch
from jaxtyping import Float, Int64
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from reference_impl.engine import Watch

Features = Float[Tensor, "b p r s"]
Codes = Int64[Tensor, "b r s"]
Labels = Int64[Tensor, " b"]
Mask = Literal["A", "B"]


def vertical_mask(kind: Mask, size: int) -> Float[Tensor, "size size"]:
    """Of a kernel that sees the rows above: all their columns, and the centre's own row with mask B alone."""
    mask = torch.zeros(size, size)
    mask[: size // 2 + (kind == "B")] = 1
    return mask


def horizontal_mask(kind: Mask, size: int) -> Float[Tensor, "1 size"]:
    """Of a kernel that sees its own row: what is left of the centre, and the centre itself with mask B alone."""
    mask = torch.zeros(1, size)
    mask[:, : size // 2 + (kind == "B")] = 1
    return mask


class MaskedConv(nn.Conv2d):
    """A convolution that keeps the grid's size, with some of its kernel held at zero."""

    def __init__(self, before: int, after: int, mask: Float[Tensor, "rows columns"]) -> None:
        rows, columns = mask.shape
        super().__init__(before, after, (rows, columns), padding=(rows // 2, columns // 2))
        self.register_buffer("mask", mask)

    def forward(self, x: Float[Tensor, "b before r s"]) -> Float[Tensor, "b after r s"]:
        """The convolution with the masked kernel."""
        return F.conv2d(x, self.weight * self.mask, self.bias, padding=self.padding)


def gate(features: Float[Tensor, "b two_p r s"]) -> Float[Tensor, "b p r s"]:
    r"""$\tanh(f) \odot \sigma(g)$, Eq. (4), where f is the first half of the channels and g the second."""
    f, g = features.chunk(2, dim=1)
    return f.tanh() * g.sigmoid()


class GatedLayer(nn.Module):
    """A layer of the gated PixelCNN: a stack v of what lies above, and a stack h of what lies to the left.

    Each position of h also receives v at the same position. So h depends on all earlier positions within reach, and
    there is no blind spot (Figure 2 of that paper).
    """

    def __init__(self, kind: Mask, width: int, size: int, classes: int) -> None:
        super().__init__()
        self.kind = kind
        self.above = MaskedConv(width, 2 * width, vertical_mask(kind, size))
        self.left = MaskedConv(width, 2 * width, horizontal_mask(kind, size))
        self.down = nn.Conv2d(2 * width, 2 * width, 1)
        self.out = nn.Conv2d(width, width, 1)
        self.V = nn.Embedding(classes, 4 * width) if classes else None

    def forward(self, v: Features, h: Features, labels: Labels | None) -> tuple[Features, Features]:
        """Both stacks, one layer on; the first layer's h has no residual connection, which would show it z_i itself."""
        V_v, V_h = self.V(labels)[:, :, None, None].chunk(2, dim=1) if self.V else (0, 0)
        above = self.above(v) + V_v
        y = self.out(gate(self.left(h) + self.down(above) + V_h))
        return gate(above), y if self.kind == "A" else h + y


class PixelCNN(nn.Module):
    """The prior's network: codes [b r s] to the logits [b K r s] of each, given those before it in raster order.

    Args:
        K: Codes.
        grid: Rows and columns of a grid of codes.
        width: Channels of a stack.
        layers: Gated layers; the first has mask A, the others mask B.
        classes: Classes it is conditional on; 0 for none.
    """

    def __init__(self, K: int, grid: tuple[int, int], width: int, layers: int, classes: int) -> None:
        super().__init__()
        size = max(3, 2 * math.ceil((max(grid) - 1) / layers) + 1)  # all layers together reach across the grid
        self.K, self.grid, self.classes = K, grid, classes
        self.embedding = nn.Embedding(K, width)
        self.layers = nn.ModuleList(GatedLayer("B" if i else "A", width, size, classes) for i in range(layers))
        self.head = nn.Sequential(nn.ReLU(), nn.Conv2d(width, width, 1), nn.ReLU(), nn.Conv2d(width, K, 1))

    def forward(self, k: Codes, labels: Labels | None) -> Float[Tensor, "b K r s"]:
        """The logits of p(z_i | z_1 .. z_{i-1}, class)."""
        if self.classes and (labels is None or labels.min() < 0 or labels.max() >= self.classes):
            raise ValueError(f"labels are {labels}; expected one class in 0..{self.classes - 1} for each grid of codes")
        v = h = self.embedding(k).permute(0, 3, 1, 2)
        for layer in self.layers:
            v, h = layer(v, h, labels)
        return self.head(h)


def log_prior(prior: PixelCNN, k: Codes, labels: Labels | None) -> Float[Tensor, " b"]:
    r"""$\log p(z) = \sum_i \log p(z_i \mid z_1, \dots, z_{i-1})$ of each grid, in nats."""
    logits = prior(k, labels).permute(0, 2, 3, 1)
    # one long row of codes: on a grid, CUDA has no deterministic form of this
    nats = F.cross_entropy(logits.flatten(0, 2), k.flatten(), reduction="none")
    return -nats.unflatten(0, k.shape).sum(dim=(1, 2))


@torch.no_grad()
def sample_codes(
    prior: PixelCNN, n: int, labels: Labels | None, generator: Generator, watch: Watch = lambda steps, _: steps
) -> Codes:
    """N grids from the prior: one code after another, in raster order, each drawn given those before it."""
    rows, columns = prior.grid
    k = torch.zeros(n, rows, columns, dtype=torch.long, device=generator.device)
    for i in watch(range(rows * columns), rows * columns):
        r, s = divmod(i, columns)
        p = prior(k, labels)[:, :, r, s].softmax(dim=1)
        k[:, r, s] = torch.multinomial(p, 1, generator=generator)[:, 0]
    return k


def bits_per_pixel(nats: float, shape: tuple[int, ...]) -> float:
    r"""The bits that an image's codes take, $-\log_2 p(z)$, for each number of the image."""
    return nats / math.log(2) / math.prod(shape)
