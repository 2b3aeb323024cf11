import ast
import hashlib
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from reference_impl import record
from reference_impl.registry import METHODS

ROOT = Path(__file__).resolve().parent.parent.parent
METHOD = "reference_impl.diffusion.ddpm"
RESULTS = ROOT / "reference_impl" / "results"


def test_closure_is_what_the_method_imports():
    names = {path.relative_to(ROOT / "reference_impl").as_posix() for path in record.source_closure(METHOD)}
    assert {"diffusion/ddpm.py", "diffusion/unet.py", "engine.py", "data.py", "metrics.py"} <= names
    assert not {"cli.py", "record.py", "images.py"} & names  # they make no number
    assert record.source_closure("reference_impl.images") == [ROOT / "reference_impl/images.py"]
    # against Python's own account of what importing the method loads
    script = f"import sys, {METHOD}; print(*(n for n in sys.modules if n.startswith('reference_impl.')))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    modules = {ROOT / f"{name.replace('.', '/')}.py" for name in done.stdout.split()} - {
        ROOT / "reference_impl/diffusion.py"
    }
    assert modules <= set(record.source_closure(METHOD))


def test_source_fingerprint_ignores_line_ends_and_sees_a_character(tmp_path, monkeypatch):
    file = tmp_path / "m.py"
    monkeypatch.setattr(record, "ROOT", tmp_path)
    monkeypatch.setattr(record, "source_closure", lambda _: [file])

    def fingerprint(data: bytes) -> str:
        file.write_bytes(data)
        return record.source_sha256("m")

    unix = fingerprint(b"a = 1\nb = 2\n")
    assert fingerprint(b"a = 1\r\nb = 2\r\n") == unix
    assert fingerprint(b"a = 1\nb = 3\n") != unix


def test_git_state_knows_dirt(tmp_path, monkeypatch):
    def git(*words):
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=tmp_path, check=True, capture_output=True
        )

    monkeypatch.setattr(record, "ROOT", tmp_path)
    assert record.git_state() == {"commit": None, "dirty": None}
    git("init", "-q")
    (tmp_path / "reference_impl/results").mkdir(parents=True)
    (tmp_path / "reference_impl/a.py").write_text("1")
    git("add", ".")
    git("commit", "-qm", "a")
    state = record.git_state()
    assert len(state["commit"]) == 40
    assert state["dirty"] is False
    (tmp_path / "reference_impl/results/r.json").write_text("{}")
    (tmp_path / "elsewhere").write_text("x")
    assert record.git_state()["dirty"] is False
    (tmp_path / "reference_impl/a.py").write_text("2")
    assert record.git_state()["dirty"] is True


def test_weights_fingerprint_sees_one_bit():
    torch.manual_seed(0)
    a, b = nn.Linear(3, 2), nn.Linear(3, 2)
    b.load_state_dict(a.state_dict())
    assert record.weights_sha256(a) == record.weights_sha256(b)
    with torch.no_grad():
        b.weight[1, 2] = torch.nextafter(b.weight[1, 2], torch.tensor(9.0))
    assert record.weights_sha256(a) != record.weights_sha256(b)


def test_a_record_is_json_without_nan(tmp_path):
    record.write_record({"a": 0.5, "名": "数字"}, tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8")) == {"a": 0.5, "名": "数字"}
    with pytest.raises(ValueError, match="JSON"):
        record.write_record({"a": math.nan}, tmp_path / "r.json")


def test_the_machine_is_named():
    machine = record.machine(torch.device("cpu"))
    assert machine["device"].startswith("CPU ")
    assert machine["cpus"] >= 1
    assert machine["torch"] == torch.__version__


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*/*/record.json")), ids=lambda p: "/".join(p.parts[-3:-1]))
def test_committed_records_hold_together(path):
    """The pictures are the run's own, every promise was kept, and the code is the code that ran."""
    got = json.loads(path.read_text(encoding="utf-8"))
    for name, digest in got["pictures"].items():
        assert hashlib.sha256((path.parent / name).read_bytes()).hexdigest() == digest, name
    assert [name for name, promise in got["promises"].items() if not promise["kept"]] == []
    module = METHODS[got["method"]].module
    assert got["source_sha256"] == record.source_sha256(module), "the code changed since: record the run again"
    assert got["git"]["dirty"] is False


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_bleu_that_the_page_names_is_the_recorded_one(language):
    path = RESULTS / "encoder_decoder" / "multi30k" / "record.json"
    bleu = 100 - json.loads(path.read_text(encoding="utf-8"))["metrics"]["bleu_missing"]
    page = ROOT / "docs" / language / "methods" / "transformer" / "encoder_decoder.md"
    (sentence,) = (line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("BLEU"))
    assert f" {bleu:.1f}" in sentence


def test_every_method_has_a_recorded_run_and_no_record_lacks_its_preset():
    presets = {f"{entry.name}/{preset}" for entry in METHODS.values() for preset in entry.load().PRESETS}
    recorded = {"/".join(path.parts[-3:-1]) for path in RESULTS.glob("*/*/record.json")}
    assert recorded <= presets
    assert {f"{name}/{next(iter(entry.load().PRESETS))}" for name, entry in METHODS.items()} <= recorded


def test_reference_impl_never_imports_atlas_nor_what_a_bare_machine_lacks():
    allowed = {"torch", "numpy", "jaxtyping", "rich", "reference_impl", "sklearn", "PIL", "filelock", "requests"}
    allowed |= {"tokenizers", "sacrebleu"}  # imported where byte pairs and BLEU are asked for
    for path in (ROOT / "reference_impl").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for name in names:
                root = name.partition(".")[0]
                assert root in allowed or root in sys.stdlib_module_names, f"{path}: {name}"
