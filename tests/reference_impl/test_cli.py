"""The commands, on runs of a few seconds; the interruption is a real signal to a real process."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from atlas.catalog import Catalog
from reference_impl import cli, record, registry
from reference_impl.datasets import DATA
from reference_impl.diffusion.ddpm import PRESETS
from reference_impl.registry import override

ROOT = Path(__file__).resolve().parent.parent.parent
TINY = ["--set", "steps=3", "--set", "T=4", "--set", "beta=0.1,0.5", "--set", "width=16", "--set", "batch_size=8"]


@pytest.fixture
def tiny(tmp_path):
    def train(*words: str) -> int:
        return cli.main(["train", "ddpm", *TINY, "--device", "cpu", "--out", str(tmp_path / "run"), *words])

    train.out = tmp_path / "run"
    return train


def test_methods_lists_paper_preset_and_promise(capsys):
    assert cli.main(["methods"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    for word in ("ddpm", "2006.11239", "digits", "seconds 90", "held_out_loss"):
        assert word in out


def test_train_writes_all_and_the_record_says_how(tiny, capsys):
    assert tiny() == 0
    names = {"checkpoint.pt", "metrics.jsonl", "samples.png", "process.png", "curve.svg", "record.json"}
    assert {p.name for p in tiny.out.iterdir()} == names
    got = json.loads((tiny.out / "record.json").read_text())
    assert got["command"].startswith("python -m reference_impl train ddpm --set steps=3")
    assert got["command"].endswith("--device cpu")  # where the files went is nobody else's matter
    assert (got["method"], got["preset"], got["seed"], got["config"]["T"], got["steps"]) == ("ddpm", "digits", 0, 4, 3)
    assert {player: len(losses) for player, losses in got["losses"].items()} == {"loss": 3}
    assert got["pictures"]["samples.png"] == record.file_sha256(tiny.out / "samples.png")
    assert set(got["promises"]) == {"seconds", "held_out_loss", "bits_per_dim", "frechet"}
    assert "NOT KEPT" in capsys.readouterr().out  # three steps cannot keep the promise, and it says so
    with Image.open(tiny.out / "samples.png") as picture:
        assert picture.size == ((8 * 9 + 1) * 6,) * 2


def test_a_command_is_recorded_without_its_folder():
    assert cli.without_folder(["train", "gan", "--out", "x", "--seed", "1"]) == ["train", "gan", "--seed", "1"]
    assert cli.without_folder(["train", "--out=x", "gan"]) == ["train", "gan"]


def test_the_same_command_gives_the_same_bits(tiny):
    def outcome():
        assert tiny() == 0
        got = json.loads((tiny.out / "record.json").read_text())
        return got["weights_sha256"], got["metrics"], got["pictures"], got["losses"]

    first = outcome()
    assert outcome() == first
    assert tiny("--seed", "1") == 0
    assert json.loads((tiny.out / "record.json").read_text())["weights_sha256"] != first[0]


def test_sample_draws_from_a_checkpoint(tiny, tmp_path):
    assert tiny() == 0
    pictures = []
    for seed in ("0", "0", "1"):
        png = tmp_path / "new.png"
        words = ["sample", "ddpm", "--checkpoint", str(tiny.out / "checkpoint.pt"), "--n", "5", "--seed", seed]
        assert cli.main([*words, "--out", str(png)]) == 0
        pictures.append(png.read_bytes())
    assert pictures[0] == pictures[1] != pictures[2]


def test_sample_at_the_runs_seed_is_the_runs_picture(tiny, tmp_path):
    assert tiny() == 0
    png = tmp_path / "again.png"
    assert cli.main(["sample", "ddpm", "--checkpoint", str(tiny.out / "checkpoint.pt"), "--out", str(png)]) == 0
    assert png.read_bytes() == (tiny.out / "samples.png").read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "ddmp"], "Did you mean 'ddpm'?"),
        (["train", "ddpm", "--preset", "digit"], "Did you mean 'digits'?"),
        (["train", "ddpm", "--set", "learning=1"], "field 'learning' is unknown"),
        (["train", "ddpm", "--preset", "digitz"], "Did you mean 'digits'?"),
        (["train", "ddpm", "--set", "T=0"], "T is 0; expected a number of steps >= 2"),
        (["train", "ddpm", "--set", "lr=-1"], "lr is -1.0; expected a learning rate > 0"),
        (["train", "ddpm", "--set", "batch_size=0"], "batch_size is 0; expected a number of examples >= 1"),
        (["train", "ddpm", "--set", "betas=0.9"], "betas is '0.9'; expected 2 numbers with commas"),
        (["presets", "ddmp"], "Did you mean 'ddpm'?"),
        (["train", "ddpm", "--set", "data=digit"], "data 'digit' is unknown. Did you mean 'digits'?"),
        (["sample", "ddpm", "--checkpoint", "x", "--n", "0"], "n is 0; expected a number of samples >= 1"),
    ],
)
def test_a_bad_argument_ends_in_a_message_and_status_2(words, message, capsys):
    assert cli.main(words) == 2
    assert message in capsys.readouterr().err


def test_a_missing_checkpoint_ends_in_a_message_and_status_1(capsys, tmp_path):
    assert cli.main(["sample", "ddpm", "--checkpoint", str(tmp_path / "no.pt")]) == 1
    assert "expected a checkpoint.pt written by `train`" in capsys.readouterr().err


def test_every_command_of_a_learning_path_is_one():
    commands = [step.run for path in Catalog.load(ROOT).paths.values() for step in path.steps if step.run]
    assert commands
    for command in commands:
        words = cli.parser().parse_args(command.split()[1:])
        assert words.preset in (None, *registry.METHODS[words.method].load().PRESETS)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_where_there_is_none_is_a_message(capsys):
    assert cli.main(["train", "ddpm", "--device", "cuda"]) == 2
    assert "expected 'cpu' or 'auto' on this machine" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="signals to a process are POSIX's")
@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_saves_says_how_to_go_on_and_going_on_gives_the_same_bits(tmp_path, signum, status):
    words = ["train", "ddpm", *TINY, "--device", "cpu", "--out", str(tmp_path / "cut")]
    process = subprocess.Popen(
        [sys.executable, "-m", "reference_impl", *words, "--set", "steps=1000000"],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(600):  # the folder exists once training begins
        if (tmp_path / "cut").exists():
            break
        time.sleep(0.1)
    time.sleep(0.5)
    process.send_signal(signum)
    _, err = process.communicate(timeout=60)
    assert process.returncode == status, err
    assert "To go on: python -m reference_impl train ddpm" in err
    assert "--resume" in err
    (step,) = re.findall(r"after step (\d+); the checkpoint is saved", err)

    more = ["--set", f"steps={int(step) + 5}"]
    assert cli.main([*words, *more]) == 2  # neither overwritten nor resumed unasked
    assert cli.main([*words, *more, "--resume"]) == 0
    assert cli.main([*words[:-1], str(tmp_path / "whole"), *more]) == 0
    cut, whole = (json.loads((tmp_path / name / "record.json").read_text()) for name in ("cut", "whole"))
    assert cut["weights_sha256"] == whole["weights_sha256"]
    assert cut["pictures"] == whole["pictures"]
    assert cut["losses"] == whole["losses"]
    spent = json.loads((tmp_path / "cut/spent.json").read_text())
    assert cut["seconds"]["train"] > spent["seconds"] > 0  # the time before the stop counts
    assert cut["seconds"]["total"] > cut["seconds"]["to_picture"] > cut["seconds"]["train"]


@pytest.mark.parametrize("left", [None, {"source_sha256": "0" * 64, "seconds": 5.0}])
def test_a_run_begun_by_other_or_unknown_code_is_not_recorded(tiny, left, capsys):
    assert tiny() == 0
    (tiny.out / "record.json").unlink()
    if left:
        (tiny.out / "spent.json").write_text(json.dumps(left))
    assert tiny("--resume", "--record") == 2
    assert "was begun by other code; expected a whole run of this code to record" in capsys.readouterr().err
    assert tiny("--resume") == 0


def test_evaluate_measures_a_checkpoint_as_the_run_did(tiny, capsys):
    assert tiny() == 0
    metrics = json.loads((tiny.out / "record.json").read_text())["metrics"]
    capsys.readouterr()
    assert cli.main(["evaluate", "ddpm", "--checkpoint", str(tiny.out / "checkpoint.pt")]) == 0
    words = capsys.readouterr().out.split()
    for name, value in metrics.items():
        assert words[words.index(name) + 2] == f"{value:.4g}"
    assert cli.main(["evaluate", "ddpm", "--checkpoint", str(tiny.out / "checkpoint.pt"), "--n", "40"]) == 0
    assert f"{metrics['frechet']:.4g}" not in capsys.readouterr().out.split()


def test_a_checkpoint_of_another_method_is_refused(tiny, capsys):
    assert tiny() == 0
    assert cli.main(["sample", "vae", "--checkpoint", str(tiny.out / "checkpoint.pt")]) == 1
    assert "is of ddpm/digits; expected a run of vae" in capsys.readouterr().err


def test_classes_stand_in_columns_and_a_few_more_samples_fill_the_rows():
    conditional, free = SimpleNamespace(classes=10), SimpleNamespace(classes=0)
    assert cli.in_columns(conditional, 64).tolist() == [*range(10)] * 6
    assert cli.in_columns(conditional, 3).tolist() == [*range(10)]
    assert cli.in_columns(free, 64) is None


@pytest.mark.parametrize(("bound", "status"), [(90.0, 0), (1e-9, 1)])
def test_presets_runs_what_promises_a_picture_soon_and_says_what_was_kept(tmp_path, monkeypatch, capsys, bound, status):
    quick = override(PRESETS["digits"], TINY[1::2])
    promising, silent = replace(quick, promises={"seconds": bound}), replace(quick, promises={"frechet": 0.0})
    slow = replace(quick, promises={"seconds": 1800.0})
    module = SimpleNamespace(PRESETS={"digits": promising, "other": silent, "slow": slow})
    monkeypatch.setattr(registry.Entry, "load", lambda _: module)

    def run(words, check):
        assert words[1:5] == ["-m", "reference_impl", "train", "ddpm"]
        out = Path(words[words.index("--out") + 1])
        out.mkdir(parents=True)
        promises = {"seconds": {"at_most": bound, "kept": status == 0}}
        text = json.dumps({"seconds": {"to_picture": 1.0}, "metrics": {}, "promises": promises})
        (out / "record.json").write_text(text)
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(subprocess, "run", run)
    assert cli.main(["presets", "ddpm", "--out", str(tmp_path)]) == status
    words = capsys.readouterr().out.split()
    assert words.count("ddpm/digits") == 1
    assert not {"ddpm/other", "ddpm/slow"} & set(words)


def test_presets_says_when_a_run_fails(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(subprocess, "run", lambda words, check: SimpleNamespace(returncode=1))
    assert cli.main(["presets", "ddpm", "--out", str(tmp_path)]) == 1
    assert "the run failed" in capsys.readouterr().out


def test_record_copies_to_results(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(record, "ROOT", tmp_path)
    monkeypatch.setattr(record, "source_sha256", lambda _: "0" * 64)
    assert tiny("--record") == 0
    kept = tmp_path / "reference_impl/results/ddpm/digits"
    assert {p.name for p in kept.iterdir()} == {"record.json", "samples.png", "process.png", "curve.svg"}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A run of a method that writes and one of a method that translates, of two steps each."""
    out = tmp_path_factory.mktemp("texts")
    small = ["--set", "steps=2", "--set", "d_model=8", "--set", "layers=1", "--set", "evaluate_on=3"]
    for name, more in (("gpt", ["--set", "kv_heads=1"]), ("encoder_decoder", ["--set", "d_ff=8"])):
        assert cli.main(["train", name, *small, *more, "--device", "cpu", "--out", str(out / name)]) == 0
    return out


def test_what_is_written_is_a_text_and_the_record_knows_it(written):
    for name, drawn in (("gpt", set()), ("encoder_decoder", {"encoder.svg", "cross.svg"})):
        files = {p.name for p in (written / name).iterdir()}
        assert files == {"checkpoint.pt", "metrics.jsonl", "samples.txt", "curve.svg", "record.json"} | drawn
        got = json.loads((written / name / "record.json").read_text())
        assert got["pictures"]["samples.txt"] == record.file_sha256(written / name / "samples.txt")
        texts = (written / name / "samples.txt").read_text(encoding="utf-8").split(cli.RULE)
        assert len(texts) == cli.READ
    sources = [text.partition("\n")[0] for text in texts]
    held_out = DATA["numerals"]().held_out[: cli.READ, 0]
    assert sources == [DATA["numerals"]().decode(row) for row in held_out]


def test_a_prompt_is_gone_on_with_or_translated(written, tmp_path, capsys):
    def sample(name: str, *words: str) -> tuple[int, str]:
        checkpoint = str(written / name / "checkpoint.pt")
        status = cli.main(["sample", name, "--checkpoint", checkpoint, "--out", str(tmp_path / "new.txt"), *words])
        return status, capsys.readouterr().out

    status, out = sample("gpt", "--prompt", "The for statement", "--n", "2")
    assert status == 0
    texts = (tmp_path / "new.txt").read_text(encoding="utf-8").split(cli.RULE)
    assert len(texts) == 2
    assert all(text.startswith("\nThe for statement") for text in texts)
    assert texts[0] in out
    status, out = sample("encoder_decoder", "--prompt", "three hundred and five")
    assert status == 0
    assert (tmp_path / "new.txt").read_text(encoding="utf-8").startswith("three hundred and five\n")
    assert sample("gpt")[0] == 0
    assert (tmp_path / "new.txt").read_text() == (written / "gpt" / "samples.txt").read_text()
    greedy = [sample("gpt", "--set", "temperature=0", "--seed", seed, "--n", "1") for seed in "01"]
    assert greedy[0] == greedy[1]


def test_a_prompt_that_does_not_fit_is_a_message(written, tiny, capsys):
    def sample(name: str, path: Path, *words: str) -> str:
        assert cli.main(["sample", name, "--checkpoint", str(path / "checkpoint.pt"), *words]) == 2
        return capsys.readouterr().err

    assert "the text has '龍'; expected characters" in sample("gpt", written / "gpt", "--prompt", "龍")
    assert "expected pieces that the training texts have" in sample(
        "encoder_decoder", written / "encoder_decoder", "--prompt", "three apples"
    )
    assert "do not fit; expected settings that leave their shapes alone" in sample(
        "gpt", written / "gpt", "--set", "d_model=16"
    )
    assert "Did you mean 'temperature'?" in sample("gpt", written / "gpt", "--set", "temperatur=1")
    assert tiny() == 0
    assert "draws pictures, and cannot be asked in words" in sample("ddpm", tiny.out, "--prompt", "a seven")
