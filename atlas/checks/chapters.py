"""The chapters of the guide: every claim leads to an entry or a method, and every entry that a page names is there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from atlas.checks.draft import Draft
from atlas.checks.markdown import COMMENT, FENCE, blanked, place
from atlas.fields.base import did_you_mean
from atlas.languages import TAGS
from atlas.problem import shortened
from atlas.source import Document

FOLDER = "guide"
"""Where the chapters lie below each language's pages."""

_OTHERWISE = ("add that entry first, or name another", "请先添加该条目，或改写为其他条目")
_ENTRY = re.compile(r"\]\((?:\.\./)*catalog/(?P<id>[^)#\s/]+)\.md")
_SOURCE = re.compile(r"\]\((?:\.\./)*(?:catalog|methods)/[^)\s]+\.md")
_HEAD = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_SECTION = re.compile(r"^## ", re.MULTILINE)
# A paragraph, an item of a list or a row of a table: what stands together without a blank line and begins no new item.
_BLOCK = re.compile(r"^(?![ ]*\n)(?:.+\n?)(?:(?! *(?:[-*+]|\d+\.) |\||#).+\n?)*", re.MULTILINE)
_NO_CLAIM = re.compile(r" *(?:#|</?[a-z]|[-*+] *\Z|\|[ :|-]+\|\s*\Z|(?:!!!|\?\?\?\+?) )")


def check(drafts: Sequence[Draft], root: Path) -> list[Document]:
    """Report claims of a chapter without a source, and entries that a page names and that are not there.

    A chapter's opening, before its first section, says what comes and claims nothing.

    Returns:
        The pages that have a report.
    """
    known = {draft.stem: draft for draft in drafts}
    reported = []
    for language in TAGS:
        folder = root / "docs" / language
        for file in sorted(folder.rglob("*.md")):
            page = Document(file.relative_to(root).as_posix())
            text = file.read_text("utf-8", errors="replace")
            for left_out in (_HEAD, FENCE, COMMENT):
                text = blanked(left_out, text, " ")
            _entries(page, text, known)
            if file.is_relative_to(folder / FOLDER):
                _claims(page, text)
            if page.problems:
                reported.append(page)
    return reported


def _entries(page: Document, text: str, known: Mapping[str, Draft]) -> None:
    for named in _ENTRY.finditer(text):
        if named["id"] not in (*known, "index"):
            near = did_you_mean(named["id"], list(known), _OTHERWISE)
            page.report("AA907", at=place(text, named.start("id")), value=shortened(named["id"]), **near)


def _claims(page: Document, text: str) -> None:
    for start, block in _blocks(text):
        if not _SOURCE.search(block):
            page.report("AA906", at=place(text, start), value=shortened(block.strip()))


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    first = _SECTION.search(text)
    rows = 0
    for block in _BLOCK.finditer(text, first.start() if first else len(text)):
        # The first row of a table names its columns.
        rows = rows + 1 if block[0].startswith("|") else 0
        if rows != 1 and not _NO_CLAIM.match(block[0]):
            yield block.start(), block[0]
