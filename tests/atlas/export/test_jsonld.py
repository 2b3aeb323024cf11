"""JSON-LD, expanded to RDF by a processor that fetches nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pyld import jsonld as processor

from atlas import Benchmark, Book, Catalog, Course, Dataset, Paper, Tool
from atlas.export.jsonld import jsonld
from tests.atlas.made import SITE

SCHEMA = "http://schema.org/"
# What schema.org's own context says of the terms that the catalog uses.
CONTEXT = {
    "@context": {
        "@vocab": SCHEMA,
        **{
            name: {"@id": SCHEMA + name, "@type": "@id"}
            for name in ("url", "sameAs", "license", "codeRepository", "mainEntityOfPage")
        },
        **{name: {"@id": SCHEMA + name, "@type": SCHEMA + "Date"} for name in ("datePublished", "dateModified")},
    }
}  # fmt: skip
# Properties that schema.org defines for these types or the types above them.
THING = {"name", "alternateName", "description", "url", "sameAs", "identifier", "mainEntityOfPage", "subjectOf"}
WORK = THING | {"author", "creator", "genre", "datePublished", "dateModified", "isPartOf", "publisher", "keywords",
                "inLanguage", "license", "isAccessibleForFree", "educationalLevel", "timeRequired",
                "provider"}  # fmt: skip
PROPERTIES = {
    "ScholarlyArticle": WORK,
    "SoftwareApplication": WORK,
    "SoftwareSourceCode": WORK | {"codeRepository"},
    "Course": WORK | {"coursePrerequisites"},
    "Book": WORK | {"isbn"},
    "Dataset": WORK | {"variableMeasured"},
    "Person": THING | {"givenName", "familyName"},
    "Organization": THING,
    "PropertyValue": THING | {"propertyID", "value", "minValue", "maxValue"},
    "WebPage": WORK,
    "CreativeWork": WORK,
    "Periodical": WORK,
}


def offline(address: str, _options: object) -> dict[str, Any]:
    assert address == "https://schema.org"
    return {"contextUrl": None, "documentUrl": address, "document": CONTEXT}


def expand(text: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = processor.expand(json.loads(text), {"documentLoader": offline})
    assert len(found) == 1
    return found[0]


def values(node: dict[str, Any], name: str) -> list[Any]:
    return [value.get("@value", value.get("@id")) for value in node.get(SCHEMA + name, [])]


def test_every_entry_reads_back(catalog: Catalog) -> None:
    for entry in catalog:
        node = expand(jsonld(catalog, entry, site_url=SITE))
        kinds = {name.removeprefix(SCHEMA) for name in node["@type"]}
        assert values(node, "name") == [entry.title.en]
        former = getattr(entry, "former_titles", ())
        assert values(node, "alternateName") == [*([entry.title.zh] if entry.title.zh else []), *former]
        texts = {value["@language"].lower(): value["@value"] for value in node[SCHEMA + "description"]}
        assert texts == {"en": entry.summary.en, "zh-hans": entry.summary.zh}
        assert values(node, "url") == [entry.url]
        pages = {page[SCHEMA + "inLanguage"][0]["@value"]: page["@id"] for page in node[SCHEMA + "mainEntityOfPage"]}
        assert pages == {"en": f"{SITE}catalog/{entry.id}/", "zh-Hans": f"{SITE}zh/catalog/{entry.id}/"}
        people = [values(person, "name")[0] for person in node.get(SCHEMA + "author", [])]
        match entry:
            case Paper():
                assert kinds == {"ScholarlyArticle"}
                assert people == [author.name for author in entry.authors]
                assert values(node, "datePublished") == [str(entry.venue.year if entry.venue else entry.year)]
            case Tool():
                assert "SoftwareApplication" in kinds
                assert values(node, "codeRepository") == ([entry.repo] if entry.repo else [])
                assert people == [entry.vendor]
            case Course():
                assert kinds == {"Course"}
                assert people == [person.name for person in entry.instructors]
                assert values(node, "inLanguage") == list(entry.language)
            case Book():
                assert kinds == {"Book"}
                assert values(node, "isbn") == ([entry.isbn] if entry.isbn else [])
            case Dataset() | Benchmark():
                assert kinds == {"Dataset"}
                makers = [values(maker, "name")[0] for maker in node[SCHEMA + "creator"]]
                assert makers == [author.name for author in entry.authors]
                metrics = [values(metric, "name")[0] for metric in node.get(SCHEMA + "variableMeasured", [])]
                assert metrics == [metric.name for metric in getattr(entry, "metrics", ())]


def test_it_is_rdf(catalog: Catalog) -> None:
    for entry in catalog:
        document = json.loads(jsonld(catalog, entry, site_url=SITE))
        triples = processor.to_rdf(document, {"documentLoader": offline})["@default"]
        subject = f"{SITE}catalog/{entry.id}/#entry"
        assert [
            triple["object"]["value"]
            for triple in triples
            if triple["subject"]["value"] == subject and triple["predicate"]["value"] == SCHEMA + "name"
        ] == [entry.title.en]


def test_only_properties_that_schema_org_has(catalog: Catalog) -> None:
    def look(node: Any) -> None:
        if isinstance(node, list):
            for item in node:
                look(item)
        elif isinstance(node, dict) and "@value" not in node:
            kinds = node["@type"] if isinstance(node["@type"], list) else [node["@type"]]
            allowed = set().union(*(PROPERTIES[kind] for kind in kinds))
            assert {name for name in node if not name.startswith("@")} <= allowed
            for value in node.values():
                look(value)

    for entry in catalog:
        look(json.loads(jsonld(catalog, entry, site_url=SITE)))


def test_the_parts_of_a_name(full: Catalog) -> None:
    first, _, third, fourth, last = json.loads(jsonld(full, full.entries["full-paper"], site_url=SITE))["author"]
    assert (first["givenName"], first["familyName"]) == ("Aaron", "van den Oord")
    assert (third["givenName"], third["familyName"]) == ("Daniel", "De Freitas")
    assert fourth == {"@type": "Person", "name": "李"}
    assert last == {"@type": "Organization", "name": "Example Research"}


def test_a_licence_is_the_spdx_list_s_page(full: Catalog) -> None:
    tool = json.loads(jsonld(full, full.entries["full-tool"], site_url=SITE))
    assert tool["license"] == "https://spdx.org/licenses/Apache-2.0.html"
    assert "license" not in json.loads(jsonld(full, full.entries["full-dataset"], site_url=SITE))
    for licence in ("proprietary", "custom", "MIT OR Apache-2.0"):
        other = full.entries["full-tool"].model_copy(update={"licence": licence})
        assert "license" not in json.loads(jsonld(full, other, site_url=SITE))


def test_another_context_is_not_fetched() -> None:
    with pytest.raises(processor.JsonLdError):
        processor.expand({"@context": "https://elsewhere.example"}, {"documentLoader": offline})
