"""What every method must do, whatever its mathematics: shared by the tests on the processor and on a GPU."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from reference_impl import engine
from reference_impl.data import Data
from reference_impl.datasets import DATA
from reference_impl.registry import METHODS

SOME = 24
"""Examples enough for batches and a measurement, few enough for a second."""


def few(data: Data) -> Data:
    """The first examples of each part."""
    parts = ("train", "train_labels", "held_out", "held_out_labels")
    return replace(data, **{part: getattr(data, part)[:SOME] for part in parts})


def short(name: str, preset: str, steps: int) -> engine.Preset:
    """A preset of a few steps."""
    held = METHODS[name].load().PRESETS[preset]
    return replace(held, train=replace(held.train, steps=steps, batch_size=6, warmup=0, decay="none"))


def build(name: str, preset: engine.Preset, spec: Any, device: str = "cpu", seed: int = 0) -> engine.Method:
    """The method with its first weights, each moved a little: some begin at zero and would hide what lies behind."""
    torch.manual_seed(seed)
    method = METHODS[name].load().build(preset.config, spec, torch.device(device))
    noise = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in method.model.parameters():
            p.add_(0.02 * torch.randn(p.shape, generator=noise).to(p.device))
    return method


def first(name: str) -> str:
    """The method's first preset, which needs no network."""
    return next(iter(METHODS[name].load().PRESETS))


def data_of(name: str) -> Data:
    """Some of the data that the method's first preset trains on."""
    return few(DATA[METHODS[name].load().PRESETS[first(name)].train.data]())


def draw(method: Any, data: Data, n: int, generator: torch.Generator) -> torch.Tensor:
    """N samples; of a method that completes examples, the first n held out."""
    if hasattr(method, "complete"):
        return method.complete(data.held_out[:n], generator)
    labels = torch.arange(n, device=generator.device) % method.classes if method.classes else None
    return method.sample(n, labels, generator)


def train(
    name: str, data: Data, out: Path, stages: list[int], preset: str | None = None, seed: int = 0
) -> dict[str, Any]:
    """Train in stages, each going on from the one before to the step named; the weights and the losses."""
    preset = preset or first(name)
    for steps in stages:
        held = short(name, preset, steps)
        method = build(name, held, data.spec, data.train.device.type, seed)
        losses = engine.train(method, data, held, seed=seed, out=out, label=name, resume=steps != stages[0])
    assert all(math.isfinite(value) for values in losses.values() for value in values)
    return {**method.model.state_dict(), "losses": torch.tensor([v for values in losses.values() for v in values])}


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Whether two outcomes agree bit for bit."""
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)
