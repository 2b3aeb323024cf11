"""Proofs of wgan_gp.py. Each holds the code against something worked out another way; the mutation run breaks the code
line by line and asks that one of these fails.

Statistical bounds are stated as numbers of standard errors; seeds are fixed, so a test that passes once passes always.
"""

import inspect
import itertools
import math
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from scipy import optimize, stats
from torch import nn
from torch.nn import functional as F

from reference_impl.data import Data, Spec
from reference_impl.engine import Batch

F64 = torch.float64
SMALL = {"d_z": 3, "g_width": 4, "d_width": 4}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = F64) -> torch.Tensor:
    return torch.randn(*shape, generator=seeded(seed), dtype=dtype)


def uniform(n: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, generator=seeded(seed), dtype=F64)


def unchecked(function):
    """The function without the tests' own checks of shapes: what a user meets."""
    return inspect.unwrap(function)


def small(wgan_gp, shape=(1, 9, 8), classes: int = 0, **settings):
    """A game of small networks, with weights away from where they start."""
    torch.manual_seed(0)
    method = wgan_gp.WGANGP(wgan_gp.WGANGPConfig(**{**SMALL, **settings}), Spec(shape, classes, 0))
    with torch.no_grad():
        for p in method.model.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return method


def batch_of(n: int, shape=(1, 9, 8), classes: int = 1) -> Batch:
    return Batch(normal(n, *shape, seed=5, dtype=torch.float32).tanh(), torch.arange(n) % classes)


def linear(w: torch.Tensor):
    """The critic D(x) = <w, x>, whose gradient is w everywhere."""
    return lambda x: (x * w).flatten(1).sum(dim=1)


def quadratic(A: torch.Tensor):
    """The critic D(x) = <x, A x> / 2, whose gradient is A x."""
    return lambda x: ((x.flatten(1) @ A) * x.flatten(1)).sum(dim=1) / 2


def symmetric(d: int, seed: int = 0) -> torch.Tensor:
    A = normal(d, d, seed=seed)
    return A + A.T


def smooth_critic(d: int, seed: int = 0, dtype: torch.dtype = F64) -> nn.Sequential:
    """A small network with smooth units, so that finite differences are exact to many digits."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(d, 5), nn.Tanh(), nn.Linear(5, 1), nn.Flatten(0)).to(dtype)


def differences(loss, weights: list[torch.Tensor], step: float = 1e-6) -> torch.Tensor:
    """The gradient of the loss by central differences, weight by weight."""
    found = []
    for weight in weights:
        flat = weight.detach().view(-1)
        for i in range(len(flat)):
            held = flat[i].item()
            flat[i] = held + step
            up = loss().item()
            flat[i] = held - step
            down = loss().item()
            flat[i] = held
            found.append((up - down) / (2 * step))
    return torch.tensor(found, dtype=F64)


def gradient(loss, weights: list[torch.Tensor]) -> torch.Tensor:
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss(), weights)])


# ------------------------------------------------------------------------------------ the distance, and its dual


def test_earth_mover_is_the_least_work_over_all_couplings(wgan_gp):
    """Against the best of all 720 couplings, a linear assignment, and scipy's integral of |F_x - F_y|."""
    x, y = normal(6, seed=1), 2 * normal(6, seed=2) + 0.7
    work = (x[:, None] - y).abs().numpy()
    least = min(work[range(6), p].mean() for p in itertools.permutations(range(6)))
    assert wgan_gp.earth_mover(x, y).item() == pytest.approx(least, rel=1e-12)
    x, y = normal(80, seed=3), normal(80, seed=4).exp()
    work = (x[:, None] - y).abs().numpy()
    assert wgan_gp.earth_mover(x, y).item() == pytest.approx(work[optimize.linear_sum_assignment(work)].mean())
    assert wgan_gp.earth_mover(x, y).item() == pytest.approx(stats.wasserstein_distance(x, y))


@pytest.mark.parametrize("shift", [0.8, -1.7])
def test_a_shift_costs_its_length_and_plus_or_minus_x_attains_it(wgan_gp, shift):
    fake = normal(50)
    real = fake + shift
    assert wgan_gp.earth_mover(real, fake).item() == pytest.approx(abs(shift))
    sign = math.copysign(1, shift)
    assert wgan_gp.wasserstein(sign * real, sign * fake).item() == pytest.approx(abs(shift))
    assert wgan_gp.wasserstein(-sign * real, -sign * fake).item() == pytest.approx(-abs(shift))


def folded(knots: torch.Tensor, slopes: torch.Tensor):
    """A piecewise linear function of those slopes, continuous: 1-Lipschitz if they are in [-1, 1]."""
    rises = torch.cat([torch.zeros(1, dtype=F64), (slopes[1:-1] * knots.diff()).cumsum(0)])

    def f(x: torch.Tensor) -> torch.Tensor:
        i = torch.searchsorted(knots, x)
        base = (i - 1).clamp(min=0)
        return rises[base] + slopes[i] * (x - knots[base])

    return f


def test_no_1_lipschitz_critic_exceeds_the_distance(wgan_gp):
    """Two hundred random ones, and some that people would try, against scipy's distance."""
    real, fake = normal(300, seed=1), 1.5 * normal(300, seed=2) + 0.4
    distance = stats.wasserstein_distance(real, fake)
    tried = [torch.sin, torch.tanh, torch.abs, lambda x: x, lambda x: -x, lambda x: x.clamp(-1, 1)]
    for seed in range(200):
        knots = normal(9, seed=seed).sort().values
        tried.append(folded(knots, 2 * uniform(10, seed) - 1))
    values = [abs(wgan_gp.wasserstein(f(real), f(fake)).item()) for f in tried]
    assert max(values) <= distance + 1e-12
    assert max(values) > 0.5 * distance  # the bound is not an idle one


def test_the_best_critic_attains_the_distance(wgan_gp):
    """Its slope is 1 where mass has to go up and -1 where it has to go down, by the sign of F_fake - F_real."""
    real, fake = normal(300, seed=1), 1.5 * normal(300, seed=2) + 0.4
    knots = torch.cat([real, fake]).sort().values
    below = lambda x: (x[:, None] <= knots[:-1]).double().mean(dim=0)  # noqa: E731
    up = torch.sign(below(fake) - below(real))
    f = folded(knots, torch.cat([torch.zeros(1, dtype=F64), up, torch.zeros(1, dtype=F64)]))
    assert wgan_gp.wasserstein(f(real), f(fake)).item() == pytest.approx(stats.wasserstein_distance(real, fake))


def test_a_critic_k_times_as_steep_says_k_times_the_distance(wgan_gp):
    """So the losses of critics that are held to different slopes cannot be compared."""
    fake = normal(50)
    values = [wgan_gp.wasserstein(K * (fake + 0.5), K * fake).item() for K in (1, 2, 7)]
    assert values == pytest.approx([0.5, 1.0, 3.5])


def test_real_and_generated_batches_may_differ_in_size(wgan_gp):
    real, fake = normal(3), normal(7)
    assert wgan_gp.wasserstein(real, fake).item() == pytest.approx(np.mean(real.numpy()) - np.mean(fake.numpy()))


# ------------------------------------------------------------------------------------------------ interpolates


def test_interpolates_run_from_the_generated_to_the_real_example(wgan_gp):
    real, fake = normal(3, 2, 2, 2, seed=1), normal(3, 2, 2, 2, seed=2)
    x_hat = wgan_gp.interpolate(real, fake, torch.tensor([0.0, 0.25, 1.0], dtype=F64))
    torch.testing.assert_close(x_hat[0], fake[0])
    torch.testing.assert_close(x_hat[1], fake[1] + (real[1] - fake[1]) / 4)
    torch.testing.assert_close(x_hat[2], real[2])
    points = wgan_gp.interpolate(real.flatten(1), fake.flatten(1), torch.tensor([0.0, 0.25, 1.0], dtype=F64))
    torch.testing.assert_close(points, x_hat.flatten(1))


class Spy(nn.Module):
    """Stands in for a network: notes what it was given and answers with a function of it."""

    def __init__(self, answer) -> None:
        super().__init__()
        self.answer, self.seen = answer, []

    def forward(self, x, labels=None):
        self.seen.append((x, labels))
        return self.answer(x)


def test_eps_is_uniform_one_for_each_example_and_the_same_for_its_pixels(wgan_gp):
    """Where all that is real is 1 and all that is generated is 0, the interpolate shows eps itself."""
    method, n = small(wgan_gp, (1, 2, 2)), 4000
    method.G = Spy(lambda z: torch.zeros(len(z), 1, 2, 2))
    method.D = Spy(lambda x: x.square().flatten(1).sum(dim=1))
    method.critic_loss(Batch(torch.ones(n, 1, 2, 2), torch.zeros(n).long()), seeded())
    ((real, _), (fake, _), (x_hat, _)) = method.D.seen
    assert (real == 1).all()
    assert (fake == 0).all()
    eps = x_hat.detach().flatten(1)
    assert torch.equal(eps, eps[:, :1].expand_as(eps))
    assert len(eps[:, 0].unique()) > 0.99 * n
    assert stats.kstest(eps[:, 0].numpy(), "uniform").pvalue > 1e-6


# ---------------------------------------------------------------------------------------- the gradient penalty


@pytest.mark.parametrize("shape", [(2,), (1, 3, 3), (3, 4, 5)])
def test_penalty_of_a_linear_critic_is_exact_for_every_batch(wgan_gp, shape):
    """(|w| - 1)^2, with the norm over all numbers of the image: not by channel, row or pixel."""
    w = 0.4 * normal(*shape, seed=3)
    for n in (1, 2, 7):
        x = normal(n, *shape, seed=n)
        norms = wgan_gp.gradient_norm(linear(w), x)
        assert norms.shape == (n,)
        assert norms.tolist() == pytest.approx([math.sqrt((w.numpy() ** 2).sum())] * n)
        expected = (math.sqrt((w.numpy() ** 2).sum()) - 1) ** 2
        assert wgan_gp.gradient_penalty(linear(w), x).item() == pytest.approx(expected)


def test_a_norm_over_one_axis_punishes_a_critic_that_is_right(wgan_gp):
    """`gradients.norm(2, dim=1)` on [b c h w], as in a widely copied file: one norm for each pixel."""
    w = torch.full((1, 8, 8), 1 / 8, dtype=F64)  # |w| = 1
    x = normal(3, 1, 8, 8).requires_grad_()
    assert wgan_gp.gradient_penalty(linear(w), x).item() == pytest.approx(0, abs=1e-12)
    (copied,) = torch.autograd.grad(linear(w)(x).sum(), x)
    assert ((copied.norm(2, dim=1) - 1) ** 2).mean().item() == pytest.approx((7 / 8) ** 2)
    # with that norm, the critic for which nothing is left to punish is 8 times as steep
    assert wgan_gp.gradient_norm(linear(8 * w), x.detach()).tolist() == pytest.approx([8.0] * 3)


def test_penalty_of_a_quadratic_critic_is_the_closed_form_at_the_interpolates(wgan_gp):
    A, eps = symmetric(6), uniform(5)
    real, fake = normal(5, 1, 2, 3, seed=1), normal(5, 1, 2, 3, seed=2)
    x_hat = wgan_gp.interpolate(real, fake, eps)
    e = eps.numpy()[:, None]
    at = (e * real.flatten(1).numpy() + (1 - e) * fake.flatten(1).numpy()) @ A.numpy()
    norms = np.sqrt((at**2).sum(axis=1))
    np.testing.assert_allclose(wgan_gp.gradient_norm(quadratic(A), x_hat).detach(), norms, rtol=1e-12)
    assert wgan_gp.gradient_penalty(quadratic(A), x_hat).item() == pytest.approx(np.mean((norms - 1) ** 2))


def test_both_sides_of_1_are_punished(wgan_gp):
    for steepness, expected in ((0.0, 1.0), (0.5, 0.25), (1.0, 0.0), (2.0, 1.0)):
        w = torch.tensor([0.6, -0.8], dtype=F64) * steepness
        assert wgan_gp.gradient_penalty(linear(w), normal(4, 2)).item() == pytest.approx(expected, abs=1e-15)


def test_penalty_reaches_the_critics_weights(wgan_gp):
    """Of a linear critic, the gradient is 2 (|w| - 1) w / |w|. Without a graph of the gradient it would be missing."""
    w = normal(3, seed=3).requires_grad_()
    (found,) = torch.autograd.grad(wgan_gp.gradient_penalty(linear(w), normal(4, 3)), w)
    v = w.detach()
    torch.testing.assert_close(found, 2 * (v.norm() - 1) * v / v.norm())
    x = normal(4, 3).requires_grad_()
    (copied,) = torch.autograd.grad(linear(w)(x).sum(), x)  # no create_graph
    assert not copied.requires_grad


def test_gradient_of_the_penalty_equals_finite_differences(wgan_gp):
    D, x_hat = smooth_critic(6), normal(4, 1, 2, 3)
    weights = [p for name, p in D.named_parameters() if name != "3.bias"]  # the slope does not see the offset
    loss = lambda: wgan_gp.gradient_penalty(D, x_hat)  # noqa: E731
    torch.testing.assert_close(gradient(loss, weights), differences(loss, weights), rtol=1e-6, atol=1e-8)


def test_a_critic_that_is_flat_gets_finite_gradients(wgan_gp):
    """A square root of the sum of squares has NaN there, and one step of it ends the run."""
    w, x = torch.zeros(4, requires_grad=True), torch.ones(3, 4)
    penalty = wgan_gp.gradient_penalty(linear(w), x)
    assert penalty.item() == 1
    assert torch.equal(torch.autograd.grad(penalty, w)[0], torch.zeros(4))
    x.requires_grad_()
    (g,) = torch.autograd.grad(linear(w)(x).sum(), x, create_graph=True)
    copied = ((g.square().sum(dim=1).sqrt() - 1) ** 2).mean()
    assert torch.autograd.grad(copied, w)[0].isnan().all()


def test_penalty_can_be_measured_where_gradients_are_switched_off(wgan_gp):
    w = torch.tensor([3.0, 4.0])
    with torch.no_grad():
        assert wgan_gp.gradient_norm(linear(w), torch.ones(2, 2)).tolist() == [5.0, 5.0]


# --------------------------------------------------------------------------------------------- the two losses


def test_critic_loss_is_eq_3_worked_out_by_hand(wgan_gp):
    A, eps = symmetric(6), uniform(5)
    real, fake = normal(5, 1, 2, 3, seed=1), normal(5, 1, 2, 3, seed=2)
    x, y, e = real.flatten(1).numpy(), fake.flatten(1).numpy(), eps.numpy()[:, None]
    value = lambda v: np.einsum("bi,ij,bj->b", v, A.numpy(), v) / 2  # noqa: E731
    slope = np.linalg.norm((e * x + (1 - e) * y) @ A.numpy(), axis=1)
    for lam in (0.0, 0.3, 10.0):
        terms = value(y) - value(x) + lam * (slope - 1) ** 2  # line 7 of Algorithm 1, example by example
        loss = wgan_gp.critic_loss(quadratic(A), real, fake, eps, lam)
        assert loss.item() == pytest.approx(terms.mean(), rel=1e-12)
    assert wgan_gp.critic_loss(quadratic(A), real, fake, eps).item() == pytest.approx(terms.mean())  # lambda = 10


def test_gradient_of_the_critics_loss_equals_finite_differences(wgan_gp):
    D, eps = smooth_critic(6), uniform(4)
    real, fake = normal(4, 1, 2, 3, seed=1), normal(4, 1, 2, 3, seed=2)
    weights = list(D.parameters())
    loss = lambda: wgan_gp.critic_loss(D, real, fake, eps)  # noqa: E731
    torch.testing.assert_close(gradient(loss, weights), differences(loss, weights), rtol=1e-6, atol=1e-7)


def test_gradient_of_the_generators_loss_equals_finite_differences(wgan_gp):
    D, G, z = smooth_critic(6), nn.Linear(3, 6).double(), normal(4, 3)
    weights = list(G.parameters())
    loss = lambda: wgan_gp.generator_loss(D(G(z)))  # noqa: E731
    assert loss().item() == pytest.approx(-np.mean(D(G(z)).detach().numpy()))
    torch.testing.assert_close(gradient(loss, weights), differences(loss, weights), rtol=1e-6, atol=1e-8)


def test_the_penalty_is_soft_and_the_best_linear_critic_is_too_steep_by_w_over_2_lambda(wgan_gp):
    """For a shift s, D(x) = K x has the loss -K s + lambda (K - 1)^2: least at K = 1 + s / (2 lambda)."""
    s, fake, eps = 1.6, normal(40, 1), uniform(40)
    for lam in (0.5, 10.0):
        K = torch.tensor(1 + s / (2 * lam), dtype=F64, requires_grad=True)
        loss = wgan_gp.critic_loss(lambda x, K=K: K * x.squeeze(1), fake + s, fake, eps, lam)
        assert torch.autograd.grad(loss, K)[0].item() == pytest.approx(0, abs=1e-12)
        assert loss.item() == pytest.approx(-(s + s**2 / (4 * lam)))


def test_on_the_line_a_critic_of_the_wrong_sign_sits_in_a_valley_of_its_own(wgan_gp):
    """To turn, its slope must pass 0, where the penalty is highest. In the plane it can turn without becoming flat."""
    s, lam, fake, eps = 1.6, 10.0, normal(40, 1), uniform(40)
    loss = lambda K: wgan_gp.critic_loss(lambda x: K * x.squeeze(1), fake + s, fake, eps, lam).item()  # noqa: E731
    wrong, right = -(1 - s / (2 * lam)), 1 + s / (2 * lam)
    assert loss(wrong) < min(loss(wrong - 0.01), loss(wrong + 0.01))
    assert loss(wrong) - loss(right) == pytest.approx(2 * s)
    assert max(loss(K) for K in np.linspace(wrong, right, 50)) > loss(wrong) + 0.8 * lam
    w = torch.tensor([wrong, 0.0], dtype=F64)  # the same critic of points in the plane, beside a noise that both share
    points = torch.cat([fake, normal(40, 1, seed=1)], dim=1)
    turned = [
        wgan_gp.critic_loss(linear(R @ w), points + torch.tensor([s, 0.0]), points, eps, lam).item()
        for R in (torch.tensor([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]], dtype=F64) for a in
                  np.linspace(0, math.pi, 50))
    ]  # fmt: skip
    assert (np.diff(turned) < 0).all()  # downhill all the way


def test_an_offset_of_the_critic_changes_nothing(wgan_gp):
    """So the networks have none in their last layer: it would receive no gradient but rounding errors."""
    A, eps = symmetric(4), uniform(5)
    real, fake = normal(5, 4, seed=1), normal(5, 4, seed=2)
    shifted = lambda x: quadratic(A)(x) + 3  # noqa: E731
    loss = wgan_gp.critic_loss(quadratic(A), real, fake, eps)
    assert wgan_gp.critic_loss(shifted, real, fake, eps).item() == pytest.approx(loss.item())
    for shape in ((2,), (1, 9, 8)):
        last = [m for m in small(wgan_gp, shape).D.modules() if isinstance(m, nn.Linear)][-1]
        assert last.bias is None


# ------------------------------------------------------------------------------------------------ the networks


@pytest.mark.parametrize(("shape", "classes"), [((2,), 0), ((2,), 3), ((1, 9, 8), 0), ((1, 9, 8), 3)])
def test_the_critic_looks_at_one_example_at_a_time(wgan_gp, shape, classes):
    """In training too. The gradient of the sum over the batch is then each example's own."""
    D, batch = small(wgan_gp, shape, classes).D.train(), batch_of(6, shape, max(classes, 1))
    labels = batch.labels if classes else None
    together = D(batch.x, labels)
    alone = torch.cat([D(batch.x[i : i + 1], None if labels is None else labels[i : i + 1]) for i in range(6)])
    torch.testing.assert_close(together, alone)
    norms = wgan_gp.gradient_norm(lambda x: D(x, labels), batch.x)
    for i in range(6):
        one = lambda x, i=i: D(x, None if labels is None else labels[i : i + 1])  # noqa: E731
        jacobian = torch.autograd.functional.jacobian(one, batch.x[i : i + 1])
        assert norms[i].item() == pytest.approx(jacobian.norm().item(), rel=1e-4)


def test_with_batch_norm_the_gradient_of_the_sum_is_nobodys_slope(wgan_gp):
    """A shift of the whole batch leaves the values unchanged: each example seems flat, and none of them is."""
    D = nn.Sequential(nn.BatchNorm1d(1, affine=False), nn.Flatten(0)).double().train()
    x = normal(6, 1)
    assert wgan_gp.gradient_norm(D, x).max().item() < 1e-9
    own = torch.autograd.functional.jacobian(D, x).squeeze(2).diagonal()
    assert own.abs().min().item() > 0.3


def test_layer_norm_is_torchs_over_channels_and_places_with_an_affine_map_by_channel(wgan_gp):
    norm, x = wgan_gp.layer_norm(3), normal(4, 3, 2, 5, dtype=torch.float32)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([1.0, 2.0, -1.0]))
        norm.bias.copy_(torch.tensor([0.0, 0.5, 3.0]))
    expected = F.layer_norm(x, (3, 2, 5)) * norm.weight[:, None, None] + norm.bias[:, None, None]
    torch.testing.assert_close(norm(x), expected)


@pytest.mark.parametrize(("h", "w", "expected"), [
    (8, 8, [(8, 8), (4, 4)]),
    (28, 28, [(28, 28), (14, 14), (7, 7)]),
    (9, 5, [(9, 5), (5, 3)]),
    (5, 9, [(5, 9), (3, 5)]),
    (7, 7, [(7, 7)]),
    (1, 1, [(1, 1)]),
])  # fmt: skip
def test_scales_halve_down_to_7(wgan_gp, h, w, expected):
    assert wgan_gp.scales(h, w) == expected


@pytest.mark.parametrize("classes", [0, 3])
def test_image_critic_is_what_torchs_functions_make_of_its_weights(wgan_gp, classes):
    """Convolutions, layer norm, leaky ReLU; of the last map the shared row and the row of the example's class."""
    D, batch = small(wgan_gp, (2, 9, 8), classes).D, batch_of(5, (2, 9, 8), max(classes, 1))
    x = F.leaky_relu(F.conv2d(batch.x, D.enter.weight, D.enter.bias, padding=1), 0.2)
    x = F.conv2d(x, D.convs[0].weight, D.convs[0].bias, stride=2, padding=1)
    x = F.layer_norm(x, x.shape[1:]) * D.norms[0].weight[:, None, None] + D.norms[0].bias[:, None, None]
    x = F.leaky_relu(x, 0.2).flatten(1)
    weight = D.leave.weight
    rows = weight[0] + (weight[1:][batch.labels] if classes else 0)
    torch.testing.assert_close(D(batch.x, batch.labels if classes else None), (x * rows).sum(dim=1))


@pytest.mark.parametrize("classes", [0, 3])
def test_image_generator_is_what_torchs_functions_make_of_its_weights(wgan_gp, classes):
    G, z, y = small(wgan_gp, (2, 9, 8), classes).G, normal(5, 3, dtype=torch.float32), torch.arange(5) % 3
    x = F.linear(torch.cat([z, F.one_hot(y, 3).float()], dim=1) if classes else z, G.enter.weight, G.enter.bias)
    x = x.reshape(5, 8, 5, 4)
    for i, size in enumerate([(9, 8), None]):
        norm, conv = G.norms[i], G.convs[i]
        x = F.layer_norm(x, x.shape[1:]) * norm.weight[:, None, None] + norm.bias[:, None, None]
        x = F.relu(x)
        x = x if size is None else x[:, :, torch.arange(9) * 5 // 9][:, :, :, torch.arange(8) * 4 // 8]
        x = F.conv2d(x, conv.weight, conv.bias, padding=1)
    torch.testing.assert_close(G(z, y if classes else None), x.tanh())


@pytest.mark.parametrize("shape", [(2,), (1, 9, 8)])
def test_both_players_see_the_class(wgan_gp, shape):
    method = small(wgan_gp, shape, 3)
    x, z = batch_of(1, shape).x.expand(3, *shape), normal(1, 3, dtype=torch.float32).expand(3, 3)
    y = torch.arange(3)
    assert len(method.D(x, y).unique()) == 3
    made = method.G(z, y)
    assert min((made[i] - made[j]).abs().max().item() for i, j in ((0, 1), (0, 2), (1, 2))) > 1e-3
    blind = small(wgan_gp, shape, 3, conditional=False)
    assert blind.classes == 0
    (critic, generator), batch = blind.players(), batch_of(3, shape, 3)
    for player in (critic, generator):
        other = Batch(batch.x, 2 - batch.labels)
        assert torch.equal(player.loss(batch, seeded()), player.loss(other, seeded()))


@pytest.mark.parametrize(("shape", "classes"), [((2,), 0), ((2,), 3), ((1, 9, 8), 0), ((1, 9, 8), 3)])
def test_every_parameter_receives_a_gradient(wgan_gp, shape, classes):
    method = small(wgan_gp, shape, classes, d_width=16, g_width=16)
    for player in method.players():
        named = dict(player.model.named_parameters())
        gradients = torch.autograd.grad(
            player.loss(batch_of(8, shape, max(classes, 1)), seeded()), list(named.values())
        )
        assert not [name for name, g in zip(named, gradients, strict=True) if not g.abs().max() > 0]


# ------------------------------------------------------------------------------------------------- the game


def test_generator_moves_after_every_n_critic_th_move_of_the_critic(wgan_gp):
    critic, generator = small(wgan_gp).players()  # 5, as in the paper
    assert (critic.name, generator.name) == ("critic", "generator")
    assert all(critic.plays(step) for step in range(1, 21))
    assert [step for step in range(1, 21) if generator.plays(step)] == [5, 10, 15, 20]
    _, generator = small(wgan_gp, n_critic=2).players()
    assert [step for step in range(1, 7) if generator.plays(step)] == [2, 4, 6]


def test_each_player_owns_its_network_and_the_model_holds_both(wgan_gp):
    method = small(wgan_gp, classes=3)
    critic, generator = method.players()
    assert critic.model is method.D is method.model["critic"]
    assert generator.model is method.G is method.model["generator"]


def test_the_critics_move_does_not_go_back_into_the_generator(wgan_gp):
    """Nor does its graph hold G, which would cost a backward pass for nothing."""
    method = small(wgan_gp, classes=3)
    loss = method.critic_loss(batch_of(4, classes=3), seeded())
    assert all(g is None for g in torch.autograd.grad(loss, list(method.G.parameters()), allow_unused=True))


def test_the_critic_is_given_real_generated_and_interpolates_of_the_same_classes(wgan_gp):
    method, batch = small(wgan_gp, classes=3), batch_of(6, classes=3)
    G = method.G
    method.D = Spy(lambda x: x.square().flatten(1).sum(dim=1))
    loss = method.critic_loss(batch, seeded())
    (real, *y), (fake, *y_fake), (x_hat, *y_hat) = method.D.seen
    assert all(torch.equal(labels, batch.labels) for labels in (*y, *y_fake, *y_hat))
    g = seeded()
    z, eps = torch.randn(6, 3, generator=g), torch.rand(6, generator=g)
    assert torch.equal(real, batch.x)
    torch.testing.assert_close(fake, G(z, batch.labels))
    torch.testing.assert_close(x_hat, eps.reshape(-1, 1, 1, 1) * real + (1 - eps.reshape(-1, 1, 1, 1)) * fake)
    D = lambda x: x.square().flatten(1).sum(dim=1)  # noqa: E731
    torch.testing.assert_close(loss, wgan_gp.critic_loss(D, real, fake, eps, method.config.lam))


def test_the_generators_move_is_on_fresh_noise_and_looks_at_the_batchs_classes_alone(wgan_gp):
    method, batch = small(wgan_gp, classes=3), batch_of(6, classes=3)
    loss = method.generator_loss(batch, seeded())
    z = torch.randn(6, 3, generator=seeded())
    torch.testing.assert_close(loss, -method.D(method.G(z, batch.labels), batch.labels).mean())
    assert torch.equal(loss, method.generator_loss(Batch(batch.x * 0, batch.labels), seeded()))


def test_noise_is_standard_normal_and_fresh_for_each_example(wgan_gp):
    method = small(wgan_gp, (2,), d_z=5)
    method.G = Spy(lambda z: z[:, :2])
    method.generate(4000, None, seeded())
    z = method.G.seen[0][0]
    assert z.shape == (4000, 5)
    assert stats.kstest(z.flatten().numpy(), "norm").pvalue > 1e-6
    assert z.T.corrcoef().fill_diagonal_(0).abs().max().item() < 5 / math.sqrt(4000)


CHANGED = {"lam": 3.0, "n_critic": 2, "d_z": 4, "g_width": 5, "d_width": 5, "conditional": False}


def test_every_setting_changes_something_and_none_clips_weights(wgan_gp):
    """A widely copied file declares `clip_value` and never uses it; the paper's point is that nothing is clipped."""
    batch = batch_of(4, classes=3)

    def behaviour(**settings):
        method = small(wgan_gp, classes=3, **settings)
        critic, generator = method.players()
        losses = [player.loss(batch, seeded()).item() for player in (critic, generator)]
        return *losses, [generator.plays(step) for step in range(1, 11)]

    assert {field.name for field in fields(wgan_gp.WGANGPConfig)} == set(CHANGED)
    usual = behaviour()
    for name, value in CHANGED.items():
        assert behaviour(**{name: value}) != usual, name
    method = small(wgan_gp)
    with torch.no_grad():
        for p in method.D.parameters():
            p.fill_(7.0)
    method.critic_loss(batch_of(2), seeded())
    assert all((p == 7).all() for p in method.D.parameters())


def test_presets_are_the_papers_where_they_say_so(wgan_gp):
    config = wgan_gp.WGANGPConfig()
    assert (config.lam, config.n_critic) == (10.0, 5)
    for preset in wgan_gp.PRESETS.values():
        assert preset.train.betas == (0.0, 0.9)
        assert preset.config.n_critic == 5
    assert wgan_gp.PRESETS["digits"].config.lam == wgan_gp.PRESETS["fashion"].config.lam == 10


# --------------------------------------------------------------------------------------- sampling and measuring


def test_samples_are_g_of_fresh_noise_of_the_classes_asked_for(wgan_gp):
    method, y = small(wgan_gp, classes=3), torch.tensor([2, 0, 1, 1])
    z = torch.randn(4, 3, generator=seeded())
    assert torch.equal(method.sample(4, y, seeded()), method.G(z, y))
    assert not method.sample(4, y, seeded()).requires_grad
    blind = small(wgan_gp)
    assert torch.equal(blind.sample(4, None, seeded()), blind.G(torch.randn(4, 3, generator=seeded())))
    shown = []
    method.sample(2, y[:2], seeded(), lambda steps, total: shown.append(total) or steps)
    assert shown == [1]


def test_without_labels_classes_are_drawn_evenly(wgan_gp):
    method = small(wgan_gp, (2,), classes=3)
    method.G = Spy(lambda z: z[:, :2])
    method.sample(3000, None, seeded())
    counts = method.G.seen[0][1].bincount(minlength=3)
    assert stats.chisquare(counts.numpy()).pvalue > 1e-6


def test_walk_goes_straight_from_one_z_to_another_with_a_class_in_a_row(wgan_gp):
    method, data = small(wgan_gp, classes=3), toy((1, 9, 8), 3)
    walk = method.pictures(data, seeded())["walk"]
    assert walk.shape == (3, 10, 1, 9, 8)
    ends = torch.randn(2, 3, 1, 3, generator=seeded())
    for row, column in itertools.product(range(3), (0, 4, 9)):
        z = ends[0, row] + (ends[1, row] - ends[0, row]) * column / 9
        torch.testing.assert_close(walk[row, column], method.G(z, torch.tensor([row]))[0])
    assert small(wgan_gp).pictures(toy((1, 9, 8), 1), seeded())["walk"].shape == (6, 10, 1, 9, 8)
    assert small(wgan_gp, (2,)).pictures(toy((2,), 1), seeded()) == {}


def toy(shape, classes: int, n: int = 40) -> Data:
    x, y = normal(n, *shape, dtype=torch.float32).tanh(), torch.arange(n) % classes
    return Data("toy" if len(shape) == 3 else "gaussians", x[:24], y[:24], x[24:], y[24:])


def test_evaluation_is_the_critics_on_held_out_data_and_as_many_samples_of_the_same_classes(wgan_gp):
    method, data = small(wgan_gp, classes=3), toy((1, 9, 8), 3)
    numbers = method.evaluate(data, data.train, data.train_labels, seeded())
    g, y, real = seeded(), data.held_out_labels, data.held_out
    z, eps = torch.randn(16, 3, generator=g), torch.rand(16, generator=g).reshape(-1, 1, 1, 1)
    fake = method.G(z, y).detach()
    assert numbers["wasserstein"] == pytest.approx((method.D(real, y).mean() - method.D(fake, y).mean()).item())
    errors = []
    for i in range(16):
        x_hat = (eps[i] * real[i] + (1 - eps[i]) * fake[i])[None]
        J = torch.autograd.functional.jacobian(lambda x, i=i: method.D(x, y[i : i + 1]), x_hat)
        errors.append(abs(J.norm().item() - 1))
    assert numbers["slope_error"] == pytest.approx(np.mean(errors), rel=1e-4)
    method.D = Spy(linear(torch.full((1, 9, 8), 0.5 / math.sqrt(72))))  # too flat by a half
    flat = method.evaluate(data, data.train, data.train_labels, seeded())
    assert flat["slope_error"] == pytest.approx(0.5, rel=1e-5)
    assert numbers["frechet"] == numbers["frechet_real"]  # samples that are the training images
    points = small(wgan_gp, (2,))
    assert {"wasserstein", "slope_error", "modes_missed"} <= set(
        points.evaluate(toy((2,), 1), normal(9, 2, dtype=torch.float32), None, seeded())
    )


def test_the_critic_is_measured_on_at_most_a_thousand_examples(wgan_gp):
    method, data = small(wgan_gp, (2,)), toy((2,), 1, n=1600)
    many = replace(data, held_out=data.held_out.repeat(2, 1), held_out_labels=data.held_out_labels.repeat(2))
    samples = normal(9, 2, dtype=torch.float32)
    first = replace(many, held_out=many.held_out[:1000], held_out_labels=many.held_out_labels[:1000])
    numbers = method.evaluate(many, samples, None, seeded())
    assert numbers == method.evaluate(first, samples, None, seeded())
    fewer = replace(first, held_out=first.held_out[:999], held_out_labels=first.held_out_labels[:999])
    assert numbers != method.evaluate(fewer, samples, None, seeded())


# ------------------------------------------------------------------------------------- sizes, seeds, messages


@pytest.mark.parametrize("shape", [(2,), (1, 1, 1), (3, 7, 5), (1, 9, 8), (1, 28, 28), (2, 13, 30)])
@pytest.mark.parametrize("n", [1, 3])
def test_batch_of_one_and_odd_sizes(wgan_gp, shape, n):
    method = small(wgan_gp, shape, 2)
    for player in method.players():
        assert player.loss(batch_of(n, shape, 2), seeded()).shape == ()
    x = method.sample(n, torch.zeros(n).long(), seeded())
    assert x.shape == (n, *shape)
    assert len(shape) == 1 or x.abs().max() < 1


def test_same_seed_same_bits_other_seed_other_bits(wgan_gp):
    method, batch = small(wgan_gp, classes=3), batch_of(4, classes=3)
    critic, generator = method.players()
    for draw in (
        lambda g: method.sample(3, None, g),
        lambda g: critic.loss(batch, g),
        lambda g: generator.loss(batch, g),
    ):
        outcomes = []
        for seed in (1, 2, 3):
            torch.manual_seed(seed)  # which must not matter
            outcomes.append(draw(seeded(7)))
        assert torch.equal(outcomes[0], outcomes[1])
        assert torch.equal(outcomes[0], outcomes[2])
        assert not torch.equal(draw(seeded(8)), outcomes[0])


def test_bad_values_name_field_value_and_what_is_expected(wgan_gp):
    for kwargs, message in [
        ({"lam": -1.0}, "lam is -1.0; expected a factor >= 0"),
        ({"n_critic": 0}, "n_critic is 0; expected a number >= 1"),
        ({"d_z": 0}, "d_z is 0; expected a number >= 1"),
        ({"g_width": 0}, "g_width is 0; expected a number >= 1"),
        ({"d_width": -2}, "d_width is -2; expected a number >= 1"),
    ]:
        with pytest.raises(ValueError, match=message):
            wgan_gp.WGANGPConfig(**kwargs)
    assert wgan_gp.WGANGPConfig(lam=0.0, n_critic=1, d_z=1, g_width=1, d_width=1).lam == 0


def test_bad_shapes_and_labels_name_what_is_expected(wgan_gp):
    earth_mover, interpolate = unchecked(wgan_gp.earth_mover), unchecked(wgan_gp.interpolate)
    with pytest.raises(ValueError, match="3 and 4 numbers; expected as many"):
        earth_mover(torch.zeros(3), torch.zeros(4))
    with pytest.raises(ValueError, match="expected two batches of one shape"):
        interpolate(torch.zeros(3, 2), torch.zeros(2, 2), torch.zeros(3))
    for eps in (torch.zeros(1), torch.zeros(3, 2)):
        with pytest.raises(ValueError, match=r"and eps \[3\]"):
            interpolate(torch.zeros(3, 2), torch.zeros(3, 2), eps)
    method = small(wgan_gp, classes=3)
    for labels in (None, torch.tensor([0, 3])):
        with pytest.raises(ValueError, match=r"expected one class in 0\.\.2"):
            method.D(torch.zeros(2, 1, 9, 8), labels)
