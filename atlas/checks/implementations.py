"""The site's own implementations: each that has a page belongs to an entry."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from atlas.checks import method_pages
from atlas.checks.draft import Draft
from atlas.checks.relations import stored
from atlas.model import IMPLEMENTATION
from atlas.source import Document


def check(drafts: Sequence[Draft], root: Path) -> list[Document]:
    """Report modules of `reference_impl` with a page that no entry leads to.

    Returns:
        The modules that have a report.
    """
    named = {target for draft in drafts for _, _, target in stored(draft) if target.startswith(IMPLEMENTATION)}
    forgotten = []
    for _, place in method_pages.pages(root, "en"):
        target = IMPLEMENTATION + ".".join(place.parts)
        if target not in named:
            document = Document(Path("reference_impl", place).with_suffix(".py").as_posix())
            document.report("AA520", value=target)
            forgotten.append(document)
    return forgotten
