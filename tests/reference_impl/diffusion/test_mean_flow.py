"""Proofs of mean_flow.py. Most hold it against Gaussian data, where velocity, flow and average velocity are known.

For pixels x ~ N(m, s^2) the state z_t is N((1 - t) m, a_t^2) with a_t^2 = (1 - t)^2 s^2 + t^2, and the flow keeps
w = (z_t - (1 - t) m) / a_t. Hence z_r = (1 - r) m + a_r w and u = (z_t - z_r) / (t - r) = -m + w (a_t - a_r) / (t - r).
The last quotient is ((t + r) - s^2 (2 - t - r)) / (a_t + a_r); it is written so, since that holds at r = t too.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError
from scipy import stats

from reference_impl.data import Data, Spec
from reference_impl.engine import Batch
from tests.reference_impl.diffusion.toys import F64, normal, seeded, unchecked
from tests.reference_impl.weights import shaken, slopes

M = torch.tensor([[0.6, -0.3], [0.0, 0.2]], dtype=F64)
S = torch.tensor([[0.5, 0.2], [0.9, 0.35]], dtype=F64)


def each(t: torch.Tensor) -> torch.Tensor:
    return t.reshape(-1, 1, 1, 1)


def spread(t: torch.Tensor, s: torch.Tensor = S) -> torch.Tensor:
    return ((1 - each(t)) ** 2 * s**2 + each(t) ** 2).sqrt()


def flowed(z, t, r, m=M, s=S):
    """The point at time r of the path that is at z at time t."""
    return (1 - each(r)) * m + spread(r, s) / spread(t, s) * (z - (1 - each(t)) * m)


def exact(z, r, t, labels=None, m=M, s=S):
    """The average velocity of Gaussian data."""
    w = (z - (1 - each(t)) * m) / spread(t, s)
    return -m + w * (each(t + r) - s**2 * each(2 - t - r)) / (spread(t, s) + spread(r, s))


def velocity(z, t, m=M, s=S):
    """E[eps - x | z_t], by conditioning one Gaussian on another."""
    gain = (each(t) - (1 - each(t)) * s**2) / spread(t, s) ** 2
    return -m + gain * (z - (1 - each(t)) * m)


def some_times(n: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    r, t = torch.rand(n, 2, generator=seeded(seed), dtype=F64).sort(dim=1).values.unbind(dim=1)
    return r, t


def curved(z, r, t, labels=None):
    """Not linear in anything, and different in r and t."""
    return (
        (z * (1 + each(t))).sin() + (3 * each(r) + z).cos() * each(t) ** 2 + z.mean(dim=(2, 3), keepdim=True) * each(r)
    )


def small(mean_flow, classes=3, **settings):
    """A method of few weights, moved away from the zeros that it starts with."""
    torch.manual_seed(0)
    config = mean_flow.MeanFlowConfig(**{"width": 16, **settings})
    method = mean_flow.MeanFlow(config, Spec((1, 4, 4), classes, 0))
    shaken(method.model, 0.05)
    return method


# ---------------------------------------------------------------------------------------------- path and times


def test_the_path_runs_from_data_to_noise_at_its_velocity(mean_flow):
    x, eps, (_, t) = normal(5, 1, 2, 2, seed=1), normal(5, 1, 2, 2, seed=2), some_times(5)
    zero, one = torch.zeros(5, dtype=F64), torch.ones(5, dtype=F64)
    assert torch.equal(mean_flow.path(x, eps, zero)[0], x)
    assert torch.equal(mean_flow.path(x, eps, one)[0], eps)
    ahead, behind = (mean_flow.path(x, eps, t + h)[0] for h in (1e-4, -1e-4))
    torch.testing.assert_close((ahead - behind) / 2e-4, mean_flow.path(x, eps, t)[1], rtol=1e-9, atol=1e-9)


def test_the_velocity_of_the_proofs_is_the_mean_of_the_conditional_one(mean_flow):
    """Eq. (1): a line through 400,000 pairs (z_t, v_t) has the slope and height of v(z, t), within 5 errors."""
    n, t = 400_000, torch.tensor([0.3], dtype=F64)
    m, s = M[:1, :1], S[:1, :1]
    x, eps = m + s * normal(1, 1, n, 1, seed=1), normal(1, 1, n, 1, seed=2)
    z, v = mean_flow.path(x, eps, t)
    left = v - velocity(z, t, m, s)
    error = left.std().item() / math.sqrt(n)
    centred = (z - z.mean()) / z.std()
    assert abs(left.mean().item()) < 5 * error
    assert abs((left * centred).mean().item()) < 5 * error


@pytest.mark.parametrize("unequal", [0.0, 0.25, 1.0])
def test_r_is_before_t_in_the_share_asked_for(mean_flow, unequal):
    """The count of r < t is binomial: within 5 standard deviations."""
    n = 20_000
    r, t = mean_flow.sample_times(n, -0.4, 1.0, unequal, seeded())
    assert r.shape == t.shape == (n,)
    assert r.dtype == t.dtype == F64
    assert (r <= t).all()
    assert 0 < r.min() < t.max() < 1
    assert abs((r < t).sum().item() - n * unequal) <= 5 * math.sqrt(n * unequal * (1 - unequal))


@pytest.mark.parametrize(("mu", "sigma"), [(-0.4, 1.0), (-2.0, 2.0)])
def test_times_are_the_larger_and_the_smaller_of_two_logit_normal_draws(mean_flow, mu, sigma):
    """Phi^2 and 1 - (1 - Phi)^2 are their distribution functions. Kolmogorov-Smirnov at level 1e-6."""
    logit_normal = lambda x: stats.norm.cdf((torch.logit(torch.as_tensor(x)) - mu) / sigma)  # noqa: E731
    r, t = mean_flow.sample_times(20_000, mu, sigma, 1.0, seeded())
    assert stats.kstest(t.numpy(), lambda x: logit_normal(x) ** 2).pvalue > 1e-6
    assert stats.kstest(r.numpy(), lambda x: 1 - (1 - logit_normal(x)) ** 2).pvalue > 1e-6
    _, t = mean_flow.sample_times(20_000, mu, sigma, 0.0, seeded())  # where r = t, both are the larger
    assert stats.kstest(t.numpy(), lambda x: logit_normal(x) ** 2).pvalue > 1e-6


# ------------------------------------------------------------------------------------------------- the identity


def test_the_average_velocity_of_the_proofs_is_the_mean_of_the_velocity_along_the_path():
    """Eq. (3), by Gauss-Legendre quadrature; and at r = t it is the velocity itself."""
    r, t = some_times(6)
    z = normal(6, 1, 2, 2)
    nodes, weights = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(40))
    mean = sum(
        w / 2 * velocity(flowed(z, t, tau), tau)
        for node, w in zip(nodes, weights, strict=True)
        for tau in [(t + r) / 2 + node * (t - r) / 2]
    )
    torch.testing.assert_close(exact(z, r, t), mean, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(exact(z, t, t), velocity(z, t), rtol=1e-12, atol=1e-12)


def test_the_derivative_is_that_along_the_path(mean_flow):
    """Eq. (7): u at the point where the path is a little later, less u a little earlier; r stands still."""
    (r, t), h = some_times(8, seed=3), 1e-5
    z = normal(8, 1, 2, 2)
    ahead, behind = (exact(flowed(z, t, t + d), r, t + d) for d in (h, -h))
    found = mean_flow.derivative(exact, z, r, t, velocity(z, t))
    torch.testing.assert_close(found, (ahead - behind) / (2 * h), rtol=1e-6, atol=1e-7)


def test_the_tangent_is_v_0_1(mean_flow):
    """Eq. (8) on a function that tells the three directions apart, by central differences in each."""
    (r, t), z, v, h = some_times(4), normal(4, 1, 2, 2, seed=1), normal(4, 1, 2, 2, seed=2), 1e-5
    along_z = (curved(z + h * v, r, t) - curved(z - h * v, r, t)) / (2 * h)
    along_t = (curved(z, r, t + h) - curved(z, r, t - h)) / (2 * h)
    torch.testing.assert_close(mean_flow.derivative(curved, z, r, t, v), along_z + along_t, rtol=1e-7, atol=1e-8)


def test_the_derivative_of_the_network_is_right(mean_flow):
    """Through the whole U-Net, with its attention, in forward mode, for the classes asked for."""
    method = small(mean_flow)
    method.model.double()
    (r, t), z, v, h = some_times(5), normal(5, 1, 4, 4, seed=1), normal(5, 1, 4, 4, seed=2), 1e-3
    labels = torch.tensor([0, 1, 2, 3, 1])
    with torch.no_grad():
        ahead, behind = (method.u(z + d * v, r, t + d, labels) for d in (h, -h))
    found = mean_flow.derivative(method.u, z, r, t, v, labels)
    assert found.abs().max() > 0.1
    torch.testing.assert_close(found, (ahead - behind) / (2 * h), rtol=1e-2, atol=1e-3)


def test_the_exact_average_velocity_is_its_own_target(mean_flow):
    """Eq. (6) has no residual, whatever r and t; and the loss of Eq. (9) with the marginal velocity is zero."""
    (r, t), z = some_times(40, seed=5), 1.5 * normal(40, 1, 2, 2)
    r = torch.where(torch.arange(40) % 3 == 0, t, r)
    v = velocity(z, t)
    torch.testing.assert_close(mean_flow.target(exact, z, r, t, v), exact(z, r, t), rtol=1e-11, atol=1e-11)
    assert mean_flow.loss_at(exact, z, r, t, v).max() < 1e-20


def test_a_wrong_average_velocity_is_not_its_own_target(mean_flow):
    (r, t), z = some_times(40, seed=5), 1.5 * normal(40, 1, 2, 2)
    wrong = lambda z, r, t, labels: exact(z, t, t)  # noqa: E731 - the velocity for its average
    assert mean_flow.loss_at(wrong, z, r, t, velocity(z, t)).mean() > 1e-2


def given(z, t, n: int, seed: int):
    """Draws of v_t = eps - x from its law given z_t = z: [n] pairs that all went through one point."""
    gain = (1 - each(t)) * S**2 / spread(t) ** 2
    mean, sd = M + gain * (z - (1 - each(t)) * M), S * each(t) / spread(t)
    x = mean + sd * normal(n, 1, 2, 2, seed=seed)
    return (z - (1 - each(t)) * x) / each(t) - x


@pytest.mark.parametrize(("r", "t"), [(0.0, 0.9), (0.3, 0.7), (0.5, 0.5)])
def test_with_the_samples_own_velocity_the_target_is_right_on_average(mean_flow, r, t):
    """Eq. (11): 100,000 pairs through one point z; the mean of the targets is u, within 5 standard errors."""
    n = 100_000
    r, t, z = torch.full((n,), r, dtype=F64), torch.full((n,), t, dtype=F64), torch.full((n, 1, 2, 2), 0.4, dtype=F64)
    found = mean_flow.target(exact, z, r, t, given(z[:1], t[:1], n, seed=7))
    gap = (found.mean(dim=0) - exact(z, r, t)[0]).abs()
    assert (gap < 5 * found.std(dim=0) / math.sqrt(n)).all()


def test_at_the_exact_average_velocity_the_loss_pulls_nowhere(mean_flow):
    """u + theta f: the gradient in theta at 0 over 100,000 images is zero within 5 standard errors, for two f."""
    n = 100_000
    x, eps = M + S * normal(n, 1, 2, 2, seed=1), normal(n, 1, 2, 2, seed=2)
    r, t = mean_flow.sample_times(n, -0.4, 1.0, 0.5, seeded())
    z, v = mean_flow.path(x, eps, t)
    for f in (lambda z, r, t: torch.ones_like(z), lambda z, r, t: z * each(t - r)):
        theta = torch.zeros(n, 1, 1, 1, dtype=F64, requires_grad=True)
        u = lambda z, r, t, labels: exact(z, r, t) + theta[: len(z)] * f(z, r, t)  # noqa: B023, E731
        (pull,) = torch.autograd.grad(mean_flow.loss_at(u, z, r, t, v).sum(), theta)
        assert pull.abs().max() > 0
        assert abs(pull.mean().item()) < 5 * pull.std().item() / math.sqrt(n)


def test_where_r_is_t_the_loss_is_flow_matching(mean_flow):
    """|u(z, t, t) - (eps - x)|^2, and no derivative is taken: the network is called once."""
    calls, (_, t) = [], some_times(6)
    x, eps = normal(6, 1, 2, 2, seed=1), normal(6, 1, 2, 2, seed=2)
    z, v = mean_flow.path(x, eps, t)

    def u(z, r, t, labels):
        calls.append(len(z))
        return curved(z, r, t)

    expected = (curved(z, t, t) - (eps - x)).square().sum(dim=(1, 2, 3))
    torch.testing.assert_close(mean_flow.loss_at(u, z, t, t, v), expected)
    assert calls == [6]


def test_each_image_gets_the_target_of_its_own_times_and_class(mean_flow):
    """A batch in which some have r = t is the same images one by one."""
    r, t = some_times(6)
    r = torch.where(torch.tensor([True, False, True, False, False, True]), t, r)
    z, v, labels = normal(6, 1, 2, 2, seed=1), normal(6, 1, 2, 2, seed=2), torch.tensor([0, 1, 2, 2, 1, 0])
    u = lambda z, r, t, labels: curved(z, r, t) * (1 + each(labels))  # noqa: E731
    batch = mean_flow.target(u, z, r, t, v, labels)
    for i in range(6):
        one = slice(i, i + 1)
        expected = v[one] - each(t - r)[one] * mean_flow.derivative(u, z[one], r[one], t[one], v[one], labels[one])
        torch.testing.assert_close(batch[one], expected)


def test_the_target_carries_no_gradient(mean_flow):
    """The gradient is that of |u_theta - constant|^2; with the target's own it would be another."""
    (r, t), z, v = some_times(5), normal(5, 1, 2, 2, seed=1), normal(5, 1, 2, 2, seed=2)
    theta = torch.tensor(0.7, dtype=F64, requires_grad=True)
    u = lambda z, r, t, labels: theta * curved(z, r, t)  # noqa: E731
    fixed = v - each(t - r) * 0.7 * mean_flow.derivative(curved, z, r, t, v)
    (found,) = torch.autograd.grad(mean_flow.loss_at(u, z, r, t, v).sum(), theta)
    expected = (2 * (0.7 * curved(z, r, t) - fixed) * curved(z, r, t)).sum()
    torch.testing.assert_close(found, expected)
    assert not mean_flow.target(u, z, r, t, v).requires_grad
    assert v.equal(normal(5, 1, 2, 2, seed=2))  # and what was passed in is as it was


def test_gradient_of_the_loss_equals_finite_differences_with_the_target_held(mean_flow):
    """In float64, along two random directions through all the weights of a small U-Net."""
    method = small(mean_flow)
    method.model.double()
    (r, t), z, v = some_times(3), normal(3, 1, 4, 4, seed=1), normal(3, 1, 4, 4, seed=2)
    labels = torch.tensor([0, 1, 3])
    with torch.no_grad():
        held = mean_flow.target(method.u, z, r, t, v, labels)
        w = ((method.u(z, r, t, labels) - held).square().sum(dim=(1, 2, 3)) + 1e-3) ** -0.5
    loss = lambda: mean_flow.loss_at(method.u, z, r, t, v, labels, p=0.5).sum()  # noqa: E731
    by_hand = lambda: (w * (method.u(z, r, t, labels) - held).square().sum(dim=(1, 2, 3))).sum()  # noqa: E731
    for slope, difference in slopes(loss, list(method.model.parameters()), tries=2, moved=by_hand):
        assert slope == pytest.approx(difference, rel=1e-5)


# -------------------------------------------------------------------------------------- the adaptive weight


@pytest.mark.parametrize("p", [0.0, 0.5, 0.75, 1.0])
def test_the_adaptive_weight_is_the_papers(mean_flow, p):
    """sg(w) |Delta|^2 with w = 1 / (|Delta|^2 + c)^p: the value by hand, and the gradient 2 w Delta."""
    delta = normal(4, 2, 3, 3) * each(torch.tensor([0.0, 0.01, 1.0, 30.0], dtype=F64))
    delta.requires_grad_()
    square = torch.stack([(d.detach() ** 2).sum() for d in delta])
    loss = mean_flow.weighted(delta, p)
    torch.testing.assert_close(loss, square / (square + 1e-3) ** p)
    (found,) = torch.autograd.grad(loss.sum(), delta)
    torch.testing.assert_close(found, 2 * delta.detach() / each(square + 1e-3) ** p)


def test_with_p_1_no_image_pulls_much_more_than_another(mean_flow):
    """Errors 1 and 100 times as large give the same loss, up to c; without the weight it would be 10,000 times."""
    delta = torch.ones(2, 1, 4, 4, dtype=F64) * each(torch.tensor([1.0, 100.0]))
    one, other = mean_flow.weighted(delta, 1.0)
    assert one.item() == pytest.approx(other.item(), rel=1e-3)
    one, other = mean_flow.weighted(delta, 0.0)
    assert other.item() == pytest.approx(10_000 * one.item())


# --------------------------------------------------------------------------------------------------- guidance


def conditional(z, r, t, labels):
    """Another number for each class, 100 for none; the times are told."""
    known = torch.full((len(z),), 100) if labels is None else labels
    return curved(z, r, t) + each(known)


def test_guidance_is_the_papers_mixture(mean_flow):
    (_, t), z, v = some_times(4), normal(4, 1, 2, 2, seed=1), normal(4, 1, 2, 2, seed=2)
    labels = torch.tensor([0, 1, 3, 2])  # 3: dropped
    found = mean_flow.guided_velocity(conditional, v, z, t, labels, 3, 1.5, 0.25)
    now = curved(z, t, t)
    expected = 1.5 * v + 0.25 * (now + each(labels)) + (1 - 1.5 - 0.25) * (now + 100)
    expected[2] = v[2]
    torch.testing.assert_close(found, expected)
    plain = mean_flow.guided_velocity(conditional, v, z, t, labels, 3, 2.0, 0.0)  # Eq. (19)
    torch.testing.assert_close(plain[0], 2 * v[0] - (now + 100)[0])


def test_guidance_of_omega_1_is_none(mean_flow):
    """Without kappa the sample's own velocity is what is left, and the network is not asked."""
    v, t = normal(3, 1, 2, 2), some_times(3)[1]

    def never(z, r, t, labels):
        raise AssertionError("asked")

    assert torch.equal(mean_flow.guided_velocity(never, v, v, t, torch.tensor([0, 1, 2]), 3, 1.0, 0.0), v)
    # kappa alone needs the class only; omega alone needs no class only
    asked = []
    spy = lambda z, r, t, labels: asked.append(labels) or torch.zeros_like(z)  # noqa: E731
    mean_flow.guided_velocity(spy, v, v, t, torch.tensor([0, 1, 2]), 3, 0.5, 0.5)
    assert len(asked) == 1
    assert asked[0].tolist() == [0, 1, 2]
    mean_flow.guided_velocity(spy, v, v, t, torch.tensor([0, 1, 2]), 3, 2.0, 0.0)
    assert asked[1:] == [None]


@pytest.mark.parametrize(("omega", "kappa"), [(2.0, 0.0), (1.0, 0.5), (0.5, 0.75), (1.2, 0.4)])
def test_the_guided_field_has_the_scale_omega_over_1_less_kappa(mean_flow, omega, kappa):
    """Eqs. (13), (21): where u(z, t, t | c) is omega' v(c) + (1 - omega') v, so is the mean of the guided velocity."""
    v_c, v_any, scale = normal(2, 1, 2, 2, seed=1), normal(2, 1, 2, 2, seed=2), omega / (1 - kappa)
    v_cfg = scale * v_c + (1 - scale) * v_any
    u = lambda z, r, t, labels: v_any if labels is None else v_cfg  # noqa: E731
    t = torch.tensor([0.3, 0.6], dtype=F64)
    found = mean_flow.guided_velocity(u, v_c, v_c, t, torch.tensor([0, 1]), 2, omega, kappa)  # v_t at its mean, v(c)
    torch.testing.assert_close(found, v_cfg)


def test_guidance_carries_no_gradient(mean_flow):
    theta, v, t = torch.tensor(0.7, dtype=F64, requires_grad=True), normal(3, 1, 2, 2), some_times(3)[1]
    u = lambda z, r, t, labels: theta * z  # noqa: E731
    assert not mean_flow.guided_velocity(u, v, v, t, torch.tensor([0, 1, 2]), 3, 2.0, 0.5).requires_grad


# --------------------------------------------------------------------------------------------------- sampling


def test_a_jump_lands_where_the_path_goes(mean_flow):
    (r, t), z = some_times(20), normal(20, 1, 2, 2)
    torch.testing.assert_close(mean_flow.jump(exact, z, r, t), flowed(z, t, r), rtol=1e-12, atol=1e-12)
    assert torch.equal(mean_flow.jump(exact, z, t, t), z)


def test_one_step_of_the_exact_average_velocity_is_the_data(mean_flow):
    """x = m + s eps to the last digits, so 20,000 samples pass a Kolmogorov-Smirnov test of the law at level 1e-6."""
    z = normal(20_000, 1, 2, 2)
    x = mean_flow.sample(exact, z)
    torch.testing.assert_close(x, M + S * z, rtol=1e-12, atol=1e-12)
    for i in (0, 1):
        law = stats.norm(M[i, 1 - i].item(), S[i, 1 - i].item())
        assert stats.kstest(x[:, 0, i, 1 - i].numpy(), law.cdf).pvalue > 1e-6


@pytest.mark.parametrize("steps", [2, 3, 7])
def test_several_steps_of_the_exact_average_velocity_are_one(mean_flow, steps):
    """Averages over parts add up to the average over the whole, as the text after Eq. (3) says."""
    z = normal(30, 1, 2, 2)
    torch.testing.assert_close(mean_flow.sample(exact, z, steps), mean_flow.sample(exact, z), rtol=1e-12, atol=1e-12)


def test_one_step_of_the_velocity_itself_is_not_the_data(mean_flow):
    """An Euler step of flow matching over the whole path ends in the mean of the data, whatever the noise."""
    z = normal(30, 1, 2, 2)
    x = mean_flow.sample(lambda z, r, t, labels: exact(z, t, t), z)
    torch.testing.assert_close(x, M.expand_as(x), rtol=1e-12, atol=1e-12)


def test_following_the_velocity_ends_where_one_step_of_the_average_does(mean_flow):
    """The midpoint rule with 32 steps is within 0.01 of it, and at least 3.5 times as near with twice the steps."""
    z = normal(30, 1, 2, 2)
    goal = mean_flow.sample(exact, z)
    gaps = [(mean_flow.follow(exact, z, steps) - goal).abs().max().item() for steps in (32, 64, 128)]
    assert gaps[0] < 0.01
    assert gaps[0] / gaps[1] > 3.5
    assert gaps[1] / gaps[2] > 3.5
    assert torch.equal(mean_flow.follow(exact, z), mean_flow.follow(exact, z, 32))


def test_samplers_ask_for_the_times_and_classes_in_order(mean_flow):
    asked, labels = [], torch.tensor([1, 0])

    def spy(z, r, t, labels):
        asked.append((t.tolist(), r.tolist(), labels.tolist()))
        return torch.zeros_like(z)

    z = normal(2, 1, 2, 2)
    mean_flow.sample(spy, z, 2, labels)
    assert asked == [([1.0, 1.0], [0.5, 0.5], [1, 0]), ([0.5, 0.5], [0.0, 0.0], [1, 0])]
    asked.clear()
    mean_flow.follow(spy, z, 2, labels)
    assert [t[0] for t, _, _ in asked] == [1.0, 0.75, 0.5, 0.25]
    assert all(t == r and known == [1, 0] for t, r, known in asked)


def test_samplers_keep_no_gradient(mean_flow):
    weight, z = torch.ones(1, dtype=F64, requires_grad=True), normal(2, 1, 2, 2)
    u = lambda z, r, t, labels: weight * z  # noqa: E731
    assert not mean_flow.sample(u, z).requires_grad
    assert not mean_flow.follow(u, z).requires_grad


# ------------------------------------------------------------------------------------- the method as it is run


def test_the_network_is_told_t_and_the_length_of_the_step(mean_flow):
    """Section 4.3's (t, t - r), times 10; and u_theta(z, r, t) depends on both times."""
    method, seen = small(mean_flow), []
    method.model.register_forward_pre_hook(lambda module, given: seen.append(given))
    r, t = torch.tensor([0.25, 0.5], dtype=F64), torch.tensor([1.0, 0.5], dtype=F64)
    z, labels = torch.zeros(2, 1, 4, 4), torch.tensor([0, 3])
    method.u(z, r, t, labels)
    assert seen[0][1].tolist() == [[10.0, 7.5], [5.0, 0.0]]
    assert seen[0][2] is labels
    assert mean_flow.TIME_SCALE == 10
    assert not torch.equal(method.u(z, r, t, labels)[0], method.u(z, r / 2, t, labels)[0])
    assert not torch.equal(method.u(z, r, t, labels)[0], method.u(z, r, t * 0.9, labels)[0])


def test_the_loss_trains_on_what_algorithm_1_says(mean_flow, monkeypatch):
    """z_t, v_t and the times that reach the loss fit one another; classes are dropped at the rate asked for."""
    method = small(mean_flow, unequal=0.5, p=0.5, p_uncond=0.25)
    n, seen = 4000, {}

    def spy(u, z, r, t, v, labels, p):
        seen.update(u=u, z=z, r=r, t=t, v=v, labels=labels, p=p)
        return z.sum(dim=(1, 2, 3))

    monkeypatch.setattr(mean_flow, "loss_at", spy)
    x = torch.full((n, 1, 4, 4), 0.3)
    (player,) = method.players()
    assert player.model is method.model
    loss = player.loss(Batch(x, torch.arange(n) % 3), seeded())
    torch.testing.assert_close(loss, seen["z"].sum(dim=(1, 2, 3)).mean())
    assert seen["u"] == method.u
    assert seen["p"] == 0.5
    torch.testing.assert_close(seen["z"], x + each(seen["t"]).float() * seen["v"])  # z_t = x + t (eps - x)
    eps = (seen["v"] + x).flatten().numpy()
    assert stats.kstest(eps, "norm").pvalue > 1e-6
    assert abs((seen["r"] < seen["t"]).sum().item() - n / 2) < 5 * math.sqrt(n / 4)
    dropped = seen["labels"] == 3
    assert abs(dropped.sum().item() - n / 4) < 5 * math.sqrt(n * 3 / 16)
    assert torch.equal(seen["labels"][~dropped], (torch.arange(n) % 3)[~dropped])


def test_the_loss_guides_with_the_networks_own_velocity(mean_flow, monkeypatch):
    """What reaches the loss is Eq. (21) at the z_t, times and classes of the batch."""
    method, seen = small(mean_flow, omega=1.5, kappa=0.25, p_uncond=0.0), {}
    monkeypatch.setattr(mean_flow, "loss_at", lambda *given: seen.update(given=given) or given[1].sum(dim=(1, 2, 3)))
    x, labels = torch.zeros(6, 1, 4, 4), torch.arange(6) % 3
    method.loss(Batch(x, labels), seeded())
    _, z, _, t, v, known, _ = seen["given"]
    with torch.no_grad():
        v_t = z / each(t).float()  # x = 0
        expected = 1.5 * v_t + 0.25 * method.u(z, t, t, labels) - 0.75 * method.u(z, t, t, None)
    assert torch.equal(known, labels)
    torch.testing.assert_close(v, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (3, 2, 7, 5), (2, 1, 9, 8)])
@pytest.mark.parametrize("classes", [0, 3])
def test_batch_of_one_odd_sizes_and_no_classes(mean_flow, shape, classes):
    torch.manual_seed(0)
    method = mean_flow.MeanFlow(mean_flow.MeanFlowConfig(width=16, unequal=1.0), Spec(shape[1:], classes, 0))
    assert method.classes == classes
    (player,) = method.players()
    loss = player.loss(Batch(torch.zeros(shape), torch.zeros(len(shape[:1])).long().expand(shape[0])), seeded())
    assert loss.shape == ()
    assert loss.requires_grad
    labels = torch.zeros(shape[0]).long() if classes else None
    assert method.sample(shape[0], labels, seeded()).shape == shape


def test_patches_leave_the_images_shape(mean_flow):
    method = small(mean_flow, patch=2)
    assert method.model.patch == 2
    assert method.sample(3, torch.tensor([0, 1, 2]), seeded()).shape == (3, 1, 4, 4)
    assert method.loss(Batch(torch.zeros(3, 1, 4, 4), torch.tensor([0, 1, 2])), seeded()).isfinite()


def test_samples_are_jumps_from_the_generators_noise(mean_flow):
    """In as many steps as the config says, also where there are more than one part of 256."""
    method = small(mean_flow, sampling_steps=2)
    labels = torch.arange(300) % 3
    z = torch.randn(300, 1, 4, 4, generator=seeded(4))
    x = method.sample(300, labels, seeded(4))
    torch.testing.assert_close(x, mean_flow.sample(method.u, z, 2, labels), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(x, mean_flow.sample(method.u, z, 1, labels), atol=1e-2)
    parts = []
    method.sample(300, labels, seeded(4), lambda steps, total: parts.append(total) or steps)
    assert parts == [2]


def test_the_picture_shows_the_same_noise_in_1_2_4_and_many_steps(mean_flow):
    method, x = small(mean_flow), torch.zeros(6, 1, 4, 4)
    method.u = lambda z, r, t, labels: (curved(z, r, t) + each(labels)).float()
    rows = method.pictures(Data("toy", x, torch.zeros(6).long(), x, torch.zeros(6).long()), seeded(2))["steps"]
    z, labels = torch.randn(3, 1, 4, 4, generator=seeded(2)), torch.arange(3)
    assert rows.shape == (4, 3, 1, 4, 4)
    for row, steps in zip(rows, (1, 2, 4), strict=False):
        assert torch.equal(row, mean_flow.sample(method.u, z, steps, labels))
    assert torch.equal(rows[3], mean_flow.follow(method.u, z, 32, labels))


def toy(n: int = 40) -> Data:
    x, y = torch.rand(n, 1, 4, 4, generator=seeded(9)) * 2 - 1, torch.arange(n) % 3
    return Data("toy", x[:30], y[:30], x[30:], y[30:])


def test_the_gap_is_how_far_one_step_is_from_many(mean_flow):
    """u = 2 (t - r) moves an image by 2 in one step, not at all along u(z, t, t): the gap is 2 / std of the data."""
    method, data = small(mean_flow), toy()
    method.u = lambda z, r, t, labels: torch.ones_like(z) * each(2 * (t - r)).to(z.dtype)
    found = method.evaluate(data, data.train, None, seeded())
    assert found["one_step_gap"] == pytest.approx(2 / data.train.std().item(), rel=1e-5)
    method.u = lambda z, r, t, labels: exact(z, r, t, None, 0.1, 0.5).to(z.dtype)
    assert method.evaluate(data, data.train, None, seeded())["one_step_gap"] < 0.02


def test_the_gap_is_measured_on_all_classes(mean_flow):
    method, asked = small(mean_flow), []
    method.u = lambda z, r, t, labels: asked.append(labels) or torch.zeros_like(z)
    method.evaluate(toy(), toy().train, None, seeded())
    assert torch.equal(asked[-1], torch.arange(100) % 3)
    assert torch.equal(asked[0], toy().held_out_labels)


def test_held_out_loss_is_flow_matching_per_pixel_on_fixed_times_and_noise(mean_flow):
    """With u = 0 it is E |eps - x|^2 / D = 1 + E x^2; the classes are those of the held-out images."""
    method, data = small(mean_flow), toy()
    method.u = lambda z, r, t, labels: 0.1 * z
    assert method.evaluate(data, data.train, None, seeded()) == method.evaluate(data, data.train, None, seeded())
    data = toy(1030)
    method.u = lambda z, r, t, labels: torch.zeros_like(z) if torch.equal(r, t) or len(z) == 100 else z / 0
    found = method.evaluate(data, data.train, None, seeded())
    assert found["held_out_loss"] == pytest.approx(1 + data.held_out.square().mean().item(), rel=0.02)
    assert found["frechet"] == found["frechet_real"]  # samples that are the training images


def test_same_seed_same_bits_other_seed_other_bits(mean_flow):
    method, batch = small(mean_flow, unequal=0.5), Batch(torch.rand(5, 1, 4, 4), torch.arange(5) % 3)
    for draw in (lambda g: method.sample(3, None, g), lambda g: method.loss(batch, g)):
        outcomes = []
        for seed, of_all in ((1, 3), (1, 4), (2, 3)):
            torch.manual_seed(of_all)
            outcomes.append(draw(seeded(seed)))
        assert torch.equal(outcomes[0], outcomes[1])
        assert not torch.equal(outcomes[0], outcomes[2])


# ------------------------------------------------------------------------------------------------- messages


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("width", 12, "a multiple of 16"),
        ("patch", 0, "a side >= 1"),
        ("sigma", 0.0, "a standard deviation > 0"),
        ("unequal", 1.5, r"a share in \[0, 1\]"),
        ("unequal", -0.1, r"a share in \[0, 1\]"),
        ("p", -0.5, "a power >= 0"),
        ("omega", 0.0, "a weight > 0"),
        ("kappa", 1.0, r"a weight in \[0, 1\)"),
        ("kappa", -0.1, r"a weight in \[0, 1\)"),
        ("p_uncond", 1.0, r"a share in \[0, 1\)"),
        ("p_uncond", -0.1, r"a share in \[0, 1\)"),
        ("sampling_steps", 0, "a number of steps >= 1"),
    ],
)
def test_bad_values_name_field_value_and_what_is_expected(mean_flow, field, value, expected):
    with pytest.raises(ValueError, match=f"{field} is {value}; expected {expected}"):
        mean_flow.MeanFlow(replace(mean_flow.MeanFlowConfig(), **{field: value}), Spec((1, 4, 4), 0, 0))


def test_bad_steps_and_shapes_are_refused(mean_flow):
    z, (r, t) = normal(2, 1, 2, 2), some_times(2)
    for sampler in (mean_flow.sample, mean_flow.follow):
        with pytest.raises(ValueError, match="steps is 0; expected a number of steps >= 1"):
            sampler(exact, z, 0)
    with pytest.raises((ValueError, TypeCheckError), match=r"u returned \[2, 1, 2, 1\]; expected the shape of z"):
        unchecked(mean_flow.loss_at)(lambda z, r, t, labels: z[..., :1], z, r, t, z)
