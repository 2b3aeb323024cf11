"""No equation of a method's page is without a function and a proof, and no proof is one in name only."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from atlas.checks.method_pages import check
from tests.atlas.arranged import EQUATION, FUNCTION, proof
from tests.atlas.workshop import implement, write
from tests.conftest import ROOT

MARKS = {"en": "Proof: ", "zh": "证明："}
Found = list[tuple[str, int]]
REAL = sorted(
    file.relative_to(ROOT).as_posix()
    for file in ROOT.glob("docs/*/methods/*/*.md")
    if (ROOT / "reference_impl" / file.parent.name / f"{file.stem}.py").is_file()
    and (ROOT / "tests/reference_impl" / file.parent.name / f"test_{file.stem}.py").is_file()
)


@pytest.fixture(params=["en", "zh"])
def language(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def found(tmp_path: Path, language: str) -> Callable[..., Found]:
    """Writes a page of these parts and says what the check finds, with the lines."""

    def judge(*parts: str) -> Found:
        implement(tmp_path)
        write(tmp_path / f"docs/{language}/methods/diffusion/ddpm.md", "\n\n".join(parts) + "\n")
        return [(problem.code, problem.position.line) for page in check(tmp_path) for problem in page.problems]

    return judge


@pytest.fixture
def proved(language: str) -> str:
    return proof(MARKS[language], "test_alpha")


def test_an_equation_with_function_and_proof_is_good(found: Callable[..., Found], proved: str) -> None:
    assert found("# DDPM", EQUATION, FUNCTION + "\n    options:\n      show_source: true", proved) == []
    assert found(EQUATION, "Some words.", FUNCTION, "More words.\n" + proved + "。", "## Next") == []


def test_each_equation_needs_its_own(found: Callable[..., Found], proved: str) -> None:
    assert found(EQUATION, EQUATION, FUNCTION, proved) == [("AA901", 1), ("AA902", 1)]
    assert found(EQUATION, FUNCTION, proved, EQUATION) == [("AA901", 9), ("AA902", 9)]
    assert found(EQUATION, FUNCTION, EQUATION, FUNCTION, proved) == [("AA902", 1)]
    assert found("$$x$$$$y$$", FUNCTION, proved) == [("AA901", 1), ("AA902", 1)]


@pytest.mark.parametrize("heading", ["## Sampling", "#### Deep { #deep }"])
def test_a_heading_ends_what_belongs_to_an_equation(found: Callable[..., Found], proved: str, heading: str) -> None:
    assert found(EQUATION, heading, FUNCTION, proved) == [("AA901", 1), ("AA902", 1)]
    assert found(EQUATION, FUNCTION, heading, proved) == [("AA902", 1)]


@pytest.mark.parametrize(
    "equation",
    ["$$x$$", "$$ x\n= y $$", "    $$\n    x\n    $$", "\\[\nx\n\\]", "\\begin{align*}\nx\n\\end{align*}",
     "$$\nleft open", "1. $$x$$"],
)  # fmt: skip
def test_however_an_equation_is_displayed(found: Callable[..., Found], equation: str) -> None:
    assert found("# DDPM", equation) == [("AA901", 3), ("AA902", 3)]


@pytest.mark.parametrize(
    "text",
    ["```latex\n$$\nx\n$$\n```", "~~~\n!!! warning\n~~~", "Write `$$x$$` for it.", "Inline $x$ and $y$, for $5.",
     "<!-- $$x$$ -->", "| `::: a.b` | b |", "!!! note\n\n    No mistake."],
)  # fmt: skip
def test_what_is_no_equation_and_no_mistake_needs_nothing(found: Callable[..., Found], text: str) -> None:
    assert found("# DDPM", text) == []


@pytest.mark.parametrize("hidden", ["```\n{}\n```", "<!--\n{}\n-->", "`{}`"])
def test_what_no_reader_sees_counts_for_nothing(found: Callable[..., Found], proved: str, hidden: str) -> None:
    assert found(EQUATION, hidden.format(FUNCTION), hidden.format(proved)) == [("AA901", 1), ("AA902", 1)]


@pytest.mark.parametrize("name", ["reference_impl.diffusion.ddpm", "reference_impl.diffusion.ddpm.TABLE"])
def test_a_module_or_a_constant_computes_nothing(
    found: Callable[..., Found], tmp_path: Path, proved: str, name: str
) -> None:
    found(EQUATION, f"::: {name}", proved)
    write(tmp_path / "reference_impl/diffusion/ddpm.py", "TABLE: tuple[int, int] = (1, 2)\n")
    assert [problem.code for page in check(tmp_path) for problem in page.problems] == ["AA901"]


def test_a_function_of_another_package_computes_nothing(found: Callable[..., Found], proved: str) -> None:
    assert ("AA901", 1) in found(EQUATION, "::: atlas.text.plain", proved)


@pytest.mark.parametrize(
    "name",
    [f"reference_impl.diffusion.{name}" for name in ("ddpm.beta", "nope.alpha", "nope", "ddpm.alpha.x", "ddpm..alpha")]
    + ["reference_impl/diffusion/ddpm.alpha", "..reference_impl.diffusion.ddpm.alpha"],
)
def test_a_function_that_is_none_is_named_once(found: Callable[..., Found], proved: str, name: str) -> None:
    codes = [code for code, _ in found(EQUATION, f"::: {name}", proved)]
    assert "AA903" in codes
    assert found("# DDPM", f"::: {name}") == [("AA903", 3)]


def test_a_link_may_lead_to_the_line(found: Callable[..., Found], proved: str) -> None:
    assert found(EQUATION, FUNCTION, proved.replace(".py)", ".py#L12)")) == []


def test_members_of_classes_are_found(tmp_path: Path, found: Callable[..., Found], proved: str) -> None:
    found(EQUATION, FUNCTION.replace("alpha", "Schedule.at"), proved)
    write(tmp_path / "reference_impl/diffusion/ddpm.py", "class Schedule:\n    def at(self, t): ...\n")
    assert check(tmp_path) == []


def test_a_proof_in_words_is_none(found: Callable[..., Found], language: str) -> None:
    mark = MARKS[language]
    for proof_in_words in (f"{mark}trivial.", f"{mark}`test_alpha`.", f"{mark}[test_alpha](https://example.org)", "x"):
        assert found(EQUATION, FUNCTION, proof_in_words) == [("AA902", 1)]


def test_a_proof_must_be_called_one(found: Callable[..., Found], proved: str, language: str) -> None:
    assert found(EQUATION, FUNCTION, proved.removeprefix(MARKS[language])) == [("AA902", 1)]
    other = MARKS["zh" if language == "en" else "en"]
    assert found(EQUATION, FUNCTION, proof(other, "test_alpha")) == [("AA902", 1)]


@pytest.mark.parametrize(
    "address",
    ["https://example.org/test_ddpm.py", "https://github.com/a/b/blob/main/tests/../tests/reference_impl/test_x.py",
     "https://github.com/aigc-atlas/aigc-atlas/blob/main/tests/reference_impl/diffusion/test_nope.py",
     "https://github.com/aigc-atlas/aigc-atlas/blob/main/reference_impl/diffusion/ddpm.py", "#alpha", ""],
)  # fmt: skip
def test_a_link_must_lead_to_the_test(found: Callable[..., Found], proved: str, address: str) -> None:
    assert found(EQUATION, FUNCTION, re.sub(r"\(.*\)", f"({address})", proved)) == [("AA904", 7)]


def test_a_test_that_is_named_anywhere_must_exist(found: Callable[..., Found]) -> None:
    assert found("# DDPM", f"Above, {proof('', 'test_nope')} says so.") == [("AA904", 3)]
    assert found("# DDPM", f"Above, {proof('', 'test_alpha')} says so.") == []


def test_a_test_in_a_class_is_found_and_one_inside_a_test_is_not(tmp_path: Path, found: Callable[..., Found]) -> None:
    found(proof("", "test_in_class"))
    file = tmp_path / "tests/reference_impl/diffusion/test_ddpm.py"
    write(file, "class TestAlpha:\n    def test_in_class(self): ...\n")
    assert check(tmp_path) == []
    write(file, "def test_alpha():\n    def test_in_class(): ...\n")
    assert len(check(tmp_path)) == 1


@pytest.mark.parametrize("box", ['!!! warning "Off by one"', "??? warning", '???+ warning "Off by one"'])
def test_a_box_must_end_in_a_proof(found: Callable[..., Found], proved: str, box: str) -> None:
    assert found("# DDPM", box, "    Words.\n    " + proved + "。") == []
    assert found("# DDPM", box, "    Words.", "    " + proved, "# Next", proved) == []
    assert found("# DDPM", box, "    Words.", proved) == [("AA905", 3)]
    assert found("# DDPM", box, "    " + proved, "    Words after it.") == [("AA905", 3)]
    assert found("# DDPM", box, "    " + proved, "    ```python\n    x = 0\n    ```") == [("AA905", 3)]
    assert found("# DDPM", box) == [("AA905", 3)]


def test_code_that_python_cannot_read_defines_nothing(found: Callable[..., Found], tmp_path: Path, proved: str) -> None:
    found(EQUATION, FUNCTION, proved)
    for broken in ("def alpha(:\n", "def alpha(): ...\n\0", "# coding: none\ndef alpha(): ...\n", "\udcff"):
        write(tmp_path / "reference_impl/diffusion/ddpm.py", broken)
        assert [problem.code for page in check(tmp_path) for problem in page.problems] == ["AA903"]


def test_pages_of_no_module_are_left_alone(tmp_path: Path, found: Callable[..., Found], language: str) -> None:
    found("# DDPM")
    write(tmp_path / f"docs/{language}/methods/diffusion/overview.md", EQUATION)
    write(tmp_path / f"docs/{language}/running.md", EQUATION)
    (tmp_path / f"docs/{language}/methods/diffusion/folder.md").mkdir()
    write(tmp_path / "reference_impl/diffusion/folder.py", "")
    assert check(tmp_path) == []


def test_a_page_that_is_no_utf_8_is_read_as_far_as_possible(found: Callable[..., Found]) -> None:
    assert found("# \udcff\udcfe", EQUATION) == [("AA901", 3), ("AA902", 3)]


@pytest.mark.parametrize("page", REAL)
def test_each_equation_of_the_real_pages_is_missed_without_its_function_or_proof(page: str, tmp_path: Path) -> None:
    """The whole page stands beside the real code; then every equation, or every box, loses what belongs to it."""
    for folder in ("reference_impl", "tests"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    text = (ROOT / page).read_text(encoding="utf-8")
    mark = MARKS["zh" if page.startswith("docs/zh") else "en"].strip()

    def judged(lost: str) -> Found:
        write(tmp_path / page, re.sub(lost, "", text, flags=re.MULTILINE))
        return [(problem.code, problem.position.line) for page in check(tmp_path) for problem in page.problems]

    lines = text.splitlines()
    equations = [number for number, line in enumerate(lines, start=1) if line == "$$"][::2]
    boxes = [number for number, line in enumerate(lines, start=1) if line.startswith("!!! warning")]
    assert equations
    assert boxes
    assert judged("^nothing of this$") == []
    assert judged("^::: .*") == [("AA901", line) for line in equations]
    assert judged(f"^{mark}.*") == [("AA902", line) for line in equations]
    assert judged(f"^    {mark}.*") == [("AA905", line) for line in boxes]
