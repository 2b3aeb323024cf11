"""The hand-written pages say the same in both languages, as far as a program can tell."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from atlas.checks.translation import numbers
from tests.conftest import ROOT

DOCS = ROOT / "docs"
NAMES = sorted(file.relative_to(DOCS / "en").as_posix() for file in (DOCS / "en").rglob("*.md"))


def without_code(page: str) -> str:
    return re.sub(r"^( *)(```+|~~~+).*?^\1\2$", "", page, flags=re.MULTILINE | re.DOTALL)


def both(name: str) -> tuple[str, str]:
    return tuple((DOCS / language / name).read_text(encoding="utf-8") for language in ("en", "zh"))  # type: ignore[return-value]


def test_both_languages_have_the_same_pages() -> None:
    assert sorted(file.relative_to(DOCS / "zh").as_posix() for file in (DOCS / "zh").rglob("*.md")) == NAMES


# What must be the same in both languages, in the same order: the part of a page that a group of the pattern holds.
SAME = {
    "headings": r"^(?P<headings>#+) ",
    "anchors": r"^#+ .*{ (?P<anchors>#[\w-]+)",
    "documented objects, with their options": r"^(?P<objects> *:::.*(?:\n +\S.*)*)$",
    "displayed formulas": r"\$\$(?P<formulas>(?s:.+?))\$\$",
    "proofs": r"\[`(?P<proofs>test_\w+`\]\([^)]*)\)",
    "directives": r"^(?P<directives> *<!-- atlas:.*?-->)",
    "pictures": r"!\[[^\]]*\]\((?P<pictures>[^)]+)\)",
    "boxes": r"^(?P<boxes>(?:!!!|\?\?\?\+?) \w+)",
    "rows of tables": r"^(?P<rows>\|)",
}


def parts(page: str, pattern: str) -> list[tuple[str, str]]:
    """What the pattern's groups hold, with the groups' names; words inside a formula are each language's own."""
    found = re.finditer(pattern, without_code(page), re.MULTILINE)
    return [(str(match.lastgroup), re.sub(r"\\text\{[^}]*\}", "", match[str(match.lastgroup)])) for match in found]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("pattern", [*(pytest.param(pattern, id=what) for what, pattern in SAME.items()),
                                     pytest.param("|".join(SAME.values()), id="order of all of them")])  # fmt: skip
def test_both_languages_have_the_same(name: str, pattern: str) -> None:
    english, chinese = (parts(page, pattern) for page in both(name))
    assert english == chinese


def test_the_comparison_sees_each_part() -> None:
    """A pattern that matches nothing compares nothing; this page has each part once, a heading and rows apart."""
    page = (
        "## A { #a }\n\n::: a.b\n    options:\n      x: true\n\n$$\nx \\text{ if } y\n$$\n\nProof: [`test_x`](https://y).\n\n"
        "<!-- atlas: counts -->\n\n![p](p.png)\n\n!!! warning\n\n| a |\n\n```\n## B\n```\n"
    )
    assert {what: [value for _, value in parts(page, pattern)] for what, pattern in SAME.items()} == {
        "headings": ["##"],
        "anchors": ["#a"],
        "documented objects, with their options": ["::: a.b\n    options:\n      x: true"],
        "displayed formulas": ["\nx  y\n"],
        "proofs": ["test_x`](https://y"],
        "directives": ["<!-- atlas: counts -->"],
        "pictures": ["p.png"],
        "boxes": ["!!! warning"],
        "rows of tables": ["|"],
    }


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_link_the_same(name: str) -> None:
    """A sentence may order its links as its language wants."""
    english, chinese = (
        set(re.findall(r"\]\(([^)#\s]+\.md|https://[^)\s]+)", without_code(page))) for page in both(name)
    )
    assert english == chinese


def prose(page: str) -> str:
    """The words of a page: no code, no formulas, no drawing, no addresses."""
    page = re.sub(r"<svg.*?</svg>", "", without_code(page), flags=re.DOTALL)
    return re.sub(r"`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)|<[^>]*>|{[^}]*}", "", page, flags=re.DOTALL)


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_state_the_same_numbers(name: str) -> None:
    english, chinese = map(numbers, map(prose, both(name)))
    assert english == chinese


@pytest.mark.parametrize("name", NAMES)
def test_chinese_uses_chinese_punctuation(name: str) -> None:
    page = prose(both(name)[1])
    assert not re.findall(r".*[\u4e00-\u9fff][,;:?!].*", page.partition("\n---\n")[2] or page)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", NAMES)
def test_hand_written_pages_link_only_what_both_engines_resolve(language: str, name: str) -> None:
    """Pages as `.md`, files that exist, https: Zensical rewrites any other relative address, and raw HTML's too."""
    page = without_code(Path(DOCS / language / name).read_text(encoding="utf-8"))
    page = re.sub(r"`[^`]*`", "", page)
    assert not re.findall(r"<[^>]+(?:href|src)=", page)
    for address in re.findall(r"\]\(<?([^)>\s]+)", page):
        assert address.startswith(("https://", "#")) or re.search(r"\.(md|png|svg|webp|jpg)(#.*)?$", address), address


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", NAMES)
def test_what_stands_above_a_page_is_read_and_not_shown(language: str, name: str) -> None:
    """A colon in a description that is not quoted is no YAML, and both engines then show it as text."""
    page = (DOCS / language / name).read_text(encoding="utf-8")
    if page.startswith("---\n"):
        head = yaml.safe_load(page[4 : page.index("\n---\n", 4)])
        assert isinstance(head, dict)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_map_leads_to_every_page_of_a_method(language: str) -> None:
    """And from the overview of a family to each of its pages."""
    methods = DOCS / language / "methods"
    for overview in (methods / "index.md", *methods.glob("*/index.md")):
        linked = re.findall(r"\]\(([^)#\s]+\.md)", overview.read_text(encoding="utf-8"))
        reached = {(overview.parent / address).resolve() for address in linked}
        assert {file.resolve() for file in overview.parent.rglob("*.md")} - reached <= {overview.resolve()}
