"""What a rule is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "zh"]
Severity = Literal["error", "warning", "note"]
Command = Literal["check", "fmt", "refresh"]


@dataclass(frozen=True)
class Sentence:
    """The same sentence in both languages."""

    en: str
    zh: str

    def in_language(self, language: Language) -> str:
        """The sentence in one of the two languages."""
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True)
class Rule:
    """One rule of the catalog.

    Attributes:
        code: Its name for ever.
        message: What it finds; a template that the check fills in.
        hint: How a person mends it; a template too.
        example: A mistake that it finds: lines of a good entry as they should not be. A line ``# catalog/…`` or
            ``# docs/…`` says of which file, without one it is ``catalog/papers/ddpm.yaml``; a line ``# name: …`` that
            a field is left out.
        mended: The same lines as they should be.
        severity: An error fails the check, a warning does not; a note is shown on request only.
        command: Which `aigc` command finds it.
    """

    code: str
    message: Sentence
    hint: Sentence
    example: str
    mended: str
    severity: Severity = "error"
    command: Command = "check"


def rule(
    code: str,
    message: str,
    message_zh: str,
    hint: str,
    hint_zh: str,
    *,
    example: str,
    mended: str,
    severity: Severity = "error",
    command: Command = "check",
) -> Rule:
    """A rule from its plain parts, as the tables of this package hold them."""
    return Rule(code, Sentence(message, message_zh), Sentence(hint, hint_zh), example, mended, severity, command)
