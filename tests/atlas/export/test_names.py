"""The parts of names."""

from __future__ import annotations

import pytest

from atlas import Catalog
from atlas.export.names import Name, parts
from atlas.model import Person


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Jonathan Ho", Name("Jonathan", "", "Ho")),
        ("Aäron van den Oord", Name("Aäron", "van den", "Oord")),
        ("Diego de Las Casas", Name("Diego", "de", "Las Casas")),
        ("Diederik P. Kingma", Name("Diederik P.", "", "Kingma")),
        ("Simon J.D. Prince", Name("Simon J.D.", "", "Prince")),
        ("Martin Luther King Jr.", Name("Martin Luther", "", "King", "Jr.")),
        ("Jascha Sohl-Dickstein", Name("Jascha", "", "Sohl-Dickstein")),
        ("Łukasz Kaiser", Name("Łukasz", "", "Kaiser")),
        ("李宏毅", Name("", "", "李宏毅")),
    ],
)
def test_parts(name: str, expected: Name) -> None:
    assert parts(Person(name=name)) == expected


def test_the_entry_may_name_the_family() -> None:
    """Nothing in the words tells Daniel De Freitas from Minh Van Nguyen, whose Van is a middle name."""
    assert parts(Person(name="Daniel De Freitas", family_name="De Freitas")) == Name("Daniel", "", "De Freitas")
    assert parts(Person(name="Minh Van Nguyen")) == Name("Minh Van", "", "Nguyen")


def test_an_organisation_has_no_parts() -> None:
    assert parts(Person(name="Google DeepMind", organisation=True)) is None


@pytest.mark.parametrize(
    "name", ["Ho, Jonathan", "{Ho} Jonathan", "Ho and Jain", "Ho \\Jonathan", "a, b, c, d, e", " "]
)
def test_what_is_no_name_is_taken_as_a_whole(name: str) -> None:
    assert parts(Person.model_construct(name=name)) is None


def test_no_letter_of_a_real_name_is_lost(real: Catalog) -> None:
    for entry in real:
        for person in (*getattr(entry, "authors", ()), *getattr(entry, "instructors", ())):
            if name := parts(person):
                shown = [name.given, name.particle, name.family, name.lineage]
                assert " ".join(part for part in shown if part) == person.name
