"""The machine-written table of predictions, schedules and backbones, as rows to be shown; read, never typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from atlas.site.benchmark import caption, changed, page_of, read_table
from atlas.site.markup import text
from atlas.site.phrases import Phrases
from atlas.site.record import RESULTS

FILE = f"{RESULTS}/parameterisations.json"
_EXPLAINED = {"unet": "diffusion.ddpm", "dit": "diffusion.dit"}
"""Where each backbone is explained."""


@dataclass(frozen=True)
class Row:
    """One combination: what was chosen, and what came of it."""

    network: Markup
    page: str
    schedule: Markup
    prediction: Markup
    noise_error: str
    frechet: str
    class_error: str
    seconds: str


@dataclass(frozen=True)
class Parameterisations:
    """The table, ready to be shown.

    Attributes:
        rows: The combinations.
        stale: Whether the code has changed since.
        steps: For how many steps each was trained.
        real_frechet: The Frechet distance of as many real images.
        real_class_error: The share of real images that the classifier gets wrong.
        caption: Command, device, date and commit.
    """

    rows: tuple[Row, ...]
    stale: bool
    steps: int
    real_frechet: str
    real_class_error: str
    caption: Markup


def read_parameterisations(root: Path, phrases: Phrases) -> Parameterisations | None:
    """Reads the table.

    Args:
        root: The project's root.
        phrases: The words of the page's language.

    Returns:
        The table, or None if it has not been made yet.

    Raises:
        RecordError: The file is not such a table.
    """
    return read_table(root, FILE, "a table of parameterisations", lambda table: _table(root, table, phrases))


def _table(root: Path, table: Mapping[str, Any], phrases: Phrases) -> Parameterisations:
    return Parameterisations(
        rows=tuple(_row(row, phrases) for row in table["rows"]),
        stale=changed(root, table),
        steps=int(table["steps"]),
        real_frechet=f"{table['real']['frechet']:.2f}",
        real_class_error=f"{table['real']['class_error']:.1%}",
        caption=caption(table, phrases),
    )


def _row(row: Mapping[str, Any], phrases: Phrases) -> Row:
    return Row(
        network=text(phrases.say(f"parameterisations.{row['network']}")),
        page=page_of(_EXPLAINED[row["network"]]),
        schedule=text(phrases.say(f"parameterisations.{row['schedule']}")),
        prediction=text(phrases.say(f"parameterisations.{row['prediction']}")),
        noise_error=f"{row['noise_error']:.3f}",
        frechet=f"{row['frechet']:.2f}",
        class_error=f"{row['class_error']:.1%}",
        seconds=f"{row['seconds']:.0f}",
    )
