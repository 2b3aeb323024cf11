"""The counts of the statistics page, against counting by hand."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from atlas import Catalog
from atlas.model import KINDS
from atlas.statistics import (
    alone,
    coverage,
    stale_translations,
    stale_verifications,
    verified_longest_ago,
    year_of,
    years,
)


@pytest.fixture(scope="module")
def catalog(root: Path) -> Catalog:
    return Catalog.load(root)


def test_every_entry_is_counted_once_for_each_of_its_terms(catalog: Catalog) -> None:
    table = coverage(catalog, "modality")
    assert sum(sum(row.values()) for row in table.values()) == sum(len(entry.modality) for entry in catalog)
    assert table["image"]["paper"] == sum("image" in entry.modality for entry in catalog.of_kind("paper"))


def test_each_entry_has_one_level(catalog: Catalog) -> None:
    table = coverage(catalog, "level")
    assert sum(sum(row.values()) for row in table.values()) == len(catalog)
    assert list(table) == [term for term in catalog.vocabularies["level"].terms if term in table]


def test_a_field_that_a_kind_lacks_counts_nothing_for_it(catalog: Catalog) -> None:
    assert all(row["paper"] == 0 for row in coverage(catalog, "language").values())


def test_years_leave_no_gap_and_lose_no_entry(catalog: Catalog) -> None:
    table = years(catalog)
    counted = list(map(int, table))
    assert counted == list(range(counted[0], counted[-1] + 1))
    assert sum(sum(row.values()) for row in table.values()) == sum(year_of(entry) is not None for entry in catalog)
    assert set(table["2020"]) == set(KINDS)


def test_what_was_verified_long_ago_is_found(catalog: Catalog) -> None:
    days = [day for day, _ in verified_longest_ago(catalog)]
    assert days == sorted(days)
    assert stale_verifications(catalog, days[-1], timedelta(days=10_000)) == []
    assert len(stale_verifications(catalog, date(2100, 1, 1), timedelta(days=365))) == len(catalog)


def test_a_translation_whose_english_has_changed_is_found(catalog: Catalog) -> None:
    assert stale_translations(catalog) == []
    entry = catalog.entries["ddpm"]
    changed = entry.model_copy(update={"summary": entry.summary.model_copy(update={"en": entry.summary.en + " More."})})
    edited = Catalog({**catalog.entries, "ddpm": changed}, catalog.vocabularies)
    assert stale_translations(edited) == [changed]


def test_no_entry_stands_alone(catalog: Catalog) -> None:
    assert [entry.id for entry in alone(catalog)] == []


def test_an_entry_that_nothing_leads_to_is_found(catalog: Catalog) -> None:
    left = catalog.entries["ddpm"].model_copy(update={"relations": ()})
    assert alone(Catalog({"ddpm": left}, catalog.vocabularies)) == [left]
    stop = Catalog({"ddpm": left}, catalog.vocabularies, {"first-picture": catalog.paths["first-picture"]})
    assert alone(stop) == []
