"""The one training loop that all methods share.

A method brings its players (one network and one loss each: a GAN has two, most methods one) and a way to sample
(`Method`). The engine brings what is the same for all: batches in a fixed order, Adam, a moving average of the weights,
a check for NaN before each step, checkpoints that survive a crash, and a resumption that gives the same bits as a run
that was never interrupted.
"""

import copy
import hashlib
import io
import json
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Generator, Tensor, nn

from reference_impl.data import Data

CHECKPOINT_SCHEMA = 2
CHECKPOINT_EVERY_SECONDS = 30.0


def check(good: bool, field: str, value: object, expected: str) -> None:
    """Raise a ValueError that names the field, its value and what was expected, unless all is good."""
    if not good:
        raise ValueError(f"{field} is {value!r}; expected {expected}")


class Batch(NamedTuple):
    """What a loss sees of the data in one step."""

    x: Tensor  # [b ...], on the device that trains
    labels: Tensor  # [b] int64


Watch = Callable[[Iterable, int], Iterable]
"""`watch(steps, total)` passes the steps on and shows how far they are."""


@dataclass(frozen=True)
class TrainConfig:
    """How a method is trained.

    Attributes:
        data: The name of the data set.
        steps: Steps; in each, every player moves that plays in it.
        batch_size: Examples in a move.
        lr: Adam's learning rate.
        betas: Adam's decay rates of the mean and of the square of the gradient.
        warmup: Steps over which the learning rate grows linearly to `lr`; 0 for none.
        decay: How the learning rate falls after the warm-up: "cosine", to 0 along half a cosine; "inverse_sqrt", as
            1 / sqrt(step) (Vaswani et al. 2017); "none", not at all.
        weight_decay: Adam's decoupled decay of matrices.
        grad_clip: The largest norm of a player's gradient; longer ones are scaled down to it. 0 for no limit.
        ema_decay: Decay of the moving average of the weights; 0 for none.
        evaluate_on: Samples behind the numbers.
    """

    data: str = "digits"
    steps: int = 700
    batch_size: int = 64
    lr: float = 2e-3
    betas: tuple[float, float] = (0.9, 0.999)
    warmup: int = 50
    decay: Literal["none", "cosine", "inverse_sqrt"] = "none"
    weight_decay: float = 0.0
    grad_clip: float = 1.0
    ema_decay: float = 0.995
    evaluate_on: int = 360

    def __post_init__(self) -> None:
        check(self.steps >= 1, "steps", self.steps, "a number of steps >= 1")
        check(self.batch_size >= 1, "batch_size", self.batch_size, "a number of examples >= 1")
        check(0 < self.lr < math.inf, "lr", self.lr, "a learning rate > 0")
        good = len(self.betas) == 2 and all(0 <= beta < 1 for beta in self.betas)
        check(good, "betas", self.betas, "two decay rates in [0, 1)")
        check(self.warmup >= 0, "warmup", self.warmup, "a number of steps >= 0")
        good = self.decay in ("none", "cosine", "inverse_sqrt")
        check(good, "decay", self.decay, '"none", "cosine" or "inverse_sqrt"')
        check(0 <= self.weight_decay < math.inf, "weight_decay", self.weight_decay, "a rate >= 0")
        check(0 <= self.grad_clip < math.inf, "grad_clip", self.grad_clip, "a norm > 0, or 0 for no limit")
        check(0 <= self.ema_decay < 1, "ema_decay", self.ema_decay, "a decay in [0, 1)")
        check(self.evaluate_on >= 2, "evaluate_on", self.evaluate_on, "a number of samples >= 2")

    def lr_at(self, step: int) -> float:
        """The learning rate in a step, counted from 1."""
        if step <= self.warmup:
            return self.lr * step / self.warmup
        if self.decay == "none":
            return self.lr
        if self.decay == "inverse_sqrt":
            return self.lr * math.sqrt(max(1, self.warmup) / step)
        done = (step - self.warmup) / (self.steps - self.warmup + 1)
        return self.lr * (1 + math.cos(math.pi * done)) / 2


def adam(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """Adam (Kingma & Ba 2015), with decoupled weight decay (Loshchilov & Hutter 2019) of matrices, not of vectors."""
    weights = list(model.parameters())
    groups = [
        {"params": [w for w in weights if w.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [w for w in weights if w.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=config.lr, betas=config.betas)


@dataclass(frozen=True)
class Player:
    """A loss, the network whose weights lower it, and the steps in which it moves.

    In its move only its own weights change: the gradient is taken with respect to them alone. Every one of them must
    matter to the loss, or the first move ends in an error.

    Attributes:
        name: The name of its loss in the curve and in the record.
        model: The network it trains; a part of the method's model.
        loss: The loss on a batch; all randomness comes from the generator.
        plays: Whether it moves in a step; steps count from 1.
        optimiser: What makes its optimiser. The engine sets each group's lr before each move, times the group's
            `lr_scale` where it has one.
    """

    name: str
    model: nn.Module
    loss: Callable[[Batch, Generator], Tensor]
    plays: Callable[[int], bool] = lambda step: True
    optimiser: Callable[[nn.Module, TrainConfig], torch.optim.Optimizer] = adam


@runtime_checkable
class Method(Protocol):
    """What the engine asks of a method."""

    model: nn.Module
    classes: int
    """How many classes it can be asked for; 0 if it is unconditional."""

    def players(self) -> Sequence[Player]:
        """Who moves in a step, in this order, each with a batch of its own."""

    def sample(self, n: int, labels: Tensor | None, generator: Generator, watch: Watch = ...) -> Tensor:
        """N new examples [n ...]; of the classes `labels` [n], where the method is conditional and they are given."""

    def pictures(self, data: Data, generator: Generator) -> Mapping[str, Tensor]:
        """Further pictures worth looking at, by the name of their file: rows of images [rows columns c h w]."""

    def evaluate(self, data: Data, samples: Tensor, labels: Tensor | None, generator: Generator) -> dict[str, float]:
        """The run's numbers; `labels` are those that the samples were asked to have."""


@dataclass(frozen=True)
class Preset:
    """A named configuration of a method: how it is trained, what it is, and what it promises.

    Attributes:
        train: How it is trained.
        config: The method's own settings, a frozen dataclass; no field has the name of one of TrainConfig's.
        promises: What the run stays at or below: `seconds` to the picture on two CPU cores, and its measured numbers.
    """

    train: TrainConfig
    config: Any
    promises: Mapping[str, float] = field(default_factory=dict)

    def settings(self) -> dict[str, Any]:
        """All fields by name."""
        return {**asdict(self.train), **asdict(self.config)}


class DivergedError(RuntimeError):
    """The loss or its gradient is no longer a finite number."""


class InterruptedRunError(RuntimeError):
    """The run was asked to stop, and has saved itself."""

    def __init__(self, signum: int, step: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name} after step {step}; the checkpoint is saved")
        self.exit_code = 128 + signum


class CheckpointError(RuntimeError):
    """A checkpoint cannot be read, or is not of this run."""


# ----------------------------------------------------------------------------------------------- randomness


def generator(seed: int, purpose: str, device: torch.device | str = "cpu") -> Generator:
    """A stream of random numbers for one purpose, so that using more of one never shifts another."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return Generator(device).manual_seed(int.from_bytes(digest[:8], "big") >> 1)


class Batches:
    """Indices of batches, for ever: each example once in an epoch, in a new order each time, no batch cut short.

    The state (order, position, generator) is all that is needed to go on exactly where it was.
    """

    def __init__(self, n: int, batch_size: int, order: Generator) -> None:
        check(n >= 1, "n", n, "at least one example")
        self.n, self.batch_size, self.generator = n, batch_size, order
        self.queue = torch.empty(0, dtype=torch.long)

    def next(self) -> Tensor:
        """The next batch of indices [batch_size]."""
        while len(self.queue) < self.batch_size:
            self.queue = torch.cat([self.queue, torch.randperm(self.n, generator=self.generator)])
        batch, self.queue = self.queue[: self.batch_size], self.queue[self.batch_size :]
        return batch

    def state(self) -> dict[str, Tensor]:
        """What `restore` needs."""
        return {"queue": self.queue.clone(), "generator": self.generator.get_state()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from a saved state."""
        self.queue = state["queue"]
        self.generator.set_state(state["generator"])


# ---------------------------------------------------------------------------------------------- checkpoints


def write_atomically(data: bytes, path: Path) -> None:
    """Write a file so that a crash at any moment leaves either the old one or the new one, whole."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def save_checkpoint(state: dict[str, Any], path: Path) -> None:
    """Save a state of tensors and plain values. Serialised in memory first, so that a full disk is an OSError."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_atomically(buffer.getvalue(), path)


def load_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Read a checkpoint of ours; `weights_only`, so that reading one runs no code.

    Raises:
        CheckpointError: The file is missing, damaged, or of another schema.
    """
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist; expected a checkpoint.pt written by `train`") from None
    except Exception as error:  # a damaged file ends in any of half a dozen exceptions of zip, pickle and torch
        raise CheckpointError(
            f"{path} cannot be read as a checkpoint ({type(error).__name__}); delete it to start anew"
        ) from error
    schema = state.get("schema") if isinstance(state, dict) else None
    if schema != CHECKPOINT_SCHEMA:
        raise CheckpointError(f"{path} has schema {schema!r}; expected {CHECKPOINT_SCHEMA}, written by this version")
    return state


# ------------------------------------------------------------------------------------------------- progress


@contextmanager
def progress_bar(label: str, total: int, start: int = 0) -> Iterator[Callable[[int, str], None]]:
    """A bar with time left on a terminal; elsewhere a line every ten seconds. Yields `advance(done, note)`."""
    if sys.stderr.isatty():
        from rich.console import Console

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(label, total=total, completed=start, note="")
            yield lambda done, note: bar.update(task, completed=done, note=note)
        return
    began = said = time.monotonic()

    def say(done: int, note: str) -> None:
        nonlocal said
        now = time.monotonic()
        if done == total or now - said >= 10:
            said = now
            left = (now - began) / max(1, done - start) * (total - done)
            print(f"{label} {done}/{total} {note} ({left:.0f} s left)", file=sys.stderr, flush=True)

    yield say


def watch(label: str) -> Callable[[Iterable, int], Iterable]:
    """Something to pass steps through that shows how far they are."""

    def through(steps: Iterable, total: int) -> Iterator:
        with progress_bar(label, total) as advance:
            for done, step in enumerate(steps, start=1):
                yield step
                advance(done, "")

    return through


@contextmanager
def stop_requests() -> Iterator[Callable[[], int]]:
    """Ctrl-C and SIGTERM set a flag instead of breaking a step in two. Yields a function: the signal, or 0."""
    caught = 0

    def catch(signum: int, _: object) -> None:
        nonlocal caught
        if caught:  # the second time, at once
            raise KeyboardInterrupt
        caught = signum

    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return
    before = {s: signal.signal(s, catch) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: caught
    finally:
        for s, handler in before.items():
            signal.signal(s, handler)


# ------------------------------------------------------------------------------------------------- the loop


@torch.no_grad()
def update_ema(ema: nn.Module, model: nn.Module, step: int, decay: float) -> None:
    """Move the average towards the weights after `step` steps, with decay min(decay, (1 + step) / (10 + step))."""
    d = min(decay, (1 + step) / (10 + step))
    for average, weight in zip(ema.parameters(), model.parameters(), strict=True):
        average.lerp_(weight, 1 - d)
    for average, buffer in zip(ema.buffers(), model.buffers(), strict=True):
        average.copy_(buffer)


def move(player: Player, optimiser: torch.optim.Optimizer, batch: Batch, noise: Generator, grad_clip: float) -> float:
    """One move of one player: the gradient of its loss with respect to its own weights alone, clipped, and a step.

    Returns:
        The loss before the step.

    Raises:
        DivergedError: The loss or the gradient is not finite; the step was not taken.
    """
    weights = [p for p in player.model.parameters() if p.requires_grad]
    loss = player.loss(batch, noise)
    for weight, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
        weight.grad = gradient.contiguous()  # a sum's gradient is one number seen many times
    norm = nn.utils.clip_grad_norm_(weights, grad_clip or math.inf)
    if not (math.isfinite(value := loss.item()) and norm.isfinite()):
        raise DivergedError(f"the {player.name}'s loss is {value} and its gradient's norm {norm.item()}")
    optimiser.step()
    return value


def train(
    method: Method, data: Data, preset: Preset, *, seed: int, out: Path, label: str, resume: bool = False
) -> dict[str, list[float]]:
    """Train the method's players on `data.train`; at the end `method.model` holds the averaged weights.

    Writes to `out`: `checkpoint.pt`, and `metrics.jsonl` with one line for each step.

    Args:
        method: What to train.
        data: The data, on the device to train on.
        preset: How to train; the method's own settings are kept in the checkpoint.
        seed: The seed of the batches' order and of the noise. The first weights are the caller's.
        out: The run's folder.
        label: The run's name, kept in the checkpoint and compared on resumption.
        resume: Go on from the checkpoint in `out`, if there is one.

    Returns:
        Each player's losses, one for each of its moves, those before the resumption included.

    Raises:
        DivergedError: Before a step that would put NaN or infinity into the weights; the last checkpoint stays.
        InterruptedRunError: After Ctrl-C or SIGTERM, once the checkpoint is saved.
        CheckpointError: The checkpoint to resume from is damaged or of another run.
    """
    config, device = preset.train, data.train.device
    checkpoint, log = out / "checkpoint.pt", out / "metrics.jsonl"
    model, ema = method.model, copy.deepcopy(method.model).requires_grad_(False)
    players = method.players()
    optimisers = {p.name: p.optimiser(p.model, config) for p in players}
    batches = Batches(len(data.train), config.batch_size, generator(seed, "batches"))
    noise = generator(seed, "noise", device)
    settings = json.dumps({"run": label, "seed": seed, **preset.settings()})
    rows: list[dict[str, float]] = []  # row i: the losses of the players that moved in step i + 1

    def save() -> None:
        state = {
            "schema": CHECKPOINT_SCHEMA,
            "settings": settings,
            "spec": list(data.spec),
            "rows": rows,
            "model": model.state_dict(),
            "ema": ema.state_dict(),
            "optimisers": {name: optimiser.state_dict() for name, optimiser in optimisers.items()},
            "batches": batches.state(),
            "noise": noise.get_state(),
        }
        save_checkpoint(state, checkpoint)
        lines = (json.dumps({"step": i, **row}) + "\n" for i, row in enumerate(rows, 1))
        write_atomically("".join(lines).encode(), log)

    if resume and checkpoint.exists():
        state = load_checkpoint(checkpoint, "cpu")
        theirs, ours = json.loads(state["settings"]), json.loads(settings)
        free = {"evaluate_on"} if config.decay == "cosine" else {"steps", "evaluate_on"}
        differ = [
            f"{k} is {theirs.get(k)!r} there and {ours[k]!r} here"
            for k in ours
            if k not in free and theirs.get(k) != ours[k]
        ]
        if differ:
            raise CheckpointError(f"{checkpoint} is of another run: {'; '.join(differ)}; expected the same settings")
        model.load_state_dict(state["model"])
        ema.load_state_dict(state["ema"])
        for name, optimiser in optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        batches.restore(state["batches"])
        noise.set_state(state["noise"])
        rows = state["rows"]

    out.mkdir(parents=True, exist_ok=True)
    model.train()
    saved = time.monotonic()
    with stop_requests() as stop, progress_bar(f"train {label}", config.steps, len(rows)) as advance:
        for step in range(len(rows) + 1, config.steps + 1):
            row: dict[str, float] = {}
            for player in players:
                if not player.plays(step):
                    continue
                for group in optimisers[player.name].param_groups:
                    group["lr"] = config.lr_at(step) * group.get("lr_scale", 1.0)
                chosen = batches.next().to(device)
                batch = Batch(data.train[chosen], data.train_labels[chosen])
                try:
                    row[player.name] = move(player, optimisers[player.name], batch, noise, config.grad_clip)
                except DivergedError as error:
                    raise DivergedError(
                        f"step {step}: {error}; expected finite numbers. "
                        "The step was not taken, and no file was overwritten. "
                        f"Try a smaller lr (it is {config.lr}) or grad_clip (it is {config.grad_clip})."
                    ) from None
            update_ema(ema, model, step, config.ema_decay)
            rows.append(row)
            advance(step, note(rows))
            if signum := stop():
                save()
                raise InterruptedRunError(signum, step)
            if time.monotonic() - saved > CHECKPOINT_EVERY_SECONDS:
                save()
                saved = time.monotonic()
    save()
    model.load_state_dict(ema.state_dict())
    model.eval()
    return {player.name: [row[player.name] for row in rows if player.name in row] for player in players}


def note(rows: list[dict[str, float]]) -> str:
    """Each player's mean loss over the last 50 steps."""
    recent = rows[-50:]
    means = {
        name: [row[name] for row in recent if name in row] for name in {name: None for row in recent for name in row}
    }
    return "  ".join(f"{name} {sum(values) / len(values):.4f}" for name, values in means.items())
