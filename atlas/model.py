"""What an entry is: one pydantic model per kind, fields in the order in which files hold them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, Field, PrivateAttr, StrictStr, ValidationInfo, field_validator, model_validator

from atlas.fields import (
    ArxivId,
    ChineseLine,
    ChineseSummary,
    Count,
    DataLicence,
    Date,
    Distinct,
    Doi,
    EnglishLine,
    EnglishSummary,
    Flag,
    FormerUrl,
    Gigabytes,
    Hours,
    Id,
    Isbn13,
    Licence,
    Line,
    Model,
    MonthOrDay,
    Orcid,
    PlainKey,
    Range,
    Repository,
    Source,
    Url,
    Year,
    between,
    broken,
    did_you_mean,
    in_vocabulary,
)

IMPLEMENTATION = "impl:"
"""Prefix of a relation's target that is a module of `reference_impl`, not an entry."""


class Title(Model):
    """A title as its authors wrote it, and its established Chinese name where there is one."""

    en: EnglishLine
    zh: ChineseLine | None = None


class Prose(Model):
    """A short sentence in both languages."""

    en: EnglishLine
    zh: ChineseLine


class Summary(Model):
    """What the resource is, why it matters, for whom."""

    en: EnglishSummary
    zh: ChineseSummary


class Link(Model):
    """A further address of the resource."""

    rel: Annotated[StrictStr, in_vocabulary("link-rel")]
    url: Url


class Person(Model):
    """An author or instructor, the name in its natural order; or an organisation.

    `family_name` is there only where that is more than the last word and no particle in lower case shows it, as with
    Daniel De Freitas. `same_name` says of a second person of the same name in one list that it is no slip.
    """

    name: Line
    family_name: Line | None = None
    orcid: Orcid | None = None
    organisation: Flag = False
    same_name: Flag = False

    @model_validator(mode="after")
    def _one_person(self) -> Self:
        padded = f" {self.name.lower()} "
        if not self.organisation and any(sign in padded for sign in _NOT_A_NAME):
            raise broken("AA410", value=self.name)
        if self.family_name is not None and (self.organisation or not self.name.endswith(f" {self.family_name}")):
            raise broken(
                "AA204",
                ("family_name",),
                problem=f"'{self.family_name}' is not what the name of a person ends with",
                problem_zh=f"“{self.family_name}”不是这一姓名的结尾",
            )
        return self


_NOT_A_NAME = (" et al", " and ", "&", ",", ";", " 等 ", "@", "(")


class Relation(Model):
    """A typed arrow to another entry, or to an implementation."""

    type: Annotated[StrictStr, in_vocabulary("relation")]
    target: Annotated[StrictStr, Field(min_length=1, max_length=100)]
    note: Prose | None = None


class Verification(Model):
    """When, how and against what an entry's facts were checked."""

    date: Date
    how: Annotated[StrictStr, in_vocabulary("verify-how")]
    against: Annotated[tuple[Source, ...], between(1, 20), Distinct]
    fields: Annotated[tuple[StrictStr, ...], between(1, 30), Distinct]
    note: Prose | None = None


class Venue(Model):
    """Where a paper was published."""

    name: Line
    year: Year
    type: Annotated[StrictStr, in_vocabulary("venue-type")]


class PaperIds(Model):
    """Identifiers of a paper in the registries of the field."""

    arxiv: ArxivId | None = None
    doi: Doi | None = None
    openreview: PlainKey | None = None
    acl: PlainKey | None = None

    @model_validator(mode="after")
    def _one_at_least(self) -> Self:
        if not any((self.arxiv, self.doi, self.openreview, self.acl)):
            raise broken("AA412")
        return self


class Size(Model):
    """How large a dataset is; at least one of the two."""

    examples: Count | None = None
    bytes: Count | None = None

    @model_validator(mode="after")
    def _one_at_least(self) -> Self:
        if self.examples is None and self.bytes is None:
            raise broken("AA204", problem="neither `examples` nor `bytes`", problem_zh="`examples` 与 `bytes` 都没有")
        return self


class Metric(Model):
    """A number that a benchmark reports, and which way is better."""

    name: Line
    direction: Annotated[StrictStr, in_vocabulary("direction")]
    range: Range | None = None


class Packages(Model):
    """Names under which a tool is installed."""

    pypi: PlainKey | None = None
    npm: Annotated[StrictStr, Field(pattern=r"^(@[a-z0-9._-]+/)?[a-z0-9._-]+$", max_length=100)] | None = None
    conda: PlainKey | None = None


class Entry(Model):
    """What every kind has in common."""

    KEY_ORDER: ClassVar[tuple[str, ...]] = ()
    OWN_FACTS: ClassVar[tuple[str, ...]] = ()

    id: Id
    kind: StrictStr
    title: Title
    summary: Summary
    zh_of: Annotated[StrictStr, Field(pattern=r"^[0-9a-f]{8}$")] | None = None
    url: Url
    former_urls: Annotated[tuple[FormerUrl, ...], between(1, 20), Distinct] = ()
    links: Annotated[tuple[Link, ...], between(1, 20), Distinct] = ()
    modality: Annotated[tuple[Annotated[StrictStr, in_vocabulary("modality")], ...], between(1, 6), Distinct]
    task: Annotated[tuple[Annotated[StrictStr, in_vocabulary("task")], ...], between(1, 8), Distinct]
    family: Annotated[tuple[Annotated[StrictStr, in_vocabulary("family")], ...], between(1, 6), Distinct] = ()
    level: Annotated[StrictStr, in_vocabulary("level")]
    status: Annotated[StrictStr, in_vocabulary("status")]
    status_since: MonthOrDay | None = None
    status_note: Prose | None = None
    relations: Annotated[tuple[Relation, ...], between(1, 20)] = ()
    verified: Annotated[tuple[Verification, ...], between(1, 20)]
    added: Date
    aliases: Annotated[tuple[Id, ...], between(1, 10), Distinct] = ()

    _file: str = PrivateAttr(default="")

    @property
    def path(self) -> Path:
        """The entry's file, relative to the project's root."""
        return Path(self._file)

    @classmethod
    def facts(cls) -> tuple[str, ...]:
        """Fields whose content is a fact about the world, so that some item of `verified` must cover them."""
        return ("title", *cls.OWN_FACTS)

    @field_validator("verified")
    @classmethod
    def _fields_are_fields(cls, items: tuple[Verification, ...]) -> tuple[Verification, ...]:
        for i, item in enumerate(items):
            for j, name in enumerate(item.fields):
                if name not in cls.model_fields:
                    raise broken("AA608", (i, "fields", j), value=name)
        return items

    @field_validator("summary")
    @classmethod
    def _summary_is_no_title(cls, summary: Summary, info: ValidationInfo) -> Summary:
        title: Title | None = info.data.get("title")
        if title and summary.en.rstrip(".").casefold() == title.en.rstrip(".").casefold():
            raise broken("AA307")
        return summary


def _distinct_people(people: tuple[Person, ...]) -> tuple[Person, ...]:
    names: set[str] = set()
    for index, person in enumerate(people):
        if person.name.casefold() in names and not person.same_name:
            raise broken("AA411", (index,), value=person.name)
        names.add(person.name.casefold())
    return people


DistinctPeople = AfterValidator(_distinct_people)


class Paper(Entry):
    """A paper or technical report."""

    KEY_ORDER = ("former_titles", "authors", "year", "venue", "ids")
    OWN_FACTS = KEY_ORDER

    former_titles: Annotated[tuple[Line, ...], between(1, 10), Distinct] = ()
    authors: Annotated[tuple[Person, ...], between(1, 3000), DistinctPeople]
    year: Year
    venue: Venue | None = None
    ids: PaperIds | None = None

    @field_validator("former_titles")
    @classmethod
    def _formerly_another(cls, titles: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        title: Title | None = info.data.get("title")
        for index, former in enumerate(titles):
            if title and former.casefold() == title.en.casefold():
                raise broken("AA204", (index,), problem="it is the present title", problem_zh="与现标题相同")
        return titles


class Tool(Entry):
    """A model, service, library or program that people use."""

    KEY_ORDER = (
        "vendor", "repo", "packages", "licence", "licence_note", "weights_licence", "cost", "access",
        "api_key_required", "min_vram_gb", "released",
    )  # fmt: skip
    OWN_FACTS = ("url", *(name for name in KEY_ORDER if name not in ("licence_note", "api_key_required")))

    vendor: Line
    repo: Repository | None = None
    packages: Packages | None = None
    licence: Licence
    licence_note: Prose | None = None
    weights_licence: Licence | None = None
    cost: Annotated[StrictStr, in_vocabulary("cost")]
    access: Annotated[tuple[Annotated[StrictStr, in_vocabulary("access")], ...], between(1, 7), Distinct]
    api_key_required: Flag | None = None
    min_vram_gb: Gigabytes | None = None
    released: Year | None = None


class Course(Entry):
    """A course or a structured guide."""

    KEY_ORDER = (
        "provider", "instructors", "format", "language", "hours", "cost", "licence", "licence_note",
        "prerequisites", "revised",
    )  # fmt: skip
    OWN_FACTS = ("url", *(name for name in KEY_ORDER if name != "licence_note"))

    provider: Line
    instructors: Annotated[tuple[Person, ...], between(1, 50), DistinctPeople] = ()
    format: Annotated[tuple[Annotated[StrictStr, in_vocabulary("format")], ...], between(1, 5), Distinct]
    language: Annotated[tuple[Annotated[StrictStr, in_vocabulary("language")], ...], between(1, 60), Distinct]
    hours: Hours | None = None
    cost: Annotated[StrictStr, in_vocabulary("cost")]
    licence: Licence | None = None
    licence_note: Prose | None = None
    prerequisites: Prose | None = None
    revised: Year | None = None


class Book(Entry):
    """A book, printed or online."""

    KEY_ORDER = ("authors", "year", "publisher", "isbn", "language", "cost", "licence", "licence_note")
    OWN_FACTS = ("url", *(name for name in KEY_ORDER if name != "licence_note"))

    authors: Annotated[tuple[Person, ...], between(1, 100), DistinctPeople]
    year: Year
    publisher: Line | None = None
    isbn: Isbn13 | None = None
    language: Annotated[tuple[Annotated[StrictStr, in_vocabulary("language")], ...], between(1, 20), Distinct]
    cost: Annotated[StrictStr, in_vocabulary("cost")]
    licence: Licence | None = None
    licence_note: Prose | None = None


class Dataset(Entry):
    """A collection of data for training or evaluation."""

    KEY_ORDER = (
        "authors", "year", "repo", "card", "size", "language", "licence", "licence_note", "access", "known_issues",
    )  # fmt: skip
    OWN_FACTS = ("url", *(name for name in KEY_ORDER if name not in ("licence_note", "known_issues")))

    authors: Annotated[tuple[Person, ...], between(1, 1000), DistinctPeople]
    year: Year
    repo: Repository | None = None
    card: Url | None = None
    size: Size | None = None
    language: Annotated[tuple[Annotated[StrictStr, in_vocabulary("language")], ...], between(1, 200), Distinct] = ()
    licence: DataLicence
    licence_note: Prose | None = None
    access: Annotated[StrictStr, in_vocabulary("data-access")]
    known_issues: Prose | None = None


class Benchmark(Entry):
    """A task with a fixed way to score it."""

    KEY_ORDER = (
        "authors", "year", "repo", "metrics", "datasets", "leaderboard", "saturated", "language", "licence",
        "licence_note",
    )  # fmt: skip
    OWN_FACTS = ("url", *(name for name in KEY_ORDER if name != "licence_note"))

    authors: Annotated[tuple[Person, ...], between(1, 1000), DistinctPeople]
    year: Year
    repo: Repository | None = None
    metrics: Annotated[tuple[Metric, ...], between(1, 20), Distinct]
    datasets: Annotated[tuple[Id, ...], between(1, 50), Distinct] = ()
    leaderboard: Url | None = None
    saturated: Flag | None = None
    language: Annotated[tuple[Annotated[StrictStr, in_vocabulary("language")], ...], between(1, 200), Distinct] = ()
    licence: DataLicence | None = None
    licence_note: Prose | None = None


KINDS: dict[str, type[Entry]] = {
    "paper": Paper, "tool": Tool, "course": Course, "book": Book, "dataset": Dataset, "benchmark": Benchmark,
}  # fmt: skip
"""Every kind and its model."""

FOLDERS: dict[str, str] = {
    "paper": "papers", "tool": "tools", "course": "courses", "book": "books", "dataset": "datasets",
    "benchmark": "benchmarks",
}  # fmt: skip
"""Every kind and its folder under ``catalog/``."""


def key_order(kind: str) -> tuple[str, ...]:
    """The order in which an entry's file holds its fields."""
    common = list(Entry.model_fields)
    after = common.index("links") + 1
    return (*common[:after], *KINDS[kind].KEY_ORDER, *common[after:])


def unknown_field(kind: str, name: str) -> dict[str, Any]:
    """Fill rule AA201's suggestion for a field that `kind` does not have."""
    owners = [other for other, model in KINDS.items() if name in model.model_fields]
    if owners:
        return {
            "suggestion": f"'{name}' is a field of kind {', '.join(owners)}",
            "suggestion_zh": f"“{name}”是类型 {'、'.join(owners)} 的字段",
        }
    known = sorted(KINDS[kind].model_fields)
    return did_you_mean(
        name, known, (f"the fields of a {kind} are {', '.join(known)}", f"可用字段：{'、'.join(known)}")
    )
