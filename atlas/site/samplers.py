"""The machine-written table of samplers, as a chart and rows to be shown; read, never typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from atlas.site.benchmark import caption, changed, page_of, read_table
from atlas.site.lines import Line, LogLog
from atlas.site.markup import safe, text
from atlas.site.phrases import Phrases
from atlas.site.record import RESULTS

FILE = f"{RESULTS}/samplers.json"
CEILING = 10
"""Points more than so many times as far off as real images are in the table alone: they would flatten the others."""


@dataclass(frozen=True)
class Row:
    """One sampler with one number of steps.

    Attributes:
        name: What the sampler is called.
        page: The page that explains it, below the docs folder.
        evaluations: How often the network was asked.
        frechet: The Frechet distance of the samples.
        class_error: The share of samples of another class than was asked for.
    """

    name: Markup
    page: str
    evaluations: str
    frechet: str
    class_error: str


@dataclass(frozen=True)
class Samplers:
    """The table, ready to be shown.

    Attributes:
        chart: The Frechet distance against the number of evaluations, as SVG.
        legend: The names of its lines.
        rows: All the numbers.
        real_frechet: What as many real images get.
        real_class_error: The share of real images that the classifier gets wrong.
        stale: The names of the samplers whose code has changed since.
        samples: How many samples each row is of.
        caption: Command, device, date and commit.
    """

    chart: Markup
    legend: Markup
    rows: tuple[Row, ...]
    real_frechet: str
    real_class_error: str
    stale: str
    samples: int
    caption: Markup


def read_samplers(root: Path, phrases: Phrases) -> Samplers | None:
    """Reads the table of samplers.

    Args:
        root: The project's root.
        phrases: The words of the page's language.

    Returns:
        The table, or None if it has not been made yet.

    Raises:
        RecordError: The file is not such a table.
    """
    return read_table(root, FILE, "a table of samplers", lambda table: _samplers(root, table, phrases))


def _samplers(root: Path, table: Mapping[str, Any], phrases: Phrases) -> Samplers:
    samplers, models, real = table["samplers"], table["models"], table["real"]
    chart = LogLog(
        title=phrases.say("samplers.chart"),
        x_label=phrases.say("samplers.evaluations"),
        y_label=phrases.say("samplers.frechet"),
        lines=_lines(samplers, CEILING * float(real["frechet"]), phrases),
        floor=(phrases.say("samplers.real"), float(real["frechet"])),
    )
    return Samplers(
        chart=safe(chart.svg()),
        legend=safe(chart.legend()),
        rows=tuple(row for name, sampler in samplers.items() for row in _rows(name, sampler, phrases)),
        real_frechet=f"{real['frechet']:.2f}",
        real_class_error=f"{real['class_error']:.1%}",
        stale=phrases.say("separator").join(
            phrases.say(f"samplers.{name}")
            for name, sampler in samplers.items()
            if changed(root, models[sampler["model"]]) or changed(root, sampler)
        ),
        samples=int(table["samples"]),
        caption=caption(table, phrases),
    )


def _lines(samplers: Mapping[str, Any], most: float, phrases: Phrases) -> list[Line]:
    """A line for each sampler: those of one model have one colour, and all but the first of them are dashed."""
    models = list(dict.fromkeys(sampler["model"] for sampler in samplers.values()))
    seen: set[str] = set()
    lines = []
    for name, sampler in samplers.items():
        rows, model = sampler["rows"], sampler["model"]
        points = [(float(row["evaluations"]), float(row["frechet"])) for row in rows if row["frechet"] <= most]
        dashed = model in seen
        if len(rows) > 1:  # of a single point the dashes would not be seen: the next line can do without them
            seen.add(model)
        lines.append(Line(phrases.say(f"samplers.{name}"), models.index(model), dashed, points))
    return lines


def _rows(name: str, sampler: Mapping[str, Any], phrases: Phrases) -> tuple[Row, ...]:
    page = page_of(sampler["module"])
    return tuple(
        Row(
            name=text(phrases.say(f"samplers.{name}")),
            page=page,
            evaluations=phrases.number(row["evaluations"]),
            frechet=f"{row['frechet']:.2f}",
            class_error=f"{row['class_error']:.1%}",
        )
        for row in sampler["rows"]
    )
