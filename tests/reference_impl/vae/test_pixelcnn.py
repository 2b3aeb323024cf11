"""Proofs of pixelcnn.py: what each output sees, the law it states, and the grids drawn from it.

Statistical bounds are stated as p-values; seeds are fixed, so a test that passes once passes always.
"""

import itertools
import math

import pytest
import torch
from scipy import stats

F64 = torch.float64


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network(pixelcnn, K=3, grid=(2, 2), width=4, layers=2, classes=0, spread=0.3):
    """A small network in float64, its weights nowhere zero; `spread` makes the law far from uniform."""
    torch.manual_seed(0)
    prior = pixelcnn.PixelCNN(K, grid, width, layers, classes).double()
    with torch.no_grad():
        for i, p in enumerate(prior.parameters()):
            p.add_(spread * torch.randn(p.shape, generator=seeded(i), dtype=F64))
    return prior


def all_grids(K: int, rows: int, columns: int) -> torch.Tensor:
    return torch.tensor(list(itertools.product(range(K), repeat=rows * columns))).reshape(-1, rows, columns)


def influence(prior, k: torch.Tensor, labels=None) -> torch.Tensor:
    """Whether the logits at position i depend on the features of the code at position j, [i j], by gradient."""
    held = []
    hook = prior.embedding.register_forward_hook(lambda *call: held.append(call[-1].requires_grad_()) or call[-1])
    logits = prior(k, labels)[0]
    hook.remove()
    weights = torch.randn(logits.shape, generator=seeded(9), dtype=F64)
    out = (logits * weights).sum(dim=0).flatten()
    rows = [torch.autograd.grad(value, held[0], retain_graph=True)[0][0] for value in out]
    return torch.stack([row.abs().sum(dim=-1).flatten() for row in rows]) > 0


# -------------------------------------------------------------------------------------------------- what is seen


def test_masks_hide_the_centre_in_a_and_show_it_in_b(pixelcnn):
    assert pixelcnn.vertical_mask("A", 3).tolist() == [[1, 1, 1], [0, 0, 0], [0, 0, 0]]
    assert pixelcnn.vertical_mask("B", 3).tolist() == [[1, 1, 1], [1, 1, 1], [0, 0, 0]]
    assert pixelcnn.horizontal_mask("A", 5).tolist() == [[1, 1, 0, 0, 0]]
    assert pixelcnn.horizontal_mask("B", 5).tolist() == [[1, 1, 1, 0, 0]]


def test_a_masked_convolution_is_torchs_with_the_hidden_weights_at_zero(pixelcnn):
    conv = pixelcnn.MaskedConv(2, 3, pixelcnn.vertical_mask("A", 3)).double()
    other = torch.nn.Conv2d(2, 3, 3, padding=1).double()
    with torch.no_grad():
        other.weight.copy_(conv.weight)
        other.bias.copy_(conv.bias)
        other.weight[:, :, 1:] = 0
    x = torch.randn(2, 2, 4, 5, generator=seeded(), dtype=F64)
    torch.testing.assert_close(conv(x), other(x))
    assert conv(x).shape == (2, 3, 4, 5)


@pytest.mark.parametrize(
    ("grid", "layers"), [((4, 4), 1), ((4, 4), 2), ((4, 4), 3), ((3, 5), 2), ((5, 2), 3), ((7, 7), 3), ((1, 1), 1)]
)
def test_each_code_is_predicted_from_all_earlier_ones_and_from_no_other(pixelcnn, grid, layers):
    """No leak, and no blind spot: position i depends on position j exactly if j < i in raster order."""
    n = math.prod(grid)
    prior = network(pixelcnn, grid=grid, width=24, layers=layers, spread=0.1)  # so wide that no ReLU blinds a position
    seen = influence(prior, torch.randint(3, (1, *grid), generator=seeded()))
    assert torch.equal(seen, torch.ones(n, n).tril(diagonal=-1).bool())


def test_later_codes_change_no_logit_to_the_bit(pixelcnn):
    prior = network(pixelcnn, K=5, grid=(4, 4), layers=3)
    k = torch.randint(5, (1, 4, 4), generator=seeded(1))
    before = prior(k, None).flatten(2)
    for i in range(16):
        changed = k.flatten(1).clone()
        changed[:, i:] = (changed[:, i:] + 1) % 5
        assert torch.equal(prior(changed.view(1, 4, 4), None).flatten(2)[..., : i + 1], before[..., : i + 1])


def test_mask_b_in_the_first_layer_shows_each_code_to_its_own_prediction(pixelcnn):
    prior = network(pixelcnn, grid=(3, 3))
    first = prior.layers[0]
    first.left.mask.copy_(pixelcnn.horizontal_mask("B", first.left.mask.shape[1]))
    k = torch.zeros(1, 3, 3, dtype=torch.long)
    assert influence(prior, k).diagonal().all()


def test_a_residual_connection_in_the_first_layer_shows_each_code_too(pixelcnn):
    prior = network(pixelcnn, grid=(3, 3))
    prior.layers[0].kind = "B"  # the masks are still those of A
    assert influence(prior, torch.zeros(1, 3, 3, dtype=torch.long)).diagonal().all()


def test_one_stack_of_masked_convolutions_has_a_blind_spot(pixelcnn):
    """The first PixelCNN's: with 3x3 kernels, what lies above to the right by more columns than rows is never seen."""
    mask = torch.tensor([[1.0, 1, 1], [1, 1, 0], [0, 0, 0]])
    x = torch.randn(1, 1, 4, 6, generator=seeded(), dtype=F64, requires_grad=True)
    y = x
    for _ in range(9):
        y = pixelcnn.MaskedConv(1, 1, mask).double()(y)
    (gradient,) = torch.autograd.grad(y[0, 0, 2, 1], x)
    assert gradient[0, 0, 1, 3] == 0
    assert gradient[0, 0, 1, 2] != 0


# ----------------------------------------------------------------------------------------------------- the layers


def test_gate_is_tanh_of_the_first_half_times_the_sigmoid_of_the_second(pixelcnn):
    features = torch.tensor([0.5, -2.0, 0.3, 1.7], dtype=F64).view(1, 4, 1, 1)
    y = pixelcnn.gate(features).flatten().tolist()
    expected = [math.tanh(0.5) / (1 + math.exp(-0.3)), math.tanh(-2.0) / (1 + math.exp(-1.7))]
    assert y == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["A", "B"])
def test_a_layer_equals_equation_4_position_by_position(pixelcnn, kind):
    """Both stacks once more, by loops over positions and kernels instead of convolutions."""
    torch.manual_seed(0)
    layer = pixelcnn.GatedLayer(kind, 2, 3, 4).double()
    v, h = (torch.randn(1, 2, 3, 3, generator=seeded(i), dtype=F64) for i in (1, 2))
    got_v, got_h = layer(v, h, torch.tensor([3]))
    bias = layer.V.weight[3]

    def reach(conv, x, r, s, offsets):
        out = conv.bias.clone()
        middle = [size // 2 for size in conv.kernel_size]
        for i, j in offsets:
            if 0 <= r + i < 3 and 0 <= s + j < 3:
                out = out + conv.weight[:, :, middle[0] + i, middle[1] + j] @ x[0, :, r + i, s + j]
        return out

    def gated(x):
        return x[:2].tanh() * x[2:].sigmoid()

    rows = (-1,) if kind == "A" else (-1, 0)
    for r, s in itertools.product(range(3), repeat=2):
        above = reach(layer.above, v, r, s, itertools.product(rows, (-1, 0, 1))) + bias[:4]
        left = reach(layer.left, h, r, s, [(0, -1)] if kind == "A" else [(0, -1), (0, 0)])
        down = layer.down.weight[:, :, 0, 0] @ above + layer.down.bias
        y = layer.out.weight[:, :, 0, 0] @ gated(left + down + bias[4:]) + layer.out.bias
        torch.testing.assert_close(got_v[0, :, r, s], gated(above))
        torch.testing.assert_close(got_h[0, :, r, s], y if kind == "A" else y + h[0, :, r, s])


def test_every_parameter_receives_a_gradient(pixelcnn):
    prior = network(pixelcnn, grid=(3, 4), layers=3, classes=2)
    k = torch.randint(3, (6, 3, 4), generator=seeded())
    pixelcnn.log_prior(prior, k, torch.arange(6) % 2).sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in prior.parameters())


def test_class_is_known_to_every_position_and_unconditional_networks_ignore_labels(pixelcnn):
    prior = network(pixelcnn, grid=(3, 3), classes=2)
    k = torch.zeros(1, 3, 3, dtype=torch.long)
    assert ((prior(k, torch.tensor([0])) - prior(k, torch.tensor([1]))).abs().sum(dim=1) > 0).all()
    free = network(pixelcnn, grid=(3, 3))
    assert free.layers[0].V is None
    assert torch.equal(free(k, None), free(k, torch.tensor([7])))


# -------------------------------------------------------------------------------------------------------- the law


@pytest.mark.parametrize(("K", "grid"), [(3, (2, 2)), (2, (2, 3)), (2, (3, 2)), (4, (1, 3))])
def test_probabilities_of_all_grids_sum_to_one(pixelcnn, K, grid):
    """By enumeration, for each class; and they are not all the same."""
    prior = network(pixelcnn, K, grid, classes=2)
    k = all_grids(K, *grid)
    for label in range(2):
        log_p = pixelcnn.log_prior(prior, k, torch.full((len(k),), label))
        assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-10)
        assert log_p.std() > 0.1


def test_log_prior_is_the_sum_of_each_codes_logarithm_given_the_earlier_ones(pixelcnn):
    """One position at a time, with all later codes still zero, as in sampling."""
    prior = network(pixelcnn, K=4, grid=(2, 3), classes=3)
    k, labels = torch.randint(4, (5, 2, 3), generator=seeded(3)), torch.tensor([0, 1, 2, 0, 1])
    expected = torch.zeros(5, dtype=F64)
    known = torch.zeros_like(k)
    for r, s in itertools.product(range(2), range(3)):
        p = torch.distributions.Categorical(logits=prior(known, labels)[:, :, r, s])
        expected += p.log_prob(k[:, r, s])
        known[:, r, s] = k[:, r, s]
    torch.testing.assert_close(pixelcnn.log_prior(prior, k, labels), expected)


def test_uniform_codes_cost_the_logarithm_of_their_number(pixelcnn):
    prior = network(pixelcnn, K=8, grid=(2, 2))
    with torch.no_grad():
        prior.head[-1].weight.zero_()
        prior.head[-1].bias.zero_()
    nats = -pixelcnn.log_prior(prior, torch.zeros(1, 2, 2, dtype=torch.long), None).item()
    assert nats == pytest.approx(4 * math.log(8))
    assert pixelcnn.bits_per_pixel(nats, (3, 4, 4)) == pytest.approx(4 * 3 / 48)


def test_gradient_of_log_prior_equals_finite_differences(pixelcnn):
    prior = network(pixelcnn, K=4, grid=(3, 3), classes=2)
    k, labels = torch.randint(4, (3, 3, 3), generator=seeded()), torch.tensor([0, 1, 1])
    weights = list(prior.parameters())
    gradients = torch.autograd.grad(pixelcnn.log_prior(prior, k, labels).sum(), weights)
    for i, (w, g) in enumerate(zip(weights, gradients, strict=True)):
        d = torch.randn(w.shape, generator=seeded(i), dtype=F64)
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                w.add_(sign * 1e-6 * d)
                values.append(pixelcnn.log_prior(prior, k, labels).sum().item())
                w.sub_(sign * 1e-6 * d)
        assert (values[0] - values[1]) / 2e-6 == pytest.approx((g * d).sum().item(), rel=1e-5, abs=1e-6)


# ------------------------------------------------------------------------------------------------------- sampling


@pytest.mark.parametrize("label", [0, 1])
def test_drawn_grids_have_the_frequencies_of_the_law(pixelcnn, label):
    """Chi-square of 4,000 grids over all 81, p > 0.001; each is expected five times or more."""
    prior = network(pixelcnn, classes=2)
    k = all_grids(3, 2, 2)
    p = pixelcnn.log_prior(prior, k, torch.full((81,), label)).exp().detach()
    drawn = pixelcnn.sample_codes(prior, 4000, torch.full((4000,), label), seeded(5))
    seen = (drawn.flatten(1) @ torch.tensor([27, 9, 3, 1])).bincount(minlength=81).double()
    assert 4000 * p.min() > 5
    assert p.max() > 5 * p.min()
    assert stats.chisquare(seen.numpy(), (4000 * p).numpy()).pvalue > 0.001


def test_each_grid_is_drawn_for_its_own_class(pixelcnn):
    prior = network(pixelcnn, classes=2)
    with torch.no_grad():
        prior.head[-1].bias.zero_()
    labels = torch.arange(2000) % 2
    drawn = pixelcnn.sample_codes(prior, 2000, labels, seeded(2))[:, 0, 0]
    for label in range(2):
        p = prior(torch.zeros(1, 2, 2, dtype=torch.long), torch.tensor([label]))[0, :, 0, 0].softmax(dim=0).detach()
        seen = drawn[labels == label].bincount(minlength=3).double()
        assert stats.chisquare(seen.numpy(), (1000 * p).numpy()).pvalue > 0.001


def test_same_seed_same_grids_and_one_step_for_each_code(pixelcnn):
    prior = network(pixelcnn, K=5, grid=(3, 4))
    seen = []

    def watch(steps, total):
        seen.append(total)
        return steps

    torch.manual_seed(1)
    a = pixelcnn.sample_codes(prior, 20, None, seeded(1), watch)
    torch.manual_seed(2)
    assert torch.equal(a, pixelcnn.sample_codes(prior, 20, None, seeded(1)))
    assert not torch.equal(a, pixelcnn.sample_codes(prior, 20, None, seeded(2)))
    assert seen == [12]
    assert a.shape == (20, 3, 4)
    assert pixelcnn.sample_codes(prior, 1, None, seeded()).shape == (1, 3, 4)


def test_labels_that_are_missing_or_out_of_range_are_named(pixelcnn):
    prior = network(pixelcnn, classes=3)
    for labels in (None, torch.tensor([3]), torch.tensor([-1])):
        with pytest.raises(ValueError, match=r"expected one class in 0\.\.2 for each grid of codes"):
            prior(torch.zeros(1, 2, 2, dtype=torch.long), labels)


def test_a_codes_number_means_nothing(pixelcnn):
    """Number the codes anew, in the embedding and in the head too: the same grids are as likely as before."""
    prior = network(pixelcnn, K=5, grid=(3, 3))
    k = torch.randint(5, (4, 3, 3), generator=seeded())
    before = pixelcnn.log_prior(prior, k, None)
    new = torch.tensor([3, 0, 4, 1, 2])  # the new number of each code
    with torch.no_grad():
        for p in (prior.embedding.weight, prior.head[-1].weight, prior.head[-1].bias):
            p[new] = p.clone()
    torch.testing.assert_close(pixelcnn.log_prior(prior, new[k], None), before)
