"""The command line: `python -m reference_impl methods | train | sample | evaluate | presets`."""

import argparse
import json
import math
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

SHOWN = 64
"""Samples in the picture; of a conditional method, as many rows of one sample for each class as fit best."""
READ = 8
"""Samples that are shown of a method that writes."""
QUICK = 90
"""Seconds to the picture that a preset promises at most, if `presets` runs it."""
RULE = f"\n\n{'─' * 40}\n\n"
"""What stands between two texts."""


def parser() -> argparse.ArgumentParser:
    """The arguments of all commands."""
    top = argparse.ArgumentParser(prog="python -m reference_impl", description="Reference implementations, tested.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("methods", help="list the methods, their papers and presets")

    train = commands.add_parser("train", help="train a method, draw samples, measure them")
    train.add_argument("method", help="as listed by `methods`")
    train.add_argument("--preset", help="a named configuration (default: the method's first)")
    train.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="change one field; repeatable")
    train.add_argument(
        "--seed", type=int, default=0, help="the same seed gives the same bits on one machine (default: 0)"
    )
    train.add_argument("--out", type=Path, metavar="DIR", help="the run's folder (default: runs/METHOD-PRESET)")
    train.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: CUDA where there is one"
    )
    train.add_argument("--resume", action="store_true", help="go on from the checkpoint in the run's folder")
    train.add_argument("--restart", action="store_true", help="start anew over an unfinished run")
    train.add_argument("--record", action="store_true", help="copy record and pictures to reference_impl/results")

    sample = commands.add_parser("sample", help="draw new samples from a checkpoint")
    sample.add_argument("method", help="as listed by `methods`")
    sample.add_argument("--checkpoint", type=Path, required=True, help="a checkpoint.pt written by `train`")
    sample.add_argument("--n", type=int, help="how many (default: 64 images, or 8 texts)")
    sample.add_argument("--prompt", metavar="TEXT", help="of a method that writes: what to go on from, or to translate")
    sample.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="as in temperature=0.5")
    sample.add_argument("--seed", type=int, default=0)
    sample.add_argument("--out", type=Path, metavar="FILE", help="default: samples.png; texts are printed too")
    sample.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")

    evaluate = commands.add_parser("evaluate", help="measure a checkpoint again")
    evaluate.add_argument("method", help="as listed by `methods`")
    evaluate.add_argument("--checkpoint", type=Path, required=True, help="a checkpoint.pt written by `train`")
    evaluate.add_argument("--n", type=int, help="how many samples (default: the run's evaluate_on)")
    evaluate.add_argument("--seed", type=int, default=0)
    evaluate.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")

    what = f"run every preset that promises a picture within {QUICK} s, and print what was kept"
    presets = commands.add_parser("presets", help=what)
    presets.add_argument("methods", nargs="*", help="only these (default: all)")
    presets.add_argument("--out", type=Path, default=Path("runs/presets"), metavar="DIR")
    return top


def methods() -> None:
    """Print every method and preset with what it promises."""
    from rich.console import Console
    from rich.table import Table

    from reference_impl.registry import METHODS

    table = Table("method", "paper", "preset", "promise: at most", title="Methods")
    for entry in METHODS.values():
        module = entry.load()
        for preset in module.PRESETS:
            promise = ", ".join(f"{name} {bound:g}" for name, bound in module.PRESETS[preset].promises.items())
            table.add_row(entry.name, f"{entry.title} (arXiv:{entry.arxiv})", preset, promise)
    Console().print(table)


def pick_device(name: str) -> Any:
    """The device asked for; `auto` is CUDA where there is one. On CUDA, deterministic algorithms only."""
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device is 'cuda'; expected 'cpu' or 'auto' on this machine: torch finds no CUDA device")
    device = torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")
    if device.type == "cuda":
        torch.use_deterministic_algorithms(True)
    return device


def in_columns(method: Any, n: int) -> Any:
    """Labels for about n samples, so that each class has a column of its own in the picture; None if unconditional."""
    import torch

    return torch.arange(method.classes).repeat(max(1, round(n / method.classes))) if method.classes else None


def draw(method: Any, labels: Any, n: int, seed: int, purpose: str, device: Any, given: Any = None) -> Any:
    """New samples, on a stream of randomness of their own; a method that completes examples gets n of those given."""
    from reference_impl import engine

    random, watch = engine.generator(seed, purpose, device), engine.watch("sample")
    if hasattr(method, "complete"):
        return method.complete(given[:n], random, watch)
    if labels is not None:
        labels = labels.to(device)
    return method.sample(n, labels, random, watch)


def show(method: Any, n: int | None, seed: int, device: Any, out: Path, data: Any = None) -> None:
    """Write some new samples as one file: images in a grid, points in the plane as a map, texts as they are.

    `data` are needed of a method that writes alone.
    """
    from reference_impl import images

    if data is not None:
        save_texts(draw(method, None, n or READ, seed, "samples", device, data.held_out), data.decode, out)
        return
    n = n or SHOWN
    labels = in_columns(method, n)
    samples = draw(method, labels, n if labels is None else len(labels), seed, "samples", device)
    pixels = images.grid(samples, columns=method.classes or 8) if samples.ndim == 4 else images.scatter(samples)
    images.save_png(pixels, out)


def save_texts(samples: Any, decode: Any, out: Path) -> None:
    """Write texts with a rule between them; of a source and its translation, one above the other."""
    from reference_impl import engine

    shown = [decode(row) if row.ndim == 1 else "\n".join(decode(part) for part in row) for row in samples]
    engine.write_atomically((RULE.join(shown) + "\n").encode(), out)


def measure(method: Any, data: Any, n: int, seed: int, device: Any) -> dict[str, float]:
    """The numbers of n fresh samples, which have the labels of the first n held-out examples."""
    from reference_impl import engine

    labels = data.held_out_labels.repeat(-(-n // len(data.held_out_labels)))[:n] if method.classes else None
    samples = draw(method, labels, n, seed, "more samples", device, data.held_out)
    return method.evaluate(data, samples, labels, engine.generator(0, "evaluate", device))


def without_folder(words: Sequence[str]) -> list[str]:
    """A command's words without `--out FOLDER`: where a run's files lie is this machine's own matter."""
    kept: list[str] = []
    for before, word in zip(["", *words], words, strict=False):
        if before != "--out" and word != "--out" and not word.startswith("--out="):
            kept.append(word)
    return kept


@dataclass(frozen=True)
class Spent:
    """What an unfinished run has cost so far: its code, and the seconds that it trained before it was stopped."""

    source_sha256: str | None
    seconds: float = 0.0

    @classmethod
    def read(cls, path: Path) -> "Spent":
        """What an earlier stop left; of unknown code where none did, as after a crash."""
        return cls(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else cls(None)

    def longer(self, seconds: float) -> "Spent":
        """With some seconds more."""
        return replace(self, seconds=self.seconds + seconds)

    def write(self, path: Path) -> None:
        """Leave it beside the checkpoint."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")


def train(args: argparse.Namespace, command: str, began: float) -> dict[str, Any]:
    """Train, sample, measure, and write it all down. Returns the record."""
    import torch

    from reference_impl import engine, images, record
    from reference_impl.datasets import DATA
    from reference_impl.registry import METHODS, override, pick

    entry = METHODS[pick("method", args.method, METHODS)]
    module = entry.load()
    name = pick("preset", args.preset or next(iter(module.PRESETS)), module.PRESETS)
    preset = override(module.PRESETS[name], args.set)
    out = args.out or Path("runs") / f"{entry.name}-{name}"
    checkpoint, done = out / "checkpoint.pt", out / "record.json"
    if checkpoint.exists() and not done.exists() and not (args.resume or args.restart):
        raise ValueError(
            f"{out} holds an unfinished run; expected --resume to go on with it or --restart to start anew"
        )
    device = pick_device(args.device)
    data = DATA[pick("data", preset.train.data, DATA)]().to(device)
    git = record.git_state()
    done.unlink(missing_ok=True)
    past, code = out / "spent.json", record.source_sha256(entry.module)
    if args.resume and checkpoint.exists():
        spent = Spent.read(past)
    else:
        spent = Spent(code)
        past.unlink(missing_ok=True)
    if args.record and spent.source_sha256 != code:
        raise ValueError(f"{out} was begun by other code; expected a whole run of this code to record: --restart")

    torch.manual_seed(args.seed)  # the first weights; batches, noise and samples have streams of their own
    method = module.build(preset.config, data.spec, device)
    start = time.perf_counter()
    try:
        losses = engine.train(
            method, data, preset, seed=args.seed, out=out, label=f"{entry.name}/{name}", resume=args.resume
        )
    except engine.InterruptedRunError:
        spent.longer(time.perf_counter() - start).write(past)
        raise
    trained = time.perf_counter()
    written = data.decode is not None
    points = not written and len(data.spec.shape) == 1  # a law in the plane shows in many points
    pictures = [out / ("samples.txt" if written else "samples.png"), out / "curve.svg"]
    few = preset.train.evaluate_on if points else None
    show(method, few, args.seed, device, pictures[0], data if written else None)
    engine.write_atomically(images.curves_svg(losses, "move", "loss").encode(), pictures[1])
    pictured = time.perf_counter()
    print(f"{pictures[0]} after {pictured - began:.0f} s")

    for kind, rows in method.pictures(data, engine.generator(args.seed, "pictures", device)).items():
        pictures.append(out / f"{kind}.png")
        images.save_png(images.grid(rows.flatten(0, 1), columns=rows.shape[1]), pictures[-1])
    for kind, svg in (method.drawings(data) if hasattr(method, "drawings") else {}).items():
        pictures.append(out / f"{kind}.svg")
        engine.write_atomically(svg.encode(), pictures[-1])
    metrics = measure(method, data, preset.train.evaluate_on, args.seed, device)
    result = record.build_record(
        method=entry.name,
        module=entry.module,
        name=name,
        preset=preset,
        command=command,
        seed=args.seed,
        git=git,
        data=data,
        device=device,
        seconds={
            "train": spent.seconds + trained - start,
            "sample": pictured - trained,
            "to_picture": spent.seconds + pictured - began,
            "total": spent.seconds + time.perf_counter() - began,
        },
        metrics=metrics,
        parameters=sum(p.numel() for p in method.model.parameters()),
        losses=losses,
        weights_sha256=record.weights_sha256(method.model),
        pictures=pictures,
    )
    record.write_record(result, done)
    if args.record:
        kept = record.ROOT / "reference_impl" / "results" / entry.name / name
        kept.mkdir(parents=True, exist_ok=True)
        for path in [done, *pictures]:
            shutil.copyfile(path, kept / path.name)
    return result


def measured(result: dict[str, Any]) -> dict[str, float]:
    """All that a record's promises may be about."""
    return {"seconds": result["seconds"]["to_picture"], **result["metrics"]}


def report(result: dict[str, Any]) -> None:
    """Print a record's numbers beside what was promised."""
    from rich.console import Console
    from rich.table import Table

    table = Table("measured", "value", "promised: at most", title=f"{result['method']}/{result['preset']}")
    for name, value in measured(result).items():
        promise = result["promises"].get(name)
        table.add_row(
            name, f"{value:.4g}", f"{promise['at_most']:g}{'' if promise['kept'] else '  NOT KEPT'}" if promise else ""
        )
    Console().print(table)


def from_checkpoint(name: str, path: Path, device_name: str, settings: Sequence[str] = ()) -> tuple[Any, Any, Any]:
    """A trained method, its preset with some fields changed, and its device."""
    from reference_impl import engine
    from reference_impl.data import Spec
    from reference_impl.registry import METHODS, override, pick, restore

    entry = METHODS[pick("method", name, METHODS)]
    state = engine.load_checkpoint(path)
    held = json.loads(state["settings"])
    if held["run"].partition("/")[0] != entry.name:
        raise engine.CheckpointError(f"{path} is of {held['run']}; expected a run of {entry.name}")
    preset = override(restore(held, entry), settings)
    shape, classes, levels = state["spec"]
    device = pick_device(device_name)
    method = entry.load().build(preset.config, Spec(tuple(shape), classes, levels), device)
    try:
        method.model.load_state_dict(state["ema"])
    except RuntimeError:
        raise ValueError(f"the weights in {path} do not fit; expected settings that leave their shapes alone") from None
    method.model.eval()
    return method, preset, device


def sample(args: argparse.Namespace) -> None:
    """Draw samples from a checkpoint and write them as one picture, or as texts, which are printed too."""
    from reference_impl import engine
    from reference_impl.datasets import DATA, TOKENISERS

    engine.check(args.n is None or args.n >= 1, "n", args.n, "a number of samples >= 1")
    method, preset, device = from_checkpoint(args.method, args.checkpoint, args.device, args.set)
    tokeniser = TOKENISERS[preset.train.data]() if preset.train.data in TOKENISERS else None
    out = args.out or Path("samples.txt" if tokeniser else "samples.png")
    if args.prompt is None:
        show(method, args.n, args.seed, device, out, DATA[preset.train.data]().to(device) if tokeniser else None)
    else:
        good = tokeniser is not None
        engine.check(good, "prompt", args.prompt, f"none: {args.method} draws pictures, and cannot be asked in words")
        random, watch = engine.generator(args.seed, "samples", device), engine.watch("sample")
        written = method.answer(tokeniser.encode(args.prompt), args.n or 1, random, watch)
        save_texts(written, tokeniser.decode, out)
    if tokeniser:
        print(out.read_text(encoding="utf-8"))
    print(out)


def evaluate(args: argparse.Namespace) -> None:
    """Measure a checkpoint and print its numbers."""
    from rich.console import Console
    from rich.table import Table

    from reference_impl.datasets import DATA
    from reference_impl.engine import check

    check(args.n is None or args.n >= 1, "n", args.n, "a number of samples >= 1")
    method, preset, device = from_checkpoint(args.method, args.checkpoint, args.device)
    data = DATA[preset.train.data]().to(device)
    table = Table("measured", "value", title=f"{args.method}: {args.checkpoint}")
    for name, value in measure(method, data, args.n or preset.train.evaluate_on, args.seed, device).items():
        table.add_row(name, f"{value:.4g}")
    Console().print(table)


def presets(args: argparse.Namespace) -> bool:
    """Run every quick preset, each in a process of its own; print the table. Whether all was kept."""
    from rich.console import Console
    from rich.table import Table

    from reference_impl.registry import METHODS, pick

    table = Table("preset", "measured", "value", "promised: at most", "kept")
    good = True
    for name in [pick("method", name, METHODS) for name in args.methods] or list(METHODS):
        for preset, held in METHODS[name].load().PRESETS.items():
            if held.promises.get("seconds", math.inf) > QUICK:
                continue
            out = args.out / f"{name}-{preset}"
            words = ["train", name, "--preset", preset, "--out", str(out), "--device", "cpu", "--restart"]
            if subprocess.run([sys.executable, "-m", "reference_impl", *words], check=False).returncode:
                table.add_row(f"{name}/{preset}", "the run failed", "", "", "no")
                good = False
                continue
            result = json.loads((out / "record.json").read_text(encoding="utf-8"))
            values = measured(result)
            for metric, promise in result["promises"].items():
                kept = "yes" if promise["kept"] else "no"
                table.add_row(f"{name}/{preset}", metric, f"{values[metric]:.4g}", f"{promise['at_most']:g}", kept)
                good &= promise["kept"]
    Console().print(table)
    return good


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit status: 0, 1 for a failed run, 2 for a bad argument, 128 + n after signal n."""
    began = time.perf_counter()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # must be set before CUDA starts
    os.environ.setdefault(
        "OMP_WAIT_POLICY", "passive"
    )  # and before torch: on a busy machine, spinning threads cost tenfold
    words = list(sys.argv[1:] if argv is None else argv)
    args = parser().parse_args(words)
    from reference_impl.engine import CheckpointError, DivergedError, InterruptedRunError

    try:
        if args.command == "methods":
            methods()
        elif args.command == "sample":
            sample(args)
        elif args.command == "evaluate":
            evaluate(args)
        elif args.command == "presets":
            return 0 if presets(args) else 1
        else:
            report(train(args, "python -m reference_impl " + shlex.join(without_folder(words)), began))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (CheckpointError, DivergedError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except InterruptedRunError as error:
        again = shlex.join([*words, *(["--resume"] if "--resume" not in words else [])])
        print(f"{error}. To go on: python -m reference_impl {again}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("stopped outside training; if a checkpoint was saved, --resume goes on from it", file=sys.stderr)
        return 130
    return 0
