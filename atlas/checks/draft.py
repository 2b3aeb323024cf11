"""A file on its way to becoming an entry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from atlas.model import Entry
from atlas.problem import FieldPath
from atlas.source import Document


@dataclass
class Draft:
    """What is known of an entry before it is known to be right.

    Attributes:
        document: The file's data, positions and problems so far.
        kind: The kind that the file's folder stands for; `path` for a learning path.
        stem: The file's name without ``.yaml``: the id it should have.
        entry: The typed entry, where the data fit the model.
    """

    document: Document
    kind: str
    stem: str
    entry: Entry | None = None

    def value(self, *path: str | int) -> Any:
        """The raw value at a path, ``None`` where there is none or something else stands in the way."""
        value: Any = self.document.data
        for part in path:
            if isinstance(part, str) and isinstance(value, dict):
                value = value.get(part)
            elif isinstance(part, int) and isinstance(value, list) and part < len(value):
                value = value[part]
            else:
                return None
        return value

    def text(self, *path: str | int) -> str | None:
        """The raw value at a path if it is text."""
        value = self.value(*path)
        return value if isinstance(value, str) else None

    def titles(self) -> Iterator[tuple[FieldPath, str]]:
        """The present English title and the former ones, each with its path."""
        former = len(self.items("former_titles"))
        paths: list[FieldPath] = [("title", "en"), *(("former_titles", index) for index in range(former))]
        for path in paths:
            if title := self.text(*path):
                yield path, title

    def bilingual(self) -> Iterator[tuple[FieldPath, dict[str, Any]]]:
        """Every value that holds text in the two languages, with its path."""
        for name, value in self.document.data.items():
            if isinstance(value, dict) and ("en" in value or "zh" in value):
                yield (name,), value
            elif isinstance(value, list):
                for index, item in enumerate(value):
                    for field, inner in item.items() if isinstance(item, dict) else ():
                        if isinstance(inner, dict) and ("en" in inner or "zh" in inner):
                            yield (name, index, field), inner

    def items(self, name: str) -> list[Any]:
        """The raw list at a field, empty where there is none."""
        value = self.value(name)
        return value if isinstance(value, list) else []
