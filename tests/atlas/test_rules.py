"""Every rule finds its own example, and only that; the mended lines pass; rules can be read in both languages."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from atlas import catalog
from atlas.checks.draft import Draft
from atlas.checks.facts import Facts
from atlas.cli import app
from atlas.explain import rules_page
from atlas.formatting import format_file
from atlas.rules import RULES, Language
from atlas.source import Document, parse
from tests.atlas.workshop import BASE, KIND_OF, build, files_of, good, implement, with_fields, write

pytestmark = pytest.mark.usefixtures("clock")
# The rules that compare with a table of facts, and the tables that their examples are compared with.
FACTS = {
    "AA418": {"2006.11239": Facts(("Denoising Diffusion Probabilistic Models",))},
    "AA419": {"2006.11239": Facts((), "", "Jonathan Ho")},
    "AA420": {"2101.00001": Facts((), "2020")},
}
# The rules about the site's implementations: their examples stand beside one.
IMPLEMENTED = {"AA507", "AA520"} | {code for code in RULES if code.startswith("AA9")}
LED_TO = "relations:\n  - type: implemented_here\n    target: impl:diffusion.ddpm\n"
# A file whose name differs in case only cannot but have an id that is none; an implementation that
# is misspelt is led to by no entry.
ACCOMPANIED = {"AA120": {"AA401"}, "AA507": {"AA520"}}


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("rules") / "base")


def codes(root: Path, code: str, former: list[Draft]) -> set[str]:
    """What the check says; an earlier commit and a table of facts are there for the rules that are about them."""
    problems = catalog.check(
        root,
        facts=FACTS.get(code),
        former=former if code in ("AA421", "AA422") else (),
        notes=RULES[code].severity == "note",
    )[1]
    return {problem.code for problem in problems}


def plant(code: str, workshop: Path, root: Path, example: str) -> tuple[Path, list[Draft]]:
    """Put the lines of an example into a copy of the good catalog.

    Returns:
        The copy, and the entries as they were before, with those that the example says were deleted.
    """
    shutil.copytree(workshop, root)
    if code in IMPLEMENTED:
        implement(root)
    if code.startswith("AA9"):
        write(root / "catalog/papers/ddpm.yaml", with_fields(BASE["papers/ddpm"], LED_TO))
    former = [draft(name, text) for name, text in BASE.items()]
    for path, said, lines in files_of(example):
        folder, stem = Path(path).parts[1], Path(path).stem
        base = BASE.get(f"{folder}/{stem}") or (good(folder, stem) if folder in KIND_OF else "")
        if said == "deleted":
            former.append(draft(f"{folder}/{stem}", base))
            continue
        write(root / path, with_fields(base, lines) if base else lines)
        if said.startswith("mode "):
            (root / path).chmod(int(said.removeprefix("mode "), 8))
    return root, former


def draft(name: str, text: str) -> Draft:
    document = Document(f"catalog/{name}.yaml")
    parse(text, document)
    return Draft(document, KIND_OF[name.split("/")[0]], name.split("/")[1])


def test_the_good_catalog_is_good(workshop: Path) -> None:
    assert catalog.check(workshop)[1] == ()


@pytest.mark.parametrize("code", [code for code in sorted(RULES) if RULES[code].command == "check"])
def test_each_rule_finds_its_example(code: str, workshop: Path, tmp_path: Path) -> None:
    rule = RULES[code]
    root, former = plant(code, workshop, tmp_path / "wrong", rule.example)
    found = codes(root, code, former)
    if rule.severity == "note":  # most terms are not used by so few entries
        assert code in found
        return
    assert found == {code} | ACCOMPANIED.get(code, set())


@pytest.mark.parametrize("code", sorted(RULES))
def test_the_mended_example_passes(code: str, workshop: Path, tmp_path: Path) -> None:
    root, former = plant(code, workshop, tmp_path / "right", RULES[code].mended)
    assert {found for found in codes(root, code, former) if RULES[found].severity != "note"} == set()


def test_formatting_finds_its_example(workshop: Path, tmp_path: Path) -> None:
    root, _ = plant("AA123", workshop, tmp_path / "odd", RULES["AA123"].example)
    file = root / "catalog/papers/ddpm.yaml"
    assert [problem.code for problem in format_file(file, "ddpm.yaml", "paper").problems] == ["AA123"]


@pytest.mark.parametrize("code", [code for code in sorted(RULES) if RULES[code].command == "refresh"])
def test_what_only_a_source_knows_is_no_mistake_by_itself(code: str, workshop: Path, tmp_path: Path) -> None:
    root, former = plant(code, workshop, tmp_path / "elsewhere", RULES[code].example)
    assert codes(root, code, former) == set()


def test_every_rule_speaks_both_languages() -> None:
    for code, rule in RULES.items():
        assert code == rule.code
        assert rule.example != rule.mended
        for sentence in (rule.message, rule.hint):
            assert sentence.en
            assert re.search(r"[\u4e00-\u9fff]", sentence.zh), code
            # The same blanks, or their Chinese twins, are filled in.
            blanks = {name.removesuffix("_zh") for name in re.findall(r"{(\w+)}", sentence.zh)}
            assert blanks == set(re.findall(r"{(\w+)}", sentence.en)), code


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_of_rules_has_them_all(language: Language) -> None:
    page = rules_page(language)
    assert re.findall(r"^### (AA\d{3}) { #(aa\d{3}) }$", page, re.MULTILINE) == [
        (code, code.lower()) for code in sorted(RULES)
    ]
    # Fences open and close, nothing invisible is left, and no template's blank.
    assert page.count("```") == 4 * len(RULES)
    assert all(character.isprintable() or character == "\n" for character in page)
    assert not re.search(r"(?<!\{)\{\w+\}", re.sub(r"```.*?```", "", page, flags=re.DOTALL))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_rule_explained(language: str) -> None:
    result = CliRunner().invoke(app, ["check", "--explain", "aa501", "--lang", language])
    assert result.exit_code == 0
    assert "family: [difusion]" in result.stdout
    assert "family: [diffusion]" in result.stdout
    assert ("Mended" if language == "en" else "改正后") in result.stdout


def test_a_rule_that_is_none() -> None:
    result = CliRunner().invoke(app, ["check", "--explain", "AA999"])
    assert result.exit_code == 2
    assert "no rule AA999" in result.output


def test_codes_are_never_given_up() -> None:
    """The first release's codes; whoever removes one breaks links and habits."""
    first = [*range(101, 117), *range(201, 209), *range(301, 309), *range(401, 413), *range(501, 510),
             *range(601, 610), *range(701, 705)]  # fmt: skip
    assert {f"AA{number}" for number in first} <= set(RULES)
