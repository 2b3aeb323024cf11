"""Changes to encoder_decoder.py, to its search, beam.py, and to the numerals, of the kind that people make."""

from functools import partial

from tests.reference_impl.mutation import Mutant

MODULES = [
    "reference_impl.translations",
    "reference_impl.transformer.beam",
    "reference_impl.transformer.encoder_decoder",
]
PROOFS = ["transformer/test_beam.py", "transformer/test_encoder_decoder.py", "test_translations.py"]

ed = partial(Mutant, "reference_impl.transformer.encoder_decoder")
beam = partial(Mutant, "reference_impl.transformer.beam")
pairs = partial(Mutant, "reference_impl.translations")

KEPT = "kept = torch.rand(x.shape, generator=generator, device=x.device) >= P_drop"
DROPOUT = "return x * (kept.to(x.dtype) / (1 - P_drop))"
FFN = "return self.W_2(F.relu(self.W_1(x)))"
SELF = "x = self.norm_1(x + drop(self.attention(x, visible=visible)))"
ENCODER_FFN = "return self.norm_2(x + drop(self.feed_forward(x)))"
BEFORE = "before = causal_mask(y.shape[1], device=y.device)"
MASKED = "y = self.norm_1(y + drop(self.attention(y, visible=before)))"
CROSS = "y = self.norm_2(y + drop(self.cross(y, memory, visible)))"
DECODER_FFN = "return self.norm_3(y + drop(self.feed_forward(y)))"
E = "self.E = nn.Parameter(torch.randn(V, d_model) / math.sqrt(d_model))"
EMBED = "math.sqrt(d_model) * F.embedding(tokens, self.E) + sinusoidal_positions(tokens.shape[1], d_model).to(self.E)"
SOURCE_DROP = (
    "drop, visible = partial(dropout, P_drop=self.P_drop, generator=generator), padding_mask(x, PAD)\n"
    "        memory = self.embed(x, drop)"
)
LAYERS = "memory = layer(memory, visible, drop)"
TARGET_EMBED = "z = self.embed(y, drop)"
LOG_P = "return (z @ self.E.T).log_softmax(dim=-1)"
FORWARD = "return self.decode(y, self.encode(x, generator), padding_mask(x, PAD), generator)"
NLL = "nll = -log_p.gather(1, y[:, None])[:, 0]"
SMOOTHED = "return ((1 - eps_ls) * nll - eps_ls * log_p.mean(dim=1)).mean()"
RATE = "return d_model**-0.5 * min(step**-0.5, step * warmup**-1.5)"
CROP = "return tokens[:, : int((tokens != PAD).sum(dim=1).max())]"
REAL = "real = target[:, 1:] != PAD"
SHIFT = "z.append(self.model(source, target[:, :-1], generator)[real])"
WANTED = "y.append(target[:, 1:][real])"
LOSS = "log_p, y = self.predicted(batch.x, generator if self.model.training else None)"
LIMITS = "limits = ((x != PAD).sum(dim=1) - 1 + self.config.longer).clamp(max=most)"
NEXT = "return self.model.log_p(z[:, -1]).unflatten(0, (-1, w))"
MEMORY = "memory.repeat_interleave(w, 0), visible.repeat_interleave(w, 0)"
FOUND = "part[:, 1, 1 : 1 + found.shape[1]] = found"
SEEN = "seen[kind].append(attention_weights(q, k, visible)[0])"
ERROR = '"error": (samples[:, 1] != references[:, 1]).any(dim=1).double().mean().item(),'

PENALTY = "return ((5 + n) / 6) ** alpha"
LONGER = "longer = log_p[:, :, None] + log_probs(y)"
FORCED = "(limits <= n)[:, None, None] & not_eos"
TOP = "log_p, chosen = longer.flatten(1).topk(min(width, longer[0].numel()))"
PARENT = "parent, token = chosen // V, chosen % V"
APPEND = "y = torch.cat([y.gather(1, parent[:, :, None].expand(-1, -1, n)), token[:, :, None]], dim=2)"
SCORE = "(log_p / length_penalty(n, alpha)).masked_fill(~ended, -math.inf).max(dim=1)"
BETTER = "better = score > best_score"
KEEP = "best[better, :n] = y[better, which[better], 1:]"
ENDED = "log_p = log_p.masked_fill(ended, -math.inf)"
STOP = "if not (log_p.amax(dim=1) / length_penalty(limits, alpha) > best_score).any():"

MUTANTS = [
    # parts
    ed("dropout without scaling", DROPOUT, "return x * kept"),
    ed("dropout with the rate of keeping", KEPT, KEPT.replace(">=", "<")),
    ed("dropout scaled by the rate", DROPOUT, DROPOUT.replace("/ (1 - P_drop)", "/ P_drop")),
    ed("dropout from torch's own generator", DROPOUT, "return F.dropout(x, P_drop)"),
    ed("GELU for ReLU", FFN, FFN.replace("relu", "gelu")),
    ed("no ReLU", FFN, "return self.W_2(self.W_1(x))"),
    ed("feed-forward without biases", FFN, "return F.relu(x @ self.W_1.weight.T) @ self.W_2.weight.T"),
    ed("pre-norm in the encoder's attention", SELF, "x = x + drop(self.attention(self.norm_1(x), visible=visible))"),
    ed("pre-norm in the encoder's feed-forward", ENCODER_FFN, "return x + drop(self.feed_forward(self.norm_2(x)))"),
    ed("no residual around self-attention", SELF, SELF.replace("x + drop(", "drop(")),
    ed("no residual around the encoder's feed-forward", ENCODER_FFN, ENCODER_FFN.replace("x + drop(", "drop(")),
    ed("norm before the residual sum", SELF, "x = x + self.norm_1(drop(self.attention(x, visible=visible)))"),
    ed("encoder sees padding", SELF, SELF.replace("visible=visible", "visible=None")),
    ed(
        "dropout of the sum, not of the sublayer", SELF, "x = self.norm_1(drop(x + self.attention(x, visible=visible)))"
    ),
    ed("no dropout of the encoder's attention", SELF, "x = self.norm_1(x + self.attention(x, visible=visible))"),
    ed("no dropout of the encoder's feed-forward", ENCODER_FFN, "return self.norm_2(x + self.feed_forward(x))"),
    ed("encoder's norms swapped", ENCODER_FFN, ENCODER_FFN.replace("norm_2", "norm_1")),
    ed("decoder sees the future", BEFORE, BEFORE.replace("causal_mask(y.shape[1]", "causal_mask(1, y.shape[1]")),
    ed("decoder does not see its own place", BEFORE, BEFORE + ".tril(-1)"),
    ed("causal mask turned round", BEFORE, BEFORE + ".T"),
    ed("pre-norm in the decoder", MASKED, "y = y + drop(self.attention(self.norm_1(y), visible=before))"),
    ed("decoder without self-attention", MASKED, "y = self.norm_1(y)"),
    ed("no residual around masked attention", MASKED, MASKED.replace("y + drop(", "drop(")),
    ed("no residual around cross-attention", CROSS, CROSS.replace("y + drop(", "drop(")),
    ed("cross-attention to the target itself", CROSS, CROSS.replace("(y, memory, visible)", "(y, visible=before)")),
    ed("cross-attention sees padding", CROSS, CROSS.replace("memory, visible", "memory, None")),
    ed("no dropout of cross-attention", CROSS, "y = self.norm_2(y + self.cross(y, memory, visible))"),
    ed("pre-norm in the decoder's feed-forward", DECODER_FFN, "return y + drop(self.feed_forward(self.norm_3(y)))"),
    ed("decoder's last norm is the second", DECODER_FFN, DECODER_FFN.replace("norm_3", "norm_2")),
    # embedding and output
    ed("embeddings of variance one", E, E.replace(" / math.sqrt(d_model)", "")),
    ed("Glorot's normal law", "nn.init.xavier_uniform_(part.weight)", "nn.init.xavier_normal_(part.weight)"),
    ed("torch's own first biases", "nn.init.zeros_(part.bias)", "pass"),
    ed("no root of d_model", EMBED, EMBED.removeprefix("math.sqrt(d_model) * ")),
    ed("embeddings divided by the root", EMBED, EMBED.replace("math.sqrt(d_model) *", "1 / math.sqrt(d_model) *")),
    ed("positions scaled too", EMBED, "math.sqrt(d_model) * (" + EMBED.removeprefix("math.sqrt(d_model) * ") + ")"),
    ed("no positions", EMBED, EMBED.partition(" + ")[0]),
    ed("positions counted from the end", EMBED, EMBED.replace(".to(self.E)", ".to(self.E).flip(0)")),
    ed(
        "no dropout of the source's embeddings",
        SOURCE_DROP,
        SOURCE_DROP.replace("self.embed(x, drop)", "self.embed(x, lambda e: e)"),
    ),
    ed("no dropout of the target's embeddings", TARGET_EMBED, "z = self.embed(y, lambda e: e)"),
    ed("each layer of the encoder reads the embeddings", LAYERS, "memory = layer(self.embed(x, drop), visible, drop)"),
    ed("softmax over positions", LOG_P, LOG_P.replace("dim=-1", "dim=-2")),
    ed(
        "output divided by the root of d_model",
        LOG_P,
        "return (z @ self.E.T / self.E.shape[1] ** 0.5).log_softmax(dim=-1)",
    ),
    ed("output does not train the embeddings", LOG_P, LOG_P.replace("self.E.T", "self.E.detach().T")),
    ed("logits for log-probabilities", LOG_P, "return z @ self.E.T"),
    ed("no dropout in the encoder", FORWARD, FORWARD.replace("self.encode(x, generator)", "self.encode(x)")),
    ed(
        "memory hidden from the decoder's gradient",
        FORWARD,
        FORWARD.replace("self.encode(x, generator)", "self.encode(x, generator).detach()"),
    ),
    ed(
        "the target's padding for the source's",
        FORWARD,
        FORWARD.replace("padding_mask(x, PAD)", "padding_mask(y[:, : x.shape[1]], PAD)"),
    ),
    # loss and schedule
    ed("likelihood with the wrong sign", NLL, NLL.replace("-log_p", "log_p")),
    ed("smoothing a sum over the vocabulary", SMOOTHED, SMOOTHED.replace("log_p.mean(dim=1)", "log_p.sum(dim=1)")),
    ed("smoothing with the wrong sign", SMOOTHED, SMOOTHED.replace("- eps_ls * log_p", "+ eps_ls * log_p")),
    ed("nothing taken from the right token", SMOOTHED, SMOOTHED.replace("(1 - eps_ls) * nll", "nll")),
    ed("smoothing left out", SMOOTHED, "return nll.mean()"),
    ed(
        "smoothing over the V - 1 wrong tokens",
        SMOOTHED,
        "V = log_p.shape[1]; return ((1 - eps_ls) * nll - eps_ls * (log_p.sum(dim=1) + nll) / (V - 1)).mean()",
    ),
    ed("loss a sum over tokens", SMOOTHED, SMOOTHED.removesuffix(".mean()") + ".sum()"),
    ed("rate falls before it rises", RATE, RATE.replace("min(", "max(")),
    ed("rate grows with d_model", RATE, RATE.replace("d_model**-0.5", "d_model**0.5")),
    ed("warm-up to the power -0.5", RATE, RATE.replace("warmup**-1.5", "warmup**-0.5")),
    ed("torch's epsilon", 'group["eps"] = 1e-9', 'group["eps"] = 1e-8'),
    ed("the engine's Adam", "self.loss, optimiser=adam)", "self.loss)"),
    ed(
        "beta_2 of 0.999",
        "lr=0.5 * learning_rate(200, 64, 200),\n            betas=(0.9, 0.98)",
        "lr=0.5 * learning_rate(200, 64, 200),\n            betas=(0.9, 0.999)",
    ),
    ed("the whole rate", "lr=0.3 * learning_rate(400, 256, 400)", "lr=learning_rate(400, 256, 400)"),
    ed("cropped to the shortest row", CROP, CROP.replace("max()", "min()")),
    ed("cropped one token short", CROP, CROP.replace("max())]", "max()) - 1]")),
    ed("padding in the loss", REAL, REAL.replace("!= PAD", "> -1")),
    ed("EOS not in the loss", REAL, REAL.replace("!= PAD", "> EOS")),
    ed("target not shifted", SHIFT, SHIFT.replace("target[:, :-1]", "target[:, 1:]")),
    ed("source for target", SHIFT, SHIFT.replace("source, target[:, :-1]", "target, target[:, :-1]")),
    ed("tokens before guessed for those after", WANTED, WANTED.replace("[:, 1:]", "[:, :-1]")),
    ed("dropout also in use", LOSS, LOSS.replace("generator if self.model.training else None", "generator")),
    ed("no dropout in training", LOSS, LOSS.replace("generator if self.model.training else None", "None")),
    ed(
        "only the first pairs of a batch",
        ".argsort(stable=True)].split(ALIKE)",
        ".argsort(stable=True)].split(ALIKE)[:1]",
    ),
    # translating
    ed("the given targets stay", "completed[:, 1] = PAD", "pass"),
    ed("no BOS", "completed[:, 1, 0] = BOS", "pass"),
    ed("outputs begin in BOS's place", FOUND, "part[:, 1, : found.shape[1]] = found"),
    ed("the examples are written into", "completed = x.clone()", "completed = x"),
    ed("outputs no longer than their sources", LIMITS, LIMITS.replace(" + self.config.longer", "")),
    ed("BOS counted in the limit", LIMITS, LIMITS.replace(" - 1 + ", " + ")),
    ed("padding counted in the limit", LIMITS, LIMITS.replace("(x != PAD)", "(x > -1)")),
    ed("the law of the first token for the next", NEXT, NEXT.replace("z[:, -1]", "z[:, 0]")),
    ed("beginnings handed to other sources", MEMORY, "memory.repeat(w, 1, 1), visible.repeat(w, 1, 1, 1)"),
    ed("the search sees the source's padding", MEMORY, MEMORY.replace("visible.", "(visible | True).")),
    ed("beam search without its width", "limits, self.config.beam, self", "limits, 1, self"),
    ed("beam search without its penalty", "self.config.beam, self.config.alpha", "self.config.beam, 0.0"),
    ed(
        "attention maps without masks' place for keys",
        SEEN,
        SEEN.replace("(q, k, visible)", "(k, q)").replace("[0])", "[0].mT)"),
    ),
    ed(
        "maps of the model itself: recorders stay",
        "model, seen = copy.deepcopy(self.model),",
        "model, seen = self.model,",
    ),
    ed("answers without BOS", "torch.tensor([BOS, *prompt, EOS])", "torch.tensor([*prompt, EOS, PAD])"),
    # numbers
    ed("error of tokens, not of sentences", ERROR, ERROR.replace(".any(dim=1)", "")),
    ed("error a share of the right ones", ERROR, ERROR.replace("!=", "==").replace("any", "all")),
    ed(
        "held-out loss a mean over parts",
        '"held_out_loss": nats / tokens',
        '"held_out_loss": nats / len(data.held_out)',
    ),
    ed("held-out loss of a part alone", "tokens += len(y)", "tokens = len(y)"),
    ed("BLEU of references against outputs", "bleu(outputs, wanted)", "bleu(wanted, outputs)"),
    ed("BLEU for what is missing", "100 - bleu(", "bleu("),
    ed("BLEU in lower case", "metric = BLEU()", "metric = BLEU(lowercase=True)"),
    ed("BLEU on spaces", "metric = BLEU()", 'metric = BLEU(tokenize="none")'),
    # beam search
    beam("penalty with the length alone", PENALTY, "return n ** alpha"),
    beam("penalty without the denominator", PENALTY, "return (5 + n) ** alpha"),
    beam("penalty the other way", PENALTY, "return ((5 + n) / 6) ** -alpha"),
    beam("penalty forgotten", PENALTY, "return 1.0 + 0 * n"),
    beam("probabilities forgotten", LONGER, "longer = 0 * log_p[:, :, None] + log_probs(y)"),
    beam("no end forced at the limit", FORCED, "(limits < 0)[:, None, None] & not_eos"),
    beam("end forced one token late", FORCED, FORCED.replace("<= n", "< n")),
    beam("end forced one token early", FORCED, FORCED.replace("<= n", "<= n + 1")),
    beam("end forbidden at the limit", FORCED, FORCED.replace("not_eos", "~not_eos")),
    beam("unlikeliest beginnings kept", TOP, TOP.replace("numel()))", "numel()), largest=False)")),
    beam("one beginning fewer", TOP, TOP.replace("min(width,", "min(max(1, width - 1),")),
    beam("one beginning more", TOP, TOP.replace("min(width,", "min(width + 1,")),
    beam("parent and token swapped", PARENT, "parent, token = chosen % log_p.shape[1], chosen // log_p.shape[1] % V"),
    beam(
        "beginnings not reordered",
        APPEND,
        APPEND.replace(
            "y.gather(1, parent[:, :, None].expand(-1, -1, n))", "y[:, torch.arange(chosen.shape[1]) % y.shape[1]]"
        ),
    ),
    beam("score not normalised", SCORE, SCORE.replace("(log_p / length_penalty(n, alpha))", "log_p")),
    beam("score of what has not ended", SCORE, SCORE.replace(".masked_fill(~ended, -math.inf)", "")),
    beam("the last to end wins", BETTER, "better = score > -math.inf"),
    beam("the first to end wins", BETTER, "better = (score > best_score) & best_score.isinf()"),
    beam("the first beginning's tokens", KEEP, KEEP.replace("which[better]", "0 * which[better]")),
    beam("BOS in the output", KEEP, KEEP.replace("1:]", ":-1]")),
    beam("finished sentences are gone on with", ENDED, "pass"),
    beam("never ends early", STOP, "if False:"),
    beam("ends with the first sentence", STOP, "if best_score.isfinite().all():"),
    beam("ends when one source is done", STOP, STOP.replace(".any()", ".all()")),
    beam(
        "bound with the present length", STOP, STOP.replace("length_penalty(limits, alpha)", "length_penalty(n, alpha)")
    ),
    # numerals
    pairs("no and", '" and {english(rest)}" if rest < 100', '" {english(rest)}" if rest < 100'),
    pairs("and always", 'f" {english(rest)}"\n', 'f" and {english(rest)}"\n'),
    pairs("tens without a hyphen", "{TENS[tens]}-{ONES[ones]}", "{TENS[tens]} {ONES[ones]}"),
    pairs("no zero at the head of the lower four", "if high and 0 < low < 1000", "if high and low < 0"),
    pairs("zero before an empty lower four", "0 < low < 1000", "low < 1000"),
    pairs("a zero for each zero", "gap = digit == 0", "gap = digit == 0; text += '零' if gap and text else ''"),
    pairs("no zero between digits", "{'零' if gap and text else ''}", ""),
    pairs("ten is 一十 at the head", 'text.removeprefix("一") if text.startswith("一十") else text', "text"),
    pairs(
        "ten is 十 everywhere",
        'text.removeprefix("一") if text.startswith("一十")',
        'text.replace("一十", "十") if text',
    ),
    pairs("zero is nothing", 'else text or "零"', "else text"),
    pairs("held-out numbers trained on", "*mixed[HELD_OUT:]]", "*mixed]"),
    pairs("long numbers alone", "for d in (2, 3, 4, 5)]", "for d in (5, 5, 5, 5)]"),
    pairs(
        "no mixing", "mixed = mixed[torch.randperm(len(mixed), generator=random)].tolist()", "mixed = mixed.tolist()"
    ),
    pairs(
        "vocabulary of both parts",
        "Words(texts(numeral_pairs()[0]), SPECIAL)",
        "Words(texts(sum(numeral_pairs(), [])), SPECIAL)",
    ),
    pairs(
        "byte pairs of both parts", "BytePairs(texts(multi30k_pairs()[0])", "BytePairs(texts(sum(multi30k_pairs(), []))"
    ),
    pairs("rows without an end", "row = [BOS, *tokeniser.encode(text), EOS]", "row = [BOS, *tokeniser.encode(text)]"),
    pairs(
        "rows filled from the left",
        "return row + [PAD] * (length - len(row))",
        "return [PAD] * (length - len(row)) + row",
    ),
]

ONE_EACH = {
    "pre-norm in the encoder's attention": "test_the_model_is_torchs_own_transformer_with_the_same_weights",
    "no root of d_model": "test_embeddings_are_scaled_by_the_root_of_d_model_before_positions_are_added",
    "output does not train the embeddings": "test_source_target_and_output_share_one_matrix_whose_gradient",
    "decoder sees the future": "test_no_gradient_reaches_a_later_position_of_the_target_or_the_sources_padding",
    "padding in the loss": "test_padding_in_the_loss_and_a_target_that_is_not_shifted_give_other_numbers",
    "target not shifted": "test_the_loss_is_that_of_each_token_given_those_before_it_padding_left_out",
    "warm-up to the power -0.5": "test_the_learning_rate_peaks_at_the_end_of_the_warm_up_and_is_the_engines",
    "smoothing over the V - 1 wrong tokens": "test_the_smoothed_loss_is_the_divergence_from_the_smoothed_law",
    "penalty forgotten": "test_without_a_length_penalty_the_short_sentence_wins",
    "finished sentences are gone on with": "test_the_search_ends_when_nothing_can_win_any_more_and_not_before",
    "vocabulary of both parts": "test_the_vocabulary_is_that_of_the_training_part_alone",
    "BLEU on spaces": "test_bleu_on_texts_already_split_is_another_number_and_the_signature_says_which",
    "no zero between digits": "test_numerals_that_everyone_knows",
}
