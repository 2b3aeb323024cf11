"""Proofs of beam.py, on laws so small that every sentence can be looked at."""

import itertools
import math

import pytest
import torch

from reference_impl.tokens import BOS, EOS, PAD

V = 5


class Law:
    """For each of b sources and each beginning, a law of the next token of its own, drawn from the seed."""

    def __init__(self, b: int = 1, seed: int = 0, sharp: float = 1.5) -> None:
        self.b, self.seed, self.sharp, self.calls = b, seed, sharp, 0

    def next(self, source: int, beginning: tuple[int, ...]) -> torch.Tensor:
        number = self.seed
        for token in (source, *beginning):
            number = (number * 1_000_003 + token + 1) % (2**61 - 1)
        logits = torch.randn(V, generator=torch.Generator().manual_seed(number))
        return (self.sharp * logits).log_softmax(dim=0)

    def __call__(self, y: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        assert len(y) == self.b
        assert (y[:, :, 0] == BOS).all()
        rows = [[self.next(source, tuple(beginning[1:])) for beginning in w] for source, w in enumerate(y.tolist())]
        return torch.stack([torch.stack(row) for row in rows])

    def log_p(self, source: int, sentence: tuple[int, ...]) -> float:
        return sum(self.next(source, sentence[:i])[token].item() for i, token in enumerate(sentence))


def sentences(limit: int) -> list[tuple[int, ...]]:
    """All that end in EOS, have it nowhere else, and have at most `limit` tokens."""
    others = [token for token in range(V) if token != EOS]
    return [(*body, EOS) for n in range(limit) for body in itertools.product(others, repeat=n)]


def best_of_all(law: Law, source: int, limit: int, alpha: float) -> tuple[float, list[int]]:
    """By looking at every sentence."""
    scored = [(law.log_p(source, s) / ((5 + len(s)) / 6) ** alpha, list(s)) for s in sentences(limit)]
    return max(scored)


class Table:
    """A law written down: the probabilities of what follows each beginning."""

    def __init__(self, probabilities: dict[tuple[int, ...], dict[int, float]]) -> None:
        self.probabilities = probabilities

    def __call__(self, y: torch.Tensor) -> torch.Tensor:
        log_p = torch.full((*y.shape[:2], V), -math.inf)
        for i, j in itertools.product(*map(range, y.shape[:2])):
            for token, p in self.probabilities.get(tuple(y[i, j, 1:].tolist()), {}).items():
                log_p[i, j, token] = math.log(p)
        return log_p


A, B = 3, 4


def found(best: torch.Tensor) -> list[list[int]]:
    """The rows as lists, padding cut off; and nothing but padding follows EOS."""
    rows = []
    for row in best.tolist():
        n = row.index(EOS) + 1
        assert set(row[n:]) <= {PAD}
        rows.append(row[:n])
    return rows


def test_the_length_penalty_is_the_formula(beam):
    assert beam.length_penalty(1, 0.6) == 1
    assert beam.length_penalty(13, 0.6) == pytest.approx(3**0.6)
    assert beam.length_penalty(7, 1.0) == pytest.approx(2)
    assert beam.length_penalty(40, 0.0) == 1
    many = beam.length_penalty(torch.tensor([1, 7, 13]), 2.0)
    assert many.tolist() == pytest.approx([1, 4, 9])


@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_beam_that_holds_every_beginning_finds_the_best_sentence_of_all(beam, seed, alpha):
    limits = torch.tensor([1, 2, 3, 3])
    law = Law(b=4, seed=seed)
    best, score = beam.beam_search(law, limits, 4**3 * V, alpha)
    assert best.shape == (4, 3)
    for source, limit in enumerate(limits.tolist()):
        value, sentence = best_of_all(law, source, limit, alpha)
        assert found(best)[source] == sentence
        assert score[source].item() == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_a_beam_of_one_is_greedy_search(beam, seed):
    law = Law(b=1, seed=seed, sharp=1.0)
    greedy: tuple[int, ...] = ()
    while EOS not in greedy:
        greedy += (int(law.next(0, greedy).argmax()) if len(greedy) < 7 else EOS,)
    best, score = beam.beam_search(law, torch.tensor([8]), 1, 0.6)
    assert found(best) == [list(greedy)]
    assert score.item() == pytest.approx(law.log_p(0, greedy) / ((5 + len(greedy)) / 6) ** 0.6, rel=1e-5)


def test_two_beginnings_find_what_greed_misses(beam):
    law = Table({(): {A: 0.6, B: 0.4}, (A,): {A: 0.5, B: 0.5}, (A, A): {EOS: 1}, (A, B): {EOS: 1}, (B,): {EOS: 1.0}})
    assert found(beam.beam_search(law, torch.tensor([3]), 1, 0.0)[0])[0][0] == A
    best, score = beam.beam_search(law, torch.tensor([3]), 2, 0.0)
    assert found(best) == [[B, EOS]]
    assert score.item() == pytest.approx(math.log(0.4))


def test_only_the_likeliest_beginnings_are_kept(beam):
    """The best sentence begins with the third likeliest token: a beam of two cannot see it, a beam of three can."""
    law = Table(
        {
            (): {A: 0.4, B: 0.35, PAD: 0.25},
            (A,): dict.fromkeys(range(V), 0.2),
            (B,): dict.fromkeys(range(V), 0.2),
            (PAD,): {EOS: 1.0},
        }
    )
    assert found(beam.beam_search(law, torch.tensor([2]), 2, 0.0)[0]) == [[A, EOS]]
    assert found(beam.beam_search(law, torch.tensor([2]), 3, 0.0)[0]) == [[PAD, EOS]]


def test_a_finished_sentence_is_not_gone_on_with(beam):
    """After EOS every token is offered for less than nothing: whoever goes on gets a better score."""

    def law(y):
        log_p = torch.tensor([-9.0, -9.0, -0.5, -1.0, -9.0]).expand(*y.shape[:2], V).clone()
        log_p[(y == EOS).any(dim=2)] = 7.0
        return log_p

    for width in (1, 2, 4):
        best, score = beam.beam_search(law, torch.tensor([6]), width, 0.0)
        assert found(best) == [[EOS]]
        assert score.item() == pytest.approx(-0.5)


def test_without_a_length_penalty_the_short_sentence_wins(beam):
    """The common mistake: the sum of logarithms prefers what ends early, however likely each token is."""
    law = Table(
        {
            (): {EOS: 0.4, A: 0.6},
            (A,): {A: 0.85, B: 0.15},
            (A, A): {A: 0.85, B: 0.15},
            (A, A, A): {EOS: 0.85, B: 0.15},
        }
    )
    assert found(beam.beam_search(law, torch.tensor([4]), 3, 0.0)[0]) == [[EOS]]
    assert found(beam.beam_search(law, torch.tensor([4]), 3, 0.6)[0]) == [[A, A, A, EOS]]


def test_at_the_greatest_length_a_sentence_ends_at_the_price_of_its_end(beam):
    law = Table({(): {A: 0.9, EOS: 0.1}, (A,): {A: 0.99, EOS: 0.01}, (A, A): {A: 0.5, EOS: 0.5}})
    best, score = beam.beam_search(law, torch.tensor([2, 3]), 1, 0.0)
    assert found(best) == [[A, EOS], [A, A, EOS]]
    assert score.exp().tolist() == pytest.approx([0.9 * 0.01, 0.9 * 0.99 * 0.5])


def test_sources_are_searched_side_by_side_as_they_would_be_alone(beam):
    limits = torch.tensor([7, 2, 5, 1])
    together, scores = beam.beam_search(Law(b=4), limits, 3, 0.6)
    for source, limit in enumerate(limits):

        class Alone(Law):
            def next(self, _, beginning, source=source):
                return Law(seed=self.seed, sharp=self.sharp).next(source, beginning)

        best, score = beam.beam_search(Alone(), limit[None], 3, 0.6)
        assert found(best)[0] == found(together)[source]
        assert score.item() == pytest.approx(scores[source].item())


def test_the_search_ends_when_nothing_can_win_any_more_and_not_before(beam):
    calls = 0

    def law(y):
        nonlocal calls
        calls += 1
        return torch.tensor([1e-9, 1e-9, 0.95, 0.05, 1e-9]).log().expand(*y.shape[:2], V)

    beam.beam_search(law, torch.tensor([50]), 4, 0.6)
    assert calls == 1  # log 0.05 / lp(50) < log 0.95
    likely = Table({(): {EOS: 0.3, A: 0.7}, **{(A,) * n: {A: 1.0} for n in range(1, 12)}, (A,) * 12: {EOS: 1.0}})
    assert len(found(beam.beam_search(likely, torch.tensor([13]), 2, 0.6)[0])[0]) == 13
    late = Table({(): {EOS: 0.6, A: 0.4}, **{(A,) * n: {A: 1.0} for n in range(1, 12)}, (A,) * 12: {EOS: 1.0}})
    assert len(found(beam.beam_search(late, torch.tensor([13]), 2, 1.0)[0])[0]) == 13  # it wins by its length alone


def test_bad_values_are_named(beam):
    for limits, width, alpha, message in [
        ([1, 0], 1, 0.6, r"limits is \[1, 0\]; expected lengths >= 1"),
        ([1], 0, 0.6, "width is 0; expected a number of beginnings >= 1"),
        ([1], 1, -0.1, "alpha is -0.1; expected an exponent >= 0"),
        ([1], 1, math.inf, "alpha is inf"),
    ]:
        with pytest.raises(ValueError, match=message):
            beam.beam_search(Law(), torch.tensor(limits), width, alpha)
