"""The training loop: exact resumption, crash safety, refusal to step on NaN, and the averages it promises."""

import json
import math
import os
import signal
from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn

from reference_impl import engine
from reference_impl.data import Data
from reference_impl.engine import Batches, Player, Preset, TrainConfig

CONFIG = TrainConfig(steps=12, batch_size=5, lr=0.01, warmup=3, ema_decay=0.9)


@dataclass(frozen=True)
class Nothing:
    """A method without settings of its own."""


class Toy:
    """Two players, one of which moves every other step, and noise, so that every stream of randomness matters."""

    classes = 0

    def __init__(self) -> None:
        torch.manual_seed(0)
        first, second = (nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3)) for _ in "ab")
        self.model = nn.ModuleDict({"first": first, "second": second})
        self.calls = 0
        self.before_step = lambda call: None

    def first_loss(self, batch, generator):
        self.calls += 1
        self.before_step(self.calls)
        x = batch.x.flatten(1)
        noise = torch.randn(x.shape, generator=generator)
        return (self.model["first"](x + noise) - x).square().mean() + self.model["second"](x).square().mean()

    def second_loss(self, batch, generator):
        x = batch.x.flatten(1)
        return (self.model["second"](self.model["first"](x)) - x).square().mean()

    def players(self):
        return [
            Player("first", self.model["first"], lambda batch, g: self.first_loss(batch, g)),
            Player("second", self.model["second"], self.second_loss, plays=lambda step: step % 2 == 0),
        ]

    def sample(self, n, labels, generator, watch=None):
        raise AssertionError("the engine does not sample")

    pictures = evaluate = sample


def images(n: int = 17) -> torch.Tensor:
    return torch.randn(n, 3, 1, 1, generator=torch.Generator().manual_seed(1))


def data() -> Data:
    x, y = images(), torch.zeros(17, dtype=torch.long)
    return Data("toy", x, y, x, y)


def run(out, config=CONFIG, toy=None, **kwargs):
    toy = toy or Toy()
    preset = Preset(config, Nothing())
    losses = engine.train(toy, data(), preset, seed=7, out=out, label="toy/test", **kwargs)
    return losses, torch.cat([p.flatten() for p in toy.model.parameters()])


def stop_at(step: int, signum: int = signal.SIGINT) -> Toy:
    toy = Toy()
    toy.before_step = lambda call: os.kill(os.getpid(), signum) if call == step else None
    return toy


def test_same_seed_same_bits_and_another_seed_others(tmp_path):
    (la, wa), (lb, wb) = run(tmp_path / "a"), run(tmp_path / "b")
    assert la == lb
    assert torch.equal(wa, wb)
    toy = Toy()
    preset = Preset(CONFIG, Nothing())
    assert engine.train(toy, data(), preset, seed=8, out=tmp_path / "c", label="toy/test") != la


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("step", [1, 4, 11])
def test_interrupted_and_resumed_is_bit_for_bit_the_run_never_stopped(tmp_path, step, signum):
    whole, weights = run(tmp_path / "whole")
    with pytest.raises(engine.InterruptedRunError) as stopped:
        run(tmp_path / "cut", toy=stop_at(step, signum))
    assert stopped.value.exit_code == 128 + signum
    assert f"after step {step}" in str(stopped.value)
    resumed, again = run(tmp_path / "cut", resume=True)
    assert resumed == whole
    assert torch.equal(again, weights)
    assert (tmp_path / "cut/metrics.jsonl").read_bytes() == (tmp_path / "whole/metrics.jsonl").read_bytes()


def test_n_steps_and_n_more_equal_2n(tmp_path):
    _, weights = run(tmp_path / "whole")
    run(tmp_path / "half", replace(CONFIG, steps=6))
    _, again = run(tmp_path / "half", resume=True)
    assert torch.equal(again, weights)


@pytest.mark.parametrize("forgotten", ["noise", "batches", "optimisers", "ema"])
def test_each_part_of_the_state_is_needed(tmp_path, forgotten):
    """The control: without any one part, the resumed run ends elsewhere. So the test above can fail."""
    _, weights = run(tmp_path / "whole")
    run(tmp_path / "half", replace(CONFIG, steps=6))
    path = tmp_path / "half/checkpoint.pt"
    fresh = tmp_path / "fresh"
    run(fresh, replace(CONFIG, steps=1))
    state, other = engine.load_checkpoint(path), engine.load_checkpoint(fresh / "checkpoint.pt")
    engine.save_checkpoint({**state, forgotten: other[forgotten]}, path)
    _, again = run(tmp_path / "half", resume=True)
    assert not torch.equal(again, weights)


def test_resuming_other_settings_is_refused_and_says_which(tmp_path):
    run(tmp_path)
    with pytest.raises(engine.CheckpointError, match=r"lr is 0\.01 there and 0\.02 here"):
        run(tmp_path, replace(CONFIG, lr=0.02), resume=True)


def test_handlers_are_put_back(tmp_path):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(engine.InterruptedRunError):
        run(tmp_path, toy=stop_at(2))
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_nan_stops_before_the_step_and_overwrites_nothing(tmp_path, where):
    run(tmp_path, replace(CONFIG, steps=4))
    files = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    toy = Toy()
    held = {}

    def poison(call):
        if call == 3:
            held["before"] = [p.detach().clone() for p in toy.model.parameters()]
            if where == "gradient":
                next(toy.model.parameters()).register_hook(lambda g: g * math.nan)

    toy.before_step = poison
    if where == "loss":
        true_loss = toy.first_loss
        toy.first_loss = lambda batch, g: true_loss(batch, g) * (math.inf if toy.calls == 3 else 1)
    with pytest.raises(
        engine.DivergedError, match=r"step 7: the first's loss is .*expected finite.*smaller lr .it is 0\.01"
    ):
        run(tmp_path, toy=toy, resume=True)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == files
    assert all(torch.equal(a, b) for a, b in zip(held["before"], toy.model.parameters(), strict=True))


def test_a_crash_while_writing_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.pt"
    engine.save_checkpoint({"schema": engine.CHECKPOINT_SCHEMA, "x": torch.ones(3)}, path)

    def no_space(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space left"):
        engine.save_checkpoint({"schema": engine.CHECKPOINT_SCHEMA, "x": torch.zeros(3)}, path)
    assert torch.equal(engine.load_checkpoint(path)["x"], torch.ones(3))
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.pt"]


@pytest.mark.parametrize("damage", ["truncated", "empty", "text", "schema", "pickle"])
def test_a_damaged_checkpoint_is_named_and_runs_no_code(tmp_path, damage):
    path = tmp_path / "checkpoint.pt"
    engine.save_checkpoint({"schema": engine.CHECKPOINT_SCHEMA, "x": torch.ones(300)}, path)
    whole = path.read_bytes()
    if damage == "schema":
        engine.save_checkpoint({"schema": 99}, path)
    elif damage == "pickle":

        class Bomb:
            def __reduce__(self):
                return os.mkdir, (str(tmp_path / "exploded"),)

        torch.save({"schema": engine.CHECKPOINT_SCHEMA, "x": Bomb()}, path)
    else:
        path.write_bytes({"truncated": whole[: len(whole) // 2], "empty": b"", "text": b"hello"}[damage])
    with pytest.raises(engine.CheckpointError, match=r"checkpoint\.pt"):
        engine.load_checkpoint(path)
    assert not (tmp_path / "exploded").exists()
    with pytest.raises(engine.CheckpointError, match="does not exist"):
        engine.load_checkpoint(tmp_path / "none.pt")


def test_every_epoch_shows_each_example_once(tmp_path):
    batches = Batches(7, 3, engine.generator(0, "batches"))
    drawn = torch.cat([batches.next() for _ in range(14)])  # 42 = six epochs of 7
    epochs = drawn.reshape(6, 7)
    assert all(sorted(epoch.tolist()) == list(range(7)) for epoch in epochs)
    assert len({tuple(epoch.tolist()) for epoch in epochs}) > 1
    assert Batches(2, 5, engine.generator(0, "batches")).next().shape == (5,)


def test_ema_is_the_weighted_sum_by_hand():
    model, ema, weights = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False), [0.3, -1.0, 2.0, 0.5]
    nn.init.constant_(ema.weight, 0.7)
    expected = 0.7
    for step, w in enumerate(weights, start=1):
        nn.init.constant_(model.weight, w)
        engine.update_ema(ema, model, step, decay=0.35)
        d = min(0.35, (1 + step) / (10 + step))  # 2/11, 3/12, 4/13, then 0.35
        expected = d * expected + (1 - d) * w
    assert ema.weight.item() == pytest.approx(expected, rel=1e-6)


def test_no_ema_means_the_last_weights(tmp_path):
    toy = Toy()
    _, weights = run(tmp_path, replace(CONFIG, ema_decay=0.0), toy)
    state = engine.load_checkpoint(tmp_path / "checkpoint.pt")
    assert torch.equal(weights, torch.cat([v.flatten() for v in state["model"].values()]))


def test_learning_rate_warms_up(tmp_path):
    """Adam's first step has length lr in each coordinate; at step 1 of 4 of the warm-up that is lr / 4."""
    toy = Toy()
    before = [p.detach().clone() for p in toy.model.parameters()]
    run(tmp_path, TrainConfig(steps=1, batch_size=5, lr=0.1, warmup=4, ema_decay=0.0), toy)
    largest = max((a - b).abs().max().item() for a, b in zip(before, toy.model.parameters(), strict=True))
    assert largest == pytest.approx(0.025, rel=1e-3)
    flat = TrainConfig(lr=0.1, warmup=4, steps=10)
    assert [flat.lr_at(step) for step in (1, 4, 5, 10)] == pytest.approx([0.025, 0.1, 0.1, 0.1])


def test_learning_rate_falls_along_half_a_cosine():
    config = TrainConfig(lr=0.1, warmup=4, steps=13, decay="cosine")  # ten parts of the half cosine after the warm-up
    assert config.lr_at(4) == pytest.approx(0.1)
    assert config.lr_at(9) == pytest.approx(0.05)
    assert config.lr_at(13) == pytest.approx(0.1 * (1 + math.cos(0.9 * math.pi)) / 2)
    falling = [config.lr_at(step) for step in range(4, 14)]
    assert falling == sorted(falling, reverse=True)


def test_learning_rate_falls_with_the_root_of_the_step_as_in_attention_is_all_you_need():
    d_model, warmup = 512, 40
    config = TrainConfig(lr=(d_model * warmup) ** -0.5, warmup=warmup, steps=100, decay="inverse_sqrt")
    for step in (1, 20, 40, 41, 100):
        assert config.lr_at(step) == pytest.approx(d_model**-0.5 * min(step**-0.5, step * warmup**-1.5))


def test_weight_decay_shrinks_matrices_alone_and_apart_from_the_gradient(tmp_path):
    """With a loss that is flat, one step multiplies a matrix by 1 - lr * weight_decay and leaves a vector alone."""
    toy = Toy()
    toy.first_loss = lambda batch, g: sum(0 * p.sum() for p in toy.model["first"].parameters())
    before = {name: p.detach().clone() for name, p in toy.model["first"].named_parameters()}
    config = TrainConfig(steps=1, batch_size=5, lr=0.1, warmup=0, ema_decay=0.0, weight_decay=0.5)
    run(tmp_path, config, toy)
    for name, p in toy.model["first"].named_parameters():
        torch.testing.assert_close(p.detach(), before[name] * (0.95 if p.ndim == 2 else 1.0))


def test_a_player_may_bring_its_own_optimiser_with_groups_of_their_own_rate(tmp_path):
    toy = Toy()
    before = [p.detach().clone() for p in toy.model["first"].parameters()]

    def optimiser(model, config):
        first, *rest = model.parameters()
        return torch.optim.Adam([{"params": [first], "lr_scale": 10.0}, {"params": rest}], lr=config.lr)

    players = toy.players()
    toy.players = lambda: [replace(players[0], optimiser=optimiser)]
    run(tmp_path, TrainConfig(steps=1, batch_size=5, lr=0.01, warmup=0, ema_decay=0.0), toy)
    after = list(toy.model["first"].parameters())
    largest = [(a - b).abs().max().item() for a, b in zip(before, after, strict=True)]
    assert largest == pytest.approx([0.1, 0.01, 0.01, 0.01], rel=1e-3)


def test_resuming_with_other_steps_is_refused_where_the_learning_rate_depends_on_them(tmp_path):
    config = replace(CONFIG, decay="cosine")
    run(tmp_path, config)
    with pytest.raises(engine.CheckpointError, match="steps is 12 there and 20 here"):
        run(tmp_path, replace(config, steps=20), resume=True)


def test_a_move_changes_the_weights_of_its_player_alone(tmp_path):
    """The first's loss depends on both networks; its move must leave the second where it was, bit for bit."""
    toy = Toy()
    before = {name: [p.detach().clone() for p in net.parameters()] for name, net in toy.model.items()}
    run(tmp_path, replace(CONFIG, steps=1, ema_decay=0.0), toy)  # the second does not play in step 1
    same = {
        name: all(torch.equal(a, b) for a, b in zip(before[name], net.parameters(), strict=True))
        for name, net in toy.model.items()
    }
    assert same == {"first": False, "second": True}


def test_each_player_moves_when_it_plays_on_a_batch_of_its_own(tmp_path, monkeypatch):
    drawn = []
    true_next = Batches.next
    monkeypatch.setattr(Batches, "next", lambda self: drawn.append(true_next(self)) or drawn[-1])
    losses, _ = run(tmp_path)
    assert {name: len(values) for name, values in losses.items()} == {"first": 12, "second": 6}
    assert len(drawn) == 18


def test_a_weight_that_does_not_matter_is_an_error(tmp_path):
    toy = Toy()
    toy.model["second"].append(nn.Identity())
    toy.model["second"][-1].idle = nn.Parameter(torch.zeros(2))
    with pytest.raises(RuntimeError, match="not have been used"):
        run(tmp_path, toy=toy)


def test_long_gradients_are_clipped_to_grad_clip(tmp_path, monkeypatch):
    norms = []

    def spy(self, *_):
        norms.append(math.sqrt(sum(p.grad.square().sum().item() for g in self.param_groups for p in g["params"])))

    monkeypatch.setattr(torch.optim.AdamW, "step", spy)  # in one step only the first plays
    for grad_clip in (0.5, 0.0):
        toy = Toy()
        true_loss = toy.first_loss
        toy.first_loss = lambda batch, g, true_loss=true_loss: 1e6 * true_loss(batch, g)
        run(tmp_path, TrainConfig(steps=1, batch_size=5, grad_clip=grad_clip), toy)
    assert norms[0] == pytest.approx(0.5, rel=1e-4)
    assert norms[1] > 1e3  # 0: no limit


def test_metrics_are_one_json_line_for_each_step(tmp_path):
    losses, _ = run(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, 13))
    assert [line["first"] for line in lines] == losses["first"]
    assert [line["second"] for line in lines if "second" in line] == losses["second"]


def test_progress_says_a_line_now_and_then_when_there_is_no_terminal(capsys):
    with engine.progress_bar("train", 100) as advance:
        for done in range(1, 101):
            advance(done, "loss 0.1")
    assert capsys.readouterr().err == "train 100/100 loss 0.1 (0 s left)\n"
    assert list(engine.watch("sample")(iter("abc"), 3)) == ["a", "b", "c"]


def test_streams_of_random_numbers_are_apart():
    draws = {engine.generator(seed, purpose).initial_seed() for seed in (0, 1) for purpose in ("noise", "batches")}
    assert len(draws) == 4


def test_bad_settings_name_field_value_and_expectation():
    for field, value in [
        ("steps", 0),
        ("batch_size", -1),
        ("lr", math.nan),
        ("betas", (0.9, 1.0)),
        ("warmup", -1),
        ("grad_clip", -0.1),
        ("evaluate_on", 1),
    ]:
        with pytest.raises(ValueError, match=rf"^{field} is .*; expected"):
            replace(CONFIG, **{field: value})
