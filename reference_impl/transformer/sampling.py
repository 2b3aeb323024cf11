r"""How the next token is chosen: laws made from a language model's logits.

The problem
    The model gives every token a probability, so the whole vocabulary's tail, each token all but impossible, is
    together likely. Drawn from as it is, it soon derails a text; the best token at each step, on the other hand, makes
    dull texts that repeat themselves. Each function here bends the law; what is ruled out gets the logit -inf.

The equations (z the logits of V tokens, p = softmax(z))
    temperature     p_i proportional to exp(z_i / T)
    top-k           the k likeliest tokens (Fan, Lewis & Dauphin 2018, arXiv:1805.04833)
    top-p           the likeliest tokens, as few as together have a probability >= p (Holtzman et al. 2020,
                    arXiv:1904.09751)
    min-p           the tokens with p_i >= p_base max_j p_j (Nguyen et al. 2024, arXiv:2407.01082)
    repetition      a token already there: z_i / theta, and theta z_i if z_i < 0 (Keskar et al. 2019,
                    arXiv:1909.05858, whose formula has the first case only)

Deviations from the papers
    - Repetition: to divide a negative logit by theta > 1 would make its token likelier, so it is multiplied, as all
      implementations do.
    - Among equal logits at the border, top-k and top-p keep those with the smaller numbers.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from reference_impl.engine import check

Logits = Float[Tensor, "b V"]
Tokens = Int[Tensor, "b n"]


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen; as it stands, from the model's own law.

    Attributes:
        temperature: T; below 1 likely tokens gain, and 0 takes the likeliest.
        top_k: How many tokens are left; 0 for all.
        top_p: The probability that those left must have together.
        min_p: The least probability of those left, as a share of the likeliest token's; 0 for all.
        repetition: The penalty theta of tokens that the text already has; 1 for none.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition: float = 1.0

    def __post_init__(self) -> None:
        check(0 <= self.temperature < math.inf, "temperature", self.temperature, "a number >= 0")
        check(self.top_k >= 0, "top_k", self.top_k, "a number of tokens >= 1, or 0 for all")
        check(0 < self.top_p <= 1, "top_p", self.top_p, "a probability in (0, 1]")
        check(0 <= self.min_p <= 1, "min_p", self.min_p, "a share in [0, 1]")
        check(0 < self.repetition < math.inf, "repetition", self.repetition, "a penalty > 0; 1 for none")


def keep_top_k(z: Logits, k: int) -> Logits:
    """The k largest logits; the others are ruled out."""
    order = z.argsort(dim=-1, descending=True, stable=True)
    return z.scatter(-1, order[:, k:], -math.inf)


def keep_top_p(z: Logits, p: float) -> Logits:
    r"""The smallest set $V^{(p)}$ of likeliest tokens with $\sum_{i \in V^{(p)}} p_i \ge p$."""
    sorted_z, order = z.sort(dim=-1, descending=True, stable=True)
    sorted_p = sorted_z.softmax(dim=-1)
    # what likelier tokens have together: enough already? (On CUDA a running sum has no deterministic form.)
    before = sorted_p.cpu().cumsum(dim=-1).to(z.device) - sorted_p
    return z.scatter(-1, order, sorted_z.masked_fill(before >= p, -math.inf))


def keep_min_p(z: Logits, p_base: float) -> Logits:
    r"""The tokens with $p_i \ge p_{base} \max_j p_j$."""
    p = z.softmax(dim=-1)
    return z.masked_fill(p < p_base * p.max(dim=-1, keepdim=True).values, -math.inf)


def penalise(z: Logits, before: Tokens, theta: float) -> Logits:
    r"""$z_i / \theta$ of each token that stands before, or $\theta z_i$ if $z_i < 0$; once, however often it does."""
    there = z.gather(-1, before)
    return z.scatter(-1, before, torch.where(there < 0, there * theta, there / theta))


def law(z: Logits, before: Tokens, how: Sampling) -> Float[Tensor, "b V"]:
    """The probabilities that the next token is drawn with: penalty, temperature, top-k, top-p and min-p, in this order.

    Args:
        z: The model's logits.
        before: The text so far, for the penalty.
        how: The settings.
    """
    if how.repetition != 1:
        z = penalise(z, before, how.repetition)
    if how.temperature == 0:
        return torch.zeros_like(z).scatter(-1, z.argmax(dim=-1, keepdim=True), 1.0)
    z = z / how.temperature
    if how.top_k:
        z = keep_top_k(z, how.top_k)
    if how.top_p < 1:
        z = keep_top_p(z, how.top_p)
    if how.min_p:
        z = keep_min_p(z, how.min_p)
    return z.softmax(dim=-1)


def draw(z: Logits, before: Tokens, how: Sampling, generator: Generator) -> Int[Tensor, " b"]:
    """The next token of each text."""
    return torch.multinomial(law(z, before, how), 1, generator=generator)[:, 0]
