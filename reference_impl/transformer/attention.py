r"""Attention: Vaswani et al., "Attention Is All You Need", NeurIPS 2017, arXiv:1706.03762, and what came after.

The problem
    Let each position of a sequence take what it needs from the others, whatever their distance. A position asks with a
    query; each position offers a key and a value; what it receives is the mean of the values, weighted by how well
    their keys answer.

The equations, with the papers' numbers
    attention         (1)      Attention(Q, K, V) = softmax(Q K^T / sqrt(d_k)) V
    several heads     Sec. 3.2.2  MultiHead(Q, K, V) = Concat(head_1 .. head_h) W^O,
                               head_i = Attention(Q W_i^Q, K W_i^K, V W_i^V)
    masks             Sec. 3.2.3  what must not be seen gets the score -inf before the softmax
    positions         Sec. 3.5  PE(pos, 2i) = sin(pos / 10000^(2i / d_model)), PE(pos, 2i + 1) = cos of the same
    rotary positions  (R)      the pair (x_2i, x_2i+1) at position m is turned by the angle m theta_i,
                               theta_i = 10000^(-2i / d)
    grouped queries            h query heads share g heads of keys and values, h / g of them each
    (R: Su et al. 2021, RoFormer, arXiv:2104.09864. Grouped queries: Ainslie et al. 2023, arXiv:2305.13245.)

The symbols (b sequences; n queries, m keys; h heads of d numbers)
    Q, K, V           q, k, v          [b h n d], [b g m d], [b g m d]
    d_k, d_model      d, d_model
    the mask          visible          bool, broadcasts to [b h n m]; True where a query may see a key
    pos, m            positions        [n] integers, from 0
    W^Q, W^K, W^V, W^O  W_Q, W_K, W_V, W_O  linear maps of d_model numbers, all heads in one

Deviations from the papers
    - A query that may see no key at all receives zeros. By the formula it would be 0 / 0.
    - No dropout of the weights, which the authors' code has and the paper does not name.
    - `MultiHeadAttention` has biases only if asked; the paper writes none, the authors' code has none.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

Sequences = Float[Tensor, "b n d_model"]
Queries = Float[Tensor, "b h n d"]
Keys = Float[Tensor, "b g m d"]
Visible = Bool[Tensor, "*#batch #n m"]
Attend = Callable[..., Tensor]
"""What computes attention: `attention` or `fast_attention`."""


# --------------------------------------------------------------------------------------------------- masks


def causal_mask(n: int, m: int | None = None, device: torch.device | str = "cpu") -> Bool[Tensor, "n m"]:
    """Query i may see the keys up to its own place; the n queries are the last of the m places (by default, all)."""
    m = n if m is None else m
    if not 0 < n <= m:
        raise ValueError(f"n, m are {n}, {m}; expected 1 <= n <= m: the queries are the last of the places")
    return torch.ones(n, m, dtype=torch.bool, device=device).tril(m - n)


def padding_mask(tokens: Int[Tensor, "b m"], padding: int) -> Bool[Tensor, "b 1 1 m"]:
    """No query may see a place that only fills up its row."""
    return (tokens != padding)[:, None, None, :]


# ----------------------------------------------------------------------------------------------- attention


def attention_weights(
    q: Queries, k: Float[Tensor, "b h m d"], visible: Visible | None = None
) -> Float[Tensor, "b h n m"]:
    r"""$\mathrm{softmax}(Q K^\top / \sqrt{d_k})$ of Eq. (1): for each query, weights of the keys, which sum to one.

    Args:
        q: The queries.
        k: The keys, one head for each head of queries.
        visible: True where a query may see a key; None for everywhere. Of a query that sees nothing all weights are 0.
    """
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if visible is None:
        return scores.softmax(dim=-1)
    weights = scores.masked_fill(~visible, -math.inf).softmax(dim=-1)
    return weights.masked_fill(~visible.any(dim=-1, keepdim=True), 0.0)  # 0 / 0 where nothing is seen


def attention(q: Queries, k: Keys, v: Keys, visible: Visible | None = None) -> Queries:
    r"""$\mathrm{softmax}(Q K^\top / \sqrt{d_k})\, V$, Eq. (1), as it is written: the reference.

    Where there are fewer heads of keys than of queries, each serves a group of neighbouring query heads.
    """
    k, v = repeat_heads(k, q.shape[1]), repeat_heads(v, q.shape[1])
    return attention_weights(q, k, visible) @ v


def fast_attention(q: Queries, k: Keys, v: Keys, visible: Visible | None = None) -> Queries:
    """The same as `attention`, by torch's fused kernels, which never hold all the weights at once."""
    k, v = repeat_heads(k, q.shape[1]), repeat_heads(v, q.shape[1])
    if visible is None:
        return F.scaled_dot_product_attention(q, k, v)
    seen = visible.any(dim=-1, keepdim=True)
    if seen.all():
        return F.scaled_dot_product_attention(q, k, v, attn_mask=visible)
    # a row without a key would be NaN in some kernels, and its gradient too: let it see all, then drop what it saw
    return F.scaled_dot_product_attention(q, k, v, attn_mask=visible | ~seen) * seen


def repeat_heads(k: Keys, heads: int) -> Float[Tensor, "b h m d"]:
    """Each head of keys or values as often as query heads share it: head i of h reads head i g // h of g.

    Raises:
        ValueError: The query heads cannot be shared out evenly.
    """
    if heads % k.shape[1]:
        raise ValueError(f"{heads} query heads and {k.shape[1]} key heads; expected a multiple of the key heads")
    return k if heads == k.shape[1] else k.repeat_interleave(heads // k.shape[1], dim=1)


def split_heads(x: Float[Tensor, "b n hd"], heads: int) -> Float[Tensor, "b h n d"]:
    """Numbers side by side to heads: head i is the i-th block of d numbers."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def join_heads(x: Float[Tensor, "b h n d"]) -> Float[Tensor, "b n hd"]:
    """Concat(head_1, ..., head_h)."""
    return x.transpose(1, 2).flatten(2)


class MultiHeadAttention(nn.Module):
    r"""$\mathrm{Concat}(\mathrm{head}_1, \dots, \mathrm{head}_h)\, W^O$, Section 3.2.2; each head has its own maps.

    Args:
        d_model: Numbers at a position.
        heads: Heads of queries, h.
        bias: Whether the four maps have biases.
        attend: How a head computes its values.
    """

    def __init__(self, d_model: int, heads: int, bias: bool = False, attend: Attend = fast_attention) -> None:
        super().__init__()
        if heads < 1 or d_model % heads:
            raise ValueError(f"d_model, heads are {d_model}, {heads}; expected a multiple of the heads")
        self.heads, self.attend = heads, attend
        self.W_Q = nn.Linear(d_model, d_model, bias)
        self.W_K = nn.Linear(d_model, d_model, bias)
        self.W_V = nn.Linear(d_model, d_model, bias)
        self.W_O = nn.Linear(d_model, d_model, bias)

    def forward(
        self, x: Sequences, memory: Float[Tensor, "b m d_model"] | None = None, visible: Visible | None = None
    ) -> Sequences:
        """What each position of x receives from the memory; from x itself, if there is none."""
        memory = x if memory is None else memory
        q, k, v = (split_heads(part, self.heads) for part in (self.W_Q(x), self.W_K(memory), self.W_V(memory)))
        return self.W_O(join_heads(self.attend(q, k, v, visible)))


# ----------------------------------------------------------------------------------------------- positions


def sinusoidal_positions(n: int, d_model: int, base: float = 10000.0) -> Float[Tensor, "n d_model"]:
    r"""$PE_{(pos, 2i)} = \sin(pos / 10000^{2i / d_{model}})$ and, at 2i + 1, the cosine of the same (Section 3.5)."""
    if d_model % 2:
        raise ValueError(f"d_model is {d_model}; expected an even number: each angle gives a sine and a cosine")
    angle = angles(torch.arange(n), d_model, base)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1).float()


def angles(positions: Int[Tensor, " n"], d: int, base: float) -> Float[Tensor, "n half"]:
    r"""$m\, \theta_i$ with $\theta_i = base^{-2i / d}$, in float64: at far positions float32 has lost the angle."""
    i = torch.arange(d // 2, dtype=torch.float64, device=positions.device)
    return positions[:, None].double() * base ** (-2 * i / d)


def rotate(x: Float[Tensor, "b h n d"], positions: Int[Tensor, " n"], base: float = 10000.0) -> Queries:
    r"""Rotary positions (Su et al. 2021): each pair of neighbouring numbers is turned by $m\, \theta_i$.

    $$\begin{pmatrix} x_{2i} \\ x_{2i+1} \end{pmatrix} \mapsto
      \begin{pmatrix} x_{2i} \cos m\theta_i - x_{2i+1} \sin m\theta_i \\
                      x_{2i} \sin m\theta_i + x_{2i+1} \cos m\theta_i \end{pmatrix}$$

    Queries and keys are turned alike, so their inner product depends on their distance alone.
    """
    if x.shape[-1] % 2:
        raise ValueError(f"heads have {x.shape[-1]} numbers; expected an even number: they are turned in pairs")
    angle = angles(positions, x.shape[-1], base)
    turn = torch.polar(torch.ones_like(angle), angle).to(x.dtype.to_complex())
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())  # x_2i + x_2i+1 i: turned by a product
    return torch.view_as_real(pairs * turn).flatten(-2)
