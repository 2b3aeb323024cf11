"""The pages of the methods: each displayed equation has its function and its proof, each common mistake its test.

Pages and code are read, never imported: a page is judged by what stands in the files of the same checkout.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from atlas.checks.markdown import COMMENT, FENCE, blanked, place
from atlas.fields.base import did_you_mean
from atlas.languages import TAGS, Lang
from atlas.problem import shortened
from atlas.source import Document

# What begins a proof, in each language.
_MARKS: Mapping[Lang, str] = {"en": "Proof:", "zh": "证明："}
_OTHERWISE = ("write it first, or remove this line", "请先写出来，或删去这一行")

_CODE_SPAN = re.compile(r"`[^`\n]+`")
# All that the site shows as a formula of its own; one that is left open goes on to the page's end.
_EQUATION = re.compile(
    r"\$\$.*?(?:\$\$|\Z)|^ *\\\[.*?(?:\\\]|\Z)|^ *\\begin\{(\w+\*?)\}.*?(?:\\end\{\1\}|\Z)", re.MULTILINE | re.DOTALL
)
_HEADING = re.compile(r"^#{1,6} ", re.MULTILINE)
_OBJECT = re.compile(r"^ *::: (?P<name>\S+)", re.MULTILINE)
_TEST = re.compile(r"\[`(?P<name>test_\w+)`\]\((?P<address>[^)\s]*)\)")
_TEST_FILE = re.compile(r"https://github\.com/[\w.-]+/[\w.-]+/blob/main/(?P<file>tests/[\w/]+\.py)(?:#\S*)?")
_BOX = re.compile(r"^( *)(?:!!!|\?\?\?\+?) warning\b.*(?:\n|\Z)(?P<content>(?:\1 {4}.*\n?| *\n)*)", re.MULTILINE)


def pages(root: Path, language: Lang) -> Iterator[tuple[Path, Path]]:
    """The pages that explain a module of `reference_impl`: the file, and the module's path there without ``.py``."""
    folder = root / "docs" / language / "methods"
    for page in sorted(folder.rglob("*.md")):
        place = page.relative_to(folder).with_suffix("")
        if page.is_file() and Path(root, "reference_impl", place).with_suffix(".py").is_file():
            yield page, place


def check(root: Path) -> list[Document]:
    """Report equations without a function or a proof, proofs and functions that do not exist, boxes without a proof.

    Returns:
        The pages that have a report.
    """
    code = _Code(root)
    reported = []
    for language in TAGS:
        for file, _ in pages(root, language):
            page = _Page(file.relative_to(root).as_posix(), file.read_text("utf-8", errors="replace"), language)
            page.check(code)
            if page.document.problems:
                reported.append(page.document)
    return reported


class _Found(NamedTuple):
    """What there is to a name: whether it exists, whether it is a function or class, what else its module has."""

    exists: bool
    computes: bool
    known: list[str]


class _Code:
    """What the Python files of the checkout define."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._read: dict[str, Mapping[str, bool]] = {}

    def names(self, file: str) -> Mapping[str, bool]:
        """The names that a file defines, those of classes' members with a dot; whether each is a function or class."""
        if file not in self._read:
            found: dict[str, bool] = {}
            # No such file, or none that Python could read either, defines nothing.
            with suppress(OSError, SyntaxError, ValueError):
                _collect(ast.parse((self.root / file).read_bytes()).body, "", found)
            self._read[file] = found
        return self._read[file]

    def find(self, name: str) -> _Found:
        """Look up an object by its full name."""
        parts = name.split(".")
        for end in range(len(parts), 0, -1) if all(part.isidentifier() for part in parts) else ():
            stem = "/".join(parts[:end])
            for file in (f"{stem}.py", f"{stem}/__init__.py"):
                if (self.root / file).is_file():
                    module, rest = ".".join(parts[:end]), ".".join(parts[end:])
                    names = self.names(file)
                    known = [f"{module}.{other}" for other in names]
                    return _Found(not rest or rest in names, names.get(rest, False), known)
        return _Found(exists=False, computes=False, known=[])


def _collect(body: list[ast.stmt], prefix: str, found: dict[str, bool]) -> None:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found[prefix + node.name] = True
            if isinstance(node, ast.ClassDef):
                _collect(node.body, f"{prefix}{node.name}.", found)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    found.setdefault(prefix + target.id, False)


class _Page:
    """One page, with what its code blocks and comments hold blanked out, so that places stay as they are."""

    def __init__(self, file: str, text: str, language: Lang) -> None:
        self.document = Document(file)
        self.mark = _MARKS[language]
        # A block of code still is something that stands there: a box does not end before it.
        self.text = blanked(COMMENT, blanked(FENCE, text, "~"), " ")
        self.proof = re.compile(rf"^ *{self.mark}(?P<tests>(?:.|\n(?! *(?:\n|\Z)))*)", re.MULTILINE)

    def check(self, code: _Code) -> None:
        self._equations(code)
        self._boxes()
        for named in _OBJECT.finditer(self.text):
            found = code.find(named["name"])
            if not found.exists:
                near = did_you_mean(named["name"], found.known, _OTHERWISE)
                self._report("AA903", named.start("name"), value=shortened(named["name"]), **near)
        for named in _TEST.finditer(self.text):
            place = _TEST_FILE.fullmatch(named["address"])
            tests = {name.rpartition(".")[2] for name in code.names(place["file"])} if place else set()
            if named["name"] not in tests:
                near = did_you_mean(named["name"], sorted(tests), _OTHERWISE)
                shown = shortened(place["file"] if place else named["address"])
                self._report("AA904", named.start(), value=shortened(named["name"]), file=shown, **near)

    def _equations(self, code: _Code) -> None:
        equations = list(_EQUATION.finditer(blanked(_CODE_SPAN, self.text, " ")))
        ends = sorted(
            [*(match.start() for match in equations), *(match.start() for match in _HEADING.finditer(self.text))]
        )
        for equation in equations:
            end = next((end for end in ends if end >= equation.end()), len(self.text))
            follows = self.text[equation.end() : end]
            objects = [match["name"] for match in _OBJECT.finditer(follows)]
            if not any(_computes(name, code) for name in objects):
                self._report("AA901", equation.start())
            if not self._proved(follows):
                self._report("AA902", equation.start(), mark=self.mark)

    def _boxes(self) -> None:
        for box in _BOX.finditer(self.text):
            content = box["content"].rstrip()
            last = [match for match in self.proof.finditer(content) if match.end() == len(content)]
            if not any(_TEST.search(match["tests"]) for match in last):
                self._report("AA905", box.start(), mark=self.mark)

    def _proved(self, text: str) -> bool:
        return any(_TEST.search(match["tests"]) for match in self.proof.finditer(text))

    def _report(self, code: str, offset: int, **arguments: Any) -> None:
        self.document.report(code, at=place(self.text, offset), **arguments)


def _computes(name: str, code: _Code) -> bool:
    """Whether a name can be an equation's; one that is misspelt can, for it has a report of its own."""
    found = code.find(name)
    return name.startswith("reference_impl.") and (found.computes or not found.exists)
