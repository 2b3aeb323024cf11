"""Proofs of vq_vae.py. Each holds the code against something worked out another way; the mutation run breaks the code
line by line and asks that one of these fails. The prior's own proofs are in test_pixelcnn.py.
"""

import itertools
import math
from collections import Counter

import pytest
import torch
from jaxtyping import TypeCheckError
from scipy import stats
from torch.nn import functional as F

from reference_impl import engine
from reference_impl.data import Data, Spec
from reference_impl.engine import Batch, Preset, TrainConfig

F64 = torch.float64


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=seeded(seed), dtype=F64)


def toy(n: int = 12, shape: tuple[int, ...] = (1, 4, 8), classes: int = 3, seed: int = 0) -> Data:
    x = torch.rand((2 * n, *shape), generator=seeded(seed)) * 2 - 1
    y = torch.arange(2 * n) % classes
    return Data("toy", x[:n], y[:n], x[n:], y[n:], levels=256)


SMALL = {"K": 5, "D": 3, "width": 6, "prior_width": 6, "prior_layers": 2, "autoencoder_steps": 2}


def small(vq_vae, data: Data | None = None, **settings):
    """A small method for toy data, in float64."""
    torch.manual_seed(0)
    method = vq_vae.VQVAE(vq_vae.VQVAEConfig(**{**SMALL, **settings}), (data or toy()).spec)
    method.model.double()
    return method


def batch(data: Data, n: int | None = None) -> Batch:
    return Batch(data.train[:n].double(), data.train_labels[:n])


def by_loops(z_e: torch.Tensor, e: torch.Tensor) -> torch.Tensor:
    """The nearest code of each vector, one distance at a time."""
    k = torch.zeros(z_e.shape[0], *z_e.shape[2:], dtype=torch.long)
    for b, r, s in itertools.product(*map(range, k.shape)):
        distances = [math.dist(z_e[b, :, r, s].tolist(), code.tolist()) for code in e]
        k[b, r, s] = distances.index(min(distances))
    return k


# ------------------------------------------------------------------------------------------------ quantisation


@pytest.mark.parametrize(("K", "D", "r", "s"), [(5, 3, 2, 4), (4, 4, 4, 4), (2, 1, 1, 1), (7, 6, 3, 2)])
def test_nearest_code_is_found_by_brute_force_too(vq_vae, K, D, r, s):
    z_e, e = normal(3, D, r, s), normal(K, D, seed=1) * torch.linspace(0.2, 2, K, dtype=F64)[:, None]
    assert torch.equal(vq_vae.nearest(z_e, e), by_loops(z_e, e))


def test_reshaping_instead_of_permuting_compares_numbers_of_different_positions(vq_vae):
    z_e, e = normal(3, 4, 4, 4), normal(5, 4, seed=1)
    reshaped = torch.cdist(z_e.reshape(-1, 4), e).argmin(dim=1).view(3, 4, 4)
    assert not torch.equal(reshaped, vq_vae.nearest(z_e, e))


def test_a_codes_own_vector_is_given_that_code(vq_vae):
    e, k = normal(6, 4), torch.randint(6, (2, 3, 5), generator=seeded())
    z_q = vq_vae.embed(k, e)
    assert z_q.shape == (2, 4, 3, 5)
    for b, r, s in itertools.product(range(2), range(3), range(5)):
        assert torch.equal(z_q[b, :, r, s], e[k[b, r, s]])
    assert torch.equal(vq_vae.nearest(z_q, e), k)


def test_straight_through_hands_the_decoders_gradient_to_the_encoder_exactly(vq_vae):
    """Forward z_q to the bit; backward the very gradient at z_q, and nothing for the codebook."""
    z_e, e = normal(2, 3, 2, 2).requires_grad_(), normal(5, 3, seed=1).requires_grad_()
    z_q = vq_vae.embed(vq_vae.nearest(z_e, e), e)
    through = vq_vae.straight_through(z_e, z_q)
    assert torch.equal(through, z_q)
    direct = z_q.detach().requires_grad_()
    (expected,) = torch.autograd.grad((direct.sin() * normal(2, 3, 2, 2, seed=2)).sum(), direct)
    loss = (through.sin() * normal(2, 3, 2, 2, seed=2)).sum()
    at_z_e, at_e = torch.autograd.grad(loss, (z_e, e), allow_unused=True)
    assert torch.equal(at_z_e, expected)
    assert at_e is None


def test_without_straight_through_the_encoder_learns_nothing_from_the_pixels(vq_vae):
    z_e, e = normal(2, 3, 2, 2).requires_grad_(), normal(5, 3, seed=1).requires_grad_()
    z_q = vq_vae.embed(vq_vae.nearest(z_e, e), e)
    assert torch.autograd.grad(z_q.sum(), z_e, allow_unused=True) == (None,)


# ---------------------------------------------------------------------------------------------------- the loss


def terms_of(vq_vae):
    x, x_hat = normal(2, 1, 4, 4, seed=3), normal(2, 1, 4, 4, seed=4).requires_grad_()
    z_e, e = normal(2, 3, 2, 4).requires_grad_(), normal(5, 3, seed=1).requires_grad_()
    k = vq_vae.nearest(z_e, e)
    return vq_vae.loss_terms(x, x_hat, z_e, vq_vae.embed(k, e)), x, x_hat, z_e, e, k


def test_terms_are_sums_over_pixels_and_over_d_and_means_over_images_and_positions(vq_vae):
    terms, x, x_hat, z_e, e, k = terms_of(vq_vae)
    pixels = sum((a - b) ** 2 for a, b in zip(x.flatten().tolist(), x_hat.flatten().tolist(), strict=True))
    assert terms.reconstruction.item() == pytest.approx(pixels / 2)
    gap = sum(
        math.dist(z_e[b, :, r, s].tolist(), e[k[b, r, s]].tolist()) ** 2
        for b, r, s in itertools.product(range(2), range(2), range(4))
    )
    assert terms.codebook.item() == pytest.approx(gap / 16)
    assert terms.commitment.item() == pytest.approx(gap / 16)


def test_codebook_term_pulls_each_code_to_the_mean_of_its_vectors_and_leaves_the_encoder_alone(vq_vae):
    """Closed form: 2 n_k (e_k - mean of its vectors) / N, and nothing for a code that no vector chose."""
    terms, _, _, z_e, e, k = terms_of(vq_vae)
    at_e, at_z_e = torch.autograd.grad(terms.codebook, (e, z_e), allow_unused=True)
    vectors = z_e.detach().permute(0, 2, 3, 1)
    for j in range(5):
        own = vectors[k == j]
        expected = 2 * len(own) * (e[j] - own.mean(dim=0)) / 16 if len(own) else torch.zeros(3, dtype=F64)
        torch.testing.assert_close(at_e[j], expected)
    assert at_z_e is None


def test_commitment_term_pulls_each_vector_to_its_code_and_leaves_the_codebook_alone(vq_vae):
    terms, _, _, z_e, e, k = terms_of(vq_vae)
    at_z_e, at_e = torch.autograd.grad(terms.commitment, (z_e, e), allow_unused=True)
    torch.testing.assert_close(at_z_e, 2 * (z_e - e[k].permute(0, 3, 1, 2)) / 16)
    assert at_e is None


def test_beta_weighs_the_commitment_term_alone(vq_vae):
    terms = vq_vae.Terms(*(torch.tensor(v, dtype=F64) for v in (3.0, 5.0, 7.0)))
    assert vq_vae.objective(terms, 0.25).item() == 3 + 5 + 0.25 * 7
    assert vq_vae.objective(terms, 0.0).item() == 8


def test_loss_is_zero_if_vectors_are_codes_and_the_decoder_knows_the_images(vq_vae):
    method, b = small(vq_vae), batch(toy(), 5)
    e = method.autoencoder.e
    k = torch.randint(5, (5, 2, 4), generator=seeded())

    class Oracle(torch.nn.Module):
        def __init__(self, answer):
            super().__init__()
            self.answer = answer

        def forward(self, _):
            return self.answer

    method.autoencoder.encoder, method.autoencoder.decoder = Oracle(e.detach()[k].permute(0, 3, 1, 2)), Oracle(b.x)
    assert vq_vae.objective(method.autoencoder.terms(b.x), 0.25).item() == 0


def test_gradient_of_the_loss_equals_finite_differences_with_the_stopped_parts_held(vq_vae):
    """Of |x - D(z_q + z_e - sg z_e)|^2 + |sg z_e - e|^2 + beta |z_e - sg e|^2 by every weight, in float64."""
    method, x = small(vq_vae, beta=0.7), batch(toy(), 5).x
    net = method.autoencoder.eval()
    with torch.no_grad():
        z_0 = net.encoder(x)
        k = by_loops(z_0, net.e)
        q_0 = net.e[k].permute(0, 3, 1, 2).clone()

    def held() -> float:
        with torch.no_grad():
            z_e, z_q = net.encoder(x), net.e[k].permute(0, 3, 1, 2)
            pixels = (x - net.decoder(q_0 + z_e - z_0)).square().sum() / 5
            return (pixels + ((z_0 - z_q).square().sum() + 0.7 * (z_e - q_0).square().sum()) / 40).item()

    loss = method.autoencoder_loss(Batch(x, torch.zeros(5, dtype=torch.long)), seeded())
    assert loss.item() == pytest.approx(held())
    weights = list(net.parameters())
    for i, (w, g) in enumerate(zip(weights, torch.autograd.grad(loss, weights), strict=True)):
        d, values = normal(*w.shape, seed=i), []
        for sign in (1, -1):
            with torch.no_grad():
                w.add_(sign * 1e-6 * d)
                values.append(held())
                w.sub_(sign * 1e-6 * d)
        assert (values[0] - values[1]) / 2e-6 == pytest.approx((g * d).sum().item(), rel=1e-5, abs=1e-6)


def test_images_of_another_shape_are_named(vq_vae):
    with pytest.raises((ValueError, TypeCheckError)):
        vq_vae.loss_terms(normal(2, 1, 4, 4), normal(2, 1, 4, 1), normal(2, 3, 2, 2), normal(2, 3, 2, 2))
    with pytest.raises((ValueError, TypeCheckError)):
        vq_vae.nearest(normal(2, 4, 2, 2), normal(5, 3))


# ------------------------------------------------------------------------------------------- use of the codes


def test_counts_say_how_many_vectors_each_code_stands_for(vq_vae):
    k = torch.randint(6, (3, 4, 5), generator=seeded())
    k[k == 2] = 0
    tally = Counter(k.flatten().tolist())
    assert vq_vae.counts(k, 7).tolist() == [tally[j] for j in range(7)]


def test_perplexity_is_k_for_uniform_use_and_one_for_one_code_and_else_exp_of_the_entropy(vq_vae):
    assert vq_vae.perplexity(torch.full((9,), 4.0)) == pytest.approx(9)
    assert vq_vae.perplexity(torch.tensor([0.0, 12.0, 0.0])) == 1
    use = torch.tensor([5.0, 0.0, 2.0, 1.0])
    assert vq_vae.perplexity(use) == pytest.approx(math.exp(stats.entropy([5, 0, 2, 1])))
    assert vq_vae.perplexity(10 * use) == pytest.approx(vq_vae.perplexity(use))


def test_perplexity_of_all_images_is_not_the_mean_of_the_batches(vq_vae):
    """Two batches that use one code each: each has perplexity 1, both together 2."""
    a, b = torch.tensor([8.0, 0.0]), torch.tensor([0.0, 8.0])
    assert vq_vae.perplexity(a + b) == pytest.approx(2)
    assert (vq_vae.perplexity(a) + vq_vae.perplexity(b)) / 2 == pytest.approx(1)


def test_running_use_forgets_and_settles_at_the_mean_count(vq_vae):
    usage, count = torch.tensor([16.0, 0.0]), torch.tensor([0.0, 4.0])
    torch.testing.assert_close(vq_vae.running_usage(usage, count), torch.tensor([14.4, 0.4]))
    steps = 0
    while usage[0] >= 1:
        usage, steps = vq_vae.running_usage(usage, count), steps + 1
    assert steps == 27  # as the constant's docstring says
    for _ in range(300):
        usage = vq_vae.running_usage(usage, count)
    torch.testing.assert_close(usage, count)


def test_dead_codes_and_only_they_move_to_encoder_outputs(vq_vae):
    z_e, e = normal(2, 3, 2, 4), normal(6, 3, seed=1)
    usage = torch.tensor([0.0, 5.0, 0.99, 1.0, 0.5, 2.0], dtype=F64)
    moved, after = vq_vae.restart(e, usage, z_e, 1.0, seeded())
    vectors = z_e.permute(0, 2, 3, 1).reshape(-1, 3)
    alive, dead = [1, 3, 5], [0, 2, 4]
    assert torch.equal(moved[alive], e[alive])
    at = [(vectors == moved[j]).all(dim=1).nonzero().flatten().tolist() for j in dead]
    assert all(len(found) == 1 for found in at)
    assert len({found[0] for found in at}) == 3  # three different outputs
    assert torch.equal(after[alive], usage[alive])
    assert after[dead].tolist() == pytest.approx([16 / 6] * 3)
    assert torch.equal(moved, vq_vae.restart(e, usage, z_e, 1.0, seeded())[0])
    assert not torch.equal(moved, vq_vae.restart(e, usage, z_e, 1.0, seeded(1))[0])


def test_restarts_are_drawn_from_all_outputs_alike(vq_vae):
    """Chi-square of 2,000 restarts of one code over 8 outputs, p > 0.001; two more codes than outputs do no harm."""
    z_e = torch.arange(8, dtype=F64).view(1, 1, 2, 4)
    noise = seeded()
    zero = torch.zeros(10, dtype=F64)
    drawn = [vq_vae.restart(zero[:, None], zero, z_e, 1.0, noise)[0].flatten() for _ in range(2000)]
    first = torch.stack(drawn)[:, 0].long().bincount(minlength=8)
    assert stats.chisquare(first.numpy()).pvalue > 0.001
    assert len(set(drawn[0].tolist())) == 8


def test_all_codes_start_at_outputs_of_the_first_batch_and_those_in_use_stay(vq_vae):
    method, b = small(vq_vae), batch(toy())
    net = method.autoencoder
    net.keep_alive(b.x, 1.0, seeded())
    vectors = net.encoder(b.x).detach().permute(0, 2, 3, 1).reshape(-1, 3)
    assert all((vectors == code).all(dim=1).any() for code in net.e)
    torch.testing.assert_close(net.usage, torch.full((5,), 12 * 8 / 5, dtype=F64))
    before, usage = net.e.detach().clone(), net.usage.clone()
    net.keep_alive(b.x, 1.0, seeded())
    assert torch.equal(net.e, before)
    count = torch.bincount(by_loops(net.encoder(b.x).detach(), net.e).flatten(), minlength=5)
    torch.testing.assert_close(net.usage, 0.9 * usage + 0.1 * count)


def test_codes_are_restarted_in_training_alone_and_before_the_loss(vq_vae):
    b = batch(toy())
    for threshold, training, moves in [(1.0, True, True), (1.0, False, False), (0.0, True, False)]:
        method = small(vq_vae, threshold=threshold)
        method.model.train(training)
        before = method.autoencoder.e.detach().clone()
        loss = method.autoencoder_loss(b, seeded())
        assert torch.equal(method.autoencoder.e, before) != moves
        torch.testing.assert_close(loss, vq_vae.objective(method.autoencoder.terms(b.x), 0.25))


# ------------------------------------------------------------------------------------------------- the networks


@pytest.mark.parametrize(("shape", "downs"), [((1, 8, 8), 1), ((3, 8, 4), 2), ((2, 2, 6), 1), ((1, 8, 16), 3)])
@pytest.mark.parametrize("b", [1, 3])
def test_grids_are_smaller_by_two_to_the_strides_for_any_batch(vq_vae, shape, downs, b):
    data = toy(4, shape)
    method = small(vq_vae, data, downs=downs)
    method.model.float()
    grid = (shape[1] >> downs, shape[2] >> downs)
    k = method.autoencoder.codes(data.train[:b])
    assert k.shape == (b, *grid)
    assert method.prior.grid == grid
    assert method.autoencoder.decode(k).shape == (b, *shape)
    assert method.sample(b, data.train_labels[:b], seeded()).shape == (b, *shape)
    assert method.autoencoder_loss(Batch(data.train[:b], data.train_labels[:b]), seeded()).shape == ()


def test_a_residual_block_adds_to_its_input(vq_vae):
    block, x = vq_vae.Residual(3).double(), normal(2, 3, 4, 4)
    y = F.conv2d(F.relu(x), block.wide.weight, block.wide.bias, padding=1)
    torch.testing.assert_close(block(x) - x, F.conv2d(F.relu(y), block.narrow.weight, block.narrow.bias))


def test_what_is_decoded_are_the_codes_vectors_clipped(vq_vae):
    net = small(vq_vae).autoencoder
    k = torch.randint(5, (3, 2, 4), generator=seeded())
    expected = net.decoder(net.e[k].permute(0, 3, 1, 2))
    torch.testing.assert_close(net.decode(k), expected.clamp(-1, 1))
    with torch.no_grad():
        net.decoder[-1].bias.fill_(9.0)
    assert net.decode(k).max() == 1


def test_codes_of_an_image_are_those_nearest_to_the_encoders_output(vq_vae):
    net, x = small(vq_vae).autoencoder, batch(toy()).x
    assert torch.equal(net.codes(x), by_loops(net.encoder(x).detach(), net.e))


# -------------------------------------------------------------------------------------------------- two stages


def test_the_autoencoder_plays_first_and_the_prior_afterwards(vq_vae):
    autoencoder, prior = small(vq_vae, autoencoder_steps=3).players()
    assert [autoencoder.plays(step) for step in range(1, 6)] == [True, True, True, False, False]
    assert [prior.plays(step) for step in range(1, 6)] == [False, False, False, True, True]


def test_the_codes_rest_while_the_prior_is_trained(vq_vae, tmp_path):
    """By a run of the engine: whatever the length of stage two, the autoencoder is that of the end of stage one."""
    data = toy()
    nets = []
    for steps in (2, 5):
        torch.manual_seed(0)
        method = vq_vae.build(vq_vae.VQVAEConfig(**SMALL), data.spec, "cpu")
        preset = Preset(TrainConfig(steps=steps, batch_size=6, ema_decay=0.0), method.config)
        losses = engine.train(method, data, preset, seed=0, out=tmp_path / str(steps), label="vq_vae")
        assert {name: len(values) for name, values in losses.items() if values} == (
            {"autoencoder": 2} if steps == 2 else {"autoencoder": 2, "prior": 3}
        )
        nets.append(method.model.state_dict())
    for name in nets[0]:
        assert torch.equal(nets[0][name], nets[1][name]) == (name.startswith("autoencoder") or name.endswith("mask"))


def test_the_priors_loss_is_nats_for_each_code_and_asks_nothing_of_the_autoencoder(vq_vae):
    method, b = small(vq_vae), batch(toy(), 7)
    k = by_loops(method.autoencoder.encoder(b.x).detach(), method.autoencoder.e)
    p = torch.distributions.Categorical(logits=method.prior(k, b.labels).permute(0, 2, 3, 1))
    loss = method.prior_loss(b, seeded())
    torch.testing.assert_close(loss, -p.log_prob(k).mean())
    gradients = torch.autograd.grad(loss, list(method.autoencoder.parameters()), allow_unused=True)
    assert all(g is None for g in gradients)


def test_every_parameter_receives_a_gradient_from_its_player(vq_vae):
    method, b = small(vq_vae, threshold=1.0), batch(toy())
    method.model.train()
    for player in method.players():
        weights = list(player.model.parameters())
        gradients = torch.autograd.grad(player.loss(b, seeded()), weights)
        assert all(g.abs().max() > 0 for g in gradients)


def test_an_unconditional_prior_does_not_look_at_the_labels(vq_vae):
    data = toy()
    method, b = small(vq_vae, data, conditional=False), batch(data)
    assert method.classes == 0
    assert torch.equal(method.prior_loss(b, seeded()), method.prior_loss(Batch(b.x, b.labels * 0), seeded()))
    method.model.float()
    assert torch.equal(method.sample(4, torch.arange(4) % 3, seeded()), method.sample(4, None, seeded()))


def test_samples_are_decoded_grids_of_the_prior_for_the_classes_asked(vq_vae, pixelcnn):
    method = small(vq_vae)
    method.model.float()
    with torch.no_grad():
        for layer in method.prior.layers:
            layer.V.weight.mul_(5)
    labels = torch.arange(8) % 3
    k = pixelcnn.sample_codes(method.prior, 8, labels, seeded(3))
    assert torch.equal(method.sample(8, labels, seeded(3)), method.autoencoder.decode(k))
    assert not torch.equal(method.sample(8, labels, seeded(4)), method.autoencoder.decode(k))
    assert not torch.equal(method.sample(8, (labels + 1) % 3, seeded(3)), method.autoencoder.decode(k))


# ------------------------------------------------------------------------------------- pictures, numbers, messages


def test_pictures_are_held_out_images_over_their_codes_over_their_reconstructions(vq_vae):
    data = toy(shape=(2, 4, 8))
    method = small(vq_vae, data)
    method.model.float()
    pictures = method.pictures(data, seeded())
    assert set(pictures) == {"reconstructions"}
    top, grey, bottom = pictures["reconstructions"]
    assert torch.equal(top, data.held_out[:10])
    k = method.autoencoder.codes(top)
    assert torch.equal(bottom, method.autoencoder.decode(k))
    assert grey.shape == top.shape
    for r, s in itertools.product(range(4), range(8)):  # each code a square of 2x2 pixels, from black to white
        torch.testing.assert_close(grey[:, 1, r, s], k[:, r // 2, s // 2] / 2 - 1)


def test_numbers_are_those_of_all_held_out_images(vq_vae):
    """Worked out anew, on more images than one part of 500 holds."""
    data = toy(n=503, shape=(1, 2, 4))
    method = small(vq_vae, data)
    method.model.float()
    x, y = data.held_out, data.held_out_labels
    samples = method.sample(20, y[:20], seeded(1))
    numbers = method.evaluate(data, samples, y[:20], seeded())
    k = by_loops(method.autoencoder.encoder(x).detach(), method.autoencoder.e)
    with torch.no_grad():
        error = F.mse_loss(method.autoencoder.decode(k), x).item()
        p = torch.distributions.Categorical(logits=method.prior(k, y).permute(0, 2, 3, 1))
    nats = -p.log_prob(k).double().sum().item()
    assert numbers["reconstruction_error"] == pytest.approx(error, rel=1e-5)
    assert numbers["perplexity"] == pytest.approx(math.exp(stats.entropy(torch.bincount(k.flatten()).numpy())))
    assert numbers["prior_nats"] == pytest.approx(nats / (503 * 2), rel=1e-5)
    assert numbers["bits_per_pixel"] == pytest.approx(nats / math.log(2) / (503 * 8), rel=1e-5)
    assert numbers["frechet"] > 0


def test_bad_values_name_field_value_and_what_is_expected(vq_vae):
    for kwargs, parts in [
        ({"K": 1}, ["K is 1", ">= 2"]),
        ({"D": 0}, ["D is 0", ">= 1"]),
        ({"beta": -1.0}, ["beta is -1.0", ">= 0"]),
        ({"beta": math.inf}, ["beta is inf"]),
        ({"downs": 0}, ["downs is 0", ">= 1"]),
        ({"width": 0}, ["width is 0"]),
        ({"threshold": -0.1}, ["threshold is -0.1", ">= 0"]),
        ({"autoencoder_steps": 0}, ["autoencoder_steps is 0"]),
        ({"prior_width": 0}, ["prior_width is 0"]),
        ({"prior_layers": 0}, ["prior_layers is 0"]),
    ]:
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is looked at next
            vq_vae.VQVAEConfig(**kwargs)
        assert all(part in str(caught.value) for part in parts), caught.value


def test_images_that_cannot_be_halved_are_named(vq_vae):
    for shape in [(2,), (1, 6, 8), (1, 8, 6)]:
        with pytest.raises(ValueError, match="expected images whose height and width are multiples of 4"):
            vq_vae.VQVAE(vq_vae.VQVAEConfig(downs=2), Spec(shape, 0, 17))
