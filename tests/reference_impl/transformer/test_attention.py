"""Attention against torch's own, against loops, and against what each mask and each kind of position claims."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


def heads(n: int = 5, m: int = 7, h: int = 4, g: int = 4, d: int = 6) -> tuple[torch.Tensor, ...]:
    """Queries, keys and values of two sequences."""
    return randn(2, h, n, d, seed=1), randn(2, g, m, d, seed=2), randn(2, g, m, d, seed=3)


# one mask for each way that shapes may broadcast; in each, every query sees something
def masks(n: int, m: int) -> dict[str, torch.Tensor]:
    some = torch.rand(2, 4, n, m, generator=seeded(4)) < 0.5
    some[..., 0] = True
    return {
        "causal": torch.ones(n, m, dtype=torch.bool).tril(m - n),
        "padding": torch.arange(m)[None, None, None] < torch.tensor([m, m - 3])[:, None, None, None],
        "each head its own": some,
        "all": torch.ones(1, 1, n, m, dtype=torch.bool),
    }


KINDS = ["causal", "padding", "each head its own", "all"]


# ------------------------------------------------------------------------------------------------ attention


def by_loops(q, k, v, visible):
    """Eq. (1) one number at a time."""
    b, h, n, d = q.shape
    out = torch.zeros_like(q)
    for i in range(b):
        for j in range(h):
            for t in range(n):
                scores = {
                    s: math.exp(sum(q[i, j, t, c].item() * k[i, j, s, c].item() for c in range(d)) / math.sqrt(d))
                    for s in range(k.shape[2])
                    if visible[i, j, t, s]
                }
                for s, score in scores.items():
                    out[i, j, t] += score / sum(scores.values()) * v[i, j, s]
    return out


def test_attention_equals_the_formula_one_number_at_a_time(attention):
    q, k, v = heads()
    visible = masks(5, 7)["each head its own"]
    assert torch.allclose(attention.attention(q, k, v, visible), by_loops(q, k, v, visible), atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["attention", "fast_attention"])
def test_attention_equals_torchs_with_every_mask(attention, form, kind):
    q, k, v = heads()
    visible = masks(5, 7)[kind]
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=visible)
    assert torch.allclose(getattr(attention, form)(q, k, v, visible), expected, atol=1e-12)


@pytest.mark.parametrize("form", ["attention", "fast_attention"])
def test_attention_without_a_mask_sees_everything(attention, form):
    q, k, v = heads()
    expected = F.scaled_dot_product_attention(q, k, v)
    assert torch.allclose(getattr(attention, form)(q, k, v), expected, atol=1e-12)
    assert torch.allclose(getattr(attention, form)(q, k, v, masks(5, 7)["all"]), expected, atol=1e-12)


def test_weights_are_a_law_over_what_is_seen(attention):
    q, k, _ = heads()
    visible = masks(5, 7)["each head its own"]
    weights = attention.attention_weights(q, k, visible)
    assert torch.allclose(weights.sum(dim=-1), torch.ones(2, 4, 5, dtype=torch.float64))
    assert (weights[~visible] == 0).all()
    assert (weights[visible] > 0).all()


@pytest.mark.parametrize("form", ["attention", "fast_attention"])
def test_a_query_that_sees_nothing_receives_zeros_and_its_gradient_is_zero_too(attention, form):
    q, k, v = (x.requires_grad_() for x in heads())
    visible = masks(5, 7)["each head its own"].clone()
    visible[1, 2, 3] = False
    out = getattr(attention, form)(q, k, v, visible)
    assert (out[1, 2, 3] == 0).all()
    gradients = torch.autograd.grad(out.square().sum(), [q, k, v])
    assert all(g.isfinite().all() for g in gradients)
    assert (gradients[0][1, 2, 3] == 0).all()
    others = torch.ones(2, 4, 5, dtype=torch.bool)
    others[1, 2, 3] = False
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=visible)
    assert torch.allclose(out[others], expected[others], atol=1e-12)


def test_the_fast_path_does_not_rely_on_what_a_kernel_makes_of_empty_rows(attention, monkeypatch):
    """Some of torch's kernels give zeros for them, some NaN: here, one that gives NaN."""

    def plain(q, k, v, attn_mask):
        return (q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).masked_fill(~attn_mask, -math.inf).softmax(dim=-1) @ v

    q, k, v = heads()
    visible = masks(5, 7)["each head its own"].clone()
    expected = attention.attention(q, k, v, visible)
    monkeypatch.setattr(attention.F, "scaled_dot_product_attention", plain)
    assert torch.allclose(attention.fast_attention(q, k, v, visible), expected, atol=1e-12)
    visible[1, 2, 3] = False
    out = attention.fast_attention(q, k, v, visible)
    assert torch.allclose(out, attention.attention(q, k, v, visible), atol=1e-12)


def test_a_query_that_sees_nothing_is_nan_in_the_plain_formula():
    scores = torch.full((1, 3), -math.inf)
    assert scores.softmax(dim=-1).isnan().all()


@pytest.mark.parametrize("form", ["attention", "fast_attention"])
def test_gradient_of_attention_equals_finite_differences(attention, form):
    q, k, v = (x[:1, :2, :3].requires_grad_() for x in heads())
    visible = torch.tensor([[True, False, True], [False, True, True], [False, False, False]])
    assert torch.autograd.gradcheck(lambda *x: getattr(attention, form)(*x, visible), (q, k, v))


def test_dividing_by_the_root_keeps_the_scores_of_unit_normal_vectors_at_unit_variance(attention):
    """Section 3.2.1, footnote 4: the dot product of d_k unit normals has the variance d_k."""
    d = 64
    q, k = randn(1, 1, 400, d, seed=5), randn(1, 1, 400, d, seed=6)
    logarithm = attention.attention_weights(q, k).log()
    scores = logarithm - logarithm.mean(dim=-1, keepdim=True)  # the softmax takes a constant off each row
    assert scores.var().item() == pytest.approx(1.0, rel=0.05)


def test_the_embeddings_size_in_the_place_of_the_heads_flattens_the_weights(attention):
    """The seed's mistake: scaled by sqrt(d_model), the scores of 8 heads are sqrt(8) times too small."""
    h, d = 8, 16
    q, k = randn(1, h, 200, d, seed=7), randn(1, h, 200, d, seed=8)
    right = attention.attention_weights(q, k)
    wrong = attention.attention_weights(q / math.sqrt(h), k)  # q k / sqrt(h d) = q k / sqrt(d_model)
    entropy = {
        name: torch.special.entr(w).sum(dim=-1).mean().item() for name, w in [("right", right), ("wrong", wrong)]
    }
    lost = {name: math.log(200) - value for name, value in entropy.items()}
    assert lost["right"] == pytest.approx(0.5, rel=0.15)  # for unit normal scores, log E exp(s) - E s = 1/2
    assert lost["wrong"] == pytest.approx(0.5 / h, rel=0.15)


# ---------------------------------------------------------------------------------------------- query groups


@pytest.mark.parametrize("form", ["attention", "fast_attention"])
def test_a_group_of_query_heads_shares_a_head_of_keys_and_values(attention, form):
    q, k, v = heads(h=6, g=2)
    out = getattr(attention, form)(q, k, v)
    for head in range(6):
        own = slice(head, head + 1)
        shared = slice(head // 3, head // 3 + 1)
        alone = F.scaled_dot_product_attention(q[:, own], k[:, shared], v[:, shared])
        assert torch.allclose(out[:, own], alone, atol=1e-12)
    assert torch.allclose(out, F.scaled_dot_product_attention(q, k, v, enable_gqa=True), atol=1e-12)


def test_query_heads_that_cannot_be_shared_out_are_refused(attention):
    q, k, v = heads(h=4, g=3)
    with pytest.raises(ValueError, match="4 query heads and 3 key heads; expected a multiple"):
        attention.attention(q, k, v)


# ----------------------------------------------------------------------------------------------------- masks


def test_the_causal_mask_lets_a_query_see_its_own_place_and_those_before(attention):
    assert attention.causal_mask(3).tolist() == [[True, False, False], [True, True, False], [True, True, True]]
    assert attention.causal_mask(2, 4).tolist() == [[True, True, True, False], [True] * 4]
    for n, m in ((0, 3), (4, 3)):
        with pytest.raises(ValueError, match="expected 1 <= n <= m"):
            attention.causal_mask(n, m)


def test_the_padding_mask_hides_the_places_that_fill_up(attention):
    tokens = torch.tensor([[5, 0, 7, 0], [0, 1, 2, 3]])
    assert attention.padding_mask(tokens, 0)[:, 0, 0].tolist() == [
        [True, False, True, False],
        [False, True, True, True],
    ]
    assert attention.padding_mask(tokens, 7).sum() == 7


@pytest.mark.parametrize("form", ["attention", "fast_attention"])
def test_no_gradient_leaks_through_a_mask(attention, form):
    """What a query receives does not depend on what it may not see, and does on all that it may."""
    n = 6
    visible = attention.causal_mask(n) & attention.padding_mask(torch.tensor([[3, 3, 0, 3, 3, 3]]), 0)
    q, k, v = randn(1, 1, n, 4, seed=1), randn(1, 1, n, 4, seed=2), randn(1, 1, n, 4, seed=3)
    k.requires_grad_()
    v.requires_grad_()
    for query in range(n):
        out = getattr(attention, form)(q, k, v, visible)[0, 0, query].sum()
        for gradient in torch.autograd.grad(out, [v, k]):
            touched = gradient[0, 0].abs().sum(dim=-1) > 0
            if query:  # of a single key the weight is 1, whatever the key
                assert touched.tolist() == visible[0, 0, query].tolist()
            else:
                assert not touched[1:].any()


# ------------------------------------------------------------------------------------------------ many heads


def test_multi_head_attention_equals_torchs_with_its_weights(attention):
    ours = attention.MultiHeadAttention(12, 3, bias=True).double()
    theirs = nn.MultiheadAttention(12, 3, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        for p in theirs.parameters():
            p.copy_(randn(*p.shape, seed=p.numel()))
        for part, weight, bias in zip(
            (ours.W_Q, ours.W_K, ours.W_V), theirs.in_proj_weight.chunk(3), theirs.in_proj_bias.chunk(3), strict=True
        ):
            part.weight.copy_(weight)
            part.bias.copy_(bias)
        ours.W_O.weight.copy_(theirs.out_proj.weight)
        ours.W_O.bias.copy_(theirs.out_proj.bias)
    x, memory = randn(2, 5, 12, seed=1), randn(2, 7, 12, seed=2)
    assert torch.allclose(ours(x), theirs(x, x, x)[0], atol=1e-10)
    assert torch.allclose(ours(x, memory), theirs(x, memory, memory)[0], atol=1e-10)
    causal = torch.ones(5, 5, dtype=torch.bool).tril()
    assert torch.allclose(ours(x, visible=causal), theirs(x, x, x, attn_mask=~causal)[0], atol=1e-10)
    seen = torch.arange(7)[None] < torch.tensor([7, 4])[:, None]
    expected = theirs(x, memory, memory, key_padding_mask=~seen)[0]
    assert torch.allclose(ours(x, memory, seen[:, None, None, :]), expected, atol=1e-10)


def test_multi_head_attention_has_no_bias_unless_asked_and_its_two_forms_agree(attention):
    ours = attention.MultiHeadAttention(12, 3)
    assert {name for name, _ in ours.named_parameters()} == {f"W_{part}.weight" for part in "QKVO"}
    x = torch.randn(2, 5, 12, generator=seeded())
    fast = ours(x)
    ours.attend = attention.attention
    assert torch.allclose(ours(x), fast, atol=1e-6)
    with pytest.raises(ValueError, match="d_model, heads are 12, 5; expected a multiple of the heads"):
        attention.MultiHeadAttention(12, 5)


def test_one_map_shared_by_all_heads_makes_them_all_alike(attention):
    """The seed's other mistake: heads that read the same numbers attend in the same way, so h heads are one."""
    x = randn(1, 6, 4)
    W_q, W_k = randn(4, 4, seed=1), randn(4, 4, seed=2)
    q, k = (x @ W_q).unsqueeze(1).expand(-1, 3, -1, -1), (x @ W_k).unsqueeze(1).expand(-1, 3, -1, -1)
    shared = attention.attention_weights(q, k)
    assert torch.equal(shared[:, 0], shared[:, 1])
    assert torch.equal(shared[:, 0], shared[:, 2])
    own = attention.attention_weights(*(attention.split_heads(x @ randn(4, 12, seed=s), 3) for s in (3, 4)))
    assert (own[:, 0] - own[:, 1]).abs().max() > 0.1


def test_a_head_is_a_block_of_neighbouring_numbers(attention):
    x = torch.arange(12.0).reshape(1, 2, 6)
    split = attention.split_heads(x, 3)
    assert split[0, :, 0].tolist() == [[0, 1], [2, 3], [4, 5]]
    assert split[0, :, 1].tolist() == [[6, 7], [8, 9], [10, 11]]
    assert torch.equal(attention.join_heads(split), x)


def test_without_positions_attention_knows_no_order(attention):
    """Permute the places, and what they receive is permuted with them."""
    ours = attention.MultiHeadAttention(12, 3).double()
    x, order = randn(2, 7, 12), torch.randperm(7, generator=seeded())
    assert torch.allclose(ours(x[:, order]), ours(x)[:, order], atol=1e-12)


# ------------------------------------------------------------------------------------------------- positions


def test_sinusoids_are_those_of_section_3_5(attention):
    table = attention.sinusoidal_positions(50, 8)
    assert table.shape == (50, 8)
    assert table.dtype == torch.float32
    for pos in (0, 1, 7, 49):
        for i in range(4):
            angle = pos / 10000 ** (2 * i / 8)
            assert table[pos, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-6)
            assert table[pos, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-6)
    with pytest.raises(ValueError, match="d_model is 7; expected an even number"):
        attention.sinusoidal_positions(5, 7)


@pytest.mark.parametrize("offset", [1, 5, 20])
def test_an_offset_of_sinusoids_is_one_linear_map_for_all_places(attention, offset):
    """Section 3.5: PE_{pos + k} is a linear function of PE_pos. Fitted on half of the places, it holds on the rest."""
    table = attention.sinusoidal_positions(100, 8).double()
    here, there = table[: 100 - offset], table[offset:]
    fitted = torch.linalg.lstsq(here[::2], there[::2]).solution
    assert torch.allclose(here[1::2] @ fitted, there[1::2], atol=1e-5)
    assert not torch.allclose(here, there, atol=0.1)


def test_rotation_turns_each_pair_by_its_angle(attention):
    """Against the matrix of the paper, pair by pair."""
    x, places = randn(2, 3, 5, 8), [0, 1, 2, 10, 300]
    out = attention.rotate(x, torch.tensor(places))
    for n, m in enumerate(places):
        for i in range(4):
            angle = m * 10000 ** (-2 * i / 8)
            turn = torch.tensor(
                [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]], dtype=torch.float64
            )
            pair = slice(2 * i, 2 * i + 2)
            assert torch.allclose(out[:, :, n, pair], x[:, :, n, pair] @ turn.T, atol=1e-12)
    assert torch.equal(out[:, :, 0], x[:, :, 0])
    assert torch.equal(attention.rotate(x.transpose(0, 1), torch.tensor(places)), out.transpose(0, 1))
    with pytest.raises(ValueError, match="heads have 7 numbers; expected an even number"):
        attention.rotate(x[..., :7], torch.tensor(places))


def test_rotated_scores_depend_on_the_distance_alone(attention):
    q, k = randn(1, 1, 1, 8, seed=1), randn(1, 1, 1, 8, seed=2)

    def score(m: int, n: int) -> float:
        return (attention.rotate(q, torch.tensor([m])) * attention.rotate(k, torch.tensor([n]))).sum().item()

    assert score(7, 3) == pytest.approx(score(104, 100), abs=1e-10)
    assert score(3, 7) == pytest.approx(score(100, 104), abs=1e-10)
    assert abs(score(7, 3) - score(7, 4)) > 1e-3
    assert abs(score(7, 3) - score(3, 7)) > 1e-3


def test_far_positions_keep_their_angle_in_float32(attention):
    """A million places on, angles worked out in float32 would be off by thousandths, in bfloat16 by whole turns."""
    x = randn(1, 1, 1, 8)
    far = torch.tensor([1_000_003])
    single = attention.rotate(x.float(), far)
    assert single.dtype == torch.float32
    assert torch.allclose(single.double(), attention.rotate(x, far), atol=1e-6)
    for dtype, error in ((torch.float32, 1e-3), (torch.bfloat16, 2 * math.pi)):
        coarse = far.to(dtype)[:, None] * (10000 ** (-2 * torch.arange(4.0) / 8)).to(dtype)
        assert (coarse.double() - attention.angles(far, 8, 10000.0)).abs().max() > error
