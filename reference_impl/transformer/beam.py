r"""Beam search with a length penalty: Wu et al., Google's neural machine translation, 2016, arXiv:1609.08144.

The problem
    A model gives the law of the next token. The likeliest whole sentence is wanted, among more than can be counted.
    Beam search goes on from the few likeliest beginnings of each length. Each further token lowers the probability, so
    the likeliest sentence is short; the length penalty makes up for that.

The equations, with the paper's numbers
    score             (14)     s(Y, X) = log P(Y | X) / lp(Y)
    length penalty    (14)     lp(Y) = (5 + |Y|)^alpha / (5 + 1)^alpha

The symbols (b sentences, w beginnings of each, V tokens)
    Y                 y          [b w n] tokens, BOS first
    |Y|               n          tokens after BOS, EOS counted
    log P(Y | X)      log_p      [b w]; -inf where there is no beginning left
    alpha             alpha

Deviations from the paper
    - No coverage penalty cp(X; Y), the score's other term; "Attention Is All You Need" has none either.
    - At the greatest length only EOS may follow, at its price. So every output is a whole sentence.
    - The search ends when no beginning can still beat the best sentence: log P only falls, and lp is largest at the
      greatest length. That loses nothing; the paper also gives up beginnings whose score is far below the best.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from reference_impl.engine import check
from reference_impl.tokens import BOS, EOS, PAD

LogProbs = Callable[[Tensor], Tensor]
"""The model: for beginnings [b w n], the log-probability of each next token [b w V]."""


def length_penalty(n: Int64[Tensor, " b"] | int, alpha: float) -> Float[Tensor, " b"] | float:
    r"""$lp(Y) = ((5 + |Y|) / 6)^\alpha$; 1 for every length where alpha = 0."""
    return ((5 + n) / 6) ** alpha


@torch.no_grad()
def beam_search(
    log_probs: LogProbs, limits: Int64[Tensor, " b"], width: int, alpha: float
) -> tuple[Int64[Tensor, "b longest"], Float[Tensor, " b"]]:
    """The best sentence found for each of b sources, by the score (14); width 1 is greedy search.

    Args:
        log_probs: The model.
        limits: The greatest length of each sentence, EOS counted.
        width: Beginnings that are kept.
        alpha: Of the length penalty; 0 for none.

    Returns:
        The sentences, without BOS, filled up with PAD to the greatest limit; and their scores.
    """
    check(bool((limits >= 1).all()), "limits", limits.tolist(), "lengths >= 1: EOS is a token")
    check(width >= 1, "width", width, "a number of beginnings >= 1")
    check(0 <= alpha < math.inf, "alpha", alpha, "an exponent >= 0")
    b, longest, device = len(limits), int(limits.max()), limits.device
    y = torch.full((b, 1, 1), BOS, device=device)
    log_p = torch.zeros(b, 1, device=device)
    best = torch.full((b, longest), PAD, device=device)
    best_score = torch.full((b,), -math.inf, device=device)
    for n in range(1, longest + 1):
        longer = log_p[:, :, None] + log_probs(y)
        V = longer.shape[-1]
        not_eos = torch.arange(V, device=device) != EOS
        longer = longer.masked_fill((limits <= n)[:, None, None] & not_eos, -math.inf)
        log_p, chosen = longer.flatten(1).topk(min(width, longer[0].numel()))
        parent, token = chosen // V, chosen % V
        y = torch.cat([y.gather(1, parent[:, :, None].expand(-1, -1, n)), token[:, :, None]], dim=2)
        ended = token == EOS
        score, which = (log_p / length_penalty(n, alpha)).masked_fill(~ended, -math.inf).max(dim=1)
        better = score > best_score
        best[better, :n] = y[better, which[better], 1:]
        best_score = score.maximum(best_score)
        log_p = log_p.masked_fill(ended, -math.inf)  # a sentence that has ended is not gone on with
        if not (log_p.amax(dim=1) / length_penalty(limits, alpha) > best_score).any():
            break
    return best, best_score
