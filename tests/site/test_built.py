"""The finished site of each engine, as files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from bs4 import BeautifulSoup

from atlas.catalog import Catalog
from atlas.site import verify
from atlas.site.languages import LANGUAGES


def soup(file: Path) -> BeautifulSoup:
    return BeautifulSoup(file.read_text(encoding="utf-8"), "html5lib")


def parts(file: Path) -> tuple[BeautifulSoup, BeautifulSoup]:
    """A page's head and its article without the navigation: there are too many pages to parse each one whole."""
    head, _, rest = file.read_text(encoding="utf-8").partition("</head>")
    article = "<article" + rest.partition("<article")[2].partition("</article>")[0]
    return BeautifulSoup(head, "html.parser"), BeautifulSoup(article, "html.parser")


def test_strict_build_and_no_defect(built: Path) -> None:
    assert verify(built) == []


def test_every_entry_has_its_page_in_both_languages(built: Path, catalog: Catalog) -> None:
    for language in LANGUAGES:
        for entry in catalog:
            head, page = parts(built / language.prefix / "catalog" / entry.id / "index.html")
            title = (entry.title.zh if language.code == "zh" else None) or entry.title.en
            assert head.title.text == f"{title} - {'AIGC Atlas' if language.code == 'en' else 'AIGC 图谱'}"
            heading = page.article.h1
            heading.find(class_="headerlink").extract()
            assert heading.text == title
            edit = {link["href"] for link in page.find_all("a") if "/edit/main/" in link.get("href", "")}
            assert edit == {f"https://github.com/aigc-atlas/aigc-atlas/edit/main/{entry.path.as_posix()}"}


def test_pages_name_their_other_language(built: Path) -> None:
    page = soup(built / "zh" / "catalog" / "ddpm" / "index.html")
    assert page.html["lang"] == "zh-Hans"
    links = {link["hreflang"]: link["href"] for link in page.find_all("link", hreflang=True)}
    assert links == {
        "en": "https://aigc-atlas.github.io/aigc-atlas/catalog/ddpm/",
        "zh-Hans": "https://aigc-atlas.github.io/aigc-atlas/zh/catalog/ddpm/",
        "x-default": "https://aigc-atlas.github.io/aigc-atlas/catalog/ddpm/",
    }
    assert page.find("link", rel="canonical")["href"] == links["zh-Hans"]
    assert page.find(class_="atlas-language").a["href"].endswith("/../catalog/ddpm/")


def test_the_sitemap_names_every_page_in_both_languages(built: Path) -> None:
    space = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9", "x": "http://www.w3.org/1999/xhtml"}
    rows = ElementTree.parse(built / "sitemap.xml").findall("s:url", space)  # noqa: S314
    pages = {file.parent for file in built.rglob("index.html")}
    assert len(rows) == len(pages)
    assert all(len(row.findall("x:link", space)) == 2 for row in rows)
    assert "Sitemap: https://aigc-atlas.github.io/aigc-atlas/sitemap.xml" in (built / "robots.txt").read_text()
    assert not (built / "zh" / "sitemap.xml").exists()


def test_the_page_for_missing_addresses_speaks_both_languages(built: Path) -> None:
    page = soup(built / "404.html")
    assert {paragraph["lang"] for paragraph in page.article.find_all("p", lang=True)} == {"en", "zh-Hans"}
    assert [link["href"] for link in page.article.find_all("a", href=True)] == [
        "https://aigc-atlas.github.io/aigc-atlas/",
        "https://aigc-atlas.github.io/aigc-atlas/zh/",
    ]
    assert not (built / "zh" / "404.html").exists()


def test_every_page_has_a_policy_and_no_script_it_forbids(built: Path) -> None:
    for file in built.rglob("*.html"):
        policy = parts(file)[0].find("meta", attrs={"http-equiv": "Content-Security-Policy"})
        assert policy, file
        assert "'unsafe-inline'" not in policy["content"].partition("script-src")[2].partition(";")[0]


def test_formulas_and_diagrams_load_their_scripts_only_where_they_are(built: Path) -> None:
    for file in built.rglob("*.html"):
        html = file.read_text(encoding="utf-8")
        article = html.partition("<article")[2].partition("</article>")[0]
        assert ("katex.min.js" in html) == ('class="arithmatex"' in article), file
        assert ("mermaid.min.js" in html) == ('class="mermaid"' in article), file
        assert ("filter.js" in html) == ('class="atlas-filter"' in article), file


def test_only_pages_of_the_navigation_are_in_the_navigation(built: Path) -> None:
    navigation = soup(built / "papers" / "index.html").find(class_="md-nav--primary")
    assert not [link["href"] for link in navigation.find_all("a") if re.search(r"catalog/.+", link.get("href", ""))]


def test_search_holds_entries_and_no_markup(built: Path) -> None:
    indexes = [*built.rglob("search_index.json"), *built.rglob("search.json")]
    assert len(indexes) == 2
    for file in indexes:
        index = json.loads(file.read_text(encoding="utf-8"))
        items = index.get("docs") or index["items"]
        assert any(item["location"].startswith("catalog/ddpm/") for item in items)
        assert not any(re.search(r"<(?:script|img|svg|iframe|style|a)\b", item["text"]) for item in items)


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
def test_bare_markdown_is_not_left_over(built: Path, language: object) -> None:
    for file in (built / language.prefix / "catalog").rglob("index.html"):  # type: ignore[attr-defined]
        article = parts(file)[1]
        for citation in article.find_all("pre"):  # BibTeX's own braces are no template's
            citation.string = citation.text.replace("{{", "{")
        text = article.get_text()
        assert not re.search(r"{ [#.]|\]\(|<!--|markdown=|\{\{|wzxhzdk", text), file
