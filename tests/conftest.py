"""What all tests share."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

ROOT = Path(__file__).parents[1]

if (shared := ROOT.parent / "shared/data").is_dir():  # where this project's own machines keep the data sets
    os.environ.setdefault("AIGC_DATA", str(shared))

# Before any test imports torch, which reads these once.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as the command line does: busy machines stay usable

if "PYTEST_XDIST_WORKER" in os.environ:  # one worker for each core: threads of one would take turns with another's
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Every shape that a signature of reference_impl states is checked at run time, here in the tests only.
if importlib.util.find_spec("beartype"):  # the GPU machine has none
    install_import_hook("reference_impl", "beartype.beartype")


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
