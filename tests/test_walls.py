"""The two walls of the house, and what must never be committed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def imported(file: Path) -> set[str]:
    """Top-level names of all modules that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


def test_reference_impl_knows_nothing_of_the_catalog(root: Path) -> None:
    allowed = set(sys.stdlib_module_names) | {
        "torch", "numpy", "jaxtyping", "rich", "sklearn", "PIL", "filelock", "requests", "tokenizers", "sacrebleu",
        "reference_impl",
    }  # fmt: skip
    for file in (root / "reference_impl").rglob("*.py"):
        assert imported(file) <= allowed, file


def test_atlas_never_imports_torch_nor_the_implementations(root: Path) -> None:
    for file in (root / "atlas").rglob("*.py"):
        assert not imported(file) & {"torch", "numpy", "sklearn", "reference_impl"}, file


def test_the_catalog_library_needs_no_site_engine(root: Path) -> None:
    """A notebook that says `from atlas import Catalog` loads neither MkDocs nor the network."""
    code = (
        "import atlas, sys; print(sorted({m.split('.')[0] for m in sys.modules} & {'mkdocs', 'zensical', 'requests'}))"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"


def test_every_package_of_the_project_is_pinned(root: Path) -> None:
    pins = dict(
        re.fullmatch(r"([A-Za-z0-9._-]+)==(\S+)", line).groups()  # type: ignore[union-attr]
        for line in (root / "constraints.txt").read_text().splitlines()
    )
    assert "+" not in "".join(pins.values())  # a local build tag is to be had on one machine only
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(need for extra in project["optional-dependencies"].values() for need in extra),
    ]
    names = {canonicalize_name(Requirement(need).name) for need in wanted}
    assert names <= {canonicalize_name(name) for name in pins}


def test_actions_are_pinned_by_commit_and_permissions_are_minimal(root: Path) -> None:
    workflows = list((root / ".github/workflows").glob("*.yml"))
    assert len(workflows) >= 3
    for file in workflows:
        text = file.read_text()
        for use in re.findall(r"uses: (.+)", text):
            assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use), f"{file}: {use}"
        assert "\npermissions: {}\n" in text
        assert "pull_request_target" not in text


def test_workflows_pass_the_strictest_audit(root: Path) -> None:
    zizmor = Path(sys.executable).with_name("zizmor")
    run = subprocess.run(
        [zizmor, "--offline", "--persona=auditor", "--no-progress", root / ".github"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize(
    "pattern", [r"pypi\.org", r"python" + "hosted", r"npm" + r"js\.(org|com)", r"deb\.debian" + r"\.org"]
)
def test_no_registry_is_named(root: Path, pattern: str) -> None:
    found = subprocess.run(
        ["git", "grep", "-nIE", pattern, "--", ".", ":!tests/test_walls.py"],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if found.returncode > 1:
        pytest.skip("not a git checkout")
    assert not found.stdout


def test_readmes_of_both_languages_have_the_same_shape(root: Path) -> None:
    for name in ("README", "CONTRIBUTING"):
        english, chinese = (root / f"{name}{suffix}.md" for suffix in ("", ".zh"))
        shapes = [
            re.findall(r"^(#+) |^```(\w*)", file.read_text(encoding="utf-8"), re.MULTILINE)
            for file in (english, chinese)
        ]
        assert shapes[0] == shapes[1], name
