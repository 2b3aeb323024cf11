"""Laws of the next token: against their definitions, and by the frequencies of what is drawn."""

import math

import pytest
import torch
from scipy import stats

P = torch.tensor([[0.5, 0.2, 0.15, 0.1, 0.05], [0.05, 0.1, 0.6, 0.05, 0.2]], dtype=torch.float64)
NOTHING = torch.zeros(2, 0, dtype=torch.long)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def law(sampling, before=NOTHING, **settings):
    return sampling.law(P.log(), before, sampling.Sampling(**settings))


def test_as_it_stands_tokens_have_the_models_own_law(sampling):
    assert torch.allclose(law(sampling), P)


@pytest.mark.parametrize("T", [0.5, 2.0])
def test_temperature_raises_probabilities_to_a_power(sampling, T):
    expected = P ** (1 / T)
    assert torch.allclose(law(sampling, temperature=T), expected / expected.sum(dim=-1, keepdim=True))


def test_at_temperature_zero_the_likeliest_token_is_taken_and_it_is_the_limit(sampling):
    assert law(sampling, temperature=0.0).tolist() == [[1, 0, 0, 0, 0], [0, 0, 1, 0, 0]]
    assert torch.allclose(law(sampling, temperature=0.0), law(sampling, temperature=1e-3), atol=1e-12)


def test_top_k_keeps_the_k_likeliest(sampling):
    got = law(sampling, top_k=2)
    assert torch.allclose(got[0], torch.tensor([5 / 7, 2 / 7, 0, 0, 0], dtype=torch.float64))
    assert torch.allclose(got[1], torch.tensor([0, 0, 0.75, 0, 0.25], dtype=torch.float64))
    assert torch.allclose(law(sampling, top_k=1), law(sampling, temperature=0.0))
    assert torch.allclose(law(sampling, top_k=9), P)
    ties = sampling.keep_top_k(torch.tensor([[1.0, 2.0, 2.0, 2.0]]), 2)
    assert ties.isfinite().tolist() == [[False, True, True, False]]


def by_definition(p: list[float], share: float) -> set[int]:
    """The smallest set of likeliest tokens that has at least this probability."""
    order = sorted(range(len(p)), key=lambda i: (-p[i], i))
    kept: set[int] = set()
    while sum(p[i] for i in kept) < share - 1e-12:
        kept.add(order[len(kept)])
    return kept


@pytest.mark.parametrize("share", [0.3, 0.45, 0.55, 0.72, 0.88, 0.93, 0.999])
def test_top_p_keeps_the_smallest_set_with_that_probability(sampling, share):
    got = law(sampling, top_p=share)
    for row, p in zip(got, P, strict=True):
        kept = by_definition(p.tolist(), share)
        assert set(row.nonzero()[:, 0].tolist()) == kept
        assert torch.allclose(row[list(kept)], p[list(kept)] / p[list(kept)].sum())


def test_top_p_never_leaves_nothing(sampling):
    assert law(sampling, top_p=1e-9).tolist() == [[1, 0, 0, 0, 0], [0, 0, 1, 0, 0]]


@pytest.mark.parametrize("base", [0.15, 0.3, 0.9, 1.0])
def test_min_p_is_a_share_of_the_likeliest_tokens_probability(sampling, base):
    got = law(sampling, min_p=base)
    for row, p in zip(got, P, strict=True):
        kept = p >= base * p.max() - 1e-12
        assert (row > 0).tolist() == kept.tolist()
        assert torch.allclose(row[kept], p[kept] / p[kept].sum())


def test_repetition_lowers_a_token_once_whatever_the_sign_of_its_logit(sampling):
    z = torch.tensor([[2.0, -2.0, 1.0, -1.0]])
    got = sampling.penalise(z, torch.tensor([[0, 1, 0, 0]]), 2.0)
    assert got.tolist() == [[1.0, -4.0, 1.0, -1.0]]
    assert z.tolist() == [[2.0, -2.0, 1.0, -1.0]]
    settings = sampling.Sampling(repetition=2.0)
    p = sampling.law(z, torch.tensor([[0, 1]]), settings)
    plain = z.softmax(dim=-1)
    assert (p[0, :2] < plain[0, :2]).all()
    assert torch.equal(sampling.law(z, torch.zeros(1, 0, dtype=torch.long), settings), plain)


def test_division_alone_would_make_an_unlikely_token_likelier(sampling):
    """The formula of CTRL taken literally: a negative logit divided by 2 comes nearer to zero."""
    z = torch.tensor([[2.0, -2.0]])
    assert (z / torch.tensor([[1.0, 2.0]])).softmax(dim=-1)[0, 1] > z.softmax(dim=-1)[0, 1]
    assert sampling.penalise(z, torch.tensor([[1]]), 2.0).softmax(dim=-1)[0, 1] < z.softmax(dim=-1)[0, 1]


def test_settings_apply_in_order_and_top_p_sees_the_law_that_temperature_made(sampling):
    hot = P[0] ** (1 / 2.0)
    hot = hot / hot.sum()
    kept = by_definition(hot.tolist(), 0.6)
    assert kept != by_definition(P[0].tolist(), 0.6)
    assert set(law(sampling, temperature=2.0, top_p=0.6)[0].nonzero()[:, 0].tolist()) == kept
    # of three left by top-k, the first two have 0.7 / 0.85 > 0.8; of all five they have 0.7
    assert (law(sampling, top_k=3, top_p=0.8)[0] > 0).tolist() == [True, True, False, False, False]
    assert (law(sampling, top_p=0.8)[0] > 0).tolist() == [True, True, True, False, False]
    assert (law(sampling, top_p=0.9, min_p=0.35)[0] > 0).tolist() == [True, True, False, False, False]
    # min-p first would leave two tokens, of which the first has 0.5 / 0.7 > 0.65
    assert (law(sampling, top_p=0.65, min_p=0.35)[0] > 0).tolist() == [True, True, False, False, False]


@pytest.mark.parametrize("settings", [{}, {"temperature": 0.7}, {"top_k": 3}, {"top_p": 0.9}, {"min_p": 0.15}])
def test_drawn_tokens_have_the_frequencies_of_the_law(sampling, settings):
    how, n = sampling.Sampling(**settings), 20_000
    p = law(sampling, **settings)
    before = torch.zeros(n, 0, dtype=torch.long)
    for row in range(2):
        z = P[row].log().expand(n, -1)
        counts = sampling.draw(z, before, how, seeded(row)).bincount(minlength=5).double()
        kept = p[row] > 0
        assert (counts[~kept] == 0).all()
        assert stats.chisquare(counts[kept], p[row][kept] * n).pvalue > 1e-3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": -1.0}, "temperature is -1.0; expected a number >= 0"),
        ({"temperature": math.inf}, "temperature is inf; expected a number >= 0"),
        ({"top_k": -1}, "top_k is -1; expected a number of tokens >= 1, or 0 for all"),
        ({"top_p": 0.0}, "top_p is 0.0; expected a probability in"),
        ({"top_p": 1.5}, "top_p is 1.5; expected a probability in"),
        ({"min_p": -0.1}, "min_p is -0.1; expected a share in"),
        ({"min_p": 1.1}, "min_p is 1.1; expected a share in"),
        ({"repetition": 0.0}, "repetition is 0.0; expected a penalty > 0"),
    ],
)
def test_settings_out_of_range_are_refused(sampling, settings, message):
    with pytest.raises(ValueError, match=message):
        sampling.Sampling(**settings)
