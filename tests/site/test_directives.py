from __future__ import annotations

import html
import json
import re
from pathlib import Path

import markdown
import pytest
from bs4 import BeautifulSoup

from atlas.site.directives import RULE, DirectiveError, Directives
from atlas.site.pages import Pages
from atlas.site.record import source_sha256
from atlas.statistics import year_of

RECORD = {
    "seconds": {"to_picture": 41.7},
    "metrics": {"held_out_loss": 0.0812, "new_number": 3},
    "promises": {"seconds": {"at_most": 60.0, "kept": True}, "held_out_loss": {"at_most": 0.05, "kept": False}},
    "parameters": 123456,
    "steps": 1000,
    "seed": 0,
    "command": "python -m reference_impl train ddpm --set 'lr=1e-3'",
    "machine": {"device": "CPU <b>x</b>", "device_type": "cpu", "cpus": 2, "python": "3.11.7", "torch": "2.13.0"},
    "finished": "2026-11-23T15:00:00+00:00",
    "git": {"commit": "0123456789abcdef0123456789abcdef01234567", "dirty": True},
    "source_sha256": "0" * 64,
}


MODES = {
    "of": 25,
    "share": 20,
    "command": "python -m tests.benchmarks.modes --seeds 3",
    "machine": {"device": "CPU <b>x</b>", "torch": "2.13.0"},
    "finished": "2026-11-23T15:00:00+00:00",
    "git": {"commit": "0123456789abcdef0123456789abcdef01234567"},
    "methods": {
        "ddpm": {
            "module": "reference_impl.diffusion.ddpm",
            "source_sha256": "0" * 64,
            "runs": [
                {"seed": 0, "modes": 25, "held": 21, "low_quality": 0.1, "seconds": 30.2},
                {"seed": 1, "modes": 23, "held": 19, "low_quality": 0.3, "seconds": 31.0},
                {"seed": 2, "modes": 24, "held": 20, "low_quality": 0.22, "seconds": 29.0},
            ],
        }
    },
}


@pytest.fixture
def directives(tmp_path: Path, pages: dict[str, Pages]) -> Directives:
    folder = tmp_path / "reference_impl" / "diffusion"
    folder.mkdir(parents=True)
    (folder / "ddpm.py").write_text("import torch\nfrom reference_impl import data\n")
    return Directives(tmp_path, pages["en"])


def write_record(root: Path, record: object, name: str = "ddpm/digits") -> None:
    file = root / "reference_impl" / "results" / name / "record.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(record))


def test_counts_lead_to_the_lists(directives: Directives) -> None:
    page = directives.expand("before\n\n<!-- atlas: counts -->\n\nafter", "methods/x.md", "x.md")
    assert "](../papers/index.md)" in page
    assert page.startswith("before\n")
    assert page.endswith("after\n")


def test_entries_are_linked_from_where_the_page_lies(directives: Directives) -> None:
    assert "](catalog/ddpm.md)" in directives.expand("<!-- atlas: entries ddpm vae -->", "index.md", "x.md")
    assert "](../../catalog/vae.md)" in directives.expand("<!-- atlas: entries vae -->", "a/b/c.md", "x.md")


def test_a_timeline_goes_from_the_oldest_to_the_newest(directives: Directives) -> None:
    filled = directives.expand("<!-- atlas: timeline ddpm gan dit vae -->", "guide/x.md", "x.md")
    shown = BeautifulSoup(markdown.markdown(filled, extensions=["md_in_html", "def_list", "attr_list"]), "html5lib")
    assert [year.text for year in shown.find_all("dt")] == ["2013", "2014", "2020", "2022"]
    stations = [item.find("a")["href"] for item in shown.find_all("dd")]
    assert stations == [f"../catalog/{name}.md" for name in ("vae", "gan", "ddpm", "dit")]


def test_a_timeline_asks_for_a_year(directives: Directives) -> None:
    undated = next(entry.id for entry in directives.pages.catalog if year_of(entry) is None)
    with pytest.raises(DirectiveError, match=f"without one: {undated}"):
        directives.expand(f"<!-- atlas: timeline ddpm {undated} -->", "guide/x.md", "x.md")


def test_related_lists_the_paper_and_what_it_is_related_to(directives: Directives) -> None:
    page = directives.expand("<!-- atlas: related impl:diffusion.ddpm -->", "methods/diffusion/ddpm.md", "x.md")
    assert "](../../catalog/ddpm.md)" in page
    assert "](../../catalog/ddim.md)" in page


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("<!-- atlas: recrod ddpm/digits -->", "unknown directive 'recrod'"),
        ("<!-- atlas: -->", "unknown directive ''"),
        ("<!-- atlas: entries -->", "none given"),
        ("<!-- atlas: entries ddpm nosuch -->", "unknown: nosuch"),
        ("<!-- atlas: counts all -->", "takes no argument"),
        ("<!-- atlas: modes all -->", "takes no argument"),
        ("<!-- atlas: cache_gain all -->", "takes no argument"),
        ("<!-- atlas: samplers all -->", "takes no argument"),
        ("<!-- atlas: parameterisations all -->", "takes no argument"),
        ("<!-- atlas: related -->", "takes one target"),
        ("<!-- atlas: related impl:no.such -->", "nothing in the catalog"),
        ("<!-- atlas: record ../../etc/x -->", "takes one run"),
        ("<!-- atlas: record nosuch/digits -->", "'nosuch'"),
        ("<!-- atlas: samples -->", "takes one run"),
        ("<!-- atlas: samples ../../etc/x -->", "takes one run"),
        ("<!-- atlas: samples gpt/docs -1 -->", "takes one run"),
        ("<!-- atlas: samples gpt/docs 1 2 -->", "takes one run"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_line(directives: Directives, line: str, said: str) -> None:
    with pytest.raises(DirectiveError, match=r"^docs/en/x\.md:3: ") as raised:
        directives.expand(f"# X\n\n{line}\n", "x.md", "docs/en/x.md")
    assert said in str(raised.value)


def test_a_directive_in_a_code_block_is_left_alone(directives: Directives) -> None:
    source = "```\n<!-- atlas: nosuch -->\n```\n\n~~~~\n```\n<!-- atlas: nosuch -->\n~~~~\n"
    assert directives.expand(source, "x.md", "x.md") == source


def test_an_indented_directive_stays_in_its_block(directives: Directives) -> None:
    page = directives.expand("!!! note\n\n    <!-- atlas: counts -->\n", "x.md", "x.md")
    assert all(line.startswith("    ") for line in page.splitlines()[2:] if line)


def test_without_a_record_the_page_says_so(directives: Directives) -> None:
    assert "No run is recorded yet" in directives.expand("<!-- atlas: record ddpm/digits -->", "x.md", "x.md").replace(
        "&#46;", "."
    )


def test_a_record_shows_its_numbers_and_its_faults(directives: Directives) -> None:
    write_record(directives.root, RECORD)
    page = directives.expand("<!-- atlas: record ddpm/digits -->", "x.md", "x.md")
    for shown in ("41&#46;7", "0&#46;0812", "123&#44;456", "0123456789", "with uncommitted changes", "not kept"):
        assert shown in page
    assert "<b>" not in page
    assert "Stale" in page
    assert "Not run on a GPU" in page


def test_what_real_data_get_stands_below_what_samples_get(directives: Directives) -> None:
    metrics = {"irregular": 0.2, "copied": 5.0, "irregular_real": 0.1, "copied_real": 29.0}
    write_record(directives.root, {**RECORD, "metrics": metrics, "promises": {}})
    shown = directives.expand("<!-- atlas: record ddpm/digits -->\n", "index.md", "x")
    rows = [line.split("|")[2].strip() for line in html.unescape(shown).splitlines() if line.startswith("|")]
    assert rows[3:7] == ["0.2", "0.1", "5", "29"]


@pytest.mark.parametrize(("value", "shown"), [(4758.6, "4,759"), (999.4, "999"), (41.66, "41.7"), (0.00004, "4e-05")])
def test_long_times_are_read_in_seconds_without_an_exponent(directives: Directives, value: float, shown: str) -> None:
    write_record(directives.root, {**RECORD, "seconds": {"to_picture": value}, "metrics": {}})
    page = html.unescape(directives.expand("<!-- atlas: record ddpm/digits -->\n", "index.md", "x"))
    assert f"| {shown} |" in page


def test_a_fresh_record_on_a_gpu_says_neither(directives: Directives) -> None:
    fresh = {**RECORD, "source_sha256": source_sha256(directives.root, "reference_impl.diffusion.ddpm")}
    write_record(directives.root, fresh)
    write_record(directives.root, {**fresh, "machine": {**RECORD["machine"], "device_type": "cuda"}}, "ddpm/other")
    page = directives.expand("<!-- atlas: record ddpm/digits -->", "x.md", "x.md")
    assert "Stale" not in page
    assert "Not run on a GPU" not in page


def test_a_broken_record_is_an_error_with_its_name(directives: Directives) -> None:
    write_record(directives.root, {"schema": 1})
    with pytest.raises(DirectiveError, match=r"x\.md:1: reference_impl/results/ddpm/digits/record\.json"):
        directives.expand("<!-- atlas: record ddpm/digits -->", "x.md", "x.md")


def write_modes(root: Path, modes: object) -> None:
    folder = root / "reference_impl" / "results"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "modes.json").write_text(json.dumps(modes))


def test_without_a_table_of_modes_the_page_says_so(directives: Directives) -> None:
    page = directives.expand("<!-- atlas: modes -->", "methods/gan/index.md", "x.md")
    assert "These runs have not been made yet" in page


def test_the_table_of_modes_shows_every_seed_and_leads_to_the_method(directives: Directives) -> None:
    write_modes(directives.root, MODES)
    page = directives.expand("<!-- atlas: modes -->", "methods/gan/index.md", "x.md")
    plain = html.unescape(page)
    assert "Modes found of 25" in plain
    assert "Those that hold 20 samples or more" in plain
    (row,) = [line for line in plain.splitlines() if "ddpm" in line and line.startswith("|")]
    assert row == "| [`ddpm`](../diffusion/ddpm.md) | 25, 23, 24 | 21, 19, 20 | 22.0% (10.0% – 30.0%) | 30 |"
    assert "python -m tests.benchmarks.modes --seeds 3" in plain
    assert "0123456789" in plain
    assert "<b>" not in page


def test_the_table_of_modes_names_the_methods_whose_code_has_changed(directives: Directives) -> None:
    write_modes(directives.root, MODES)
    page = directives.expand("<!-- atlas: modes -->", "x.md", "x.md")
    assert "Stale" in page
    fresh = source_sha256(directives.root, "reference_impl.diffusion.ddpm")
    write_modes(directives.root, {**MODES, "methods": {"ddpm": {**MODES["methods"]["ddpm"], "source_sha256": fresh}}})  # type: ignore[index]
    assert "Stale" not in directives.expand("<!-- atlas: modes -->", "x.md", "x.md")


def test_the_table_of_modes_speaks_chinese(tmp_path: Path, pages: dict[str, Pages]) -> None:
    write_modes(tmp_path, MODES)
    plain = html.unescape(Directives(tmp_path, pages["zh"]).expand("<!-- atlas: modes -->", "x.md", "x.md"))
    assert "25 个模式中找到的个数" in plain
    assert "| 25、23、24 | 21、19、20 | 22.0%（10.0% – 30.0%） | 30 |" in plain


@pytest.mark.parametrize("broken", [{}, [], {**MODES, "methods": {"ddpm": {"module": "x"}}}, {**MODES, "of": "many"}])
def test_a_broken_table_of_modes_is_an_error_with_its_name(directives: Directives, broken: object) -> None:
    write_modes(directives.root, broken)
    with pytest.raises(DirectiveError, match=r"x\.md:1: reference_impl/results/modes\.json is not a table of modes"):
        directives.expand("<!-- atlas: modes -->", "x.md", "x.md")


def write_texts(root: Path, *texts: str) -> None:
    file = root / "reference_impl" / "results" / "gpt" / "docs" / "samples.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(RULE.join(texts) + "\n", encoding="utf-8")


def test_what_a_run_wrote_is_shown_as_it_is_and_only_so_much_as_asked(directives: Directives):
    write_texts(directives.root, "first\n\n  text", "second")
    line = "<!-- atlas: samples gpt/docs{} -->\n"
    first = "~~~ { .text .atlas-written }\nfirst\n\n  text\n~~~\n"
    assert directives.expand(line.format(" 1"), "index.md", "x") == first
    both = directives.expand(line.format(""), "index.md", "x")
    assert both.startswith("~~~ { .text .atlas-written }\nfirst")
    assert both.endswith("─\n\nsecond\n~~~\n")


def test_what_a_run_wrote_never_becomes_markup(directives: Directives):
    hostile = '~~~\n<script>alert(1)</script>\n~~~~~\n--8<-- "index.md"\n<!-- atlas: counts -->'
    write_texts(directives.root, hostile)
    shown = directives.expand("<!-- atlas: samples gpt/docs -->\n", "index.md", "x")
    lines = shown.splitlines()
    assert lines[0] == "~~~~~~ { .text .atlas-written }"
    assert lines.index("~~~~~~") == len(lines) - 1
    assert "\n--8<--" not in shown
    assert "<!-- atlas: counts -->" in shown
    engine = markdown.Markdown(extensions=["pymdownx.superfences", "pymdownx.snippets"])
    rendered = BeautifulSoup(engine.convert(shown), "html.parser")
    assert rendered.find("script") is None
    assert [part.name for part in rendered.find_all(recursive=False)] == ["div"]
    assert rendered.text.strip() == hostile


def test_without_texts_the_page_says_so(directives: Directives):
    assert "!!! note" in directives.expand("<!-- atlas: samples gpt/docs -->\n", "index.md", "x")


def test_texts_are_parted_by_the_rule_that_the_command_line_writes():
    pytest.importorskip("torch")
    from reference_impl import cli

    assert cli.RULE == RULE


GAIN = {
    "command": "python -m tests.benchmarks.kv_cache",
    "machine": {"device": "CPU <b>x</b>", "torch": "2.13.0"},
    "finished": "2026-11-27T15:00:00+00:00",
    "git": {"commit": "0123456789abcdef0123456789abcdef01234567"},
    "module": "reference_impl.diffusion.ddpm",
    "source_sha256": "0" * 64,
    "rows": [{"tokens": 1024, "seconds_without": 12.25, "seconds_with": 1.5, "ratio": 8.23}],
}


def write_gain(root: Path, table: object) -> None:
    file = root / "reference_impl" / "results" / "kv_cache.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(table), encoding="utf-8")


def test_the_caches_gain_is_shown_with_how_it_was_measured(directives: Directives) -> None:
    line = "<!-- atlas: cache_gain -->\n"
    assert "!!! note" in directives.expand(line, "index.md", "x")
    write_gain(directives.root, GAIN)
    shown = directives.expand(line, "index.md", "x")
    assert "| 1,024 | 12.25 | 1.50 | 8.2 |" in html.unescape(shown)
    assert re.search(r"</code>, .+, \d{4}-\d\d-\d\d, ", html.unescape(shown))  # a list with its spaces
    assert "!!! warning" in shown
    assert "<b>" not in shown
    write_gain(directives.root, {**GAIN, "source_sha256": source_sha256(directives.root, GAIN["module"])})
    assert "!!! warning" not in directives.expand(line, "index.md", "x")


def test_a_broken_table_of_the_caches_gain_is_an_error_with_its_name(directives: Directives) -> None:
    write_gain(directives.root, {"rows": [{}]})
    with pytest.raises(DirectiveError, match=r"x:1: .*kv_cache\.json is not a table"):
        directives.expand("<!-- atlas: cache_gain -->\n", "index.md", "x")


def test_the_fingerprint_of_the_code_is_the_one_that_records_hold(root: Path) -> None:
    pytest.importorskip("torch")
    from reference_impl import record, registry

    for entry in registry.METHODS.values():
        assert source_sha256(root, entry.module) == record.source_sha256(entry.module)


def rows(best: float, *evaluations: int) -> list[dict[str, float]]:
    return [{"evaluations": n, "frechet": best / n, "class_error": 0.5 / n} for n in evaluations]


MADE = {"module": "reference_impl.diffusion.ddpm", "source_sha256": "0" * 64}
SAMPLERS = {
    "command": "python -m tests.benchmarks.samplers",
    "machine": {"device": "CPU <b>x</b>", "torch": "2.13.0"},
    "finished": "2026-11-28T15:00:00+00:00",
    "git": {"commit": "0123456789abcdef0123456789abcdef01234567"},
    "samples": 360,
    "real": {"frechet": 0.51, "class_error": 0.0222},
    "models": {"guidance": MADE, "edm": MADE},
    "samplers": {
        "ddpm": {"model": "guidance", **MADE, "rows": [{"evaluations": 1000, "frechet": 1.0, "class_error": 0}]},
        "ddim_1": {"model": "guidance", **MADE, "rows": rows(9, 4, 6)},
        "ddim_0": {"model": "guidance", **MADE, "rows": rows(8, 4, 6)},
        "edm_heun": {"model": "edm", **MADE, "rows": rows(7, 5, 7)},
    },
}


def write_result(root: Path, name: str, table: object) -> None:
    file = root / "reference_impl" / "results" / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(table), encoding="utf-8")


def test_samplers_are_drawn_and_all_their_numbers_stand_below(directives: Directives) -> None:
    line = "<!-- atlas: samplers -->\n"
    assert "These runs have not been made yet" in directives.expand(line, "methods/diffusion/samplers.md", "x")
    write_result(directives.root, "samplers", SAMPLERS)
    page = directives.expand(line, "methods/diffusion/samplers.md", "x")
    plain = html.unescape(page)
    rows = [line for line in plain.splitlines() if line.startswith("| [")]
    assert rows[0] == "| [DDPM](ddpm.md) | 1,000 | 1.00 | 0.0% |"
    assert rows[1] == "| [DDIM, η = 1](ddpm.md) | 4 | 2.25 | 12.5% |"
    assert len(rows) == 7
    assert "| Real digits | | 0.51 | 2.2% |" in plain
    assert "360 samples in each row" in plain
    assert "python -m tests.benchmarks.samplers" in plain
    assert "<b>" not in page
    chart = BeautifulSoup(page, "html.parser").find("svg", role="img")
    assert chart is not None
    assert len(chart.find_all("circle")) == 7
    looks = [" ".join(dot["class"]) for dot in chart.find_all("circle")]
    assert looks == [
        "atlas-line-0",
        *["atlas-line-0"] * 2,
        *["atlas-line-0 atlas-line-dashed"] * 2,
        *["atlas-line-1"] * 2,
    ]


def test_a_point_far_off_is_in_the_table_and_does_not_flatten_the_chart(directives: Directives) -> None:
    far = {"model": "edm", **MADE, "rows": [{"evaluations": 3, "frechet": 514.3, "class_error": 0.9}, *rows(7, 5, 7)]}
    write_result(directives.root, "samplers", {**SAMPLERS, "samplers": {**SAMPLERS["samplers"], "edm_heun": far}})  # type: ignore[dict-item]
    page = directives.expand("<!-- atlas: samplers -->\n", "methods/diffusion/samplers.md", "x")
    assert "| [EDM, Heun](ddpm.md) | 3 | 514.30 | 90.0% |" in html.unescape(page)
    assert "more than ten times" in page
    chart = BeautifulSoup(page, "html.parser").find("svg", role="img")
    assert chart is not None
    assert "514.3" not in str(chart)
    assert len(chart.find_all("circle")) == 7


def test_samplers_whose_code_or_model_has_changed_are_named(directives: Directives) -> None:
    fresh = source_sha256(directives.root, MADE["module"])
    now = {**MADE, "source_sha256": fresh}
    samplers = {name: {**sampler, **now} for name, sampler in SAMPLERS["samplers"].items()}  # type: ignore[attr-defined]

    def warnings(**models: object) -> list[str]:
        write_result(directives.root, "samplers", {**SAMPLERS, "samplers": samplers, "models": models})
        page = html.unescape(directives.expand("<!-- atlas: samplers -->\n", "x.md", "x"))
        return [row.partition("of: ")[2] for row in page.splitlines() if "Stale" in row]

    assert warnings(guidance=now, edm=now) == []
    assert warnings(guidance=now, edm=MADE) == ["EDM, Heun"]
    samplers["ddpm"] = {**samplers["ddpm"], **MADE}
    assert warnings(guidance=now, edm=now) == ["DDPM"]


@pytest.mark.parametrize(
    "broken",
    [
        {},
        [],
        {**SAMPLERS, "real": {}},
        {**SAMPLERS, "models": {}},
        {**SAMPLERS, "samplers": {"unheard_of": SAMPLERS["samplers"]["ddpm"]}},  # type: ignore[index]
        {**SAMPLERS, "real": {"frechet": 0, "class_error": 0}},
    ],
)
def test_a_broken_table_of_samplers_is_an_error_with_its_name(directives: Directives, broken: object) -> None:
    write_result(directives.root, "samplers", broken)
    with pytest.raises(DirectiveError, match=r"x:1: .*samplers\.json is not a table of samplers"):
        directives.expand("<!-- atlas: samplers -->\n", "index.md", "x")


PARAMETERISATIONS = {
    **{key: SAMPLERS[key] for key in ("machine", "finished", "git", "real")},
    **MADE,
    "command": "python -m tests.benchmarks.parameterisations",
    "steps": 800,
    "rows": [
        {
            "prediction": "x_0",
            "schedule": "cosine",
            "network": "dit",
            "noise_error": 0.12345,
            "frechet": 1.236,
            "class_error": 0.0111,
            "seconds": 41.7,
        }
    ],
}


def test_parameterisations_are_shown_with_how_they_were_trained(directives: Directives) -> None:
    line = "<!-- atlas: parameterisations -->\n"
    page = "methods/diffusion/parameterisations.md"
    assert "These runs have not been made yet" in directives.expand(line, page, "x")
    write_result(directives.root, "parameterisations", PARAMETERISATIONS)
    shown = directives.expand(line, page, "x")
    plain = html.unescape(shown)
    assert "| [DiT](dit.md) | cosine | data | 0.123 | 1.24 | 1.1% | 42 |" in plain
    assert "| Real digits | | | | 0.51 | 2.2% | |" in plain
    assert "Each trained for 800 steps" in plain
    assert "!!! warning" in shown
    assert "<b>" not in shown
    fresh = source_sha256(directives.root, MADE["module"])
    write_result(directives.root, "parameterisations", {**PARAMETERISATIONS, "source_sha256": fresh})
    assert "!!! warning" not in directives.expand(line, page, "x")


def test_both_tables_speak_chinese(tmp_path: Path, pages: dict[str, Pages], directives: Directives) -> None:
    write_result(tmp_path, "samplers", SAMPLERS)
    write_result(tmp_path, "parameterisations", PARAMETERISATIONS)
    chinese = Directives(tmp_path, pages["zh"])
    plain = html.unescape(chinese.expand("<!-- atlas: samplers -->\n<!-- atlas: parameterisations -->", "x.md", "x"))
    assert "| [EDM，Heun 法](methods/diffusion/ddpm.md) | 5 | 1.40 | 10.0% |" in plain
    assert "每行 360 个样本" in plain
    assert "| [DiT](methods/diffusion/dit.md) | 余弦 | 数据 | 0.123 | 1.24 | 1.1% | 42 |" in plain


@pytest.mark.parametrize("broken", [{}, [], {**PARAMETERISATIONS, "rows": [{}]}, {**PARAMETERISATIONS, "steps": "all"}])
def test_a_broken_table_of_parameterisations_is_an_error_with_its_name(directives: Directives, broken: object) -> None:
    write_result(directives.root, "parameterisations", broken)
    with pytest.raises(DirectiveError, match=r"x:1: .*parameterisations\.json is not a table of parameterisations"):
        directives.expand("<!-- atlas: parameterisations -->\n", "index.md", "x")
