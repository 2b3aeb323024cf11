"""Catalogs that the tests of the library share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from atlas import Catalog
from atlas.catalog import check
from tests.atlas import made


@pytest.fixture(scope="session")
def real(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """The project's own catalog."""
    found, problems = check(root)
    if found is not None:
        return found
    # A checkout without an implementation, its test or its page can bear out neither the relation to it nor the page.
    errors = {problem.code for problem in problems if problem.severity == "error"}
    assert errors <= {"AA507", "AA903", "AA904"}
    copy = tmp_path_factory.mktemp("atlas")
    shutil.copytree(root / "catalog", copy / "catalog")
    for file in (copy / "catalog").rglob("*.yaml"):
        lines = file.read_text(encoding="utf-8").split("\n")
        here = [index for index, line in enumerate(lines) if line == "  - type: implemented_here"]
        kept = [line for index, line in enumerate(lines) if not {index, index - 1} & set(here)]
        file.write_text("\n".join(kept), encoding="utf-8")
    return Catalog.load(copy)


@pytest.fixture(scope="session")
def full(real: Catalog) -> Catalog:
    """The made catalog, over the real vocabularies."""
    return made.catalog(real.vocabularies)


@pytest.fixture(scope="session", params=["real", "made"])
def catalog(request: pytest.FixtureRequest, real: Catalog, full: Catalog) -> Catalog:
    """First the one, then the other."""
    return real if request.param == "real" else full
