"""The machine-written table of modes that each GAN found, as rows to be shown; read, never typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from markupsafe import Markup

from atlas.site.benchmark import caption, changed, page_of, read_table
from atlas.site.markup import text
from atlas.site.phrases import Phrases
from atlas.site.record import RESULTS

FILE = f"{RESULTS}/modes.json"


@dataclass(frozen=True)
class Row:
    """One method.

    Attributes:
        name: The method's name.
        page: The page that explains it, below the docs folder.
        modes: How many modes each seed found.
        held: How many of them hold a good part of their share.
        low_quality: The share of samples at no mode: the median over the seeds, the least and the most.
        seconds: The median time of a run.
    """

    name: Markup
    page: str
    modes: str
    held: str
    low_quality: str
    seconds: str


@dataclass(frozen=True)
class Modes:
    """The table, ready to be shown.

    Attributes:
        rows: The methods.
        stale: The names of the methods whose code has changed since.
        of: How many modes there are.
        share: How many samples a mode must hold to count as held.
        caption: Command, device, date and commit.
    """

    rows: tuple[Row, ...]
    stale: str
    of: int
    share: int
    caption: Markup


def read_modes(root: Path, phrases: Phrases) -> Modes | None:
    """Reads the table of modes.

    Args:
        root: The project's root.
        phrases: The words of the page's language.

    Returns:
        The table, or None if it has not been made yet.

    Raises:
        RecordError: The file is not such a table.
    """
    return read_table(root, FILE, "a table of modes", lambda table: _modes(root, table, phrases))


def _modes(root: Path, table: Mapping[str, Any], phrases: Phrases) -> Modes:
    methods = table["methods"]
    stale = [name for name, method in methods.items() if changed(root, method)]
    return Modes(
        rows=tuple(_row(name, method, phrases) for name, method in methods.items()),
        stale=phrases.say("separator").join(stale),
        of=int(table["of"]),
        share=int(table["share"]),
        caption=caption(table, phrases),
    )


def _row(name: str, method: Mapping[str, Any], phrases: Phrases) -> Row:
    runs = method["runs"]
    low = [run["low_quality"] for run in runs]
    return Row(
        name=text(name),
        page=page_of(method["module"]),
        modes=phrases.say("separator").join(str(run["modes"]) for run in runs),
        held=phrases.say("separator").join(str(run["held"]) for run in runs),
        low_quality=phrases.in_parentheses(f"{median(low):.1%}", f"{min(low):.1%} – {max(low):.1%}"),
        seconds=f"{median(run['seconds'] for run in runs):.0f}",
    )
