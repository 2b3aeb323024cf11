"""Proofs of reflow.py: with a first flow that is known exactly, and with networks that can be watched."""

import math

import pytest
import torch
from scipy import stats

from reference_impl import engine
from reference_impl.data import Data, Spec
from reference_impl.diffusion.flow_matching import draw_times, loss_at, path, straightness
from reference_impl.diffusion.ode import even, integrate, trajectory
from reference_impl.engine import Batch, Preset, TrainConfig, adam
from tests.reference_impl.diffusion.laws import (
    MEAN,
    SD,
    gaussian_flow,
    gaussian_velocity,
    mixture_cdf,
    mixture_velocity,
)
from tests.reference_impl.diffusion.toys import normal, seeded
from tests.reference_impl.weights import shaken, slopes


def straight(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """The velocity of the lines from z to MEAN + SD z: at x on one of them, z = (x - t MEAN) / (1 - t + t SD)."""
    t = t.reshape(-1, 1, 1, 1)
    return MEAN + (SD - 1) * (x - t * MEAN) / (1 - t + t * SD)


def walked(v, z, grid):
    return torch.stack([state for _, state in trajectory(v, z, grid, "midpoint")])


# ------------------------------------------------------------------------------------------ pairs, and one step


def test_pairs_are_noise_and_where_the_first_flow_carries_it(reflow):
    """Against the exact flow of a Gaussian; with so many midpoint steps as asked for, to the bit."""
    z = normal(100, 1, 1, 1)
    z_0, z_1 = reflow.pairs(gaussian_velocity, z, 8)
    assert torch.equal(z_0, z)
    torch.testing.assert_close(z_1, gaussian_flow(z, 1.0), rtol=0, atol=1e-3)
    for steps in (1, 5):
        expected = integrate(gaussian_velocity, z, even(steps), "midpoint")
        assert torch.equal(reflow.pairs(gaussian_velocity, z, steps)[1], expected)


def test_no_gradient_reaches_the_first_flow(reflow):
    weight = torch.ones(1, requires_grad=True)
    assert not reflow.pairs(lambda x, t: weight * x, torch.ones(2, 1, 1, 1), 2)[1].requires_grad


def test_one_step_is_noise_plus_velocity_at_time_zero(reflow):
    z = normal(5, 1, 2, 2)
    x = reflow.one_step(lambda x, t: 2 * x + 1 + t.reshape(-1, 1, 1, 1), z)
    torch.testing.assert_close(x, 3 * z + 1, rtol=1e-14, atol=1e-14)


def test_lines_between_the_ends_of_a_gaussians_flow_are_straight_paths(reflow):
    """Reflow in closed form: its velocity has loss 0 on the pairs, S = 0, and one step is exact; the first flow's is
    none of these."""
    z = normal(1000, 1, 1, 1)
    z_0, z_1 = reflow.pairs(gaussian_velocity, z, 30)
    t = draw_times(1000, generator=seeded(3))
    assert loss_at(straight, z_0, z_1, t).max() < 1e-7
    assert loss_at(gaussian_velocity, z_0, z_1, t).mean() > 0.01
    grid = even(50)
    assert straightness(walked(straight, z, grid), grid) < 1e-6
    assert straightness(walked(gaussian_velocity, z, grid), grid) > 0.01
    torch.testing.assert_close(reflow.one_step(straight, z), gaussian_flow(z, 1.0), rtol=0, atol=1e-12)
    assert (reflow.one_step(gaussian_velocity, z) - gaussian_flow(z, 1.0)).abs().mean() > 0.3


# -------------------------------------------------------------------------------------- the method as it is run


class Spy(torch.nn.Module):
    """Returns its weight times the images plus a number for each class, and keeps what it was asked."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(weight))
        self.asked = []

    def forward(self, x, t, labels=None):
        self.asked.append((x.detach(), t, labels))
        return self.weight * x + (0 if labels is None else 0.1 * labels.reshape(-1, 1, 1, 1))


def toy(reflow, classes: int = 3, **settings):
    """The method for one-pixel images, with networks that can be watched."""
    torch.manual_seed(0)
    config = reflow.ReflowConfig(**{"width": 16, "pair_steps": 4, "guidance": 0.0, **settings})
    method = reflow.Reflow(config, Spec((1, 1, 1), classes, 0))
    method.flow.model, method.second = Spy(0.3), Spy(0.7)
    return method, method.flow.model.asked, method.second.asked


def field(weight: float, labels: torch.Tensor):
    return lambda x, t: weight * x + 0.1 * labels.reshape(-1, 1, 1, 1)


def some_batch(n: int = 3000) -> Batch:
    return Batch(9 * torch.ones(n, 1, 1, 1), torch.arange(n) % 3)


def test_reflows_loss_is_that_of_the_lines_between_its_own_pairs(reflow):
    """The second network sees points of the lines at the times it is told, and the batch's pixels are not looked at."""
    method, first, second = toy(reflow, pair_steps=2)
    batch = some_batch()
    loss = method.reflow_loss(batch, seeded())
    z_0 = first[0][0]
    assert stats.kstest(z_0.flatten().numpy(), "norm").pvalue > 1e-6
    z_1 = integrate(field(0.3, batch.labels), z_0, even(2), "midpoint")
    ((x, told, labels),) = second
    assert stats.kstest((told / 1000).numpy(), "uniform").pvalue > 1e-6
    torch.testing.assert_close(x, path(z_0, z_1, told / 1000))
    expected = (0.7 * x + 0.1 * labels.reshape(-1, 1, 1, 1) - (z_1 - z_0)).square().mean()
    torch.testing.assert_close(loss, expected)
    for w in torch.autograd.grad(loss, list(method.second.parameters())):
        assert w != 0


def test_pairs_keep_their_class_and_a_tenth_of_the_second_flows_are_dropped(reflow):
    method, first, second = toy(reflow)
    batch = some_batch(10_000)
    method.reflow_loss(batch, seeded())
    assert len(first) == 8  # four midpoint steps
    assert all(torch.equal(labels, batch.labels) for _, _, labels in first)
    ((_, _, told),) = second
    dropped = told == 3
    assert abs(dropped.double().mean() - 0.1) < 5 * math.sqrt(0.09 / 10_000)
    assert torch.equal(told[~dropped], batch.labels[~dropped])


def test_guidance_makes_the_pairs_and_is_not_asked_of_the_second_flow(reflow):
    method, first, second = toy(reflow, guidance=2.0, pair_steps=1, sampling_steps=3)
    batch = some_batch(30)
    method.reflow_loss(batch, seeded())
    z_0 = first[0][0]
    ((x, told, _),) = second
    z_1 = integrate(field(0.3, 3 * batch.labels), z_0, even(1), "midpoint")
    torch.testing.assert_close(x, path(z_0, z_1, told / 1000))
    method.sample(6, torch.arange(6) % 3, seeded())
    assert len(second) == 1 + 6
    assert len(first) == 4


def test_an_unconditional_method_asks_for_no_class(reflow):
    method, first, second = toy(reflow, classes=0)
    method.reflow_loss(some_batch(4), seeded())
    method.flow_loss(some_batch(4), seeded())
    method.sample(4, torch.zeros(4).long(), seeded())
    assert all(labels is None for _, _, labels in [*first, *second])


def test_samples_are_where_the_second_flow_ends(reflow):
    method, first, second = toy(reflow, sampling_steps=3)
    labels = torch.arange(4000) % 3
    x = method.sample(4000, labels, seeded())
    noise = second[0][0]
    assert not first
    assert stats.kstest(noise.flatten().numpy(), "norm").pvalue > 1e-6
    torch.testing.assert_close(x, integrate(field(0.7, labels), noise, even(3), "midpoint"))
    assert not x.requires_grad
    seen = []

    def watch(steps, total):
        seen.append(total)
        yield from steps

    method.sample(2, None, seeded(), watch)
    assert seen == [4]


def small(reflow, **settings):
    torch.manual_seed(0)
    config = reflow.ReflowConfig(**{"width": 16, "flow_steps": 3, "pair_steps": 1, "sampling_steps": 1, **settings})
    method = reflow.build(config, Spec((1, 4, 4), 3, 0), torch.device("cpu"))
    shaken(method.model)
    return method


def small_batch() -> Batch:
    return Batch(torch.rand(5, 1, 4, 4, generator=seeded(3)), torch.tensor([0, 1, 2, 0, 1]))


def test_stage_one_moves_the_first_flow_and_stage_two_the_second(reflow):
    method = small(reflow)
    flow, second = method.players()
    assert (flow.name, second.name) == ("flow", "reflow")
    assert [flow.plays(step) for step in range(1, 7)] == [True, True, True, False, False, False]
    assert [second.plays(step) for step in range(1, 7)] == [False, False, False, True, True, True]
    assert flow.model is method.model["first"]
    assert second.model is method.model["second"]
    batch = small_batch()
    torch.testing.assert_close(flow.loss(batch, seeded()), method.flow.loss(batch, seeded()))
    torch.testing.assert_close(second.loss(batch, seeded()), method.reflow_loss(batch, seeded()))


def test_the_second_flow_has_a_learning_rate_of_its_own(reflow):
    flow, second = small(reflow, lr_scale=3.0).players()
    config = TrainConfig()
    assert {group["lr_scale"] for group in second.optimiser(second.model, config).param_groups} == {3.0}
    assert all("lr_scale" not in group for group in flow.optimiser(flow.model, config).param_groups)
    owned = [p for group in second.optimiser(second.model, config).param_groups for p in group["params"]]
    assert {id(p) for p in owned} == {id(p) for p in second.model.parameters()}


def test_the_second_flow_is_a_copy_of_the_first_while_that_is_trained(reflow):
    """After stage one's last step it is one step behind; in stage two the first no longer moves."""
    method = small(reflow)
    flow, second = method.players()
    optimisers = {p.name: adam(p.model, TrainConfig(lr=0.1)) for p in (flow, second)}

    def move(player):
        for w, g in zip(
            player.model.parameters(),
            torch.autograd.grad(player.loss(small_batch(), seeded()), list(player.model.parameters())),
            strict=True,
        ):
            w.grad = g
        optimisers[player.name].step()

    def weights(model):
        return [w.detach().clone() for w in model.parameters()]

    def same(a, b):
        return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))

    method.model.train()
    before = weights(flow.model)
    move(flow)
    assert same(weights(second.model), before)
    assert not same(weights(flow.model), before)
    after = weights(flow.model)
    move(second)
    assert same(weights(flow.model), after)
    assert not same(weights(second.model), before)
    method.model.eval()
    kept = weights(second.model)
    flow.loss(small_batch(), seeded())
    assert same(weights(second.model), kept)


def test_going_on_across_the_stages_gives_the_same_bits(reflow, tmp_path):
    """Six steps with a second stage from the fourth on, at once or cut in stage one, between the stages and in two."""
    x, y = torch.rand(20, 1, 4, 4, generator=seeded()) * 2 - 1, torch.arange(20) % 3
    data = Data("toy", x, y, x, y)

    def outcome(name: str, stops: list[int]) -> dict[str, torch.Tensor]:
        for steps in stops:
            method = small(reflow)
            train = TrainConfig(steps=steps, batch_size=4, warmup=0, ema_decay=0.5)
            preset = Preset(train, method.config)
            losses = engine.train(method, data, preset, seed=0, out=tmp_path / name, label="x", resume=True)
        assert [len(losses[stage]) for stage in ("flow", "reflow")] == [3, 3]
        return method.model.state_dict()

    whole, cut = outcome("whole", [6]), outcome("cut", [2, 3, 5, 6])
    assert all(torch.equal(whole[key], cut[key]) for key in whole)


def test_pictures_show_both_flows_from_the_same_noise(reflow):
    method, _, _ = toy(reflow)
    x, y = torch.zeros(4, 1, 1, 1), torch.zeros(4).long()
    pictures = method.pictures(Data("toy", x, y, x, y), seeded())
    noise, labels = torch.randn(10, 1, 1, 1, generator=seeded()), torch.arange(10) % 3
    for name, weight in (("before", 0.3), ("after", 0.7)):
        assert pictures[name].shape == (5, 10, 1, 1, 1)
        for row, n in zip(pictures[name], (1, 2, 4, 8, 32), strict=True):
            torch.testing.assert_close(row, integrate(field(weight, labels), noise, even(n)))


def test_numbers_are_of_both_flows_from_the_same_noise(reflow):
    """Straightness and Frechet distance in one step against those of the fields written down."""
    method, first, second = toy(reflow)
    x, y = torch.rand(40, 1, 1, 1, generator=seeded(1)), torch.arange(40) % 3
    data = Data("toy", x, y, x.flip(0) * 0.5, y)
    numbers = method.evaluate(data, x, y, seeded())
    assert numbers == method.evaluate(data, x, y, seeded())
    z = torch.randn(40, 1, 1, 1, generator=seeded())
    assert torch.equal(first[0][0], z)
    assert torch.equal(second[0][0], z)
    for suffix, weight in (("_before", 0.3), ("", 0.7)):
        v = field(weight, y)
        states = torch.stack([state for _, state in trajectory(v, z, even(32))])
        assert numbers[f"straightness{suffix}"] == pytest.approx(straightness(states, even(32)).item(), rel=1e-5)
        end, real = (z + v(z, None)).double().flatten(), data.held_out.double().flatten()
        gap = (end.mean() - real.mean()) ** 2 + (end.std() - real.std()) ** 2
        assert numbers[f"one_step_frechet{suffix}"] == pytest.approx(gap.item(), rel=1e-5)
    assert numbers["frechet"] == numbers["frechet_real"]


@pytest.mark.parametrize("network", ["unet", "dit"])
def test_batch_of_one_odd_sizes_and_either_network(reflow, network):
    for shape in ((1, 1, 8, 8), (3, 1, 7, 5)):
        torch.manual_seed(0)
        config = reflow.ReflowConfig(width=16, network=network, pair_steps=1, sampling_steps=1)
        method = reflow.build(config, Spec(shape[1:], 2, 0), torch.device("cpu"))
        for player in method.players():
            assert player.loss(Batch(torch.zeros(shape), torch.zeros(shape[0]).long()), seeded()).shape == ()
        assert method.sample(shape[0], torch.ones(shape[0]).long(), seeded()).shape == shape


def test_settings_reach_both_networks(reflow):
    config = reflow.ReflowConfig(width=32, patch=2, network="dit", p_uncond=0.3, guidance=1.5)
    method = reflow.Reflow(config, Spec((1, 4, 4), 5, 0))
    for net in (method.flow.model, method.second):
        assert (type(net).__name__, net.width, net.patch, net.classes) == ("DiT", 32, 2, 5)
    assert (method.flow.config.p_uncond, method.flow.config.guidance, method.classes) == (0.3, 1.5, 5)
    assert (method.flow.config.sigma_min, method.flow.config.time_law) == (0.0, "uniform")


def test_same_seed_same_bits_and_nothing_from_the_global_generator(reflow):
    method = small(reflow)
    x, y = torch.rand(6, 1, 1, 1, generator=seeded()), torch.arange(6) % 3
    data, watched = Data("toy", x, y, x, y), toy(reflow)[0]
    for draw in (
        lambda g: method.sample(3, None, g),
        lambda g: method.reflow_loss(small_batch(), g),
        lambda g: watched.pictures(data, g)["before"],
        lambda g: torch.tensor(watched.evaluate(data, x, y, g)["straightness"]),
    ):
        torch.manual_seed(1)
        first = draw(seeded(1))
        torch.manual_seed(2)
        assert torch.equal(draw(seeded(1)), first)
        assert not torch.equal(draw(seeded(2)), first)


def test_gradient_of_reflows_loss_equals_finite_differences(reflow):
    """In float64, along a random direction through all weights of the second network."""
    method = small(reflow)
    method.model.double()
    batch = Batch(normal(4, 1, 4, 4), torch.tensor([0, 1, 2, 0]))
    loss = lambda: method.reflow_loss(batch, seeded(5))  # noqa: E731
    ((slope, difference),) = slopes(loss, list(method.second.parameters()), tries=1)
    assert slope == pytest.approx(difference, rel=1e-4)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("flow_steps", 0, "a number of steps >= 1"),
        ("pair_steps", 0, "a number of steps >= 1"),
        ("sampling_steps", 0, "a number of steps >= 1"),
        ("lr_scale", 0.0, "a factor > 0"),
        ("p_uncond", 1.0, r"a probability in \[0, 1\)"),
        ("guidance", -2.0, "a strength w >= -1"),
    ],
)
def test_bad_settings_name_field_value_and_what_is_expected(reflow, name, value, expected):
    with pytest.raises(ValueError, match=f"{name} is .*; expected {expected}"):
        reflow.ReflowConfig(**{name: value})


# --------------------------------------------------------------------------------------------- the whole of it


def test_reflow_straightens_a_mixtures_flow(reflow):
    """The first flow is exact, the second a small network trained for 200 steps by `reflow_loss` alone. Its paths are
    15 times straighter, and one step is four times nearer to the mixture (Kolmogorov-Smirnov, 2,000 samples)."""

    class First(torch.nn.Module):
        def forward(self, x, t, labels=None):
            return mixture_velocity(x, t / 1000)

    class Second(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layers = [torch.nn.Linear(2, 32), torch.nn.SiLU(), torch.nn.Linear(32, 32), torch.nn.SiLU()]
            self.net = torch.nn.Sequential(*layers, torch.nn.Linear(32, 1))

        def forward(self, x, t, labels=None):
            t = (t / 1000).to(x.dtype).reshape(-1, 1)
            return self.net(torch.cat([x.flatten(1), t], dim=1)).reshape(x.shape)

    method, _, _ = toy(reflow, classes=0)
    torch.manual_seed(0)
    method.flow.model, method.second = First(), Second()
    optimiser = torch.optim.Adam(method.second.parameters(), lr=1e-2)
    batch, g = Batch(torch.zeros(256, 1, 1, 1), torch.zeros(256).long()), seeded()
    for _ in range(200):
        optimiser.zero_grad()
        method.reflow_loss(batch, g).backward()
        optimiser.step()
    z, grid = torch.randn(2000, 1, 1, 1, generator=seeded(1)), even(20)
    before, after = method.flow.velocity(None), method.velocity(None)
    bent, straightened = (straightness(walked(v, z, grid), grid).item() for v in (before, after))
    assert bent > 0.25
    assert straightened < bent / 15
    far, near = (stats.kstest(reflow.one_step(v, z).flatten().numpy(), mixture_cdf).statistic for v in (before, after))
    assert far > 0.6
    assert near < far / 4
