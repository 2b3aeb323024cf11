"""Hand-written Markdown as the checks read it: what is not prose blanked out, so that places stay as they are."""

from __future__ import annotations

import re

from atlas.problem import Position

FENCE = re.compile(r"^( *)(`{3,}|~{3,}).*?(?:^ *\2[`~]* *$|\Z)", re.MULTILINE | re.DOTALL)
"""A block of code; one that is left open goes on to the page's end."""
COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


def blanked(pattern: re.Pattern[str], text: str, filler: str) -> str:
    """The text with what matches replaced, character by character, line feeds and indentation kept."""
    return pattern.sub(lambda match: re.sub(r"[^\n ]", filler, match[0]), text)


def place(text: str, offset: int) -> Position:
    """The line and column of a character."""
    return Position(text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))
