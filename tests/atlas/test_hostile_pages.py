"""No text of an entry becomes anything but text on a page: the page's elements are those of a harmless entry's page.

The pages go the site's own way: Markdown, then Python-Markdown with the extensions of the real configuration, then a
browser's parser.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import html5lib
import markdown
import pytest
import yaml
from mkdocs.config import load_config

from atlas import Catalog
from atlas.model import KINDS
from atlas.site.languages import LANGUAGES
from atlas.site.pages import Pages, entry_path, index_path
from atlas.text import plain
from tests.atlas.attacked import BENIGN, attacked, attacked_vocabularies, text_fields, unset_fields
from tests.atlas.hostile import ADDRESSES, TEXTS

Render = Callable[[str], Element]
# Attributes that hold an entry's text; of all others the values are compared too.
_TEXT_ATTRIBUTES = {"data-words", "content", "aria-label", "title"}


@pytest.fixture(scope="module")
def render(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Render:
    """Turns a page of Markdown into the tree that a browser makes of it."""
    folder = tmp_path_factory.mktemp("docs")
    config = load_config(str(root / "mkdocs.yml"), docs_dir=str(folder), site_dir=f"{folder}-site")
    config.plugins.on_startup(command="build", dirty=False)
    config = config.plugins.on_config(config)  # the plugins bring extensions of their own
    parser = markdown.Markdown(extensions=config.markdown_extensions, extension_configs=config.mdx_configs)

    def page(text: str) -> Element:
        body = text.split("\n---\n", 1)[1]
        return tree(parser.reset().convert(body))

    return page


def tree(text: str) -> Element:
    found: Element = html5lib.parse(text, treebuilder="etree", namespaceHTMLElements=False)
    return found


def skeleton(page: Element) -> list[tuple[Any, ...]]:
    """Every element with its attributes; numbers of entries and what follows an address's host are left out."""
    return [(element.tag, *sorted(map(attribute, element.items()))) for element in page.iter()]


def attribute(item: tuple[str, str]) -> tuple[str, str]:
    name, value = item
    if name in _TEXT_ATTRIBUTES:
        return name, ""
    if name == "href" and urlsplit(value).scheme:
        return name, "{0.scheme}://{0.netloc}".format(urlsplit(value))
    return name, re.sub(r"-\d{3}", "", value)


def shown(page: Element) -> str:
    """The text that a reader sees, without the BibTeX, which has escapes of its own, and without white space."""
    return solid("".join(_texts(page)))


def solid(text: str) -> str:
    return "".join(plain(text).split())


def _texts(element: Element) -> Iterator[str]:
    if isinstance(element.tag, str) and element.tag != "pre":
        yield element.text or ""
        for child in element:
            yield from _texts(child)
            yield child.tail or ""


def front_matter(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text.split("---\n")[1])
    return found


def test_every_field_of_every_kind_is_attacked(real: Catalog) -> None:
    assert len(TEXTS) == len(set(TEXTS)) >= 40
    found = attacked(real.vocabularies, [BENIGN])
    for kind in KINDS:
        entry = found.entries[f"{kind}-000"]
        # An organisation has no ORCID, most names need no `family_name`, a metric may have no bounds.
        people = {f"{who}.{field}" for who in ("authors", "instructors") for field in ("orcid", "family_name")}
        assert unset_fields(entry) <= {*people, "metrics.range"}
        held = text_fields(entry)
        for field in ("title.en", "title.zh", "summary.en", "status_note.zh", "relations.note.en", "verified.note.zh"):
            assert field in held
    assert {"authors.name", "authors.family_name", "venue.name", "ids.doi"} <= text_fields(found.entries["paper-000"])
    assert {"vendor", "packages.npm", "licence", "licence_note.en"} <= text_fields(found.entries["tool-000"])
    assert {"provider", "instructors.name", "prerequisites.zh"} <= text_fields(found.entries["course-000"])
    assert {"known_issues.en", "licence_note.zh"} <= text_fields(found.entries["dataset-000"])
    assert "metrics.name" in text_fields(found.entries["benchmark-000"])
    assert {"publisher", "isbn"} <= text_fields(found.entries["book-000"])


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
def test_an_entry_s_page_shows_every_text_and_nothing_else(real: Catalog, render: Render, language: Any) -> None:
    harmless = Pages(attacked(real.vocabularies, [BENIGN]), language)
    hostile = Pages(attacked(real.vocabularies, TEXTS), language)
    for number, kind in enumerate(KINDS):
        expected = render(harmless.entry(harmless.catalog.entries[f"{kind}-000"]))
        elements, words = skeleton(expected), shown(expected)
        assert words.count(BENIGN) >= 8
        for index, text in enumerate(TEXTS):
            if language.code == "zh" and index % len(KINDS) != number:
                continue  # the same templates again: there one kind for each text will do
            source = hostile.entry(hostile.catalog.entries[f"{kind}-{index:03}"])
            page = render(source)
            assert skeleton(page) == elements, (kind, text)
            assert shown(page) == words.replace(BENIGN, solid(text)), (kind, text)
            title = plain(text + "中" if language.code == "zh" else text)
            written = front_matter(source)["title"]
            assert html.unescape(written) == title
            assert not set(written) & set("<>\"'")


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
def test_a_learning_path_shows_every_text_and_nothing_else(real: Catalog, render: Render, language: Any) -> None:
    harmless = Pages(attacked(real.vocabularies, [BENIGN] * len(TEXTS)), language)
    hostile = Pages(attacked(real.vocabularies, TEXTS), language)
    assert skeleton(render(hostile.paths())) == skeleton(render(harmless.paths()))
    for index, text in enumerate(TEXTS):
        name = f"path-{index:03}"
        expected = render(harmless.path(harmless.catalog.paths[name]))
        page = render(hostile.path(hostile.catalog.paths[name]))
        assert skeleton(page) == skeleton(expected), text
        assert shown(page) == shown(expected).replace(BENIGN, solid(text)), text


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
def test_the_lists_hold_every_title_and_nothing_else(real: Catalog, render: Render, language: Any) -> None:
    harmless = Pages(attacked(real.vocabularies, [BENIGN] * len(TEXTS)), language)
    hostile = Pages(attacked(real.vocabularies, TEXTS), language)
    for kind in KINDS:
        page = render(hostile.index(kind))
        assert skeleton(page) == skeleton(render(harmless.index(kind)))
        titles = [shown(link) for link in page.iter("a") if "atlas-item-title" in link.get("class", "").split()]
        suffix = "中" if language.code == "zh" else ""
        assert sorted(titles) == sorted(solid(text + suffix) for text in TEXTS)
        for item in page.iter("li"):
            if words := item.get("data-words"):
                assert any(solid(text) in solid(words) for text in TEXTS), words


def test_a_former_address_shows_the_title_and_nothing_else(real: Catalog) -> None:
    harmless = Pages(attacked(real.vocabularies, [BENIGN]), LANGUAGES[0])
    hostile = Pages(attacked(real.vocabularies, TEXTS), LANGUAGES[0])
    expected = tree(harmless.moved(harmless.catalog.entries["paper-000"]))
    for index, text in enumerate(TEXTS):
        page = tree(hostile.moved(hostile.catalog.entries[f"paper-{index:03}"]))
        assert skeleton(page) == skeleton(expected)
        assert shown(page) == shown(expected).replace(BENIGN, solid(text))


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
def test_the_words_of_a_vocabulary_are_text_too(real: Catalog, render: Render, language: Any) -> None:
    benign = attacked_vocabularies(real.vocabularies, [BENIGN])
    hostile = attacked_vocabularies(real.vocabularies, TEXTS)
    for name in ("entry", "index", "overview"):

        def page(vocabularies: Any, name: str = name) -> list[tuple[Any, ...]]:
            pages = Pages(attacked(vocabularies, [BENIGN]), language)
            arguments = {"entry": [pages.catalog.entries["tool-000"]], "index": ["tool"], "overview": []}[name]
            return skeleton(render(getattr(pages, name)(*arguments)))

        assert page(hostile) == page(benign), name


def test_a_source_is_an_address_or_text(real: Catalog, render: Render) -> None:
    pages = Pages(attacked(real.vocabularies, TEXTS, "against"), LANGUAGES[0])
    allowed = {tag for tag, *_ in skeleton(render(pages.entry(pages.catalog.entries["book-000"])))} | {"a"}
    for index in range(len(TEXTS)):
        page = render(pages.entry(pages.catalog.entries[f"book-{index:03}"]))
        for element in page.iter():
            assert element.tag in allowed
            assert not [name for name in element.keys() if name.startswith("on")]  # noqa: SIM118 - not a mapping
            assert urlsplit(element.get("href", "")).scheme in ("", "https")


@pytest.mark.parametrize("address", [address for address in ADDRESSES if address])
@pytest.mark.parametrize("field", ["url", "repo", "links"])
def test_a_hostile_address_makes_no_page(full: Catalog, field: str, address: str) -> None:
    tool = full.entries["full-tool"]
    value: Any = (tool.links[0].model_copy(update={"url": address}),) if field == "links" else address
    with pytest.raises(ValueError, match="address"):
        Pages(full, LANGUAGES[0]).entry(tool.model_copy(update={field: value}))


def test_paths_of_pages_come_from_ids_alone(full: Catalog) -> None:
    pages = set(Pages(full, LANGUAGES[0]).all())
    assert {entry_path(entry) for entry in full} | {index_path(kind) for kind in KINDS} <= pages
