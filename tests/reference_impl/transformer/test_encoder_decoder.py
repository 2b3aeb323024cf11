"""Proofs of encoder_decoder.py. Each holds the code against something worked out another way; the mutation run breaks
the code line by line and asks that one of these fails. Attention and beam search have proofs of their own.
"""

import itertools
import math
from functools import partial
from xml.etree import ElementTree

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from reference_impl import engine
from reference_impl.data import Data, Spec
from reference_impl.engine import Batch, Preset, TrainConfig
from reference_impl.tokens import BOS, EOS, PAD
from reference_impl.transformer.attention import MultiHeadAttention, padding_mask, sinusoidal_positions

F64 = torch.float64
SVG = "{http://www.w3.org/2000/svg}"
V, D, L = 11, 8, 9
SMALL = {"layers": 2, "d_model": D, "d_ff": 12, "heads": 2, "P_drop": 0.0}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=seeded(seed), dtype=F64)


def rows(lengths: list[int], length: int = L, seed: int = 0) -> torch.Tensor:
    """Rows BOS ... EOS PAD ..., of so many tokens each, BOS and EOS counted."""
    made = torch.full((len(lengths), length), PAD)
    for row, n in zip(made, lengths, strict=True):
        row[:n] = torch.randint(3, V, (n,), generator=seeded(seed + n))
        row[0], row[n - 1] = BOS, EOS
    return made


def toy(n: int = 6) -> Data:
    sources = rows([3 + i % 7 for i in range(2 * n)])
    targets = rows([3 + (3 * i) % 7 for i in range(2 * n)], seed=20)
    x = torch.stack([sources, targets], dim=1)
    none = torch.zeros(n, dtype=torch.long)
    return Data(
        "toy", x[:n], none, x[n:], none, levels=V, decode=lambda row: " ".join(map(str, row[row > EOS].tolist()))
    )


def small(encoder_decoder, data: Data | None = None, **settings):
    """A small method in float64, its weights moved so that no norm and no bias is idle."""
    torch.manual_seed(0)
    config = encoder_decoder.EncoderDecoderConfig(**{**SMALL, **settings})
    method = encoder_decoder.EncoderDecoder(config, (data or toy()).spec)
    method.model.double()
    noise = seeded(1)
    with torch.no_grad():
        for p in method.model.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=noise, dtype=F64))
    return method


def talkative(encoder_decoder, data: Data | None = None, **settings):
    """A small method whose outputs have several tokens, and others for other sources."""
    method = small(encoder_decoder, data, **{"alpha": 3.0, **settings})
    with torch.no_grad():
        method.model.E.copy_(2 * normal(V, D) / math.sqrt(D))
        for layer in method.model.decoder:
            layer.cross.W_O.weight.mul_(5)
    return method


def keep(x: torch.Tensor) -> torch.Tensor:
    return x


# ------------------------------------------------------------------------------------------------ the whole model


def torchs_own(model) -> nn.Transformer:
    """nn.Transformer without the norms that it puts after its stacks, with the model's weights."""
    heads, d_ff, N = (
        model.encoder[0].attention.heads,
        model.encoder[0].feed_forward.W_1.out_features,
        len(model.encoder),
    )
    layer = {"dim_feedforward": d_ff, "dropout": 0.0, "batch_first": True, "dtype": F64}
    theirs = nn.Transformer(
        D,
        heads,
        custom_encoder=nn.TransformerEncoder(
            nn.TransformerEncoderLayer(D, heads, **layer), N, enable_nested_tensor=False
        ),
        custom_decoder=nn.TransformerDecoder(nn.TransformerDecoderLayer(D, heads, **layer), N),
        batch_first=True,
    )

    def copy_attention(to: nn.MultiheadAttention, of: MultiHeadAttention) -> None:
        to.in_proj_weight.copy_(torch.cat([of.W_Q.weight, of.W_K.weight, of.W_V.weight]))
        to.out_proj.weight.copy_(of.W_O.weight)
        to.in_proj_bias.zero_()
        to.out_proj.bias.zero_()

    with torch.no_grad():
        for to, of in [*zip(theirs.encoder.layers, model.encoder), *zip(theirs.decoder.layers, model.decoder)]:  # noqa: B905
            copy_attention(to.self_attn, of.attention)
            if hasattr(of, "cross"):
                copy_attention(to.multihead_attn, of.cross)
                to.norm3.load_state_dict(of.norm_3.state_dict())
            to.linear1.load_state_dict(of.feed_forward.W_1.state_dict())
            to.linear2.load_state_dict(of.feed_forward.W_2.state_dict())
            to.norm1.load_state_dict(of.norm_1.state_dict())
            to.norm2.load_state_dict(of.norm_2.state_dict())
    return theirs


def test_the_model_is_torchs_own_transformer_with_the_same_weights(encoder_decoder):
    model = small(encoder_decoder).model
    x, y = rows([9, 4, 6]), rows([3, 8, 5], length=8, seed=7)

    def embedded(tokens):
        return math.sqrt(D) * model.E[tokens] + sinusoidal_positions(tokens.shape[1], D).double()

    theirs = torchs_own(model)(
        embedded(x),
        embedded(y),
        tgt_mask=torch.ones(8, 8, dtype=torch.bool).triu(1),
        src_key_padding_mask=x == PAD,
        tgt_key_padding_mask=y == PAD,
        memory_key_padding_mask=x == PAD,
    )
    real = y != PAD
    torch.testing.assert_close(model(x, y)[real], theirs[real])


def test_the_norm_comes_after_the_sum_so_each_layers_output_is_normalised(encoder_decoder):
    """The common mistake is LayerNorm of the sublayer's input (pre-norm), under the formula of the paper."""
    torch.manual_seed(0)
    x, memory = 5 * normal(2, 4, D), 5 * normal(2, 3, D, seed=1)
    seen = torch.ones(2, 1, 1, 3, dtype=torch.bool)
    encoder, decoder = (
        part(D, 2, 12).double() for part in (encoder_decoder.EncoderLayer, encoder_decoder.DecoderLayer)
    )
    for out in (encoder(x, torch.ones(2, 1, 1, 4, dtype=torch.bool), keep), decoder(x, memory, seen, keep)):
        torch.testing.assert_close(out.mean(dim=-1), torch.zeros(2, 4, dtype=F64), rtol=0, atol=1e-12)
        torch.testing.assert_close(out.var(dim=-1, correction=0), torch.ones(2, 4, dtype=F64), rtol=0, atol=1e-3)
    pre = x + encoder.attention(encoder.norm_1(x))
    assert (pre.var(dim=-1) > 5).all()


def test_feed_forward_is_the_formula_at_each_position_alike(encoder_decoder):
    layer, x = encoder_decoder.FeedForward(D, 12).double(), normal(2, 3, D)
    W_1, b_1, W_2, b_2 = (p.detach() for p in layer.parameters())
    for b, i in itertools.product(range(2), range(3)):
        hidden = (x[b, i] @ W_1.T + b_1).clamp(min=0)
        assert (hidden == 0).any()
        torch.testing.assert_close(layer(x)[b, i], hidden @ W_2.T + b_2)


# ------------------------------------------------------------------------------------------------------- embedding


def test_embeddings_are_scaled_by_the_root_of_d_model_before_positions_are_added(encoder_decoder):
    """Dropping the root leaves embeddings that the positions drown."""
    model, x = small(encoder_decoder).model, rows([9, 5])
    for b, i in itertools.product(range(2), range(L)):
        position = [
            math.sin(i / 10000 ** (2 * j / D)) if s == 0 else math.cos(i / 10000 ** (2 * j / D))
            for j in range(D // 2)
            for s in (0, 1)
        ]
        expected = D**0.5 * model.E[x[b, i]] + torch.tensor(position, dtype=F64)
        torch.testing.assert_close(model.embed(x, keep)[b, i], expected, rtol=0, atol=1e-6)
    torch.manual_seed(0)
    fresh = encoder_decoder.Transformer(4000, 1, 64, 8, 2, 0.0)
    scaled = fresh.embed(torch.arange(4000)[:, None], keep)[:, 0] - sinusoidal_positions(1, 64)
    positions = sinusoidal_positions(50, 64)
    assert scaled.std().item() == pytest.approx(1, rel=0.01)
    assert positions.square().mean().sqrt().item() == pytest.approx(0.5**0.5)
    assert (scaled / 8).std() < 0.2 * positions.square().mean().sqrt()


def test_source_target_and_output_share_one_matrix_whose_gradient_is_the_sum_of_all_three(encoder_decoder):
    model = small(encoder_decoder).model
    assert [name for name, p in model.named_parameters() if V in p.shape] == ["E"]
    x, y = rows([9, 5]), rows([6, 8], seed=3)

    def value(source, target, output):
        model.E = source
        memory = model.encode(x)
        model.E = target
        z = model.decode(y, memory, padding_mask(x, PAD))
        model.E = output
        return (model.log_p(z) * normal(2, L, V)).sum()

    three = [nn.Parameter(model.E.detach().clone()) for _ in range(3)]
    apart = torch.autograd.grad(value(*three), three)
    one = three[0]
    (together,) = torch.autograd.grad(value(one, one, one), one)
    torch.testing.assert_close(together, sum(apart))
    assert all(part.abs().max() > 0 for part in apart)


def test_the_law_of_the_next_token_is_the_softmax_of_products_with_the_embeddings(encoder_decoder):
    model, z = small(encoder_decoder).model, normal(3, D)
    for i in range(3):
        p = torch.tensor([math.exp((model.E[k] @ z[i]).item()) for k in range(V)], dtype=F64)
        torch.testing.assert_close(model.log_p(z)[i].exp(), p / p.sum())


def test_first_weights_are_glorots_and_zero(encoder_decoder):
    torch.manual_seed(0)
    model = encoder_decoder.Transformer(50, 1, 64, 256, 2, 0.0)
    for name, p in model.named_parameters():
        if name.endswith("weight") and p.ndim == 2:
            bound = math.sqrt(6 / sum(p.shape))
            assert p.abs().max() <= bound
            assert p.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05)
        elif name.endswith("bias"):
            assert (p == 0).all()


# ----------------------------------------------------------------------------------------------------------- masks


def test_no_gradient_reaches_a_later_position_of_the_target_or_the_sources_padding(encoder_decoder):
    model, x = small(encoder_decoder).model, rows([5, 9])
    visible = padding_mask(x, PAD)
    embedded, memory = (normal(2, L, D, seed=seed).requires_grad_() for seed in (0, 1))
    for i in range(L):
        z = embedded
        for layer in model.decoder:
            z = layer(z, memory, visible, keep)
        at_target, at_memory = torch.autograd.grad((z[:, i] * normal(2, D, seed=2)).sum(), (embedded, memory))
        assert torch.equal(at_target.abs().sum(dim=-1) > 0, (torch.arange(L) <= i).expand(2, -1))
        assert torch.equal(at_memory.abs().sum(dim=-1) > 0, x != PAD)
    h = embedded
    for layer in model.encoder:
        h = layer(h, visible, keep)
    (at_source,) = torch.autograd.grad((h[0, :5] * normal(5, D, seed=2)).sum(), embedded)
    assert torch.equal(at_source[0].abs().sum(dim=-1) > 0, x[0] != PAD)


def test_whole_targets_at_once_give_what_writing_token_by_token_gives(encoder_decoder):
    model, x, y = small(encoder_decoder).model, rows([9, 4]), rows([9, 9], seed=5)
    log_p = model.log_p(model(x, y))
    memory = model.encode(x)
    for n in range(1, L + 1):
        z = model.decode(y[:, :n], memory, padding_mask(x, PAD))
        torch.testing.assert_close(model.log_p(z[:, -1]), log_p[:, n - 1])


def test_pairs_of_different_lengths_side_by_side_are_as_each_alone(encoder_decoder):
    method = small(encoder_decoder)
    x, y = rows([9, 3, 6, 4]), rows([4, 9, 3, 6], seed=5)
    together = method.model(x, y)
    for i in range(4):
        n, m = int((x[i] != PAD).sum()), int((y[i] != PAD).sum())
        torch.testing.assert_close(method.model(x[i : i + 1, :n], y[i : i + 1, :m])[0], together[i, :m])


def test_cropping_takes_only_what_is_padding_in_every_row(encoder_decoder):
    x = rows([3, 6, 4])
    assert torch.equal(encoder_decoder.crop(x), x[:, :6])
    assert encoder_decoder.crop(rows([9])).shape == (1, 9)


# --------------------------------------------------------------------------------------------------------- dropout


def test_dropout_keeps_the_mean_and_drops_the_rate(encoder_decoder):
    """Both within five standard errors, of 40,000 numbers."""
    x = torch.full((200, 200), 3.0, dtype=F64)
    out = encoder_decoder.dropout(x, 0.3, seeded())
    assert out.unique().tolist() == pytest.approx([0, 3 / 0.7])
    assert (out == 0).double().mean().item() == pytest.approx(0.3, abs=5 * math.sqrt(0.3 * 0.7 / 40_000))
    assert out.mean().item() == pytest.approx(3, abs=5 * 3 * math.sqrt(0.3 / 0.7 / 40_000))
    assert torch.equal(encoder_decoder.dropout(x, 0.3, seeded()), out)
    assert encoder_decoder.dropout(x, 0.3, None) is x
    assert encoder_decoder.dropout(x, 0.0, seeded()) is x


def test_each_sublayer_and_each_embedding_is_dropped_and_nothing_else(encoder_decoder, monkeypatch):
    """All dropped, a layer only normalises what it was given: the norms of zero are their biases."""
    method, noise, sites = small(encoder_decoder), seeded(), []

    def drop(x, P_drop, generator):
        assert (P_drop, generator) == (0.0, noise)
        sites.append(x.shape)
        return x if len(sites) in embeddings else 0 * x

    monkeypatch.setattr(encoder_decoder, "dropout", drop)
    x, y = rows([9, 4]), rows([7, 7], length=7, seed=3)
    embeddings = {1, 6}  # the source's, and after two sublayers in each of two layers the target's
    z, memory = method.model(x, y, noise), method.model.embed(x, keep)
    sites_of_all = list(sites)
    sites.clear()
    for layer in method.model.encoder:
        memory = layer.norm_2(layer.norm_1(memory))
    torch.testing.assert_close(method.model.encode(x, noise), memory)
    assert sites_of_all == [(2, 9, D)] * 5 + [(2, 7, D)] * 7
    expected = method.model.embed(y, keep)
    for layer in method.model.decoder:
        expected = layer.norm_3(layer.norm_2(layer.norm_1(expected)))
    torch.testing.assert_close(z, expected)


def test_dropout_is_on_in_training_alone_and_comes_from_the_generator(encoder_decoder):
    data = toy()
    method, b = small(encoder_decoder, data, P_drop=0.3), Batch(data.train, data.train_labels)
    method.model.train()
    first = method.loss(b, seeded())
    torch.manual_seed(5)
    assert torch.equal(method.loss(b, seeded()), first)
    assert not torch.equal(method.loss(b, seeded(1)), first)
    method.model.eval()
    assert torch.equal(method.loss(b, seeded()), method.loss(b, seeded(1)))


# ------------------------------------------------------------------------------------------------ loss and schedule


@pytest.mark.parametrize("eps_ls", [0.0, 0.1, 0.5])
def test_the_smoothed_loss_is_the_divergence_from_the_smoothed_law_and_its_entropy(encoder_decoder, eps_ls):
    log_p, y = normal(4, V).log_softmax(dim=1), torch.tensor([3, 0, 10, 3])
    q = torch.zeros(4, V, dtype=F64)
    for row, token in zip(q, y, strict=True):
        row += eps_ls / V
        row[token] += 1 - eps_ls
    entropy = torch.special.entr(q).sum(dim=1)
    divergence = torch.where(q > 0, q * (q.log() - log_p), 0.0).sum(dim=1)
    loss = encoder_decoder.smoothed_nll(log_p, y, eps_ls)
    torch.testing.assert_close(loss, (entropy + divergence).mean())
    torch.testing.assert_close(loss, F.cross_entropy(log_p, y, label_smoothing=eps_ls))


def test_the_smoothed_loss_is_least_at_the_smoothed_law_and_not_at_certainty(encoder_decoder):
    y = torch.tensor([4])
    q = torch.full((1, V), 0.1 / V, dtype=F64)
    q[0, 4] += 0.9
    logits = q.log().requires_grad_()
    loss = encoder_decoder.smoothed_nll(logits.log_softmax(dim=1), y, 0.1)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert gradient.abs().max() < 1e-12
    certain = torch.zeros(1, V, dtype=F64)
    certain[0, 4] = 50
    for other in (certain, q.log() + 0.1 * normal(1, V), torch.zeros(1, V, dtype=F64)):
        assert encoder_decoder.smoothed_nll(other.log_softmax(dim=1), y, 0.1) > loss + 1e-4


def by_hand(method, pairs: torch.Tensor) -> tuple[list[float], list[float]]:
    """For each pair, for each token after BOS: its nats given the tokens before it, and the mean nats of all tokens."""
    nats, spread = [], []
    for pair in pairs:
        x, y = (row[row != PAD][None] for row in pair)
        for i in range(1, y.shape[1]):
            log_p = method.model.log_p(method.model(x, y[:, :i])[0, -1])
            nats.append(-log_p[y[0, i]].item())
            spread.append(-log_p.mean().item())
    return nats, spread


def test_the_loss_is_that_of_each_token_given_those_before_it_padding_left_out(encoder_decoder, monkeypatch):
    monkeypatch.setattr(encoder_decoder, "ALIKE", 4)  # fewer than there are
    data = toy()
    method = small(encoder_decoder, data)
    nats, spread = by_hand(method, data.train)
    loss = method.loss(Batch(data.train, data.train_labels), seeded())
    expected = sum(0.9 * a + 0.1 * b for a, b in zip(nats, spread, strict=True)) / len(nats)
    assert loss.item() == pytest.approx(expected)


def test_padding_in_the_loss_and_a_target_that_is_not_shifted_give_other_numbers(encoder_decoder):
    """Two common mistakes. Unshifted, the token to be guessed is among those seen."""
    data = toy()
    method = small(encoder_decoder, data, eps_ls=0.0)
    x, y = data.train[:, 0], data.train[:, 1]
    right = method.loss(Batch(data.train, data.train_labels), seeded()).item()
    log_p = method.model.log_p(method.model(x, y[:, :-1]))
    counted = F.nll_loss(log_p.flatten(0, 1), y[:, 1:].flatten()).item()
    ignored = F.nll_loss(log_p.flatten(0, 1), y[:, 1:].flatten(), ignore_index=PAD).item()
    assert right == pytest.approx(ignored)
    assert abs(right - counted) > 0.05
    seen = method.model.embed(y, keep).detach().requires_grad_()
    z, memory = seen, method.model.encode(x)
    for layer in method.model.decoder:
        z = layer(z, memory, padding_mask(x, PAD), keep)
    log_p = method.model.log_p(z)
    for place, looks in [(1, False), (2, True)]:  # where the token at 2 is guessed: shifted, and not
        (gradient,) = torch.autograd.grad(log_p[0, place, y[0, 2]], seen, retain_graph=True)
        assert (gradient[0, 2].abs().max() > 0) == looks


def test_the_gradient_of_the_loss_is_its_slope_along_every_parameter(encoder_decoder):
    data = toy()
    method, b = small(encoder_decoder, data, P_drop=0.2, layers=1), Batch(data.train, data.train_labels)
    method.model.train()
    named = dict(method.model.named_parameters())
    gradients = torch.autograd.grad(method.loss(b, seeded()), list(named.values()))
    with torch.no_grad():
        for (name, p), gradient in zip(named.items(), gradients, strict=True):
            assert gradient.abs().max() > 0, name
            way, values = torch.randn(p.shape, generator=seeded(2), dtype=F64), []
            for step in (1e-6, -2e-6, 1e-6):
                p.add_(way, alpha=step)
                values.append(method.loss(b, seeded()).item())
            slope = (values[0] - values[1]) / 2e-6
            assert slope == pytest.approx((gradient * way).sum().item(), rel=1e-4, abs=1e-7), name


def test_the_learning_rate_peaks_at_the_end_of_the_warm_up_and_is_the_engines(encoder_decoder):
    d_model, warmup = 512, 40
    rates = [encoder_decoder.learning_rate(step, d_model, warmup) for step in range(1, 400)]
    assert max(rates) == rates[warmup - 1] == pytest.approx(d_model**-0.5 * warmup**-0.5)
    assert rates[9] == pytest.approx(10 * rates[0])
    assert rates[159] == pytest.approx(rates[39] / 2)
    peak = encoder_decoder.learning_rate(warmup, d_model, warmup)
    config = TrainConfig(lr=peak, warmup=warmup, decay="inverse_sqrt", steps=400)
    assert [config.lr_at(step) for step in range(1, 400)] == pytest.approx(rates)


def test_the_presets_train_as_the_paper_does(encoder_decoder):
    assert list(encoder_decoder.PRESETS) == ["numerals", "multi30k"]
    for preset, factor in zip(encoder_decoder.PRESETS.values(), (0.5, 0.3), strict=True):
        train, config = preset.train, preset.config
        assert train.lr == pytest.approx(factor * (config.d_model * train.warmup) ** -0.5)
        assert (train.decay, train.betas, train.weight_decay) == ("inverse_sqrt", (0.9, 0.98), 0.0)
        assert (config.eps_ls, config.beam, config.alpha, config.longer) == (0.1, 4, 0.6, 50)
        assert config.P_drop >= 0.1


def test_adams_first_step_has_the_papers_epsilon(encoder_decoder):
    """A gradient of 1e-9 moves a weight by half the learning rate, where torch's epsilon would all but stop it."""
    weight = nn.Linear(1, 1, bias=False).double()
    optimiser = encoder_decoder.adam(weight, TrainConfig(lr=0.1, betas=(0.9, 0.98)))
    before = weight.weight.item()
    weight.weight.grad = torch.full((1, 1), 1e-9, dtype=F64)
    optimiser.step()
    assert before - weight.weight.item() == pytest.approx(0.05)
    (player,) = small(encoder_decoder).players()
    assert player.optimiser is encoder_decoder.adam


# ----------------------------------------------------------------------------------------------------- translating


def exhaustive(method, x: torch.Tensor, limit: int, alpha: float) -> list[int]:
    """The best of all outputs of at most `limit` tokens for one source."""
    others = [token for token in range(V) if token != EOS]
    scored = []
    for n in range(limit):
        y = torch.tensor([(BOS, *body, EOS) for body in itertools.product(others, repeat=n)])
        log_p = (
            method.model.log_p(method.model(x.expand(len(y), -1), y[:, :-1])).gather(2, y[:, 1:, None]).sum(dim=(1, 2))
        )
        score = log_p / ((6 + n) / 6) ** alpha
        scored.append((score.max().item(), y[score.argmax()].tolist()))
    return max(scored)[1]


@torch.no_grad()
def test_the_widest_search_finds_the_best_of_all_outputs(encoder_decoder):
    pairs, outputs = torch.stack([rows([4, 3, 2], length=4), rows([4, 4, 4], length=4)], dim=1), set()
    for alpha in (0.0, 3.0):
        method = talkative(encoder_decoder, beam=V**3, alpha=alpha)
        completed = method.complete(pairs.clone(), seeded())
        for source, row in zip(pairs[:, 0], completed[:, 1], strict=True):
            expected = exhaustive(method, source[source != PAD][None], 3, alpha)
            assert row.tolist() == expected + [PAD] * (4 - len(expected))
            outputs.add(tuple(expected))
    assert len(outputs) == 4  # without the penalty all are EOS alone


def test_completing_keeps_the_sources_and_does_not_look_at_the_targets(encoder_decoder):
    data = toy()
    method = talkative(encoder_decoder, data)
    x, watched = data.held_out, []
    before = x.clone()
    completed = method.complete(x, seeded(), lambda steps, total: (watched.append(total), steps)[1])
    assert watched == [1]
    assert torch.equal(x, before)
    assert (completed.shape, completed.dtype) == (x.shape, torch.int64)
    assert torch.equal(completed[:, 0], x[:, 0])
    for row in completed[:, 1].tolist():
        assert row[0] == BOS
        assert set(row[row.index(EOS) + 1 :]) <= {PAD}
    other = x.clone()
    other[:, 1] = 7
    assert torch.equal(method.complete(other, seeded(1)), completed)
    short = talkative(encoder_decoder, data, longer=0)
    assert (short.complete(other[1:2], seeded())[0, 1, 3:] == PAD).all()  # its source has but two tokens after BOS


def test_each_source_is_completed_as_it_would_be_alone(encoder_decoder, monkeypatch):
    monkeypatch.setattr(encoder_decoder, "AT_ONCE", 4)
    data = toy()
    method = talkative(encoder_decoder, data)
    completed = method.complete(data.held_out, seeded())
    assert len({tuple(row) for row in completed[:, 1].tolist()}) > 2
    for i in range(len(completed)):
        assert torch.equal(method.complete(data.held_out[i : i + 1], seeded())[0], completed[i])


def test_a_text_of_its_own_is_answered_as_an_example_would_be(encoder_decoder):
    data = toy()
    method = small(encoder_decoder, data)
    source = data.held_out[2, 0]
    answers = method.answer(source[source > EOS].tolist(), 2, seeded())
    assert torch.equal(answers, method.complete(data.held_out[2:3], seeded()).expand(2, -1, -1))
    assert method.answer([3] * (L - 2), 1, seeded()).shape == (1, 2, L)
    with pytest.raises(ValueError, match=f"tokens of the text is {L - 1}; expected at most {L - 2}"):
        method.answer([3] * (L - 1), 1, seeded())
    with pytest.raises(ValueError, match="needs sources; expected `complete`"):
        method.sample(3, None, seeded())


def test_an_output_is_at_most_so_much_longer_than_its_source(encoder_decoder):
    """A model that never ends by itself."""
    x = torch.stack([rows([3, 5, 8])] * 2, dim=1)
    for longer, lengths in [(0, [2, 4, 7]), (2, [4, 6, 8]), (50, [8, 8, 8])]:
        method = small(encoder_decoder, longer=longer)
        law = torch.full((V,), -1.0, dtype=F64)
        law[EOS] = -30.0
        method.model.log_p = lambda z, law=law: law.expand(*z.shape[:-1], V)
        found = method.complete(x, seeded())[:, 1, 1:]
        assert [row.index(EOS) + 1 for row in found.tolist()] == lengths


@torch.no_grad()
def test_attention_maps_are_the_weights_of_every_layer_and_head(encoder_decoder):
    method = small(encoder_decoder)
    model, x, y = method.model, rows([6], length=6)[0], rows([4], length=4, seed=3)[0]
    before = [layer.attention.attend for layer in model.encoder] + [layer.cross.attend for layer in model.decoder]
    maps = method.attention_maps(x, y)
    assert {kind: tuple(weights.shape) for kind, weights in maps.items()} == {
        "encoder": (2, 2, 6, 6),
        "cross": (2, 2, 4, 6),
    }
    for weights in maps.values():
        torch.testing.assert_close(weights.sum(dim=-1), torch.ones_like(weights[..., 0]))
    h, z, memory = model.embed(x[None], keep), model.embed(y[None], keep), model.encode(x[None])

    def weights(part, queries, keys):
        each = []
        for q, k in zip(part.W_Q(queries)[0].split(D // 2, dim=1), part.W_K(keys)[0].split(D // 2, dim=1), strict=True):
            e = (q @ k.T / math.sqrt(D // 2)).exp()
            each.append(e / e.sum(dim=1, keepdim=True))
        return torch.stack(each)

    for i, (encoder, decoder) in enumerate(zip(model.encoder, model.decoder, strict=True)):
        torch.testing.assert_close(maps["encoder"][i], weights(encoder.attention, h, h))
        h = encoder(h, padding_mask(x[None], PAD), keep)
        own = decoder.norm_1(z + decoder.attention(z, visible=torch.ones(4, 4, dtype=torch.bool).tril()))
        torch.testing.assert_close(maps["cross"][i], weights(decoder.cross, own, memory))
        z = decoder(z, memory, padding_mask(x[None], PAD), keep)
    assert before == [layer.attention.attend for layer in model.encoder] + [
        layer.cross.attend for layer in model.decoder
    ]


# ------------------------------------------------------------------------------------------------ numbers, messages


def test_drawings_show_where_the_last_layer_looks_with_the_words_of_the_pair(encoder_decoder):
    data = toy()
    method = small(encoder_decoder, data)
    drawn = method.drawings(data)
    x = encoder_decoder.crop(data.held_out[:1, 0])[0]
    y = encoder_decoder.crop(method.complete(data.held_out[:1], seeded())[:, 1])[0]
    source = ["⟨begin⟩", *(str(t) for t in x[1:-1].tolist()), "⟨end⟩"]
    target = [*(str(t) if t > EOS else "⟨end⟩" for t in y[1:].tolist())]
    maps = method.attention_maps(x, y[:-1])
    for kind, rows in (("encoder", source), ("cross", target)):
        root = ElementTree.fromstring(drawn[kind])  # noqa: S314 - our own picture
        words = [text.text for text in root.iter(f"{SVG}text")]
        assert words[: len(rows)] == rows
        assert words[len(rows) : len(rows) + len(source)] == source
        opacities = [float(r.get("fill-opacity")) for r in root.iter(f"{SVG}rect") if r.get("fill") != "none"]
        weights = maps[kind][-1].flatten()
        shown = [round(w, 2) for w in weights.tolist() if w >= 0.005]
        assert opacities == pytest.approx(shown, abs=0.0051)


def test_numbers_are_those_of_all_held_out_pairs_and_of_the_samples(encoder_decoder, monkeypatch):
    monkeypatch.setattr(encoder_decoder, "AT_ONCE", 4)
    data = toy()
    method = small(encoder_decoder, data)
    samples = data.held_out[:4].clone()
    samples[1, 1, 1] = 3 if samples[1, 1, 1] != 3 else 4
    numbers = method.evaluate(data, samples, None, seeded())
    assert set(numbers) == {"held_out_loss", "error"}
    assert numbers["error"] == 0.25
    nats, _ = by_hand(method, data.held_out)
    assert numbers["held_out_loss"] == pytest.approx(sum(nats) / len(nats))
    method.model.train()
    assert method.evaluate(data, samples, None, seeded(1)) == numbers
    assert method.evaluate(data, data.held_out, None, seeded())["error"] == 0
    assert method.pictures(data, seeded()) == {}


def test_bleu_is_what_is_missing_to_a_hundred(encoder_decoder):
    from sacrebleu import corpus_bleu

    data = toy()
    method = small(encoder_decoder, data, bleu=True)
    samples = data.held_out.clone()
    samples[0, 1] = samples[1, 1]
    outputs, references = ([data.decode(row) for row in part[:, 1]] for part in (samples, data.held_out))
    numbers = method.evaluate(data, samples, None, seeded())
    assert numbers["bleu_missing"] == pytest.approx(100 - corpus_bleu(outputs, [references]).score)
    assert 0 < numbers["bleu_missing"] < 100
    assert method.evaluate(data, data.held_out, None, seeded())["bleu_missing"] == pytest.approx(0)


def test_bleu_on_texts_already_split_is_another_number_and_the_signature_says_which(encoder_decoder):
    outputs = ["Ein Mann, der etwas anstarrt.", "Zwei Hunde (braun) spielen im Gras."]
    references = ["Ein Mann, der jemanden anstarrt.", "Zwei braune Hunde (jung) spielen im Gras."]

    def split(text):
        for mark in ",.()":
            text = text.replace(mark, f" {mark} ")
        return " ".join(text.split())

    from sacrebleu.metrics import BLEU

    score, signature = encoder_decoder.bleu(outputs, references)
    by_spaces = BLEU(tokenize="none", force=True)
    assert by_spaces.corpus_score([split(o) for o in outputs], [[split(r) for r in references]]).score == pytest.approx(
        score
    )
    assert abs(by_spaces.corpus_score(outputs, [references]).score - score) > 5
    assert abs(encoder_decoder.bleu([o.lower() for o in outputs], references)[0] - score) > 5
    assert all(part in signature for part in ("nrefs:1", "case:mixed", "tok:13a", "smooth:exp", "version:"))


def test_the_same_seed_gives_the_same_bits(encoder_decoder, tmp_path):
    data, outcomes = toy(), []
    for i, seed in enumerate((0, 0, 1)):
        torch.manual_seed(seed)
        config = encoder_decoder.EncoderDecoderConfig(**{**SMALL, "P_drop": 0.2})
        method = encoder_decoder.build(config, data.spec, "cpu")
        preset = Preset(TrainConfig(steps=3, batch_size=4), config)
        engine.train(method, data, preset, seed=seed, out=tmp_path / str(i), label="encoder_decoder")
        outcomes.append(torch.cat([p.flatten() for p in method.model.parameters()]))
    assert torch.equal(outcomes[0], outcomes[1])
    assert not torch.equal(outcomes[0], outcomes[2])


def test_a_batch_of_one_and_pairs_of_any_length_work(encoder_decoder):
    method = small(encoder_decoder)
    for n, m in [(2, 2), (9, 2), (2, 9), (5, 7)]:
        pair = torch.stack([rows([n]), rows([m])], dim=1)
        loss = method.loss(Batch(pair, torch.zeros(1, dtype=torch.long)), seeded())
        assert loss.shape == ()
        assert loss.isfinite()
        assert method.complete(pair, seeded()).shape == pair.shape


def test_bad_values_name_field_value_and_what_is_expected(encoder_decoder):
    for kwargs, parts in [
        ({"layers": 0}, ["layers is 0", ">= 1"]),
        ({"heads": 0}, ["heads is 0", ">= 1"]),
        ({"d_model": 30}, ["d_model is 30", "an even multiple of the 4 heads"]),
        ({"d_model": 3, "heads": 3}, ["d_model is 3", "an even multiple of the 3 heads"]),
        ({"d_model": 0}, ["d_model is 0"]),
        ({"d_ff": 0}, ["d_ff is 0", ">= 1"]),
        ({"P_drop": 1.0}, ["P_drop is 1.0", "[0, 1)"]),
        ({"P_drop": -0.1}, ["P_drop is -0.1"]),
        ({"eps_ls": 1.0}, ["eps_ls is 1.0", "[0, 1)"]),
        ({"eps_ls": -0.1}, ["eps_ls is -0.1"]),
        ({"beam": 0}, ["beam is 0", ">= 1"]),
        ({"alpha": -1.0}, ["alpha is -1.0", ">= 0"]),
        ({"alpha": math.inf}, ["alpha is inf"]),
        ({"longer": -1}, ["longer is -1", ">= 0"]),
    ]:
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is looked at next
            encoder_decoder.EncoderDecoderConfig(**kwargs)
        assert all(part in str(caught.value) for part in parts), caught.value


def test_data_that_are_no_pairs_and_samples_of_other_sources_are_named(encoder_decoder):
    build = partial(encoder_decoder.EncoderDecoder, encoder_decoder.EncoderDecoderConfig(**SMALL))
    for shape in [(1, 8, 8), (2,), (3, 8)]:
        with pytest.raises(ValueError, match=r"expected \(2, L\): a source and a target of L tokens"):
            build(Spec(shape, 0, 17))
    for levels in (0, 3):
        with pytest.raises(ValueError, match=f"levels is {levels}; expected a number of tokens > 3"):
            build(Spec((2, 8), 0, levels))
    data = toy()
    method = small(encoder_decoder, data)
    with pytest.raises(ValueError, match="expected the first held-out examples, completed"):
        method.evaluate(data, data.held_out.flip(0), None, seeded())
