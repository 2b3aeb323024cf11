"""How good samples are for how many evaluations of the network, sampler by sampler.

    python -m tests.benchmarks.samplers                 # writes reference_impl/results/samplers.json
    python -m tests.benchmarks.samplers --steps 100 --out table.json

First the models are trained: each method by its preset for digits, with the command that readers are told to use, each
in a process of its own, on the processor, with one thread, two at a time. Then each sampler draws the same classes from
them, without guidance, with several numbers of steps. The evaluations are counted as they happen. Samplers of one model
share its weights, and each set of samples starts from the same random numbers.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor, nn

from reference_impl import cli, engine, metrics, record
from reference_impl.datasets import DATA
from reference_impl.diffusion import ddim, ddpm, edm, flow_matching, mean_flow, ode
from reference_impl.diffusion.conditioning import guided
from reference_impl.diffusion.parameterisation import noise_from
from reference_impl.registry import METHODS
from tests.benchmarks import runs

RESULTS = runs.RESULTS / "samplers.json"
SCHEMA = 1
PRESET = "digits"
SAMPLES = 360
"""As many as there are held-out images, whose classes they are asked to have."""
Draw = Callable[[Any, int, Tensor, Generator], Tensor]
"""(trained method, steps, labels [n], random numbers) -> samples [n c h w]."""


def draw_ddpm(method: Any, steps: int, labels: Tensor, random: Generator) -> Tensor:
    """Algorithm 2 of DDPM, which takes all of its T steps."""
    schedule, prediction = method.schedule, method.config.prediction
    engine.check(steps == schedule.T, "steps", steps, f"{schedule.T}, one for each time")

    def eps_theta(x_t: Tensor, t: Tensor) -> Tensor:
        return noise_from(prediction, method.model(x_t, t, labels), x_t, *ddim.shares(schedule, t))

    return ddpm.sample(schedule, eps_theta, (len(labels), *method.shape), random)


def draw_ddim(method: Any, steps: int, labels: Tensor, random: Generator, eta: float) -> Tensor:
    """DDIM along equally spread times."""
    config = method.config
    predict, tau = guided(method.model, labels, 0.0), ddim.spread(config.T, steps)
    limit, shape = 1.0 if config.clip else None, (len(labels), *method.shape)
    return ddim.sample(method.schedule, predict, shape, tau, eta, config.prediction, random, limit)


def draw_edm(method: Any, steps: int, labels: Tensor, random: Generator, order: int) -> Tensor:
    """Algorithm 1 of EDM, with the preset's noise levels."""
    levels = edm.time_steps(steps, *method.config.levels)
    return edm.sample(guided(method.D, labels, 0.0), (len(labels), *method.shape), levels, random, order)


def draw_flow(method: Any, steps: int, labels: Tensor, random: Generator, solver: ode.Solver) -> Tensor:
    """Equal steps along the flow."""
    x_0 = torch.randn(len(labels), *method.shape, generator=random)
    v = flow_matching.conditional_velocity(method.model, labels)
    return ode.integrate(v, x_0, ode.even(steps), solver)


def draw_mean_flow(method: Any, steps: int, labels: Tensor, random: Generator) -> Tensor:
    """Equal jumps by the average velocity."""
    return mean_flow.sample(method.u, torch.randn(len(labels), *method.shape, generator=random), steps, labels)


@dataclass(frozen=True)
class Sampler:
    """A way to draw.

    Attributes:
        method: Whose preset is trained.
        module: What holds the sampler.
        draw: How it draws.
        steps: With how many steps.
    """

    method: str
    module: str
    draw: Draw
    steps: Sequence[int]


FEW, PAIRS = (4, 6, 10, 20, 50, 100), (2, 3, 5, 10, 25, 50)
HEUN = (3, 4, 6, 11, 26, 51)
"""Of N steps the last is Euler's: 2 N - 1 evaluations."""
SAMPLERS: Mapping[str, Sampler] = {
    "ddpm": Sampler("guidance", "diffusion.ddpm", draw_ddpm, (1000,)),
    "ddim_1": Sampler("guidance", "diffusion.ddim", partial(draw_ddim, eta=1.0), FEW),
    "ddim_0": Sampler("guidance", "diffusion.ddim", partial(draw_ddim, eta=0.0), FEW),
    "edm_euler": Sampler("edm", "diffusion.edm", partial(draw_edm, order=1), FEW),
    "edm_heun": Sampler("edm", "diffusion.edm", partial(draw_edm, order=2), HEUN),
    "flow_euler": Sampler("flow_matching", "diffusion.flow_matching", partial(draw_flow, solver="euler"), FEW),
    "flow_midpoint": Sampler("flow_matching", "diffusion.flow_matching", partial(draw_flow, solver="midpoint"), PAIRS),
    "mean_flow": Sampler("mean_flow", "diffusion.mean_flow", draw_mean_flow, (1, 2, 4)),
}


def train(method: str, seed: int, folder: Path, settings: Iterable[str] = ()) -> dict[str, Any]:
    """The record of one training, in a process of its own; its checkpoint is in the folder."""
    # The numbers that the training itself ends with are not read here: `judge` asks each sampler anew.
    return runs.run(method, method, PRESET, seed, folder, [*settings, "evaluate_on=20"])


@contextmanager
def counted(network: nn.Module) -> Iterator[list[int]]:
    """Counts how often a network is called while it lasts: the list's one number."""
    count = [0]

    def one_more(*_: object) -> None:
        count[0] += 1

    handle = network.register_forward_hook(one_more)
    try:
        yield count
    finally:
        handle.remove()


@torch.no_grad()
def judge(sampler: Sampler, method: Any, seed: int, samples: int, most: int | None = None) -> list[dict[str, Any]]:
    """A row for each number of steps, up to a number of evaluations at most."""
    data = DATA["digits"]()
    labels = data.held_out_labels.repeat(-(-samples // len(data.held_out_labels)))[:samples]
    rows = []
    for steps in sampler.steps:
        if most and steps > most:
            continue
        random, began = engine.generator(seed, "samplers"), time.perf_counter()
        with counted(method.model) as count:
            drawn = sampler.draw(method, steps, labels, random)
        seconds = time.perf_counter() - began
        numbers = metrics.compare(data, drawn, labels)
        row = {"steps": steps, "evaluations": count[0], "seconds": round(seconds, 2)}
        rows.append({**row, **{name: round(numbers[name], 4) for name in ("frechet", "class_error")}})
    return rows


def floor(samples: int) -> dict[str, float]:
    """What as many real images get."""
    data = DATA["digits"]()
    few = data.held_out[:samples]
    numbers = metrics.compare(data, few, data.held_out_labels[: len(few)])
    return {name: round(numbers[f"{name}_real"], 4) for name in ("frechet", "class_error")}


def measure(seed: int, samples: int, most: int | None = None, settings: Iterable[str] = ()) -> dict[str, Any]:
    """Trains each method, then asks each sampler; all of it as the file holds it."""
    git, names = record.git_state(), list(dict.fromkeys(sampler.method for sampler in SAMPLERS.values()))
    with tempfile.TemporaryDirectory() as folder:
        with ThreadPoolExecutor(runs.AT_A_TIME) as pool:
            jobs = [pool.submit(train, name, seed, Path(folder, name), settings) for name in names]
            records = {name: job.result() for name, job in zip(names, jobs, strict=True)}
        trained = {name: cli.from_checkpoint(name, Path(folder, name, "checkpoint.pt"), "cpu")[0] for name in names}
    models = {
        name: {
            "module": METHODS[name].module,
            "source_sha256": found["source_sha256"],
            "steps": found["steps"],
            "seconds": found["seconds"]["train"],
            "weights_sha256": found["weights_sha256"],
        }
        for name, found in records.items()
    }
    samplers = {
        name: {
            "model": sampler.method,
            "module": f"reference_impl.{sampler.module}",
            "source_sha256": record.source_sha256(f"reference_impl.{sampler.module}"),
            "rows": judge(sampler, trained[sampler.method], seed, samples, most),
        }
        for name, sampler in SAMPLERS.items()
    }
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "git": git,
        "machine": {**record.machine(torch.device("cpu")), "at_a_time": runs.AT_A_TIME},
        "seed": seed,
        "samples": samples,
        "real": floor(samples),
        "models": models,
        "samplers": samplers,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark, print the table, write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=int, default=SAMPLES, help=f"in each set (default: {SAMPLES})")
    parser.add_argument("--steps", type=int, help="of each training (default: the preset's)")
    parser.add_argument("--most", type=int, help="leave out what takes more steps than this")
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args(argv)
    given = {name: getattr(args, name) for name in ("seed", "samples", "steps", "most")}
    least = {"seed": 0, "samples": 2, "steps": 1, "most": 1}
    for name, value in given.items():
        if value is not None and value < least[name]:
            parser.error(f"--{name} is {value}; expected at least {least[name]}")
    found = measure(args.seed, args.samples, args.most, [] if args.steps is None else [f"steps={args.steps}"])
    for name, sampler in found["samplers"].items():
        for row in sampler["rows"]:
            numbers = f"frechet {row['frechet']:8.3f}  class error {row['class_error']:.3f}"
            print(f"{name:14}{row['evaluations']:5} evaluations  {numbers}  {row['seconds']:.1f} s")
    changed = "".join(
        f" --{name} {value}" for name, value in given.items() if value != parser.get_default(name) and value is not None
    )
    command = f"python -m tests.benchmarks.samplers{changed}"
    text = json.dumps({"schema": SCHEMA, "command": command, **found}, indent=1, allow_nan=False) + "\n"
    args.out.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
