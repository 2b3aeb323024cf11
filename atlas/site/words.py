"""The Chinese names of the families of methods, which a search must find whole.

The word splitter would take 生成对抗网络 apart, and any page with 生成 and 网络 would come before the one about it.
"""

from __future__ import annotations

import re
from pathlib import Path

from atlas.catalog import Catalog
from atlas.fields import HAN

FILE = Path("build") / "search-words.txt"
"""Where the site engine's word splitter finds them, below the project's root."""

_NAME = re.compile(f"[{HAN}]{{3,}}")


def search_words(catalog: Catalog) -> list[str]:
    """The names of three characters or more; shorter ones the splitter knows."""
    terms = catalog.vocabularies["family"].terms.values()
    return sorted({name for term in terms for name in _NAME.findall(term.label.zh)})


def write(root: Path, catalog: Catalog) -> None:
    """Write the names as the splitter reads them: one on each line."""
    file = root / FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{word}\n" for word in search_words(catalog)), encoding="utf-8")
