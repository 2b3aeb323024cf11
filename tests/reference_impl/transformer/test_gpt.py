"""The language model: its parts against independent ones, its cache against itself without, its texts against laws."""

import math

import pytest
import torch
from scipy import stats
from torch import nn
from torch.nn import functional as F

V = 11


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


def tokens(b: int, n: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, V, (b, n), generator=seeded(seed))


@pytest.fixture
def model(gpt):
    """A small model in float64, with weights large enough that every part matters."""

    def make(**settings):
        config = gpt.GPTConfig(
            **{"layers": 2, "d_model": 16, "heads": 4, "kv_heads": 2, "context": 5, "window": 6, **settings}
        )
        made = gpt.GPT(config, V).double()
        with torch.no_grad():
            for i, p in enumerate(made.parameters()):
                p.copy_((1.0 if p.ndim == 1 else 0.0) + 0.4 * randn(*p.shape, seed=i))
        return made

    return make


# ------------------------------------------------------------------------------------------------- the parts


def test_rms_norm_equals_torchs(gpt):
    x = 3 * randn(2, 5, 8) + 1
    ours, theirs = gpt.RMSNorm(8).double(), nn.RMSNorm(8, eps=1e-6, dtype=torch.float64)
    g = randn(8, seed=1)
    with torch.no_grad():
        ours.g.copy_(g)
        theirs.weight.copy_(g)
    assert torch.allclose(ours(x), theirs(x), atol=1e-12)


def test_rms_norm_gives_the_length_root_d_and_knows_no_scale_and_leaves_the_mean(gpt):
    norm = gpt.RMSNorm(8).double()
    x = randn(3, 8) + 2
    assert torch.allclose(norm(x).norm(dim=-1), torch.tensor(8.0, dtype=torch.float64).sqrt(), atol=1e-5)
    assert torch.allclose(norm(7 * x), norm(x), atol=1e-5)
    assert (norm(x).mean(dim=-1) > 0.3).all()
    assert norm(torch.zeros(1, 8, dtype=torch.float64)).tolist() == [[0.0] * 8]


def test_swiglu_equals_the_formula_one_number_at_a_time(gpt):
    layer = gpt.SwiGLU(6).double()
    x = randn(1, 1, 6)
    hidden = []
    for w, v in zip(layer.W.weight, layer.V.weight, strict=True):
        a, b = (w * x[0, 0]).sum().item(), (v * x[0, 0]).sum().item()
        hidden.append(a / (1 + math.exp(-a)) * b)
    expected = [sum(m.item() * y for m, y in zip(row, hidden, strict=True)) for row in layer.W_2.weight]
    assert layer(x)[0, 0].tolist() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("d_model", [64, 96, 128, 192])
def test_swiglu_has_about_as_many_weights_as_the_usual_layer(gpt, d_model):
    weights = sum(p.numel() for p in gpt.SwiGLU(d_model).parameters())
    assert 1.0 <= weights / (8 * d_model**2) < 1.07


def test_a_window_hides_what_lies_ahead_and_what_lies_too_far_back(gpt):
    assert gpt.window_mask(4, 4, 2).int().tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]
    assert gpt.window_mask(2, 4, 3).int().tolist() == [[1, 1, 1, 0], [0, 1, 1, 1]]
    assert gpt.window_mask(3, 3, 9).int().tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]


# ------------------------------------------------------------------------------------------------- the model


def by_hand(model, x):
    """The logits of one text by formulas written anew: complex rotation, heads one by one, sums over what is seen."""
    config = model.config
    d, shared = config.d_model // config.heads, config.heads // config.kv_heads
    n = len(x)
    theta = torch.tensor([10000.0 ** (-2 * i / d) for i in range(d // 2)], dtype=torch.float64)
    turn = torch.exp(1j * torch.arange(n, dtype=torch.float64)[:, None] * theta)

    def norm(z, g):
        return F.rms_norm(z, (config.d_model,), g, 1e-6)

    def turned(z):
        return torch.view_as_real(torch.view_as_complex(z.reshape(n, -1, 2)) * turn).reshape(n, d)

    stream = model.embedding.weight[x]
    for block in model.blocks:
        z, heads = norm(stream, block.attention_norm.g), []
        part = {name: z @ getattr(block.attention, f"W_{name}").weight.T for name in "QKV"}
        for head in range(config.heads):
            group = head // shared
            q = turned(part["Q"][:, head * d : (head + 1) * d])
            k = turned(part["K"][:, group * d : (group + 1) * d])
            v = part["V"][:, group * d : (group + 1) * d]
            rows = []
            for t in range(n):
                first = max(0, t - config.context + 1)
                weights = torch.softmax(k[first : t + 1] @ q[t] / d**0.5, dim=0)
                rows.append(weights @ v[first : t + 1])
            heads.append(torch.stack(rows))
        stream = stream + torch.cat(heads, dim=1) @ block.attention.W_O.weight.T
        z = norm(stream, block.swiglu_norm.g)
        a = z @ block.swiglu.W.weight.T
        stream = stream + (a * torch.sigmoid(a) * (z @ block.swiglu.V.weight.T)) @ block.swiglu.W_2.weight.T
    return norm(stream, model.norm.g) @ model.embedding.weight.T


@pytest.mark.parametrize("settings", [{}, {"kv_heads": 1}, {"kv_heads": 4, "context": 20}, {"heads": 2, "layers": 1}])
def test_the_model_equals_formulas_written_anew(model, settings):
    made, x = model(**settings), tokens(2, 9)
    logits = made(x)
    for row in range(2):
        assert torch.allclose(logits[row], by_hand(made, x[row]), atol=1e-10)


def test_no_logit_sees_a_later_token_and_each_sees_the_earlier_ones(model):
    """By the gradient with respect to the embedded tokens; with two layers, the reach is 2 (context - 1) places."""
    made, x = model(context=3), tokens(1, 9)
    embedded = made.embedding(x).detach().requires_grad_()
    made.embedding.forward = lambda _: embedded
    logits = made(x)
    for t in range(9):
        gradient = torch.autograd.grad(logits[0, t].square().sum(), embedded, retain_graph=True)[0][0]
        touched = (gradient.abs().sum(dim=-1) > 0).tolist()
        assert touched == [t - 4 <= s <= t for s in range(9)]


def test_texts_of_a_batch_know_nothing_of_each_other_and_one_alone_works(model):
    made, x = model(), tokens(3, 7)
    assert torch.allclose(made(x)[1:2], made(x[1:2]), atol=1e-12)
    assert made(x[:1, :1]).shape == (1, 1, V)


def test_a_text_further_on_is_the_same_text(model):
    """Places are relative: what fills the first window alone decides, wherever it stands."""
    made = model(layers=1, context=4)
    x = tokens(1, 4)
    before = tokens(1, 30, seed=1)
    assert torch.allclose(made(torch.cat([before, x], dim=1))[0, -1], made(x)[0, -1], atol=1e-9)


# ------------------------------------------------------------------------------------------------- the cache


@pytest.mark.parametrize("first", [1, 3, 5, 8])
def test_the_cache_gives_the_full_models_logits_up_to_and_over_the_context(gpt, model, first):
    made, x = model(), tokens(2, 13)  # the context is 5
    full = made(x)
    cache = gpt.Cache(2, 5)
    assert torch.allclose(made(x[:, :first], cache), full[:, :first], atol=1e-10)
    for t in range(first, 13):
        assert torch.allclose(made(x[:, t : t + 1], cache)[:, 0], full[:, t], atol=1e-10)


def test_the_cache_takes_several_tokens_at_once(gpt, model):
    made, x = model(), tokens(1, 14)
    full, cache, done = made(x), gpt.Cache(2, 5), 0
    for n in (2, 1, 4, 6, 1):
        assert torch.allclose(made(x[:, done : done + n], cache), full[:, done : done + n], atol=1e-10)
        done += n
    assert cache.length == 14


@pytest.mark.parametrize("context", [1, 5, 40])
def test_the_cache_holds_no_more_than_the_context_needs(gpt, model, context):
    made, cache = model(context=context), gpt.Cache(2, context)
    made(tokens(3, 12), cache)
    for k, v in cache.kept:
        assert k.shape == v.shape == (3, 2, min(12, context - 1), 4)


# ----------------------------------------------------------------------------------------- the loss, training


def test_the_loss_is_the_mean_negative_logarithm_of_each_next_tokens_probability(gpt, model):
    made, x = model(), tokens(2, 6)
    p = made(x).softmax(dim=-1)
    nats = [-math.log(p[b, t, x[b, t + 1]].item()) for b in range(2) for t in range(5)]
    assert gpt.next_token_loss(made, x).item() == pytest.approx(sum(nats) / 10, abs=1e-10)


def test_targets_are_the_next_tokens_a_model_that_copies_its_input_is_no_oracle(gpt):
    """An oracle of the text 0, 1, 2, ... has no loss; one that repeats what it sees, which an unshifted loss likes."""
    x = torch.arange(6)[None]

    def oracle(step):
        return lambda seen: 40.0 * F.one_hot((seen + step) % V, V).double()

    assert gpt.next_token_loss(oracle(1), x).item() == pytest.approx(0.0, abs=1e-9)
    assert gpt.next_token_loss(oracle(0), x).item() > 30
    assert gpt.loss_at(oracle(0)(x), x).max().item() == pytest.approx(0.0, abs=1e-9)


def test_an_untrained_model_finds_all_tokens_nearly_alike(gpt):
    torch.manual_seed(0)
    made = gpt.GPT(gpt.GPTConfig(layers=2, d_model=64), 65)
    assert gpt.next_token_loss(made, torch.randint(0, 65, (8, 65))).item() == pytest.approx(math.log(65), abs=0.05)


def test_first_weights_have_the_deviations_that_are_claimed(gpt):
    torch.manual_seed(0)
    made = gpt.GPT(gpt.GPTConfig(layers=3, d_model=64), 65)
    for name, p in made.named_parameters():
        if p.ndim == 1:
            assert (p == 1).all()
        else:
            writes = "W_O" in name or "W_2" in name
            assert p.std().item() == pytest.approx(0.02 / (math.sqrt(6) if writes else 1), rel=0.07), name


def test_logits_use_the_matrix_that_embeds_and_each_weight_gets_a_gradient(gpt, model):
    made, x = model(), tokens(2, 9)
    named = dict(made.named_parameters())
    assert sum(p.shape[0] == V for p in named.values()) == 1
    gradients = torch.autograd.grad(gpt.next_token_loss(made, x), list(named.values()))
    assert all(g.abs().max() > 0 for g in gradients)


def test_gradient_of_the_loss_equals_finite_differences(gpt, model):
    made, x = model(layers=1, d_model=8, heads=2, kv_heads=1, context=3), tokens(1, 5)
    names, weights = zip(*made.named_parameters(), strict=True)

    def loss(*values):
        logits = torch.func.functional_call(made, dict(zip(names, values, strict=True)), (x[:, :-1],))
        return gpt.loss_at(logits, x[:, 1:]).mean()

    assert torch.autograd.gradcheck(loss, [w.detach().requires_grad_() for w in weights], fast_mode=True)


@pytest.mark.parametrize("length", [2, 6, 7, 8, 20, 200])
def test_the_loss_of_a_text_counts_each_token_but_the_first_once(gpt, model, length):
    """Windows of 6: each predicts 6 tokens from those of the window alone; the last one may be shorter."""
    made, text = model(), tokens(1, length)[0]
    nats = []
    for start in range(0, length - 1, 6):
        piece = text[start : start + 7]
        nats += (-made(piece[None, :-1])[0].log_softmax(dim=-1)).gather(1, piece[1:, None])[:, 0].tolist()
    assert len(nats) == length - 1
    assert gpt.text_loss(made, text, 6) == pytest.approx(sum(nats) / len(nats), abs=1e-10)


# --------------------------------------------------------------------------------------------------- writing


def test_what_is_written_goes_on_from_the_prompt_and_comes_from_the_generator(gpt, model):
    made, prompt, how = model(), tokens(3, 4), gpt.Sampling()
    text = gpt.write(made, prompt, 9, how, seeded(1))
    assert text.shape == (3, 13)
    assert torch.equal(text[:, :4], prompt)
    assert torch.equal(gpt.write(made, prompt, 9, how, seeded(1)), text)
    assert not torch.equal(gpt.write(made, prompt, 9, how, seeded(2)), text)


def test_at_temperature_zero_each_token_is_the_full_models_likeliest(gpt, model):
    """Over the context too: greedy writing with the cache against the full model on the text so far."""
    made, prompt = model(), tokens(2, 3)
    text = gpt.write(made, prompt, 12, gpt.Sampling(temperature=0.0), seeded())
    for t in range(3, 15):
        assert torch.equal(text[:, t], made(text[:, :t])[:, -1].argmax(dim=-1))


def test_written_texts_have_the_models_law(gpt, model):
    """Two tokens after a prompt: the frequencies of all pairs against the products of probabilities."""
    made, n = model(), 20_000
    with torch.no_grad():
        for p in made.parameters():
            if p.ndim == 2:
                p.mul_(0.3)  # so that no pair is too rare to be counted
    prompt = torch.tensor([[4, 2]])
    first = made(prompt)[0, -1].softmax(dim=-1)
    follow = made(torch.cat([prompt.repeat(V, 1), torch.arange(V)[:, None]], dim=1))[:, -1].softmax(dim=-1)
    law = (first[:, None] * follow).flatten().detach()
    text = gpt.write(made, prompt.repeat(n, 1), 2, gpt.Sampling(), seeded())
    counts = (text[:, 2] * V + text[:, 3]).bincount(minlength=V * V).double()
    often = law * n >= 5
    assert often.sum() > 100
    counts, law = (torch.cat([x[often], x[~often].sum()[None]]) if not often.all() else x for x in (counts, law))
    assert stats.chisquare(counts, law * n).pvalue > 1e-3


def test_the_penalty_sees_the_whole_text_the_prompt_included(gpt, model):
    made, prompt = model(), torch.arange(V)[None, :6]
    text = gpt.write(made, prompt, 5, gpt.Sampling(temperature=0.0, repetition=1e6), seeded())
    assert sorted(text[0].tolist()) == list(range(V))  # each token once: those already there are all but ruled out


# ------------------------------------------------------------------------------------------- the configuration


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layers": 0}, "layers is 0; expected a number of blocks >= 1"),
        ({"d_model": 20}, "d_model is 20; expected an even number for each of 4 heads"),
        ({"heads": 0}, "expected an even number for each of 0 heads"),
        ({"kv_heads": 3}, "kv_heads is 3; expected a number that divides heads, 4"),
        ({"kv_heads": 0}, "kv_heads is 0; expected a number that divides heads, 4"),
        ({"context": 0}, "context is 0; expected a number of places >= 1"),
        ({"window": 0}, "window is 0; expected a number of tokens >= 1"),
        ({"top_p": 0.0}, "top_p is 0.0; expected a probability"),
    ],
)
def test_settings_out_of_range_are_refused(gpt, settings, message):
    with pytest.raises(ValueError, match=message):
        gpt.GPTConfig(**settings)


def test_a_training_window_is_no_longer_than_the_datas(gpt):
    from reference_impl.data import Spec

    with pytest.raises(ValueError, match="window is 64; expected at most 63, the data's windows"):
        gpt.GPTMethod(gpt.GPTConfig(), Spec((64,), 0, V))


def test_training_sees_the_first_window_of_each_row_and_writing_fills_it(gpt):
    from reference_impl.data import Spec
    from reference_impl.engine import Batch

    torch.manual_seed(0)
    method = gpt.GPTMethod(gpt.GPTConfig(layers=1, d_model=16, context=4, window=6), Spec((20,), 0, V))
    x = tokens(2, 20)
    (player,) = method.players()
    loss = player.loss(Batch(x, torch.zeros(2, dtype=torch.long)), seeded())
    assert torch.equal(loss, gpt.next_token_loss(method.model, x[:, :7]))
    texts = method.sample(3, None, seeded())
    assert texts.shape == (3, 20)
    assert (texts[:, 0] == 0).all()
    answer = method.answer([5, 6], 2, seeded())
    assert answer.shape == (2, 20)
    assert answer[:, :3].tolist() == [[0, 5, 6]] * 2
    assert method.answer(list(range(V)) * 3, 1, seeded()).shape == (1, 1 + 3 * V + 1)
