"""Lines between measured points on logarithmic axes, as SVG inside a page: no script, no request, light and dark.

Colours are the style sheet's (classes ``atlas-line-0`` …), and lines of one colour differ in their dashes, so that a
chart follows the page's scheme and does not rest on colour alone. Across, all places are shares of the width: letters
keep their size on a phone. Every word passes through ElementTree, which escapes it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from xml.etree import ElementTree as ET

_LEFT, _RIGHT = 11.0, 98.0  # of the width, in per cent
_TOP, _BOTTOM, _HEIGHT = 24.0, 276.0, 318.0  # in pixels


@dataclass(frozen=True)
class Line:
    """One line.

    Attributes:
        name: What it is called.
        colour: Which colour of the style sheet it has.
        dashed: Whether it is dashed.
        points: Where it goes; all numbers are positive.
    """

    name: str
    colour: int
    dashed: bool
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class LogLog:
    """Lines of y against x, both logarithmic.

    Attributes:
        title: What it shows; read out by a screen reader.
        x_label: What is drawn across.
        y_label: What is drawn upwards.
        lines: The lines.
        floor: A level that is drawn from side to side, and its name.
    """

    title: str
    x_label: str
    y_label: str
    lines: Sequence[Line]
    floor: tuple[str, float]

    def svg(self) -> str:
        """Return the chart as one line of SVG.

        Raises:
            ValueError: A number is not positive.
        """
        root = ET.Element(
            "svg",
            {
                "class": "atlas-plot atlas-lines",
                "width": "100%",
                "height": f"{_HEIGHT:.0f}",
                "role": "img",
                "aria-label": self._spoken(),
            },
        )
        name, level = self.floor
        x = _Axis([x for line in self.lines for x, _ in line.points], _LEFT + 2, _RIGHT - 2)
        y = _Axis([level, *(y for line in self.lines for _, y in line.points)], _BOTTOM - 8, _TOP + 8)
        for mark in x.marks():
            _segment(root, "atlas-line-grid", (x.at(mark), _TOP), (x.at(mark), _BOTTOM))
            _words(root, f"{mark:g}", x.at(mark), _BOTTOM + 16, "middle")
        for mark in y.marks():
            _segment(root, "atlas-line-grid", (_LEFT, y.at(mark)), (_RIGHT, y.at(mark)))
            _words(root, f"{mark:g}", _LEFT - 1, y.at(mark) + 4, "end")
        _words(root, self.y_label, 0, 12, "start")
        _words(root, self.x_label, (_LEFT + _RIGHT) / 2, _HEIGHT - 6, "middle")
        _segment(root, "atlas-line-floor", (_LEFT, y.at(level)), (_RIGHT, y.at(level)))
        _words(root, name, _RIGHT, y.at(level) - 5, "end")
        for line in self.lines:
            look = f"atlas-line-{line.colour}{' atlas-line-dashed' if line.dashed else ''}"
            places = [(x.at(across), y.at(up)) for across, up in line.points]
            for one, next_one in pairwise(places):
                _segment(root, look, one, next_one)
            for (across, up), place in zip(line.points, places, strict=True):
                dot = {"cx": f"{place[0]:.2f}%", "cy": f"{place[1]:.1f}", "r": "4", "class": look}
                ET.SubElement(ET.SubElement(root, "circle", dot), "title").text = f"{line.name}: {across:g}, {up:g}"
        return ET.tostring(root, encoding="unicode")

    def legend(self) -> str:
        """Return the names of the lines, each with a piece of it or its only dot, as one line of HTML."""
        root = ET.Element("p", {"class": "atlas-plot-legend atlas-lines"})
        for line in self.lines:
            item = ET.SubElement(root, "span")
            key = ET.SubElement(item, "svg", {"width": "30", "height": "10", "aria-hidden": "true"})
            look = f"atlas-line-{line.colour}{' atlas-line-dashed' if line.dashed else ''}"
            if len(line.points) > 1:
                ET.SubElement(key, "line", {"x1": "0", "y1": "5", "x2": "30", "y2": "5", "class": look})
            ET.SubElement(key, "circle", {"cx": "15", "cy": "5", "r": "4", "class": look})
            key.tail = f" {line.name}"
        return ET.tostring(root, encoding="unicode", short_empty_elements=False)

    def _spoken(self) -> str:
        ends = (f"{line.name}: {_said(line.points)}" for line in self.lines if line.points)
        return f"{self.title}. {'; '.join(ends)}; {self.floor[0]}: {self.floor[1]:g}"


class _Axis:
    """A logarithmic axis from one place to another."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        if min(values, default=1) <= 0:
            raise ValueError(f"a value is {min(values)}; expected numbers > 0 for a logarithmic axis")
        self.low, self.high = math.log10(min(values, default=1)), math.log10(max(values, default=1))
        self.start, self.end = start, end

    def at(self, value: float) -> float:
        """Where a value lies."""
        share = (math.log10(value) - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return self.start + share * (self.end - self.start)

    def marks(self) -> Iterator[float]:
        """Round numbers within the axis: powers of ten, and their multiples by 2 and 5 where these are few."""
        steps = (1,) if self.high - self.low > 2 else (1, 2, 5)
        for power in range(math.floor(self.low), math.ceil(self.high) + 1):
            for step in steps:
                if self.low - 1e-9 <= math.log10(step * 10.0**power) <= self.high + 1e-9:
                    yield step * 10.0**power


def _said(points: Sequence[tuple[float, float]]) -> str:
    (x, y), (last_x, last_y) = points[0], points[-1]
    return f"{x:g}, {y:g}" if len(points) == 1 else f"{x:g}, {y:g} – {last_x:g}, {last_y:g}"


def _segment(parent: ET.Element, look: str, one: tuple[float, float], other: tuple[float, float]) -> None:
    ends = {"x1": f"{one[0]:.2f}%", "y1": f"{one[1]:.1f}", "x2": f"{other[0]:.2f}%", "y2": f"{other[1]:.1f}"}
    ET.SubElement(parent, "line", {"class": look, **ends})


def _words(parent: ET.Element, words: str, x: float, y: float, anchor: str) -> None:
    ET.SubElement(parent, "text", {"x": f"{x:.2f}%", "y": f"{y:.1f}", "text-anchor": anchor}).text = words
