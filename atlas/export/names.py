"""The parts of a person's name, as bibliographies want them."""

from __future__ import annotations

from dataclasses import dataclass

from pybtex.database import Person as BibtexPerson

from atlas.model import Person
from atlas.text import plain

# Characters and words that are no part of a person's name in its natural order, or are BibTeX's syntax.
_NOT_IN_A_NAME = set(',;{}\\~"&$%#^_<>[]()|=*/@:`')
_LINEAGES = {"Jr", "Jr.", "Sr", "Sr.", "II", "III", "IV"}


@dataclass(frozen=True)
class Name:
    """A person's name.

    Attributes:
        given: First and middle names.
        particle: What stands before the family name and goes with it: van den, de.
        family: The family name; the whole of a name that is one word, such as 李宏毅.
        lineage: Jr., III.
    """

    given: str
    particle: str
    family: str
    lineage: str = ""


def parts(person: Person) -> Name | None:
    """Returns the parts of a name, or None for what has no parts: an organisation, or no name at all.

    The rule is BibTeX's, where the entry does not name the family: the words in lower case before it are its particle.
    """
    words = plain(person.name).split()
    if person.organisation or not words or _NOT_IN_A_NAME & set(person.name) or "and" in map(str.lower, words):
        return None
    if person.family_name:
        return Name(plain(person.name.removesuffix(person.family_name)).strip(), "", plain(person.family_name))
    lineage = words.pop() if len(words) > 2 and words[-1] in _LINEAGES else ""
    found = BibtexPerson(" ".join(words))
    given = [*found.first_names, *found.middle_names]
    return Name(" ".join(given), " ".join(found.prelast_names), " ".join(found.last_names), lineage)
