"""One entry's fields against each other and against its place in the tree."""

from __future__ import annotations

import re
from datetime import date, timedelta

from atlas.addresses import arxiv_id_of, is_proceedings
from atlas.checks.draft import Draft
from atlas.fields import arxiv_year
from atlas.model import FOLDERS, KINDS
from atlas.problem import shortened
from atlas.today import today

STALE_AFTER = timedelta(days=365)
PROJECT_START = date(2026, 11, 1)
_TAKEN_BACK = ("withdrawn", "retracted")
# The venue may lie in the year before the first public version, as when a paper reaches arXiv after the conference.
_VENUE_BEFORE = 1
_VERSION = re.compile(r"\d+\.\d+")


def check(draft: Draft) -> None:
    """Run every check of this module on one entry."""
    _place(draft)
    _paper(draft)
    _status(draft)
    _licence(draft)
    _verified(draft)


def _place(draft: Draft) -> None:
    report = draft.document.report
    identifier, kind = draft.text("id"), draft.text("kind")
    if identifier is not None and identifier != draft.stem:
        report("AA402", ("id",), value=shortened(identifier), stem=shortened(draft.stem))
    if kind is not None and kind != draft.kind:
        report("AA403", ("kind",), value=shortened(kind), folder=f"catalog/{FOLDERS[draft.kind]}")


def _paper(draft: Draft) -> None:
    if draft.kind != "paper":
        return
    report = draft.document.report
    arxiv, year, url = draft.text("ids", "arxiv"), draft.value("year"), draft.text("url")
    if draft.value("ids") is None and draft.text("venue", "type") != "report" and not is_proceedings(url or ""):
        report("AA412")
    expected = arxiv_year(arxiv) if arxiv else None
    if expected and type(year) is int and year != expected:
        report("AA604", ("year",), value=str(year), arxiv=str(arxiv), expected=str(expected))
    if expected and url and arxiv_id_of(url) and url != f"https://arxiv.org/abs/{arxiv}":
        report("AA704", ("url",), value=shortened(url), expected=str(arxiv))
    for index, link in enumerate(draft.items("links")):
        linked = arxiv_id_of(str(link.get("url"))) if isinstance(link, dict) and link.get("rel") == "pdf" else None
        if expected and linked and linked != str(arxiv).lower():
            report("AA704", ("links", index, "url"), value=shortened(link["url"]), expected=str(arxiv))
    held = draft.value("venue", "year")
    if type(year) is int and type(held) is int and held < year - _VENUE_BEFORE:
        report("AA614", ("venue", "year"), value=str(held), year=str(year))


def _status(draft: Draft) -> None:
    status, report = draft.text("status"), draft.document.report
    if status is None or status == "active":
        return
    if draft.value("status_note") is None:
        report("AA605", ("status",), value=shortened(status))
    if draft.value("status_since") is None:
        report("AA610", ("status",), value=shortened(status))
    rels = {link.get("rel") for link in draft.items("links") if isinstance(link, dict)}
    if status in _TAKEN_BACK and "notice" not in rels:
        report("AA611", ("status",), value=status)


def _licence(draft: Draft) -> None:
    for name in ("licence", "weights_licence"):
        if draft.text(name) in ("custom", "unstated") and draft.value("licence_note") is None:
            draft.document.report(
                "AA202",
                (name,),
                name="licence_note",
                where=" (the licence is no standard one)",
                where_zh="（许可证不是标准许可证）",
            )


def _verified(draft: Draft) -> None:
    items = [item for item in draft.items("verified") if isinstance(item, dict)]
    covered = {name for item in items if isinstance(item.get("fields"), list) for name in map(str, item["fields"])}
    uncovered = [name for name in KINDS[draft.kind].facts() if name in draft.document.data and name not in covered]
    if items and uncovered:
        draft.document.report("AA609", ("verified",), value=", ".join(uncovered))
    for index, item in enumerate(items):
        note = item.get("note")
        if item.get("how") == "ran-code" and not (isinstance(note, dict) and _VERSION.search(str(note.get("en")))):
            draft.document.report("AA612", ("verified", index, "how"))
    if draft.entry and draft.entry.added < PROJECT_START:
        draft.document.report("AA613", ("added",), value=str(draft.entry.added), start=str(PROJECT_START))
    newest = max((item.date for item in draft.entry.verified), default=None) if draft.entry else None
    if newest and today() - newest > STALE_AFTER:
        draft.document.report("AA606", ("verified",), days=str((today() - newest).days))
