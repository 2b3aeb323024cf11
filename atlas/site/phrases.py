"""How a fact is put into words in one language: titles, people, first sentences, licences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from atlas.catalog import Catalog
from atlas.learning_path import LearningPath
from atlas.model import Entry, Person, Prose, Summary, Title
from atlas.site.languages import Language
from atlas.site.markup import text
from atlas.site.strings import translator
from atlas.statistics import year_of
from atlas.text import opening

_MANY_AUTHORS = 12


@dataclass(frozen=True)
class Phrases:
    """Words for one language, over one catalog."""

    catalog: Catalog
    language: Language

    def say(self, key: str, number: object = None) -> str:
        """Returns a string of the table, with `number` in the place of its `#`."""
        found = translator(self.language.code)(key)
        if number is None:
            return found
        return found.replace("#", self.number(number) if isinstance(number, int) else str(number))

    def number(self, value: int) -> str:
        """Returns a whole number with a comma between its thousands, as both languages have it."""
        return f"{value:,}"

    def own(self, both: Title | Summary | Prose) -> str:
        """Returns a bilingual text in this language; a title without a Chinese name stays English."""
        return both.en if self.language.code == "en" else both.zh or both.en

    def label(self, vocabulary: str, term: str) -> str:
        """Returns the label of a controlled term."""
        label = self.catalog.vocabularies[vocabulary].terms[term].label
        return label.en if self.language.code == "en" else label.zh

    def labels(self, vocabulary: str, terms: Iterable[str]) -> str:
        """Returns the labels of several terms, as one list."""
        return self.say("separator").join(self.label(vocabulary, term) for term in terms)

    def plural(self, kind: str) -> str:
        """Returns what several entries of a kind are called."""
        term = self.catalog.vocabularies["kind"].terms[kind]
        label = term.plural or term.label
        return label.en if self.language.code == "en" else label.zh

    def title_language(self, title: Title) -> str | None:
        """Returns the language tag of a title that is not in the page's language, otherwise None."""
        return "en" if self.language.code == "zh" and title.zh is None else None

    def in_parentheses(self, outer: str, inner: str) -> str:
        """Returns `outer (inner)` with the language's own parentheses."""
        return outer + self.say("parentheses", inner)

    def people(self, people: Sequence[Person]) -> str:
        """Returns all names, or the first dozen and how many more there are."""
        names = self.say("people-separator").join(person.name for person in people[:_MANY_AUTHORS])
        rest = len(people) - _MANY_AUTHORS
        return names if rest <= 0 else f"{names} {self.say('and-others', rest)}"

    def people_briefly(self, people: Sequence[Person]) -> str:
        """Returns up to three names, or the first one and "et al."."""
        if len(people) > 3:
            return self.say("et-al", people[0].name)
        return self.say("people-separator").join(person.name for person in people)

    def by(self, entry: Entry) -> str:
        """Returns who made the entry's resource, briefly."""
        if authors := getattr(entry, "authors", ()):
            return self.people_briefly(authors)
        return str(getattr(entry, "vendor", None) or getattr(entry, "provider", ""))

    def year(self, entry: Entry) -> int | None:
        """Returns the year by which the entry is known."""
        return year_of(entry)

    def licence(self, licence: str) -> str:
        """Returns a licence: an SPDX expression as it is, the other words in the language."""
        return self.say(f"licence.{licence}") if licence in ("proprietary", "custom", "unstated") else licence

    def opening(self, summary: Summary) -> str:
        """Returns the first sentence of a summary, and the following ones as long as that is very short."""
        return opening(self.own(summary), self.language.code)

    def duration(self, minutes: int) -> str:
        """Returns a number of minutes in hours and minutes."""
        hours, rest = divmod(minutes, 60)
        parts = [self.say("duration.hours", hours) if hours else "", self.say("duration.minutes", rest) if rest else ""]
        return " ".join(part for part in parts if part)

    def marked_title(self, entry: Entry | LearningPath) -> Markup:
        """Returns the title as Markdown that says so when it is in another language than the page."""
        tag = self.title_language(entry.title)
        title = text(self.own(entry.title))
        return Markup('<span lang="{}">{}</span>').format(tag, title) if tag else title
