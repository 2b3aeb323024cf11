"""The table of samplers: made by the code as it is now; evaluations counted; each way to draw is the sampler's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from reference_impl import record
from reference_impl.data import Spec
from reference_impl.registry import METHODS
from tests.benchmarks import samplers

DIGITS = Spec((1, 8, 8), 10, 17)
LABELS = torch.tensor([3, 1, 4])


@pytest.fixture
def table() -> dict[str, Any]:
    if not samplers.RESULTS.exists():
        pytest.skip("no table has been made yet: python -m tests.benchmarks.samplers")
    found: dict[str, Any] = json.loads(samplers.RESULTS.read_text(encoding="utf-8"))
    return found


def test_the_committed_table_is_of_this_code(table: dict[str, Any]) -> None:
    for name, part in [*table["models"].items(), *table["samplers"].items()]:
        now = record.source_sha256(part["module"])
        assert part["source_sha256"] == now, f"{name} changed since: python -m tests.benchmarks.samplers"


def test_the_committed_table_is_whole(table: dict[str, Any]) -> None:
    assert table["command"] == "python -m tests.benchmarks.samplers"
    assert list(table["samplers"]) == list(samplers.SAMPLERS)
    for name, sampler in samplers.SAMPLERS.items():
        assert [row["steps"] for row in table["samplers"][name]["rows"]] == list(sampler.steps)


def test_what_the_page_says_of_the_committed_table_is_so(table: dict[str, Any]) -> None:
    got = {
        name: {row["evaluations"]: row["frechet"] for row in part["rows"]} for name, part in table["samplers"].items()
    }
    midpoint, ddim, mean_flow = got["flow_midpoint"], got["ddim_0"], got["mean_flow"]
    assert midpoint[10] <= 1.01 * midpoint[100]
    assert all(got[name][10] > midpoint[10] for name in ("ddim_0", "ddim_1", "edm_euler", "flow_euler"))
    assert ddim[20] <= 1.03 * min(ddim.values()) < got["ddpm"][1000]
    assert mean_flow[2] < 0.6 * mean_flow[1]
    for steps in (10, 20, 50, 100):  # Heun's last step is a single evaluation
        assert got["edm_heun"][steps + 1] > got["edm_euler"][steps]


def untrained(name: str) -> Any:
    """A method as its preset has it, moved away from the zeros of its first weights."""
    torch.manual_seed(0)
    module = METHODS[name].load()
    method = module.build(module.PRESETS[samplers.PRESET].config, DIGITS, "cpu")
    with torch.no_grad():
        for p in method.model.parameters():
            p.add_(0.05 * torch.randn_like(p))
    method.model.eval()
    return method


@pytest.mark.parametrize(
    ("name", "steps", "evaluations"),
    [
        ("ddim_1", 4, 4),
        ("ddim_0", 4, 4),
        ("edm_euler", 4, 4),
        ("edm_heun", 3, 5),
        ("flow_euler", 4, 4),
        ("flow_midpoint", 2, 4),
        ("mean_flow", 1, 1),
    ],
)
def test_evaluations_are_counted_and_classes_are_asked_for(name: str, steps: int, evaluations: int) -> None:
    sampler = samplers.SAMPLERS[name]
    method = untrained(sampler.method)
    with torch.no_grad(), samplers.counted(method.model) as count:
        drawn = sampler.draw(method, steps, LABELS, torch.Generator().manual_seed(0))
    assert count[0] == evaluations
    assert drawn.shape == (3, 1, 8, 8)
    assert drawn.isfinite().all()
    with torch.no_grad():
        others = sampler.draw(method, steps, LABELS + 1, torch.Generator().manual_seed(0))
    assert (drawn != others).any()
    assert count[0] == evaluations  # no longer counted


def test_ddpm_takes_all_its_steps_and_no_other_number() -> None:
    method = untrained("guidance")
    method.schedule = type(method.schedule).cosine(7)
    with torch.no_grad(), samplers.counted(method.model) as count:
        drawn = samplers.draw_ddpm(method, 7, LABELS, torch.Generator().manual_seed(0))
    assert count[0] == 7
    assert drawn.shape == (3, 1, 8, 8)
    with pytest.raises(ValueError, match="steps is 6; expected 7, one for each time"):
        samplers.draw_ddpm(method, 6, LABELS, torch.Generator())
    config = METHODS["guidance"].load().PRESETS[samplers.PRESET].config
    assert samplers.SAMPLERS["ddpm"].steps[0] == config.T


def test_the_largest_numbers_of_evaluations_agree() -> None:
    """So that the ends of the curves can be compared."""
    assert set(samplers.FEW) == {2 * n for n in samplers.PAIRS}
    assert [abs(2 * n - 1 - few) for n, few in zip(samplers.HEUN, samplers.FEW, strict=True)] == [1] * 6


def test_every_model_is_trained_once_and_every_sampler_is_judged(tmp_path: Path) -> None:
    out = tmp_path / "table.json"
    words = ["--steps", "2", "--samples", "20", "--most", "4", "--seed", "3", "--out", str(out)]
    assert samplers.main(words) == 0
    table = json.loads(out.read_text(encoding="utf-8"))
    assert table["command"] == "python -m tests.benchmarks.samplers --seed 3 --samples 20 --steps 2 --most 4"
    assert set(table["models"]) == {"guidance", "edm", "flow_matching", "mean_flow"}
    for model in table["models"].values():
        assert model["steps"] == 2
        assert model["seconds"] > 0
    assert list(table["samplers"]) == list(samplers.SAMPLERS)
    for name, sampler in table["samplers"].items():
        assert sampler["model"] in table["models"]
        assert [row["steps"] for row in sampler["rows"]] == [n for n in samplers.SAMPLERS[name].steps if n <= 4]
        for row in sampler["rows"]:
            assert row["evaluations"] >= row["steps"]
            assert row["frechet"] > table["real"]["frechet"]  # of two steps of training
            assert 0 <= row["class_error"] <= 1


def test_a_training_that_fails_says_which_and_why(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)edm ended with 2: .*steps is 0"):
        samplers.train("edm", 0, tmp_path, ["steps=0"])


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--steps", "0"], "at least 1"), (["--samples", "1"], "at least 2"), (["--most", "0"], "--most")],
)
def test_absurd_numbers_are_refused(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        samplers.main(words)
    assert said in capsys.readouterr().err
