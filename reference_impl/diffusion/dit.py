r"""The diffusion Transformer (DiT): Peebles & Xie, ICCV 2023, arXiv:2212.09748. A backbone beside the U-Net.

    x_t [b c h w] -> patches [b n p^2 c] -> + positions -> depth x block -> last layer -> pixels [b oc h w]
                                                             |                  |
    t, class -> embeddings added -------------------------- adaLN-Zero ---------+

The equations, as in Section 3.2, Figure 3 and Appendix A
    patches           a square of p x p pixels is one token: c p^2 numbers, to d by a linear map, + sines and cosines
    conditioning      c = MLP(emb(t)) + embedding of the class
    block             y = x + alpha_1 * Attention(LN(x) (1 + gamma_1) + beta_1)
                      x' = y + alpha_2 * MLP(LN(y) (1 + gamma_2) + beta_2)
                      with all six vectors a linear map of SiLU(c), zero at first: a block starts as the identity
    last layer        linear(LN(x) (1 + gamma) + beta), zero at first; each token's numbers go back to their pixels

The symbols
    p, n, d           patch, n = (h / p) (w / p), width
    c                 c                       [b d]; in the shape of an image, c is its channels
    beta, gamma       shift, scale            [b 1 d]
    alpha             gate                    [b 1 d], the scale before the residual sum

Deviations from the paper and its authors' code
    - Size: 4 blocks of 64 numbers unless told otherwise, on small images; not 12 to 28 blocks of 384 to 1152 on the
      latents of an autoencoder.
    - The maps of attention have no biases, theirs have. A bias on the keys would never receive a gradient.
    - The numbers that tell time and place are theirs in another order. Of a time, the sines come before the cosines;
      of a place, the row comes before the column and each sine stands next to its cosine; of a pixel's outputs, the
      channel comes before the place in the patch. The layers around them are random linear maps and cannot tell.
    - The time may be a real number, or several, each embedded for itself. The variance that they predict too is
      `outputs` = 2 here; what the outputs mean, a method decides.
    - Classes are dropped by the method (`conditioning.drop_labels`), not by the network. A network of no classes is
      told the time alone.
    - The maps that embed the time start like all other linear maps, and the embeddings of classes from N(0, 1). Theirs
      start from N(0, 0.02^2). That makes c about 0.02 at first, and over the few hundred steps that a small network is
      trained here it learnt what c tells it markedly later.
    - As theirs: embeddings of the time of 256 numbers, LN without weights and with eps = 1e-6, GELU by its tanh
      approximation, four times as many numbers in the MLP, and all other initial values.
"""

import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from reference_impl.diffusion.unet import time_embedding
from reference_impl.engine import check
from reference_impl.transformer.attention import Attend, MultiHeadAttention, fast_attention, sinusoidal_positions

Tokens = Float[Tensor, "b n d"]
FREQUENCIES = 256
"""Numbers that tell a time; half are sines, half cosines."""


def patches(x: Float[Tensor, "b c h w"], p: int) -> Float[Tensor, "b n ppc"]:
    """The image cut into squares of p x p pixels, row by row; each becomes one token of c p^2 numbers."""
    return F.pixel_unshuffle(x, p).flatten(2).transpose(1, 2)


def image(tokens: Float[Tensor, "b n ppc"], p: int, height: int, width: int) -> Float[Tensor, "b c h w"]:
    """The inverse of `patches`, for an image of height x width pixels."""
    return F.pixel_shuffle(tokens.transpose(1, 2).unflatten(2, (height // p, width // p)), p)


def positions_2d(rows: int, columns: int, d: int) -> Float[Tensor, "n d"]:
    """Half of the numbers tell the row, half the column, each as the Transformer tells a position."""
    down = sinusoidal_positions(rows, d // 2)[:, None].expand(-1, columns, -1)
    along = sinusoidal_positions(columns, d // 2)[None].expand(rows, -1, -1)
    return torch.cat([down, along], dim=-1).flatten(0, 1)


def modulate(x: Tokens, shift: Float[Tensor, "b 1 d"], scale: Float[Tensor, "b 1 d"]) -> Tokens:
    r"""The adaptive part of adaLN: $x\, (1 + \mathrm{scale}) + \mathrm{shift}$, the same at each token."""
    return x * (1 + scale) + shift


class Block(nn.Module):
    """Attention and MLP, each told time and class by adaLN-Zero (Figure 3, right)."""

    def __init__(self, d: int, heads: int, attend: Attend = fast_attention) -> None:
        super().__init__()
        self.norm_1 = nn.LayerNorm(d, eps=1e-6, elementwise_affine=False)
        self.attention = MultiHeadAttention(d, heads, attend=attend)
        self.norm_2 = nn.LayerNorm(d, eps=1e-6, elementwise_affine=False)
        self.mlp = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(approximate="tanh"), nn.Linear(4 * d, d))
        self.adaptive = nn.Linear(d, 6 * d)

    def forward(self, x: Tokens, c: Float[Tensor, "b d"]) -> Tokens:
        """The block applied to x, told c."""
        shift_1, scale_1, gate_1, shift_2, scale_2, gate_2 = self.adaptive(F.silu(c))[:, None].chunk(6, dim=-1)
        x = x + gate_1 * self.attention(modulate(self.norm_1(x), shift_1, scale_1))
        return x + gate_2 * self.mlp(modulate(self.norm_2(x), shift_2, scale_2))


class DiT(nn.Module):
    """A Transformer over patches that predicts something of an image, a time and a class.

    Args:
        channels: Channels c of the image.
        width: Numbers at a token, d; a multiple of 4 (rows and columns, sines and cosines) and of `heads`.
        depth: Blocks.
        heads: Heads of attention.
        classes: Classes that can be asked for; 0 for a network that knows none.
        times: Times that it reads of each image.
        outputs: Numbers predicted for each pixel.
        patch: Side p of the square patches; the image's sides are multiples of it.
        attend: How a head of attention computes its values.
    """

    def __init__(
        self,
        channels: int = 1,
        width: int = 64,
        depth: int = 4,
        heads: int = 4,
        classes: int = 0,
        times: int = 1,
        outputs: int = 1,
        patch: int = 2,
        attend: Attend = fast_attention,
    ) -> None:
        super().__init__()
        check(heads >= 1, "heads", heads, "a number of heads >= 1")
        check(width % 4 == 0 and width % heads == 0, "width", width, f"a multiple of 4 and of {heads} heads")
        self.width, self.classes, self.times, self.patch = width, classes, times, patch
        self.enter = nn.Linear(channels * patch**2, width)
        self.time = nn.Sequential(nn.Linear(times * FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))
        self.label = nn.Embedding(classes + 1, width) if classes else None
        self.blocks = nn.ModuleList(Block(width, heads, attend) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.adaptive = nn.Linear(width, 2 * width)
        self.leave = nn.Linear(width, channels * outputs * patch**2)
        self.initialise()

    def initialise(self) -> None:
        """The authors' initial values but those of c's embeddings: blocks are the identity, and zero is predicted."""
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        for block in self.blocks:
            for layer in (block.attention.W_Q, block.attention.W_K, block.attention.W_V):
                nn.init.xavier_uniform_(layer.weight, gain=0.5**0.5)  # one map of d to 3 d numbers in their code
        for layer in (*(block.adaptive for block in self.blocks), self.adaptive, self.leave):
            nn.init.zeros_(layer.weight)

    def forward(
        self, x: Float[Tensor, "b c h w"], t: Shaped[Tensor, "b ..."], labels: Int64[Tensor, " b"] | None = None
    ) -> Float[Tensor, "b oc h w"]:
        """Predict, as `unet.UNet` does, from the same arguments.

        Args:
            x: The noisy images x_t.
            t: Their times [b], or [b times] where the network reads several; integers or real numbers.
            labels: Their classes, in 0..classes; the last of these, and None, stand for "any class".
        """
        each, (h, w) = t.reshape(len(t), -1), x.shape[2:]
        if each.shape[1] != self.times or h % self.patch or w % self.patch:
            raise ValueError(
                f"t is {list(t.shape)} and the images {list(x.shape)}; expected {self.times} times for each image, "
                f"and sides that are multiples of {self.patch}"
            )
        c = self.time(torch.cat([time_embedding(one, FREQUENCIES) for one in each.unbind(1)], dim=1).to(x.dtype))
        if self.label is not None:
            c = c + self.label(torch.full_like(each[:, 0], self.classes).long() if labels is None else labels)
        places = positions_2d(h // self.patch, w // self.patch, self.width).to(x)
        y = self.enter(patches(x, self.patch)) + places
        for block in self.blocks:
            y = block(y, c)
        shift, scale = self.adaptive(F.silu(c))[:, None].chunk(2, dim=-1)
        return image(self.leave(modulate(self.norm(y), shift, scale)), self.patch, h, w)
