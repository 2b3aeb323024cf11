from __future__ import annotations

import re
from collections import Counter
from html import unescape

import pytest

from atlas.catalog import Catalog
from atlas.model import KINDS
from atlas.rules import RULES
from atlas.site.facts import facts
from atlas.site.pages import Pages, index_path
from atlas.site.strings import STRINGS


def headings(page: str) -> list[tuple[int, str]]:
    found = re.findall(r"^(#+) .*?{ #([^ }]+)", page, flags=re.MULTILINE)
    return [(len(level), anchor) for level, anchor in found]


def test_both_languages_have_the_same_pages_with_the_same_headings(pages: dict[str, Pages]) -> None:
    english, chinese = pages["en"].all(), pages["zh"].all()
    assert english.keys() == chinese.keys()
    for name in english:
        assert headings(english[name]) == headings(chinese[name]), name


def test_every_entry_has_a_page_and_stands_in_its_index(catalog: Catalog, pages: dict[str, Pages]) -> None:
    for language in pages.values():
        all_pages = language.all()
        for kind in KINDS:
            index = all_pages[index_path(kind)]
            linked = re.findall(r"\]\(\.\./catalog/([a-z0-9-]+)\.md\)", index)
            assert sorted(linked) == sorted(entry.id for entry in catalog.of_kind(kind))
        assert all(f"catalog/{identifier}.md" in all_pages for identifier in catalog.entries)


def test_strings_are_complete_in_both_languages() -> None:
    for key, (english, chinese) in STRINGS.items():
        assert english, key
        assert chinese, key
        assert english.count("#") == chinese.count("#"), key
        assert not re.search(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]", english), key


def test_every_field_has_a_name() -> None:
    for model in KINDS.values():
        for field in model.model_fields:
            assert f"field.{field}" in STRINGS


def test_chinese_pages_hold_no_english_words_of_ours(pages: dict[str, Pages]) -> None:
    english = [en for key, (en, zh) in STRINGS.items() if en != zh and re.search("[a-z]{3}", en) and "#" not in en]
    for name, page in pages["zh"].all().items():
        body = unescape(re.sub(r"<pre>.*?</pre>", "", page.partition("\n---\n")[2]))
        labels = re.findall(
            r"^(?:#+ (.*?) { #|\*?\*?(.*?)\n:   )|<label>(.*?)<|\[([^\]]*)\]\(", body, flags=re.MULTILINE
        )
        shown = {label for groups in labels for label in groups if label}
        assert not shown & set(english), name


def test_every_list_of_the_index_is_ordered(catalog: Catalog, pages: dict[str, Pages]) -> None:
    years = re.findall(r"^## (\d{4}) ", pages["en"].index("paper"), flags=re.MULTILINE)
    assert years == sorted(set(years), reverse=True)
    groups = re.findall(r"^## .*? { #(\w+) }", pages["en"].index("tool"), flags=re.MULTILINE)
    assert groups == [group for group in ("services", "models", "applications", "libraries") if group in groups]


def test_an_entry_shows_what_it_holds(catalog: Catalog, pages: dict[str, Pages]) -> None:
    for language in pages.values():
        for entry in catalog:
            page = unescape(language.entry(entry))
            assert language.phrases.own(entry.summary) in page
            assert entry.title.en in page
            for check in entry.verified:
                assert str(check.date) in page
            for name, value in facts(entry, language.phrases):
                assert f"{name}\n:   {unescape(value)}" in page


def test_relations_are_shown_at_both_ends(catalog: Catalog, pages: dict[str, Pages]) -> None:
    shown: Counter[tuple[str, str]] = Counter()
    for entry in catalog:
        related = pages["en"].entry(entry).partition("{ #related ")[2].partition("{ #verified ")[0]
        shown.update((entry.id, other) for other in re.findall(r"\]\(([a-z0-9-]+)\.md\)", related))
    for entry in catalog:
        for relation in entry.relations:
            if relation.target in catalog.entries:
                assert shown[entry.id, relation.target], (entry.id, relation.target)
                assert shown[relation.target, entry.id], (relation.target, entry.id)


def test_a_path_shows_every_step_in_order(catalog: Catalog, pages: dict[str, Pages]) -> None:
    for language in pages.values():
        found = language.all()
        for path in catalog.paths.values():
            assert f"]({path.id}.md)" in found["paths/index.md"]
            page = unescape(found[f"paths/{path.id}.md"])
            assert [anchor for _, anchor in headings(page)][1:] == [f"step-{n + 1}" for n in range(len(path.steps))]
            led_to = re.findall(r"\]\(\.\./(?:catalog/([a-z0-9-]+)|methods/([a-z0-9_/]+))\.md\)", page)
            targets = [entry or f"impl:{method.replace('/', '.')}" for entry, method in led_to]
            assert targets == [step.target for step in path.steps]
            for step in path.steps:
                for said in (step.why, step.after):
                    assert language.phrases.own(said) in page
                assert step.run is None or f"```sh\n{step.run}\n```" in page
            assert language.phrases.duration(path.minutes) in page


def test_a_step_may_be_an_implementation_and_says_so(catalog: Catalog, pages: dict[str, Pages]) -> None:
    path = next(iter(catalog.paths.values()))
    target, (entry, *_) = next(iter(catalog.implementations.items()))
    both = (path.steps[0].model_copy(update={"target": to}) for to in (entry.id, target))
    page = unescape(pages["en"].path(path.model_copy(update={"steps": tuple(both)})))
    assert f"](../methods/{target.removeprefix('impl:').replace('.', '/')}.md)" in page
    assert re.findall(r"^## (.*) {", page, flags=re.MULTILINE) == [
        f"1. {entry.title.en}",
        f"2. In code: {entry.title.en}",
    ]


def test_minutes_are_read_as_hours(pages: dict[str, Pages]) -> None:
    shown = [[pages[code].phrases.duration(minutes) for minutes in (45, 120, 150)] for code in ("en", "zh")]
    assert shown == [["45 min", "2 h", "2 h 30 min"], ["45 分钟", "2 小时", "2 小时 30 分钟"]]


def test_every_rule_has_its_place_on_the_page_of_rules(pages: dict[str, Pages]) -> None:
    for language in pages.values():
        anchors = {anchor for _, anchor in headings(language.rules())}
        assert {code.lower() for code in RULES} <= anchors


def test_a_former_id_leads_to_the_entry(catalog: Catalog, pages: dict[str, Pages]) -> None:
    entry = next(iter(catalog))
    renamed = entry.model_copy(update={"aliases": ("old-name",)})
    found = Pages(Catalog({**catalog.entries, entry.id: renamed}, catalog.vocabularies), pages["zh"].language).all()
    assert f"url=../{entry.id}/" in unescape(found["catalog/old-name/index.html"])


@pytest.mark.parametrize(
    ("summary", "opening"),
    [
        ("One sentence that is long enough to stand by itself as a line of the list. Two.", 74),
        ("Short. But then a second sentence makes it long enough for one line of a list. Three.", 78),
        (
            "By Goodfellow et al. Everything after an abbreviation still belongs to its sentence, e.g. This. Next one.",
            95,
        ),
    ],
)
def test_an_opening_ends_with_a_sentence(pages: dict[str, Pages], summary: str, opening: int) -> None:
    class Both:
        en = summary
        zh = "短。" * 30

    assert pages["en"].phrases.opening(Both) == summary[:opening].strip()  # type: ignore[arg-type]
    assert pages["zh"].phrases.opening(Both) == "短。" * 12  # type: ignore[arg-type]
