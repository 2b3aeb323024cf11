"""What an entry is, in the words of schema.org, for programs that read the entry's page."""

from __future__ import annotations

import re
from typing import Any

from atlas.catalog import Catalog
from atlas.export.addresses import REGISTRIES, checked, page, record
from atlas.export.json_text import dumps_compact
from atlas.export.names import parts
from atlas.languages import TAGS, Lang
from atlas.model import Benchmark, Book, Course, Dataset, Entry, Metric, Paper, Person, Tool
from atlas.text import plain

Node = dict[str, Any]

_CONTAINERS = {"conference": "CreativeWork", "workshop": "CreativeWork", "journal": "Periodical"}
_FREE = {"free": True, "paid": False}


def jsonld(catalog: Catalog, entry: Entry, *, site_url: str) -> str:
    """Returns the text of a `<script type="application/ld+json">`, the same on the entry's pages in both languages.

    Args:
        catalog: The catalog, which knows the terms' labels.
        entry: The entry.
        site_url: The address of the English site.

    Raises:
        ValueError: An address of the entry is not a plain web address.
    """
    pages = [
        {"@type": "WebPage", "@id": page(site_url, entry.id, language), "inLanguage": tag}
        for language, tag in TAGS.items()
    ]
    node = {
        "@context": "https://schema.org",
        "@id": f"{page(site_url, entry.id, 'en')}#entry",
        **_own(catalog, entry),
        "name": plain(entry.title.en),
        "alternateName": _other_names(entry),
        "description": [_tagged("en", entry.summary.en), _tagged("zh", entry.summary.zh)],
        "url": checked(entry.url),
        "keywords": [word for name in ("modality", "task", "family") for word in _labels(catalog, entry, name)],
        "mainEntityOfPage": pages,
    }
    return dumps_compact(_without_nothing(node))


def _other_names(entry: Entry) -> list[Node]:
    former = entry.former_titles if isinstance(entry, Paper) else ()
    chinese = [_tagged("zh", entry.title.zh)] if entry.title.zh else []
    return [*chinese, *(_tagged("en", title) for title in former)]


def _own(catalog: Catalog, entry: Entry) -> Node:
    match entry:
        case Paper():
            return _paper(entry)
        case Tool():
            return _tool(entry)
        case Course():
            return {
                "@type": "Course",
                "provider": _organisation(entry.provider),
                "author": _people(entry.instructors),
                "timeRequired": f"PT{entry.hours}H" if entry.hours else None,
                "coursePrerequisites": [_tagged("en", entry.prerequisites.en), _tagged("zh", entry.prerequisites.zh)]
                if entry.prerequisites
                else None,
                "dateModified": _year(entry.revised),
                **_teaching(catalog, entry),
            }
        case Book():
            return {
                "@type": "Book",
                "author": _people(entry.authors),
                "datePublished": _year(entry.year),
                "publisher": _organisation(entry.publisher) if entry.publisher else None,
                "isbn": entry.isbn and plain(entry.isbn),
                **_teaching(catalog, entry),
            }
        case Dataset():
            return {
                **_data(entry),
                "isAccessibleForFree": True if entry.access == "open" else None,
                "subjectOf": {"@type": "WebPage", "url": checked(entry.card)} if entry.card else None,
            }
        case Benchmark():
            return {
                **_data(entry),
                "genre": "Benchmark",
                "variableMeasured": [_metric(metric) for metric in entry.metrics],
            }
    raise TypeError(f"no JSON-LD for {type(entry).__name__}")


def _paper(paper: Paper) -> Node:
    found: Node = {
        "@type": "ScholarlyArticle",
        "author": _people(paper.authors),
        "datePublished": _year(paper.venue.year if paper.venue else paper.year),
    }
    if paper.venue and paper.venue.type == "report":
        found["publisher"] = _organisation(paper.venue.name)
    elif paper.venue:
        found["isPartOf"] = {"@type": _CONTAINERS[paper.venue.type], "name": plain(paper.venue.name)}
    ids = [(name, value) for name in REGISTRIES if paper.ids and (value := getattr(paper.ids, name))]
    found["identifier"] = [
        {"@type": "PropertyValue", "propertyID": REGISTRIES[name][0], "value": plain(value)} for name, value in ids
    ]
    found["sameAs"] = [record(name, plain(value)) for name, value in ids]
    return found


def _tool(tool: Tool) -> Node:
    return {
        "@type": ["SoftwareApplication", "SoftwareSourceCode"] if tool.repo else "SoftwareApplication",
        "author": _organisation(tool.vendor),
        "datePublished": _year(tool.released),
        "codeRepository": checked(tool.repo) if tool.repo else None,
        "license": _licence(tool.licence),
        "isAccessibleForFree": _FREE.get(tool.cost),
    }


def _data(entry: Dataset | Benchmark) -> Node:
    return {
        "@type": "Dataset",
        "creator": _people(entry.authors),
        "datePublished": _year(entry.year),
        "inLanguage": [plain(language) for language in entry.language],
        "license": _licence(entry.licence),
    }


def _metric(metric: Metric) -> Node:
    low, high = metric.range or (None, None)
    return _without_nothing({"@type": "PropertyValue", "name": plain(metric.name), "minValue": low, "maxValue": high})


def _teaching(catalog: Catalog, entry: Course | Book) -> Node:
    return {
        "inLanguage": [plain(language) for language in entry.language],
        "educationalLevel": _labels(catalog, entry, "level"),
        "isAccessibleForFree": _FREE.get(entry.cost),
        "license": _licence(entry.licence),
    }


def _people(people: tuple[Person, ...]) -> list[Node]:
    return [_person(person) for person in people]


def _person(person: Person) -> Node:
    if person.organisation:
        return _organisation(person.name)
    found = {"@type": "Person", "name": plain(person.name)}
    if (name := parts(person)) and name.given:
        found |= {"givenName": name.given, "familyName": f"{name.particle} {name.family}".strip()}
    return found


def _organisation(name: str) -> Node:
    return {"@type": "Organization", "name": plain(name)}


def _labels(catalog: Catalog, entry: Entry, vocabulary: str) -> list[Node]:
    value = getattr(entry, vocabulary)
    labels = [
        catalog.vocabularies[vocabulary].terms[term].label for term in (value if isinstance(value, tuple) else (value,))
    ]
    return [_tagged(language, label.en if language == "en" else label.zh) for label in labels for language in TAGS]


def _tagged(language: Lang, text: str) -> Node:
    return {"@language": TAGS[language], "@value": plain(text)}


def _licence(licence: str | None) -> str | None:
    """The licence's page in the SPDX list; an expression of several has none."""
    if not licence or licence in ("proprietary", "custom", "unstated") or not re.fullmatch(r"[A-Za-z0-9.+-]+", licence):
        return None
    return f"https://spdx.org/licenses/{licence}.html"


def _year(year: int | None) -> str | None:
    return str(year) if year else None


def _without_nothing(node: Node) -> Node:
    return {name: value for name, value in node.items() if value is not None and value != []}
