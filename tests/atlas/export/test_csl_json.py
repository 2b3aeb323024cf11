"""CSL-JSON, formatted by a citation processor that knows nothing of this project."""

from __future__ import annotations

import json
import re
import warnings
from typing import Any

import pytest
from citeproc import Citation, CitationItem, CitationStylesBibliography, CitationStylesStyle, formatter
from citeproc.source.json import CiteProcJSON

from atlas import Book, Catalog, Paper
from atlas.export.csl_json import csl_json, item
from tests.atlas import made

# The types of CSL 1.0.2 that the catalog uses.
TYPES = {"article", "article-journal", "paper-conference", "report", "book", "webpage", "software", "dataset"}


def bibliography(text: str) -> dict[str, str]:
    """Every item of CSL-JSON as the style "Cite Them Right" prints it."""
    items = json.loads(text)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # that is how citeproc says that it does not know a field
        printed = CitationStylesBibliography(
            CitationStylesStyle("harvard-cite-them-right", validate=False), CiteProcJSON(items), formatter.html
        )
        for found in items:
            printed.register(Citation([CitationItem(found["id"])]))
        return {found["id"]: str(line) for found, line in zip(items, printed.bibliography(), strict=True)}


def test_every_entry_is_cited_with_its_facts(catalog: Catalog) -> None:
    text = csl_json(catalog)
    printed = bibliography(text)
    assert list(printed) == list(catalog.entries)
    for entry, found in zip(catalog, json.loads(text), strict=True):
        assert found["type"] in TYPES
        assert (found["title"], found["URL"]) == (entry.title.en, entry.url)
        line = printed[entry.id].replace("&amp;", "&")
        assert entry.title.en.rstrip("?!.") in re.sub(r"</?i>", "", line)
        if isinstance(entry, Paper | Book):
            names = [" ".join(name.values()) for name in found["author"]]
            assert [sorted(name.split()) for name in names] == [sorted(who.name.split()) for who in entry.authors]
            year = entry.venue.year if isinstance(entry, Paper) and entry.venue else entry.year
            assert f"({year})" in line
            assert str(found["author"][0].get("family", found["author"][0].get("literal"))) in line


def test_data_are_cited_as_data(full: Catalog) -> None:
    dataset, benchmark = item(full.entries["full-dataset"]), item(full.entries["full-benchmark"])
    assert (dataset["type"], benchmark["type"]) == ("dataset", "dataset")
    assert ("genre" in dataset, benchmark["genre"]) == (False, "Benchmark")
    assert "(2009)" in bibliography(csl_json([full.entries["full-dataset"]]))["full-dataset"]


def test_names_are_printed_as_their_bearers_write_them(full: Catalog) -> None:
    assert bibliography(csl_json([full.entries["full-paper"]]))["full-paper"].startswith(
        "van den Oord, A. <i>et al.</i>"
    )
    authors = item(full.entries["full-paper"])["author"]
    assert authors == [
        {"given": "Aaron", "non-dropping-particle": "van den", "family": "Oord"},
        {"given": "Jürgen", "family": "Schmidhuber"},
        {"given": "Daniel", "family": "De Freitas"},
        {"family": "李"},
        {"literal": "Example Research"},
    ]
    course = bibliography(csl_json([full.entries["full-course"]]))["full-course"]
    assert course.startswith("李宏毅, King, M.L., Jr. and de Las Casas, D. (2024)")


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        ("paper", {"venue": {"name": "V", "year": 2020, "type": "journal"}}, {"type": "article-journal"}),
        ("paper", {"venue": {"name": "V", "year": 2020, "type": "conference"}}, {"type": "paper-conference"}),
        ("paper", {"venue": {"name": "V", "year": 2020, "type": "workshop"}}, {"container-title": "V"}),
        ("paper", {"venue": {"name": "V", "year": 2020, "type": "report"}}, {"type": "report", "publisher": "V"}),
        ("paper", {"venue": None}, {"type": "article", "publisher": "arXiv", "number": "arXiv:1906.00001"}),
        ("tool", {}, {"type": "software", "author": [{"literal": "Example Lab"}]}),
        ("course", {}, {"type": "webpage", "genre": "Course", "publisher": "Example University"}),
        ("book", {}, {"type": "book", "ISBN": "9780262035613", "language": "en"}),
    ],
)
def test_every_kind_has_its_type(kind: str, fields: dict[str, Any], expected: dict[str, Any]) -> None:
    found = item(made.entry(kind, **fields))
    assert expected.items() <= found.items()
