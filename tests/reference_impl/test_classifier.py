"""The classifier behind the metrics: the committed weights are those of the record, and as good as it says."""

import hashlib
import json

import pytest
import torch
from torch import nn

from reference_impl import classifier
from reference_impl.datasets import DATA
from reference_impl.metrics import compare, frechet_distance


def record(name: str) -> dict:
    return json.loads((classifier.FOLDER / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture(params=classifier.WEIGHTS)
def data(request):
    return request.getfixturevalue("fashion") if request.param == "fashion" else DATA[request.param]()


def test_the_weights_are_the_recorded_ones_and_err_as_often_as_recorded(data):
    held = record(data.name)
    packed = (classifier.FOLDER / f"{data.name}.npz").read_bytes()
    assert hashlib.sha256(packed).hexdigest() == held["weights"]["sha256"] == classifier.WEIGHTS[data.name]
    assert held["data"]["sha256"] == data.sha256
    model = classifier.load(data.name)
    error = classifier.class_error(model, data.held_out, data.held_out_labels)
    assert error == pytest.approx(held["held_out_error"], abs=2 / len(data.held_out))
    assert error <= {"digits": 0.03, "fashion": 0.09}[data.name]


def test_training_gives_the_same_bits_twice(monkeypatch):
    monkeypatch.setitem(classifier.EPOCHS, "digits", 1)
    data = DATA["digits"]()
    a, b, other = (classifier.train(data, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert not torch.equal(a["head.weight"], other["head.weight"])


def test_other_weights_than_the_committed_ones_are_refused(tmp_path, monkeypatch):
    (tmp_path / "digits.npz").write_bytes(b"other")
    monkeypatch.setattr(classifier, "FOLDER", tmp_path)
    with pytest.raises(OSError, match=r"digits\.npz has the sha256 .*; expected 472b"):
        classifier.load("digits")
    with pytest.raises(ValueError, match="name is 'digit'; expected one of the data sets with a classifier"):
        classifier.load("digit")


def test_the_command_writes_weights_and_a_record_that_names_them(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(classifier.EPOCHS, "digits", 1)
    classifier.main(["digits", "--out", str(tmp_path)])
    held = json.loads((tmp_path / "digits.json").read_text())
    assert hashlib.sha256((tmp_path / "digits.npz").read_bytes()).hexdigest() == held["weights"]["sha256"]
    assert json.loads(capsys.readouterr().out) == held


def test_a_garment_varies_by_a_mirror_and_a_pixel_at_most():
    x = torch.full((200, 1, 5, 6), -1.0)
    x[:, :, 2, 1] = 1
    g = torch.Generator().manual_seed(0)
    places = set()
    for _ in range(40):
        moved = classifier.vary(x, g)
        assert moved.shape == x.shape
        assert (moved == 1).sum() == 200
        places |= {tuple(at) for at in (moved == 1).nonzero()[:, 2:].tolist()}
    assert places == {(row, column) for row in (1, 2, 3) for column in (0, 1, 2, 3, 4, 5)}


def test_compare_counts_what_the_classifier_gets_wrong_and_measures_in_its_features():
    data = DATA["digits"]()
    n = 300
    samples, labels = data.train[:n], data.train_labels[:n]  # the classifier errs on none of them
    wrong = labels.clone()
    wrong[:60] = (wrong[:60] + 3) % 10
    numbers = compare(data, samples, wrong)
    assert numbers["class_error"] == pytest.approx(0.2)
    assert numbers["class_error_real"] == pytest.approx(record("digits")["held_out_error"])
    assert numbers["frechet"] == numbers["frechet_real"]
    assert numbers["feature_frechet"] == numbers["feature_frechet_real"]
    model = classifier.load("digits")
    by_hand = nn.Sequential(*model.layers)
    expected = frechet_distance(by_hand(samples), by_hand(data.held_out))
    assert numbers["feature_frechet"] == pytest.approx(expected, rel=1e-6)
    assert "class_error" not in compare(data, samples, None)
    noise = torch.rand(n, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert compare(data, noise, labels)["feature_frechet"] > 10 * numbers["feature_frechet"]
    assert compare(data, noise, labels)["class_error"] > 0.8


def test_held_out_images_are_at_no_distance_from_themselves_and_shuffled_labels_err_by_chance():
    data = DATA["digits"]()
    numbers = compare(data, data.held_out, data.held_out_labels)
    assert numbers["frechet"] == pytest.approx(0, abs=1e-6)
    assert numbers["feature_frechet"] == pytest.approx(0, abs=1e-6)
    assert numbers["class_error"] == numbers["class_error_real"]
    assert numbers["nearest"] == numbers["nearest_real"] > 0
    shuffled = data.held_out_labels[torch.randperm(360, generator=torch.Generator().manual_seed(0))]
    error = compare(data, data.held_out, shuffled)["class_error"]
    assert abs(error - 0.9) < 4 * (0.9 * 0.1 / 360) ** 0.5  # ten classes of nearly equal size; four standard errors
