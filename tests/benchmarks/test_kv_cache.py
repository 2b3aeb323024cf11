"""The table of what the cache saves: of the code as it is now, and made by two ways that write the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from reference_impl import record
from reference_impl.transformer import gpt
from tests.benchmarks import kv_cache


def test_the_committed_table_is_of_this_code_and_the_gain_grows_with_the_text() -> None:
    if not kv_cache.RESULTS.exists():
        pytest.skip("no table has been made yet: python -m tests.benchmarks.kv_cache")
    table = json.loads(kv_cache.RESULTS.read_text(encoding="utf-8"))
    assert table["source_sha256"] == record.source_sha256(table["module"])
    assert [row["tokens"] for row in table["rows"]] == list(kv_cache.LENGTHS)
    ratios = [row["ratio"] for row in table["rows"]]
    assert ratios[-1] > 2 * ratios[0]
    assert ratios[-1] > 3


def test_each_length_is_measured_and_written_down(tmp_path: Path) -> None:
    out, threads = tmp_path / "table.json", torch.get_num_threads()
    assert kv_cache.main(["--lengths", "3", "8", "--repeats", "1", "--out", str(out)]) == 0
    table = json.loads(out.read_text(encoding="utf-8"))
    assert [row["tokens"] for row in table["rows"]] == [3, 8]
    assert table["machine"]["threads"] == 1
    assert torch.get_num_threads() == threads  # the bits of other tests depend on it
    for row in table["rows"]:
        assert row["seconds_without"] > 0
        assert row["seconds_with"] > 0


def test_two_ways_that_do_not_agree_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpt, "write", lambda *_: torch.ones(1, 4, dtype=torch.long))
    with pytest.raises(RuntimeError, match="another text of 3 tokens"):
        kv_cache.measure([3], 1)


def test_absurd_lengths_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        kv_cache.main(["--lengths", "0"])
    assert "at least 1" in capsys.readouterr().err
