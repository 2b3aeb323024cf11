"""Changes to gpt.py and to sampling.py of the kind that people make, one at a time."""

from functools import partial

from tests.reference_impl.mutation import Mutant

MODULES = ["reference_impl.transformer.sampling", "reference_impl.transformer.gpt"]
PROOFS = ["transformer/test_sampling.py", "transformer/test_gpt.py"]

g = partial(Mutant, "reference_impl.transformer.gpt")
s = partial(Mutant, "reference_impl.transformer.sampling")

NORM = "return x * (x.square().mean(dim=-1, keepdim=True) + self.eps).rsqrt() * self.g"
SWIGLU = "return self.W_2(F.silu(self.W(x)) * self.V(x))"
HIDDEN = "hidden = 8 * math.ceil(d_model / 3)"
CAT = "k, v = torch.cat([kept[0], k], dim=2), torch.cat([kept[1], v], dim=2)"
LAST = "last = max(0, k.shape[2] - self.context + 1)"
KEPT = "self.kept[layer] = k[:, :, last:], v[:, :, last:]"
Q = "q = rotate(split_heads(self.W_Q(x), self.heads), positions)"
K = "k = rotate(split_heads(self.W_K(x), self.kv_heads), positions)"
VALUES = "v = split_heads(self.W_V(x), self.kv_heads)"
ATTEND = "return self.W_O(join_heads(fast_attention(q, k, v, visible)))"
ADD_ATTENTION = "x = x + self.attention(self.attention_norm(x), positions, visible, cache, layer)"
ADD_SWIGLU = "return x + self.swiglu(self.swiglu_norm(x))"
WINDOW = "return everything.tril(m - n) & everything.triu(m - n - context + 1)"
WRITES = "nn.init.normal_(weight, std=0.02 / (math.sqrt(2 * config.layers) if writes else 1))"
POSITIONS = "positions = torch.arange(before, before + n, device=tokens.device)"
BEFORE = "kept = min(before, self.config.context - 1)"
MASK = "visible = window_mask(n, kept + n, self.config.context, tokens.device)"
LOGITS = "return F.linear(self.norm(x), self.embedding.weight)"
LOSS = 'return F.cross_entropy(logits.flatten(0, 1), tokens.flatten(), reduction="none").unflatten(0, tokens.shape)'
NEXT = "return loss_at(model(x[:, :-1]), x[:, 1:]).mean()"
NEW = "new = draw(model(new, cache)[:, -1], text, how, generator)[:, None]"
TEXT_X = "x = F.pad(text[:-1], (0, fill)).reshape(-1, window)"
TEXT_Y = "y = F.pad(text[1:], (0, fill), value=IGNORED).reshape(-1, window)"
SUM = "nats += loss_at(model(some), following).double().sum().item()"
START = "start = torch.tensor([0, *prompt], device=generator.device).repeat(n, 1)"
CROP = "window = self.config.window + 1"

ORDER = "order = z.argsort(dim=-1, descending=True, stable=True)"
TOP_K = "return z.scatter(-1, order[:, k:], -math.inf)"
SORT = "sorted_z, order = z.sort(dim=-1, descending=True, stable=True)"
SORTED = "before = sorted_p.cpu().cumsum(dim=-1).to(z.device) - sorted_p"
TOP_P = "return z.scatter(-1, order, sorted_z.masked_fill(before >= p, -math.inf))"
MIN_P = "return z.masked_fill(p < p_base * p.max(dim=-1, keepdim=True).values, -math.inf)"
PENALTY = "return z.scatter(-1, before, torch.where(there < 0, there * theta, there / theta))"
GREEDY = "return torch.zeros_like(z).scatter(-1, z.argmax(dim=-1, keepdim=True), 1.0)"
DRAW = "return torch.multinomial(law(z, before, how), 1, generator=generator)[:, 0]"

MUTANTS = [
    # the parts
    g("norm: mean taken off", NORM, "x = x - x.mean(dim=-1, keepdim=True); " + NORM),
    g("norm: no gain", NORM, NORM.replace(" * self.g", "")),
    g("norm: sum for mean", NORM, NORM.replace("mean", "sum")),
    g("norm: no root", NORM, NORM.replace(".rsqrt()", ".reciprocal()")),
    g("norm: over the places", NORM, NORM.replace("dim=-1", "dim=-2")),
    g(
        "norm: eps outside the root",
        NORM,
        "return x / (x.square().mean(dim=-1, keepdim=True).sqrt() + self.eps) * self.g",
    ),
    g("norm: no eps", NORM, NORM.replace(" + self.eps", "")),
    g("norm: large eps", "eps: float = 1e-6", "eps: float = 1e-2"),
    g("swiglu: gate and value swapped", SWIGLU, "return self.W_2(F.silu(self.V(x)) * self.W(x))"),
    g("swiglu: sigmoid for swish", SWIGLU, SWIGLU.replace("F.silu", "torch.sigmoid")),
    g("swiglu: GELU for swish", SWIGLU, SWIGLU.replace("F.silu", "F.gelu")),
    g("swiglu: no gate", SWIGLU, "return self.W_2(F.silu(self.W(x)))"),
    g("swiglu: added, not multiplied", SWIGLU, SWIGLU.replace(" * self.V", " + self.V")),
    g("swiglu: as wide as the usual layer", HIDDEN, "hidden = 4 * d_model"),
    g("window: one place too many", WINDOW, WINDOW.replace("context + 1", "context")),
    g("window: one place too few", WINDOW, WINDOW.replace("context + 1", "context + 2")),
    g("window: none", WINDOW, "return everything.tril(m - n)"),
    g("window: sees a place ahead", WINDOW, WINDOW.replace("tril(m - n)", "tril(m - n + 1)")),
    g("window: queries are the first places", WINDOW, WINDOW.replace("m - n", "0")),
    # attention in the model
    g("queries not turned", Q, "q = split_heads(self.W_Q(x), self.heads)"),
    g("keys not turned", K, "k = split_heads(self.W_K(x), self.kv_heads)"),
    g("values turned too", VALUES, "v = rotate(split_heads(self.W_V(x), self.kv_heads), positions)"),
    g("keys turned from zero", K, K.replace("positions)", "positions - positions[0])")),
    g("keys after the queries' map", VALUES, VALUES.replace("W_V", "W_K")),
    g("no output map", ATTEND, "return join_heads(fast_attention(q, k, v, visible))"),
    g("mask not handed on", ATTEND, ATTEND.replace(", visible", "")),
    g("no residual around attention", ADD_ATTENTION, ADD_ATTENTION.replace("x + ", "")),
    g("no residual around swiglu", ADD_SWIGLU, ADD_SWIGLU.replace("x + ", "")),
    g("no norm before attention", ADD_ATTENTION, ADD_ATTENTION.replace("self.attention_norm(x)", "x")),
    g("no norm before swiglu", ADD_SWIGLU, ADD_SWIGLU.replace("self.swiglu_norm(x)", "x")),
    g("post-norm", ADD_SWIGLU, "return self.swiglu_norm(x + self.swiglu(x))"),
    g("attention's norm for both", ADD_SWIGLU, ADD_SWIGLU.replace("swiglu_norm", "attention_norm")),
    g("in parallel", ADD_ATTENTION, "y, x = x, " + ADD_ATTENTION[4:] + "; return x + self.swiglu(self.swiglu_norm(y))"),
    g("no last norm", LOGITS, "return F.linear(x, self.embedding.weight)"),
    g("logits scaled", LOGITS, "return F.linear(self.norm(x), self.embedding.weight) / self.config.d_model**0.5"),
    g("embedding scaled", "x = self.embedding(tokens)\n", "x = self.embedding(tokens) * self.config.d_model**0.5\n"),
    g("first weights not smaller in depth", WRITES, "nn.init.normal_(weight, std=0.02)"),
    g("first weights: depth not doubled", WRITES, WRITES.replace("2 * config", "config")),
    g(
        "first weights: the value map smaller",
        'endswith(("W_O.weight", "W_2.weight"))',
        'endswith(("W_O.weight", "W_V.weight"))',
    ),
    # the cache
    g("cache: new keys first", CAT, CAT.replace("[kept[0], k]", "[k, kept[0]]")),
    g(
        "cache: values not kept",
        CAT,
        "k = torch.cat([kept[0], k], dim=2); v = torch.cat([torch.zeros_like(kept[1]), v], dim=2)",
    ),
    g("cache: keys for values", CAT, CAT.replace("kept[1]", "kept[0]")),
    g("cache: one place too many", LAST, LAST.replace(" + 1", "")),
    g("cache: one place too few", LAST, LAST.replace(" + 1", " + 2")),
    g("cache: never drops", LAST, "last = 0"),
    g("cache: drops the newest", KEPT, "self.kept[layer] = k[:, :, : k.shape[2] - last], v[:, :, : v.shape[2] - last]"),
    g(
        "cache: one for all layers",
        "if (kept := self.kept[layer]) is not None:",
        "if (kept := self.kept[0]) is not None:",
    ),
    g("cache: forgets where it is", POSITIONS, "positions = torch.arange(n, device=tokens.device)"),
    g(
        "cache: one place off",
        POSITIONS,
        POSITIONS.replace("before, before + n", "before + 1, before + n + 1")
        .replace("before + 1,", "before + (before > 0),")
        .replace("+ n + 1", "+ n + (before > 0)"),
    ),
    g("cache: mask of all places", BEFORE, "kept = before"),
    g("cache: mask of the new places", BEFORE, "kept = 0"),
    g("cache: mask one too wide", BEFORE, BEFORE.replace(" - 1", "")),
    g("cache: length not counted", "cache.length += n", "pass"),
    g("cache: counts calls", "cache.length += n", "cache.length += 1"),
    g("mask of another window", MASK, MASK.replace("self.config.context", "self.config.window")),
    # loss
    g("loss: targets not shifted", NEXT, "return loss_at(model(x[:, :-1]), x[:, :-1]).mean()"),
    g("loss: shifted by two", NEXT, "return loss_at(model(x[:, :-2]), x[:, 2:]).mean()"),
    g("loss: the previous token", NEXT, "return loss_at(model(x[:, 1:]), x[:, :-1]).mean()"),
    g("loss: summed", NEXT, NEXT.replace(".mean()", ".sum()")),
    g("loss: positive logarithm", LOSS, LOSS.replace("return F", "return -F")),
    g("loss: in bits", LOSS, LOSS + " / math.log(2)"),
    g("loss: shape turned", LOSS, LOSS.replace("tokens.flatten()", "tokens.T.flatten()")),
    g("text: fill counted", TEXT_Y, TEXT_Y.replace(", value=IGNORED", "")),
    g("text: targets not shifted", TEXT_Y, TEXT_Y.replace("text[1:]", "text[:-1]")),
    g("text: the mean of windows", SUM, "nats += loss_at(model(some), following).double().mean().item() * m / len(x)"),
    g("text: the first token counted too", "return nats / m", "return nats / len(text)"),
    g("text: last window dropped", TEXT_X, TEXT_X + "[: max(1, m // window)]"),
    # writing
    g("write: without the cache, the last token alone", NEW, NEW.replace("model(new, cache)", "model(new)")),
    g("write: first place's logits", NEW, NEW.replace("[:, -1]", "[:, 0]")),
    g("write: penalty of the last token alone", NEW, NEW.replace("text, how", "new, how")),
    g("write: the whole text again with the cache", NEW, NEW.replace("model(new, cache)", "model(text, cache)")),
    g("write: prompt left out", "text, new = prompt, prompt", "text, new = prompt[:, :0], prompt"),
    g("answer: no token before the prompt", START, START.replace("[0, *prompt]", "prompt or [0]")),
    g(
        "answer: one token too few",
        "new = max(1, self.length - start.shape[1])",
        "new = max(1, self.length - start.shape[1] - 1)",
    ),
    g("training sees one token too few", CROP, "window = self.config.window"),
    g("training sees everything", CROP, "window = self.length"),
    g(
        "config: any number of groups",
        "good = self.kv_heads >= 1 and self.heads % self.kv_heads == 0",
        "good = self.kv_heads >= 1",
    ),
    g(
        "config: any size",
        "good = self.heads >= 1 and self.d_model >= 2 and self.d_model % (2 * self.heads) == 0",
        "good = True",
    ),
    g("config: any training window", 'check(config.window < self.length, "window"', 'check(True, "window"'),
    # choosing tokens
    s("top-k: one too many", TOP_K, TOP_K.replace("k:]", "k + 1 :]")),
    s("top-k: the least likely", ORDER, ORDER.replace("descending=True", "descending=False")),
    s("top-k: rule out what should stay", TOP_K, TOP_K.replace("[:, k:]", "[:, :k]")),
    s("top-k: logits of zero", TOP_K, TOP_K.replace("-math.inf", "0.0")),
    s(
        "top-k: by value, ties and all",
        TOP_K,
        "return z.masked_fill(z < z.gather(-1, order[:, min(k, z.shape[-1]) - 1 :][:, :1]), -math.inf)",
    ),
    s("top-p: without the token that reaches p", SORTED, "before = sorted_p.cpu().cumsum(dim=-1).to(z.device)"),
    s("top-p: from the tail", SORT, SORT.replace("descending=True", "descending=False")),
    s("top-p: not put back in order", TOP_P, "return sorted_z.masked_fill(before >= p, -math.inf)"),
    s("top-p: what is above p", TOP_P, TOP_P.replace(">=", "<")),
    s("top-p: logits for probabilities", "sorted_p = sorted_z.softmax(dim=-1)", "sorted_p = sorted_z.exp()"),
    s("top-p: over the batch", SORTED, SORTED.replace("dim=-1", "dim=0")),
    s("min-p: an absolute bound", MIN_P, "return z.masked_fill(p < p_base, -math.inf)"),
    s("min-p: of the batch's maximum", MIN_P, MIN_P.replace("p.max(dim=-1, keepdim=True).values", "p.max()")),
    s("min-p: the wrong side", MIN_P, MIN_P.replace("p < ", "p > ")),
    s("min-p: strictly more", MIN_P, MIN_P.replace("p < ", "p <= ")),
    s("penalty: division alone", PENALTY, "return z.scatter(-1, before, there / theta)"),
    s("penalty: multiplication alone", PENALTY, "return z.scatter(-1, before, there * theta)"),
    s("penalty: rewards", PENALTY, PENALTY.replace("there * theta, there / theta", "there / theta, there * theta")),
    s(
        "penalty: once for each time",
        PENALTY,
        "return z.scatter_add(-1, before, torch.where(there < 0, there * theta, there / theta) - there)",
    ),
    s("penalty: subtracted", PENALTY, "return z.scatter(-1, before, there - theta)"),
    s("penalty never applied", "if how.repetition != 1:", "if False:"),
    s("temperature multiplies", "z = z / how.temperature", "z = z * how.temperature"),
    s("temperature after the cuts", "    z = z / how.temperature\n", ""),
    s("greedy: the least likely", GREEDY, GREEDY.replace("argmax", "argmin")),
    s("greedy: log of one", GREEDY, GREEDY.replace("1.0)", "0.5)")),
    s("top-k never applied", "if how.top_k:", "if False:"),
    s("top-p never applied", "if how.top_p < 1:", "if False:"),
    s("min-p never applied", "if how.min_p:", "if False:"),
    s(
        "min-p before top-p",
        "    if how.top_p < 1:\n        z = keep_top_p(z, how.top_p)\n    if how.min_p:\n"
        "        z = keep_min_p(z, how.min_p)\n",
        "    if how.min_p:\n        z = keep_min_p(z, how.min_p)\n"
        "    if how.top_p < 1:\n        z = keep_top_p(z, how.top_p)\n",
    ),
    s("drawn from the logits", DRAW, DRAW.replace("law(z, before, how)", "z.exp() + 0 * law(z, before, how)")),
    s("drawn from a flat law", DRAW, DRAW.replace("law(z, before, how)", "(law(z, before, how) > 0).to(z)")),
    s("the likeliest drawn", DRAW, "return law(z, before, how).argmax(dim=-1)"),
    s("settings unchecked: top_p", "check(0 < self.top_p <= 1", "check(0 < self.top_p"),
    s("settings unchecked: temperature", "check(0 <= self.temperature < math.inf", "check(self.temperature < math.inf"),
]
ONE_EACH: dict[str, str] = {
    "cache: forgets where it is": "test_the_cache_gives_the_full_models_logits_up_to_and_over_the_context",
    "loss: targets not shifted": "test_targets_are_the_next_tokens_a_model_that_copies_its_input_is_no_oracle",
    "top-p: without the token that reaches p": "test_top_p_keeps_the_smallest_set_with_that_probability",
}
