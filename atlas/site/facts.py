"""The facts of an entry as pairs of a label and Markdown, kind by kind, in the order in which readers look for them."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from atlas.export.addresses import REGISTRIES, record
from atlas.model import Benchmark, Book, Course, Dataset, Entry, Metric, Packages, Paper, PaperIds, Tool
from atlas.site.markup import link, safe, text
from atlas.site.phrases import Phrases

Fact = tuple[str, Markup]

_INSTALL = {
    "pypi": ("PyPI", "pip install {}"),
    "npm": ("npm", "npm install {}"),
    "conda": ("conda", "conda install {}"),
}


def facts(entry: Entry, phrases: Phrases) -> list[Fact]:
    """Returns the entry's facts; what the entry does not say is left out."""
    found: list[Fact] = []
    match entry:
        case Paper():
            found += _paper(entry, phrases)
        case Tool():
            found += _tool(entry, phrases)
        case Course():
            found += _course(entry, phrases)
        case Book():
            found += _book(entry, phrases)
        case Dataset():
            found += _dataset(entry, phrases)
        case Benchmark():
            found += _benchmark(entry, phrases)
    return [*found, *_terms(entry, phrases)]


def _paper(paper: Paper, phrases: Phrases) -> Iterator[Fact]:
    for title in paper.former_titles:
        yield _fact(phrases, "former_titles", title)
    yield _fact(phrases, "authors", phrases.people(paper.authors))
    yield _fact(phrases, "year", paper.year)
    if paper.venue:
        kind = phrases.label("venue-type", paper.venue.type)
        yield _fact(phrases, "venue", phrases.in_parentheses(f"{paper.venue.name} {paper.venue.year}", kind))
    if paper.ids:
        yield from _addresses(paper.ids)


def _tool(tool: Tool, phrases: Phrases) -> Iterator[Fact]:
    yield _fact(phrases, "vendor", tool.vendor)
    if tool.released:
        yield _fact(phrases, "released", tool.released)
    yield from _licence(tool, phrases)
    if tool.weights_licence:
        yield _fact(phrases, "weights_licence", phrases.licence(tool.weights_licence))
    yield _fact(phrases, "cost", phrases.label("cost", tool.cost))
    yield _fact(phrases, "access", phrases.labels("access", tool.access))
    if tool.api_key_required is not None:
        yield _fact(phrases, "api_key_required", phrases.say("yes" if tool.api_key_required else "no"))
    if tool.min_vram_gb is not None:
        yield _fact(phrases, "min_vram_gb", phrases.say("gigabytes", tool.min_vram_gb))
    yield from _web(phrases, repo=tool.repo)
    if tool.packages:
        yield from _commands(tool.packages)


def _course(course: Course, phrases: Phrases) -> Iterator[Fact]:
    yield _fact(phrases, "provider", course.provider)
    if course.instructors:
        yield _fact(phrases, "instructors", phrases.people(course.instructors))
    yield _fact(phrases, "format", phrases.labels("format", course.format))
    yield _fact(phrases, "language", phrases.labels("language", course.language))
    if course.hours is not None:
        yield _fact(phrases, "hours", phrases.say("hours", course.hours))
    yield _fact(phrases, "cost", phrases.label("cost", course.cost))
    yield from _licence(course, phrases)
    if course.prerequisites:
        yield _fact(phrases, "prerequisites", phrases.own(course.prerequisites))
    if course.revised:
        yield _fact(phrases, "revised", course.revised)


def _book(book: Book, phrases: Phrases) -> Iterator[Fact]:
    yield _fact(phrases, "authors", phrases.people(book.authors))
    yield _fact(phrases, "year", book.year)
    if book.publisher:
        yield _fact(phrases, "publisher", book.publisher)
    if book.isbn:
        yield _fact(phrases, "isbn", book.isbn)
    yield _fact(phrases, "language", phrases.labels("language", book.language))
    yield _fact(phrases, "cost", phrases.label("cost", book.cost))
    yield from _licence(book, phrases)


def _dataset(dataset: Dataset, phrases: Phrases) -> Iterator[Fact]:
    yield _fact(phrases, "authors", phrases.people(dataset.authors))
    yield _fact(phrases, "year", dataset.year)
    if dataset.size and dataset.size.examples:
        yield _fact(phrases, "size", phrases.say("examples", dataset.size.examples))
    if dataset.size and dataset.size.bytes:
        yield _fact(phrases, "size", phrases.say("megabytes", f"{dataset.size.bytes / 1e6:,.1f}"))
    if dataset.language:
        yield _fact(phrases, "language", phrases.labels("language", dataset.language))
    yield from _licence(dataset, phrases)
    yield _fact(phrases, "access", phrases.label("data-access", dataset.access))
    if dataset.known_issues:
        yield _fact(phrases, "known_issues", phrases.own(dataset.known_issues))
    yield from _web(phrases, repo=dataset.repo, card=dataset.card)


def _benchmark(benchmark: Benchmark, phrases: Phrases) -> Iterator[Fact]:
    yield _fact(phrases, "authors", phrases.people(benchmark.authors))
    yield _fact(phrases, "year", benchmark.year)
    for metric in benchmark.metrics:
        yield _fact(phrases, "metrics", _metric(metric, phrases))
    if benchmark.datasets:
        titles = (phrases.own(phrases.catalog.entries[target].title) for target in benchmark.datasets)
        yield _fact(phrases, "datasets", phrases.say("separator").join(titles))
    if benchmark.saturated is not None:
        yield _fact(phrases, "saturated", phrases.say("yes" if benchmark.saturated else "no"))
    if benchmark.language:
        yield _fact(phrases, "language", phrases.labels("language", benchmark.language))
    yield from _licence(benchmark, phrases)
    yield from _web(phrases, repo=benchmark.repo, leaderboard=benchmark.leaderboard)


def _metric(metric: Metric, phrases: Phrases) -> str:
    said = [phrases.label("direction", metric.direction)]
    if metric.range:
        said.append(f"{metric.range[0]:g}–{metric.range[1]:g}")
    return phrases.in_parentheses(metric.name, phrases.say("separator").join(said))


def _web(phrases: Phrases, **addresses: str | None) -> Iterator[Fact]:
    for field, address in addresses.items():
        if address:
            yield phrases.say(f"field.{field}"), link(address.removeprefix("https://"), address)


def _terms(entry: Entry, phrases: Phrases) -> Iterator[Fact]:
    yield _fact(phrases, "level", phrases.label("level", entry.level))
    yield _fact(phrases, "modality", phrases.labels("modality", entry.modality))
    yield _fact(phrases, "task", phrases.labels("task", entry.task))
    if entry.family:
        yield _fact(phrases, "family", phrases.labels("family", entry.family))


def _licence(entry: Tool | Course | Book | Dataset | Benchmark, phrases: Phrases) -> Iterator[Fact]:
    if entry.licence:
        licence = phrases.licence(entry.licence)
        note = phrases.own(entry.licence_note) if entry.licence_note else None
        yield _fact(phrases, "licence", phrases.say("colon").join([licence, note]) if note else licence)


def _addresses(ids: PaperIds) -> Iterator[Fact]:
    for field, (label, _) in REGISTRIES.items():
        if value := getattr(ids, field):
            yield label, link(value, record(field, value))


def _commands(packages: Packages) -> Iterator[Fact]:
    for field, (label, command) in _INSTALL.items():
        if value := getattr(packages, field):
            yield label, safe("<code>{}</code>").format(text(command.format(value)))


def _fact(phrases: Phrases, field: str, value: object) -> Fact:
    return phrases.say(f"field.{field}"), text(value)
