"""Proofs of r3gan.py. Each holds the code against something worked out another way; the mutation run breaks the code
line by line and asks that one of these fails.
"""

import cmath
import inspect
import math

import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError
from torch import nn
from torch.nn import functional as F

from reference_impl import engine
from reference_impl.data import Data, Spec
from tests.reference_impl.weights import shaken, slopes

F64 = torch.float64
DIGITS = Spec((1, 8, 8), 10, 17)
PLANE = Spec((2,), 0, 0)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=seeded(seed), dtype=F64)


def unchecked(function):
    """The function without the tests' own checks of shapes: what a user meets."""
    return inspect.unwrap(function)


def smooth(seed: int = 0, inputs: int = 3) -> nn.Module:
    """A smooth D in float64, so that finite differences of its gradient mean something."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(inputs, 7), nn.Tanh(), nn.Linear(7, 1, bias=False), nn.Flatten(0)).double()


def critic(net):
    return lambda x, labels: net(x)


def tiny(r3gan, spec: Spec = DIGITS, **changes):
    """A method of few weights."""
    settings = {"d_z": 5, "width": 4, "group": 4, "gamma": (0.4, 0.2), "burn_in": 10, **changes}
    torch.manual_seed(0)
    return r3gan.R3GAN(r3gan.R3GANConfig(**settings), spec)


def batch_of(n: int, spec: Spec = DIGITS) -> engine.Batch:
    g = seeded(1)
    return engine.Batch(torch.rand(n, *spec.shape, generator=g) * 2 - 1, torch.randint(10, (n,), generator=g))


NO_LABELS = torch.zeros(4, dtype=torch.long)
DATA = Data("toy", torch.zeros(4, 1, 8, 8), NO_LABELS, torch.zeros(4, 1, 8, 8), NO_LABELS)


# ------------------------------------------------------------------------------------------------ the pairing


def test_relativistic_loss_is_the_closed_form_for_given_logits(r3gan):
    real, fake = torch.tensor([0.3, -1.2, 2.0], dtype=F64), torch.tensor([-0.5, 0.4, 1.9], dtype=F64)
    by_hand = sum(math.log(1 + math.exp(-(a - b))) for a, b in zip(real.tolist(), fake.tolist(), strict=True)) / 3
    assert r3gan.relativistic_loss(real, fake).item() == pytest.approx(by_hand, rel=1e-14)
    # Eq. (2) as printed: f(t) = -log(1 + e^-t), D large on fakes and raising L. Its sign turned, that is our D's loss.
    f = lambda t: -math.log(1 + math.exp(-t))  # noqa: E731
    eq_2 = sum(f(-b + a) for a, b in zip(real.tolist(), fake.tolist(), strict=True)) / 3
    assert r3gan.relativistic_loss(real, fake).item() == pytest.approx(-eq_2, rel=1e-14)


def test_logits_are_paired_one_with_one_and_neither_all_with_all_nor_by_their_means(r3gan):
    real, fake = torch.tensor([4.0, -4.0], dtype=F64), torch.tensor([-4.0, 4.0], dtype=F64)
    paired = (math.log1p(math.exp(-8)) + math.log1p(math.exp(8))) / 2
    all_pairs = (math.log1p(math.exp(-8)) + math.log1p(math.exp(8)) + 2 * math.log(2)) / 4
    means = math.log(2)  # softplus of the difference of the means
    value = r3gan.relativistic_loss(real, fake).item()
    assert value == pytest.approx(paired, rel=1e-14)
    assert abs(value - all_pairs) > 1
    assert abs(value - means) > 1
    assert r3gan.relativistic_loss(real, fake.flip(0)).item() == pytest.approx(math.log(2), rel=1e-14)


def test_loss_is_the_mean_over_the_batch_so_that_gamma_does_not_depend_on_its_size(r3gan):
    net, x, fake = smooth(), normal(4, 3, seed=1), normal(4, 3, seed=2)
    once = r3gan.discriminator_loss(critic(net), x, fake, None, 0.7)
    thrice = r3gan.discriminator_loss(critic(net), x.repeat(3, 1), fake.repeat(3, 1), None, 0.7)
    torch.testing.assert_close(once, thrice)


def test_a_constant_added_to_D_changes_nothing_though_it_changes_the_ordinary_gans_loss(r3gan):
    net, x, fake = smooth(), normal(6, 3, seed=1), normal(6, 3, seed=2)
    for c in (-3.0, 5.0):
        raised = lambda x, labels, c=c: net(x) + c  # noqa: E731
        for loss in (
            lambda D: r3gan.discriminator_loss(D, x, fake, None, 0.7),
            lambda D: r3gan.generator_loss(D, x, fake, None),
        ):
            torch.testing.assert_close(loss(raised), loss(critic(net)), rtol=1e-12, atol=0)
        ordinary = lambda D: F.softplus(-D(x, None)).mean() + F.softplus(D(fake, None)).mean()  # noqa: E731
        assert abs(ordinary(raised) - ordinary(critic(net))) > 1


def test_at_a_constant_D_both_losses_are_log_2(r3gan):
    x, fake = normal(5, 3, seed=1), normal(5, 3, seed=2)
    flat = lambda x, labels: 0.0 * x.sum(dim=1) + 1.7  # noqa: E731
    assert r3gan.discriminator_loss(flat, x, fake, None, 10.0).item() == pytest.approx(math.log(2), rel=1e-14)
    assert r3gan.generator_loss(flat, x, fake, None).item() == pytest.approx(math.log(2), rel=1e-14)


def test_generators_loss_is_the_discriminators_with_the_roles_swapped(r3gan):
    net, x, fake = smooth(), normal(6, 3, seed=1), normal(6, 3, seed=2)
    g = r3gan.generator_loss(critic(net), x, fake, None)
    torch.testing.assert_close(g, r3gan.discriminator_loss(critic(net), fake, x, None, 0.0))
    d = r3gan.discriminator_loss(critic(net), x, fake, None, 0.0)
    torch.testing.assert_close(g - d, (net(x) - net(fake)).mean())  # softplus(t) - softplus(-t) = t
    better = r3gan.discriminator_loss(lambda x, labels: 2 * x[:, 0], torch.ones(1, 3), -torch.ones(1, 3), None, 0.0)
    assert better < math.log(2)  # D is large on real examples


def test_losses_of_far_apart_logits_are_finite(r3gan):
    far = torch.tensor([300.0])
    assert r3gan.relativistic_loss(-far, far).item() == pytest.approx(600)
    assert r3gan.relativistic_loss(far, -far).item() == 0


def test_logits_that_would_broadcast_to_all_pairs_are_refused(r3gan):
    loss = unchecked(r3gan.relativistic_loss)
    for better, worse in [((4, 1), (4,)), ((4,), (1,)), ((4, 1), (4, 1)), ((), ())]:
        with pytest.raises(ValueError, match=r"expected \[b\] and \[b\]"):
            loss(torch.zeros(better), torch.zeros(worse))


# ---------------------------------------------------------------------------------------------- the penalties


def test_penalty_of_a_linear_D_is_half_gamma_times_the_squared_norm_of_its_slope(r3gan):
    """Not the norm, not centred at 1, not without the half; whatever the points and however many."""
    w = torch.tensor([3.0, -4.0], dtype=F64)
    for n in (1, 5):
        x = normal(n, 2).requires_grad_()
        torch.testing.assert_close(r3gan.squared_gradient_norm(x @ w, x), torch.full((n,), 25.0, dtype=F64))
        assert r3gan.zero_centred_penalty(x @ w, x, 0.6).item() == pytest.approx(0.3 * 25, rel=1e-14)


def test_penalty_of_a_quadratic_D_is_exact_for_each_example(r3gan):
    """D(x) = x'Ax/2 + b'x has the gradient Ax + b, for A symmetric; images count all their pixels."""
    a, b = normal(12, 12, seed=1), normal(12, seed=2)
    a = a + a.T
    x = normal(4, 3, 2, 2, seed=3).requires_grad_()
    v = x.flatten(1)
    logits = 0.5 * ((v @ a) * v).sum(dim=1) + v @ b
    expected = ((v @ a + b) ** 2).sum(dim=1).detach()
    torch.testing.assert_close(r3gan.squared_gradient_norm(logits, x), expected)
    torch.testing.assert_close(r3gan.zero_centred_penalty(logits, x, 0.5), 0.25 * expected.mean())


def test_penalty_agrees_with_finite_differences_of_D(r3gan):
    net, x, h = smooth(), normal(5, 3, seed=1), 1e-6
    by_hand = np.zeros(5)
    for i in range(3):
        e = torch.zeros(3, dtype=F64)
        e[i] = h
        by_hand += ((net(x + e) - net(x - e)).detach().numpy() / (2 * h)) ** 2
    x.requires_grad_()
    np.testing.assert_allclose(r3gan.squared_gradient_norm(net(x), x).detach(), by_hand, rtol=1e-8)


def test_a_flat_D_pays_nothing_and_a_slope_of_one_does(r3gan):
    """Zero-centred: the one-centred penalty of WGAN-GP would charge the first and let the second go free."""
    x = normal(3, 2).requires_grad_()
    assert r3gan.zero_centred_penalty(0.0 * x.sum(dim=1), x, 2.0).item() == 0
    assert r3gan.zero_centred_penalty(x[:, 0], x, 2.0).item() == pytest.approx(1, rel=1e-14)


def test_R1_looks_at_real_examples_and_R2_at_fakes_and_both_count_once(r3gan):
    """D has slope 3 to the right, where the real examples are, and slope 5 to the left, where the fakes are."""
    D = lambda x, labels: torch.where(x[:, 0] > 0, 3 * x[:, 0], 5 * x[:, 0])  # noqa: E731
    x, fake = torch.tensor([[1.0], [2.0]], dtype=F64), torch.tensor([[-1.0], [-0.5]], dtype=F64)
    penalty = lambda x, fake: (  # noqa: E731
        r3gan.discriminator_loss(D, x, fake, None, 0.8) - r3gan.discriminator_loss(D, x, fake, None, 0.0)
    ).item()
    assert penalty(x, fake) == pytest.approx(0.4 * (9 + 25), rel=1e-12)
    assert penalty(x, -fake) == pytest.approx(0.4 * (9 + 9), rel=1e-12)
    assert penalty(-x, fake) == pytest.approx(0.4 * (25 + 25), rel=1e-12)


def test_penalty_keeps_its_graph_so_that_it_trains_D(r3gan):
    """Without create_graph the penalty is a number without a gradient, and nothing complains."""
    w = torch.tensor([3.0, -4.0], dtype=F64, requires_grad=True)
    x = normal(5, 2).requires_grad_()
    (gradient,) = torch.autograd.grad(r3gan.zero_centred_penalty(x @ w, x, 0.6), w)
    torch.testing.assert_close(gradient, 0.6 * w.detach())  # of gamma/2 |w|^2


def test_gradients_of_both_losses_equal_finite_differences(r3gan):
    """In float64; the discriminator's goes twice through D."""
    net, x, fake = smooth(), normal(6, 3, seed=1), normal(6, 3, seed=2)
    for slope, difference in slopes(
        lambda: r3gan.discriminator_loss(critic(net), x, fake, None, 0.9), list(net.parameters())
    ):
        assert slope == pytest.approx(difference, rel=1e-6)
    torch.manual_seed(1)
    G, z = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 3)).double(), normal(6, 2, seed=3)
    for slope, difference in slopes(lambda: r3gan.generator_loss(critic(net), x, G(z), None), list(G.parameters())):
        assert slope == pytest.approx(difference, rel=1e-6)


def test_gradient_through_the_image_networks_equals_finite_differences(r3gan):
    """The penalties' second derivatives through blocks, resampling, basis and projection."""
    method = tiny(r3gan)
    D = shaken(method.model["discriminator"].double())
    x, fake, labels = normal(3, 1, 8, 8, seed=1), normal(3, 1, 8, 8, seed=2), torch.tensor([0, 3, 9])
    loss = lambda: r3gan.discriminator_loss(D, x, fake, labels, 0.5)  # noqa: E731
    for slope, difference in slopes(loss, list(D.parameters()), h=1e-6):
        assert slope == pytest.approx(difference, rel=1e-4)


def test_inputs_of_the_discriminators_loss_are_left_as_they_were(r3gan):
    net, x = smooth(), normal(2, 3, seed=1)
    fake = normal(2, 3, seed=2).requires_grad_()
    loss = r3gan.discriminator_loss(critic(net), x, 2 * fake, None, 0.9)
    assert not x.requires_grad
    (gradient,) = torch.autograd.grad(loss, fake, allow_unused=True)
    assert gradient is None  # D's loss does not reach back into G


# ---------------------------------------------------------------------------------------- local convergence


def jacobian(field) -> np.ndarray:
    """Of a field of (theta, psi) at (0, 0), by central differences."""
    h = 1e-5
    columns = [(field(*(h * e)) - field(*(-h * e))) / (2 * h) for e in np.eye(2)]
    return np.stack([column.numpy() for column in columns], axis=1)


@pytest.mark.parametrize("gamma", [0.0, 0.1, 0.4, 2.0])
def test_eigenvalues_of_the_smallest_game_are_the_closed_form(r3gan, gamma):
    """R1 and R2 are gamma/2 psi^2 each (Eq. 11), so that in Eq. (12) 2 gamma stands for gamma; f'(0) = 1/2.

    The root holds f'(0)^2: Eq. (12) is printed with f'(0), but the matrix of Eq. (15) has the square.
    """
    root = cmath.sqrt((2 * gamma) ** 2 / 4 - 0.5**2)
    expected = sorted([-gamma + root, -gamma - root], key=lambda v: (v.real, v.imag))
    values = sorted(
        np.linalg.eigvals(jacobian(lambda a, b: r3gan.dirac_field(a, b, gamma))), key=lambda v: (v.real, v.imag)
    )
    np.testing.assert_allclose(values, expected, atol=1e-9)
    eq_15 = np.linalg.eigvals(np.array([[0, -0.5], [0.5, -2 * gamma]]))
    np.testing.assert_allclose(sorted(eq_15, key=lambda v: (v.real, v.imag)), expected, atol=1e-12)
    assert (max(v.real for v in values) < -1e-3) == (gamma > 0)


def flow(field, seconds: float, start=(0.1, 0.0), dt: float = 0.02) -> np.ndarray:
    """Follow a field by the classic Runge-Kutta method."""
    at = np.array(start)
    f = lambda v: field(float(v[0]), float(v[1])).numpy()  # noqa: E731
    for _ in range(round(seconds / dt)):
        k1 = f(at)
        k2 = f(at + dt / 2 * k1)
        k3 = f(at + dt / 2 * k2)
        k4 = f(at + dt * k3)
        at = at + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return at


def test_the_smallest_game_converges_with_penalties_and_circles_without(r3gan):
    """After 6 units of time the game is where its linearisation says, to the third order in the distance."""
    for gamma in (0.2, 0.0):
        expected = np.array([0.01, 0.0]) @ matrix_exponential(np.array([[0, 0.5], [-0.5, -2 * gamma]]) * 6).T
        end = flow(lambda a, b, gamma=gamma: r3gan.dirac_field(a, b, gamma), 6.0, start=(0.01, 0.0))
        np.testing.assert_allclose(end, expected, atol=1.5e-6)
        if gamma:
            assert np.linalg.norm(end) < 0.01 * 0.4
        else:
            assert np.linalg.norm(end) == pytest.approx(0.01, rel=1e-4)


def matrix_exponential(a: np.ndarray) -> np.ndarray:
    return torch.linalg.matrix_exp(torch.from_numpy(a)).numpy()


def test_simultaneous_steps_spiral_outwards_without_penalties_and_inwards_with_them(r3gan):
    """Lemma A of Mescheder et al.: a step of size h multiplies the distance by |1 + h lambda|, here sqrt(1 + h^2/4)."""
    h, at = 0.2, np.array([1e-4, 0.0])
    for _ in range(100):
        at = at + h * r3gan.dirac_field(*map(float, at), 0.0).numpy()
    assert np.linalg.norm(at) == pytest.approx(1e-4 * (1 + h**2 / 4) ** 50, rel=1e-4)
    at = np.array([1e-4, 0.0])
    for _ in range(100):
        at = at + h * r3gan.dirac_field(*map(float, at), 0.3).numpy()
    assert np.linalg.norm(at) < 1e-6


def test_the_field_away_from_the_equilibrium_is_that_of_the_non_saturating_game(r3gan):
    """By hand: theta moves along psi sigma(-psi theta), psi along -theta sigma(psi theta) - 2 gamma psi."""
    sigma = lambda t: 1 / (1 + math.exp(-t))  # noqa: E731
    for theta, psi, gamma in [(0.7, -1.3, 0.0), (-2.0, 0.4, 0.3), (1.1, 1.9, 1.0)]:
        expected = [psi * sigma(-psi * theta), -theta * sigma(psi * theta) - 2 * gamma * psi]
        np.testing.assert_allclose(r3gan.dirac_field(theta, psi, gamma), expected, rtol=1e-13)


# ---------------------------------------------------------------------------------------------- the burn-in


def test_gamma_falls_along_half_a_cosine_and_stays(r3gan):
    at = lambda step: r3gan.gamma_at(step, (1.0, 0.2), 100)  # noqa: E731
    assert at(50) == pytest.approx(0.6, rel=1e-14)
    assert at(25) == pytest.approx(0.2 + 0.8 * (1 + math.sqrt(0.5)) / 2, rel=1e-14)
    assert at(100) == pytest.approx(0.2, rel=1e-14)
    assert at(5000) == pytest.approx(0.2, rel=1e-14)
    assert 0.999 < at(1) < 1
    assert r3gan.gamma_at(1, (1.0, 0.2), 0) == pytest.approx(0.2)


def test_each_step_is_played_under_its_own_gamma(r3gan):
    """The engine asks before each step whether D plays, and the same batch then costs what that step's gamma says."""
    method = tiny(r3gan, gamma=(4.0, 1.0), burn_in=10)
    discriminator, generator = method.players()
    some, costs = batch_of(4), {}
    for step in (1, 5, 10, 99):
        assert discriminator.plays(step)
        assert generator.plays(step)
        costs[step] = discriminator.loss(some, seeded()).item()
    discriminator.plays(10)
    assert discriminator.loss(some, seeded()).item() == costs[10] == costs[99]
    share = lambda step: (costs[step] - costs[10]) / (r3gan.gamma_at(step, (4.0, 1.0), 10) - 1)  # noqa: E731
    assert share(1) == pytest.approx(share(5), rel=1e-4)
    assert share(1) > 0
    assert tiny(r3gan, gamma=(4.0, 1.0)).gamma == r3gan.gamma_at(1, (4.0, 1.0), 10)


# --------------------------------------------------------------------------------------------- the networks


@pytest.mark.parametrize(("L", "width", "group"), [(1, 8, 4), (16, 8, 16)])
def test_a_block_begins_as_the_identity_whose_inner_weights_shrink_with_depth(r3gan, L, width, group):
    torch.manual_seed(0)
    block = r3gan.Block(width, group, L)
    x = torch.randn(2, width, 5, 3)
    assert torch.equal(block(x), x)
    big = [r3gan.Block(64, 16, L) for _ in range(4)]
    gain = math.sqrt(2 / 1.04) * L**-0.25
    for name, fan_in in (("expand", 64), ("grouped", 16 * 9)):
        weights = torch.cat([getattr(b, name).weight.flatten() for b in big])
        assert weights.std().item() == pytest.approx(gain / math.sqrt(fan_in), rel=0.03)
        assert weights.mean().item() == pytest.approx(0, abs=0.003)
        assert all((getattr(b, name).bias == 0).all() for b in big)
    assert block.project.bias is None


def test_a_block_equals_its_formula(r3gan):
    """In plain sums: both 1x1 convolutions as matrices, the leaky ReLU as max(t, t/5)."""
    torch.manual_seed(0)
    block = shaken(r3gan.Block(4, 2, 3).double(), 0.5)
    x = normal(2, 4, 5, 6)
    leaky = lambda t: torch.maximum(t, t / 5)  # noqa: E731
    matrix = lambda conv, t: torch.einsum("oi,bihw->bohw", conv.weight[:, :, 0, 0], t)  # noqa: E731
    h = leaky(matrix(block.expand, x) + block.expand.bias[:, None, None])
    h = leaky(F.conv2d(h, dense(block.grouped), block.grouped.bias, padding=1))
    torch.testing.assert_close(block(x), x + matrix(block.project, h))
    assert block.expand.out_channels == 8
    assert block.grouped.groups == 4


def dense(conv: nn.Conv2d) -> torch.Tensor:
    """The weight of the ungrouped convolution that a grouped one is: blocks on the diagonal, zeros elsewhere."""
    out, size, (*kernel,) = conv.out_channels, conv.weight.shape[1], conv.weight.shape[2:]
    weight = torch.zeros(out, conv.in_channels, *kernel, dtype=conv.weight.dtype)
    rows = out // conv.groups
    for g in range(conv.groups):
        weight[g * rows : (g + 1) * rows, g * size : (g + 1) * size] = conv.weight[g * rows : (g + 1) * rows].detach()
    return weight


def test_grouped_convolution_equals_a_block_diagonal_dense_one_with_fewer_weights(r3gan):
    torch.manual_seed(0)
    conv = r3gan.Block(8, 4, 1).double().grouped
    x = normal(2, 16, 4, 4)
    torch.testing.assert_close(conv(x), F.conv2d(x, dense(conv), conv.bias, padding=1))
    assert conv.weight.numel() == dense(conv).numel() / 4  # 16 channels in groups of 4


def test_resampling_is_torchs_bilinear_and_keeps_a_constant(r3gan):
    x = normal(2, 3, 6, 4)
    up, down = r3gan.Up(), r3gan.Down()
    torch.testing.assert_close(up(x), F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False))
    torch.testing.assert_close(down(x), F.interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=False))
    torch.testing.assert_close(up(torch.ones(1, 1, 3, 1)), torch.ones(1, 1, 6, 2))
    torch.testing.assert_close(down(torch.ones(1, 1, 4, 2)), torch.ones(1, 1, 2, 1))


def test_resampling_of_a_slope_keeps_it_straight(r3gan):
    """What nearest-neighbour resampling does not: inside, a ramp stays a ramp."""
    ramp = torch.arange(5, dtype=F64).reshape(1, 1, 1, 5)
    steps = r3gan.Up()(ramp)[0, 0, 0].diff()
    torch.testing.assert_close(steps[1:-1], torch.full((7,), 0.5, dtype=F64))


def test_halving_stops_at_four_pixels_and_at_odd_sides(r3gan):
    for shape, n in [
        ((8, 8), 1),
        ((28, 28), 2),
        ((32, 32), 3),
        ((7, 8), 0),
        ((4, 4), 0),
        ((16, 8), 1),
        ((6, 6), 0),
        ((16, 9), 0),
        ((9, 16), 0),
    ]:
        assert r3gan.halvings(*shape) == n


def test_generator_is_its_basis_weighed_by_z_at_first(r3gan):
    """Blocks begin as the identity, so an untrained G of a size that is never doubled is a product of matrices."""
    torch.manual_seed(0)
    G = r3gan.ImageGenerator((2, 5, 7), 6, 8, 2, 4, 0).double()
    z = normal(3, 6)
    expected = torch.einsum("oc,ck,bk,chw->bohw", G.to_pixels.weight[:, :, 0, 0], G.weigh.weight, z, G.basis)
    torch.testing.assert_close(G(z), expected)


def test_gain_makes_up_for_what_the_leaky_relu_takes(r3gan):
    """A million normal numbers, through the ReLU and times the gain, have mean square 1 within 5 standard errors."""
    squares = (r3gan.GAIN * F.leaky_relu(normal(1_000_000), r3gan.SLOPE)).square()
    assert abs(squares.mean().item() - 1) < 5 * squares.std().item() / 1000


def test_signal_keeps_its_size_through_both_untrained_networks(r3gan):
    """Unit noise gives pixels of about unit variance, and unit pixels logits of about the same, at any depth."""
    torch.manual_seed(0)
    G = r3gan.ImageGenerator((1, 8, 8), 64, 256, 2, 16, 0)
    assert G.basis.std().item() == pytest.approx(1, rel=0.05)
    with torch.no_grad():
        assert G.weigh(torch.randn(500, 64)).var().item() == pytest.approx(1, rel=0.1)
        assert 0.2 < G(torch.randn(200, 64)).var().item() < 2
        low = torch.randn(200, 1, 1, 1) * torch.ones(1, 1, 8, 8)  # bilinear means would cancel white noise
        # an untrained D multiplies a flat image by one random number, whose square has the mean 1
        squares = [r3gan.ImageDiscriminator((1, 8, 8), 32, 2, 16, 0)(low).var().item() for _ in range(200)]
        assert np.mean(squares) == pytest.approx(low.var().item(), rel=0.5)


def test_class_of_the_generator_is_embedded_beside_z(r3gan):
    G = shaken(tiny(r3gan).model["generator"])
    z, labels = torch.randn(4, 5, generator=seeded()), torch.tensor([0, 3, 3, 9])
    beside = torch.cat([z, G.embed.weight.T[labels]], dim=1)
    expected = G.to_pixels(G.stages((beside @ G.weigh.weight.T)[:, :, None, None] * G.basis))
    torch.testing.assert_close(G(z, labels), expected)
    assert not torch.allclose(G(z, labels), G(z, (labels + 1) % 10))
    assert G.embed.weight.shape == (5, 10)


def test_class_of_the_discriminator_is_an_inner_product_with_its_features(r3gan):
    D = shaken(tiny(r3gan).model["discriminator"])
    x, labels = batch_of(4).x, torch.tensor([0, 3, 3, 9])
    features = D.head(D.basis(D.stages(D.from_pixels(x))).flatten(1))
    assert features.shape == (4, 4)
    expected = torch.stack([features[i] @ D.embed.weight[:, labels[i]] for i in range(4)])
    torch.testing.assert_close(D(x, labels), expected)
    assert D.basis.weight.shape == (4, 1, 4, 4)  # each channel alone
    assert D.head.bias is None


def test_conditional_first_weights_are_scaled_by_their_fan_in(r3gan):
    torch.manual_seed(0)
    G, D = r3gan.ImageGenerator((1, 4, 4), 400, 8, 1, 4, 10), r3gan.ImageDiscriminator((1, 4, 4), 400, 1, 4, 10)
    assert G.embed.weight.std().item() == pytest.approx(1 / math.sqrt(10), rel=0.05)
    assert D.embed.weight.std().item() == pytest.approx(1 / math.sqrt(10 * 400), rel=0.05)
    assert D.head.weight.std().item() == pytest.approx(1 / math.sqrt(400), rel=0.05)


def test_networks_have_the_stated_number_of_blocks_at_each_resolution(r3gan):
    for shape, n in [((1, 8, 8), 1), ((1, 28, 28), 2)]:
        G, D = r3gan.ImageGenerator(shape, 5, 32, 3, 4, 0), r3gan.ImageDiscriminator(shape, 32, 3, 4, 0)
        for net, between in ((G, [nn.Conv2d, r3gan.Up]), (D, [r3gan.Down, nn.Conv2d])):
            kinds = [type(stage) for stage in net.stages]
            assert kinds == ([r3gan.Block] * 3 + between) * n + [r3gan.Block] * 3
            L = 3 * (n + 1)
            std = torch.cat(
                [
                    math.sqrt(s.expand.in_channels) * s.expand.weight.flatten()
                    for s in net.stages
                    if isinstance(s, r3gan.Block)
                ]
            ).std()
            assert std.item() == pytest.approx(math.sqrt(2 / 1.04) * L**-0.25, rel=0.05)


def test_channels_halve_with_each_doubling_of_the_resolution(r3gan):
    """Seen from outside: what each stage passes on. The 1x1 convolutions between have gain 1 and no bias."""
    torch.manual_seed(0)
    G, D = r3gan.ImageGenerator((1, 28, 28), 5, 64, 1, 4, 0), r3gan.ImageDiscriminator((1, 28, 28), 64, 1, 4, 0)
    rising = [(64, 7), (64, 7), (32, 7), (32, 14), (32, 14), (16, 14), (16, 28), (16, 28)]
    falling = [(16, 28), (16, 28), (16, 14), (32, 14), (32, 14), (32, 7), (64, 7), (64, 7)]
    for net, x, sizes in ((G, torch.randn(1, 64, 7, 7), rising), (D, torch.randn(1, 16, 28, 28), falling)):
        assert x.shape[1:3] == sizes[0]
        for stage, size in zip(net.stages, sizes[1:], strict=True):
            x = stage(x)
            assert x.shape[1:3] == size
        for conv in (stage for stage in net.stages if isinstance(stage, nn.Conv2d)):
            assert conv.bias is None
            assert conv.weight.std().item() == pytest.approx(1 / math.sqrt(conv.in_channels), rel=0.1)
    assert r3gan.widths(24, 0, 16) == [24]
    assert r3gan.widths(32, 2, 16) == [32, 16, 8]


def test_channels_that_do_not_halve_into_groups_are_refused_by_name(r3gan):
    for width, n, group, step in ((16, 2, 16, 32), (12, 0, 16, 8), (6, 2, 1, 4), (4, 1, 3, 6)):
        with pytest.raises(ValueError, match=f"width is {width}; expected a multiple of {step}, "):
            r3gan.widths(width, n, group)
    with pytest.raises(ValueError, match="width is 16"):
        r3gan.R3GAN(r3gan.R3GANConfig(width=16), Spec((1, 28, 28), 10, 0))


def test_every_parameter_receives_a_gradient(r3gan):
    """Zeros at the start hide what lies behind, so the weights are moved a little first."""
    for spec, conditional in ((DIGITS, True), (DIGITS, False), (PLANE, False), (Spec((2,), 10, 0), True)):
        method = tiny(r3gan, spec, conditional=conditional, width=8)
        shaken(method.model, 0.5)  # enough that no unit stays on one side for all examples
        for player in method.players():
            loss = player.loss(batch_of(200, spec), seeded())
            named = dict(player.model.named_parameters())
            for name, g in zip(named, torch.autograd.grad(loss, list(named.values())), strict=True):
                assert g.abs().max() > 1e-9, name
        assert {id(p) for p in method.model.parameters()} == {
            id(p) for player in method.players() for p in player.model.parameters()
        }


def test_a_last_bias_of_D_is_left_out_since_no_pair_would_train_it(r3gan):
    D = tiny(r3gan, PLANE).model["discriminator"]
    assert D.layers[-1].bias is None
    assert all(layer.bias is not None for layer in D.layers[:-1] if isinstance(layer, nn.Linear))
    slope = nn.Parameter(torch.tensor(0.3))
    net = lambda x, labels: x[:, 0] * 2 + slope  # noqa: E731
    loss = r3gan.discriminator_loss(net, torch.randn(4, 1), torch.randn(4, 1), None, 1.0)
    assert torch.autograd.grad(loss, slope)[0].item() == pytest.approx(0, abs=1e-6)


# ---------------------------------------------------------------------------------------- the method as a whole


def test_a_move_of_one_player_leaves_the_other_as_it_was(r3gan):
    method = tiny(r3gan)
    shaken(method.model)
    before = {name: value.clone() for name, value in method.model.state_dict().items()}
    for mover, other in (method.players(), method.players()[::-1]):
        state = {name: value.clone() for name, value in other.model.state_dict().items()}
        optimiser = torch.optim.Adam(mover.model.parameters(), lr=1e-2)
        engine.move(mover, optimiser, batch_of(4), seeded(), 0.0)
        assert all(torch.equal(state[name], value) for name, value in other.model.state_dict().items())
    moved = [name for name, value in method.model.state_dict().items() if not torch.equal(before[name], value)]
    assert len(moved) == len(before)


def test_players_lower_the_losses_of_the_formulas_on_fakes_of_their_partners_class(r3gan):
    for conditional in (True, False):
        method = tiny(r3gan, conditional=conditional)
        shaken(method.model)
        G, D = method.model["generator"], method.model["discriminator"]
        some = batch_of(4)
        labels = some.labels if conditional else None
        fake = G(torch.randn(4, 5, generator=seeded(3)), labels)
        first, second = method.players()
        assert (first.name, second.name) == ("discriminator", "generator")
        assert (first.model, second.model) == (D, G)
        gamma = r3gan.gamma_at(1, (0.4, 0.2), 10)
        torch.testing.assert_close(
            first.loss(some, seeded(3)), r3gan.discriminator_loss(D, some.x, fake, labels, gamma)
        )
        torch.testing.assert_close(second.loss(some, seeded(3)), r3gan.generator_loss(D, some.x, fake, labels))


def test_samples_are_of_the_classes_asked_for_and_evenly_drawn_where_none_is(r3gan):
    method = tiny(r3gan)
    G = shaken(method.model["generator"])
    labels = torch.tensor([7, 7, 1])
    expected = G(torch.randn(3, 5, generator=seeded(2)), labels)
    torch.testing.assert_close(method.sample(3, labels, seeded(2)), expected)
    seen = []
    method.generate = lambda n, labels, generator: seen.append(labels) or torch.zeros(n, 1, 8, 8)
    method.sample(5000, None, seeded())
    counts = np.bincount(seen[0], minlength=10)
    assert len(counts) == 10
    assert ((counts - 500) ** 2 / 500).sum() < 44  # chi-square with 9 degrees of freedom, p < 1e-6
    unconditional = tiny(r3gan, conditional=False)
    assert unconditional.classes == 0
    assert torch.equal(unconditional.sample(3, labels, seeded(2)), unconditional.sample(3, None, seeded(2)))


def test_noise_is_standard_normal_at_each_stop_of_the_walk(r3gan):
    """A straight line between two z would pass through too small ones, which G has never seen."""
    method, seen = tiny(r3gan, conditional=False, d_z=4000), []

    class Spy(nn.Module):
        def forward(self, z, labels):
            seen.append((z, labels))
            return torch.zeros(len(z), 1, 8, 8)

    method.model["generator"] = Spy()
    assert method.pictures(DATA, seeded())["walk"].shape == (8, 10, 1, 8, 8)
    z = seen[0][0].unflatten(0, (8, 10))
    torch.testing.assert_close(z.std(dim=2), torch.ones(8, 10), rtol=0.08, atol=0)
    at_ends = (z[:, 0] * z[:, -1]).mean(dim=1)
    assert at_ends.abs().max() < 0.1  # two noises that know nothing of each other
    alike = z[:, 0] @ z[:, 0].T / 4000
    assert (alike - torch.eye(8)).abs().max() < 0.1  # nor do the rows
    halfway = (z[:, 0] + z[:, 9])[:, None] / 2
    assert ((z[:, 4:6] - halfway).abs().mean() > 0.1).all()
    steps = z.diff(dim=1).norm(dim=2)
    torch.testing.assert_close(
        steps, steps[:, :1].expand_as(steps), rtol=0.06, atol=0
    )  # the ends are nearly orthogonal
    assert seen[0][1] is None
    conditional = tiny(r3gan)
    conditional.model["generator"] = Spy()
    conditional.pictures(DATA, seeded())
    assert seen[1][1].tolist() == [c for c in range(10) for _ in range(10)]
    assert tiny(r3gan, PLANE).pictures(DATA, seeded()) == {}


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 7, 5), (1, 9, 8), (2, 1, 1), (1, 28, 28)])
def test_batch_of_one_and_odd_sizes(r3gan, shape):
    spec = Spec(shape, 10, 0)
    method = tiny(r3gan, spec, width=8)
    for player in method.players():
        assert player.loss(batch_of(1, spec), seeded()).isfinite()
    assert method.sample(1, None, seeded()).shape == (1, *shape)
    assert method.pictures(DATA, seeded())["walk"].shape == (10, 10, *shape)


def test_same_seed_same_bits_other_seed_other_bits(r3gan):
    method = tiny(r3gan)
    shaken(method.model)
    draws = [lambda g, player=player: player.loss(batch_of(4), g) for player in method.players()]
    for draw in [*draws, lambda g: method.sample(3, None, g), lambda g: method.pictures(DATA, g)["walk"]]:
        torch.manual_seed(1)
        first = draw(seeded(1))
        torch.manual_seed(2)
        assert torch.equal(draw(seeded(1)), first)
        assert not torch.equal(draw(seeded(2)), first)


def test_evaluation_is_the_common_one(r3gan):
    x, y = torch.rand(40, 2, generator=seeded()), torch.zeros(40).long()
    data = Data("gaussians", x[:30], y[:30], x[30:], y[30:])
    assert tiny(r3gan, PLANE).evaluate(data, x, None, seeded())["modes_missed"] > 0


# ------------------------------------------------------------------------------------------------- messages


def test_bad_values_name_field_value_and_what_is_expected(r3gan):
    for kwargs, parts in [
        ({"gamma": (-1.0, 0.1)}, ["gamma is (-1.0, 0.1)", ">= 0"]),
        ({"gamma": (1.0, math.inf)}, ["gamma is (1.0, inf)", ">= 0"]),
        ({"gamma": (1.0,)}, ["gamma is (1.0,)", "two weights"]),
        ({"burn_in": -1}, ["burn_in is -1", ">= 0"]),
        ({"d_z": 0}, ["d_z is 0", ">= 1"]),
        ({"width": 12, "group": 16}, ["width is 12", "groups of 16"]),
        ({"width": 0}, ["width is 0", "groups of"]),
        ({"group": 0}, ["group is 0", ">= 1"]),
        ({"blocks": 0}, ["blocks is 0", ">= 1"]),
    ]:
        with pytest.raises((ValueError, TypeCheckError)) as caught:
            unchecked(r3gan.R3GANConfig)(**kwargs)
        if not isinstance(caught.value, ValueError):
            continue  # beartype saw the bad length first
        assert all(part in str(caught.value) for part in parts), caught.value


def test_labels_that_are_missing_or_no_class_are_refused(r3gan):
    method = tiny(r3gan)
    for net, x in (
        (method.model["generator"], torch.zeros(2, 5)),
        (method.model["discriminator"], torch.zeros(2, 1, 8, 8)),
    ):
        for labels in (None, torch.tensor([0, 10]), torch.tensor([-1, 3])):
            with pytest.raises(ValueError, match=r"expected one class in 0\.\.9"):
                net(x, labels)


def test_presets_are_the_papers_where_they_can_be(r3gan):
    for preset in r3gan.PRESETS.values():
        assert preset.train.betas[0] == 0
        assert preset.train.grad_clip == 0
        assert preset.config.gamma[0] >= preset.config.gamma[1] > 0
        assert 0 < preset.config.burn_in <= preset.train.steps
