"""How an entry is cited, read back by parsers that did not write it."""

from __future__ import annotations

from typing import Any

import bibtexparser
import pytest

from atlas import Book, Catalog, Paper
from atlas.export.bibtex import bibliography, bibtex
from tests.atlas import made
from tests.atlas.export.latex import printed


def read(text: str) -> dict[str, Any]:
    library = bibtexparser.parse_string(text)
    assert not library.failed_blocks
    assert library.blocks == library.entries  # no comment, no preamble, no macro
    return {record.key: record for record in library.entries}


def values(record: Any) -> dict[str, str]:
    return {field.key: field.value for field in record.fields}


def paper(**fields: Any) -> Any:
    return made.entry("paper", "x1", **fields)


def test_every_entry_reads_back_with_the_same_facts(catalog: Catalog) -> None:
    for entry in catalog:
        record = read(bibtex(entry))[entry.id]
        assert printed(record["title"]) == entry.title.en
        assert record["url"] == entry.url
        if isinstance(entry, Paper | Book):
            for written, author in zip(record["author"].split(" and "), entry.authors, strict=True):
                family, *rest = written.strip("{}").split(", ")
                lineage, given = rest[:-1], rest[-1:]  # Logan, IV, Robert L.
                assert " ".join([*given, family, *lineage]) == author.name
        if isinstance(entry, Paper):
            assert record["year"] == str(entry.venue.year if entry.venue else entry.year)
            assert values(record).get("eprint", "") == (entry.ids.arxiv if entry.ids and entry.ids.arxiv else "")
            assert values(record).get("doi", "") == (entry.ids.doi if entry.ids and entry.ids.doi else "")


def test_the_whole_bibliography_is_its_entries(catalog: Catalog) -> None:
    records = read(bibliography(catalog))
    assert list(records) == list(catalog.entries)
    for entry in catalog:
        alone = read(bibtex(entry))[entry.id]
        assert values(alone) == values(records[entry.id])


def test_the_one_that_the_site_implements(real: Catalog) -> None:
    record = read(bibtex(real.entries["ddpm"]))["ddpm"]
    assert record.entry_type == "inproceedings"
    assert record["author"] == "Ho, Jonathan and Jain, Ajay and Abbeel, Pieter"
    assert (record["booktitle"], record["year"]) == ("NeurIPS", "2020")
    assert (record["eprint"], record["archiveprefix"]) == ("2006.11239", "arXiv")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Aaron van den Oord", "van den Oord, Aaron"),
        ("Diego de Las Casas", "de Las Casas, Diego"),
        ("Jürgen Schmidhuber", "Schmidhuber, Jürgen"),
        ("Martin Luther King Jr.", "King, Jr., Martin Luther"),
        ("李", "李"),
        ("李宏毅", "李宏毅"),
        ("Kaiming He", "He, Kaiming"),
    ],
)
def test_names(name: str, written: str) -> None:
    assert read(bibtex(paper(authors=[{"name": name}])))["x1"]["author"] == written


def test_an_organisation_is_no_person() -> None:
    text = bibtex(paper(authors=[{"name": "Google DeepMind", "organisation": True}]))
    assert 'author = "{Google DeepMind}"' in text


def test_capitals_survive_a_bibliography_style() -> None:
    title = read(bibtex(paper(title={"en": "VQ-VAE and GANs: an LSTM in a U-Net"})))["x1"]["title"]
    assert title == "{VQ-VAE} and {GANs:} an {LSTM} in a {U-Net}"


@pytest.mark.parametrize(
    "title",
    [
        r"a } b { c \input{/etc/passwd}", "100% & _x_ # 1", "trailing \\", "@article{x, y}", "$O(n^2)$ costs $5",
        'say "Hi" ~ now', "a -- b --- c ''d'' ,,e", "}, url = {https://evil.example/", "% comment", "a < b > c | d",
    ],
)  # fmt: skip
def test_a_title_is_printed_as_it_is_and_cannot_break_out(title: str) -> None:
    record = read(bibtex(paper(title={"en": title})))["x1"]
    assert printed(record["title"]) == title
    assert record["url"] == "https://example.org/x1"
    assert record["year"] == "2020"
    assert "\\input" not in record["title"]


def test_addresses_and_identifiers_are_written_verbatim() -> None:
    address = "https://example.org/a_b?c=d&e=%20#f~g"
    record = read(bibtex(paper(url=address, ids={"doi": "10.1000/a_b#c"})))["x1"]
    assert (record["url"], record["doi"]) == (address, "10.1000/a_b#c")


def test_a_brace_in_an_identifier_cannot_end_the_field() -> None:
    record = read(bibtex(paper(ids={"doi": "10.1000/a}{b\\c"})))["x1"]
    assert record["doi"] == "10.1000/a%7D%7Bb%5Cc"
    assert record["url"] == "https://example.org/x1"
