"""Proofs of dit.py: each part against a loop or torch's own layers, the whole against both, and what it must not do."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from reference_impl.transformer.attention import attention
from tests.reference_impl.diffusion.toys import F64, normal, seeded
from tests.reference_impl.weights import shaken


def awake(dit, **kwargs):
    """A small DiT in float64, moved away from the zeros that it starts with, so that every path carries signal."""
    torch.manual_seed(0)
    return shaken(dit.DiT(**{"width": 16, "depth": 2, "heads": 2, **kwargs}).double())


def awake_block(dit, d=16, heads=2):
    torch.manual_seed(0)
    return shaken(dit.Block(d, heads).double(), 0.2)


# ------------------------------------------------------------------------------- patches and their inverse


@pytest.mark.parametrize(
    ("b", "c", "h", "w", "p"), [(2, 3, 4, 6, 2), (1, 1, 6, 3, 3), (1, 2, 3, 2, 1), (3, 2, 8, 4, 4)]
)
def test_patches_are_squares_row_by_row(dit, b, c, h, w, p):
    """One pixel at a time: token (h/p row + column), number (channel, row and column in the patch)."""
    x = normal(b, c, h, w)
    tokens = dit.patches(x, p)
    assert tokens.shape == (b, (h // p) * (w // p), c * p * p)
    for row in range(h):
        for column in range(w):
            token = (row // p) * (w // p) + column // p
            for channel in range(c):
                number = (channel * p + row % p) * p + column % p
                assert torch.equal(tokens[:, token, number], x[:, channel, row, column])


@pytest.mark.parametrize(
    ("b", "c", "h", "w", "p"), [(2, 3, 4, 6, 2), (1, 1, 6, 3, 3), (1, 2, 3, 2, 1), (3, 2, 8, 4, 4)]
)
def test_image_is_the_inverse_of_patches(dit, b, c, h, w, p):
    x = normal(b, c, h, w)
    assert torch.equal(dit.image(dit.patches(x, p), p, h, w), x)
    tokens = normal(b, (h // p) * (w // p), c * p * p, seed=1)
    assert torch.equal(dit.patches(dit.image(tokens, p, h, w), p), tokens)


def test_image_equals_torchs_fold(dit):
    tokens = normal(2, 6, 3 * 4)
    folded = F.fold(tokens.transpose(1, 2), (4, 6), kernel_size=2, stride=2)
    assert torch.equal(dit.image(tokens, 2, 4, 6), folded)


def test_the_first_layer_is_a_convolution_whose_stride_is_its_size(dit):
    """Patchify of Section 3.2 in the authors' code: nn.Conv2d with kernel = stride = p."""
    net = awake(dit, channels=3, patch=2)
    convolution = nn.Conv2d(3, 16, 2, stride=2).double()
    with torch.no_grad():
        convolution.weight.copy_(net.enter.weight.reshape(16, 3, 2, 2))
        convolution.bias.copy_(net.enter.bias)
    x = normal(2, 3, 4, 6)
    expected = convolution(x).flatten(2).transpose(1, 2)
    torch.testing.assert_close(net.enter(dit.patches(x, 2)), expected, rtol=1e-12, atol=1e-12)


# ----------------------------------------------------------------------------------------------- positions


def place(row: int, column: int, d: int) -> list[float]:
    """What tells a place, one number at a time."""
    numbers = []
    for at in (row, column):
        for i in range(d // 4):
            angle = at / 10000 ** (2 * i / (d // 2))
            numbers += [math.sin(angle), math.cos(angle)]
    return numbers


def test_positions_tell_row_and_column(dit):
    table = dit.positions_2d(3, 5, 16)
    expected = torch.tensor([place(row, column, 16) for row in range(3) for column in range(5)])
    torch.testing.assert_close(table, expected, rtol=1e-6, atol=1e-6)


def test_positions_are_the_authors_in_another_order(dit):
    """get_2d_sincos_pos_embed by its steps: the column first, then the row; all sines, then all cosines."""
    side, d = 4, 16
    omega = 1 / 10000 ** (torch.arange(d // 4, dtype=F64) / (d / 4))
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    halves = []
    for at in (columns, rows):
        angle = at.flatten()[:, None] * omega
        halves.append(torch.cat([angle.sin(), angle.cos()], dim=1))
    theirs = torch.cat(halves, dim=1).float()
    each = torch.arange(d // 4)
    neighbours = torch.stack([each, each + d // 4], dim=1).flatten()  # sine 0, cosine 0, sine 1, ...
    order = torch.cat([d // 2 + neighbours, neighbours])
    torch.testing.assert_close(dit.positions_2d(side, side, d), theirs[:, order], rtol=1e-6, atol=1e-6)


def test_no_two_places_are_told_alike(dit):
    table = dit.positions_2d(6, 9, 8)
    assert torch.pdist(table).min() > 0.1


# ----------------------------------------------------------------------------------- the block, independently


def by_hand(block, x, c):
    """adaLN-Zero of Figure 3 with torch's own attention and norm, its weights copied."""
    d, heads = x.shape[2], block.attention.heads
    theirs = nn.MultiheadAttention(d, heads, bias=False, batch_first=True).double()
    with torch.no_grad():
        maps = block.attention.W_Q, block.attention.W_K, block.attention.W_V
        theirs.in_proj_weight.copy_(torch.cat([one.weight for one in maps]))
        theirs.out_proj.weight.copy_(block.attention.W_O.weight)
    signal = c * torch.sigmoid(c)
    six = (signal @ block.adaptive.weight.T + block.adaptive.bias).reshape(len(x), 6, 1, d)
    beta_1, gamma_1, alpha_1, beta_2, gamma_2, alpha_2 = six.unbind(1)
    h = F.layer_norm(x, (d,), eps=1e-6) * (1 + gamma_1) + beta_1
    y = x + alpha_1 * theirs(h, h, h, need_weights=False)[0]
    h = F.layer_norm(y, (d,), eps=1e-6) * (1 + gamma_2) + beta_2
    h = h @ block.mlp[0].weight.T + block.mlp[0].bias
    h = 0.5 * h * (1 + torch.tanh(math.sqrt(2 / math.pi) * (h + 0.044715 * h**3)))
    return y + alpha_2 * (h @ block.mlp[2].weight.T + block.mlp[2].bias)


@pytest.mark.parametrize("size", [1.0, 1e-3])  # so small that the eps of the norm is seen
def test_a_block_equals_torchs_attention_and_norm_with_its_weights(dit, size):
    block = awake_block(dit)
    x, c = size * normal(3, 5, 16), normal(3, 16, seed=1)
    torch.testing.assert_close(block(x, c), by_hand(block, x, c), rtol=1e-10, atol=1e-10)


def test_a_block_starts_as_the_identity(dit):
    x, c = normal(2, 5, 16).float(), normal(2, 16, seed=1).float()
    for block in dit.DiT(width=16, heads=2).blocks:
        assert torch.equal(block(x, c), x)


# --------------------------------------------------------------------------------------- the whole network


def embedded(t, d=256):
    """The time in 256 numbers, one by one."""
    angles = [[time / 10000 ** (2 * i / d) for i in range(d // 2)] for time in t]
    return torch.tensor([[*map(math.sin, row), *map(math.cos, row)] for row in angles], dtype=F64)


@pytest.mark.parametrize(("labels", "h", "w"), [(None, 4, 6), ([2, 0], 6, 4)])
def test_the_network_equals_its_equations(dit, labels, h, w):
    """All of it again, with a convolution, sums, the block by hand and torch's fold."""
    net = awake(dit, channels=3, classes=3, times=2, outputs=2, patch=2)
    x, t = normal(2, 3, h, w), torch.tensor([[3.0, 40.5], [999.0, 0.25]])
    c = torch.cat([embedded(t[:, 0].tolist()), embedded(t[:, 1].tolist())], dim=1)
    c = c @ net.time[0].weight.T + net.time[0].bias
    c = (c * torch.sigmoid(c)) @ net.time[2].weight.T + net.time[2].bias
    c = c + net.label.weight[[3, 3] if labels is None else labels]
    y = F.conv2d(x, net.enter.weight.reshape(16, 3, 2, 2), net.enter.bias, stride=2).flatten(2).transpose(1, 2)
    y = y + torch.tensor([place(row, column, 16) for row in range(h // 2) for column in range(w // 2)], dtype=F64)
    for block in net.blocks:
        y = by_hand(block, y, c)
    beta, gamma = ((c * torch.sigmoid(c)) @ net.adaptive.weight.T + net.adaptive.bias).reshape(2, 2, 1, 16).unbind(1)
    y = F.layer_norm(y, (16,), eps=1e-6) * (1 + gamma) + beta
    y = y @ net.leave.weight.T + net.leave.bias
    expected = F.fold(y.transpose(1, 2), (h, w), kernel_size=2, stride=2)
    given = None if labels is None else torch.tensor(labels)
    torch.testing.assert_close(net(x, t, given), expected, rtol=1e-5, atol=1e-5)  # sines and cosines are float32


def test_starts_by_predicting_zero(dit):
    net = dit.DiT(width=16, heads=2, classes=3, outputs=2)
    out = net(torch.randn(2, 1, 8, 8), torch.tensor([1, 9]), torch.tensor([0, 2]))
    assert torch.equal(out, torch.zeros(2, 2, 8, 8))


def test_initial_values_are_the_authors(dit):
    """Xavier's uniform law for each linear map, that of d to 3 d numbers for queries, keys and values; no biases."""
    torch.manual_seed(0)
    net = dit.DiT(channels=2, width=64, depth=2, classes=10)
    zero = {"adaptive", "leave", "blocks.0.adaptive", "blocks.1.adaptive"}
    linear = {name: layer for name, layer in net.named_modules() if isinstance(layer, nn.Linear)}
    assert zero <= set(linear)
    for name, layer in linear.items():
        most = layer.weight.abs().max().item()
        fan_in, fan_out = layer.in_features, layer.out_features
        if name.endswith(("W_Q", "W_K", "W_V")):
            fan_out *= 3
        bound = 0 if name in zero else math.sqrt(6 / (fan_in + fan_out))
        assert 0.98 * bound <= most <= bound, name
        assert layer.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05), name  # a uniform law's
        assert layer.bias is None or not layer.bias.any(), name
    assert net.label.weight.shape == (11, 64)
    assert net.label.weight.std().item() == pytest.approx(1, rel=0.1)


def test_norms_have_no_weights(dit):
    """What scales and shifts is a function of time and class, in each of the norms."""
    norms = [m for m in awake(dit).modules() if isinstance(m, nn.LayerNorm)]
    assert len(norms) == 5
    assert not [p for norm in norms for p in norm.parameters()]


def test_every_parameter_receives_a_gradient(dit):
    """Number by number: what cannot matter gets a gradient of rounding errors, below 1e-12 of the largest."""
    net = awake(dit, channels=2, classes=3, times=2, outputs=2, patch=2)
    x, t = normal(8, 2, 4, 6), torch.rand(8, 2, generator=seeded(1)) * 1000
    net(x, t, torch.arange(8) % 4).square().sum().backward()
    for name, p in net.named_parameters():
        assert p.grad is not None, f"{name} is not used"
        assert (p.grad.abs() > 1e-12 * p.grad.abs().max()).all(), f"part of {name} has no influence"


def test_every_submodule_is_called(dit):
    net, called = awake(dit, classes=2), set()
    for name, module in net.named_modules():
        module.register_forward_hook(lambda *_, name=name: called.add(name))
    net(normal(1, 1, 4, 4), torch.tensor([3]))
    assert called == {name for name, _ in net.named_modules() if name != "blocks"}  # a list is not called


def test_the_loss_wakes_all_of_it_within_three_steps(dit):
    """Zeros at first, but not for ever: the last layer moves first, then what it lets through."""
    torch.manual_seed(0)
    net = dit.DiT(width=16, depth=2, heads=2, classes=2)
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    x, t, goal = torch.randn(9, 1, 4, 4), torch.randint(1, 1001, (9,)), torch.randn(9, 1, 4, 4)
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(3):
        optimiser.zero_grad()
        (net(x, t, torch.arange(9) % 3) - goal).square().mean().backward()
        optimiser.step()
    assert not [name for name, p in net.named_parameters() if torch.equal(p, before[name])]


def test_each_output_depends_on_each_pixel(dit):
    """Already with one block: attention sees the whole image."""
    net = awake(dit, depth=1)
    x = normal(1, 1, 4, 6).requires_grad_()
    out = net(x, torch.tensor([5]))
    for corner in [(0, 0), (3, 5), (0, 5), (2, 2)]:
        (gradient,) = torch.autograd.grad(out[0, 0][corner], x, retain_graph=True)
        assert (gradient != 0).all()


def test_time_changes_every_pixel(dit):
    net = awake(dit)
    a, b = net(normal(1, 1, 4, 4).repeat(2, 1, 1, 1), torch.tensor([10, 500]))
    assert (a != b).all()


def test_each_of_two_times_matters(dit):
    net = awake(dit, times=2)
    x = normal(1, 1, 4, 4).repeat(3, 1, 1, 1)
    a, b, c = net(x, torch.tensor([[10.0, 20.0], [10.0, 30.0], [20.0, 10.0]]))
    assert (a != b).all()
    assert (a != c).all()


def test_the_class_changes_every_pixel_and_none_is_the_last_of_them(dit):
    net = awake(dit, classes=3)
    x, t = normal(1, 1, 4, 4).repeat(4, 1, 1, 1), torch.full((4,), 10)
    outputs = net(x, t, torch.arange(4))
    assert all((outputs[i] != outputs[j]).all() for i in range(4) for j in range(i))
    torch.testing.assert_close(net(x, t), outputs[3:].expand(4, -1, -1, -1), rtol=1e-12, atol=1e-12)


def test_images_of_a_batch_do_not_mix(dit):
    net = awake(dit, classes=3)
    x, t, labels = normal(3, 1, 4, 6), torch.tensor([1, 20, 300]), torch.tensor([0, 2, 3])
    alone = torch.cat([net(x[i : i + 1], t[i : i + 1], labels[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(net(x, t, labels), alone, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("c", "h", "w", "p", "times", "outputs", "t"),
    [
        (1, 8, 8, 2, 1, 1, [3, 4]),
        (3, 6, 2, 2, 1, 2, [0.25, 700.0]),
        (2, 3, 9, 3, 2, 1, [[1.0, 0.5], [0.0, 0.0]]),
        (1, 1, 1, 1, 1, 1, [1000, 1]),
    ],
)
@pytest.mark.parametrize("b", [1, 2])
def test_shapes_channels_patches_times_and_outputs(dit, c, h, w, p, times, outputs, t, b):
    net = awake(dit, channels=c, patch=p, times=times, outputs=outputs)
    out = net(normal(b, c, h, w), torch.tensor(t[:b]))
    assert out.shape == (b, outputs * c, h, w)
    assert out.dtype == F64
    assert out.isfinite().all()


# ------------------------------------------------------------------------------------ order and its absence


def shuffled(dit, x, order):
    return dit.image(dit.patches(x, 2)[:, order], 2, *x.shape[2:])


def test_without_positions_moved_patches_move_the_outputs(dit, monkeypatch):
    monkeypatch.setattr(dit, "positions_2d", lambda rows, columns, d: torch.zeros(rows * columns, d))
    net, x, order = awake(dit), normal(1, 1, 4, 6), torch.tensor([4, 2, 0, 5, 1, 3])
    t = torch.tensor([7])
    torch.testing.assert_close(net(shuffled(dit, x, order), t), shuffled(dit, net(x, t), order), rtol=1e-9, atol=1e-9)


def test_with_positions_the_place_of_a_patch_matters(dit):
    net, x, order = awake(dit), normal(1, 1, 4, 6), torch.tensor([4, 2, 0, 5, 1, 3])
    t = torch.tensor([7])
    gap = net(shuffled(dit, x, order), t) - shuffled(dit, net(x, t), order)
    assert (gap.abs() > 1e-4).all()


def test_every_patch_of_a_flat_image_is_answered_differently(dit):
    """All that can tell them apart is where they are."""
    out = dit.patches(awake(dit)(torch.zeros(1, 1, 4, 6, dtype=F64), torch.tensor([7])), 2)[0]
    assert torch.pdist(out).min() > 1e-3


# ------------------------------------------------------------------------------------- forward derivatives


def test_forward_derivatives_with_attention_written_out(dit):
    """torch.func.jvp against the same directional derivative by reverse mode, in x and in the time."""
    net = awake(dit, times=2, attend=attention)
    x, t = normal(2, 1, 4, 4), torch.tensor([[0.3, 0.9], [0.1, 0.4]], dtype=F64)
    along = normal(2, 1, 4, 4, seed=1), torch.tensor([[0.0, 1.0], [0.5, 1.0]], dtype=F64)
    out, slope = torch.func.jvp(net, (x, t), along)
    torch.testing.assert_close(out, awake(dit, times=2)(x, t), rtol=1e-10, atol=1e-10)  # as the fused kernels do it
    _, expected = torch.autograd.functional.jvp(net, (x, t), along)
    torch.testing.assert_close(slope, expected, rtol=1e-6, atol=1e-6)
    assert slope.abs().min() > 0


# ----------------------------------------------------------------------------------------- common mistakes


def test_without_the_one_a_block_of_zeros_would_never_wake(dit, monkeypatch):
    """x scale + shift is zero at first, and so is what attention and MLP make of zeros: nothing gets a gradient."""

    def strongest():
        torch.manual_seed(0)
        (block,) = dit.DiT(width=16, depth=1, heads=2).double().blocks
        (block(normal(2, 5, 16), normal(2, 16, seed=1)) * normal(2, 5, 16, seed=2)).sum().backward()
        return max(p.grad.abs().max().item() for p in block.parameters())

    assert strongest() > 0.1
    monkeypatch.setattr(dit, "modulate", lambda x, shift, scale: x * scale + shift)
    assert strongest() == 0


def test_cutting_by_reshape_alone_mixes_the_rows(dit):
    """The same numbers in the same shape, but a token is then a strip of one row, and no square."""
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert dit.patches(x, 2)[0, 0].tolist() == [0, 1, 4, 5]
    assert x.reshape(1, 4, 4)[0, 0].tolist() == [0, 1, 2, 3]


def test_two_orders_of_a_patchs_numbers_scatter_the_pixels(dit):
    """Cut with the channel first and put together with it last: of one channel nobody notices, of two they do."""

    def channel_last(tokens, p, h, w):
        c = tokens.shape[2] // p**2
        six = tokens.reshape(len(tokens), h // p, w // p, p, p, c)
        return torch.einsum("nhwpqc->nchpwq", six).reshape(len(tokens), c, h, w)

    one, two = normal(1, 1, 4, 4), normal(1, 2, 4, 4)
    assert torch.equal(channel_last(dit.patches(one, 2), 2, 4, 4), one)
    assert not torch.equal(channel_last(dit.patches(two, 2), 2, 4, 4), two)
    assert torch.equal(dit.image(dit.patches(two, 2), 2, 4, 4), two)


# -------------------------------------------------------------------------------------------------- guards


def test_bad_sizes_name_what_is_expected(dit):
    net = dit.DiT(width=16, heads=2, patch=2, times=2)
    for h, w in [(7, 8), (8, 7)]:
        with pytest.raises(ValueError, match="expected 2 times for each image, and sides that are multiples of 2"):
            net(torch.zeros(1, 1, h, w), torch.zeros(1, 2))
    with pytest.raises(ValueError, match="expected 2 times for each image"):
        net(torch.zeros(1, 1, 8, 8), torch.zeros(1))
    for width, heads in [(18, 2), (16, 3)]:
        with pytest.raises(ValueError, match=f"width is {width}; expected a multiple of 4 and of {heads} heads"):
            dit.DiT(width=width, heads=heads)
    with pytest.raises(ValueError, match="heads is 0; expected a number of heads >= 1"):
        dit.DiT(heads=0)
