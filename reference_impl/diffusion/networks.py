"""The two backbones under one name each, so that every method of the family can have either."""

from typing import Literal

from torch import nn

from reference_impl.diffusion.dit import DiT
from reference_impl.diffusion.unet import UNet
from reference_impl.engine import check

Network = Literal["unet", "dit"]
"""A backbone's name. Both are called as network(x [b c h w], t [b], labels [b] or None)."""


def build_network(
    name: Network, channels: int, width: int, classes: int = 0, patch: int = 1, times: int = 1, outputs: int = 1
) -> nn.Module:
    """A U-Net, or a DiT of four blocks with heads of 16 numbers.

    Raises:
        ValueError: The name is neither, or the width does not suit the network.
    """
    check(name in ("unet", "dit"), "network", name, '"unet" or "dit"')
    check(width >= 16 and width % 16 == 0, "width", width, "a multiple of 16, at least 16")
    if name == "unet":
        return UNet(channels, width, classes=classes, times=times, outputs=outputs, patch=patch)
    heads = width // 16
    return DiT(channels, width, heads=heads, classes=classes, times=times, outputs=outputs, patch=patch)
