"""The table of predictions, schedules and backbones: made by the code as it is now, with all that it compares."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reference_impl import record
from reference_impl.registry import METHODS
from tests.benchmarks import parameterisations
from tests.benchmarks.parameterisations import Combination, combinations

TWO = [Combination("eps", "linear", "unet"), Combination("x_0", "cosine", "dit")]
SHORT = ["sample_steps=2", "evaluate_on=20"]


@pytest.fixture
def table() -> dict[str, Any]:
    if not parameterisations.RESULTS.exists():
        pytest.skip("no table has been made yet: python -m tests.benchmarks.parameterisations")
    found: dict[str, Any] = json.loads(parameterisations.RESULTS.read_text(encoding="utf-8"))
    return found


def test_the_committed_table_is_of_this_code(table: dict[str, Any]) -> None:
    now = record.source_sha256(table["module"])
    assert table["source_sha256"] == now, "it changed since: python -m tests.benchmarks.parameterisations"


def test_the_committed_table_has_every_combination(table: dict[str, Any]) -> None:
    assert [Combination(row["prediction"], row["schedule"], row["network"]) for row in table["rows"]] == combinations()
    assert table["steps"] == parameterisations.STEPS
    assert len({row["weights_sha256"] for row in table["rows"]}) == len(combinations())  # a setting that is not read


def test_what_the_page_says_of_the_committed_table_is_so(table: dict[str, Any]) -> None:
    frechet = {Combination(row["prediction"], row["schedule"], row["network"]): row["frechet"] for row in table["rows"]}
    for (prediction, schedule, network), distance in frechet.items():
        assert schedule == "linear" or distance < frechet[Combination(prediction, "linear", network)]
    for network, first_to_last in (("unet", ["eps", "v", "x_0"]), ("dit", ["v", "x_0", "eps"])):
        for schedule in ("linear", "cosine"):
            assert first_to_last == sorted(
                first_to_last, key=lambda name: frechet[Combination(name, schedule, network)]
            )


def test_the_combinations_are_twelve_and_each_network_has_its_preset() -> None:
    assert len(set(combinations())) == 12
    presets = METHODS["guidance"].load().PRESETS
    for network, preset in parameterisations.PRESETS.items():
        assert presets[preset].config.network == network
        assert presets[preset].train.data == "digits"


def test_each_run_is_what_was_asked_for_and_is_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records, shortened = {}, parameterisations.train

    def train(one: Combination, seed: int, steps: int) -> dict[str, Any]:
        records[one] = shortened(one, seed, steps, SHORT)
        return records[one]

    monkeypatch.setattr(parameterisations, "train", train)
    monkeypatch.setattr(parameterisations, "combinations", lambda: TWO)
    out = tmp_path / "table.json"
    assert parameterisations.main(["--steps", "2", "--seed", "3", "--out", str(out)]) == 0
    table = json.loads(out.read_text(encoding="utf-8"))
    assert table["command"] == "python -m tests.benchmarks.parameterisations --seed 3 --steps 2"
    assert table["source_sha256"] == record.source_sha256("reference_impl.diffusion.guidance")
    assert table["machine"]["threads"] == 1
    assert set(table["real"]) == {"frechet", "class_error"}
    for one, row in zip(TWO, table["rows"], strict=True):
        settings, metrics = records[one]["config"], records[one]["metrics"]
        assert (row["prediction"], row["schedule"], row["network"]) == tuple(one)
        assert (settings["prediction"], settings["schedule"], settings["network"]) == tuple(one)
        assert (settings["steps"], records[one]["seed"]) == (2, 3)
        assert row["noise_error"] == pytest.approx(metrics["held_out_loss"], abs=1e-4)
        assert row["frechet"] == pytest.approx(metrics["frechet"], abs=1e-4)
        assert row["class_error"] == pytest.approx(metrics["class_error"], abs=1e-4)
        assert row["seconds"] > 0
    assert table["rows"][0]["parameters"] != table["rows"][1]["parameters"]


def test_a_run_that_fails_says_which_and_why() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)eps linear unet ended with 2: .*steps is 0"):
        parameterisations.train(TWO[0], 0, 0)


def test_no_steps_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parameterisations.main(["--steps", "0"])
    assert "at least 1" in capsys.readouterr().err
