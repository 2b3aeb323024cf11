"""Presets trained for a benchmark: by the command that readers are told to use, each in a process of its own.

Each trains on the processor with one thread, so that two of them have a core each and their times can be compared.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "reference_impl" / "results"
AT_A_TIME = 2


def run(
    what: str, method: str, preset: str, seed: int, folder: Path | str, settings: Iterable[str] = ()
) -> dict[str, Any]:
    """The record of one run.

    Args:
        what: What to call it, if it fails.
        method: The method.
        preset: Its preset.
        seed: The seed.
        folder: Where its files go.
        settings: What differs from the preset, as `field=value`.

    Raises:
        RuntimeError: It failed.
    """
    words = [sys.executable, "-m", "reference_impl", "train", method, "--preset", preset, "--seed", str(seed)]
    words += ["--device", "cpu", *(word for setting in settings for word in ("--set", setting))]
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    done = subprocess.run(
        [*words, "--out", str(folder)], cwd=ROOT, env=one_thread, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{what} ended with {done.returncode}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(Path(folder, "record.json").read_text(encoding="utf-8"))
    return found
