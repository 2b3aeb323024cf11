"""Changes to attention.py of the kind that people make, one at a time."""

from functools import partial

from tests.reference_impl.mutation import Mutant

MODULES = ["reference_impl.transformer.attention"]
PROOFS = ["transformer/test_attention.py"]

a = partial(Mutant, "reference_impl.transformer.attention")

SCORES = "scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])"
SOFTMAX = "weights = scores.masked_fill(~visible, -math.inf).softmax(dim=-1)"
NOTHING = "return weights.masked_fill(~visible.any(dim=-1, keepdim=True), 0.0)"
WEIGHTED = "return attention_weights(q, k, visible) @ v"
SEEN = "seen = visible.any(dim=-1, keepdim=True)"
FAST = "return F.scaled_dot_product_attention(q, k, v, attn_mask=visible | ~seen) * seen"
FULL = "return F.scaled_dot_product_attention(q, k, v, attn_mask=visible)\n"
PLAIN = "return F.scaled_dot_product_attention(q, k, v)\n"
REPEAT = "return k if heads == k.shape[1] else k.repeat_interleave(heads // k.shape[1], dim=1)"
TRIL = "return torch.ones(n, m, dtype=torch.bool, device=device).tril(m - n)"
PADDED = "return (tokens != padding)[:, None, None, :]"
SPLIT = "return x.unflatten(-1, (heads, -1)).transpose(1, 2)"
JOIN = "return x.transpose(1, 2).flatten(2)"
MAPS = "(self.W_Q(x), self.W_K(memory), self.W_V(memory))"
OUT = "return self.W_O(join_heads(self.attend(q, k, v, visible)))"
TABLE = "return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1).float()"
ANGLES = "return positions[:, None].double() * base ** (-2 * i / d)"
BASE = 'positions: Int[Tensor, " n"], base: float = 10000.0) -> Queries:'
TURN = "return torch.view_as_real(pairs * turn).flatten(-2)"
ANGLE = "angle = angles(positions, x.shape[-1], base)"
POLAR = "turn = torch.polar(torch.ones_like(angle), angle).to(x.dtype.to_complex())"
PAIRS = "pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())"

MUTANTS = [
    # attention
    a("no scaling", SCORES, "scores = q @ k.transpose(-2, -1)"),
    a("scaled by d, not by its root", SCORES, SCORES.replace("math.sqrt(q.shape[-1])", "q.shape[-1]")),
    a("scaled by the embedding's size", SCORES, SCORES.replace("q.shape[-1]", "q.shape[-1] * q.shape[1]")),
    a("scaled by the number of keys", SCORES, SCORES.replace("q.shape[-1]", "k.shape[-2]")),
    a("multiplied by the root", SCORES, SCORES.replace("/ math", "* math")),
    a("softmax over the queries", SOFTMAX, SOFTMAX.replace("dim=-1", "dim=-2")),
    a("softmax over the heads", SOFTMAX, SOFTMAX.replace("dim=-1", "dim=1")),
    a("mask of the wrong sense", SOFTMAX, SOFTMAX.replace("~visible", "visible")),
    a("masked scores are zero", SOFTMAX, SOFTMAX.replace("-math.inf", "0.0")),
    a("masked after the softmax", SOFTMAX, "weights = scores.softmax(dim=-1).masked_fill(~visible, 0.0)"),
    a("a large number in the place of infinity", SOFTMAX, SOFTMAX.replace("-math.inf", "-1.0")),
    a("an empty row stays NaN", NOTHING, "return weights"),
    a("zeros where anything is hidden", NOTHING, NOTHING.replace(".any(", ".all(")),
    a("empty rows of the wrong dimension", NOTHING, NOTHING.replace("any(dim=-1", "any(dim=-2")),
    a("no softmax without a mask", "return scores.softmax(dim=-1)\n", "return scores\n"),
    a("softmax over the queries without a mask", "return scores.softmax(dim=-1)\n", "return scores.softmax(dim=-2)\n"),
    a("keys averaged", WEIGHTED, WEIGHTED.replace("@ v", "@ k")),
    a("mask not handed on", WEIGHTED, "return attention_weights(q, k) @ v"),
    a("values in the place of keys", WEIGHTED, "return attention_weights(q, v, visible) @ v"),
    # the fast path
    a("fast: an empty row sees everything", FAST, FAST.replace(" * seen", "")),
    a("fast: empty rows not cared for", "if seen.all():", "if True:"),
    a("fast: empty rows where there are none", "if seen.all():", "if seen.any():"),
    a("fast: mask of the wrong sense", FULL, FULL.replace("=visible", "=~visible")),
    a("fast: no mask", FULL, FULL.replace(", attn_mask=visible", "")),
    a("fast: no mask where a row is empty", FAST, FAST.replace(", attn_mask=visible | ~seen", "")),
    a("fast: mask of the wrong sense where a row is empty", FAST, FAST.replace("visible |", "~visible |")),
    a("fast: rows with any hidden key are dropped", SEEN, SEEN.replace("any", "all")),
    a("fast: seen by the wrong dimension", SEEN, SEEN.replace("dim=-1", "dim=-2")),
    a("fast: causal unless told otherwise", PLAIN, PLAIN.replace("k, v)", "k, v, is_causal=True)")),
    a("fast: another scale", PLAIN, PLAIN.replace("k, v)", "k, v, scale=1.0)")),
    # groups and heads
    a(
        "groups interleaved",
        REPEAT,
        REPEAT.replace("k.repeat_interleave(heads // k.shape[1], dim=1)", "k.repeat(1, heads // k.shape[1], 1, 1)"),
    ),
    a(
        "one group serves all",
        REPEAT,
        REPEAT.replace("k.repeat_interleave(heads // k.shape[1], dim=1)", "k[:, :1].expand(-1, heads, -1, -1)"),
    ),
    a("any number of groups", "if heads % k.shape[1]:", "if False:"),
    a(
        "attention: keys not repeated",
        "k, v = repeat_heads(k, q.shape[1]), repeat_heads(v, q.shape[1])\n    return",
        "v = repeat_heads(v, q.shape[1])\n    return",
    ),
    a("heads cut without the transpose", SPLIT, "return x.reshape(x.shape[0], heads, x.shape[1], -1)"),
    a("heads interleaved", SPLIT, "return x.unflatten(-1, (-1, heads)).transpose(-2, -1).transpose(1, 2)"),
    a("joined without the transpose", JOIN, "return x.flatten(1).reshape(x.shape[0], x.shape[2], -1)"),
    a("queries from the memory", MAPS, MAPS.replace("self.W_Q(x)", "self.W_Q(memory)[:, : x.shape[1]]")),
    a("keys and values swapped", MAPS, "(self.W_Q(x), self.W_V(memory), self.W_K(memory))"),
    a("one map for queries and keys", MAPS, "(self.W_K(x), self.W_K(memory), self.W_V(memory))"),
    a("keys from x", MAPS, MAPS.replace("self.W_K(memory)", "self.W_K(x)")),
    a("no output map", OUT, "return join_heads(self.attend(q, k, v, visible))"),
    a("multi-head: mask not handed on", OUT, OUT.replace(", visible", "")),
    a("bias always", "self.W_V = nn.Linear(d_model, d_model, bias)", "self.W_V = nn.Linear(d_model, d_model)"),
    a("any number of heads", "if heads < 1 or d_model % heads:", "if heads < 1:"),
    # masks
    a("causal: strictly before", TRIL, TRIL.replace("m - n)", "m - n - 1)")),
    a("causal: one place ahead", TRIL, TRIL.replace("m - n)", "m - n + 1)")),
    a("causal: queries are the first places", TRIL, TRIL.replace("m - n)", "0)")),
    a("causal: upside down", TRIL, TRIL.replace("tril", "triu")),
    a("causal: more queries than places", "if not 0 < n <= m:", "if not 0 < n:"),
    a("padding: the wrong sense", PADDED, PADDED.replace("!=", "==")),
    a("padding: along the queries", PADDED, PADDED.replace("[:, None, None, :]", "[:, None, :, None]")),
    a("padding: zero whatever the padding", PADDED, PADDED.replace("padding)", "0)")),
    # positions
    a("sinusoids: cosine first", TABLE, TABLE.replace("angle.sin(), angle.cos()", "angle.cos(), angle.sin()")),
    a("sinusoids: halves side by side", TABLE, "return torch.cat([angle.sin(), angle.cos()], dim=-1).float()"),
    a("sinusoids: sines alone", TABLE, TABLE.replace("angle.cos()", "angle.sin()")),
    a("sinusoids in float64", TABLE, TABLE.replace(".float()", "")),
    a(
        "sinusoids: positions from 1",
        "angles(torch.arange(n), d_model, base)",
        "angles(torch.arange(n) + 1, d_model, base)",
    ),
    a("sinusoids: odd sizes", "if d_model % 2:", "if False:"),
    a("angles: no factor two", ANGLES, ANGLES.replace("-2 * i", "-i")),
    a("angles: growing", ANGLES, ANGLES.replace("-2 * i", "2 * i")),
    a("angles in float32", ANGLES, ANGLES.replace(".double()", ".float()").replace("i / d", "i.float() / d")),
    a("rotation: base 1000", BASE, BASE.replace("10000", "1000")),
    a("rotation backwards", TURN, TURN.replace("pairs * turn", "pairs * turn.conj()")),
    a("reflection", TURN, TURN.replace("pairs * turn", "pairs.conj() * turn")),
    a("rotation: cosine alone", TURN, TURN.replace("pairs * turn", "pairs * turn.real")),
    a("rotation twice", TURN, TURN.replace("pairs * turn", "pairs * turn * turn")),
    a("rotation: one angle for all pairs", ANGLE, ANGLE + "[:, :1]"),
    a("rotation: length of the angle", POLAR, POLAR.replace("torch.ones_like(angle)", "angle")),
    a("rotation in float32", POLAR, POLAR.replace("x.dtype.to_complex()", "torch.complex64")),
    a("rotation: odd heads", "if x.shape[-1] % 2:", "if False:"),
    a(
        "rotation: halves as pairs",
        PAIRS,
        PAIRS.replace("x.unflatten(-1, (-1, 2))", "x.unflatten(-1, (2, -1)).transpose(-1, -2)"),
    ),
]
ONE_EACH: dict[str, str] = {
    "scaled by the embedding's size": "test_attention_equals_the_formula_one_number_at_a_time",
    "an empty row stays NaN": "test_a_query_that_sees_nothing_receives_zeros_and_its_gradient_is_zero_too",
}
