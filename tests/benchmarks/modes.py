"""How many of 25 Gaussians in the plane each GAN finds, over several seeds.

    python -m tests.benchmarks.modes                     # writes reference_impl/results/modes.json
    python -m tests.benchmarks.modes --seeds 2 --methods gan

Each method that has a preset `gaussians` is trained as that preset says, by the command that readers are told to use,
once with each seed and each time in a process of its own: on the processor, with one thread, two at a time. Each is
judged by 2,500 samples. A Gaussian is found if any of them lies within three standard deviations of its mean, as is
usual; a trail of points that merely crosses it is enough for that. So those are counted too that hold at least a
quarter of their share, 25 samples of the 100 that the data's law would give them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from reference_impl import cli, record
from reference_impl.metrics import GRID_STD, grid_means
from reference_impl.registry import METHODS, pick
from tests.benchmarks import runs

RESULTS = runs.RESULTS / "modes.json"
SCHEMA = 1
PRESET = "gaussians"
MODES = 25
SAMPLES = 2500
SHARE = 25
"""Samples that a Gaussian must hold to be more than crossed: a quarter of SAMPLES / MODES."""


def methods() -> list[str]:
    """The methods that have the preset, in the registry's order."""
    return [name for name, entry in METHODS.items() if PRESET in entry.load().PRESETS]


def held(points: torch.Tensor) -> list[int]:
    """How many points lie within three standard deviations of each mean."""
    distance = torch.cdist(points.double(), grid_means().double())
    found: list[int] = (distance <= 3 * GRID_STD).sum(dim=0).tolist()
    return found


def train(method: str, seed: int, settings: Iterable[str] = ()) -> tuple[dict[str, Any], list[int]]:
    """The record of one run, in a process of its own, and how many of its samples each Gaussian holds."""
    with tempfile.TemporaryDirectory() as folder:
        found = runs.run(f"{method} with seed {seed}", method, PRESET, seed, folder, settings)
        trained, _, device = cli.from_checkpoint(method, Path(folder, "checkpoint.pt"), "cpu")
    points = cli.draw(trained, None, SAMPLES, seed, "more samples", device)  # those that the record measures
    return found, held(points)


def measure(names: Sequence[str], seeds: int, settings: Iterable[str] = ()) -> dict[str, Any]:
    """All the runs, as the file holds them."""
    git = record.git_state()
    asked = [(name, seed) for name in names for seed in range(seeds)]
    with ThreadPoolExecutor(runs.AT_A_TIME) as pool:
        records = list(pool.map(lambda one: train(*one, settings), asked))
    by_method: dict[str, Any] = {}
    for (name, seed), (found, counts) in zip(asked, records, strict=True):
        described = {"module": METHODS[name].module, "source_sha256": found["source_sha256"], "runs": []}
        by_method.setdefault(name, described)["runs"].append(
            {
                "seed": seed,
                "modes": MODES - round(found["metrics"]["modes_missed"]),
                "held": sum(count >= SHARE for count in counts),
                "low_quality": round(found["metrics"]["low_quality"], 4),
                "seconds": found["seconds"]["to_picture"],
                "weights_sha256": found["weights_sha256"],
            }
        )
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "git": git,
        "machine": {**records[0][0]["machine"], "at_a_time": runs.AT_A_TIME},
        "of": MODES,
        "samples": SAMPLES,
        "share": SHARE,
        "methods": by_method,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark, print the table, write the file."""
    known = methods()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="seeds from 0 (default: 5)")
    parser.add_argument("--methods", nargs="+", default=known, metavar="METHOD", help=f"of {', '.join(known)}")
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args(argv)
    if args.seeds < 1:
        parser.error(f"--seeds is {args.seeds}; expected at least 1")
    try:
        names = [pick("method", name, known) for name in args.methods]
    except ValueError as error:
        parser.error(str(error))
    found = measure(names, args.seeds)
    chosen = "" if names == known else f" --methods {' '.join(names)}"
    command = f"python -m tests.benchmarks.modes --seeds {args.seeds}{chosen}"
    for name, method in found["methods"].items():
        for run in method["runs"]:
            counted = f"{run['modes']:2} found, {run['held']:2} held, {run['low_quality']:.1%} of the samples at none"
            print(f"{name:10} seed {run['seed']}  {counted}")
    text = json.dumps({"schema": SCHEMA, "command": command, **found}, indent=1) + "\n"
    args.out.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
