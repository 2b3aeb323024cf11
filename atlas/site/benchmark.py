"""What all machine-written tables of benchmarks share: how a file is read, and how its making is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from markupsafe import Markup

from atlas.model import IMPLEMENTATION
from atlas.site.markup import escaped, link, text
from atlas.site.pages import method_page
from atlas.site.phrases import Phrases
from atlas.site.record import COMMIT, RecordError, source_sha256

_Table = TypeVar("_Table")


def read_table(root: Path, file: str, what: str, build: Callable[[Mapping[str, Any]], _Table]) -> _Table | None:
    """Reads a table.

    Args:
        root: The project's root.
        file: The table's path below it.
        what: What it should be, for the message.
        build: Makes of the file's content what a page shows.

    Returns:
        The table, or None if it has not been made yet.

    Raises:
        RecordError: The file is not such a table.
    """
    path = root / file
    if not path.is_file():
        return None
    try:
        return build(json.loads(path.read_text(encoding="utf-8")))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RecordError(f"{file} is not {what}: {error!r}") from error


def changed(root: Path, made: Mapping[str, Any]) -> bool:
    """Whether the module that a part of a table was made by has changed since."""
    return bool(made["source_sha256"] != source_sha256(root, made["module"]))


def page_of(module: str) -> str:
    """The page that explains a module of reference_impl, below the docs folder."""
    return method_page(IMPLEMENTATION + module.removeprefix("reference_impl."))


def caption(table: Mapping[str, Any], phrases: Phrases) -> Markup:
    """How a table was made: command, device, torch, date, commit."""
    return escaped(phrases.say("separator")).join(_making(table))


def _making(table: Mapping[str, Any]) -> Iterator[Markup]:
    machine = table["machine"]
    yield Markup("<code>{}</code>").format(text(table["command"]))
    yield text(f"{machine['device']}")
    yield text(f"PyTorch {machine['torch']}")
    yield text(str(table["finished"])[:10])
    if commit := table["git"]["commit"]:
        yield link(commit[:10], COMMIT.format(commit))
