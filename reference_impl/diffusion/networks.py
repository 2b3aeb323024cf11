"""The two backbones under one name each, so that every method of the family can have either."""

from typing import Literal

from torch import nn

from reference_impl.diffusion.dit import DiT
from reference_impl.diffusion.unet import UNet
from reference_impl.engine import check
from reference_impl.transformer.attention import Attend, fast_attention

Network = Literal["unet", "dit"]
"""A backbone's name. Both are called as network(x [b c h w], t [b], labels [b] or None)."""


def build_network(
    name: Network,
    channels: int,
    width: int,
    classes: int = 0,
    patch: int = 1,
    times: int = 1,
    outputs: int = 1,
    attend: Attend = fast_attention,
) -> nn.Module:
    """A U-Net, or a DiT of four blocks with heads of 16 numbers.

    Args:
        name: The backbone's name.
        channels: Channels of the image.
        width: Channels of the U-Net at full resolution; numbers at a token of the DiT.
        classes: Classes that can be asked for; 0 for a network that knows none.
        patch: Side of the square patches that the image is cut into.
        times: Times that the network reads of each image.
        outputs: Numbers predicted for each pixel.
        attend: How a head of the DiT computes its values: `attention` where derivatives are taken forwards
            (torch.func.jvp), for torch's fused kernels have none. The U-Net's attention is written out anyway, but the
            forward derivative of its norms wants the layout `model.to(memory_format=torch.contiguous_format)`.

    Raises:
        ValueError: The name is neither, or the width does not suit the network.
    """
    check(name in ("unet", "dit"), "network", name, '"unet" or "dit"')
    check(width >= 16 and width % 16 == 0, "width", width, "a multiple of 16, at least 16")
    if name == "unet":
        return UNet(channels, width, classes=classes, times=times, outputs=outputs, patch=patch)
    heads = width // 16
    return DiT(channels, width, heads=heads, classes=classes, times=times, outputs=outputs, patch=patch, attend=attend)
