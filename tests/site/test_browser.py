"""The finished site in a real browser: nothing executes that should not, nothing leaves for another origin."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Page, expect

from atlas import site
from atlas.catalog import Catalog
from atlas.model import FOLDERS, KINDS, Entry
from atlas.site.languages import LANGUAGES
from atlas.site.markup import plain
from tests.conftest import ROOT
from tests.site.hostile import STRINGS

# Every hand-written page and one or more of every generated type, in English; the Chinese ones lie under zh/.
PAGES = (
    "",
    "running/",
    "contributing/",
    "glossary/",
    "guide/",
    "guide/history/",
    "methods/diffusion/ddpm/",
    "catalog/",
    "papers/",
    "tools/",
    "courses/",
    "books/",
    "paths/gan-line/",
    "catalog/ddpm/",
    "catalog/deepseek-r1/",
    "catalog/diffusers/",
    "catalog/hf-diffusion-course/",
    "catalog/d2l/",
    "404.html",
)


@dataclass
class Visit:
    """A page of the browser that remembers what went wrong."""

    page: Page
    address: str
    messages: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: self._heard(message.type, message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("request", lambda request: self._asked(request.url))

    def open(self, path: str) -> Page:
        self.page.goto(self.address + path, wait_until="load")
        return self.page

    def _heard(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.messages.append(f"{self.page.url}: {text}")

    def _asked(self, url: str) -> None:
        if not url.startswith((self.address, "data:", "blob:")):
            self.foreign.append(url)


@pytest.fixture
def visit(built: Path, browser: Browser, serve: Callable[[Path], str]) -> Iterator[Callable[..., Visit]]:
    contexts = []

    def start(**options: object) -> Visit:
        contexts.append(browser.new_context(reduced_motion="reduce", **options))  # type: ignore[arg-type]
        return Visit(contexts[-1].new_page(), serve(built))

    yield start
    for context in contexts:
        context.close()


def both_languages(paths: tuple[str, ...] = PAGES) -> list[str]:
    return [prefix + path for path in paths for prefix in ("", "zh/") if not (prefix and path == "404.html")]


def test_no_page_complains_or_asks_another_origin_or_is_wider_than_a_phone(visit: Callable[..., Visit]) -> None:
    phone = visit(viewport={"width": 390, "height": 844})
    wide = []
    for path in both_languages():
        if path == "404.html":
            continue  # its addresses are those of the published site
        page = phone.open(path)
        page.wait_for_timeout(100)
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            wide.append(path)
    assert phone.foreign == []
    assert phone.messages == []
    assert wide == []


def test_the_switch_keeps_the_page_and_comes_back(visit: Callable[..., Visit]) -> None:
    paths = ("", "papers/", "catalog/ddpm/", "methods/diffusion/ddpm/")
    for scripts, visited in ((True, paths), (False, paths[1:3])):
        tab = visit(java_script_enabled=scripts)
        for path in visited:
            page = tab.open(path)
            page.locator(".atlas-language a").click()
            page.wait_for_url(f"**/zh/{path}")
            assert page.locator("html").get_attribute("lang") == "zh-Hans"
            page.locator(".atlas-language a").click()
            page.wait_for_url(tab.address + path)
            assert page.locator("html").get_attribute("lang") == "en"


def search(page: Page, words: str) -> list[str]:
    """Types into the search of either theme and returns the addresses of the results, best first."""
    page.keyboard.press("/")
    box = page.locator("input:focus")
    expect(box).to_be_visible()
    box.fill(words)
    box.press("End")  # Material listens to keys, not to the field
    results = page.locator("a[href*='?h=']:visible")
    results.first.wait_for()
    page.wait_for_timeout(500)  # the results of the last letter
    found = [link.get_attribute("href") or "" for link in results.all()]
    return list(dict.fromkeys(address.partition("#")[0] for address in found))


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("", "diffusion"),
        ("", "Goodfellow"),
        ("zh/", "扩散模型"),
        ("zh/", "生成对抗网络"),
        ("zh/", "提示词"),
        ("zh/", "Transformer"),
    ],
)
def test_search_finds_pages_that_hold_the_words(visit: Callable[..., Visit], start: str, words: str) -> None:
    tab = visit(viewport={"width": 1280, "height": 900})
    addresses = search(tab.open(start), words)
    holding = []
    for address in addresses[:3]:
        tab.page.goto(address)
        holding.append(words.lower() in (tab.page.locator("article").text_content() or "").lower())
    assert holding[0], addresses
    assert sum(holding) >= min(2, len(holding)), addresses
    assert tab.messages == []
    assert tab.foreign == []


def test_formulas_are_rendered(visit: Callable[..., Visit]) -> None:
    tab = visit()
    for path in ("methods/diffusion/ddpm/", "zh/methods/diffusion/ddpm/", "zh/glossary/"):
        page = tab.open(path)
        assert (
            page.locator(".arithmatex").count()
            == page.locator(".arithmatex > .katex, .arithmatex > .katex-display").count()
        )
        assert page.locator(".katex").count() > 0
        assert page.locator(".katex-error").count() == 0


def test_the_filter_narrows_the_list_and_keeps_its_state_in_the_address(
    visit: Callable[..., Visit], catalog: Catalog
) -> None:
    tab = visit()
    page = tab.open("papers/")
    items, status = page.locator(".atlas-list > li:visible"), page.locator(".atlas-filter [role=status]")
    papers = catalog.of_kind("paper")
    expect(status).to_have_text(f"{len(papers):,} entries")
    page.get_by_role("searchbox", name="Text").fill("goodfellow")
    expect(page.get_by_role("link", name="Generative Adversarial Networks", exact=True)).to_be_visible()
    assert 1 <= items.count() < len(papers)
    assert "?s=goodfellow" in page.url
    page.get_by_role("searchbox", name="Text").fill("")
    page.get_by_label("Level").select_option("advanced")
    advanced = sum(paper.level == "advanced" for paper in papers)
    expect(status).to_have_text(f"{advanced} entries")
    assert items.count() == advanced
    page.reload()
    expect(status).to_have_text(f"{advanced} entries")
    assert page.locator(".atlas-group:visible").count() == page.locator(".atlas-group:has(li:visible)").count()
    page.get_by_role("searchbox", name="Text").fill("nothing has this in it")
    expect(status).to_have_text("No entry fits. Take a condition away.")
    page.get_by_role("button", name="Reset").click()
    expect(status).to_have_text(f"{len(papers):,} entries")
    assert "?" not in page.url
    tab.open("zh/papers/?s=%E6%89%A9%E6%95%A3&level=nosuch")
    assert 1 <= items.count() < len(papers)
    assert tab.messages == []


def test_without_scripts_the_whole_list_is_there(visit: Callable[..., Visit], catalog: Catalog) -> None:
    page = visit(java_script_enabled=False).open("papers/")
    assert page.locator(".atlas-list > li").count() == len(catalog.of_kind("paper"))
    assert page.locator("form.atlas-filter").is_hidden()


def test_citations_can_be_copied(visit: Callable[..., Visit]) -> None:
    tab = visit(permissions=["clipboard-read", "clipboard-write"], viewport={"width": 1280, "height": 900})
    page = tab.open("catalog/ddpm/")
    page.locator("#cite ~ div.highlight button, #cite ~ .highlight button").first.click()
    assert page.evaluate("navigator.clipboard.readText()").startswith("@inproceedings{ddpm,\n")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_finds_nothing_serious(visit: Callable[..., Visit], scheme: str, width: int) -> None:
    script = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
    if not script.is_file():
        pytest.skip("axe-core is not installed: run `npm ci` in web/")
    found = set()
    tab = visit(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    for path in ("", "catalog/", "zh/tools/", "zh/catalog/sora/", "catalog/ddpm/", "contributing/",
                 "paths/first-picture/", "zh/rules/"):  # fmt: skip
        page = tab.open(path)
        page.evaluate(script.read_text())
        result = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})")
        found |= {
            (path, violation["id"], str(node["target"]))
            for violation in result["violations"]
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        }
    assert not found


# --- hostile entries --------------------------------------------------------------------------------------------------


def hostile_entries(catalog: Catalog) -> dict[str, Entry]:
    """Entries that no check would let in, with a hostile text in every field that holds text."""
    found: dict[str, Entry] = {}
    for number, text in enumerate(STRINGS):
        kind = list(KINDS)[number % len(KINDS)]
        entry = catalog.of_kind(kind)[0]
        changes: dict[str, object] = {
            "id": f"hostile-{number}",
            "title": entry.title.model_copy(update={"en": text, "zh": text}),
            "summary": entry.summary.model_copy(update={"en": text, "zh": text}),
            "status": "archived",
            "status_note": entry.summary.model_copy(update={"en": text, "zh": text}),
            "relations": (),
        }
        if hasattr(entry, "authors"):
            changes["authors"] = tuple(author.model_copy(update={"name": text}) for author in entry.authors)
        for name in ("vendor", "provider", "publisher", "licence"):
            if hasattr(entry, name):
                changes[name] = text
        found[f"hostile-{number}"] = entry.model_copy(update=changes)
        found[f"hostile-{number}"]._file = entry._file
    return found


@pytest.fixture(scope="session", params=["mkdocs", "zensical"])
def hostile_site(request: pytest.FixtureRequest, catalog: Catalog, project: Callable[[str], Path]) -> Path:
    """A site of hostile entries alone: without the pages written by hand, which name others, and the way to them."""
    root = project(f"hostile-{request.param}")
    for language in LANGUAGES:
        shutil.rmtree(root / "docs" / language.code)
        (root / "docs" / language.code).mkdir()
        (root / "docs" / language.code / "index.md").write_text("# Home\n")
        configuration = (root / language.config).read_text(encoding="utf-8")
        (root / language.config).write_text(re.sub(r"^nav:\n(?: .*\n)+", "", configuration, flags=re.MULTILINE))
    with pytest.MonkeyPatch.context() as patch:
        # The real one refuses such names; here the text is to reach the page.
        patch.setattr(sys.modules["atlas.site.pages"], "bibtex", lambda entry: f"@misc{{x,\n  {entry.title.en}\n}}")
        alone = Catalog(hostile_entries(catalog), catalog.vocabularies)
        return site.build(root, engine=request.param, catalog=alone)


def test_a_hostile_entry_is_shown_as_it_is(hostile_site: Path) -> None:
    for number, text in enumerate(STRINGS):
        folder = hostile_site / ("zh" if number % 2 else "") / "catalog" / f"hostile-{number}"
        page = BeautifulSoup((folder / "index.html").read_text(encoding="utf-8"), "html5lib")
        assert page.title is not None
        assert page.title.text.rpartition(" - ")[0] == plain(text)
        heading = page.select_one("article h1")
        assert heading is not None
        assert heading.text.removesuffix("¶").strip() == plain(text)
        assert not page.select("article :is(script, img, iframe, object, embed, style, form)")
        assert not [tag for tag in page.find_all(True) if any(name.startswith("on") for name in tag.attrs)]


def test_a_hostile_entry_executes_nothing(hostile_site: Path, browser: Browser, serve: Callable[[Path], str]) -> None:
    # Without the policy, so that escaping alone has to hold.
    context = browser.new_context(bypass_csp=True, viewport={"width": 1280, "height": 900})
    tab = Visit(context.new_page(), serve(hostile_site))
    lists = [f"{prefix}{folder}/" for folder in FOLDERS.values() for prefix in ("", "zh/")]
    for path in [*lists, *(f"catalog/hostile-{number}/" for number in range(12))]:
        assert tab.open(path).evaluate("window.pwned") is None, path
    for words in ("pwned", "script", "onerror"):
        page = tab.open("")
        assert search(page, words)
        assert page.evaluate("window.pwned") is None
    assert tab.foreign == []
    assert tab.messages == []
    context.close()
