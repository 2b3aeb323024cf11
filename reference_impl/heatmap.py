"""Attention maps to pictures: SVG, with the words on both axes."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from jaxtyping import Float
from torch import Tensor

CELL, GAP, LETTER = 18, 26, 7
"""Pixels of a square, between two maps, and of a letter's width."""
COLOUR = "#4c8bf5"
"""It is laid on with the weight as its opacity, so that a map reads on a light and on a dark page."""


def attention_svg(maps: Float[Tensor, "h m n"], rows: Sequence[str], columns: Sequence[str], title: str) -> str:
    """Maps of weights side by side: a square for each row and column, the darker the more weight.

    Args:
        maps: Weights in [0, 1]; each row sums to one.
        rows: The words that look, from top to bottom.
        columns: The words that are looked at, from left to right.
        title: What the picture shows, for those who cannot see it.

    Raises:
        ValueError: The words do not match the maps.
    """
    h, m, n = maps.shape
    if (len(rows), len(columns)) != (m, n):
        raise ValueError(f"maps are {m} x {n}, with {len(rows)} and {len(columns)} words; expected a word for each")
    left = LETTER * max(map(len, rows)) + 12
    top = LETTER * max(map(len, columns)) + 12
    width = left + h * n * CELL + (h - 1) * GAP + 4
    height = top + m * CELL + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12" fill="#808080"><title>{escape(title)}</title>'
    ]
    for j, word in enumerate(rows):
        parts.append(
            f'<text x="{left - 6}" y="{top + j * CELL + CELL * 0.7:.1f}" text-anchor="end">{escape(word)}</text>'
        )
    for head in range(h):
        x = left + head * (n * CELL + GAP)
        for i, word in enumerate(columns):
            at = f"{x + i * CELL + CELL * 0.65:.1f} {top - 6}"
            parts.append(f'<text transform="translate({at}) rotate(-90)">{escape(word)}</text>')
        parts.append(
            f'<rect x="{x}" y="{top}" width="{n * CELL}" height="{m * CELL}" fill="none" stroke="#808080" '
            'stroke-opacity="0.5"/>'
        )
        for j in range(m):
            for i in range(n):
                weight = maps[head, j, i].item()
                if weight >= 0.005:
                    parts.append(
                        f'<rect x="{x + i * CELL}" y="{top + j * CELL}" width="{CELL}" height="{CELL}" '
                        f'fill="{COLOUR}" fill-opacity="{weight:.2f}"/>'
                    )
        parts.append(
            f'<text x="{x + n * CELL / 2:.0f}" y="{top + m * CELL + 18}" text-anchor="middle">{head + 1}</text>'
        )
    return "".join(parts) + "</svg>\n"
