"""Tensors to pictures: PNG for images, SVG for curves."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor


def to_uint8(x: Float[Tensor, "*shape"]) -> UInt8[Tensor, "*shape"]:
    """[-1, 1] to 0..255, rounded. What lies outside [-1, 1] is clipped: a sample may overshoot a little."""
    return ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def grid(
    images: Float[Tensor, "n c h w"], columns: int = 8, scale: int = 6, gap: int = 1
) -> UInt8[Tensor, "height width c"]:
    """Images side by side, row by row, on a mid-grey ground; each pixel becomes a square of scale x scale pixels.

    Args:
        images: Images in [-1, 1].
        columns: Images in a row; the last row may be shorter.
        scale: Enlargement by repetition (nearest neighbour), so that an 8x8 digit can be seen.
        gap: Space between images, in pixels of the images.
    """
    if columns < 1 or scale < 1 or gap < 0:
        raise ValueError(f"columns, scale, gap are {columns}, {scale}, {gap}; expected at least 1, 1, 0")
    n, c, h, w = images.shape
    columns = min(columns, n)
    rows = -(-n // columns)
    sheet = torch.full((c, rows * (h + gap) + gap, columns * (w + gap) + gap), 128, dtype=torch.uint8)
    for i, image in enumerate(to_uint8(images.detach().cpu())):
        top, left = gap + i // columns * (h + gap), gap + i % columns * (w + gap)
        sheet[:, top : top + h, left : left + w] = image
    return sheet.repeat_interleave(scale, dim=1).repeat_interleave(scale, dim=2).permute(1, 2, 0)


def save_png(pixels: UInt8[Tensor, "h w c"], path: Path) -> None:
    """Write a picture: grey for one channel, colour for three. The file appears whole or not at all."""
    from PIL import Image

    if pixels.shape[2] not in (1, 3):
        raise ValueError(f"the picture has {pixels.shape[2]} channels; expected 1 (grey) or 3 (colour)")
    part = path.with_name(path.name + ".part")
    Image.fromarray(pixels.squeeze(2).numpy()).save(part, format="PNG")
    os.replace(part, path)


def scatter(
    points: Float[Tensor, "n 2"], low: float = -1.25, high: float = 1.25, size: int = 480
) -> UInt8[Tensor, "height width 1"]:
    """Points in the plane as a map: black where there is none, the lighter the more there are; y grows upwards.

    Points outside the square [low, high] x [low, high] are drawn on its edge, so that none is hidden.
    """
    at = ((points.detach().cpu().double() - low) / (high - low) * (size - 1)).round().long().clamp(0, size - 1)
    count = torch.zeros(size, size, dtype=torch.float64)
    for right, down in ((0, 0), (0, 1), (1, 0), (1, 1)):  # two pixels wide, or a single point could not be seen
        row = (size - 1 - at[:, 1] + down).clamp(0, size - 1)
        column = (at[:, 0] + right).clamp(0, size - 1)
        count.index_put_((row, column), torch.ones(len(at), dtype=torch.float64), accumulate=True)
    light = torch.where(count > 0, 110 + 40 * count.clamp(min=1).log2(), 16)
    return light.clamp(max=255).to(torch.uint8)[:, :, None]


COLOURS = ("#4c8bf5", "#e8710a", "#1e9e5a", "#b04cf5")
"""One for each line of a curve; each is readable on a light and on a dark ground."""


def curves_svg(lines: Mapping[str, Sequence[float]], x_label: str, y_label: str) -> str:
    """Lines of values over 1..n as an SVG that reads on a light and on a dark page.

    The axis is logarithmic where all values are positive and they span more than a factor of ten. Each line is a
    running mean over 2 % of its points; the values themselves are drawn faintly behind it.
    """
    lines = {name: values for name, values in lines.items() if len(values)}
    everything = [value for values in lines.values() for value in values]
    if not everything:
        raise ValueError("the curves have no values; expected at least one")
    logarithmic = min(everything) > 0 and max(everything) > 10 * min(everything)
    drawn = {name: torch.tensor(values, dtype=torch.float64) for name, values in lines.items()}
    if logarithmic:
        drawn = {name: values.log10() for name, values in drawn.items()}
    whole = torch.cat(list(drawn.values()))
    low, high = whole.min().item(), max(whole.max().item(), whole.min().item() + 1e-9)
    width, height = 640, 280
    left, right, top, bottom = 56, width - 12, 12, height - 40

    def points(line: Tensor) -> str:
        x = torch.linspace(left, right, len(line)).tolist()
        y = (top + (high - line) / (high - low) * (bottom - top)).tolist()
        return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))

    marks = "".join(
        f'<text x="{left - 6}" y="{top + (high - v) / (high - low) * (bottom - top) + 4:.0f}" text-anchor="end">'
        f"{10**v if logarithmic else v:.2g}</text>"
        for v in (low, (low + high) / 2, high)
    )
    longest = max(len(line) for line in drawn.values())
    body, legend = "", ""
    for i, (name, line) in enumerate(drawn.items()):
        colour = COLOURS[i % len(COLOURS)]
        body += f'<polyline points="{points(line)}" fill="none" stroke="{colour}" stroke-opacity="0.3"/>'
        body += f'<polyline points="{points(running_mean(line))}" fill="none" stroke="{colour}" stroke-width="2"/>'
        if len(drawn) > 1:
            legend += f'<text x="{right - 6}" y="{top + 14 + 16 * i}" text-anchor="end" fill="{colour}">{name}</text>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12" fill="#808080"><title>{y_label} over {x_label}</title>'
        f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="#808080"/>{marks}'
        f'<text x="{left}" y="{bottom + 16}">1</text>'
        f'<text x="{right}" y="{bottom + 16}" text-anchor="end">{longest}</text>'
        f'<text x="{(left + right) // 2}" y="{height - 8}" text-anchor="middle">{x_label}</text>'
        f'<text x="14" y="{(top + bottom) // 2}" text-anchor="middle" '
        f'transform="rotate(-90 14 {(top + bottom) // 2})">{y_label}</text>{body}{legend}</svg>\n'
    )


def running_mean(line: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """The mean of each value and those before it, over a window of 2 % of the line."""
    window = max(1, len(line) // 50)
    padded = torch.cat([torch.zeros(1, dtype=line.dtype), line.cumsum(0)])
    end = torch.arange(1, len(line) + 1)
    start = (end - window).clamp(min=0)
    return (padded[end] - padded[start]) / (end - start)
