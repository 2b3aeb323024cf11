"""Papers against a table of known facts: does the title belong to the arXiv id?

The table is not part of the catalog: whoever keeps one, such as a dump of a registry, hands it to
``aigc check --facts``.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from atlas.checks.draft import Draft
from atlas.checks.similarity import fold_title
from atlas.problem import shortened

_ALIKE = 0.85
_NEEDED = ("arxiv_id", "title")


class FactsError(Exception):
    """The table of facts cannot be read."""


@dataclass(frozen=True)
class Facts:
    """What is known of one paper; an empty text says that nothing is."""

    titles: tuple[str, ...]
    year: str = ""
    first_author: str = ""


def read_facts(path: Path) -> dict[str, Facts]:
    """Read a tab-separated table with the columns ``arxiv_id``, ``title`` and, where known, ``year`` and ``authors``.

    Authors are separated by semicolons; a column ``alt_titles`` may hold former titles separated by ``||``.

    Raises:
        FactsError: It is no such table.
    """
    found: dict[str, Facts] = {}
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            table = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
            if missing := [name for name in _NEEDED if name not in (table.fieldnames or ())]:
                raise FactsError(f"{path}: no column {', '.join(missing)}")
            for row in table:
                titles = [row["title"], *(row.get("alt_titles") or "").split("||")]
                first = (row.get("authors") or "").split(";")[0]
                found[row["arxiv_id"].strip().lower()] = Facts(
                    tuple(title.strip() for title in titles if title.strip()),
                    (row.get("year") or "").strip(),
                    first.strip(),
                )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FactsError(f"{path}: {error}") from error
    return found


def check(drafts: Sequence[Draft], facts: Mapping[str, Facts]) -> None:
    """Compare title, present or former, first author and year of every paper whose arXiv id is in the table."""
    for draft in drafts:
        arxiv = draft.text("ids", "arxiv")
        known = facts.get(arxiv.lower()) if arxiv else None
        if known is None or draft.kind != "paper":
            continue
        title = draft.text("title", "en")
        ours = [one for _, one in draft.titles()]
        if title and known.titles and not any(_alike(one, other) for one in ours for other in known.titles):
            draft.document.report(
                "AA418", ("title", "en"), value=shortened(title), arxiv=str(arxiv), other=shortened(known.titles[0])
            )
        first = draft.text("authors", 0, "name")
        if first and known.first_author and not _same_person(first, known.first_author):
            draft.document.report(
                "AA419", ("authors", 0, "name"), value=shortened(first), arxiv=str(arxiv),
                other=shortened(known.first_author),
            )  # fmt: skip
        year = draft.value("year")
        if type(year) is int and known.year.isdigit() and str(year) != known.year:
            draft.document.report("AA420", ("year",), value=str(year), arxiv=str(arxiv), other=known.year)


def _alike(one: str, other: str) -> bool:
    return SequenceMatcher(None, fold_title(one), fold_title(other), autojunk=False).ratio() >= _ALIKE


def _same_person(one: str, other: str) -> bool:
    """Whether two spellings share a part of the name that is more than an initial: order and accents do not count."""
    return bool(_parts(one) & _parts(other))


def _parts(name: str) -> set[str]:
    plain = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    return {part for part in plain.replace("-", " ").replace(".", " ").split() if len(part) > 1}
