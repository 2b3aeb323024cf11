"""Proofs of ddpm.py. Each holds the code against something worked out another way; the mutation run breaks the code
line by line and asks that one of these fails.

Statistical bounds are stated as numbers of standard errors; seeds are fixed, so a test that passes once passes always.
"""

import math

import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError
from scipy import stats

from reference_impl.data import Data, Spec
from reference_impl.engine import Batch
from tests.reference_impl.diffusion.laws import band, gaussian_noise, mixture_cdf, mixture_noise
from tests.reference_impl.diffusion.toys import F64, every_t, normal, rough, seeded, unchecked
from tests.reference_impl.weights import shaken, slopes

# ------------------------------------------------------------------------------------------ reverse process


def test_predict_x0_inverts_q_sample(process, ddpm):
    s = process.Schedule.linear()
    t, x_0, eps = every_t(1000), normal(1000, 1, 2, 2, seed=1), normal(1000, 1, 2, 2, seed=2)
    x_t = process.q_sample(s, x_0, t, eps)
    torch.testing.assert_close(ddpm.predict_x0(s, x_t, t, eps), x_0, rtol=0, atol=1e-11)


def test_p_mean_is_the_posterior_mean_at_the_x0_it_implies(process, ddpm):
    """Eq. (11) is Eq. (7) with x^_0 of Eq. (15) in the place of x_0, at every t."""
    for s in (process.Schedule.linear(), rough(process)[0]):
        t = every_t(s.T)
        x_t, eps = normal(s.T, 1, 2, 2, seed=1), normal(s.T, 1, 2, 2, seed=2)
        implied = (x_t - (1 - s.alpha_bar[1:]).sqrt().reshape(-1, 1, 1, 1) * eps) / s.alpha_bar[1:].sqrt().reshape(
            -1, 1, 1, 1
        )
        expected, _ = process.q_posterior(s, implied, x_t, t)
        torch.testing.assert_close(ddpm.p_mean(s, x_t, t, eps), expected, rtol=1e-9, atol=1e-9)


def test_sigma_is_the_papers_two_extremes(process, ddpm):
    s, beta = rough(process)
    abar, t = np.cumprod(1 - beta), every_t(9)
    np.testing.assert_allclose(ddpm.sigma(s, t) ** 2, beta, rtol=1e-14)
    np.testing.assert_allclose(ddpm.sigma(s, t, "beta") ** 2, beta, rtol=1e-14)
    tilde = (1 - np.array([1, *abar[:-1]])) / (1 - abar) * beta
    np.testing.assert_allclose(ddpm.sigma(s, t, "beta_tilde") ** 2, tilde, rtol=1e-13)
    assert (tilde < beta).all()


def test_the_bounds_reverse_law_is_the_samplers_but_for_the_variance_at_t_1(process, ddpm):
    """At t = 1 both choices have beta~_2, since beta~_1 = 0 would leave L_0 no width."""
    s, beta = rough(process)
    x_t, t, abar = normal(9, 2, 3, 3), every_t(9), np.cumprod(1 - beta)
    tilde = (1 - np.array([1, *abar[:-1]])) / (1 - abar) * beta
    for variance, expected in [("beta", beta), ("beta_tilde", tilde)]:
        mean, log_var = ddpm.reverse_law(s, lambda x, t: 0.3 * x, variance)(x_t, t)
        torch.testing.assert_close(mean, ddpm.p_mean(s, x_t, t, 0.3 * x_t))
        assert log_var.shape == (9, 1, 1, 1)
        np.testing.assert_allclose(log_var.flatten().exp(), [tilde[1], *expected[1:]], rtol=1e-12)
    default = ddpm.reverse_law(s, lambda x, t: 0.3 * x)(x_t, t)[1]
    assert default[-1].exp().item() == pytest.approx(beta[-1], rel=1e-12)


def test_last_step_adds_no_noise(process, ddpm):
    s, _ = rough(process)
    x_1 = normal(4, 1, 3, 3)
    for variance in ("beta", "beta_tilde"):
        outcomes = [ddpm.p_sample(s, lambda x, t: 0.5 * x, x_1, 1, seeded(i), variance) for i in (1, 2)]
        assert torch.equal(outcomes[0], outcomes[1])
        torch.testing.assert_close(outcomes[0], ddpm.p_mean(s, x_1, torch.ones(4).long(), 0.5 * x_1))


@pytest.mark.parametrize("variance", ["beta", "beta_tilde"])
def test_every_other_step_adds_noise_of_sigma_t(process, ddpm, variance):
    """Mean p_mean and variance sigma_t^2, within 5 standard errors over 100,000 pixels."""
    s, _ = rough(process)
    n = 100_000
    x_t = torch.full((1, 1, n // 100, 100), 0.8, dtype=F64)
    for t in (2, 5, 9):
        t_ = torch.tensor([t])
        x = ddpm.p_sample(s, lambda x, t: 0.3 * x, x_t, t, seeded(t), variance)
        var = ddpm.sigma(s, t_, variance).item() ** 2
        mean = ddpm.p_mean(s, x_t[:, :, :1, :1], t_, 0.3 * x_t[:, :, :1, :1]).item()
        assert abs(x.mean().item() - mean) < 5 * math.sqrt(var / n)
        assert abs(x.var().item() - var) < 5 * var * math.sqrt(2 / n)


# ------------------------------------------------------------------------------------------------- the loss


def oracle(abar: np.ndarray, x_0: torch.Tensor, offset: float = 0.0):
    """Knows x_0, so it can solve Eq. (4) for the true noise; then errs by a constant."""

    def eps_theta(x_t, t):
        a = torch.from_numpy(abar)[t - 1].reshape(-1, 1, 1, 1)
        return (x_t - a.sqrt() * x_0) / (1 - a).sqrt() + offset

    return eps_theta


def test_oracle_has_loss_zero_and_an_offset_c_has_loss_c_squared(process, ddpm):
    """Kills every mismatch between the noise that is mixed in and the noise that is the target."""
    s, beta = rough(process)
    x_0, abar = normal(64, 2, 3, 3), np.cumprod(1 - beta)
    assert ddpm.loss_simple(s, oracle(abar, x_0), x_0, seeded()).item() < 1e-25
    assert ddpm.loss_simple(s, oracle(abar, x_0, offset=0.8), x_0, seeded()).item() == pytest.approx(0.64, rel=1e-12)


def test_loss_at_is_each_images_own(process, ddpm):
    s, _ = rough(process)
    eps, t = normal(3, 2, 4, 4), torch.tensor([1, 4, 9])
    errors = torch.tensor([0.0, 1.0, 3.0], dtype=F64)
    loss = ddpm.loss_at(s, lambda x, t: eps + errors.reshape(3, 1, 1, 1), torch.zeros_like(eps), t, eps)
    torch.testing.assert_close(loss, errors**2)
    assert torch.equal(ddpm.loss_at(s, lambda x, t: eps, torch.zeros_like(eps), t, eps), torch.zeros(3, dtype=F64))


def test_the_network_sees_x_t_and_its_own_t(process, ddpm):
    """What reaches the network is Eq. (4) at the very t that it is told: at x_0 = 1 the pixels' mean gives t away."""
    s, beta = rough(process)
    abar, seen = np.cumprod(1 - beta), {}

    def spy(x_t, t):
        seen.update(x=x_t, t=t)
        return x_t

    n = 10_000
    ddpm.loss_simple(s, spy, torch.full((64, 1, 100, 100), 1.0, dtype=F64), seeded())
    at = abar[seen["t"].numpy() - 1]
    standard_error = np.sqrt((1 - at) / n)
    assert (np.abs(seen["x"].mean(dim=(1, 2, 3)).numpy() - np.sqrt(at)) < 5 * standard_error).all()


def test_times_are_uniform_on_1_to_T_and_noise_is_fresh(process, ddpm):
    """Chi-square over 10 times and 40,000 draws, at level 1e-6; no two images or calls share noise."""
    s, _ = rough(process, T=10)
    times, noises, g = [], [], seeded()

    def spy(x_t, t):
        times.append(t)
        noises.append(x_t / (1 - s.alpha_bar[t]).sqrt().reshape(-1, 1, 1, 1))  # x_0 = 0: what is left is eps
        return torch.zeros_like(x_t)

    for _ in range(40):
        ddpm.loss_simple(s, spy, torch.zeros(1000, 1, 1, 2, dtype=F64), g)
    t, eps = torch.cat(times), torch.cat(noises).flatten().numpy()
    count = np.bincount(t.numpy(), minlength=11)
    assert (t.min(), t.max(), count[0]) == (1, 10, 0)
    assert ((count[1:] - 4000) ** 2 / 4000).sum() < stats.chi2.isf(1e-6, df=9)
    assert len(np.unique(eps)) == len(eps) == 80_000
    assert stats.kstest(eps, "norm").pvalue > 1e-6


def test_gradient_of_the_loss_equals_finite_differences(process, ddpm, unet):
    """In float64, along three random directions through all the weights of a small U-Net."""
    torch.manual_seed(0)
    net = shaken(unet.UNet(width=16).double())
    s, x_0 = process.Schedule.linear(50), normal(4, 1, 4, 4)
    loss = lambda: ddpm.loss_simple(s, net, x_0, seeded(5))  # noqa: E731
    for slope, difference in slopes(loss, list(net.parameters())):
        assert slope == pytest.approx(difference, rel=1e-5)


# ----------------------------------------------------------------------------------------------- sampling


def chain_by_hand(beta: np.ndarray, mean: float, var: float, variance: str) -> tuple[float, float]:
    """Algorithm 2 with that network is a linear chain: carry its mean and variance from x_T to x_0."""
    abar = np.cumprod(1 - beta)
    m, v = 0.0, 1.0
    for i in range(len(beta) - 1, -1, -1):
        # x_{t-1} = (x_t - k (x_t - sqrt(abar) mean)) / sqrt(alpha) + sigma z
        k = beta[i] / (abar[i] * var + 1 - abar[i])
        m = (m - k * (m - math.sqrt(abar[i]) * mean)) / math.sqrt(1 - beta[i])
        v = v * (1 - k) ** 2 / (1 - beta[i])
        if i > 0:
            v += beta[i] if variance == "beta" else beta[i] * (1 - abar[i - 1]) / (1 - abar[i])
    return m, v


@pytest.mark.parametrize("variance", ["beta", "beta_tilde"])
def test_sampling_recovers_a_gaussian(process, ddpm, variance):
    """With the exact noise predictor, 40,000 samples have the chain's mean and variance, within 5 standard errors,
    and the chain's are the data's up to its discretisation (2 % of the variance at T = 1000)."""
    s, n, mean, var = process.Schedule.linear(), 40_000, 0.6, 0.25
    m, v = chain_by_hand(s.beta[1:].numpy(), mean, var, variance)
    assert m == pytest.approx(mean, abs=0.01)
    assert v == pytest.approx(var, rel=0.02)
    x = ddpm.sample(s, gaussian_noise(s, mean, var), (4, 1, 100, 100), seeded(), variance)
    assert abs(x.mean().item() - m) < 5 * math.sqrt(v / n)
    assert abs(x.var().item() - v) < 5 * v * math.sqrt(2 / n)


@pytest.mark.parametrize("variance", ["beta", "beta_tilde"])
def test_sampling_a_short_rough_chain_matches_it_exactly(process, ddpm, variance):
    """Nine big steps, where each coefficient counts: 200,000 samples against the chain carried by hand."""
    s, beta = rough(process)
    n = 200_000
    m, v = chain_by_hand(beta, 0.6, 0.25, variance)
    x = ddpm.sample(s, gaussian_noise(s, 0.6, 0.25), (1, 1, 400, 500), seeded(), variance, F64)
    assert abs(x.mean().item() - m) < 5 * math.sqrt(v / n)
    assert abs(x.var().item() - v) < 5 * v * math.sqrt(2 / n)


def test_sampling_recovers_a_mixture(process, ddpm):
    """0.3 N(-0.7, 0.1^2) + 0.7 N(0.5, 0.15^2). Kolmogorov-Smirnov distance over 20,000 samples below its 1e-6 quantile
    plus 0.01 for the chain's discretisation."""
    s, n = process.Schedule.linear(), 20_000
    x = ddpm.sample(s, mixture_noise(s), (1, 1, 100, 200), seeded()).flatten().numpy()
    assert stats.kstest(x, mixture_cdf).statistic < band(n) + 0.01


def test_trajectory_runs_from_T_to_0_and_asks_the_network_at_each_t(process, ddpm):
    s, asked = rough(process)[0], []

    def eps_theta(x_t, t):
        asked.append((t.tolist(), tuple(x_t.shape)))
        return torch.zeros_like(x_t)

    states = list(ddpm.trajectory(s, eps_theta, (2, 1, 3, 3), seeded()))
    assert [t for t, _ in states] == list(range(9, -1, -1))
    assert asked == [([t, t], (2, 1, 3, 3)) for t in range(9, 0, -1)]
    assert torch.equal(ddpm.sample(s, eps_theta, (2, 1, 3, 3), seeded()), states[-1][1])


def test_sampling_starts_from_the_standard_normal(process, ddpm):
    _, x = next(ddpm.trajectory(rough(process)[0], lambda x, t: x, (1, 1, 100, 100), seeded()))
    assert stats.kstest(x.flatten().numpy(), "norm").pvalue > 1e-6


def test_sampling_keeps_no_gradient(process, ddpm):
    s, weight = rough(process)[0], torch.ones(1, requires_grad=True)
    assert not ddpm.sample(s, lambda x, t: weight * x, (1, 1, 2, 2), seeded()).requires_grad


# ----------------------------------------------------------------------------------- sizes, seeds, precision


@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (3, 1, 7, 5), (2, 1, 9, 8), (5, 1, 1, 1)])
def test_batch_of_one_and_odd_sizes(ddpm, shape):
    torch.manual_seed(0)
    method = ddpm.DDPM(ddpm.DDPMConfig(T=4, beta=(0.1, 0.5), width=16), Spec(shape[1:], 0, 0))
    (player,) = method.players()
    assert player.loss(Batch(torch.zeros(shape), torch.zeros(len(shape)).long()), seeded()).shape == ()
    assert method.sample(shape[0], None, seeded()).shape == shape


def test_the_process_shown_begins_with_noise_and_ends_with_the_samples(process, ddpm):
    method = ddpm.DDPM(ddpm.DDPMConfig(T=40, beta=(0.01, 0.3), width=16), Spec((1, 4, 4), 0, 0))
    x = torch.zeros(6, 1, 4, 4)
    process = method.pictures(Data("toy", x, torch.zeros(6).long(), x, torch.zeros(6).long()), seeded())["process"]
    assert process.shape == (4, 10, 1, 4, 4)
    assert torch.equal(process[:, 0], torch.randn(4, 1, 4, 4, generator=seeded()))
    assert torch.equal(process[:, -1], method.sample(4, None, seeded()))


def test_same_seed_same_bits_other_seed_other_bits(ddpm):
    torch.manual_seed(0)
    method = ddpm.DDPM(ddpm.DDPMConfig(T=6, beta=(0.1, 0.5), width=16), Spec((1, 8, 8), 0, 0))
    (player,), batch = method.players(), Batch(torch.rand(5, 1, 8, 8), torch.zeros(5).long())
    for draw in (lambda g: method.sample(3, None, g), lambda g: player.loss(batch, g)):
        assert torch.equal(draw(seeded(1)), draw(seeded(1)))
        assert not torch.equal(draw(seeded(1)), draw(seeded(2)))


def test_randomness_comes_from_the_generator_alone(process, ddpm):
    s, outcomes = rough(process)[0], []
    for seed in (1, 2):
        torch.manual_seed(seed)
        loss = ddpm.loss_simple(s, lambda x, t: x * 0.1, torch.zeros(8, 1, 2, 2), seeded())
        outcomes.append((loss.item(), ddpm.sample(s, lambda x, t: x * 0.1, (2, 1, 2, 2), seeded()).sum().item()))
    assert outcomes[0] == outcomes[1]


def test_held_out_loss_is_on_fixed_times_and_noise(ddpm):
    torch.manual_seed(0)
    x, y = torch.rand(40, 1, 4, 4) * 2 - 1, torch.zeros(40).long()
    data = Data("toy", x[:30], y[:30], x[30:], y[30:])
    method = ddpm.DDPM(ddpm.DDPMConfig(T=20, width=16), data.spec)
    first, again = (method.evaluate(data, x[:30], None, seeded()) for _ in range(2))
    assert first == again
    assert first["held_out_loss"] == pytest.approx(1, abs=0.1)  # before training the guess is 0: E eps^2 = 1
    assert first["frechet"] == first["frechet_real"]  # samples that are the training images
    assert first["nearest"] == pytest.approx(0, abs=1e-6)


def test_bits_of_held_out_images_are_measured_by_the_bound_on_their_own_levels(bound, ddpm):
    x = (torch.randint(0, 17, (40, 1, 4, 4), generator=seeded()) / 8 - 1).float()
    y = torch.zeros(40).long()
    data = Data("toy", x[:30], y[:30], x[30:], y[30:], levels=17)
    for variance in ("beta", "beta_tilde"):
        torch.manual_seed(0)
        config = ddpm.DDPMConfig(T=20, beta=(0.001, 0.5), width=16, variance=variance)
        method = ddpm.DDPM(config, data.spec)
        bits = method.evaluate(data, x[:30], None, seeded())["bits_per_dim"]
        assert bits > math.log2(17)  # the pixels are uniform: nothing can take fewer bits
        p, g = ddpm.reverse_law(method.schedule, method.model, variance), seeded()
        for _ in range(20):
            torch.randn(10, 1, 4, 4, generator=g)  # the noise of the held-out loss
        assert bits == bound.held_out_bits(method.schedule, p, x[30:], 17, g)


def test_patches_become_channels(ddpm):
    method = ddpm.DDPM(ddpm.DDPMConfig(T=4, beta=(0.1, 0.5), width=16, patch=2), Spec((1, 8, 8), 0, 0))
    assert method.model.enter.in_channels == 4
    assert method.sample(2, None, seeded()).shape == (2, 1, 8, 8)


def test_no_more_than_360_held_out_images_are_measured(ddpm):
    """Ten thousand at once would not fit into memory."""
    x, y, sizes = torch.rand(400, 1, 4, 4, generator=seeded()) * 2 - 1, torch.zeros(400).long(), []
    data = Data("toy", x[:30], y[:30], x, y)
    method = ddpm.DDPM(ddpm.DDPMConfig(T=2, width=16), data.spec)
    method.model.register_forward_hook(lambda module, inputs, output: sizes.append(len(inputs[0])))
    method.evaluate(data, x[:30], None, seeded())
    assert sizes == [360] * 20 + [60] * 12


# ------------------------------------------------------------------------------------------------- messages


def test_bad_values_name_field_value_and_what_is_expected(ddpm):
    for kwargs, parts in [
        ({"T": 1}, ["T is 1", ">= 2"]),
        ({"beta": (0.0, 0.02)}, ["beta is (0.0, 0.02)", "0 < beta_1"]),
        ({"beta": (0.3, 0.2)}, ["beta is (0.3, 0.2)", "beta_1 <= beta_T"]),
        ({"beta": (0.3, 1.0)}, ["beta is (0.3, 1.0)", "< 1"]),
        ({"variance": "betta"}, ["variance is 'betta'", '"beta" or "beta_tilde"']),
        ({"width": 12}, ["width is 12", "multiple of 8"]),
        ({"patch": 0}, ["patch is 0", ">= 1"]),
    ]:
        with pytest.raises((ValueError, TypeCheckError)) as caught:
            ddpm.DDPMConfig(**kwargs)
        if "variance" in kwargs and not isinstance(caught.value, ValueError):
            continue  # beartype saw the bad word first
        assert isinstance(caught.value, ValueError), caught.value
        assert all(part in str(caught.value) for part in parts), caught.value


def test_a_guess_of_another_shape_and_an_unknown_variance_are_refused(process, ddpm):
    s, x = rough(process)[0], torch.zeros(2, 1, 3, 3)
    with pytest.raises(ValueError, match="expected the noise's shape"):
        ddpm.loss_at(s, lambda x, t: x[:, :, :1], x, torch.tensor([1, 2]), x)
    with pytest.raises(ValueError, match="variance is 'none'"):
        unchecked(ddpm.sigma)(s, torch.tensor([1]), "none")
