"""Writes the tree of plain Markdown and files that a site engine builds: `build/docs/en` and `build/docs/zh`."""

from __future__ import annotations

import shutil
from pathlib import Path

from atlas.catalog import Catalog
from atlas.site import words
from atlas.site.directives import Directives
from atlas.site.languages import LANGUAGES, Language
from atlas.site.pages import Pages
from atlas.site.vendor import vendor

_ASSETS = Path(__file__).parent / "assets"
_PICTURES = ("*.png", "*.svg", "*.webp", "*.jpg")


class StageError(Exception):
    """The hand-written pages and the generated ones do not fit together."""


def stage(root: Path, catalog: Catalog) -> None:
    """Writes both languages' staged trees anew.

    Args:
        root: The project's root.
        catalog: The checked catalog.

    Raises:
        StageError: A hand-written page has the path of a generated one.
        DirectiveError: A hand-written page asks for something that does not exist.
        VendorError: The browser parts could not be installed.
    """
    vendored = vendor(root)
    words.write(root, catalog)
    for language in LANGUAGES:
        _stage_language(root, catalog, language, vendored)


def _stage_language(root: Path, catalog: Catalog, language: Language, vendored: Path) -> None:
    source, target = root / "docs" / language.code, root / language.docs
    shutil.rmtree(target, ignore_errors=True)
    written = sorted(file for file in source.rglob("*") if file.is_file())
    names = frozenset(file.relative_to(source).as_posix() for file in written)
    pages = Pages(catalog, language, names)
    generated = pages.all()
    if clash := sorted(names & generated.keys()):
        raise StageError(f"docs/{language.code}/{clash[0]} is written by hand and generated")

    directives = Directives(root, pages)
    for file in written:
        name = file.relative_to(source).as_posix()
        if file.suffix == ".md":
            text = file.read_text(encoding="utf-8")
            _write(target / name, directives.expand(text, name, f"docs/{language.code}/{name}"))
        else:
            _copy(file, target / name)
    for name, text in generated.items():
        _write(target / name, text)

    shutil.copytree(_ASSETS, target / "assets")
    shutil.copytree(vendored, target / "assets" / "vendor", ignore=shutil.ignore_patterns(".*"))
    results = root / "reference_impl" / "results"
    for pattern in _PICTURES:
        for picture in sorted(results.rglob(pattern)):
            _copy(picture, target / "assets" / "results" / picture.relative_to(results))


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8", newline="\n")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
