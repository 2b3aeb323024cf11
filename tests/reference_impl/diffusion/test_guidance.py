"""Proofs of guidance.py: oracles, the weights between the predictions, and what of the settings reaches the sampler.

Statistical bounds are stated as numbers of standard errors; seeds are fixed, so a test that passes once passes always.
"""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError
from scipy import stats

from reference_impl.data import Data, Spec
from reference_impl.engine import Batch
from tests.reference_impl.diffusion.toys import F64, every_t, normal, rough, seeded, unchecked
from tests.reference_impl.weights import shaken, slopes

KINDS = ["eps", "x_0", "v"]
SCHEDULES = ["linear", "cosine"]
TOY = Spec((1, 4, 4), 2, 0)


def parts(schedule, t):
    """sqrt(abar) and sqrt(1 - abar), one for each image."""
    abar = schedule.alpha_bar[t].reshape(-1, 1, 1, 1)
    return abar.sqrt(), (1 - abar).sqrt()


def oracle(schedule, kind: str, x_0: torch.Tensor, offset: float = 0.0):
    """Knows x_0, so it can find the noise in x_t and say whatever is asked for; then errs by a constant."""

    def network(x_t, t, labels):
        a, s = parts(schedule, t)
        eps = (x_t - a * x_0) / s
        return {"eps": eps, "x_0": x_0, "v": a * eps - s * x_0}[kind] + offset

    return network


def build(guidance, spec=TOY, **settings):
    torch.manual_seed(0)
    method = guidance.build(
        guidance.GuidanceConfig(**{"T": 20, "width": 16, "sample_steps": 4, **settings}), spec, "cpu"
    )
    shaken(method.model, 0.05).eval()
    return method


def toy_data(n: int = 12) -> Data:
    x, y = torch.rand(2 * n, 1, 4, 4, generator=seeded()) * 2 - 1, torch.arange(2 * n) % 2
    return Data("toy", x[:n], y[:n], x[n:], y[n:])


# ------------------------------------------------------------------------------------------------- the loss


def test_schedules_by_name(process, guidance):
    assert torch.equal(guidance.build_schedule("linear", 50).beta, process.Schedule.linear(50).beta)
    assert torch.equal(guidance.build_schedule("cosine", 50).beta, process.Schedule.cosine(50).beta)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SCHEDULES)
def test_oracle_has_loss_zero_and_an_offset_c_has_loss_c_squared(guidance, name, kind):
    """For every prediction and schedule; kills each mismatch between what is mixed in and what is asked for."""
    s, x_0 = guidance.build_schedule(name, 20), normal(64, 2, 3, 3)
    labels = torch.arange(64) % 3
    assert guidance.loss(s, oracle(s, kind, x_0), kind, x_0, labels, seeded()).item() < 1e-15
    off = guidance.loss(s, oracle(s, kind, x_0, 0.8), kind, x_0, labels, seeded()).item()
    assert off == pytest.approx(0.64, rel=1e-6)


def test_loss_at_is_each_images_own(process, guidance):
    s, _ = rough(process)
    x_0, eps, t = normal(3, 2, 4, 4, seed=1), normal(3, 2, 4, 4), torch.tensor([1, 4, 9])
    errors = torch.tensor([0.0, 1.0, 3.0], dtype=F64).reshape(3, 1, 1, 1)
    for kind in KINDS:
        right = oracle(s, kind, x_0)
        loss = guidance.loss_at(s, lambda x, t, c, right=right: right(x, t, c) + errors, kind, x_0, None, t, eps)
        torch.testing.assert_close(loss, errors.flatten() ** 2, rtol=1e-10, atol=1e-10)


def test_losses_of_the_predictions_differ_by_a_weight_of_each_time(process, guidance):
    """One wrong guess of the noise, seen as an error of each: |v|^2 = |eps|^2 / abar = |x_0|^2 / (1 - abar)."""
    s, _ = rough(process)
    t, x_0, eps, wrong = every_t(9), normal(9, 1, 2, 2, seed=1), normal(9, 1, 2, 2, seed=2), normal(9, 1, 2, 2, seed=3)
    a, b = parts(s, t)

    def told(kind):
        def network(x_t, t, labels):
            implied = (x_t - b * wrong) / a
            return {"eps": wrong, "x_0": implied, "v": a * wrong - b * implied}[kind]

        return network

    loss = {kind: guidance.loss_at(s, told(kind), kind, x_0, None, t, eps) for kind in KINDS}
    torch.testing.assert_close(loss["v"], loss["eps"] / s.alpha_bar[1:], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(loss["v"], loss["x_0"] / (1 - s.alpha_bar[1:]), rtol=1e-10, atol=1e-10)
    for kind in KINDS:  # but one measure of the noise sees the same error in all of them
        error = guidance.noise_error_at(s, told(kind), kind, x_0, None, t, eps)
        torch.testing.assert_close(error, loss["eps"], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_the_measure_of_the_noise_is_zero_for_an_oracle(process, guidance, kind):
    s, x_0 = rough(process)[0], normal(9, 1, 2, 2)
    error = guidance.noise_error_at(s, oracle(s, kind, x_0), kind, x_0, None, every_t(9), normal(9, 1, 2, 2, seed=2))
    assert error.shape == (9,)
    assert error.max() < 1e-20


def test_the_network_sees_x_t_its_own_t_and_its_label(process, guidance):
    """What reaches the network is Eq. (4) at the very t that it is told: at x_0 = 1 the pixels' mean gives t away."""
    s, beta = rough(process)
    abar, seen, n, labels = np.cumprod(1 - beta), {}, 2_500, torch.arange(64)

    def spy(x_t, t, c):
        seen.update(x=x_t, t=t, labels=c)
        return x_t

    guidance.loss(s, spy, "v", torch.ones(64, 1, 50, 50, dtype=F64), labels, seeded())
    at = abar[seen["t"].numpy() - 1]
    assert (np.abs(seen["x"].mean(dim=(1, 2, 3)).numpy() - np.sqrt(at)) < 5 * np.sqrt((1 - at) / n)).all()
    assert torch.equal(seen["labels"], labels)
    guidance.noise_error_at(
        s, spy, "v", torch.ones(9, 1, 50, 50, dtype=F64), labels[:9], every_t(9), normal(9, 1, 50, 50)
    )
    assert torch.equal(seen["t"], every_t(9))
    assert torch.equal(seen["labels"], labels[:9])
    assert (np.abs(seen["x"].mean(dim=(1, 2, 3)).numpy() - np.sqrt(abar)) < 5 * np.sqrt((1 - abar) / n)).all()


def test_times_are_uniform_on_1_to_T_and_noise_is_fresh(process, guidance):
    """Chi-square over 10 times and 20,000 draws, at level 1e-6; no two images or calls share noise."""
    s, _ = rough(process, T=10)
    times, noises, g = [], [], seeded()

    def spy(x_t, t, c):
        times.append(t)
        noises.append(x_t / parts(s, t)[1])  # x_0 = 0: what is left is eps
        return torch.zeros_like(x_t)

    for _ in range(20):
        guidance.loss(s, spy, "eps", torch.zeros(1000, 1, 1, 2, dtype=F64), None, g)
    t, eps = torch.cat(times), torch.cat(noises).flatten().numpy()
    count = np.bincount(t.numpy(), minlength=11)
    assert (t.min(), t.max(), count[0]) == (1, 10, 0)
    assert ((count[1:] - 2000) ** 2 / 2000).sum() < stats.chi2.isf(1e-6, df=9)
    assert len(np.unique(eps)) == len(eps) == 40_000
    assert stats.kstest(eps, "norm").pvalue > 1e-6


@pytest.mark.parametrize("network", ["unet", "dit"])
def test_gradient_of_the_loss_equals_finite_differences(guidance, network):
    """In float64, along a random direction through all the weights of a small network of either kind."""
    method = build(guidance, network=network)
    method.model.double()
    x_0, labels = normal(6, 1, 4, 4), torch.arange(6) % 2
    loss = lambda: method.loss(x_0, labels, seeded(5))  # noqa: E731
    ((slope, difference),) = slopes(loss, list(method.model.parameters()), tries=1)
    assert slope == pytest.approx(difference, rel=1e-5)


def test_training_drops_classes_with_p_uncond_and_keeps_the_rest(guidance):
    """Over 6,000 images, within 5 standard errors."""
    method, seen = build(guidance, p_uncond=0.25), []
    labels = torch.arange(600) % 2

    def spy(x_t, t, c):
        seen.append(c)
        return torch.zeros_like(x_t)

    del method.model
    method.model = spy
    g = seeded()
    for _ in range(10):
        method.loss(torch.zeros(600, 1, 1, 1), labels, g)
    c = torch.stack(seen)
    assert abs((c == 2).double().mean().item() - 0.25) < 5 * math.sqrt(0.25 * 0.75 / 6000)
    assert ((c == 2) | (c == labels)).all()


# -------------------------------------------------------------------------------------------------- sampling


@pytest.mark.parametrize(
    "settings", [{}, {"w": 3.0, "eta": 0.7, "prediction": "eps", "clip": False, "sample_steps": 7}]
)
def test_sampling_is_ddim_with_the_guided_prediction(conditioning, ddim, guidance, settings):
    method, labels = build(guidance, **settings), torch.tensor([0, 1, 1])
    c = method.config
    expected = ddim.sample(
        method.schedule,
        conditioning.guided(method.model, labels, c.w),
        (3, 1, 4, 4),
        ddim.spread(c.T, c.sample_steps),
        c.eta,
        c.prediction,
        seeded(),
        1.0 if c.clip else None,
    )
    assert torch.equal(method.sample(3, labels, seeded()), expected)
    assert not torch.equal(method.sample(3, torch.tensor([1, 0, 1]), seeded()), expected)
    assert (expected.abs().max() <= 1) == c.clip


def test_without_labels_samples_are_of_any_class(conditioning, ddim, guidance):
    method = build(guidance, w=3.0)
    x = method.sample(3, None, seeded())
    expected = ddim.sample(
        method.schedule,
        lambda x, t: method.model(x, t, None),
        (3, 1, 4, 4),
        ddim.spread(20, 4),
        0.0,
        "v",
        seeded(),
        1.0,
    )
    assert torch.equal(x, expected)
    # and at -1 the class that is asked for does not matter
    g = torch.randn(3, 1, 4, 4, generator=seeded())
    torch.testing.assert_close(method.decode(g, torch.tensor([0, 1, 1]), -1.0, 4), expected, rtol=1e-4, atol=1e-4)


def test_pictures_hold_noise_and_class_and_vary_one_thing(ddim, guidance):
    method, labels = build(guidance, T=6, w=2.0, sample_steps=2), torch.arange(2)
    pictures = method.pictures(toy_data(), seeded())
    a, b = torch.randn((2, 2, 1, 4, 4), generator=seeded())
    expected = {
        "guidance": [method.decode(a, labels, w, 2) for w in (-1.0, 0.0, 1.0, 3.0, 7.0)],
        "steps": [method.decode(a, labels, 2.0, steps) for steps in (5, 6, 6, 6)],  # no more steps than times
        "walk": [method.decode(ddim.slerp(a, b, share / 7), labels, 2.0, 2) for share in range(8)],
    }
    assert pictures.keys() == expected.keys()
    for name, rows in expected.items():
        torch.testing.assert_close(pictures[name], torch.stack(rows))


def test_a_trained_toy_makes_the_class_that_is_asked_for(guidance):
    """Two classes of 4x4 images, bright above or bright below: after 60 steps, at least 97 of 100 samples are of their
    class by the halves' brightness, and with no class asked for, between 25 and 75 are of each."""
    method = build(guidance, T=100, sample_steps=5)
    optimiser, g = torch.optim.Adam(method.model.parameters(), lr=5e-3), seeded()
    above = torch.ones(1, 1, 4, 4)
    above[:, :, 2:] = -1
    for _ in range(60):
        labels = torch.randint(0, 2, (32,), generator=g)
        sign = (1 - 2 * labels).reshape(-1, 1, 1, 1)
        x_0 = (0.7 * above * sign + 0.1 * torch.randn(32, 1, 4, 4, generator=g)).clamp(-1, 1)
        optimiser.zero_grad()
        method.loss(x_0, labels, g).backward()
        optimiser.step()
    labels = torch.arange(100) % 2

    def below(x):
        return (x[:, :, 2:].mean(dim=(1, 2, 3)) > x[:, :, :2].mean(dim=(1, 2, 3))).long()

    assert (below(method.sample(100, labels, seeded())) == labels).sum() >= 97
    assert 25 < below(method.sample(100, None, seeded())).sum() < 75


# ------------------------------------------------------------------------------------------ what the engine asks


def test_the_settings_build_the_network_and_the_schedule(process, guidance):
    unet = build(guidance, patch=2, width=32, schedule="linear").model
    dit = build(guidance, network="dit", patch=2, width=48).model
    assert (type(unet).__name__, unet.width, unet.patch, unet.classes) == ("UNet", 32, 2, 2)
    assert (type(dit).__name__, dit.width, dit.patch, dit.classes) == ("DiT", 48, 2, 2)
    assert torch.equal(build(guidance, schedule="linear").schedule.beta, process.Schedule.linear(20).beta)
    assert torch.equal(build(guidance).schedule.beta, process.Schedule.cosine(20).beta)
    assert build(guidance).classes == 2


def test_the_player_lowers_this_loss_of_all_the_weights(guidance):
    method = build(guidance)
    (player,) = method.players()
    batch = Batch(normal(5, 1, 4, 4).float(), torch.arange(5) % 2)
    assert (player.name, player.model) == ("loss", method.model)
    assert torch.equal(player.loss(batch, seeded()), method.loss(batch.x, batch.labels, seeded()))
    gradients = torch.autograd.grad(player.loss(batch, seeded()), list(method.model.parameters()))
    assert all(g.abs().max() > 0 for g in gradients)


def test_what_is_trained_is_what_the_setting_says(guidance):
    """The loss of a method is that of its own prediction and schedule."""
    x, labels = normal(5, 1, 4, 4).float(), torch.arange(5) % 2
    for kind in KINDS:
        for name in SCHEDULES:
            method = build(guidance, prediction=kind, schedule=name, p_uncond=1e-9)
            g = seeded()
            torch.rand(5, generator=g)  # the draws that drop no class
            expected = guidance.loss(guidance.build_schedule(name, 20), method.model, kind, x, labels, g)
            assert torch.equal(method.loss(x, labels, seeded()), expected)


def test_data_without_classes_train_and_sample_without(guidance):
    method = build(guidance, Spec((1, 4, 4), 0, 0), T=2, sample_steps=1)
    assert method.classes == 0
    x = torch.rand(6, 1, 4, 4)
    data = Data("toy", x, torch.zeros(6).long(), x, torch.zeros(6).long())
    assert method.loss(x, torch.zeros(6).long(), seeded()).isfinite()
    assert method.sample(2, None, seeded()).shape == (2, 1, 4, 4)
    assert method.pictures(data, seeded())["guidance"].shape == (5, 10, 1, 4, 4)
    assert "held_out_loss" in method.evaluate(data, x, None, seeded())


@pytest.mark.parametrize(("shape", "network", "patch"), [((1, 1, 8, 8), "dit", 2), ((3, 2, 7, 5), "unet", 1)])
def test_batch_of_one_and_odd_sizes(guidance, shape, network, patch):
    method = build(guidance, Spec(shape[1:], 3, 0), network=network, patch=patch)
    labels = torch.arange(shape[0])
    assert method.loss(torch.zeros(shape), labels, seeded()).shape == ()
    assert method.sample(shape[0], labels, seeded()).shape == shape


def test_same_seed_same_bits_other_seed_other_bits(guidance):
    method, labels = build(guidance, eta=1.0), torch.arange(5) % 2
    x = torch.rand(5, 1, 4, 4, generator=seeded())
    for draw in (lambda g: method.sample(5, labels, g), lambda g: method.loss(x, labels, g)):
        outcomes = []
        for seed in (1, 2):
            torch.manual_seed(seed)  # all randomness is the generator's
            outcomes.append(draw(seeded()))
        assert torch.equal(outcomes[0], outcomes[1])
        assert not torch.equal(outcomes[0], draw(seeded(1)))


def test_held_out_loss_is_the_error_of_the_noise_at_20_fixed_times(guidance, monkeypatch):
    """Of the first images, as many as are measured."""
    monkeypatch.setattr(guidance, "MEASURED", 7)
    data = toy_data()
    x_0, known = data.held_out[:7], data.held_out_labels[:7]
    labels = data.train_labels
    for kind in KINDS:
        method = build(guidance, T=1000, prediction=kind, schedule="linear")
        first = method.evaluate(data, data.train, labels, seeded())
        assert first["frechet"] == first["frechet_real"]  # samples that are the training images
        g, errors = seeded(), []
        for t in (1, 53, 106, 158, 211, 263, 316, 369, 421, 474, 526, 579, 631, 684, 737, 789, 842, 894, 947, 1000):
            eps, t_each = torch.randn(x_0.shape, generator=g), torch.full((7,), t)
            a, b = (part.float() for part in parts(method.schedule, t_each))
            x_t = a * x_0 + b * eps
            with torch.no_grad():
                said = method.model(x_t, t_each, known)
            implied = {"eps": said, "x_0": (x_t - a * said) / b, "v": b * x_t + a * said}[kind]
            errors.append((eps - implied).square().mean().item())
        assert first["held_out_loss"] == pytest.approx(np.mean(errors), rel=1e-4)
    assert first == method.evaluate(data, data.train, labels, seeded())


def test_an_untrained_network_that_predicts_the_noise_has_held_out_loss_one(guidance):
    data = toy_data()
    method = guidance.Guidance(guidance.GuidanceConfig(T=20, width=16, prediction="eps", sample_steps=4), data.spec)
    assert method.evaluate(data, data.train, data.train_labels, seeded())["held_out_loss"] == pytest.approx(1, abs=0.1)


# ------------------------------------------------------------------------------------------------- messages


def test_bad_values_name_field_value_and_what_is_expected(guidance):
    for settings, message in [
        ({"T": 0}, "T is 0; expected a number of steps >= 1"),
        ({"schedule": "sine"}, 'schedule is \'sine\'; expected "linear" or "cosine"'),
        ({"prediction": "u"}, 'prediction is \'u\'; expected "eps", "x_0" or "v"'),
        ({"network": "cnn"}, 'network is \'cnn\'; expected "unet" or "dit"'),
        ({"width": 24}, "width is 24; expected a multiple of 16"),
        ({"width": 0}, "width is 0; expected a multiple of 16, at least 16"),
        ({"patch": 0}, "patch is 0; expected a side >= 1"),
        ({"p_uncond": 0.0}, "p_uncond is 0.0; expected a probability between 0 and 1"),
        ({"p_uncond": 1.0}, "p_uncond is 1.0; expected a probability between 0 and 1"),
        ({"w": -1.5}, "w is -1.5; expected a strength >= -1"),
        ({"sample_steps": 0}, r"sample_steps is 0; expected a number of steps in 1\.\.1000"),
        ({"sample_steps": 1001}, r"sample_steps is 1001; expected a number of steps in 1\.\.1000"),
        ({"eta": 1.5}, r"eta is 1.5; expected a number in 0\.\.1"),
        ({"eta": -0.5}, r"eta is -0.5; expected a number in 0\.\.1"),
    ]:
        with pytest.raises((ValueError, TypeCheckError)) as caught:
            guidance.GuidanceConfig(**settings)
        if isinstance(next(iter(settings.values())), str) and not isinstance(caught.value, ValueError):
            continue  # beartype saw the bad word first
        assert isinstance(caught.value, ValueError), caught.value
        assert re.search(message, str(caught.value)), caught.value
    with pytest.raises(ValueError, match="schedule is 'sine'"):
        unchecked(guidance.build_schedule)("sine", 10)
    assert replace(guidance.GuidanceConfig(), w=-1.0, eta=1.0, sample_steps=1000, width=16).w == -1


def test_a_prediction_of_another_shape_is_refused(process, guidance):
    s, x = rough(process)[0], torch.zeros(2, 1, 3, 3)
    with pytest.raises(ValueError, match=r"the prediction is \[2, 1, 2, 3\]; expected the shape of the images"):
        guidance.loss_at(s, lambda x, t, c: x[:, :, :2], "v", x, None, torch.tensor([1, 2]), x)
