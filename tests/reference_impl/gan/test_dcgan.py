"""Proofs of dcgan.py: each of the paper's rules, and the game, held against something worked out another way.

Statistical bounds are stated as numbers of standard errors; seeds are fixed, so a test that passes once passes always.
"""

import copy
import inspect
import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from torch.nn import functional as F

from reference_impl import engine
from reference_impl.data import Data, Spec
from reference_impl.engine import Batch
from tests.reference_impl.weights import slopes

F64 = torch.float64
SIZES = [(8, 8), (28, 28), (6, 10)]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = F64) -> torch.Tensor:
    return torch.randn(*shape, generator=seeded(seed), dtype=dtype)


def uniform(*shape: int, seed: int = 0, dtype: torch.dtype = F64) -> torch.Tensor:
    return 2 * torch.rand(*shape, generator=seeded(seed), dtype=dtype) - 1


def players(dcgan, shape=(1, 8, 8), width=4, depth=2, classes=0, d_z=6):
    """A small G and D in float64, in training mode, with weights far enough from zero for every layer to matter."""
    torch.manual_seed(0)
    G = dcgan.Generator(d_z, shape, width, depth, classes).double()
    D = dcgan.Discriminator(shape, width, depth, classes).double()
    with torch.no_grad():
        for p in [*G.parameters(), *D.parameters()]:
            p.add_(0.2 * torch.randn_like(p))
    return G, D


def method_of(dcgan, shape=(1, 8, 8), classes=10, **settings):
    torch.manual_seed(0)
    config = dcgan.DCGANConfig(**{"d_z": 6, "width": 4, **settings})
    return dcgan.DCGAN(config, Spec(shape, classes, 17))


class Listening(nn.Module):
    """A player that keeps what went in and what came out."""

    def __init__(self, player: nn.Module) -> None:
        super().__init__()
        self.player, self.heard, self.said = player, [], []

    def forward(self, x, labels=None):
        self.heard.append((x, labels))
        self.said.append(self.player(x, labels))
        return self.said[-1]


# ----------------------------------------------------------------------------------- strides instead of pooling


@pytest.mark.parametrize("size", SIZES)
def test_a_strided_convolution_is_its_sum_and_halves_the_size(dcgan, size):
    """Each output by the sum over channels and the 4x4 window at (2i - 1, 2j - 1), pixels outside being 0."""
    h, w = size
    conv = dcgan.down(3, 2).double()
    x, weight = normal(2, 3, h, w), conv.weight.detach()
    y = torch.zeros(2, 2, h // 2, w // 2, dtype=F64)
    for i in range(h // 2):
        for j in range(w // 2):
            for k in range(4):
                for m in range(4):
                    row, column = 2 * i + k - 1, 2 * j + m - 1
                    if 0 <= row < h and 0 <= column < w:
                        y[:, :, i, j] += x[:, :, row, column] @ weight[:, :, k, m].T
    torch.testing.assert_close(conv(x), y, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("size", SIZES)
def test_the_transposed_convolution_is_the_adjoint_and_doubles_the_size(dcgan, size):
    """<down(x), y> = <x, up(y)> for any x and y, when both have the same weights."""
    h, w = size
    conv, transposed = dcgan.down(3, 2).double(), dcgan.up(2, 3).double()
    transposed.load_state_dict(conv.state_dict())
    x, y = normal(2, 3, h, w), normal(2, 2, h // 2, w // 2, seed=1)
    assert transposed(y).shape == x.shape
    assert (conv(x) * y).sum().item() == pytest.approx((x * transposed(y)).sum().item(), rel=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_a_fractional_stride_steps_over_pixels_with_zeros_between_them(dcgan, size):
    """Where the name comes from: put a zero after each pixel, then convolve with stride 1 and the kernel turned."""
    h, w = size
    transposed = dcgan.up(2, 3).double()
    y = normal(2, 2, h, w)
    spread = torch.zeros(2, 2, 2 * h - 1, 2 * w - 1, dtype=F64)
    spread[:, :, ::2, ::2] = y
    expected = F.conv2d(spread, transposed.weight.flip(2, 3).transpose(0, 1), padding=2)
    torch.testing.assert_close(transposed(y), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("shape", "depth", "sizes", "widths"),
    [
        ((1, 8, 8), 2, [(8, 8), (4, 4), (2, 2)], [5, 10]),
        ((1, 28, 28), 2, [(28, 28), (14, 14), (7, 7)], [5, 10]),
        ((3, 12, 20), 1, [(12, 20), (6, 10)], [5]),
        ((3, 64, 64), 4, [(64, 64), (32, 32), (16, 16), (8, 8), (4, 4)], [5, 10, 20, 40]),  # the paper's, Fig. 1
    ],
)
def test_g_doubles_the_size_and_d_halves_it_with_twice_the_channels(dcgan, shape, depth, sizes, widths):
    G, D = dcgan.Generator(7, shape, 5, depth), dcgan.Discriminator(shape, 5, depth)
    seen: dict[str, list] = {"G": [], "D": []}
    for name, player in (("G", G), ("D", D)):
        for layer in player.layers:
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                layer.register_forward_hook(lambda _, __, out, name=name: seen[name].append(tuple(out.shape[1:])))
    x = G(torch.rand(3, 7))
    assert x.shape == (3, *shape)
    assert D(x).shape == (3,)
    hidden = [(width, *size) for width, size in zip(widths, sizes[1:], strict=True)]
    assert seen["G"] == [*reversed(hidden), shape]
    assert seen["D"] == [*hidden, (1, 1, 1)]


def test_g_begins_with_one_matrix_and_d_ends_with_one_logit(dcgan):
    """The first layer is a matrix product, reshaped; the last flattens its input into a single output (Section 3)."""
    G, D = players(dcgan)
    z, h = uniform(3, 6), normal(3, 8, 2, 2)
    first, last = G.layers[0], D.layers[-1]
    expected = (z @ first.weight.flatten(1)).reshape(3, 8, 2, 2)
    torch.testing.assert_close(first(z[:, :, None, None]), expected, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(last(h).flatten(), h.flatten(1) @ last.weight.flatten(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_players_have_the_layers_of_section_3_and_no_others(dcgan, depth):
    """No pooling, no hidden linear map; ReLU and tanh in G, leaky ReLU of slope 0.2 in D; and batch normalisation after
    each convolution but those at G's output, at D's input and of the logit."""
    G, D = dcgan.Generator(6, (1, 16, 16), 4, depth), dcgan.Discriminator((1, 16, 16), 4, depth)
    one = [nn.ConvTranspose2d, nn.BatchNorm2d, nn.ReLU]
    assert [type(layer) for layer in G.layers] == [*one * depth, nn.ConvTranspose2d, nn.Tanh]
    one = [nn.Conv2d, nn.BatchNorm2d, nn.LeakyReLU]
    assert [type(layer) for layer in D.layers] == [nn.Conv2d, nn.LeakyReLU, *one * (depth - 1), nn.Conv2d]
    assert {layer.negative_slope for layer in D.layers if isinstance(layer, nn.LeakyReLU)} == {0.2}


def test_samples_lie_where_the_data_lie(dcgan):
    """Tanh keeps G(z) in [-1, 1], and can reach both ends."""
    G, _ = players(dcgan)
    with torch.no_grad():
        G.layers[-2].weight.mul_(100)
    x = G(uniform(50, 6))
    assert -1 <= x.min() < -0.99
    assert 0.99 < x.max() <= 1


# ------------------------------------------------------------------------------------------ batch normalisation


def test_batch_norm_is_its_formula_in_training_and_in_eval(dcgan):
    """Statistics per channel over images and pixels. The running variance takes the one divided by n - 1."""
    norm = dcgan.batch_norm(3).double()
    with torch.no_grad():
        norm.bias.add_(torch.tensor([0.3, -0.2, 0.1]))
    gamma, beta = norm.weight.detach().numpy()[:, None], norm.bias.detach().numpy()[:, None]
    x = 0.01 * normal(5, 3, 4, 6) + torch.tensor([1.0, 0.0, -2.0], dtype=F64)[:, None, None]  # small: eps must show
    rows = x.numpy().transpose(1, 0, 2, 3).reshape(3, -1)  # channel by channel
    mean, var = rows.mean(axis=1, keepdims=True), rows.var(axis=1, keepdims=True)
    expected = gamma * (rows - mean) / np.sqrt(var + 1e-5) + beta
    got = norm(x).detach().numpy().transpose(1, 0, 2, 3).reshape(3, -1)
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)
    running_mean, running_var = 0.1 * mean, 0.9 + 0.1 * rows.var(axis=1, keepdims=True, ddof=1)
    np.testing.assert_allclose(norm.running_mean, running_mean[:, 0], rtol=1e-12)
    np.testing.assert_allclose(norm.running_var, running_var[:, 0], rtol=1e-12)
    norm.eval()
    expected = gamma * (rows - running_mean) / np.sqrt(running_var + 1e-5) + beta
    got = norm(x).detach().numpy().transpose(1, 0, 2, 3).reshape(3, -1)
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)


def test_hidden_layers_are_normalised_in_training_at_the_first_step(dcgan):
    """What batch normalisation is for: with first weights of 0.02, activations would shrink from layer to layer."""
    torch.manual_seed(0)
    G = dcgan.Generator(100, (1, 28, 28), 16)
    outputs = []
    for layer in G.layers:
        if isinstance(layer, nn.BatchNorm2d):
            layer.register_forward_hook(lambda _, __, out: outputs.append(out.transpose(0, 1).flatten(1)))
    G(uniform(64, 100, dtype=torch.float32))
    assert len(outputs) == 2
    for out in outputs:
        assert out.mean(dim=1).abs().max() < 1e-4
        assert 0.85 < out.std(dim=1).min() < out.std(dim=1).max() < 1.15  # gains of N(1, 0.02^2)


def test_a_positional_0_8_is_eps_and_undoes_the_normalisation(dcgan):
    """The mistake `BatchNorm2d(n, 0.8)`: it sets eps, not momentum, and small activations stay small."""
    mistaken = nn.BatchNorm2d(4, 0.8)
    assert (mistaken.eps, mistaken.momentum) == (0.8, 0.1)
    x = 0.1 * normal(64, 4, 8, 8, dtype=torch.float32)
    assert mistaken(x).std().item() == pytest.approx(0.1 / math.sqrt(0.01 + 0.8), rel=0.02)  # 0.11
    assert dcgan.batch_norm(4)(x).std().item() == pytest.approx(1, rel=0.05)


def test_a_bias_before_batch_norm_does_nothing_so_there_is_none(dcgan):
    """The mean takes it out again: its gradient is zero up to rounding, and Adam would still move it."""
    conv, norm = nn.Conv2d(1, 4, 4, 2, 1).double(), nn.BatchNorm2d(4).double()
    loss = norm(conv(normal(8, 1, 8, 8))).pow(3).sum()
    weight, bias = torch.autograd.grad(loss, [conv.weight, conv.bias])
    assert weight.abs().max() > 0.1
    assert bias.abs().max() < 1e-11
    G, D = players(dcgan)
    assert all(layer.bias is None for layer in [*G.layers, *D.layers] if hasattr(layer, "kernel_size"))


# ------------------------------------------------------------------------------------------------ first weights


def test_first_weights_are_normal_with_standard_deviation_0_02(dcgan):
    """Every layer's mean and deviation within 5 standard errors, all weights together by Kolmogorov and Smirnov."""
    torch.manual_seed(0)
    players = nn.ModuleList([dcgan.Generator(100, (1, 28, 28), 32), dcgan.Discriminator((1, 28, 28), 32)])
    convs = [m.weight.flatten() for m in players.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    assert len(convs) == 6
    for w in convs:
        assert abs(w.mean().item()) < 5 * 0.02 / math.sqrt(len(w))
        assert abs(w.std().item() - 0.02) < 5 * 0.02 / math.sqrt(2 * len(w))
    assert stats.kstest(torch.cat(convs).detach().numpy() / 0.02, "norm").pvalue > 1e-6
    gains = torch.cat([m.weight for m in players.modules() if isinstance(m, nn.BatchNorm2d)])
    shifts = torch.cat([m.bias for m in players.modules() if isinstance(m, nn.BatchNorm2d)])
    assert abs(gains.mean().item() - 1) < 5 * 0.02 / math.sqrt(len(gains))
    assert abs(gains.std().item() - 0.02) < 5 * 0.02 / math.sqrt(2 * len(gains))
    assert not shifts.any()


# --------------------------------------------------------------------------------------------------- the game


def test_noise_is_uniform_on_the_cube(dcgan):
    """By Kolmogorov and Smirnov over 60,000 coordinates; no two coordinates or calls share a number."""
    random = seeded()
    first, second = dcgan.draw_noise(300, 100, random), dcgan.draw_noise(300, 100, random)
    assert first.shape == (300, 100)
    z = torch.cat([first, second]).flatten().numpy()
    assert stats.kstest(z, "uniform", args=(-1, 2)).pvalue > 1e-6
    assert -1 <= z.min() < -0.999 < 0.999 < z.max() <= 1
    assert len(np.unique(z)) > 0.99 * len(z)  # float32 has 2^24 such numbers: a few meet by chance


def test_losses_are_eq_1_and_its_variant_in_probabilities(dcgan):
    """Against the logarithms of sigmoids written out in float64, over logits where those are exact."""
    real, fake = normal(40, seed=1) * 3, normal(40, seed=2) * 3
    p_real, p_fake = 1 / (1 + np.exp(-real.numpy())), 1 / (1 + np.exp(-fake.numpy()))
    value = np.log(p_real).mean() + np.log(1 - p_fake).mean()
    assert dcgan.discriminator_loss(real, fake).item() == pytest.approx(-value, rel=1e-12)
    assert dcgan.generator_loss(fake).item() == pytest.approx(-np.log(p_fake).mean(), rel=1e-12)


def test_losses_equal_torchs_cross_entropies(dcgan):
    real, fake = normal(40, seed=1) * 30, normal(40, seed=2) * 30
    bce, one, zero = F.binary_cross_entropy_with_logits, torch.ones(40, dtype=F64), torch.zeros(40, dtype=F64)
    assert dcgan.discriminator_loss(real, fake).item() == pytest.approx((bce(real, one) + bce(fake, zero)).item())
    assert dcgan.generator_loss(fake).item() == pytest.approx(bce(fake, one).item())


def test_a_discriminator_that_cannot_tell_has_loss_2_log_2(dcgan):
    zero = torch.zeros(5)
    assert dcgan.discriminator_loss(zero, zero).item() == pytest.approx(2 * math.log(2))
    assert dcgan.generator_loss(zero).item() == pytest.approx(math.log(2))


def test_losses_and_gradients_hold_where_the_logarithm_of_a_sigmoid_breaks(dcgan):
    """In float32 at a logit of -200, log(sigmoid) is -inf. The loss is 200, and its gradient the whole of 1."""
    fake = torch.tensor([-200.0], requires_grad=True)
    assert torch.sigmoid(fake).log().isinf().all()
    assert dcgan.generator_loss(fake).item() == 200
    assert torch.autograd.grad(dcgan.generator_loss(fake), fake)[0].item() == -1
    assert dcgan.discriminator_loss(fake, -fake).item() == 400


def test_the_generators_gradient_does_not_vanish_when_d_is_sure(dcgan):
    """Descending log(1 - D) would leave e^-20 of it."""
    fake = torch.tensor([-20.0], dtype=F64, requires_grad=True)
    ours = torch.autograd.grad(dcgan.generator_loss(fake), fake)[0].item()
    saturating = torch.autograd.grad(-F.softplus(fake).mean(), fake)[0].item()
    assert ours == pytest.approx(-1, abs=1e-8)
    assert saturating == pytest.approx(-math.exp(-20), rel=1e-6)


def test_the_discriminators_step_knows_nothing_of_the_generators_weights(dcgan):
    """The images are detached: no gradient reaches G, and no graph of G is kept."""
    G, D = players(dcgan, classes=3)
    labels = torch.tensor([0, 1, 2, 1])
    loss = dcgan.discriminator_step(G, D, uniform(4, 1, 8, 8), labels, uniform(4, 6, seed=1))
    to_D = torch.autograd.grad(loss, list(D.parameters()), retain_graph=True)
    assert all(g.abs().max() > 0 for g in to_D)
    to_G = torch.autograd.grad(loss, list(G.parameters()), allow_unused=True)
    assert all(g is None for g in to_G)


def test_without_detach_the_step_would_leave_a_gradient_in_g(dcgan):
    """The mistake: `loss.backward()` on images that are not detached. G's own step would begin with D's gradient."""
    G, D = players(dcgan)
    fake = G(uniform(4, 6))
    dcgan.discriminator_loss(D(uniform(4, 1, 8, 8)), D(fake)).backward()
    assert all(p.grad.abs().max() > 0 for p in G.parameters())
    G.zero_grad()
    dcgan.discriminator_step(G, D, uniform(4, 1, 8, 8), None, uniform(4, 6)).backward()
    assert all(p.grad is None for p in G.parameters())


def test_both_steps_are_the_losses_of_what_d_says_of_the_right_images(dcgan):
    G, D = players(dcgan, classes=3)
    x, z, labels = uniform(5, 1, 8, 8), uniform(5, 6, seed=1), torch.tensor([0, 2, 1, 1, 0])
    fake = G(z, labels)
    real_said, fake_said = D(x, labels), D(fake, labels)
    loss = dcgan.discriminator_step(G, D, x, labels, z)
    assert loss.item() == pytest.approx((F.softplus(-real_said).mean() + F.softplus(fake_said).mean()).item())
    assert dcgan.generator_step(G, D, labels, z).item() == pytest.approx(F.softplus(-fake_said).mean().item())


def test_real_and_fake_images_go_through_d_in_batches_of_their_own(dcgan):
    G, D = players(dcgan)
    D = Listening(D)
    x, z = uniform(5, 1, 8, 8), uniform(5, 6, seed=1)
    dcgan.discriminator_step(G, D, x, None, z)
    (first, _), (second, _) = D.heard
    assert torch.equal(first, x)
    assert torch.equal(second, G(z))


def test_d_says_the_same_of_a_fake_in_both_steps_as_it_would_not_in_a_mixed_batch(dcgan):
    """Why they go apart: in G's step all images are fake. A D that learnt on mixed batches is another function then."""
    G, D = players(dcgan)
    with torch.no_grad():  # an early G, whose images lack contrast: its statistics are unlike the data's
        G.layers[-2].weight.mul_(0.1)
    D = Listening(D)
    x, z = uniform(6, 1, 8, 8), uniform(6, 6, seed=1)
    dcgan.discriminator_step(G, D, x, None, z)
    dcgan.generator_step(G, D, None, z)
    _, in_Ds_step, in_Gs_step = D.said
    assert torch.equal(in_Ds_step, in_Gs_step)
    mixed = D.player(torch.cat([x, G(z)]))[6:]
    assert (mixed - in_Gs_step).abs().max() > 0.3 * in_Gs_step.abs().max()


@pytest.mark.parametrize("player", ["D", "G"])
def test_gradient_of_each_loss_equals_finite_differences(dcgan, player):
    """In float64, through batch normalisation in training mode, along three directions through a player's weights."""
    G, D = players(dcgan, classes=3)
    x, labels, z = uniform(5, 1, 8, 8), torch.tensor([0, 2, 1, 1, 0]), uniform(5, 6, seed=1)

    def loss() -> torch.Tensor:
        if player == "D":
            return dcgan.discriminator_step(G, D, x, labels, z)
        return dcgan.generator_step(G, D, labels, z)

    for slope, difference in slopes(loss, list((D if player == "D" else G).parameters()), h=1e-6):
        assert slope == pytest.approx(difference, rel=1e-5)


@pytest.mark.parametrize("classes", [0, 10])
def test_every_parameter_receives_a_gradient(dcgan, classes):
    method = method_of(dcgan, classes=classes)
    batch = Batch(uniform(20, 1, 8, 8, dtype=torch.float32), torch.arange(20) % 10)
    for player in method.players():
        named = dict(player.model.named_parameters())
        gradients = torch.autograd.grad(player.loss(batch, seeded()), list(named.values()))
        assert not [name for name, g in zip(named, gradients, strict=True) if not g.abs().max() > 0]
    owned = [p for player in method.players() for p in player.model.parameters()]
    assert {id(p) for p in owned} == {id(p) for p in method.model.parameters()}


def test_d_moves_first_and_each_player_has_its_own_loss_noise_and_labels(dcgan):
    method = method_of(dcgan)
    first, second = method.players()
    assert (first.name, second.name) == ("discriminator", "generator")
    assert first.model is method.model["discriminator"]
    assert second.model is method.model["generator"]
    assert all(player.plays(step) for player in (first, second) for step in (1, 2, 3))
    batch = Batch(uniform(20, 1, 8, 8, dtype=torch.float32), torch.arange(20) % 10)
    z = dcgan.draw_noise(20, 6, seeded(3))
    G, D = method.G, method.D
    expected = [dcgan.discriminator_step(G, D, batch.x, batch.labels, z), dcgan.generator_step(G, D, batch.labels, z)]
    assert [player.loss(batch, seeded(3)).item() for player in (first, second)] == [e.item() for e in expected]
    for player in (first, second):
        random = seeded(3)
        assert player.loss(batch, random) != player.loss(batch, random)  # fresh noise in every move


# --------------------------------------------------------------------------------------------------- classes


def test_the_class_stands_beside_the_noise_and_covers_a_channel_of_the_image(dcgan):
    z, x, labels = uniform(3, 6), uniform(3, 2, 4, 6), torch.tensor([2, 0, 1])
    rows = torch.tensor([[0, 0, 1], [1, 0, 0], [0, 1, 0]], dtype=F64)
    assert torch.equal(dcgan.beside_noise(z, labels, 3), torch.cat([z, rows], dim=1))
    both = dcgan.beside_image(x, labels, 3)
    assert both.shape == (3, 5, 4, 6)
    assert torch.equal(both[:, :2], x)
    for i in range(3):
        for k in range(3):
            assert (both[i, 2 + k] == rows[i, k]).all()
    assert torch.equal(dcgan.beside_noise(z, None, 0), z)
    assert torch.equal(dcgan.beside_image(x, labels, 0), x)


def test_another_class_is_another_image_and_another_judgement(dcgan):
    G, D = players(dcgan, classes=3)
    G.eval(), D.eval()
    z, x = uniform(4, 6), uniform(4, 1, 8, 8)
    a, b = torch.tensor([0, 1, 2, 0]), torch.tensor([0, 1, 2, 1])  # they differ in the last
    assert torch.equal(G(z, a)[:3], G(z, b)[:3])
    assert (G(z, a)[3] - G(z, b)[3]).abs().max() > 0.01
    assert torch.equal(D(x, a)[:3], D(x, b)[:3])
    assert (D(x, a)[3] - D(x, b)[3]).abs() > 0.01


def test_without_classes_labels_are_not_looked_at(dcgan):
    for method in (method_of(dcgan, classes=0), method_of(dcgan, conditional=False)):
        assert method.classes == 0
        x, labels = uniform(6, 1, 8, 8, dtype=torch.float32), torch.arange(6)
        for player in method.players():
            losses = [player.loss(Batch(x, y), seeded()).item() for y in (labels, labels.flip(0))]
            assert losses[0] == losses[1]
        assert torch.equal(method.sample(6, labels, seeded()), method.sample(6, None, seeded()))


# --------------------------------------------------------------------------------------------------- samples


def trained(dcgan, **kwargs):
    """A G whose running statistics are those of some batches, as after training."""
    G, _ = players(dcgan, **kwargs)
    for seed in range(30):
        labels = torch.arange(16) % 3 if kwargs.get("classes") else None
        G(uniform(16, 6, seed=seed), labels)
    return G


@pytest.mark.parametrize("classes", [0, 3])
def test_a_sample_does_not_depend_on_the_others_in_its_batch(dcgan, classes):
    """One at a time, all at once, or in parts: the same images. In training mode they are not."""
    G = trained(dcgan, classes=classes)
    z, labels = uniform(7, 6, seed=99), torch.arange(7) % 3 if classes else None
    together = dcgan.generate(G, z, labels)
    alone = [dcgan.generate(G, z[i : i + 1], None if labels is None else labels[i : i + 1]) for i in range(7)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(together, dcgan.generate(G, z, labels, at_once=3), rtol=1e-12, atol=1e-14)
    assert (G(z, labels) - together).abs().max() > 0.05  # the mistake: G still in training mode


def test_drawing_samples_changes_nothing_as_it_would_in_training_mode(dcgan):
    G = trained(dcgan)
    z, before = uniform(7, 6, seed=99), copy.deepcopy(G.state_dict())
    for mode in (True, False):
        G.train(mode)
        dcgan.generate(G, z)
        assert G.training is mode
        assert all(layer.training is mode for layer in G.layers)
    assert all(torch.equal(value, before[name]) for name, value in G.state_dict().items())
    G.train()
    G(z)  # the mistake
    changed = {
        name.rpartition(".")[2] for name, value in G.state_dict().items() if not torch.equal(value, before[name])
    }
    assert changed == {"running_mean", "running_var", "num_batches_tracked"}


def test_samples_keep_no_gradient(dcgan):
    assert not dcgan.generate(players(dcgan)[0], uniform(3, 6)).requires_grad


def test_averaged_weights_do_not_fit_the_last_weights_statistics(dcgan):
    """Why the presets average nothing. G's first layer grows from w to 3w; its average is 2w, but the statistics that
    stand beside it are those of 3w: outputs come out at 2/3 of their size, where each G alone is normalised."""
    layer = nn.Sequential(nn.ConvTranspose2d(6, 4, 2, bias=False), nn.BatchNorm2d(4, eps=1e-12, momentum=1.0)).double()
    z = uniform(4000, 6, 1, 1)
    layer(z)
    average = copy.deepcopy(layer)
    with torch.no_grad():
        layer[0].weight.mul_(3)
    layer(z)
    engine.update_ema(average, layer, step=10**9, decay=0.5)
    layer.eval(), average.eval()
    spread = layer(z).std(dim=(0, 2, 3))
    torch.testing.assert_close(spread, torch.ones_like(spread), rtol=1e-3, atol=0)
    torch.testing.assert_close(average(z).std(dim=(0, 2, 3)), spread * 2 / 3, rtol=1e-3, atol=0)
    assert all(preset.train.ema_decay == 0 for preset in dcgan.PRESETS.values())


def test_a_walk_is_straight_even_and_inside_the_cube(dcgan):
    """Section 6.1. The cube is convex, so every z on the way is one that G may meet in training."""
    start, end = uniform(3, 50), uniform(3, 50, seed=1)
    z = dcgan.walk(start, end, 9)
    assert z.shape == (9, 3, 50)
    assert torch.equal(z[0], start)
    torch.testing.assert_close(z[-1], end, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(z[4], (start + end) / 2, rtol=1e-6, atol=1e-7)
    steps = z.diff(dim=0)
    torch.testing.assert_close(steps, steps[:1].expand_as(steps), rtol=1e-5, atol=1e-6)
    assert z.abs().max() <= 1
    torch.testing.assert_close(dcgan.walk(start, end, 2), torch.stack([start, end]))


@pytest.mark.parametrize(("classes", "rows"), [(10, 10), (0, 8)])
def test_each_row_of_the_picture_is_a_walk_in_one_class(dcgan, classes, rows):
    method = method_of(dcgan, classes=classes)
    x = torch.zeros(2, 1, 8, 8)
    picture = method.pictures(Data("toy", x, torch.zeros(2).long(), x, torch.zeros(2).long()), seeded(4))["walk"]
    assert picture.shape == (rows, 10, 1, 8, 8)
    ends = dcgan.draw_noise(2 * rows, 6, seeded(4))
    labels = torch.arange(10) if classes else None
    for column, z in ((0, ends[:rows]), (-1, ends[rows:])):
        torch.testing.assert_close(picture[:, column], dcgan.generate(method.G, z, labels))
    for i in (0, 3):  # each picture between the ends, from its own z and class
        z = ends[i] + (ends[rows + i] - ends[i]) * torch.linspace(0, 1, 10)[:, None]
        row = dcgan.generate(method.G, z, torch.full((10,), i) if classes else None)
        torch.testing.assert_close(picture[i], row, rtol=1e-4, atol=1e-5)


def test_samples_are_of_the_classes_asked_for_or_of_any(dcgan):
    method = method_of(dcgan)
    with torch.no_grad():
        for p in method.model.parameters():
            p.add_(0.2 * torch.randn(p.shape, generator=seeded()))
    labels = torch.tensor([3, 1, 4, 1, 5])
    expected = dcgan.generate(method.G, dcgan.draw_noise(5, 6, seeded(2)), labels)
    assert torch.equal(method.sample(5, labels, seeded(2)), expected)
    heard = Listening(method.G)
    method.G = heard
    method.sample(200, None, seeded())
    (_, drawn), *_ = heard.heard
    assert drawn.unique().tolist() == list(range(10))


# ------------------------------------------------------------------------------------ sizes, seeds, messages


@pytest.mark.parametrize(("b", "shape"), [(1, (1, 8, 8)), (1, (1, 28, 28)), (3, (3, 12, 20)), (5, (2, 8, 12))])
def test_batch_of_one_and_odd_sizes(dcgan, b, shape):
    method = method_of(dcgan, shape=shape)
    batch = Batch(torch.zeros(b, *shape), torch.arange(b))
    assert all(player.loss(batch, seeded()).isfinite() for player in method.players())
    assert method.sample(b, torch.arange(b), seeded()).shape == (b, *shape)


def test_same_seed_same_bits_and_no_other_source_of_randomness(dcgan):
    method = method_of(dcgan)
    batch = Batch(uniform(5, 1, 8, 8, dtype=torch.float32), torch.arange(5))
    d, g = method.players()
    for draw in (lambda r: method.sample(3, None, r), lambda r: d.loss(batch, r), lambda r: g.loss(batch, r)):
        outcomes = []
        for noise, elsewhere in ((1, 1), (1, 2), (2, 1)):
            torch.manual_seed(elsewhere)
            outcomes.append(draw(seeded(noise)))
        assert torch.equal(outcomes[0], outcomes[1])
        assert not torch.equal(outcomes[0], outcomes[2])


def test_the_numbers_are_those_that_all_methods_have(dcgan):
    method = method_of(dcgan)
    x, y = uniform(40, 1, 8, 8, dtype=torch.float32), torch.arange(40) % 10
    numbers = method.evaluate(Data("toy", x[:20], y[:20], x[20:], y[20:]), x[:20], y[:20], seeded())
    assert numbers["frechet"] == numbers["frechet_real"]  # samples that are the training images
    assert numbers["nearest"] == pytest.approx(0, abs=1e-6)


def test_presets_are_trained_as_section_4_says(dcgan):
    for preset in dcgan.PRESETS.values():
        assert preset.train.betas == (0.5, 0.999)
        assert preset.train.batch_size == 128
        assert (preset.train.warmup, preset.train.grad_clip) == (0, 0)
        assert preset.config.d_z == 100


def test_bad_settings_name_field_value_and_what_is_expected(dcgan):
    for field in ("d_z", "width", "depth"):
        with pytest.raises(ValueError, match=rf"{field} is 0; expected a number of .* >= 1"):
            dcgan.DCGANConfig(**{field: 0})
    for shape, depth in (((1, 8, 10), 2), ((1, 10, 8), 2), ((1, 8, 8), 3), ((1, 4, 2), 1), ((2,), 2)):
        with pytest.raises(ValueError, match=r"shape is .*; expected \[c h w\] with h and w multiples of 2\^depth"):
            method_of(dcgan, shape=shape, depth=depth)
    assert dcgan.base_of((1, 8, 8), 2) == (2, 2)
    assert dcgan.base_of((1, 28, 20), 2) == (7, 5)


def test_bad_labels_name_what_is_expected(dcgan):
    one_hot, z = inspect.unwrap(dcgan.one_hot), uniform(2, 6)
    for bad in (None, torch.tensor([0, 3]), torch.tensor([-1, 0]), torch.tensor([0, 1, 2])):
        with pytest.raises(ValueError, match=r"expected one class in 0\.\.2 for each of 2 rows"):
            one_hot(bad, 3, z)
