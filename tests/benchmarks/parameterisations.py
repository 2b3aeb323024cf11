"""What the network predicts, by which schedule, with which backbone: the twelve combinations, trained alike.

    python -m tests.benchmarks.parameterisations        # writes reference_impl/results/parameterisations.json
    python -m tests.benchmarks.parameterisations --steps 100 --out table.json

Each is the method `guidance` on digits with one setting in the place of another, trained by the command that readers
are told to use: with the same seed and as many steps, each in a process of its own, on the processor, with one thread,
two at a time. What differs besides is the preset of the backbone (width, patches). Each is judged by the mean squared
error of the noise that its prediction implies of held-out images, at 20 times, and by samples.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, get_args

from reference_impl import record
from reference_impl.diffusion.guidance import ScheduleName
from reference_impl.diffusion.parameterisation import Prediction
from reference_impl.registry import METHODS
from tests.benchmarks import runs

RESULTS = runs.RESULTS / "parameterisations.json"
SCHEMA = 1
METHOD = "guidance"
PRESETS = {"unet": "digits", "dit": "digits_dit"}
"""Each backbone's preset."""
STEPS = 800


class Combination(NamedTuple):
    """What is compared."""

    prediction: str
    schedule: str
    network: str


def combinations() -> list[Combination]:
    """All of them: each prediction with each schedule and each backbone."""
    parts = itertools.product(PRESETS, get_args(ScheduleName), get_args(Prediction))
    return [Combination(prediction, schedule, network) for network, schedule, prediction in parts]


def train(one: Combination, seed: int, steps: int, more: Iterable[str] = ()) -> dict[str, Any]:
    """The record of one run, in a process of its own; `more` are further settings."""
    settings = [*(f"{name}={value}" for name, value in one._asdict().items()), f"steps={steps}", *more]
    with tempfile.TemporaryDirectory() as folder:
        return runs.run(" ".join(one), METHOD, PRESETS[one.network], seed, folder, settings)


def measure(seed: int, steps: int) -> dict[str, Any]:
    """All the runs, as the file holds them."""
    git, asked = record.git_state(), combinations()
    with ThreadPoolExecutor(runs.AT_A_TIME) as pool:
        records = list(pool.map(lambda one: train(one, seed, steps), asked))
    first = records[0]
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "git": git,
        "machine": {**first["machine"], "at_a_time": runs.AT_A_TIME},
        "module": METHODS[METHOD].module,
        "source_sha256": first["source_sha256"],
        "seed": seed,
        "steps": steps,
        "real": {name: round(first["metrics"][f"{name}_real"], 4) for name in ("frechet", "class_error")},
        "rows": [
            {
                **one._asdict(),
                "noise_error": round(found["metrics"]["held_out_loss"], 4),
                "frechet": round(found["metrics"]["frechet"], 4),
                "class_error": round(found["metrics"]["class_error"], 4),
                "seconds": found["seconds"]["train"],
                "parameters": found["parameters"],
                "weights_sha256": found["weights_sha256"],
            }
            for one, found in zip(asked, records, strict=True)
        ],
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark, print the table, write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=STEPS, help=f"steps of each training (default: {STEPS})")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args(argv)
    if args.steps < 1:
        parser.error(f"--steps is {args.steps}; expected at least 1")
    found = measure(args.seed, args.steps)
    for row in found["rows"]:
        name = f"{row['network']:5}{row['schedule']:7}{row['prediction']:4}"
        numbers = f"error of the noise {row['noise_error']:7.4f}  frechet {row['frechet']:7.3f}"
        print(f"{name}  {numbers}  class error {row['class_error']:.3f}  {row['seconds']:.0f} s")
    command = f"python -m tests.benchmarks.parameterisations --seed {args.seed} --steps {args.steps}"
    text = json.dumps({"schema": SCHEMA, "command": command, **found}, indent=1) + "\n"
    args.out.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
