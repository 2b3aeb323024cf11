"""The record of a run: everything needed to run it again and to compare, written by the machine alone."""

import ast
import hashlib
import importlib.util
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy
import torch

from reference_impl.data import Data
from reference_impl.engine import Preset, write_atomically

SCHEMA = 2
ROOT = Path(__file__).resolve().parent.parent


def source_closure(module: str) -> list[Path]:
    """The files of this package that a module imports, directly or not, and its own, in the order of their paths.

    What only a module's own command, its `main`, imports is left out: it is not run by those who import the module.
    """
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in found or not name.startswith("reference_impl"):
            continue
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise ValueError(f"module {name!r} has no source file; expected a module of reference_impl")
        found[name] = Path(spec.origin)
        for node in imported_for(ast.parse(found[name].read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                waiting += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                children = [f"{node.module}.{alias.name}" for alias in node.names]
                is_package = node.module.startswith("reference_impl") and importlib.util.find_spec(node.module)
                waiting.append(node.module)
                if is_package and is_package.submodule_search_locations:
                    waiting += [child for child in children if importlib.util.find_spec(child)]
    return sorted(found.values())


def imported_for(tree: ast.Module) -> Iterator[ast.AST]:
    """A module's nodes without those of its `main`."""
    for part in tree.body:
        if not (isinstance(part, ast.FunctionDef) and part.name == "main"):
            yield from ast.walk(part)


def source_sha256(module: str) -> str:
    """A fingerprint of the code that a run used: names and texts of its closure, with line ends normalised."""
    digest = hashlib.sha256()
    for path in source_closure(module):
        text = path.read_text(encoding="utf-8").replace("\r\n", "\n").replace("\r", "\n")
        digest.update(f"{path.relative_to(ROOT).as_posix()}\0{len(text)}\0{text}\0".encode())
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """The sha256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def git_state() -> dict[str, Any]:
    """The commit, and whether this package (its results aside) differs from it; nulls outside a repository."""

    def git(*words: str) -> str | None:
        done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else None

    try:
        commit = git("rev-parse", "--verify", "HEAD")
        changes = git("status", "--porcelain", "--", "reference_impl", ":(exclude)reference_impl/results")
    except FileNotFoundError:  # no git on this machine
        return {"commit": None, "dirty": None}
    return {"commit": commit, "dirty": None if changes is None else bool(changes)}


def machine(device: torch.device) -> dict[str, Any]:
    """What it ran on."""
    cuda = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if cuda else f"CPU {cpu_name()}",
        "device_type": device.type,
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY"),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "cuda": torch.version.cuda if cuda else None,
    }


def cpu_name() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def build_record(
    *,
    method: str,
    module: str,
    name: str,
    preset: Preset,
    command: str,
    seed: int,
    git: dict[str, Any],
    data: Data,
    device: torch.device,
    seconds: dict[str, float],
    metrics: dict[str, float],
    parameters: int,
    losses: dict[str, list[float]],
    weights_sha256: str,
    pictures: Iterable[Path],
) -> dict[str, Any]:
    """The record as a dictionary that JSON can hold.

    Each promise is an upper bound on the metric of its name, or, for "seconds", on the time to the picture; `kept` says
    whether it held.
    """
    measured = {**metrics, "seconds": seconds["to_picture"]}
    return {
        "schema": SCHEMA,
        "method": method,
        "preset": name,
        "command": command,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "git": git,
        "source_sha256": source_sha256(module),
        "config": preset.settings(),
        "seed": seed,
        "data": {"name": data.name, "train": len(data.train), "held_out": len(data.held_out), "sha256": data.sha256},
        "machine": machine(device),
        "parameters": parameters,
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "metrics": metrics,
        "promises": {
            name: {"at_most": bound, "kept": measured[name] <= bound} for name, bound in preset.promises.items()
        },
        "steps": preset.train.steps,
        "losses": {player: values[:100] for player, values in losses.items()},
        "weights_sha256": weights_sha256,
        "pictures": {path.name: file_sha256(path) for path in pictures},
    }


def write_record(record: dict[str, Any], path: Path) -> None:
    """Write a record as JSON; NaN and infinity are refused, since JSON has none."""
    write_atomically((json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode(), path)


def weights_sha256(model: torch.nn.Module) -> str:
    """A fingerprint of a network's weights, bit by bit: two runs are the same run if and only if these agree."""
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        digest.update(f"{name}{tuple(tensor.shape)}".encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
