"""The catalog as a table for spreadsheets; programs do better with `catalog.json`."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

from atlas.catalog import Catalog
from atlas.export.addresses import page
from atlas.export.json_api import fields
from atlas.text import plain

COLUMNS = (
    "id", "kind", "title_en", "title_zh", "summary_en", "summary_zh", "zh_of", "url", "page_en", "page_zh",
    "former_urls", "links", "former_titles", "authors", "year", "venue_name", "venue_year", "venue_type", "ids_arxiv",
    "ids_doi", "ids_openreview", "ids_acl", "publisher", "isbn", "vendor", "repo", "packages_pypi", "packages_npm",
    "packages_conda", "provider", "instructors", "format", "language", "hours", "licence", "licence_note_en",
    "licence_note_zh", "weights_licence", "cost", "access", "api_key_required", "min_vram_gb", "prerequisites_en",
    "prerequisites_zh", "released", "revised", "card", "size_examples", "size_bytes", "known_issues_en",
    "known_issues_zh", "metrics", "datasets", "leaderboard", "saturated", "modality", "task", "family", "level",
    "status", "status_since", "status_note_en", "status_note_zh", "relations", "verified", "added", "aliases",
)  # fmt: skip
"""An entry's fields; the parts of a field that has parts are columns of their own."""

SEPARATOR = " | "
"""Between several values of one cell."""

# Excel takes a file without this mark for one in the computer's old character set, and shows the Chinese half of this
# table as garbage. Programs that read the file name its encoding "utf-8-sig".
_BYTE_ORDER_MARK = "\ufeff"
# What makes a spreadsheet take a cell for a formula; those of East Asia also take the full-width forms. Tab, carriage
# return and line feed at the start, which are dropped and lay bare what follows, are gone in `plain`.
_FORMULA = re.compile("[=+\\-@'＝＋－＠]")


def csv_table(catalog: Catalog, *, site_url: str) -> str:
    """Returns the catalog as CSV (RFC 4180) with a byte order mark: one row for each entry, by id.

    A cell that a spreadsheet would take for a formula begins with an apostrophe, and so does one that begins with an
    apostrophe of its own: whoever takes one leading apostrophe away has every text as it was.
    """
    stream = io.StringIO(newline="")
    table = csv.DictWriter(stream, COLUMNS, restval="", quoting=csv.QUOTE_ALL)
    table.writeheader()
    for entry in catalog:
        row = _flat(fields(entry)) | {f"page_{lang}": page(site_url, entry.id, lang) for lang in ("en", "zh")}
        table.writerow({column: _cell(value) for column, value in row.items()})
    return _BYTE_ORDER_MARK + stream.getvalue()


def _flat(said: dict[str, Any]) -> dict[str, str]:
    row: dict[str, str] = {}
    for name, value in said.items():
        if isinstance(value, dict):
            row |= {f"{name}_{part}": str(text) for part, text in value.items()}
        elif isinstance(value, list):
            row[name] = SEPARATOR.join(_item(name, item) for item in value)
        else:
            row[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return row


def _item(field: str, item: Any) -> str:
    """One of several values: a term or id, a person's name, `code: address`, `accuracy: higher`, a day of checking."""
    match item:
        case {"rel": kind, "url": target} | {"type": kind, "target": target}:
            return f"{kind}: {target}"
        case {"date": day, "how": how}:
            return f"{day}: {how}"
        case {"name": name, "direction": better}:
            return f"{name}: {better}"
        case {"name": name}:
            return str(name)
        case str():
            return item
    raise TypeError(f"no cell for an item of {field}")


def _cell(text: str) -> str:
    line = plain(text)
    return f"'{line}" if _FORMULA.match(line) else line
