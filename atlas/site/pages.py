"""The pages of the catalog as Markdown, one function for each type of page; what they look like is in `templates/`."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment
from markupsafe import Markup

from atlas.catalog import Catalog, Related
from atlas.checks.consistency import STALE_AFTER
from atlas.explain import rules_page
from atlas.export.bibtex import bibtex
from atlas.learning_path import FOLDER as PATHS_FOLDER
from atlas.learning_path import LearningPath, Step
from atlas.model import FOLDERS, IMPLEMENTATION, KINDS, Entry, Tool, Verification
from atlas.site import markup
from atlas.site.facts import facts
from atlas.site.languages import Language
from atlas.site.phrases import Phrases
from atlas.site.plots import Chart
from atlas.statistics import (
    Table,
    alone,
    coverage,
    stale_translations,
    stale_verifications,
    verified_longest_ago,
    years,
)
from atlas.today import today

TEMPLATES = Path(__file__).parent / "templates"
REPOSITORY = "https://github.com/aigc-atlas/aigc-atlas"
_OVERVIEW = "catalog/index.md"
_STATISTICS = "statistics.md"
_RULES = "rules.md"
_PATHS = "paths/index.md"


@dataclass(frozen=True)
class Group:
    """Entries of an index page under one heading."""

    title: str
    anchor: Markup
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Row:
    """A line of the overview: how many entries of each kind a term has."""

    label: str
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """All kinds together."""
        return sum(self.counts)


@dataclass(frozen=True)
class Pages:
    """Renders the catalog's pages in one language.

    Attributes:
        catalog: What the pages show.
        language: The pages' language.
        written: The hand-written pages, as paths below the language's docs folder.
    """

    catalog: Catalog
    language: Language
    written: frozenset[str] = frozenset()

    def all(self) -> Mapping[str, str]:
        """Returns every generated file by its path below the staged docs folder."""
        pages = {
            _OVERVIEW: self.overview(),
            _STATISTICS: self.statistics(),
            _RULES: self.rules(),
            _PATHS: self.paths(),
        }
        for kind in KINDS:
            pages[index_path(kind)] = self.index(kind)
        for entry in self.catalog:
            pages[entry_path(entry)] = self.entry(entry)
            for alias in entry.aliases:
                pages[f"catalog/{alias}/index.html"] = self.moved(entry)
        for path in self.catalog.paths.values():
            pages[path_page(path)] = self.path(path)
        return pages

    def entry(self, entry: Entry) -> str:
        """Renders the page of an entry."""
        page = entry_path(entry)
        head = markup.front_matter(
            {
                "title": self.phrases.own(entry.title),
                "description": self.phrases.opening(entry.summary),
                "source": _editor(entry.path.as_posix()),
                "hide": ["navigation"],
                "crumbs": [
                    {"title": self.phrases.say("catalog"), "path": "catalog/"},
                    {"title": self.phrases.plural(entry.kind), "path": f"{FOLDERS[entry.kind]}/"},
                ],
            }
        )
        return head + self.fragment(
            "entry.md.j2",
            page,
            entry=entry,
            other_title=self._other_title(entry),
            byline=" · ".join(str(part) for part in (self.phrases.by(entry), self.phrases.year(entry)) if part),
            implementations=self._implementations(entry),
            facts=facts(entry, self.phrases),
            related=self.grouped(self.catalog.related(entry.id)),
            checks=[self._check(check) for check in entry.verified],
            bibtex=bibtex(entry),
            source=_editor(entry.path.as_posix()),
        )

    def index(self, kind: str) -> str:
        """Renders the list of all entries of a kind."""
        entries = self.catalog.of_kind(kind)
        title = self.phrases.plural(kind)
        lead = self.phrases.say(f"{kind}.lead", len(entries))
        return markup.front_matter({"title": title, "description": lead, "source": "none"}) + self.fragment(
            "index.md.j2",
            index_path(kind),
            kind=kind,
            lead=lead,
            groups=self._groups(kind, entries),
            filters=self._filters(entries),
        )

    def overview(self) -> str:
        """Renders the page that leads to the index pages and counts the entries."""
        lead = self.phrases.say("catalog.lead", len(self.catalog))
        head = markup.front_matter({"title": self.phrases.say("catalog"), "description": lead, "source": "none"})
        tables = [
            {
                "title": self.phrases.say(f"catalog.by-{name}"),
                "anchor": markup.safe(f"by-{name}"),
                "name": self.phrases.say(f"field.{name}"),
                "rows": self._rows(name),
            }
            for name in ("level", "modality")
        ]
        return head + self.fragment("overview.md.j2", _OVERVIEW, lead=lead, tables=tables)

    def statistics(self) -> str:
        """Renders the page that shows what the catalog covers and what in it grows old."""
        lead = self.phrases.say("statistics.lead")
        head = markup.front_matter({"title": self.phrases.say("statistics"), "description": lead, "source": "none"})
        kinds = [self.phrases.plural(kind) for kind in KINDS]
        sections = [self._section("year", years(self.catalog), str, kinds)]
        for field in ("modality", "family", "level", "language"):
            name_of = partial(self.phrases.label, field)
            sections.append(self._section(field, coverage(self.catalog, field), name_of, kinds))
        return head + self.fragment(
            "statistics.md.j2",
            _STATISTICS,
            lead=lead,
            sections=sections,
            oldest=verified_longest_ago(self.catalog)[:10],
            due=self.phrases.say("statistics.due", len(stale_verifications(self.catalog, today(), STALE_AFTER))),
            untranslated=stale_translations(self.catalog),
            alone=alone(self.catalog),
        )

    def rules(self) -> str:
        """Renders the page that explains every rule of the catalog."""
        # Each rule holds lines of an entry; a search for the entry's own words should find the entry first.
        head = {
            "title": self.phrases.say("rules"),
            "description": self.phrases.say("rules.description"),
            "source": "none",
            "search": {"boost": 0.2},
        }
        return markup.front_matter(head) + markup.safe(rules_page(self.language.code))

    def paths(self) -> str:
        """Renders the list of all learning paths."""
        lead = self.phrases.say("paths.lead")
        head = markup.front_matter({"title": self.phrases.say("paths"), "description": lead, "source": "none"})
        paths = [
            {
                "title": self.phrases.marked_title(path),
                "page": path_page(path),
                "meta": self._path_meta(path),
                "opening": self.phrases.opening(path.summary),
            }
            for path in self.catalog.paths.values()
        ]
        return head + self.fragment("paths.md.j2", _PATHS, lead=lead, paths=paths)

    def path(self, path: LearningPath) -> str:
        """Renders the page of a learning path."""
        source = _editor(f"catalog/{PATHS_FOLDER}/{path.id}.yaml")
        head = markup.front_matter(
            {
                "title": self.phrases.own(path.title),
                "description": self.phrases.opening(path.summary),
                "source": source,
                "crumbs": [
                    {"title": self.phrases.say("catalog"), "path": "catalog/"},
                    {"title": self.phrases.say("paths"), "path": "paths/"},
                ],
            }
        )
        return head + self.fragment(
            "path.md.j2",
            path_page(path),
            path=path,
            title=self.phrases.marked_title(path),
            meta_line=self._path_meta(path),
            steps=[self._step(step) for step in path.steps],
            source=source,
        )

    def _path_meta(self, path: LearningPath) -> list[str]:
        return [
            self.phrases.label("level", path.level),
            self.phrases.say("path.steps", len(path.steps)),
            self.phrases.duration(path.minutes),
        ]

    def _step(self, step: Step) -> Mapping[str, object]:
        """One step in words. An implementation goes by the name of what it implements, and says that it is code."""
        entry = self.catalog.entries.get(step.target)
        if entry is not None:
            lead, shown, kind, page = "", entry, self.phrases.label("kind", entry.kind), entry_path(entry)
        else:
            lead, shown = self.phrases.say("path.in-code"), self.catalog.implementations[step.target][0]
            kind, page = self.phrases.say("path.implementation"), method_page(step.target)
        return {
            "title": lead + self.phrases.marked_title(shown),
            "meta": [kind, self.phrases.duration(step.minutes)],
            "why": self.phrases.own(step.why),
            "run": markup.safe(step.run) if step.run else None,
            "after": self.phrases.own(step.after),
            "page": page if entry is not None or page in self.written else None,
            "button": "path.entry" if entry is not None else "path.method",
        }

    def _section(
        self, field: str, table: Table, name_of: Callable[[str], str], kinds: list[str]
    ) -> Mapping[str, object]:
        """One chart with its table; kinds that the field does not know are left out."""
        used = [index for index, kind in enumerate(KINDS) if any(row[kind] for row in table.values())]
        bars = {name_of(term): [row[kind] for kind in KINDS] for term, row in table.items()}
        title = self.phrases.say(f"statistics.by-{field}")
        chart = Chart(title, kinds, bars)
        return {
            "title": title,
            "anchor": markup.safe(f"by-{field}"),
            "name": self.phrases.say(f"field.{field}"),
            "chart": markup.safe(chart.svg()),
            "legend": markup.safe(chart.legend(used)),
            "kinds": [list(KINDS)[index] for index in used],
            "rows": [Row(label, tuple(parts[index] for index in used)) for label, parts in bars.items()],
        }

    def moved(self, entry: Entry) -> str:
        """Renders the page at a former address of an entry."""
        return self.fragment("moved.html.j2", entry_path(entry), entry=entry)

    def fragment(self, template: str, page: str, **values: Any) -> Markup:
        """Renders one template.

        Args:
            template: Its file name.
            page: The page that the result is for, from which its links lead.
            values: What the template asks for besides the common names.
        """

        def to(target: str) -> Markup:
            return markup.safe(posixpath.relpath(target, posixpath.dirname(page) or "."))

        return markup.safe(
            self._environment.get_template(template).render(
                catalog=self.catalog,
                kinds=tuple(KINDS),
                language=self.language,
                phrases=self.phrases,
                t=lambda key: markup.escaped(self.phrases.say(key)),
                to=to,
                to_entry=lambda entry: to(entry_path(entry)),
                to_index=lambda kind: to(index_path(kind)),
                meta=self._meta,
                words=self._words,
                **values,
            )
        )

    def grouped(self, related: Iterable[Related]) -> Mapping[str, list[Related]]:
        """Returns the relations to other entries by what they are called, in their order."""
        groups: dict[str, list[Related]] = {}
        for item in related:
            if item.entry is not None:
                label = item.label.en if self.language.code == "en" else item.label.zh
                groups.setdefault(label, []).append(item)
        return groups

    @cached_property
    def phrases(self) -> Phrases:
        """The words of the language."""
        return Phrases(self.catalog, self.language)

    @cached_property
    def _environment(self) -> Environment:
        return markup.environment(TEMPLATES)

    def _implementations(self, entry: Entry) -> list[str]:
        """The method pages of this site that implement the entry."""
        targets = (item.target for item in entry.relations if item.target.startswith(IMPLEMENTATION))
        return [page for page in map(method_page, targets) if page in self.written]

    def _other_title(self, entry: Entry) -> Mapping[str, str] | None:
        """The title in the other language, if there is one."""
        if entry.title.zh is None or entry.title.zh == entry.title.en:
            return None
        if self.language.code == "en":
            return {"tag": "zh-Hans", "text": entry.title.zh}
        return {"tag": "en", "text": entry.title.en}

    def _check(self, check: Verification) -> Mapping[str, object]:
        """One verification in words: what was checked and how, and the sources as links."""
        fields = self.phrases.say("separator").join(self.phrases.say(f"field.{field}") for field in check.fields)
        return {
            "date": check.date,
            "what": self.phrases.in_parentheses(fields, self.phrases.label("verify-how", check.how)),
            "against": [_source(source) for source in check.against],
            "note": self.phrases.own(check.note) if check.note else None,
        }

    def _meta(self, entry: Entry, *, year: bool = True) -> list[str]:
        """The line under a title in a list: year, who made it, where it appeared or what it costs, level."""
        parts: list[object] = [self.phrases.year(entry) if year else None, self.phrases.by(entry)]
        if venue := getattr(entry, "venue", None):
            parts.append(venue.name)
        if licence := getattr(entry, "licence", None):
            parts.append(self.phrases.licence(licence))
        if cost := getattr(entry, "cost", None):
            parts.append(self.phrases.label("cost", cost))
        if languages := getattr(entry, "language", ()):
            parts.append(self.phrases.labels("language", languages))
        parts.append(self.phrases.label("level", entry.level))
        if entry.status != "active":
            parts.append(self.phrases.label("status", entry.status))
        return [str(part) for part in parts if part]

    def _words(self, entry: Entry) -> str:
        """What the filter should find an entry by although its line in the list does not show it."""
        people = getattr(entry, "authors", ()) or getattr(entry, "instructors", ())
        terms = [self.phrases.label("family", term) for term in entry.family]
        terms += [self.phrases.label("task", term) for term in entry.task]
        words = " ".join([entry.id, entry.title.en, entry.title.zh or "", *terms, *(person.name for person in people)])
        # Python-Markdown decodes an attribute and writes `&copy;` back as it is, which the browser decodes once more.
        return words.replace("&", "&amp;")

    def _groups(self, kind: str, entries: Sequence[Entry]) -> list[Group]:
        if kind == "paper":
            known = sorted({self.phrases.year(entry) or 0 for entry in entries}, reverse=True)
            return [
                Group(
                    str(year),
                    markup.safe(f"y{year}"),
                    tuple(entry for entry in entries if self.phrases.year(entry) == year),
                )
                for year in known
            ]
        if kind == "tool":
            return self._gathered(entries, _TOOL_GROUPS, _tool_group, lambda name: self.phrases.say(f"group.{name}"))
        levels = tuple(self.catalog.vocabularies["level"].terms)
        return self._gathered(
            entries, levels, lambda entry: entry.level, lambda name: self.phrases.label("level", name)
        )

    def _gathered(
        self,
        entries: Sequence[Entry],
        names: Sequence[str],
        group_of: Callable[[Entry], str],
        title: Callable[[str], str],
    ) -> list[Group]:
        """The entries under the named groups, by title, without the groups that are empty."""
        by_title = sorted(entries, key=lambda entry: entry.title.en.casefold())
        groups = [
            Group(title(name), markup.safe(name), tuple(e for e in by_title if group_of(e) == name)) for name in names
        ]
        return [group for group in groups if group.entries]

    def _filters(self, entries: Sequence[Entry]) -> Mapping[str, list[str]]:
        """The terms that occur, by vocabulary, in the vocabulary's order."""
        found = {
            "level": {entry.level for entry in entries},
            "modality": {term for entry in entries for term in entry.modality},
            "family": {term for entry in entries for term in entry.family},
        }
        return {name: [t for t in self.catalog.vocabularies[name].terms if t in used] for name, used in found.items()}

    def _rows(self, vocabulary: str) -> list[Row]:
        rows = []
        for term in self.catalog.vocabularies[vocabulary].terms:
            counts = tuple(sum(_has(entry, vocabulary, term) for entry in self.catalog.of_kind(kind)) for kind in KINDS)
            if any(counts):
                rows.append(Row(self.phrases.label(vocabulary, term), counts))
        return rows


def entry_path(entry: Entry) -> str:
    """Returns where an entry's page lies below the docs folder; its address is the same for ever."""
    return f"catalog/{entry.id}.md"


def index_path(kind: str) -> str:
    """Returns where the list of a kind lies below the docs folder."""
    return f"{FOLDERS[kind]}/index.md"


def path_page(path: LearningPath) -> str:
    """Returns where a learning path's page lies below the docs folder."""
    return f"paths/{path.id}.md"


def method_page(target: str) -> str:
    """Returns where the page of an implementation (``impl:…``) lies below the docs folder."""
    return f"methods/{target.removeprefix(IMPLEMENTATION).replace('.', '/')}.md"


_TOOL_GROUPS = ("services", "models", "applications", "libraries")


def _tool_group(entry: Entry) -> str:
    assert isinstance(entry, Tool)  # noqa: S101
    if "open-weights" in entry.access:
        return "models"
    if "library" in entry.access:
        return "libraries"
    if "self-host" in entry.access or "cli" in entry.access:
        return "applications"
    return "services"


def _has(entry: Entry, field: str, term: str) -> bool:
    value = getattr(entry, field)
    return term == value or (isinstance(value, tuple) and term in value)


def _editor(file: str) -> str:
    """Where a file of the project is opened for a correction."""
    return f"{REPOSITORY}/edit/main/{file}"


def _source(source: str) -> Markup:
    """A verification's source: an address or a file on GitHub as a link, a package's record by its name."""
    if source.startswith("https://"):
        return markup.link(source.removeprefix("https://").rstrip("/"), source)
    where, _, path = source.partition(":")
    if "/" not in where:
        return markup.text(source)
    return markup.link(source, f"https://github.com/{quote(where)}/blob/HEAD/{quote(path)}")
