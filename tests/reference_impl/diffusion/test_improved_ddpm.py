"""Proofs of improved_ddpm.py. Statistical bounds are stated as numbers of standard errors; seeds are fixed."""

import copy
import math
import re

import numpy as np
import pytest
import torch
from scipy import stats

from reference_impl.data import Data, Spec
from reference_impl.engine import Batch
from tests.reference_impl.diffusion.toys import F64, every_t, normal, rough, seeded, unchecked
from tests.reference_impl.weights import shaken, slopes

BIT = math.log(2)


def numbers(beta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """alpha_bar, alpha_bar before, and beta~ with its second entry in the place of the first, which is 0."""
    abar = np.cumprod(1 - beta)
    before = np.concatenate([[1.0], abar[:-1]])
    tilde = (1 - before) / (1 - abar) * beta
    return abar, before, np.concatenate([tilde[1:2], tilde[1:]])


def told(eps: torch.Tensor, v: torch.Tensor | float):
    """A network whatever it sees: this noise, and this v."""
    return lambda x_t, t: torch.cat([eps, 2 * v * torch.ones_like(eps) - 1], dim=1)


def oracle(abar: np.ndarray, x_0: torch.Tensor, offset: float = 0.0, v: float = 0.5):
    """Knows x_0, so it can solve for the true noise; then errs by a constant."""

    def network(x_t, t):
        a = torch.from_numpy(abar)[t - 1].reshape(-1, 1, 1, 1)
        return told((x_t - a.sqrt() * x_0) / (1 - a).sqrt() + offset, v)(x_t, t)

    return network


# ------------------------------------------------------------------------------------------- reverse process


def test_the_networks_first_half_is_noise_and_its_second_gives_v(improved_ddpm):
    output, x = normal(3, 4, 2, 5), torch.zeros(3, 2, 2, 5, dtype=F64)
    eps, v = improved_ddpm.halves(output, x)
    assert torch.equal(eps, output[:, :2])
    torch.testing.assert_close(2 * v - 1, output[:, 2:], rtol=0, atol=1e-15)
    for wrong in (output[:, :2], output[:, :3], output[:2], output[..., :4]):
        with pytest.raises(ValueError, match=re.escape("expected [3, 4, 2, 5]")):
            unchecked(improved_ddpm.halves)(wrong, x)


def test_v_of_0_and_1_are_the_two_extremes_and_between_them_logs_are_mixed(process, improved_ddpm):
    for s in (rough(process)[0], process.Schedule.cosine(200)):
        beta, t, ones = s.beta[1:].numpy(), every_t(s.T), torch.ones(s.T, 1, 1, 2, dtype=F64)
        _, _, tilde = numbers(beta)
        for v, expected in [
            (0.0, tilde),
            (1.0, beta),
            (0.5, np.sqrt(beta * tilde)),
            (2.0, beta**2 / tilde),  # v is not kept within [0, 1]
        ]:
            log_var = improved_ddpm.log_sigma(s, v * ones, t)
            np.testing.assert_allclose(log_var[:, 0, 0, 1].exp(), expected, rtol=1e-10)


def test_log_sigma_is_each_pixels_own(process, improved_ddpm):
    s, beta = rough(process)
    v, t = torch.rand(4, 2, 3, 3, dtype=F64, generator=seeded()), torch.tensor([1, 2, 5, 9])
    _, _, tilde = numbers(beta)
    big, small = (torch.from_numpy(np.log(a))[t - 1].reshape(-1, 1, 1, 1) for a in (beta, tilde))
    torch.testing.assert_close(improved_ddpm.log_sigma(s, v, t), v * big + (1 - v) * small, rtol=1e-12, atol=0)
    assert improved_ddpm.log_sigma(s, v.float(), t).dtype == F64


def test_reverse_law_has_the_implied_posterior_mean_and_the_learned_variance(process, improved_ddpm):
    s, _ = rough(process)
    t, x_t, eps, v = every_t(9), normal(9, 2, 3, 3), normal(9, 2, 3, 3, seed=1), normal(9, 2, 3, 3, seed=2)
    abar = s.alpha_bar[1:].reshape(-1, 1, 1, 1)
    expected, _ = process.q_posterior(s, (x_t - (1 - abar).sqrt() * eps) / abar.sqrt(), x_t, t)
    mean, log_var = improved_ddpm.reverse_law(s, told(eps, v), clip=False)(x_t, t)
    torch.testing.assert_close(mean, expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(log_var, improved_ddpm.log_sigma(s, v, t), rtol=1e-9, atol=1e-9)


def test_implied_data_are_clipped_unless_told_otherwise(process, improved_ddpm):
    """At x_t = 0, noise of -3 and 3 implies data far outside [-1, 1]; noise of 0.1, data inside."""
    s, _ = rough(process)
    t, x_t = torch.tensor([5, 5, 5]), torch.zeros(3, 1, 1, 1, dtype=F64)
    eps = torch.tensor([-3.0, 3.0, 0.1], dtype=F64).reshape(3, 1, 1, 1)
    a = s.alpha_bar[5]
    x_0 = torch.tensor([1.0, -1.0, -((1 - a) / a).sqrt() * 0.1], dtype=F64).reshape(3, 1, 1, 1)
    expected, _ = process.q_posterior(s, x_0, x_t, t)
    for p in (improved_ddpm.reverse_law(s, told(eps, 0.5)), improved_ddpm.reverse_law(s, told(eps, 0.5), clip=True)):
        torch.testing.assert_close(p(x_t, t)[0], expected)
    bare, _ = improved_ddpm.reverse_law(s, told(eps, 0.5), clip=False)(x_t, t)
    assert (bare[:2].abs() > expected[:2].abs() + 0.1).all()
    torch.testing.assert_close(bare[2], expected[2])


def test_the_way_back_of_a_network_that_errs_stays_near_only_if_clipped(process, improved_ddpm):
    """The cosine schedule ends at sqrt(abar_T) = 5e-5, by which an error of the noise is divided."""
    s, x_0, farthest = process.Schedule.cosine(), torch.full((1, 1, 8, 8), 0.5), []
    network = oracle(s.alpha_bar[1:].numpy(), x_0, 0.5)
    for choice in ({}, {"clip": True}, {"clip": False}):
        states = improved_ddpm.trajectory(
            s, lambda x, t: network(x.double(), t).float(), 100, x_0.shape, seeded(), **choice
        )
        farthest.append(max(x.abs().max().item() for _, x in states))
    assert farthest[0] == farthest[1] < 5
    assert farthest[2] > 10


# ---------------------------------------------------------------------------------------------- the objective


def test_oracle_has_l_simple_zero_and_an_offset_c_has_c_squared(process, improved_ddpm):
    s, beta = rough(process)
    x_0, eps, t = normal(9, 2, 3, 3), normal(9, 2, 3, 3, seed=1), every_t(9)
    abar = np.cumprod(1 - beta)
    exact, _ = improved_ddpm.losses_at(s, oracle(abar, x_0), x_0, t, eps, 5)
    assert exact.max() < 1e-25
    off, _ = improved_ddpm.losses_at(s, oracle(abar, x_0, 0.8), x_0, t, eps, 5)
    torch.testing.assert_close(off, torch.full((9,), 0.64, dtype=F64), rtol=1e-10, atol=0)
    guess = eps + torch.arange(9.0, dtype=F64).reshape(-1, 1, 1, 1)
    own, _ = improved_ddpm.losses_at(s, told(guess, 0.5), x_0, t, eps, 5)
    torch.testing.assert_close(own, torch.arange(9.0, dtype=F64) ** 2)


def vlb_by_hand(beta: np.ndarray, offset: float, v: float, levels: int) -> np.ndarray:
    """Each L_{t-1} in bits where noise is known but for an offset and x_0 = 0: no term depends on the noise."""
    abar, _, tilde = numbers(beta)
    error = beta * offset / np.sqrt((1 - beta) * (1 - abar))
    var = beta**v * tilde ** (1 - v)
    kl = (np.log(var / tilde) + (tilde + error**2) / var - 1) / 2
    half, sd = 1 / (levels - 1), math.sqrt(var[0])
    kl[0] = -math.log(stats.norm.cdf((half + error[0]) / sd) - stats.norm.cdf((-half + error[0]) / sd))
    return kl / BIT


@pytest.mark.parametrize("v", [0.0, 0.3, 1.0])
def test_vlb_term_is_the_kl_by_hand_and_the_decoders_bits_at_t_1(process, improved_ddpm, v):
    s, beta = rough(process)
    x_0, eps = torch.zeros(9, 1, 2, 2, dtype=F64), normal(9, 1, 2, 2)
    network = oracle(np.cumprod(1 - beta), x_0, 0.4, v)
    _, vlb = improved_ddpm.losses_at(s, network, x_0, every_t(9), eps, 5)
    np.testing.assert_allclose(vlb, vlb_by_hand(beta, 0.4, v, 5), rtol=1e-9)


def test_vlb_teaches_v_and_leaves_the_noise_alone_and_l_simple_does_the_reverse(process, improved_ddpm):
    s, _ = rough(process)
    x_0, eps, t = normal(9, 1, 2, 2, seed=1).clamp(-1, 1), normal(9, 1, 2, 2), every_t(9)
    output = (0.5 * normal(9, 2, 2, 2, seed=2)).requires_grad_()
    simple, vlb = improved_ddpm.losses_at(s, lambda x, t: output, x_0, t, eps, 5)
    (by_simple,) = torch.autograd.grad(simple.sum(), output, retain_graph=True)
    (by_vlb,) = torch.autograd.grad(vlb.sum(), output)
    assert (by_vlb[:, :1] == 0).all()
    assert (by_vlb[:, 1:] != 0).all()
    assert (by_simple[:, :1] != 0).all()
    assert (by_simple[:, 1:] == 0).all()


def test_hybrid_loss_is_l_simple_plus_lambda_T_times_the_term_at_its_own_t(process, improved_ddpm):
    s, beta = rough(process)
    x_0, asked = torch.zeros(50, 1, 2, 2, dtype=F64), []
    inner = oracle(np.cumprod(1 - beta), x_0, 0.4, 0.3)

    def network(x_t, t):
        asked.append(t)
        return inner(x_t, t)

    for weight in (0.001, 0.25):
        loss = improved_ddpm.loss_hybrid(s, network, x_0, 5, seeded(), weight)
        terms = vlb_by_hand(beta, 0.4, 0.3, 5)[asked[-1].numpy() - 1]
        assert loss.shape == ()
        assert loss.item() == pytest.approx(0.16 + weight * 9 * terms.mean(), rel=1e-9)
    assert improved_ddpm.loss_hybrid(s, network, x_0, 5, seeded()).item() == pytest.approx(
        0.16 + 0.001 * 9 * vlb_by_hand(beta, 0.4, 0.3, 5)[asked[-1].numpy() - 1].mean(), rel=1e-9
    )  # lambda is the paper's


def test_the_network_is_asked_once(process, improved_ddpm):
    s, asked = rough(process)[0], []

    def network(x_t, t):
        asked.append(t)
        return told(x_t, 0.5)(x_t, t)

    improved_ddpm.loss_hybrid(s, network, normal(6, 1, 2, 2), 5, seeded())
    assert len(asked) == 1


def test_times_are_uniform_on_1_to_T_and_noise_is_fresh(process, improved_ddpm):
    """Chi-square over 10 times and 20,000 draws, at level 1e-6; no two images or calls share noise."""
    s, _ = rough(process, T=10)
    times, noises, g = [], [], seeded()

    def spy(x_t, t):
        times.append(t)
        noises.append(x_t / (1 - s.alpha_bar[t]).sqrt().reshape(-1, 1, 1, 1))  # x_0 = 0: what is left is eps
        return told(torch.zeros_like(x_t), 0.5)(x_t, t)

    for _ in range(20):
        improved_ddpm.loss_hybrid(s, spy, torch.zeros(1000, 1, 1, 2, dtype=F64), 5, g)
    t, eps = torch.cat(times), torch.cat(noises).flatten().numpy()
    count = np.bincount(t.numpy(), minlength=11)
    assert (t.min(), t.max(), count[0]) == (1, 10, 0)
    assert ((count[1:] - 2000) ** 2 / 2000).sum() < stats.chi2.isf(1e-6, df=9)
    assert len(np.unique(eps)) == len(eps) == 40_000
    assert stats.kstest(eps, "norm").pvalue > 1e-6


def test_gradient_of_the_hybrid_loss_equals_finite_differences(process, bound, improved_ddpm, unet):
    """In float64, along three directions through all the weights. What is differenced has, in L_vlb, the noise of a
    copy of the network that stays as it was: that is what the stopped gradient means."""
    torch.manual_seed(0)
    net = shaken(unet.UNet(width=16, outputs=2).double())
    fixed, s = copy.deepcopy(net), process.Schedule.cosine(20)
    x_0, eps, t = normal(4, 1, 4, 4).clamp(-1, 1), normal(4, 1, 4, 4, seed=1), torch.tensor([1, 2, 9, 20])

    def both(simple, vlb):
        return simple.mean() + 0.01 * 20 * vlb.mean()

    def by_hand() -> torch.Tensor:
        x_t = process.q_sample(s, x_0, t, eps)
        simple = (net(x_t, t)[:, :1] - eps).square().mean(dim=(1, 2, 3))
        mixed = improved_ddpm.reverse_law(
            s, lambda x, t: torch.cat([fixed(x, t)[:, :1], net(x, t)[:, 1:]], dim=1), False
        )
        return both(simple, bound.term_at(s, mixed, x_0, t, eps, 17))

    loss = lambda: both(*improved_ddpm.losses_at(s, net, x_0, t, eps, 17))  # noqa: E731
    assert loss().item() == pytest.approx(by_hand().item(), rel=1e-12)
    for slope, difference in slopes(loss, list(net.parameters()), h=1e-6, moved=by_hand):
        assert slope == pytest.approx(difference, rel=1e-4)


# --------------------------------------------------------------------------------------------- fewer steps


@pytest.mark.parametrize(("T", "K"), [(1000, 100), (1000, 7), (40, 39), (9, 2), (9, 9)])
def test_strided_schedule_has_the_alpha_bar_of_the_times_it_keeps(process, improved_ddpm, T, K):
    s = process.Schedule.cosine(T)
    short, S = improved_ddpm.strided(s, K)
    assert S.tolist() == [0, *np.round(np.linspace(1, T, K)).astype(int).tolist()]
    assert (S.diff() >= 1).all()
    assert short.T == K
    torch.testing.assert_close(short.alpha_bar, s.alpha_bar[S], rtol=1e-9, atol=0)
    abar = s.alpha_bar[S].numpy()
    np.testing.assert_allclose(short.beta[1:], 1 - abar[1:] / abar[:-1], rtol=1e-12)


def test_all_steps_kept_are_the_schedule_itself(process, improved_ddpm):
    s = process.Schedule.cosine(300)
    short, S = improved_ddpm.strided(s, 300)
    assert torch.equal(S, torch.arange(301))
    torch.testing.assert_close(short.beta, s.beta, rtol=1e-9, atol=1e-15)


def true_v(beta: np.ndarray, var: float) -> np.ndarray:
    """The v that gives the variance of q(x_{t-1} | x_t) where x_0 has the variance var."""
    abar, before, tilde = numbers(beta)
    var_t, var_before = abar * var + 1 - abar, before * var + 1 - before
    exact = var_before - (1 - beta) * var_before**2 / var_t
    return np.log(exact / tilde) / np.log(beta / tilde)


def gaussian_network(short_abar: np.ndarray, S: list[int], mean: float, var: float, v: np.ndarray):
    """E[eps | x_t] when x_0 ~ N(mean, var), and one v for each step; it knows times of the long schedule only."""
    place = {time: k for k, time in enumerate(S[1:])}

    def network(x_t, t):
        k = torch.tensor([place[int(time)] for time in t])
        a, share = (torch.from_numpy(z)[k].reshape(-1, 1, 1, 1).to(x_t.dtype) for z in (short_abar, v))
        eps = (1 - a).sqrt() * (x_t - a.sqrt() * mean) / (a * var + 1 - a)
        return torch.cat([eps, (2 * share - 1) * torch.ones_like(eps)], dim=1)

    return network


def chain_by_hand(beta: np.ndarray, mean: float, var: float, step_var: np.ndarray) -> tuple[float, float]:
    """Sampling with that network is a linear chain: carry its mean and variance from x_T to x_0."""
    abar = np.cumprod(1 - beta)
    m, u = 0.0, 1.0
    for i in range(len(beta) - 1, -1, -1):
        k = beta[i] / (abar[i] * var + 1 - abar[i])
        m = (m - k * (m - math.sqrt(abar[i]) * mean)) / math.sqrt(1 - beta[i])
        u = u * (1 - k) ** 2 / (1 - beta[i]) + (step_var[i] if i > 0 else 0.0)
    return m, u


@pytest.mark.parametrize(("K", "least"), [(5, 0.5), (20, 0.1)])
def test_few_steps_recover_a_gaussian_by_the_right_variance_and_no_extreme(process, improved_ddpm, K, least):
    """200,000 samples have the chain's mean and variance, within 5 standard errors; with the v that gives the true
    reverse variance these are the data's. Either extreme misses the data's variance."""
    s, mean, var, n = process.Schedule.cosine(), 0.6, 0.25, 200_000
    short, S = improved_ddpm.strided(s, K)
    beta = short.beta[1:].numpy()
    abar, _, tilde = numbers(beta)
    v = true_v(beta, var)
    misses = []
    for share in (v, np.zeros(K), np.ones(K)):
        step_var = beta**share * tilde ** (1 - share)
        m, u = chain_by_hand(beta, mean, var, step_var)
        network = gaussian_network(abar, S.tolist(), mean, var, share)
        *_, (_, x) = improved_ddpm.trajectory(s, network, K, (1, 1, 400, 500), seeded(), clip=False)
        assert abs(x.mean().item() - m) < 5 * math.sqrt(u / n)
        assert abs(x.var().item() - u) < 5 * u * math.sqrt(2 / n)
        misses.append(abs(u - var) / var)
    assert misses[0] < 1e-3
    assert min(misses[1:]) > least
    assert ((v[1:] > 0) & (v[1:] < 1)).all()  # Section 3.2 of DDPM: the truth lies between the extremes


def test_last_step_adds_no_noise_and_every_other_adds_sigma(process, improved_ddpm):
    s, _ = rough(process)
    n, x_t = 100_000, torch.full((1, 1, 1000, 100), 0.8, dtype=F64)
    p = improved_ddpm.reverse_law(s, lambda x, t: torch.cat([0.3 * x, 0.2 * torch.ones_like(x)], dim=1))
    for t in (1, 2, 9):
        mean, log_var = p(x_t[..., :1, :1], torch.tensor([t]))
        x = improved_ddpm.p_sample(p, x_t, t, seeded(t))
        if t == 1:
            torch.testing.assert_close(x, mean.expand_as(x_t))
            continue
        var = log_var.exp().item()
        assert abs(x.mean().item() - mean.item()) < 5 * math.sqrt(var / n)
        assert abs(x.var().item() - var) < 5 * var * math.sqrt(2 / n)


def test_trajectory_asks_the_network_at_the_long_schedules_times(process, improved_ddpm):
    s, asked = process.Schedule.cosine(40), []

    def network(x_t, t):
        asked.append((t.tolist(), tuple(x_t.shape)))
        return told(x_t, 0.5)(x_t, t)

    states = list(improved_ddpm.trajectory(s, network, 4, (2, 1, 3, 3), seeded()))
    assert [t for t, _ in states] == [40, 27, 14, 1, 0]
    assert asked == [([t, t], (2, 1, 3, 3)) for t in (40, 27, 14, 1)]
    assert all(x.dtype == torch.float32 for _, x in states)
    assert torch.equal(states[0][1], torch.randn(2, 1, 3, 3, generator=seeded()))


def test_sampling_starts_from_the_standard_normal_and_keeps_no_gradient(process, improved_ddpm):
    weight = torch.ones(1, requires_grad=True)
    s = process.Schedule.cosine(9)
    states = list(
        improved_ddpm.trajectory(s, lambda x, t: weight * torch.cat([x, x], dim=1), 3, (1, 1, 100, 100), seeded())
    )
    assert stats.kstest(states[0][1].flatten().numpy(), "norm").pvalue > 1e-6
    assert not states[-1][1].requires_grad


# ----------------------------------------------------------------------------------- sizes, seeds, the method


def small(improved_ddpm, shape=(1, 8, 8), levels: int = 17, **kwargs):
    torch.manual_seed(0)
    config = improved_ddpm.ImprovedDDPMConfig(**{"T": 8, "sample_steps": 4, "width": 16, **kwargs})
    method = improved_ddpm.build(config, Spec(shape, 0, levels), "cpu")
    shaken(method.model, 0.05)
    return method


@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (3, 2, 7, 5), (2, 1, 9, 8), (5, 1, 1, 1)])
def test_batch_of_one_and_odd_sizes(improved_ddpm, shape):
    method = small(improved_ddpm, shape[1:])
    (player,) = method.players()
    assert player.loss(Batch(torch.zeros(shape), torch.zeros(len(shape)).long()), seeded()).shape == ()
    assert method.sample(shape[0], None, seeded()).shape == shape


def test_patches_halve_what_the_network_sees(improved_ddpm):
    method = small(improved_ddpm, (1, 8, 8), patch=2)
    assert method.model.enter.in_channels == 4
    assert method.model(torch.zeros(1, 1, 8, 8), torch.ones(1)).shape == (1, 2, 8, 8)


def test_the_method_has_the_cosine_schedule_and_its_own_levels_weight_and_steps(process, improved_ddpm):
    method = small(improved_ddpm, vlb_weight=0.5)
    assert torch.equal(method.schedule.beta, process.Schedule.cosine(8).beta)
    x = torch.rand(4, 1, 8, 8, generator=seeded(3)) * 2 - 1
    expected = improved_ddpm.loss_hybrid(method.schedule, method.model, x, 17, seeded(), 0.5)
    assert torch.equal(method.players()[0].loss(Batch(x, torch.zeros(4).long()), seeded()), expected)
    seen = []
    method.sample(2, None, seeded(), lambda steps, total: (seen.append(total), steps)[1])
    assert seen == [5]


def test_same_seed_same_bits_other_seed_other_bits(improved_ddpm):
    method = small(improved_ddpm)
    (player,), batch = method.players(), Batch(torch.rand(5, 1, 8, 8), torch.zeros(5).long())
    for draw in (lambda g: method.sample(3, None, g), lambda g: player.loss(batch, g)):
        torch.manual_seed(1)
        first = draw(seeded(1))
        torch.manual_seed(2)
        assert torch.equal(draw(seeded(1)), first)
        assert not torch.equal(draw(seeded(2)), first)


def test_the_picture_has_a_row_for_each_number_of_steps_from_one_start(improved_ddpm):
    method = small(improved_ddpm, (1, 4, 4), T=12)
    x = torch.zeros(2, 1, 4, 4)
    rows = method.pictures(Data("toy", x, torch.zeros(2).long(), x, torch.zeros(2).long()), seeded())["steps"]
    assert rows.shape == (3, 10, 1, 4, 4)
    for row, K in zip(rows, (5, 10, 12), strict=True):
        assert torch.equal(row, small(improved_ddpm, (1, 4, 4), T=12, sample_steps=K).sample(10, None, seeded()))


def test_evaluation_is_on_fixed_times_and_noise_and_bounds_the_bits(bound, improved_ddpm):
    x = (torch.randint(0, 17, (40, 1, 4, 4), generator=seeded()) / 8 - 1).float()
    y = torch.zeros(40).long()
    data = Data("toy", x[:30], y[:30], x[30:], y[30:], levels=17)
    torch.manual_seed(0)
    method = improved_ddpm.build(improved_ddpm.ImprovedDDPMConfig(T=20, sample_steps=4, width=16), data.spec, "cpu")
    asked = []
    method.model.register_forward_hook(lambda module, inputs, output: asked.append(inputs[1].unique().tolist()))
    first, again = (method.evaluate(data, x[:30], None, seeded()) for _ in range(2))
    assert asked[:20] == [[t] for t in range(1, 21)]  # all along the way
    assert first == again
    assert first["held_out_loss"] == pytest.approx(1, abs=0.1)  # before training the guess is 0: E eps^2 = 1
    assert first["frechet"] == first["frechet_real"]  # samples that are the training images
    assert first["bits_per_dim"] > math.log2(17)  # the pixels are uniform: nothing can take fewer bits
    p, g = improved_ddpm.reverse_law(method.schedule, method.model), seeded()
    for _ in range(20):
        torch.randn(10, 1, 4, 4, generator=g)  # the noise of the held-out loss
    assert first["bits_per_dim"] == bound.held_out_bits(method.schedule, p, x[30:], 17, g)


def test_no_more_than_360_held_out_images_are_measured(improved_ddpm):
    """Ten thousand at once would not fit into memory."""
    x, y, sizes = torch.rand(400, 1, 4, 4, generator=seeded()) * 2 - 1, torch.zeros(400).long(), []
    data = Data("toy", x[:30], y[:30], x, y)
    method = improved_ddpm.ImprovedDDPM(improved_ddpm.ImprovedDDPMConfig(T=2, sample_steps=2, width=16), data.spec)
    method.model.register_forward_hook(lambda module, inputs, output: sizes.append(len(inputs[0])))
    method.evaluate(data, x[:30], None, seeded())
    assert sizes == [360] * 20 + [60] * 12


# ------------------------------------------------------------------------------------------------- messages


def test_bad_values_name_field_value_and_what_is_expected(process, improved_ddpm):
    for kwargs, parts in [
        ({"T": 1}, ["T is 1", ">= 2"]),
        ({"sample_steps": 1}, ["sample_steps is 1", "2..1000"]),
        ({"sample_steps": 20, "T": 10}, ["sample_steps is 20", "2..10"]),
        ({"vlb_weight": 0.0}, ["vlb_weight is 0.0", "> 0"]),
        ({"width": 12}, ["width is 12", "multiple of 8"]),
        ({"width": 20}, ["width is 20", "multiple of 8"]),
        ({"patch": 0}, ["patch is 0", ">= 1"]),
    ]:
        with pytest.raises(ValueError, match=re.escape(parts[0])) as caught:
            improved_ddpm.ImprovedDDPMConfig(**kwargs)
        assert all(part in str(caught.value) for part in parts), caught.value
    for K in (1, 10):
        with pytest.raises(ValueError, match=re.escape(f"steps is {K}; expected a number in 2..9")):
            improved_ddpm.strided(rough(process)[0], K)
