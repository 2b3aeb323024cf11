"""The machine-written record of a reference implementation's run, as rows of a table.

The record is read, never typed: its numbers, its commit and whether the code has changed since come from the file and
from the source as it is now. Nothing here imports the implementations, so the site builds without torch.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from atlas.site.markup import link, text
from atlas.site.phrases import Phrases
from atlas.site.strings import STRINGS

RESULTS = "reference_impl/results"
_PACKAGE = "reference_impl"
COMMIT = "https://github.com/aigc-atlas/aigc-atlas/commit/{}"


class RecordError(Exception):
    """A record cannot be read; the message names the file."""


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: What it is.
        value: What was measured or used.
        promise: What was promised, for a measured number.
    """

    name: str
    value: Markup
    promise: str = ""


@dataclass(frozen=True)
class Record:
    """A recorded run, ready to be shown.

    Attributes:
        rows: The table.
        stale: Whether the code has changed since the run.
        on_gpu: Whether this run, or another recorded run of the method, was on a GPU.
    """

    rows: tuple[Row, ...]
    stale: bool
    on_gpu: bool


def read_record(root: Path, name: str, module: str, phrases: Phrases) -> Record | None:
    """Reads the record of a run.

    Args:
        root: The project's root.
        name: The method and the preset, such as `ddpm/digits`.
        module: The module that implements the method, such as `reference_impl.diffusion.ddpm`.
        phrases: The words of the page's language.

    Returns:
        The record, or None if there is no such run.

    Raises:
        RecordError: The file is not a record.
    """
    file = root / RESULTS / name / "record.json"
    if not file.is_file():
        return None
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        others = (root / RESULTS / name.partition("/")[0]).glob("*/record.json")
        on_gpu = any(json.loads(other.read_text())["machine"]["device_type"] != "cpu" for other in others)
        stale = record["source_sha256"] != source_sha256(root, module)
        return Record(tuple(_rows(record, phrases)), stale, on_gpu)
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"{RESULTS}/{name}/record.json is not a record: {error!r}") from error


def source_sha256(root: Path, module: str) -> str:
    """Returns the fingerprint of a method's code as it is now, as `reference_impl.record.source_sha256` makes it."""
    digest = hashlib.sha256()
    for path in sorted(_closure(root, module)):
        source = path.read_text(encoding="utf-8").replace("\r\n", "\n").replace("\r", "\n")
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(source)}\0{source}\0".encode())
    return digest.hexdigest()


def _closure(root: Path, module: str) -> set[Path]:
    """The files of the package that a module imports, directly or not, itself included."""
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        file = _file(root, name)
        if name in found or file is None:
            continue
        found[name] = file
        for node in _imported_for(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                waiting += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                waiting.append(node.module)
                if (parent := _file(root, node.module)) and parent.name == "__init__.py":
                    waiting += [f"{node.module}.{alias.name}" for alias in node.names]
    return set(found.values())


def _imported_for(tree: ast.Module) -> Iterator[ast.AST]:
    """A module's nodes without those of its `main`, which is not run by those who import the module."""
    for part in tree.body:
        if not (isinstance(part, ast.FunctionDef) and part.name == "main"):
            yield from ast.walk(part)


def _file(root: Path, module: str) -> Path | None:
    if module.split(".")[0] != _PACKAGE:
        return None
    stem = root.joinpath(*module.split("."))
    return next((file for file in (stem / "__init__.py", stem.with_suffix(".py")) if file.is_file()), None)


def _number(value: float) -> str:
    """Returns three significant digits, but never an exponent where the digits before the point say it plainly."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _rows(record: Mapping[str, Any], phrases: Phrases) -> Iterator[Row]:
    promises = record["promises"]
    measured = {"seconds": record["seconds"]["to_picture"], **record["metrics"]}
    for name in _beside_their_floors(measured):
        value = measured[name]
        promise = promises.get(name)
        bound = phrases.say("record.at-most", f"{promise['at_most']:g}") if promise else ""
        if promise and not promise["kept"]:
            bound = phrases.in_parentheses(bound, phrases.say("record.not-kept"))
        yield Row(_metric(name, phrases), text(_number(value)), bound)
    yield Row(phrases.say("record.parameters"), text(phrases.number(record["parameters"])))
    yield Row(phrases.say("record.steps"), text(phrases.number(record["steps"])))
    yield Row(phrases.say("record.seed"), text(record["seed"]))
    yield Row(phrases.say("record.command"), _code(record["command"]))
    machine = record["machine"]
    device = phrases.in_parentheses(machine["device"], phrases.say("record.cpus", machine["cpus"]))
    yield Row(phrases.say("record.device"), text(device))
    software = phrases.say("separator").join([f"Python {machine['python']}", f"PyTorch {machine['torch']}"])
    yield Row(phrases.say("record.software"), text(software))
    yield Row(phrases.say("record.finished"), text(str(record["finished"])[:10]))
    if commit := record["git"]["commit"]:
        shown = link(commit[:10], COMMIT.format(commit))
        dirty = phrases.in_parentheses("", phrases.say("record.dirty")) if record["git"]["dirty"] else ""
        yield Row(phrases.say("record.commit"), shown + text(dirty))


def _beside_their_floors(names: Iterable[str]) -> list[str]:
    """The names in their order, but what real data get right after what samples get: its label is "the same for"."""
    order = list(names)
    return sorted(order, key=lambda name: (order.index(name.removesuffix("_real")), name.endswith("_real")))


def _metric(name: str, phrases: Phrases) -> str:
    """A measured number in words; one that the table of strings does not know keeps its name in the record."""
    key = f"metric.{name}"
    return phrases.say(key) if key in STRINGS else name


def _code(value: str) -> Markup:
    return Markup("<code>{}</code>").format(text(value))
