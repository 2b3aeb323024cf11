"""The machine-written table of what a cache of keys and values saves; read, never typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from atlas.site.benchmark import caption, changed, read_table
from atlas.site.phrases import Phrases
from atlas.site.record import RESULTS

FILE = f"{RESULTS}/kv_cache.json"


@dataclass(frozen=True)
class Row:
    """One length of text: tokens, seconds without the cache and with it, and their ratio."""

    tokens: str
    without: str
    cached: str
    ratio: str


@dataclass(frozen=True)
class CacheGain:
    """The table, ready to be shown.

    Attributes:
        rows: The lengths.
        stale: Whether the code has changed since.
        caption: Command, device, date and commit.
    """

    rows: tuple[Row, ...]
    stale: bool
    caption: Markup


def read_cache_gain(root: Path, phrases: Phrases) -> CacheGain | None:
    """Reads the table.

    Args:
        root: The project's root.
        phrases: The words of the page's language.

    Returns:
        The table, or None if it has not been made yet.

    Raises:
        RecordError: The file is not such a table.
    """
    return read_table(root, FILE, "a table of the cache's gain", lambda table: _gain(root, table, phrases))


def _gain(root: Path, table: Mapping[str, Any], phrases: Phrases) -> CacheGain:
    rows = tuple(
        Row(
            tokens=phrases.number(row["tokens"]),
            without=f"{row['seconds_without']:.2f}",
            cached=f"{row['seconds_with']:.2f}",
            ratio=f"{row['ratio']:.1f}",
        )
        for row in table["rows"]
    )
    return CacheGain(rows, changed(root, table), caption(table, phrases))
