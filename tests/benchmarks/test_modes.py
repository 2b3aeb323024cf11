"""The table of modes: made by the code as it is now, with the numbers that the issue asks for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from reference_impl import record
from reference_impl.metrics import grid_means
from reference_impl.registry import METHODS
from tests.benchmarks import modes

SEEDS = 5


@pytest.fixture
def table() -> dict[str, Any]:
    if not modes.RESULTS.exists():
        pytest.skip("no table has been made yet: python -m tests.benchmarks.modes")
    found: dict[str, Any] = json.loads(modes.RESULTS.read_text(encoding="utf-8"))
    return found


def test_the_committed_table_is_of_this_code(table: dict[str, Any]) -> None:
    for name, method in table["methods"].items():
        now = record.source_sha256(METHODS[name].module)
        assert method["source_sha256"] == now, f"{name} changed since: python -m tests.benchmarks.modes"


def test_the_committed_table_has_every_method_and_seed(table: dict[str, Any]) -> None:
    assert list(table["methods"]) == modes.methods()
    for method in table["methods"].values():
        assert [run["seed"] for run in method["runs"]] == list(range(SEEDS))
        assert len({run["weights_sha256"] for run in method["runs"]}) == SEEDS  # a seed that changes nothing is none


def test_r3gan_found_every_mode_with_every_seed(table: dict[str, Any]) -> None:
    assert [run["modes"] for run in table["methods"]["r3gan"]["runs"]] == [modes.MODES] * SEEDS


def test_no_more_is_held_than_is_found(table: dict[str, Any]) -> None:
    for method in table["methods"].values():
        assert all(0 <= run["held"] <= run["modes"] for run in method["runs"])


def test_points_are_held_by_the_gaussian_within_three_standard_deviations() -> None:
    means = grid_means()
    points = torch.cat([means, means[7:8] + torch.tensor([0.037, 0.0]), means[3:4] + torch.tensor([0.0, 0.038])])
    assert modes.held(points) == [1] * 7 + [2] + [1] * 17


def test_a_run_is_the_presets_and_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps find next to nothing; what is written down is what the record says."""
    shortened = modes.train
    monkeypatch.setattr(modes, "train", lambda method, seed, _: shortened(method, seed, ["steps=2"]))
    out = tmp_path / "modes.json"
    assert modes.main(["--methods", "gan", "--seeds", "2", "--out", str(out)]) == 0
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["command"] == "python -m tests.benchmarks.modes --seeds 2 --methods gan"
    assert found["schema"] == modes.SCHEMA
    assert found["machine"]["threads"] == 1
    (method,) = found["methods"].values()
    assert method["source_sha256"] == record.source_sha256("reference_impl.gan.gan")
    assert [run["seed"] for run in method["runs"]] == [0, 1]
    for run in method["runs"]:
        assert 0 <= run["modes"] < modes.MODES
        assert 0 <= run["held"] <= run["modes"]
        assert run["low_quality"] > 0.5
        assert run["seconds"] > 0


def test_a_run_that_fails_says_which_and_why() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)gan with seed 3 ended with 2: .*steps is 0"):
        modes.train("gan", 3, ["steps=0"])


def test_an_unknown_method_suggests_the_near_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        modes.main(["--methods", "r3gn"])
    assert "Did you mean 'r3gan'?" in capsys.readouterr().err
