"""The rules for people who want to know more than one message says: in the terminal, and as a page of the site."""

from __future__ import annotations

import re
from collections.abc import Mapping

from atlas.rules import RULES, Language, Rule, Sentence

_BLANK = re.compile(r"\{\w+\}")
_SHOWN_LINE = 90
_WORDS = {
    "finds": Sentence("Finds", "发现"),
    "mend": Sentence("How to mend it", "修改方法"),
    "example": Sentence("Example", "错误示例"),
    "mended": Sentence("Mended", "改正后"),
    "severity": Sentence("Severity", "级别"),
    "error": Sentence("error; the check fails", "错误，检查不通过"),
    "warning": Sentence("warning; the check passes", "警告，检查仍可通过"),
    "note": Sentence("note; shown with --notes only", "提示，仅在使用 --notes 时显示"),
    "title": Sentence("Rules of the catalog", "目录规则"),
    "lead": Sentence(
        "`aigc check` holds every entry, and every page of a method, to these rules; where `aigc fmt` or "
        "`aigc refresh` finds a problem instead, the rule says so. Each report names the code, the file, the line and "
        "the field; here is what each code means, with a mistake that it finds and the same lines mended. Characters "
        "that cannot be seen are written as ⟨U+200B⟩.",
        "`aigc check` 按下列规则检查每个条目和每个方法页面；由 `aigc fmt` 或 `aigc refresh` 发现的，规则中会注明。"
        "每条报告都写明规则代码、文件、行号与字段；"
        "本页说明各代码的含义，并给出一个错误示例及其改正。看不见的字符写作 ⟨U+200B⟩。",
    ),
    "1": Sentence("The file and its YAML", "文件与 YAML"),
    "2": Sentence("Fields", "字段"),
    "3": Sentence("Text", "文本"),
    "4": Sentence("Identity", "标识"),
    "5": Sentence("Terms, relations and learning paths", "词表、关系与学习路径"),
    "6": Sentence("Dates, states and verification", "日期、状态与核实"),
    "7": Sentence("Addresses", "网址"),
    "8": Sentence("What a source says by now", "来源的最新记录"),
    "9": Sentence("Pages written by hand", "手写页面"),
    "found": Sentence("Found by `{}`", "由 `{}` 发现"),
}


def explanation(rule: Rule, language: Language) -> str:
    """One rule as plain text: what it finds, how to mend it, an example of both."""
    say = {name: sentence.in_language(language) for name, sentence in _WORDS.items()}
    colon = "：" if language == "zh" else ": "
    return "\n".join(
        [
            f"{rule.code}  {blanked(rule.message.in_language(language))}",
            f"{say['severity']}{colon}{say[rule.severity]}",
            *_found(rule, say),
            f"{say['mend']}{colon}{blanked(rule.hint.in_language(language))}",
            "",
            f"{say['example']}{colon.rstrip()}",
            *(f"    {line}" for line in visible(rule.example).splitlines()),
            "",
            f"{say['mended']}{colon.rstrip()}",
            *(f"    {line}" for line in visible(rule.mended).splitlines()),
        ]
    )


def rules_page(language: Language) -> str:
    """All rules as a page of Markdown, each under a heading whose anchor is its code in lower case."""
    say = {name: sentence.in_language(language) for name, sentence in _WORDS.items()}
    parts = [f"# {say['title']} {{ #rules }}", say["lead"]]
    for code, rule in sorted(RULES.items()):
        section = f"## {say[code[2]]} {{ #aa{code[2]}xx }}"
        if section not in parts:
            parts.append(section)
        parts += [
            f"### {code} {{ #{code.lower()} }}",
            _prose(rule.message.in_language(language)),
            f"{say['severity']}{'：' if language == 'zh' else ': '}{_prose(say[rule.severity])}",
            *_found(rule, say),
            f"**{say['example']}**",
            _fenced(rule.example),
            f"**{say['mended']}** · {_prose(rule.hint.in_language(language))}",
            _fenced(rule.mended),
        ]
    return "\n\n".join(parts) + "\n"


def _found(rule: Rule, say: Mapping[str, str]) -> list[str]:
    """Which command finds it, where that is not `aigc check`."""
    return [say["found"].format(f"aigc {rule.command}")] if rule.command != "check" else []


def blanked(template: str) -> str:
    """A rule's sentence with "…" where the check fills in what it found.

    >>> blanked("the key '{key}' stands twice")
    "the key '…' stands twice"
    """
    return _BLANK.sub("…", template)


def visible(text: str) -> str:
    r"""Text with every character written out that cannot be seen, and long lines cut.

    >>> visible("a\u200bb")
    'a⟨U+200B⟩b'
    """
    lines = []
    for line in text.replace("\r\n", "⟨CR LF⟩\n").split("\n"):
        shown = "".join(_shown(character) for character in line)
        lines.append(shown if len(shown) <= _SHOWN_LINE + 40 else shown[:_SHOWN_LINE] + "…")
    return "\n".join(lines)


def _shown(character: str) -> str:
    if 0xDC80 <= ord(character) <= 0xDCFF:  # a byte that is no UTF-8
        return f"⟨0x{ord(character) - 0xDC00:02X}⟩"
    return character if character.isprintable() else f"⟨U+{ord(character):04X}⟩"


def _prose(sentence: str) -> str:
    """A sentence as Markdown: what stands between backticks stays code, nothing else is markup."""
    parts = blanked(sentence).split("`")
    return "`".join(
        part if index % 2 else re.sub(r"([\\*_<>\[\]#|&])", r"\\\1", part) for index, part in enumerate(parts)
    )


def _fenced(text: str) -> str:
    language = "markdown" if text.startswith("# docs/") else "yaml"
    return f"```{language}\n{visible(text).rstrip() or '⟨⟩'}\n```"
