"""Every method on a CUDA device: finite losses, the same bits from run to run, and exact resumption."""

import pytest
import torch

from reference_impl.registry import METHODS
from tests.reference_impl import methods


@pytest.mark.parametrize("name", METHODS)
def test_training_gives_the_same_bits_twice_and_goes_on_where_it_stopped(name, tmp_path):
    data = methods.data_of(name).to("cuda")
    whole = methods.train(name, data, tmp_path / "whole", [6])
    assert all(value.is_cuda for key, value in whole.items() if key != "losses")
    assert methods.same(methods.train(name, data, tmp_path / "again", [6]), whole)
    assert methods.same(methods.train(name, data, tmp_path / "cut", [3, 6]), whole)


@pytest.mark.parametrize("name", METHODS)
def test_samples_are_drawn_and_measured_on_the_device(name):
    data = methods.data_of(name).to("cuda")
    method = methods.build(name, methods.short(name, methods.first(name), 1), data.spec, "cuda")
    method.model.eval()
    draws = [methods.draw(method, data, 24, torch.Generator("cuda").manual_seed(0)) for _ in "ab"]
    assert draws[0].is_cuda
    assert torch.equal(*draws)
    labels = torch.arange(24, device="cuda") % method.classes if method.classes else None
    assert method.evaluate(data, draws[0], labels, torch.Generator("cuda").manual_seed(0))
