r"""A decoder-only language model in the modern form: a GPT with the parts of LLaMA, in the small.

The problem
    Learn which texts are likely, and write new ones. Any law over sequences is a product of laws of one token each,
    given those before it; one network computes all of these in one pass, if no position sees a later one.

The equations
    factorisation   p(x) = prod_t p(x_t | x_1 .. x_{t-1})     (Radford et al. 2018, 2019: GPT, GPT-2)
    loss            L = -1/n sum_t log p(x_t | x_<t), in nats for each token
    block           x := x + Attention(RMSNorm(x)); x := x + SwiGLU(RMSNorm(x))
    RMSNorm         x / sqrt(mean_i x_i^2 + eps) * g          (Zhang & Sennrich 2019, arXiv:1910.07467)
    SwiGLU          (Swish(x W) * x V) W_2, Swish(a) = a sigmoid(a)   (Shazeer 2020, arXiv:2002.05202)
    positions       queries and keys are turned by their places: RoPE (`attention.rotate`)
    queries share   h heads of queries, g of keys and values: grouped queries (`attention.attention`)
    logits          z = RMSNorm(x) E^T, with E the matrix that also embeds the tokens (Press & Wolf 2017)

The symbols (b texts of n tokens, V tokens in the vocabulary)
    x_t                   tokens                    [b n] integers in 0..V-1
    x (between blocks)    x                         [b n d_model]
    z                     GPT.forward               [b n V]
    q, k, v               q, k, v                   [b h n d], [b g m d], [b g m d]
    E                     embedding.weight          [V d_model]
    W, V, W_2             SwiGLU.W, .V, .W_2
    context               how many places a position sees, its own included

Beyond the context
    A position sees the last `context` places and no more, however long the text is; since RoPE knows distances only, no
    distance is ever new to the network. Through the layers it still learns of what lies further back. The cache of keys
    and values holds the last `context - 1` places, and what it computes is the same function.

Deviations from LLaMA (Touvron et al. 2023, arXiv:2302.13971)
    - Size: 0.4 M parameters (1.3 M for the poems) and a context of 64 tokens, not 7 B and 2,048. Grouped queries and
      the sliding window are those of its successors; tied embeddings are GPT-2's.
    - Training: Adam with one learning rate and cosine decay to 0; no dropout, as a text is seen a few times at most.
    - The first weights: normal with standard deviation 0.02, divided by sqrt(2 layers) in the maps that write into the
      residual stream, as in GPT-2.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from reference_impl.data import Data, Spec
from reference_impl.engine import Player, Preset, TrainConfig, Watch, check
from reference_impl.text_metrics import compare_texts
from reference_impl.transformer.attention import fast_attention, join_heads, rotate, split_heads
from reference_impl.transformer.sampling import Sampling, draw

Tokens = Int[Tensor, "b n"]
Stream = Float[Tensor, "b n d_model"]
LanguageModel = Callable[[Tensor], Tensor]
"""Tokens [b n] to logits [b n V]: a network, or an oracle in the tests."""
IGNORED = -100
"""What cross_entropy takes for no token: it costs nothing."""


class RMSNorm(nn.Module):
    r"""$x / \sqrt{\mathrm{mean}_i\, x_i^2 + \epsilon} \odot g$: a length of sqrt(d), no mean taken off."""

    def __init__(self, d_model: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.g, self.eps = nn.Parameter(torch.ones(d_model)), eps

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """The vectors at their new length."""
        return x * (x.square().mean(dim=-1, keepdim=True) + self.eps).rsqrt() * self.g


class SwiGLU(nn.Module):
    r"""$(\mathrm{Swish}(x W) \odot x V)\, W_2$: one map says how much of the other passes.

    It has 8/3 d_model hidden numbers instead of 4, rounded up to a multiple of 8, so that its three matrices are no
    larger than the two of the usual layer.
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        hidden = 8 * math.ceil(d_model / 3)
        self.W = nn.Linear(d_model, hidden, bias=False)
        self.V = nn.Linear(d_model, hidden, bias=False)
        self.W_2 = nn.Linear(hidden, d_model, bias=False)

    def forward(self, x: Stream) -> Stream:
        """The layer's output."""
        return self.W_2(F.silu(self.W(x)) * self.V(x))


class Cache:
    """Keys and values of the last places of each layer, so that a new token costs one place and not all of them."""

    def __init__(self, layers: int, context: int) -> None:
        self.context, self.length = context, 0  # tokens so far, those dropped included
        self.kept: list[tuple[Tensor, Tensor] | None] = [None] * layers

    def extend(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """The layer's keys and values [b g m d], those kept and the new ones; the last context - 1 are kept anew."""
        if (kept := self.kept[layer]) is not None:
            k, v = torch.cat([kept[0], k], dim=2), torch.cat([kept[1], v], dim=2)
        last = max(0, k.shape[2] - self.context + 1)
        self.kept[layer] = k[:, :, last:], v[:, :, last:]
        return k, v


class SelfAttention(nn.Module):
    """Attention with fewer heads of keys and values than of queries, and places by rotation."""

    def __init__(self, d_model: int, heads: int, kv_heads: int) -> None:
        super().__init__()
        d = d_model // heads
        self.heads, self.kv_heads = heads, kv_heads
        self.W_Q = nn.Linear(d_model, heads * d, bias=False)
        self.W_K = nn.Linear(d_model, kv_heads * d, bias=False)
        self.W_V = nn.Linear(d_model, kv_heads * d, bias=False)
        self.W_O = nn.Linear(heads * d, d_model, bias=False)

    def forward(self, x: Stream, positions: Tensor, visible: Tensor, cache: Cache | None, layer: int) -> Stream:
        """What each place receives from those that it may see; new keys and values go into the cache."""
        q = rotate(split_heads(self.W_Q(x), self.heads), positions)
        k = rotate(split_heads(self.W_K(x), self.kv_heads), positions)
        v = split_heads(self.W_V(x), self.kv_heads)
        if cache is not None:
            k, v = cache.extend(layer, k, v)
        return self.W_O(join_heads(fast_attention(q, k, v, visible)))


class Block(nn.Module):
    """Attention, then SwiGLU, each added to its input, each on a normalised copy of it (pre-norm)."""

    def __init__(self, d_model: int, heads: int, kv_heads: int) -> None:
        super().__init__()
        self.attention_norm, self.attention = RMSNorm(d_model), SelfAttention(d_model, heads, kv_heads)
        self.swiglu_norm, self.swiglu = RMSNorm(d_model), SwiGLU(d_model)

    def forward(self, x: Stream, positions: Tensor, visible: Tensor, cache: Cache | None, layer: int) -> Stream:
        """The stream after the block."""
        x = x + self.attention(self.attention_norm(x), positions, visible, cache, layer)
        return x + self.swiglu(self.swiglu_norm(x))


def window_mask(n: int, m: int, context: int, device: torch.device | str = "cpu") -> Tensor:
    """Bool [n m]: each of the last n of m places may see itself and the context - 1 places before it."""
    everything = torch.ones(n, m, dtype=torch.bool, device=device)
    return everything.tril(m - n) & everything.triu(m - n - context + 1)


@dataclass(frozen=True)
class GPTConfig:
    """What defines the model, and how it writes.

    Attributes:
        layers: Blocks.
        d_model: Numbers at a place.
        heads: Heads of queries.
        kv_heads: Heads of keys and values; heads / kv_heads of the former share one of the latter.
        context: Places that a place sees, its own included.
        window: Tokens that a row of a training batch predicts.
        temperature: As in `Sampling`, and so are the next four.
        top_k: See there.
        top_p: See there.
        min_p: See there.
        repetition: See there.
    """

    layers: int = 2
    d_model: int = 128
    heads: int = 4
    kv_heads: int = 2
    context: int = 64
    window: int = 64
    temperature: float = 0.6
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition: float = 1.0

    def __post_init__(self) -> None:
        check(self.layers >= 1, "layers", self.layers, "a number of blocks >= 1")
        good = self.heads >= 1 and self.d_model >= 2 and self.d_model % (2 * self.heads) == 0
        check(good, "d_model", self.d_model, f"an even number for each of {self.heads} heads")
        good = self.kv_heads >= 1 and self.heads % self.kv_heads == 0
        check(good, "kv_heads", self.kv_heads, f"a number that divides heads, {self.heads}")
        check(self.context >= 1, "context", self.context, "a number of places >= 1")
        check(self.window >= 1, "window", self.window, "a number of tokens >= 1")
        self.sampling()

    def sampling(self) -> Sampling:
        """How tokens are chosen."""
        return Sampling(self.temperature, self.top_k, self.top_p, self.min_p, self.repetition)


class GPT(nn.Module):
    """Tokens [b n] to the logits [b n V] of the token after each."""

    def __init__(self, config: GPTConfig, V: int) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(V, config.d_model)
        self.blocks = nn.ModuleList(Block(config.d_model, config.heads, config.kv_heads) for _ in range(config.layers))
        self.norm = RMSNorm(config.d_model)
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                writes = name.endswith(("W_O.weight", "W_2.weight"))
                nn.init.normal_(weight, std=0.02 / (math.sqrt(2 * config.layers) if writes else 1))

    def forward(self, tokens: Tokens, cache: Cache | None = None) -> Float[Tensor, "b n V"]:
        """The logits; with a cache, of tokens that follow those that it has seen."""
        n, before = tokens.shape[1], 0 if cache is None else cache.length
        positions = torch.arange(before, before + n, device=tokens.device)
        kept = min(before, self.config.context - 1)
        visible = window_mask(n, kept + n, self.config.context, tokens.device)
        x = self.embedding(tokens)
        for layer, block in enumerate(self.blocks):
            x = block(x, positions, visible, cache, layer)
        if cache is not None:
            cache.length += n
        return F.linear(self.norm(x), self.embedding.weight)


def loss_at(logits: Float[Tensor, "b n V"], tokens: Tokens) -> Float[Tensor, "b n"]:
    r"""$-\log p(x_t \mid x_{<t})$ of each token [b n], in nats; the logits at a place are the law of its token."""
    return F.cross_entropy(logits.flatten(0, 1), tokens.flatten(), reduction="none").unflatten(0, tokens.shape)


def next_token_loss(model: LanguageModel, x: Tokens) -> Float[Tensor, ""]:
    """The mean over all tokens but each row's first, which nothing stands before."""
    return loss_at(model(x[:, :-1]), x[:, 1:]).mean()


@torch.no_grad()
def write(
    model: GPT,
    prompt: Int[Tensor, "b m"],
    n: int,
    how: Sampling,
    generator: Generator,
    watch: Watch = lambda steps, _: steps,
) -> Int[Tensor, "b total"]:
    """The prompts, each with n new tokens after it [b m + n]: drawn one after another, each given all before it."""
    cache = Cache(model.config.layers, model.config.context)
    text, new = prompt, prompt
    for _ in watch(range(n), n):
        new = draw(model(new, cache)[:, -1], text, how, generator)[:, None]
        text = torch.cat([text, new], dim=1)
    return text


@torch.no_grad()
def text_loss(model: LanguageModel, text: Int[Tensor, " m"], window: int) -> float:
    """Nats for each token of a text but the first, all of it: cut into windows that each start without a memory."""
    m, nats = len(text) - 1, 0.0
    fill = -m % window
    x = F.pad(text[:-1], (0, fill)).reshape(-1, window)
    y = F.pad(text[1:], (0, fill), value=IGNORED).reshape(-1, window)
    for some, following in zip(x.split(32), y.split(32), strict=True):
        nats += loss_at(model(some), following).double().sum().item()
    return nats / m


def training(data: str, steps: int, **settings: Any) -> TrainConfig:
    """How all presets are trained."""
    common = {"batch_size": 12, "lr": 4e-3, "betas": (0.9, 0.99), "decay": "cosine", "weight_decay": 0.1}
    return TrainConfig(data=data, steps=steps, ema_decay=0.0, evaluate_on=64, **{**common, **settings})


PRESETS = {
    "docs": Preset(
        training("docs", steps=900), GPTConfig(), {"seconds": 90.0, "held_out_loss": 1.7, "unknown_words": 0.3}
    ),
    "docs_bpe": Preset(training("docs_bpe", steps=600), GPTConfig(), {"seconds": 90.0, "bits_per_byte": 2.5}),
    "shakespeare": Preset(training("shakespeare", steps=1350), GPTConfig(), {"seconds": 110.0, "held_out_loss": 1.80}),
    "poetry": Preset(
        training("poetry", steps=2500, batch_size=12, lr=3e-3),
        GPTConfig(layers=4),
        {"held_out_loss": 5.4, "irregular": 0.4},
    ),
}


class GPTMethod:
    """The method as the engine runs it: a network, the loss, and how to write and to judge."""

    classes = 0

    def __init__(self, config: GPTConfig, spec: Spec, device: torch.device | str = "cpu") -> None:
        self.config, self.length = config, spec.shape[0]
        check(config.window < self.length, "window", config.window, f"at most {self.length - 1}, the data's windows")
        self.model = GPT(config, spec.levels).to(device)

    def players(self) -> list[Player]:
        """One network, with the loss of the next token."""
        window = self.config.window + 1
        return [Player("loss", self.model, lambda batch, _: next_token_loss(self.model, batch.x[:, :window]))]

    def sample(self, n: int, labels: Tensor | None, generator: Generator, watch: Watch = lambda s, _: s) -> Tokens:
        """N new texts, each as long as the data's windows; they begin with token 0, which stands before a text."""
        return self.answer([], n, generator, watch)

    def answer(self, prompt: list[int], n: int, generator: Generator, watch: Watch = lambda s, _: s) -> Tokens:
        """N texts that begin with a prompt, as long as the data's windows or a token longer than the prompt."""
        start = torch.tensor([0, *prompt], device=generator.device).repeat(n, 1)
        new = max(1, self.length - start.shape[1])
        return write(self.model, start, new, self.config.sampling(), generator, watch)

    def pictures(self, data: Data, generator: Generator) -> dict[str, Tensor]:
        """None: a text is read."""
        return {}

    def evaluate(self, data: Data, samples: Tokens, labels: Tensor | None, generator: Generator) -> dict[str, float]:
        """The loss on the whole held-out text, in windows as long as the data's, and what the samples are as texts."""
        loss = text_loss(self.model, data.held_out, self.length - 1)
        return {"held_out_loss": loss, **compare_texts(data, samples, loss)}


def build(config: GPTConfig, spec: Spec, device: torch.device | str) -> GPTMethod:
    """The method for texts of this vocabulary; torch's global generator draws its first weights."""
    return GPTMethod(config, spec, device)
