"""A small U-Net that reads the time: the noise predictor of Ho, Jain & Abbeel (2020), Section 4 and Appendix B.

The parts are the paper's: residual blocks with group normalisation, a sinusoidal embedding of the time given to every
block, self-attention at a low resolution, a skip connection from the way down to the way up. Only the size is ours: one
halving of the resolution instead of three, one block on each side instead of two or three, 32 channels instead of 128.
Later methods of the family also tell it the class, whose learnt embedding is added to that of the time, and cut large
images into patches whose pixels become channels.

    x_t [b c h w] -> enter -> down -> shrink -> low_1 -> attend -> low_2 -> grow -> up -> leave -> eps [b c h w]
                                |                                                  |
                                +---------------------- skip ----------------------+
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64, Shaped
from torch import Tensor, nn

__all__ = ["ResBlock", "SelfAttention", "UNet", "time_embedding"]


def time_embedding(t: Shaped[Tensor, " b"], dim: int, period: float = 10_000.0) -> Float[Tensor, "b dim"]:
    r"""The Transformer's sinusoidal position embedding (Vaswani et al. 2017, Section 3.5), of the time $t$.

    $$\mathrm{emb}_{2i}(t) = \sin\big(t / 10000^{2i/d}\big), \qquad
      \mathrm{emb}_{2i+1}(t) = \cos\big(t / 10000^{2i/d}\big)$$

    Sines and cosines are stored as two halves rather than interleaved; the layer that follows cannot tell.

    Args:
        t: Times, one for each example; integers, or real numbers.
        dim: The width d of the embedding; even.
        period: The longest wavelength is 2 pi times this.

    Returns:
        The embedding in float32: d/2 sines, then d/2 cosines.
    """
    if dim < 2 or dim % 2:
        raise ValueError(f"dim is {dim}; the embedding is half sines, half cosines: expected an even number >= 2")
    frequency = period ** (-torch.arange(0, dim, 2, device=t.device, dtype=torch.float64) / dim)
    angle = t.double()[:, None] * frequency  # float64: at t = 1000 the fastest angle keeps all its digits
    return torch.cat([angle.sin(), angle.cos()], dim=1).float()


class ResBlock(nn.Module):
    """Two 3x3 convolutions around the time: x + conv(act(norm(conv(act(norm(x))) + time)))."""

    def __init__(self, c_in: int, c_out: int, c_time: int, groups: int) -> None:
        super().__init__()
        self.norm_1 = nn.GroupNorm(groups, c_in)
        self.conv_1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.time = nn.Linear(c_time, c_out)
        self.norm_2 = nn.GroupNorm(groups, c_out)
        self.conv_2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.skip = nn.Conv2d(c_in, c_out, 1) if c_in != c_out else nn.Identity()
        nn.init.zeros_(self.conv_2.weight)  # each block starts as the identity (or as its 1x1 convolution)
        nn.init.zeros_(self.conv_2.bias)  # type: ignore[arg-type]

    def forward(self, x: Float[Tensor, "b c_in h w"], time: Float[Tensor, "b c_time"]) -> Float[Tensor, "b c_out h w"]:
        """The block applied to x, told the embedded time."""
        y = self.conv_1(F.silu(self.norm_1(x)))
        y = y + self.time(time)[:, :, None, None]
        y = self.conv_2(F.silu(self.norm_2(y)))
        return self.skip(x) + y


class SelfAttention(nn.Module):
    """One head of self-attention over the h*w positions, added to its input.

    The projections to queries, keys and values have no bias: a bias on the keys adds the same number to every logit of
    a row, the softmax does not see it, and the parameter would never receive a gradient.
    """

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels)
        self.qkv = nn.Linear(channels, 3 * channels, bias=False)
        self.out = nn.Linear(channels, channels)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """The input plus out(softmax(q k^T / sqrt(c)) v)."""
        tokens = self.norm(x).flatten(2).transpose(1, 2)  # [b, h*w, c]
        q, k, v = self.qkv(tokens).chunk(3, dim=2)
        weight = (q @ k.transpose(1, 2) / math.sqrt(q.shape[2])).softmax(dim=2)  # [b, h*w, h*w]
        return x + self.out(weight @ v).transpose(1, 2).reshape(x.shape)


class UNet(nn.Module):
    """The noise predictor eps_theta(x_t, t), or whatever else is predicted of an image, a time and a class.

    Args:
        channels: Channels c of the image.
        width: Channels at full resolution; twice as many at half resolution. A multiple of `groups`, with at least
            two channels to a group: a group of one channel would normalise away the time that a block adds to it.
        groups: Groups of each group normalisation.
        classes: Classes that can be asked for; 0 for a network that knows none.
        times: Times that it reads of each image.
        outputs: Numbers predicted for each pixel.
        patch: Side of the square patches whose pixels become channels; the image's sides are multiples of it.
    """

    def __init__(
        self,
        channels: int = 1,
        width: int = 32,
        groups: int = 8,
        classes: int = 0,
        times: int = 1,
        outputs: int = 1,
        patch: int = 1,
    ) -> None:
        super().__init__()
        if width % groups or width < 2 * groups:
            raise ValueError(f"width is {width}; expected a multiple of {groups}, at least {2 * groups}")
        self.width, self.classes, self.times, self.patch = width, classes, times, patch
        low, c_time, c_in = 2 * width, 4 * width, channels * patch**2
        self.time = nn.Sequential(nn.Linear(times * width, c_time), nn.SiLU(), nn.Linear(c_time, c_time), nn.SiLU())
        self.label = nn.Embedding(classes + 1, c_time) if classes else None
        self.enter = nn.Conv2d(c_in, width, 3, padding=1)
        self.down = ResBlock(width, width, c_time, groups)
        self.shrink = nn.Conv2d(width, low, 3, stride=2, padding=1)
        self.low_1 = ResBlock(low, low, c_time, groups)
        self.attend = SelfAttention(low, groups)
        self.low_2 = ResBlock(low, low, c_time, groups)
        self.grow = nn.Conv2d(low, width, 3, padding=1)
        self.up = ResBlock(2 * width, width, c_time, groups)
        self.norm = nn.GroupNorm(groups, width)
        self.leave = nn.Conv2d(width, c_in * outputs, 3, padding=1)
        nn.init.zeros_(self.leave.weight)  # the first guess is "no noise": the loss starts at E||eps||^2 / D = 1
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]
        self.to(memory_format=torch.channels_last)  # the same numbers, laid out as CPU convolutions like them

    def forward(
        self,
        x: Float[Tensor, "b c h w"],
        t: Shaped[Tensor, "b ..."],
        labels: Int64[Tensor, " b"] | None = None,
    ) -> Float[Tensor, "b oc h w"]:
        """Predict the noise in x_t.

        Args:
            x: The noisy images x_t.
            t: Their times [b], or [b times] where the network reads several; integers or real numbers.
            labels: Their classes, in 0..classes; the last of these, and None, stand for "any class".

        Returns:
            The predicted noise, in the shape of x, or with `outputs` times its channels. Without patches, any height
            and width work, odd ones too.
        """
        each = t.reshape(len(t), -1)
        if each.shape[1] != self.times or x.shape[2] % self.patch or x.shape[3] % self.patch:
            raise ValueError(
                f"t is {list(t.shape)} and the images {list(x.shape)}; expected {self.times} times for each image, "
                f"and sides that are multiples of {self.patch}"
            )
        time = self.time(torch.cat([time_embedding(one, self.width) for one in each.unbind(1)], dim=1).to(x.dtype))
        if self.label is not None:
            time = time + self.label(torch.full_like(each[:, 0], self.classes).long() if labels is None else labels)
        skip = self.down(self.enter(F.pixel_unshuffle(x, self.patch)), time)
        x = self.low_1(self.shrink(skip), time)
        x = self.low_2(self.attend(x), time)
        x = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)[:, :, : skip.shape[2], : skip.shape[3]]
        x = self.up(torch.cat([self.grow(x), skip], dim=1), time)
        return F.pixel_shuffle(self.leave(F.silu(self.norm(x))), self.patch)
