r"""The Transformer: Vaswani et al., "Attention Is All You Need", NeurIPS 2017, arXiv:1706.03762.

The problem
    Given pairs of sequences (x, y), such as sentences and their translations, learn the law of y given x. The encoder
    turns x into one vector for each of its tokens, all at once. The decoder gives the law of each token of y, given
    those vectors and the tokens of y before it. Nothing is recurrent: all places learn in parallel.

The equations, with the paper's numbers
    factors           Sec. 3    p(y | x) = prod_i p(y_i | y_<i, x)
    attention         (1)       in reference_impl/transformer/attention.py, with heads, masks and positions (Sec. 3.5)
    residual          Sec. 3.1  LayerNorm(x + Sublayer(x))
    feed-forward      (2)       FFN(x) = max(0, x W_1 + b_1) W_2 + b_2
    embedding         Sec. 3.4  sqrt(d_model) E_x + PE; p(y_i | ...) = softmax(E z_i), one E for x, y and this
    learning rate     (3)       d_model^-0.5 min(step^-0.5, step warmup^-1.5)
    dropout           Sec. 5.4  of each Sublayer(x), and of each sum of embedding and position, with rate P_drop
    label smoothing   Sec. 5.4  q'(k) = (1 - eps_ls) [k = y_i] + eps_ls / V;  L = -sum_k q'(k) log p(k)
    beam search       Sec. 6.1  in reference_impl/transformer/beam.py: beam 4, alpha 0.6, at most |x| + 50 tokens

The symbols (b pairs; n tokens of the source, m of the target; V tokens in all)
    x, y              x, y             [b n], [b m] int64: BOS ... EOS PAD ...
    E                 model.E          [V d_model]
    PE                sinusoidal_positions
    the encoder's output  memory       [b n d_model]
    z                 z                [b m d_model]: what the decoder knows of the token that comes next
    N, h              layers, heads    fields of EncoderDecoderConfig, as are d_model, d_ff, P_drop, eps_ls
    W_1, W_2          W_1, W_2         linear maps with biases

Deviations from the paper
    - Data: English numerals to write in Chinese (words and characters), and Multi30k's 29,000 pairs (8,000 byte pairs),
      not WMT 2014's 4.5 million (37,000 byte pairs). Batches of a fixed number of pairs, drawn at random, not of 25,000
      tokens of pairs of similar length.
    - Size: 2 layers of 64 numbers and 3 of 256, not 6 of 512; thousands of steps or fewer, not 100,000.
    - The weights that translate are the engine's running mean of all steps, not the mean of the last 5 checkpoints.
    - Rates are half of the schedule (3) for the numerals: whole, some runs end in a spike of the loss (of seeds 0 and
      1, one). For Multi30k they are 0.3 of it: a short warm-up would make its peak higher than the paper's.
    - Gradients longer than 1 are scaled down, which the paper does not name.
    - First weights, on which the paper is silent: Glorot's uniform law for the maps, zero biases, and for E the normal
      law of variance 1 / d_model, as in the authors' code, so that sqrt(d_model) E_x and PE are of like size.
    - eps_ls is spread over all V tokens, as the cited paper has it (Szegedy et al. 2015, arXiv:1512.00567); the
      authors' code spreads it over the V - 1 wrong ones. Padding is one of the V; it is never in the loss.
    - An output has at most |x| + 50 tokens and at most as many as a row of the data can hold.
    - No dropout of attention weights or of the ReLU's outputs: the paper names neither, the authors' later code has
      both.
    - As in the paper: norms after the residual sum, ReLU, one shared E, Adam with betas 0.9 and 0.98 and epsilon 1e-9,
      the shape of schedule (3), P_drop = 0.1 or more, eps_ls = 0.1, beam 4, alpha = 0.6.
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Bool, Float, Int64
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from reference_impl import engine
from reference_impl.data import Data, Spec
from reference_impl.engine import Batch, Player, Preset, TrainConfig, Watch, check
from reference_impl.heatmap import attention_svg
from reference_impl.tokens import BOS, EOS, PAD
from reference_impl.transformer.attention import (
    MultiHeadAttention,
    attention_weights,
    causal_mask,
    padding_mask,
    sinusoidal_positions,
)
from reference_impl.transformer.beam import beam_search

Tokens = Int64[Tensor, "b n"]
Pairs = Int64[Tensor, "b 2 L"]
Sequences = Float[Tensor, "b n d_model"]
Memory = Float[Tensor, "b m d_model"]
Padding = Bool[Tensor, "b 1 1 m"]
Drop = Callable[[Tensor], Tensor]
"""What drops out, with rate and generator bound; the identity when the model is used."""

ALIKE = 32
"""Pairs that go through the model together."""
SHORT = 14
"""Tokens of a source whose attention is drawn, at most; its first and its last are no text."""
AT_ONCE = 100
"""Sources whose outputs are searched for together."""

# ----------------------------------------------------------------------------------------------- the parts


def dropout(x: Float[Tensor, "..."], P_drop: float, generator: Generator | None) -> Float[Tensor, "..."]:
    """Each number is dropped with probability P_drop, and the rest divided by 1 - P_drop; without generator, none."""
    if generator is None or P_drop == 0:
        return x
    kept = torch.rand(x.shape, generator=generator, device=x.device) >= P_drop
    return x * (kept.to(x.dtype) / (1 - P_drop))


class FeedForward(nn.Module):
    """$FFN(x) = max(0, x W_1 + b_1) W_2 + b_2$, Eq. (2), at each position alike."""

    def __init__(self, d_model: int, d_ff: int) -> None:
        super().__init__()
        self.W_1, self.W_2 = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)

    def forward(self, x: Sequences) -> Sequences:
        """The layer's output, of the input's shape."""
        return self.W_2(F.relu(self.W_1(x)))


class EncoderLayer(nn.Module):
    """Self-attention, then feed-forward; each inside LayerNorm(x + Dropout(Sublayer(x)))."""

    def __init__(self, d_model: int, heads: int, d_ff: int) -> None:
        super().__init__()
        self.attention, self.feed_forward = MultiHeadAttention(d_model, heads), FeedForward(d_model, d_ff)
        self.norm_1, self.norm_2 = nn.LayerNorm(d_model), nn.LayerNorm(d_model)

    def forward(self, x: Sequences, visible: Bool[Tensor, "b 1 1 n"], drop: Drop) -> Sequences:
        """What each position of the source knows after the layer."""
        x = self.norm_1(x + drop(self.attention(x, visible=visible)))
        return self.norm_2(x + drop(self.feed_forward(x)))


class DecoderLayer(nn.Module):
    """Self-attention to what is already written, attention to the encoder's output, feed-forward."""

    def __init__(self, d_model: int, heads: int, d_ff: int) -> None:
        super().__init__()
        self.attention, self.cross = MultiHeadAttention(d_model, heads), MultiHeadAttention(d_model, heads)
        self.feed_forward = FeedForward(d_model, d_ff)
        self.norm_1, self.norm_2, self.norm_3 = (nn.LayerNorm(d_model) for _ in range(3))

    def forward(self, y: Sequences, memory: Memory, visible: Padding, drop: Drop) -> Sequences:
        """What each position of the target knows after the layer.

        Padding in the target needs no mask of its own: it comes last, so nothing that counts sees it.
        """
        before = causal_mask(y.shape[1], device=y.device)
        y = self.norm_1(y + drop(self.attention(y, visible=before)))
        y = self.norm_2(y + drop(self.cross(y, memory, visible)))
        return self.norm_3(y + drop(self.feed_forward(y)))


class Transformer(nn.Module):
    """Encoder and decoder, Figure 1.

    Args:
        V: Tokens in the vocabulary that source and target share.
        layers: N, in the encoder and in the decoder each.
        d_model: Numbers at a position.
        d_ff: Numbers inside a feed-forward layer.
        heads: Heads of an attention.
        P_drop: The rate of dropout.
    """

    def __init__(self, V: int, layers: int, d_model: int, d_ff: int, heads: int, P_drop: float) -> None:
        super().__init__()
        self.P_drop = P_drop
        self.E = nn.Parameter(torch.randn(V, d_model) / math.sqrt(d_model))
        self.encoder = nn.ModuleList(EncoderLayer(d_model, heads, d_ff) for _ in range(layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, heads, d_ff) for _ in range(layers))
        for part in self.modules():
            if isinstance(part, nn.Linear):
                nn.init.xavier_uniform_(part.weight)
                if part.bias is not None:
                    nn.init.zeros_(part.bias)

    def embed(self, tokens: Tokens, drop: Drop) -> Sequences:
        r"""$\mathrm{Dropout}(\sqrt{d_{model}}\, E_x + PE)$, Sections 3.4, 3.5 and 5.4."""
        d_model = self.E.shape[1]
        return drop(
            math.sqrt(d_model) * F.embedding(tokens, self.E) + sinusoidal_positions(tokens.shape[1], d_model).to(self.E)
        )

    def encode(self, x: Tokens, generator: Generator | None = None) -> Sequences:
        """The memory: what the source says, at each of its positions. With a generator, dropout is on."""
        drop, visible = partial(dropout, P_drop=self.P_drop, generator=generator), padding_mask(x, PAD)
        memory = self.embed(x, drop)
        for layer in self.encoder:
            memory = layer(memory, visible, drop)
        return memory

    def decode(self, y: Tokens, memory: Memory, visible: Padding, generator: Generator | None = None) -> Sequences:
        """What is known at each position of the target about the token that comes next."""
        drop = partial(dropout, P_drop=self.P_drop, generator=generator)
        z = self.embed(y, drop)
        for layer in self.decoder:
            z = layer(z, memory, visible, drop)
        return z

    def log_p(self, z: Float[Tensor, "*positions d_model"]) -> Float[Tensor, "*positions V"]:
        r"""$\log \mathrm{softmax}(E z)$: the law of the next token."""
        return (z @ self.E.T).log_softmax(dim=-1)

    def forward(
        self, x: Tokens, y: Int64[Tensor, "b m"], generator: Generator | None = None
    ) -> Float[Tensor, "b m d_model"]:
        """The decoder's output for whole targets at once; at position i it depends on y_0 .. y_i alone."""
        return self.decode(y, self.encode(x, generator), padding_mask(x, PAD), generator)


# --------------------------------------------------------------------------------------- loss and schedule


def smoothed_nll(log_p: Float[Tensor, "t V"], y: Int64[Tensor, " t"], eps_ls: float) -> Float[Tensor, ""]:
    r"""$-\sum_k q'(k) \log p(k)$ with $q'(k) = (1 - \epsilon_{ls}) [k = y] + \epsilon_{ls} / V$, the mean over tokens.

    Up to the entropy of q' it is the KL divergence from q' to p: least where p = q', and not at certainty.
    """
    nll = -log_p.gather(1, y[:, None])[:, 0]
    return ((1 - eps_ls) * nll - eps_ls * log_p.mean(dim=1)).mean()


def learning_rate(step: int, d_model: int, warmup: int) -> float:
    r"""$d_{model}^{-0.5} \min(step^{-0.5}, step \cdot warmup^{-1.5})$, Eq. (3).

    TrainConfig has the same law by its largest value: `lr=learning_rate(warmup, d_model, warmup)`, the same `warmup`,
    and `decay="inverse_sqrt"`.
    """
    return d_model**-0.5 * min(step**-0.5, step * warmup**-1.5)


def adam(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """The engine's Adam, with the paper's epsilon."""
    optimiser = engine.adam(model, config)
    for group in optimiser.param_groups:
        group["eps"] = 1e-9
    return optimiser


def bleu(outputs: list[str], references: list[str]) -> tuple[float, str]:
    """BLEU of translations, and the signature that says how it was computed.

    sacreBLEU (Post 2018, arXiv:1804.08771) splits the raw texts into words itself. On texts already split, or in lower
    case, the number is another one and cannot be compared.
    """
    from sacrebleu.metrics import BLEU  # only captions need it

    metric = BLEU()
    return metric.corpus_score(outputs, [references]).score, str(metric.get_signature())


# ------------------------------------------------------------------------------------ the method, to be run


def crop(tokens: Tokens) -> Int64[Tensor, "b longest"]:
    """The rows without what is padding in all of them."""
    return tokens[:, : int((tokens != PAD).sum(dim=1).max())]


@dataclass(frozen=True)
class EncoderDecoderConfig:
    """What defines the method.

    Attributes:
        layers: N, in the encoder and in the decoder each.
        d_model: Numbers at a position.
        d_ff: Numbers inside a feed-forward layer.
        heads: Heads of an attention.
        P_drop: The rate of dropout.
        eps_ls: The share of probability that label smoothing takes from the right token.
        beam: Beginnings that the search keeps.
        alpha: Exponent of the length penalty.
        longer: By how many tokens an output may be longer than its source.
        bleu: Whether translations are judged by BLEU, which counts words between spaces.
    """

    layers: int = 2
    d_model: int = 64
    d_ff: int = 128
    heads: int = 4
    P_drop: float = 0.1
    eps_ls: float = 0.1
    beam: int = 4
    alpha: float = 0.6
    longer: int = 50
    bleu: bool = False

    def __post_init__(self) -> None:
        check(self.layers >= 1, "layers", self.layers, "a number of layers >= 1")
        check(self.heads >= 1, "heads", self.heads, "a number of heads >= 1")
        good = self.d_model >= 1 and self.d_model % 2 == 0 and self.d_model % self.heads == 0
        check(good, "d_model", self.d_model, f"an even multiple of the {self.heads} heads")
        check(self.d_ff >= 1, "d_ff", self.d_ff, "a number of units >= 1")
        check(0 <= self.P_drop < 1, "P_drop", self.P_drop, "a rate in [0, 1)")
        check(0 <= self.eps_ls < 1, "eps_ls", self.eps_ls, "a share in [0, 1)")
        check(self.beam >= 1, "beam", self.beam, "a number of beginnings >= 1")
        check(0 <= self.alpha < math.inf, "alpha", self.alpha, "an exponent >= 0")
        check(self.longer >= 0, "longer", self.longer, "a number of tokens >= 0")


PRESETS = {
    "numerals": Preset(
        TrainConfig(
            data="numerals",
            steps=900,
            batch_size=64,
            lr=0.5 * learning_rate(200, 64, 200),
            betas=(0.9, 0.98),
            warmup=200,
            decay="inverse_sqrt",
            ema_decay=0.99,
            evaluate_on=1000,
        ),
        EncoderDecoderConfig(),
        {"seconds": 90.0, "held_out_loss": 0.15, "error": 0.01},
    ),
    "multi30k": Preset(
        TrainConfig(
            data="multi30k",
            steps=2500,
            batch_size=128,
            lr=0.3 * learning_rate(400, 256, 400),
            betas=(0.9, 0.98),
            warmup=400,
            decay="inverse_sqrt",
            ema_decay=0.995,
            evaluate_on=1000,
        ),
        EncoderDecoderConfig(layers=3, d_model=256, d_ff=512, heads=8, bleu=True),
        {"held_out_loss": 2.2, "bleu_missing": 75.0},
    ),
}


class EncoderDecoder:
    """The method as the engine trains it; and what it is for: to complete pairs that have only a source."""

    classes = 0

    def __init__(self, config: EncoderDecoderConfig, spec: Spec, device: torch.device | str = "cpu") -> None:
        good = len(spec.shape) == 2 and spec.shape[0] == 2
        check(good, "shape", spec.shape, "(2, L): a source and a target of L tokens")
        check(spec.levels > EOS + 1, "levels", spec.levels, f"a number of tokens > {EOS + 1}: three are special")
        self.config, self.length = config, spec.shape[1]
        size = (config.layers, config.d_model, config.d_ff, config.heads)
        self.model = Transformer(spec.levels, *size, config.P_drop).to(device)

    def players(self) -> list[Player]:
        """One network, one loss."""
        return [Player("loss", self.model, self.loss, optimiser=adam)]

    def predicted(self, pairs: Pairs, generator: Generator | None) -> tuple[Float[Tensor, "t V"], Int64[Tensor, " t"]]:
        """The law of each token of the targets, given those before it, and the token itself; BOS and PAD left out.

        Pairs of like length go through the model together, so that little of it is padding; their order is lost.
        """
        z, y = [], []
        for part in pairs[(pairs != PAD).sum(dim=(1, 2)).argsort(stable=True)].split(ALIKE):
            source, target = crop(part[:, 0]), crop(part[:, 1])
            real = target[:, 1:] != PAD
            z.append(self.model(source, target[:, :-1], generator)[real])
            y.append(target[:, 1:][real])
        return self.model.log_p(torch.cat(z)), torch.cat(y)

    def loss(self, batch: Batch, generator: Generator) -> Float[Tensor, ""]:
        """The smoothed loss per token of the batch's targets; with dropout while the model is trained."""
        log_p, y = self.predicted(batch.x, generator if self.model.training else None)
        return smoothed_nll(log_p, y, self.config.eps_ls)

    @torch.no_grad()
    def complete(self, x: Pairs, generator: Generator, watch: Watch = lambda steps, _: steps) -> Pairs:
        """The sources with the targets that beam search finds; the given targets are not looked at.

        The search draws nothing, so the generator is not used.
        """
        completed = x.clone()
        completed[:, 1] = PAD
        completed[:, 1, 0] = BOS
        parts = completed.split(AT_ONCE)
        for part in watch(parts, len(parts)):
            found = self.search(crop(part[:, 0]), x.shape[2] - 1)
            part[:, 1, 1 : 1 + found.shape[1]] = found
        return completed

    def answer(self, prompt: list[int], n: int, generator: Generator, watch: Watch = lambda steps, _: steps) -> Pairs:
        """The translation of one text, n times: the search finds the same each time."""
        check(len(prompt) <= self.length - 2, "tokens of the text", len(prompt), f"at most {self.length - 2}")
        pairs = torch.full((n, 2, self.length), PAD, device=self.model.E.device)
        pairs[:, 0, : len(prompt) + 2] = torch.tensor([BOS, *prompt, EOS])
        return self.complete(pairs, generator, watch)

    def sample(
        self, n: int, labels: Tensor | None, generator: Generator, watch: Watch = lambda steps, _: steps
    ) -> Pairs:
        """Not to be had: what sources are like is not learnt.

        Raises:
            ValueError: Always.
        """
        raise ValueError(
            "an encoder-decoder needs sources; expected `complete`, with examples, or `answer`, with a text"
        )

    def search(self, x: Tokens, most: int) -> Int64[Tensor, "b longest"]:
        """The outputs for some sources, at most so many tokens each, EOS counted."""
        limits = ((x != PAD).sum(dim=1) - 1 + self.config.longer).clamp(max=most)  # BOS is not counted, EOS is
        memory, visible = self.model.encode(x), padding_mask(x, PAD)

        def log_probs(y: Int64[Tensor, "b w n"]) -> Float[Tensor, "b w V"]:
            w = y.shape[1]
            z = self.model.decode(y.flatten(0, 1), memory.repeat_interleave(w, 0), visible.repeat_interleave(w, 0))
            return self.model.log_p(z[:, -1]).unflatten(0, (-1, w))

        return beam_search(log_probs, limits, self.config.beam, self.config.alpha)[0]

    @torch.no_grad()
    def attention_maps(self, x: Int64[Tensor, " n"], y: Int64[Tensor, " m"]) -> dict[str, Float[Tensor, "N h _ n"]]:
        """Of one pair without padding, the weights of each layer and head.

        Returns:
            `encoder` [N h n n]: how source positions look at source positions. `cross` [N h m n]: how target
            positions look at source positions.
        """
        model, seen = copy.deepcopy(self.model), {"encoder": [], "cross": []}

        def recording(kind: str) -> Callable[..., Tensor]:
            def attend(q: Tensor, k: Tensor, v: Tensor, visible: Tensor) -> Tensor:
                seen[kind].append(attention_weights(q, k, visible)[0])
                return seen[kind][-1] @ v

            return attend

        for layer in model.encoder:
            layer.attention.attend = recording("encoder")
        for layer in model.decoder:
            layer.cross.attend = recording("cross")
        model(x[None], y[None])
        return {kind: torch.stack(weights) for kind, weights in seen.items()}

    def drawings(self, data: Data) -> dict[str, str]:
        """How the last layer looks, as SVG: at the first short held-out source, while it is translated.

        `encoder`: source at source. `cross`: each token of the output, at the source.
        """
        lengths = (data.held_out[:, 0] != PAD).sum(dim=1)
        pair = data.held_out[(lengths <= SHORT).nonzero()[0]]
        x = crop(pair[:, 0])[0]
        y = crop(self.complete(pair, Generator(pair.device))[:, 1])[0]
        maps = self.attention_maps(x, y[:-1])  # at each place the token that comes next is predicted
        source, target = ([data.decode(token[None]).strip() or "⟨end⟩" for token in row] for row in (x, y[1:]))
        source[0] = "⟨begin⟩"
        text = data.decode(x)
        return {
            "encoder": attention_svg(maps["encoder"][-1], source, source, f"Each token of {text!r} looks at all"),
            "cross": attention_svg(maps["cross"][-1], target, source, f"The translation looks at {text!r}"),
        }

    def pictures(self, data: Data, generator: Generator) -> dict[str, Tensor]:
        """None: a text is no picture."""
        return {}

    @torch.no_grad()
    def evaluate(self, data: Data, samples: Pairs, labels: Tensor | None, generator: Generator) -> dict[str, float]:
        """Nats per held-out token, and how far `samples`, the first held-out sources completed, are from the targets.

        Returns:
            `held_out_loss`, without smoothing, EOS counted. `error`: the share of samples that are not the target to
            the letter. `bleu_missing`, where it is asked for: 100 - BLEU.
        """
        references = data.held_out[: len(samples)]
        good = torch.equal(samples[:, 0], references[:, 0])
        check(good, "samples", tuple(samples.shape), "the first held-out examples, completed")
        nats, tokens = 0.0, 0
        for pairs in data.held_out.split(AT_ONCE):
            log_p, y = self.predicted(pairs, None)
            nats += F.nll_loss(log_p, y, reduction="sum").item()
            tokens += len(y)
        numbers = {
            "held_out_loss": nats / tokens,
            "error": (samples[:, 1] != references[:, 1]).any(dim=1).double().mean().item(),
        }
        if self.config.bleu:
            outputs, wanted = ([data.decode(row) for row in part[:, 1]] for part in (samples, references))
            numbers["bleu_missing"] = 100 - bleu(outputs, wanted)[0]
        return numbers


def build(config: EncoderDecoderConfig, spec: Spec, device: torch.device | str) -> EncoderDecoder:
    """The method for pairs of this kind; torch's global generator draws its first weights."""
    return EncoderDecoder(config, spec, device)
