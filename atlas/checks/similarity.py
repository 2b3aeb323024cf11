"""Entries that say nearly the same: titles one slip apart, and sentences that stand in two summaries.

Both look up keys in a table, so the time grows with the number of entries and not with that of pairs.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from atlas.checks.draft import Draft

_SHORTEST_TITLE = 12
_WORDS = re.compile(r"\w+")
_RUN = 12
_STRIDE = 4


def check(drafts: Sequence[Draft]) -> None:
    """Run every check of this module on all entries."""
    _titles(drafts)
    _summaries(drafts)


def _titles(drafts: Sequence[Draft]) -> None:
    """Two titles within one edit of each other become equal when at most one character of each is left out."""
    seen: dict[int, tuple[Draft, str]] = {}
    for draft in drafts:
        others = {}
        # A paper could be entered again under a former title as well.
        for path, title in draft.titles():
            folded = fold_title(title)
            if len(folded) < _SHORTEST_TITLE:
                continue
            for key in _variants(folded):
                other, theirs = seen.setdefault(key, (draft, title))
                # A translation and a later edition may bear the same title.
                if other is not draft and other.kind == draft.kind and not _are_known_apart(draft, other):
                    others[other.document.file] = (path, theirs)
        for file, (path, theirs) in others.items():
            draft.document.report("AA415", path, value=theirs, other=file)


def fold_title(title: str) -> str:
    """A title without what two spellings of it may differ in: case, width, accents, spaces, punctuation.

    >>> fold_title("Auto-Encoding  Variational Bayes") == fold_title("Auto‐encoding variational Bayes.")
    True
    """
    spread = unicodedata.normalize("NFKD", title.casefold())
    return "".join(character for character in spread if character.isalnum())


def _variants(folded: str) -> Iterator[int]:
    yield hash(folded)
    for place, character in enumerate(folded):
        # Llama 2 and Llama 3 differ by intention. Of equal neighbours one stands for all.
        if not character.isdigit() and folded[place - 1 : place] != character:
            yield hash(folded[:place] + folded[place + 1 :])


def _are_known_apart(one: Draft, other: Draft) -> bool:
    """Whether one names the other, or each has a repository of its own, as Transformers and KTransformers have."""
    repositories = {one.text("repo"), other.text("repo")} - {None}
    return len(repositories) > 1 or any(
        isinstance(item, dict) and item.get("target") == there.stem
        for here, there in ((one, other), (other, one))
        for item in here.items("relations")
    )


def _summaries(drafts: Sequence[Draft]) -> None:
    """Every run of twelve words is looked up, every fourth one is kept: a copy of fifteen words is always found."""
    kept: dict[int, Draft] = {}
    for draft in drafts:
        summary = draft.text("summary", "en")
        words = _WORDS.findall(summary.casefold()) if summary else []
        runs = [hash(tuple(words[start : start + _RUN])) for start in range(len(words) - _RUN + 1)]
        for start, run in enumerate(runs):
            if run in kept:
                shown = " ".join(words[start : start + _RUN])
                draft.document.report("AA312", ("summary", "en"), value=shown, other=kept[run].document.file)
                break
        else:
            for run in runs[::_STRIDE]:
                kept[run] = draft
