"""What all tests share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

if (shared := ROOT.parent / "shared/data").is_dir():  # where this project's own machines keep the data sets
    os.environ.setdefault("AIGC_DATA", str(shared))


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root folder."""
    return ROOT


@pytest.fixture(scope="session")
def curated(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the real catalog, also in a checkout that lacks the implementation that it names."""
    if (root / "tests/reference_impl/diffusion/test_ddpm.py").is_file():
        return root
    copy = tmp_path_factory.mktemp("curated")
    shutil.copytree(root / "catalog", copy / "catalog")
    file = copy / "catalog/papers/ddpm.yaml"
    named = "  - type: implemented_here\n    target: impl:diffusion.ddpm\n"
    file.write_text(file.read_text(encoding="utf-8").replace(named, ""), encoding="utf-8")
    return copy


@pytest.fixture(scope="module")
def clock() -> Iterator[None]:
    """Stops the clock on a day on which the dates of the planted entries are neither old nor in the future."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", str(int(datetime(2026, 12, 1, tzinfo=UTC).timestamp())))
        yield
