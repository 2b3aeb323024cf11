"""`aigc fmt` mends what is mechanical, keeps what people wrote, and has nothing to do the second time."""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from atlas.cli import app
from atlas.fields import translation_stamp
from atlas.formatting import format_file, format_text
from atlas.model import FOLDERS, KINDS
from atlas.source import Document, parse

ROOT = Path(__file__).parents[2]
FILES = [
    (file, kind) for kind, folder in FOLDERS.items() for file in sorted((ROOT / "catalog" / folder).glob("*.yaml"))
]

MESSY = """\
# A note on the whole entry.
added: 2026-11-23
kind: tool
# Why this id.
id: noise-kit
title:
  zh: 噪声工具
  # The spelling on its page.
  en:  Noise  Kit

summary:
  en: >-
    Adds  and removes noise
      in a few lines.
  zh: 噪声 # 说明
url: https://example.org/noise
packages: {npm: noise, pypi: noise}
released: 2020
min_vram_gb: 8\x20\x20\x20
verified:
  # Read twice.
  - fields: [title]
    against:
      - https://example.org/noise
    how: page-read
    date: 2026-11-23
  - date: '2026-11-22'
    how: page-read
    against: [https://example.org/noise]
    fields: [url]
isbn: 9780262035613
vendor: 404
home_made: 5
"""

NEAT = """\
# yaml-language-server: $schema=../schema/tool.schema.json
# A note on the whole entry.
# Why this id.
id: noise-kit
kind: tool
title:
  # The spelling on its page.
  en: Noise Kit
  zh: 噪声工具
summary:
  en: >-
    Adds and removes noise
    in a few lines.
  zh: 噪声 # 说明
url: https://example.org/noise
vendor: "404"
packages: {npm: noise, pypi: noise}
min_vram_gb: 8
released: 2020
verified:
  # Read twice.
  - date: "2026-11-23"
    how: page-read
    against:
      - https://example.org/noise
    fields: [title]
  - date: '2026-11-22'
    how: page-read
    against: [https://example.org/noise]
    fields: [url]
added: "2026-11-23"
isbn: 9780262035613
home_made: 5
"""


def data_of(text: str) -> dict[str, object]:
    document = Document("x.yaml")
    parse(text, document)
    assert not document.problems
    return document.data


def backwards(text: str) -> str:
    first, *blocks = re.split(r"(?m)^(?=\w)", text)
    return first + "".join(reversed(blocks))


SLIPS: dict[str, Callable[[str], str]] = {
    "crlf": lambda text: text.replace("\n", "\r\n"),
    "old-mac": lambda text: text.replace("\n", "\r"),
    "byte-order-mark": lambda text: "\ufeff" + text,
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
    "trailing-spaces": lambda text: text.replace("\n", " \t\n"),
    "doubled-spaces": lambda text: re.sub(r"(?<=[a-z]) (?=[a-z])", "  ", text),
    "deeper-line": lambda text: re.sub(r"(?m)^    (?=[a-z]+ [a-z]+ [a-z]+)", "     ", text),
    "bare-dates": lambda text: re.sub(r'"(\d{4}-\d\d-\d\d)"', r"\1", text),
    "bare-ids": lambda text: re.sub(r'(arxiv|isbn): "([\d.]+)"', r"\1: \2", text),
    "keys-backwards": backwards,
    "no-final-newline": lambda text: text.rstrip("\n"),
    "many-final-newlines": lambda text: text + "\n\n\n",
    "no-schema": lambda text: text.split("\n", 1)[1],
    "another-schema": lambda text: text.replace(".schema.json", ".json", 1),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_catalog_is_formatted(kind: str) -> None:
    for file in (file for file, own in FILES if own == kind):
        text = file.read_bytes().decode()
        assert format_text(text, kind) == text, file.name


@pytest.mark.parametrize("slip", SLIPS)
def test_every_slip_is_mended(slip: str, tmp_path: Path) -> None:
    """The result is the file as it stands; so its data are the same, and a second run idle.

    The slips share the catalog's files among them, and each meets every kind.
    """
    turn = list(SLIPS).index(slip)
    for kind in KINDS:
        files = [file for file, own in FILES if own == kind]
        for file in files[turn % len(files) :: len(SLIPS)]:
            text = file.read_bytes().decode()
            copy = tmp_path / file.name
            copy.write_bytes(SLIPS[slip](text).encode())
            assert format_file(copy, copy.name, kind).text == text, file.name


def test_each_slip_is_met_somewhere() -> None:
    texts = [file.read_bytes().decode() for file, _ in FILES]
    for name, slip in SLIPS.items():
        assert any(slip(text) != text for text in texts), name


def test_comments_and_nested_keys() -> None:
    assert format_text(MESSY, "tool") == NEAT
    assert format_text(NEAT, "tool") == NEAT
    before, after = Document(""), Document("")
    parse(MESSY, before)
    parse(NEAT, after)
    expected = before.data | {"vendor": "404", "title": {"en": "Noise Kit", "zh": "噪声工具"}}
    expected["summary"] = {"en": "Adds and removes noise in a few lines.", "zh": "噪声"}
    assert after.data == expected


def test_blank_lines_and_comments_in_their_place_stay() -> None:
    schema = "# yaml-language-server: $schema=../schema/paper.schema.json\n"
    text = f"{schema}id: x1\n\n# Why.\nkind: paper  # so\n\nurl: x\n# End.\n"
    assert format_text(text, "paper") == text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("id: [\n", "AA101"),
        ("id: x1\nid: x2\n", "AA107"),
        ("id: &a x1\nkind: *a\n", "AA108"),
        ("id: !!python/name:os.system x\n", "AA109"),
        ("id: x1\n---\nid: x2\n", "AA110"),
        ("- id\n", "AA106"),
        ("", "AA105"),
        ('title: {en: "a\u0007b"}\n', "AA302"),
    ],
)
def test_what_needs_a_person_is_left_alone_and_named(text: str, code: str, tmp_path: Path) -> None:
    file = tmp_path / "x1.yaml"
    file.write_text(text, encoding="utf-8")
    formatted = format_file(file, "x1.yaml", "paper")
    assert formatted.text is None
    assert code in {problem.code for problem in formatted.problems}


SCRAPS = ["  ", "\t", "#", " # c", "\n", "- ", ": ", '"', "'", ">-\n", "|\n", "\u0301", "\r\n", "\u212b", "&a ", "{",
          "[", "0", "2020-01-01", "\\", " \n", "\n# c\n", "\u00a0", "---\n", "?", ""]  # fmt: skip


@given(
    st.sampled_from(FILES),
    st.lists(st.tuples(st.floats(0, 1), st.sampled_from(SCRAPS), st.integers(0, 5)), min_size=1, max_size=4),
)
@settings(deadline=None)
def test_whatever_is_typed_into_an_entry(
    tmp_path_factory: pytest.TempPathFactory, chosen: tuple[Path, str], slips: list[tuple[float, str, int]]
) -> None:
    """Formatting never raises; what it formats keeps its data (else it is left alone) and is formatted for good."""
    text = chosen[0].read_bytes().decode()
    for place, scrap, lost in slips:
        at = int(place * len(text))
        text = text[:at] + scrap + text[at + lost :]
    file = tmp_path_factory.mktemp("typed") / "x1.yaml"
    file.write_bytes(text.encode())
    formatted = format_file(file, "x1.yaml", chosen[1])
    if formatted.text is None:
        assert formatted.problems
    else:
        file.write_bytes(formatted.text.encode())
        assert format_file(file, "x1.yaml", chosen[1]).text == formatted.text


def test_an_oddity_that_only_one_of_the_two_scanners_takes_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "x1.yaml"
    file.write_text("id: x1\ntitle:\n  en: Noise\tKit\n", encoding="utf-8")
    assert [problem.code for problem in format_file(file, "x1.yaml", "tool").problems] == ["AA123"]


def test_a_file_whose_data_would_change_is_left_alone(tmp_path: Path) -> None:
    """The Greek question mark is a semicolon in normal form C, the Kelvin sign a K: one of them is a key here."""
    file = tmp_path / "x1.yaml"
    file.write_text("id: x1\n\u212aind: paper\n", encoding="utf-8")
    formatted = format_file(file, "x1.yaml", "paper")
    assert formatted.text is None
    assert [problem.code for problem in formatted.problems] == ["AA123"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A part of the catalog, for the command formats one file like another."""
    shutil.copytree(ROOT / "catalog/vocabulary", tmp_path / "catalog/vocabulary")
    for folder in FOLDERS.values():
        (tmp_path / "catalog" / folder).mkdir()
    for file in [ROOT / "catalog/papers/ddpm.yaml", *(file for file, _ in FILES[::20])]:
        shutil.copyfile(file, tmp_path / file.relative_to(ROOT))
    return tmp_path


def run(project: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["fmt", "--root", str(project), *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def test_the_command_writes_once_and_checks_without_writing(project: Path) -> None:
    file = project / "catalog/papers/ddpm.yaml"
    neat = file.read_bytes()
    file.write_bytes(b"\xef\xbb\xbf" + neat.replace(b"\n", b"\r\n"))
    messy = file.read_bytes()
    code, shown = run(project, "--check")
    assert (code, file.read_bytes()) == (1, messy)
    assert "would change catalog/papers/ddpm.yaml" in shown
    assert run(project)[0] == 0
    assert file.read_bytes() == neat
    assert run(project, "--check")[0] == 0
    assert run(project, str(file), str(project / "catalog/tools"))[0] == 0


def test_the_command_names_what_it_cannot_format_and_formats_the_rest(project: Path) -> None:
    (project / "catalog/papers/a1.yaml").write_text("id: [\n")
    file = project / "catalog/papers/ddpm.yaml"
    neat = file.read_bytes()
    file.write_bytes(neat + b"\n\n")
    code, shown = run(project)
    assert code == 1
    assert "catalog/papers/a1.yaml:2:1  AA101" in shown
    assert file.read_bytes() == neat
    assert "需要修改" not in shown
    assert "个文件" in run(project, "--lang", "zh")[1]


def test_other_files_are_refused(project: Path) -> None:
    for path in ("catalog/vocabulary/task.yaml", "catalog/papers/none.yaml", "README.md"):
        assert run(project, str(project / path))[0] == 2


SUMMARY = """\
kind: paper
id: x1
summary:
  en: Adds noise step by step.
  zh: 逐步加噪。
"""


def stamped(tmp_path: Path, text: str, *, translated: bool = False) -> str:
    file = tmp_path / "x1.yaml"
    file.write_text(text, encoding="utf-8")
    formatted = format_file(file, "x1.yaml", "paper", translated=translated)
    assert formatted.text is not None
    return formatted.text


def test_a_translation_is_tied_to_its_english_once(tmp_path: Path) -> None:
    first = stamped(tmp_path, SUMMARY)
    assert f'\nzh_of: "{translation_stamp("Adds noise step by step.")}"\n' in first
    assert stamped(tmp_path, first) == first


def test_a_stale_translation_stays_visibly_stale_until_somebody_says_otherwise(tmp_path: Path) -> None:
    stale = stamped(tmp_path, SUMMARY).replace("Adds noise", "Takes noise away")
    assert stamped(tmp_path, stale) == stale
    fresh = stamped(tmp_path, stale, translated=True)
    assert f'zh_of: "{translation_stamp("Takes noise away step by step.")}"' in fresh
    assert fresh.count("zh_of") == 1


@pytest.mark.parametrize(
    "text", ["  en: TODO\n  zh: 逐步加噪。\n", "  en: Adds noise.\n  zh: TODO\n", "  en: Adds noise.\n"]
)
def test_half_a_summary_is_no_translation(tmp_path: Path, text: str) -> None:
    assert "zh_of" not in stamped(tmp_path, f"id: x1\nkind: paper\nsummary:\n{text}")
