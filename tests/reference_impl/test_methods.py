"""What holds for every method of the registry."""

import math

import pytest
import torch

from reference_impl import engine
from reference_impl.datasets import DATA
from reference_impl.registry import METHODS
from tests.reference_impl import methods

OFFLINE = ("digits", "gaussians", "docs", "docs_bpe", "numerals")
RUNS = [
    (name, preset)
    for name, entry in METHODS.items()
    for preset, held in entry.load().PRESETS.items()
    if held.train.data in OFFLINE
]


@pytest.fixture(scope="module")
def data():
    return {name: methods.few(DATA[name]()) for name in OFFLINE}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("name", "preset"), RUNS)
def test_each_weight_belongs_to_one_player_and_receives_a_gradient(name, preset, data):
    held = methods.short(name, preset, 1)
    some = data[held.train.data]
    method = methods.build(name, held, some.spec)
    owned = [id(p) for player in method.players() for p in player.model.parameters()]
    assert sorted(owned) == sorted(id(p) for p in method.model.parameters())
    method.model.train()
    for player in method.players():
        loss = player.loss(engine.Batch(some.train, some.train_labels), seeded())
        assert loss.shape == ()
        named = dict(player.model.named_parameters())
        gradients = torch.autograd.grad(loss, list(named.values()))
        idle = [
            name for name, g in zip(named, gradients, strict=True) if not (g.isfinite().all() and g.abs().max() > 0)
        ]
        assert not idle


@pytest.mark.parametrize(("name", "preset"), RUNS)
def test_the_same_seed_gives_the_same_bits_and_so_does_going_on(name, preset, data, tmp_path):
    some = data[METHODS[name].load().PRESETS[preset].train.data]
    whole = methods.train(name, some, tmp_path / "whole", [6], preset)
    assert methods.same(methods.train(name, some, tmp_path / "again", [6], preset), whole)
    assert methods.same(methods.train(name, some, tmp_path / "cut", [3, 6], preset), whole)
    assert not methods.same(methods.train(name, some, tmp_path / "other", [6], preset, seed=1), whole)


@pytest.mark.parametrize(("name", "preset"), RUNS)
def test_samples_come_from_the_generator_alone_and_leave_the_method_as_it_was(name, preset, data):
    held = methods.short(name, preset, 1)
    some = data[held.train.data]
    method = methods.build(name, held, some.spec)
    method.model.eval()
    before = {key: value.clone() for key, value in method.model.state_dict().items()}

    def draw(n, generator):
        return methods.draw(method, some, n, generator)

    torch.manual_seed(1)
    x = draw(3, seeded(5))
    torch.manual_seed(2)
    assert torch.equal(draw(3, seeded(5)), x)
    # a search for the best completion draws nothing
    assert torch.equal(draw(3, seeded(6)), x) == hasattr(method, "complete")
    assert x.shape == (3, *some.spec.shape)
    assert x.dtype == some.train.dtype
    assert x.isfinite().all()
    assert not x.requires_grad
    assert draw(1, seeded()).shape == (1, *some.spec.shape)
    for name_of_file, rows in method.pictures(some, seeded()).items():
        assert name_of_file not in ("samples", "curve")
        assert rows.shape[2:] == some.spec.shape
        assert not rows.requires_grad
    assert methods.same(before, method.model.state_dict())


@pytest.mark.parametrize(("name", "preset"), RUNS)
def test_what_is_promised_is_measured(name, preset, data):
    held = methods.short(name, preset, 1)
    some = data[held.train.data]
    method = methods.build(name, held, some.spec)
    method.model.eval()
    labels = torch.arange(methods.SOME) % method.classes if method.classes else None
    samples = methods.draw(method, some, methods.SOME, seeded())
    metrics = method.evaluate(some, samples, labels, seeded())
    assert all(math.isfinite(value) for value in metrics.values())
    assert set(held.promises) - {"seconds"} <= set(metrics)
    assert metrics == method.evaluate(some, samples, labels, seeded())


@pytest.mark.parametrize("name", METHODS)
def test_a_preset_needs_no_network_and_promises_a_picture_within_90_seconds(name):
    """It is the first, which `train` takes where none is named."""
    first = next(iter(METHODS[name].load().PRESETS.values()))
    assert first.train.data in OFFLINE
    assert first.promises["seconds"] <= 90
