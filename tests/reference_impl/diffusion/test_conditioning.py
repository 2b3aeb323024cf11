"""Proofs of conditioning.py: counts against the binomial law, guidance against the gradient of log densities."""

import math

import numpy as np
import pytest
import torch

from tests.reference_impl.diffusion.toys import F64, every_t, normal, seeded

CLASSES = torch.tensor([-1.0, 1.0], dtype=F64)
"""The means of two classes of equal weight, in one dimension."""


def log_density(x, abar, var, labels=None):
    """log q(x_t | c) of two Gaussian classes of this variance, or log q(x_t), up to a constant."""
    log_p = torch.stack([-((x - abar.sqrt() * m) ** 2) / (2 * (abar * var + 1 - abar)) for m in CLASSES])
    return log_p.logsumexp(dim=0) if labels is None else log_p.gather(0, labels.reshape(1, *x.shape)).squeeze(0)


def exact(schedule, var=0.5):
    """The noise that the score of either law implies, by automatic differentiation: what a perfect network says."""

    def network(x, t, labels):
        abar = schedule.alpha_bar[t].reshape(-1, 1, 1, 1)
        told = None if labels is None else labels.reshape(-1, 1, 1, 1)
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            (score,) = torch.autograd.grad(log_density(x, abar, var, told).sum(), x)
        return -(1 - abar).sqrt() * score

    return network


def two(x, t, labels):
    """A network whose two answers cannot be confused."""
    return 3 * x + t.reshape(-1, 1, 1, 1) if labels is None else x * labels.reshape(-1, 1, 1, 1)


# ------------------------------------------------------------------------------------------- dropped classes


@pytest.mark.parametrize("p", [0.1, 0.35])
def test_classes_are_dropped_with_probability_p_uncond(conditioning, p):
    """Of 40,000 labels, within 5 standard errors of the binomial law; in each of 40 calls some are and some are not."""
    g, labels = seeded(), torch.arange(1000) % 10
    dropped = torch.stack([conditioning.drop_labels(labels, 10, p, g) == 10 for _ in range(40)]).double()
    assert abs(dropped.mean().item() - p) < 5 * math.sqrt(p * (1 - p) / 40_000)
    assert ((dropped.mean(dim=1) - p).abs() < 5 * math.sqrt(p * (1 - p) / 1000)).all()
    by_class = dropped.mean(dim=0).reshape(100, 10).mean(dim=0)
    assert ((by_class - p).abs() < 5 * math.sqrt(p * (1 - p) / 4000)).all()


def test_a_dropped_class_is_the_token_after_the_last_and_others_stay(conditioning):
    labels = torch.arange(200) % 7
    seen = conditioning.drop_labels(labels, 7, 0.5, seeded())
    assert seen.dtype == labels.dtype
    assert torch.equal(labels, torch.arange(200) % 7)
    assert ((seen == labels) | (seen == 7)).all()
    assert torch.equal(conditioning.drop_labels(labels, 7, 0.0, seeded()), labels)
    assert torch.equal(conditioning.drop_labels(labels, 7, 1.0, seeded()), torch.full((200,), 7))


def test_what_is_dropped_comes_from_the_generator_alone(conditioning):
    labels, outcomes = torch.zeros(100).long(), []
    for seed in (1, 2):
        torch.manual_seed(seed)
        outcomes.append(conditioning.drop_labels(labels, 10, 0.5, seeded()))
    assert torch.equal(outcomes[0], outcomes[1])
    assert not torch.equal(outcomes[0], conditioning.drop_labels(labels, 10, 0.5, seeded(1)))


# ------------------------------------------------------------------------------------------------- guidance


@pytest.mark.parametrize("w", [-1.0, -0.5, 0.0, 1.0, 3.0])
def test_guidance_is_eq_6(conditioning, w):
    x, t, labels = normal(4, 1, 2, 2), torch.tensor([1, 5, 2, 9]), torch.tensor([2, 0, 1, 3])
    conditional, unconditional = two(x, t, labels).numpy(), two(x, t, None).numpy()
    expected = (1 + w) * conditional - w * unconditional
    np.testing.assert_allclose(conditioning.guided(two, labels, w)(x, t), expected, rtol=1e-14, atol=1e-14)
    scale = 1 + w  # as much software has it
    np.testing.assert_allclose(unconditional + scale * (conditional - unconditional), expected, rtol=1e-12, atol=1e-12)


def test_without_strength_or_class_the_network_is_asked_once_and_says_just_what_it_says(conditioning):
    asked, x, t, labels = [], normal(2, 1, 2, 2), torch.tensor([3, 4]), torch.tensor([1, 0])

    def network(x, t, labels):
        asked.append(labels)
        return two(x, t, labels)

    assert torch.equal(conditioning.guided(network, labels, 0.0)(x, t), two(x, t, labels))
    assert torch.equal(conditioning.guided(network, None, 3.0)(x, t), two(x, t, None))
    assert torch.equal(asked[0], labels)
    assert asked[1:] == [None]
    conditioning.guided(network, labels, 3.0)(x, t)
    assert len(asked) == 4


def test_at_minus_1_nothing_of_the_class_is_left(conditioning):
    x, t = normal(2, 1, 2, 2), torch.tensor([3, 4])
    said = [conditioning.guided(two, torch.tensor(labels), -1.0)(x, t) for labels in ([0, 1], [5, 9])]
    assert torch.equal(said[0], said[1])
    torch.testing.assert_close(said[0], two(x, t, None))


@pytest.mark.parametrize("kind", ["eps", "x_0", "v"])
def test_guidance_of_any_prediction_implies_the_same_data(process, parameterisation, conditioning, kind):
    """The weights add up to one, and the predictions are affine in one another."""
    s, t, labels = process.Schedule.cosine(20), every_t(19), torch.arange(19) % 2
    alpha, noise = s.alpha_bar[t].sqrt(), (1 - s.alpha_bar[t]).sqrt()
    x_t, network = normal(19, 1, 2, 2), lambda x, t, c: normal(19, 1, 2, 2, seed=1 if c is None else 2)

    def as_kind(x, t, c):
        eps = network(x, t, c)
        x_0 = parameterisation.data_from("eps", eps, x, alpha, noise)
        return parameterisation.target(kind, x_0, eps, alpha, noise)

    by_eps = parameterisation.data_from("eps", conditioning.guided(network, labels, 2.5)(x_t, t), x_t, alpha, noise)
    by_kind = parameterisation.data_from(kind, conditioning.guided(as_kind, labels, 2.5)(x_t, t), x_t, alpha, noise)
    torch.testing.assert_close(by_kind, by_eps, rtol=1e-9, atol=1e-9)
    assert not torch.allclose(by_eps, parameterisation.data_from("eps", network(x_t, t, labels), x_t, alpha, noise))


@pytest.mark.parametrize("w", [-1.0, 0.0, 1.0, 4.0])
def test_with_exact_scores_the_guided_one_is_the_gradient_of_log_p_plus_1_plus_w_log_of_the_class(
    process, conditioning, w
):
    """grad [log q(x_t) + (1 + w) log q(c | x_t)] for two Gaussian classes, q(c | x_t) by Bayes' rule."""
    s, x, t, c = process.Schedule.cosine(20), normal(6, 1, 1, 1), every_t(6) * 3, torch.tensor([0, 1, 0, 1, 0, 1])
    guided = conditioning.guided(exact(s), c, w)(x, t)
    abar, at = s.alpha_bar[t].reshape(-1, 1, 1, 1), x.clone().requires_grad_()
    given = log_density(at, abar, 0.5, c.reshape(-1, 1, 1, 1))
    log_p = log_density(at, abar, 0.5)
    (gradient,) = torch.autograd.grad((log_p + (1 + w) * (given - log_p)).sum(), at)
    torch.testing.assert_close(-guided / (1 - abar).sqrt(), gradient, rtol=1e-10, atol=1e-10)


def guided_samples(process, conditioning, ddim, w: float) -> torch.Tensor:
    """The quantiles of x_T, followed along the guided ODE towards the class at 1, of variance 0.5."""
    s, n = process.Schedule.cosine(), 500
    quantiles = torch.special.ndtri((torch.arange(n, dtype=F64) + 0.5) / n).reshape(n, 1, 1, 1)
    predict = conditioning.guided(exact(s), torch.ones(n).long(), w)
    return ddim.decode(s, predict, quantiles, ddim.spread(1000, 40))


def test_guidance_trades_variety_for_distance_from_the_other_class(process, conditioning, ddim):
    """At 0, the class itself; then samples move away from the other class and closer to each other."""
    x = [guided_samples(process, conditioning, ddim, w) for w in (0.0, 1.0, 3.0)]
    assert x[0].mean().item() == pytest.approx(1.0, abs=0.02)
    assert x[0].std().item() == pytest.approx(math.sqrt(0.5), rel=0.04)
    means, deviations = [one.mean().item() for one in x], [one.std().item() for one in x]
    assert means[0] + 0.3 < means[1] < means[2] - 0.3
    assert deviations[0] - 0.1 > deviations[1] > deviations[2] + 0.05


def test_guided_samples_do_not_follow_the_law_whose_gradient_is_written(process, conditioning, ddim):
    """p(x) p(c | x)^(1 + w) at w = 3 has mean 1.23 and deviation 0.57, by quadrature; guided samples do not: at
    t > 0 the guided score is not the score of that law after noise is added."""
    u = np.linspace(-8, 8, 4001)
    of_c, other = np.exp(-((u - 1) ** 2)), np.exp(-((u + 1) ** 2))
    law = (of_c + other) * (of_c / (of_c + other)) ** 4
    mean = (law * u).sum() / law.sum()
    deviation = math.sqrt((law * u**2).sum() / law.sum() - mean**2)
    assert (mean, deviation) == (pytest.approx(1.23, abs=0.005), pytest.approx(0.573, abs=0.005))
    x = guided_samples(process, conditioning, ddim, 3.0)
    assert x.mean().item() > mean + 0.5
    assert x.std().item() < deviation - 0.1
