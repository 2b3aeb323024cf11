"""No claim of a chapter goes without a source, and no page names an entry that is not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from atlas.checks.chapters import check
from atlas.checks.draft import Draft
from atlas.source import Document
from tests.atlas.workshop import write

Found = list[tuple[str, int]]
ENTRY = "[DDPM](../catalog/ddpm.md)"


@pytest.fixture(params=["en", "zh"])
def found(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Found]:
    """Writes a chapter of these parts and says what the check finds, with the lines."""

    def judge(*parts: str, folder: str = "guide") -> Found:
        write(tmp_path / f"docs/{request.param}/{folder}/history.md", "\n\n".join(parts) + "\n")
        drafts = [Draft(Document("catalog/papers/ddpm.yaml"), "paper", "ddpm")]
        return [(problem.code, problem.position.line) for page in check(drafts, tmp_path) for problem in page.problems]

    return judge


def test_the_opening_may_say_what_comes(found: Callable[..., Found]) -> None:
    assert found("# History", "This chapter tells what happened.", "## Noise", f"It began with {ENTRY}.") == []


def test_every_paragraph_needs_a_source(found: Callable[..., Found]) -> None:
    assert found("## Noise", f"It began\nwith {ENTRY}.", "And it\ngoes on.", "## Next", "So.") == [
        ("AA906", 6),
        ("AA906", 11),
    ]


def test_a_page_of_a_method_is_a_source_and_another_chapter_is_none(found: Callable[..., Found]) -> None:
    assert found("## A", "See [DDPM](../methods/diffusion/ddpm.md).", "See [trends](trends.md).") == [("AA906", 5)]


def test_every_item_and_every_row_needs_its_own(found: Callable[..., Found]) -> None:
    assert found("## A", f"- one, {ENTRY}\n- two\n  goes on\n1. three") == [("AA906", 4), ("AA906", 6)]
    assert found("## A", f"| what | why |\n| --- | :-: |\n| one | {ENTRY} |\n| two | no |") == [("AA906", 6)]


def test_what_claims_nothing_needs_none(found: Callable[..., Found]) -> None:
    assert found("---\ntitle: x\n---\n## A", "<!-- atlas: counts -->", "```\ncode\n```", "### B", "<div>") == []


def test_a_box_is_judged_by_what_it_says(found: Callable[..., Found]) -> None:
    assert found("## A", '!!! note "Title"', "    Nobody knows why.") == [("AA906", 5)]


@pytest.mark.parametrize("folder", ["guide", "methods"])
def test_an_entry_that_is_not_there_is_found_on_any_page(found: Callable[..., Found], folder: str) -> None:
    assert found("## A", "Both of [it](../catalog/ddmp.md).", folder=folder) == [("AA907", 3)]
    assert found("## A", "All in the [catalog](../catalog/index.md).", folder=folder) == []
