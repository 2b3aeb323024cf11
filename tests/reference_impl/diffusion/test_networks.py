"""Proofs of networks.py: either backbone by its name, and nothing but the name to tell them apart from outside."""

import pytest
import torch

from reference_impl.diffusion.dit import DiT
from reference_impl.diffusion.unet import UNet
from reference_impl.transformer.attention import attention, fast_attention
from tests.reference_impl.diffusion.toys import normal, unchecked
from tests.reference_impl.weights import shaken

NAMES = ["unet", "dit"]


def awake(networks, name, *args, **kwargs):
    torch.manual_seed(0)
    return shaken(networks.build_network(name, *args, **kwargs).double())


def test_each_name_gives_its_network(networks):
    unet, dit = (networks.build_network(name, 1, 48) for name in NAMES)
    assert isinstance(unet, UNet)
    assert type(dit).__name__ == DiT.__name__  # of the module as it is now: a mutant's class is another
    assert len(dit.blocks) == 4
    assert [block.attention.heads for block in dit.blocks] == [3] * 4  # of 16 numbers each
    assert unet.width == dit.width == 48


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("labels", [None, [0, 3]])
@pytest.mark.parametrize(
    ("c", "h", "w", "patch", "times", "outputs"), [(1, 8, 8, 1, 1, 1), (3, 4, 8, 2, 1, 2), (2, 6, 3, 3, 2, 1)]
)
def test_both_are_called_alike(networks, name, labels, c, h, w, patch, times, outputs):
    net = awake(networks, name, c, 16, classes=3, patch=patch, times=times, outputs=outputs)
    t = torch.tensor([1.0, 20.0]) if times == 1 else torch.tensor([[1.0, 2.0], [3.0, 0.5]])
    x, labels = normal(2, c, h, w), labels and torch.tensor(labels)
    out = net(x, t, labels)
    assert out.shape == (2, outputs * c, h, w)
    assert out.isfinite().all()
    assert torch.equal(out, net(x, t, labels))
    assert (net.classes, net.times, net.patch, net.width) == (3, times, patch, 16)


@pytest.mark.parametrize("name", NAMES)
def test_both_start_at_zero_and_know_any_class(networks, name):
    net = networks.build_network(name, 1, 32, classes=3)
    x, t = torch.randn(2, 1, 8, 8), torch.tensor([3, 4])
    assert torch.equal(net(x, t), torch.zeros(2, 1, 8, 8))
    net = awake(networks, name, 1, 32, classes=3)
    assert torch.equal(net(x.double(), t), net(x.double(), t, torch.tensor([3, 3])))
    assert (net(x.double(), t) != net(x.double(), t, torch.tensor([1, 2]))).any()


@pytest.mark.parametrize("name", NAMES)
def test_without_classes_none_are_known(networks, name):
    net = networks.build_network(name, 1, 32)
    assert net.classes == 0
    assert net.label is None


@pytest.mark.parametrize("name", NAMES)
def test_both_have_forward_derivatives(networks, name):
    """Against the same directional derivative by reverse mode; for this the parts must be laid out or written out."""
    net = awake(networks, name, 1, 16, classes=2, times=2, attend=attention)
    net.to(memory_format=torch.contiguous_format)
    x, t, labels = normal(2, 1, 4, 4), torch.rand(2, 2, dtype=torch.float64), torch.tensor([0, 2])
    along = normal(2, 1, 4, 4, seed=1), torch.ones(2, 2, dtype=torch.float64)
    _, slope = torch.func.jvp(lambda x, t: net(x, t, labels), (x, t), along)
    _, expected = torch.autograd.functional.jvp(lambda x, t: net(x, t, labels), (x, t), along)
    torch.testing.assert_close(slope, expected, rtol=1e-6, atol=1e-6)


def test_how_a_head_attends_reaches_every_block(networks):
    for attend in (attention, fast_attention):
        net = networks.build_network("dit", 1, 32, attend=attend)
        assert [block.attention.attend for block in net.blocks] == [attend] * 4
    assert [block.attention.attend for block in networks.build_network("dit", 1, 32).blocks] == [fast_attention] * 4


def test_bad_values_name_what_is_expected(networks):
    with pytest.raises(ValueError, match='network is \'vit\'; expected "unet" or "dit"'):
        unchecked(networks.build_network)("vit", 1, 32)
    for width in (0, 8, 24):
        for name in NAMES:
            with pytest.raises(ValueError, match=f"width is {width}; expected a multiple of 16, at least 16"):
                networks.build_network(name, 1, width)
