"""What the catalog covers and what in it grows old: counts for the statistics page and for anybody's notebook."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta

from atlas.catalog import Catalog
from atlas.fields import translation_stamp
from atlas.model import KINDS, Entry

Table = Mapping[str, Mapping[str, int]]
"""Counts of entries: by term, then by kind."""


def coverage(catalog: Catalog, field: str) -> Table:
    """Count the entries of each kind for each term of a controlled field.

    Args:
        catalog: What to count.
        field: ``modality``, ``task``, ``family``, ``level``, ``language`` ...; also the vocabulary's name.

    Returns:
        The terms in the vocabulary's order, those that nobody uses left out.
    """
    return _table(catalog, lambda entry: _terms(entry, field), catalog.vocabularies[field].terms)


def years(catalog: Catalog) -> Table:
    """Count the entries of each kind for each year by which they are known, gaps between years included."""
    known = [year for entry in catalog if (year := year_of(entry)) is not None]
    every = map(str, range(min(known), max(known) + 1)) if known else ()
    return _table(catalog, lambda entry: [str(year_of(entry))], every, keep_empty=True)


def year_of(entry: Entry) -> int | None:
    """The year of a paper or book, of a tool's release, of a course's last revision; ``None`` where no source says."""
    for field in ("year", "released", "revised"):
        if (year := getattr(entry, field, None)) is not None:
            return int(year)
    return None


def verified_longest_ago(catalog: Catalog) -> list[tuple[date, Entry]]:
    """All entries with the day of their newest verification, the oldest first."""
    dated = ((max(item.date for item in entry.verified), entry) for entry in catalog)
    return sorted(dated, key=lambda pair: (pair[0], pair[1].id))


def stale_verifications(catalog: Catalog, today: date, after: timedelta) -> list[Entry]:
    """The entries whose newest verification is longer ago than `after`."""
    return [entry for day, entry in verified_longest_ago(catalog) if today - day > after]


def stale_translations(catalog: Catalog) -> list[Entry]:
    """The entries whose English summary has changed since the Chinese one was written."""
    return [
        entry for entry in catalog if entry.zh_of is not None and entry.zh_of != translation_stamp(entry.summary.en)
    ]


def alone(catalog: Catalog) -> list[Entry]:
    """The entries that no relation and no learning path connects with anything."""
    stops = {step.target for path in catalog.paths.values() for step in path.steps}
    return [entry for entry in catalog if not catalog.related(entry.id) and entry.id not in stops]


def _terms(entry: Entry, field: str) -> Iterable[str]:
    value = getattr(entry, field, ())
    return value if isinstance(value, tuple) else (value,)


def _table(
    catalog: Catalog, terms_of: Callable[[Entry], Iterable[str]], order: Iterable[str], *, keep_empty: bool = False
) -> Table:
    counts = Counter((term, entry.kind) for entry in catalog for term in terms_of(entry))
    table = {term: {kind: counts[term, kind] for kind in KINDS} for term in order}
    return table if keep_empty else {term: row for term, row in table.items() if any(row.values())}
