"""Every rule of the catalog: its code, its severity, what it says in English and Chinese, and an example.

A rule's sentences are templates; the check that finds a problem fills them in. Codes are never reused:
AA1xx the file and its YAML, AA2xx fields, AA3xx text, AA4xx identity, AA5xx relations and terms,
AA6xx dates and verification, AA7xx addresses, AA8xx what a source says by now (`aigc refresh`), AA9xx pages of methods.
"""

from __future__ import annotations

from atlas.rules import addresses, dates, files, identity, method_pages, relations, shape, sources, text
from atlas.rules.rule import Command, Language, Rule, Sentence, Severity

RULES: dict[str, Rule] = {
    rule.code: rule
    for module in (files, shape, text, identity, relations, dates, addresses, sources, method_pages)
    for rule in module.RULES
}

__all__ = ["RULES", "Command", "Language", "Rule", "Sentence", "Severity"]
