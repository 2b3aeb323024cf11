"""Issue forms: what is filled in becomes an entry's file by the same way as `aigc new`, and nothing else."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from atlas.adding import FormError, read_form
from atlas.adding.form import FORMS
from atlas.card import cards
from atlas.catalog import read_vocabularies
from atlas.cli import app
from atlas.model import KINDS
from atlas.source import read

KINDS_WITH_A_FORM = ("paper", "tool", "course", "book")
VALUES = {
    "summary_en": "A sampler for diffusion models that takes few steps; it matters to those who wait for pictures. "
    * 2,
    "summary_zh": "一种步数很少的扩散模型采样器，适合不愿久等图像生成结果的读者使用，也便于初学者上手实验。",
    "level": "intermediate",
    "modality": "image, video",
    "task": "text-to-image",
    "family": "diffusion",
    "vendor": "Example Lab",
    "cost": "free",
    "access": "library, cli",
    "provider": "Example School",
    "format": "video",
    "language": "en, zh-Hans",
}
ADDRESSES = {
    "paper": "https://arxiv.org/abs/2401.01234",
    "tool": "https://github.com/example/sampler",
    "course": "https://example.org/course",
    "book": "https://example.org/book",
}


def body(root: Path, kind: str, **values: str) -> str:
    """The text of an issue, as GitHub writes it."""
    form = yaml.safe_load((root / FORMS / f"{kind}.yml").read_text(encoding="utf-8"))
    filled = {**VALUES, "address": ADDRESSES[kind], **values}
    parts = [part for part in form["body"] if part["type"] != "markdown"]
    return "\n\n".join(
        f"### {part['attributes']['label']}\n\n{filled.get(part['id'], '_No response_')}" for part in parts
    )


@pytest.fixture
def empty(root: Path, tmp_path: Path) -> Path:
    """A project without entries: to read them all for every form would take most of the time."""
    for name in ("catalog/vocabulary", "catalog/schema", ".github"):
        shutil.copytree(root / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    for name in ("catalog", ".github"):
        shutil.copytree(root / name, tmp_path / name)
    for name in ("reference_impl", "tests", "docs"):  # what `implemented_here` leads to
        shutil.copytree(root / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def made(copy: Path, text: str) -> tuple[Any, Path | None]:
    (copy / "issue.md").write_text(text, encoding="utf-8")
    result = CliRunner().invoke(app, ["from-issue", str(copy / "issue.md"), "--root", str(copy), "--offline"])
    return result, copy / result.stdout.strip() if result.exit_code == 0 else None


@pytest.mark.parametrize("kind", KINDS_WITH_A_FORM)
def test_a_filled_form_becomes_a_file_that_needs_only_the_facts(root: Path, empty: Path, kind: str) -> None:
    result, file = made(empty, body(root, kind))
    assert file is not None, result.output
    data = read(file, "x").data
    assert data["kind"] == kind
    assert data["url"] == ADDRESSES[kind]
    assert data["summary"] == {"en": VALUES["summary_en"].strip(), "zh": VALUES["summary_zh"]}
    assert data["modality"] == ["image", "video"]
    assert data["level"] == "intermediate"


@pytest.mark.parametrize("kind", KINDS_WITH_A_FORM)
def test_the_forms_offer_exactly_the_vocabularies(root: Path, kind: str) -> None:
    vocabularies = read_vocabularies(root)
    form = yaml.safe_load((root / FORMS / f"{kind}.yml").read_text(encoding="utf-8"))
    for part in form["body"]:
        if part["type"] == "dropdown":
            assert part["attributes"]["options"] == list(vocabularies[part["id"]].terms), part["id"]
        if part["type"] != "markdown":
            assert re.search(r"[\u4e00-\u9fff]", part["attributes"]["label"] + part["attributes"]["description"])


def test_every_form_is_told_from_the_others(root: Path) -> None:
    assert [read_form(body(root, kind), root).kind for kind in KINDS_WITH_A_FORM] == list(KINDS_WITH_A_FORM)
    assert set(KINDS_WITH_A_FORM) <= set(KINDS)


HOSTILE = [
    "x\n### Level / 难度\n\nresearch",
    "![i](http://tracker.example/x.png) <script>alert(1)</script>",
    "a: b\n  - c: [d, {e: *f}]\n---\n!!python/object/apply:os.system ['id']",
    "$(touch pwned) `touch pwned` ${{ secrets.GITHUB_TOKEN }}",
    "../../../etc/passwd",
    "\u202egnp.exe\u200b",
    "x" * 100_000,
]


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("field", ["summary_en", "vendor", "address", "modality"])
def test_a_hostile_value_stays_a_value(root: Path, empty: Path, field: str, value: str) -> None:
    before = {path for path in empty.rglob("*") if path.is_file()}
    result, file = made(empty, body(root, "tool", **{field: value}))
    assert result.exception is None or isinstance(result.exception, SystemExit)
    new = {path for path in empty.rglob("*") if path.is_file()} - before - {empty / "issue.md"}
    if file is None:
        assert not new
        return
    assert new == {file}
    assert file.parent == empty / "catalog/tools"
    document = read(file, "x")
    assert not document.problems
    assert set(document.data) >= {"id", "kind", "summary", "verified"}
    shown = cards(empty, [file])
    assert not re.search(r"<script|!\[i\]|\]\(http|\$\(touch|`touch", shown)


def test_other_issues_are_refused(root: Path) -> None:
    for text in ("", "hello", "### Level / 难度\n\nintro", body(root, "paper").replace("### Level", "## Level")):
        with pytest.raises(FormError, match="not made with one of the forms"):
            read_form(text, root)


def test_a_heading_in_a_value_is_refused(root: Path) -> None:
    with pytest.raises(FormError, match="more than once"):
        read_form(body(root, "paper", summary_en="x\n### Level / 难度\n\nresearch"), root)


def test_a_card_shows_the_entry_and_its_mistakes(copy: Path) -> None:
    file = copy / "catalog/papers/ddpm.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("level: intermediate", "level: intermediat"), "utf-8")
    shown = cards(copy, [Path("catalog/papers/ddpm.yaml"), Path("README.md"), Path("catalog/papers/absent.yaml")])
    assert shown.startswith("### Denoising Diffusion Probabilistic Models")
    assert "去噪扩散概率模型" in shown
    assert "**AA501** line" in shown
    assert "did you mean intermediate" in shown.replace("&#63;", "?")
