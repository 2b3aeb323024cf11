"""Proofs of unet.py."""

import math

import pytest
import torch

from tests.reference_impl.weights import shaken


def awake(unet, **kwargs):
    """A U-Net moved away from the zeros that some of its layers start with, so that every path carries signal."""
    torch.manual_seed(0)
    return shaken(unet.UNet(**kwargs))


def test_every_parameter_receives_a_gradient(unet):
    """A layer that is made and never called, or a bias that cannot matter, ends here.

    Number by number, in float64: what cannot matter gets a gradient of rounding errors, below 1e-12 of the largest.
    """
    net = awake(unet, width=16).double()
    x, t = torch.randn(4, 1, 8, 8, dtype=torch.float64), torch.tensor([1, 10, 100, 1000])
    net(x, t).square().sum().backward()
    for name, p in net.named_parameters():
        assert p.grad is not None, f"{name} is not used"
        assert (p.grad.abs() > 1e-12 * p.grad.abs().max()).all(), f"part of {name} has no influence"


def test_every_submodule_is_called(unet):
    net, called = awake(unet, width=16), set()
    for name, module in net.named_modules():
        module.register_forward_hook(lambda *_, name=name: called.add(name))
    net(torch.randn(1, 1, 8, 8), torch.tensor([3]))
    assert called == {name for name, _ in net.named_modules()}


def test_time_embedding_is_vaswanis(unet):
    """Section 3.5: pairs sin, cos of t / 10000^(2i/d), computed one by one with the mathematics library."""
    t, d = [1, 2, 37, 999, 1000], 12
    ours = unet.time_embedding(torch.tensor(t), d)
    for row, time in zip(ours.tolist(), t, strict=True):
        for i in range(d // 2):
            angle = time / 10000 ** (2 * i / d)
            assert row[i] == pytest.approx(math.sin(angle), abs=1e-6)
            assert row[d // 2 + i] == pytest.approx(math.cos(angle), abs=1e-6)


def test_attention_equals_torchs_own(unet):
    """Against torch's scaled_dot_product_attention on the same projections, the residual and the norm by hand."""
    torch.manual_seed(0)
    layer = unet.SelfAttention(16, groups=4)
    with torch.no_grad():
        for p in layer.parameters():
            p.normal_()
    x = torch.randn(2, 16, 3, 5)
    groups = x.reshape(2, 4, -1)
    normed = (
        (groups - groups.mean(2, keepdim=True)) / (groups.var(2, keepdim=True, unbiased=False) + 1e-5).sqrt()
    ).reshape(x.shape)
    normed = normed * layer.norm.weight.reshape(-1, 1, 1) + layer.norm.bias.reshape(-1, 1, 1)
    tokens = normed.reshape(2, 16, 15).permute(0, 2, 1)
    q, k, v = (tokens @ w.T for w in layer.qkv.weight.split(16))
    mixed = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    expected = x + (mixed @ layer.out.weight.T + layer.out.bias).permute(0, 2, 1).reshape(x.shape)
    torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-4)


def test_attention_reaches_every_position(unet):
    """Through the whole network: each output pixel depends on each input pixel."""
    net = awake(unet, width=16).double()
    x = torch.randn(1, 1, 8, 8, dtype=torch.float64, requires_grad=True)
    out = net(x, torch.tensor([5]))
    for corner in [(0, 0), (7, 7), (0, 7)]:
        (grad,) = torch.autograd.grad(out[0, 0][corner], x, retain_graph=True)
        assert (grad != 0).all()


def test_skip_connection_carries_the_image_around_the_low_resolution(unet):
    """With the way through the low resolution cut, each output pixel still depends on its own input pixel."""
    net = awake(unet, width=16)
    with torch.no_grad():
        net.grow.weight.zero_()
    x = torch.randn(1, 1, 6, 6, requires_grad=True)
    out = net(x, torch.tensor([5]))
    (grad,) = torch.autograd.grad(out[0, 0, 2, 3], x)
    assert grad[0, 0, 2, 3] != 0


def test_time_changes_every_pixel(unet):
    net = awake(unet, width=16)
    x = torch.randn(1, 1, 8, 8).repeat(2, 1, 1, 1)
    a, b = net(x, torch.tensor([10, 500]))
    assert (a != b).all()


def test_images_of_a_batch_do_not_mix(unet):
    net = awake(unet, width=16)
    x, t = torch.randn(3, 1, 8, 8), torch.tensor([1, 2, 3])
    alone = torch.cat([net(x[i : i + 1], t[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(net(x, t), alone, rtol=1e-4, atol=1e-5)


def test_starts_by_guessing_no_noise(unet):
    assert torch.equal(unet.UNet(width=16)(torch.randn(2, 1, 8, 8), torch.tensor([1, 9])), torch.zeros(2, 1, 8, 8))


@pytest.mark.parametrize(("h", "w"), [(8, 8), (7, 5), (1, 1), (9, 4)])
def test_any_height_and_width(unet, h, w):
    assert awake(unet, width=16, channels=3)(torch.randn(2, 3, h, w), torch.tensor([1, 2])).shape == (2, 3, h, w)


def test_the_class_changes_every_pixel_and_none_is_the_last_of_them(unet):
    net = awake(unet, width=16, classes=3)
    x, t = torch.randn(1, 1, 8, 8).repeat(4, 1, 1, 1), torch.full((4,), 10)
    outputs = net(x, t, torch.arange(4))
    assert all((outputs[i] != outputs[j]).all() for i in range(4) for j in range(i))
    assert torch.equal(net(x, t), outputs[3:].expand(4, -1, -1, -1))


def test_every_parameter_of_a_network_with_classes_receives_a_gradient(unet):
    net = awake(unet, width=16, classes=2, times=2, outputs=2, patch=2).double()
    x, t = torch.randn(6, 1, 8, 8, dtype=torch.float64), torch.rand(6, 2, dtype=torch.float64) * 1000
    net(x, t, torch.arange(6) % 3).square().sum().backward()
    for name, p in net.named_parameters():
        assert (p.grad.abs() > 1e-12 * p.grad.abs().max()).all(), f"part of {name} has no influence"


def test_each_of_two_times_matters(unet):
    net = awake(unet, width=16, times=2)
    x = torch.randn(1, 1, 8, 8).repeat(3, 1, 1, 1)
    a, b, c = net(x, torch.tensor([[10.0, 20.0], [10.0, 30.0], [20.0, 10.0]]))
    assert (a != b).all()
    assert (a != c).all()


def test_patches_and_outputs_keep_each_pixel_in_its_place(unet):
    """With the rest of the network cut, an output pixel depends on its own patch alone, and comes out where it was."""
    net = awake(unet, width=16, patch=2, outputs=3)
    assert net(torch.randn(2, 1, 8, 12), torch.tensor([1, 2])).shape == (2, 3, 8, 12)
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    net = unet.UNet(width=16, patch=2)
    for module in (net.enter, net.leave):
        torch.nn.init.zeros_(module.weight)
    seen = []
    net.enter.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    net.leave.register_forward_hook(lambda *_: seen[0])  # what went in comes out: only the cutting is left
    assert torch.equal(net(x, torch.tensor([1])), x)
    assert seen[0].shape == (1, 4, 2, 2)
    assert seen[0][0, :, 0, 1].tolist() == [2, 3, 6, 7]


def test_bad_sizes_name_what_is_expected(unet):
    with pytest.raises(ValueError, match="expected 1 times for each image, and sides that are multiples of 2"):
        unet.UNet(width=16, patch=2)(torch.zeros(1, 1, 7, 8), torch.tensor([1]))
    with pytest.raises(ValueError, match="expected 2 times for each image"):
        unet.UNet(width=16, times=2)(torch.zeros(1, 1, 8, 8), torch.tensor([1]))
    with pytest.raises(ValueError, match="width is 20; expected a multiple of 8, at least 16"):
        unet.UNet(width=20)
    with pytest.raises(ValueError, match="width is 8"):
        unet.UNet(width=8)
    with pytest.raises(ValueError, match="dim is 7"):
        unet.time_embedding(torch.tensor([1]), 7)
