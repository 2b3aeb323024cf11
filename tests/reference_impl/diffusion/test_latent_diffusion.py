"""Proofs of latent_diffusion.py and of its first stage, kl_autoencoder.py. Each holds the code against something worked
out another way; the mutation run breaks the code line by line and asks that one of these fails.
"""

import itertools
import math

import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError
from scipy import stats
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F

from reference_impl import engine
from reference_impl.data import Data, Spec
from reference_impl.engine import Batch, Preset, TrainConfig
from reference_impl.metrics import frechet_distance
from tests.reference_impl.diffusion.toys import F64, normal, seeded, unchecked
from tests.reference_impl.weights import shaken, slopes

SMALL = {"c_z": 2, "autoencoder_width": 16, "width": 16, "autoencoder_steps": 2, "T": 20, "S": 4, "w": 0.0}


def toy(n: int = 12, shape: tuple[int, ...] = (1, 4, 8), classes: int = 3) -> Data:
    x = torch.rand((2 * n, *shape), generator=seeded()) * 2 - 1
    y = torch.arange(2 * n) % classes
    return Data("toy", x[:n], y[:n], x[n:], y[n:], levels=256)


def small(latent_diffusion, data: Data | None = None, **settings):
    """A small method for toy data, its weights a little away from the zeros that some of them start with."""
    torch.manual_seed(0)
    config = latent_diffusion.LatentDiffusionConfig(**{**SMALL, **settings})
    method = latent_diffusion.build(config, (data or toy()).spec, "cpu")
    shaken(method.model, 0.05).eval()
    return method


def batch(data: Data) -> Batch:
    return Batch(data.train, data.train_labels)


def set_scale(method, sigma_hat: float) -> None:
    method.model.sigma_hat.fill_(sigma_hat)
    method.model.measured.fill_(True)


class Oracle(torch.nn.Module):
    """The exact velocity where all latents of a class are one point, and those of no class another."""

    def __init__(self, schedule, points: torch.Tensor, offset: float = 0.0) -> None:
        super().__init__()
        self.schedule, self.points, self.offset, self.seen = schedule, points, offset, []

    def forward(self, z_t, t, labels=None):
        self.seen.append((z_t, t, labels))
        none = torch.full_like(t, len(self.points) - 1)
        z_0 = self.points[none if labels is None else labels]
        alpha_bar = self.schedule.alpha_bar[t].reshape(-1, 1, 1, 1)
        eps = (z_t - alpha_bar.sqrt() * z_0) / (1 - alpha_bar).sqrt()
        return (alpha_bar.sqrt() * eps - (1 - alpha_bar).sqrt() * z_0 + self.offset).to(z_t.dtype)


def one_image(method) -> tuple[torch.Tensor, torch.Tensor]:
    """An image, and its latents, once the autoencoder's law q has next to no width."""
    c_z = method.config.c_z
    with torch.no_grad():
        method.autoencoder.encoder[-1].weight[c_z:] = 0
        method.autoencoder.encoder[-1].bias[c_z:] = -60.0
        x = toy().train[:1]
        return x, method.autoencoder.encode(x)[0]


# ------------------------------------------------------------------------------- stage one: the law of the latents


def test_a_latent_is_its_mean_and_its_deviation_times_the_noise_place_by_place(kl_autoencoder):
    mu, log_var, eps = (normal(2, 3, 2, 4, seed=i) for i in range(3))
    z = kl_autoencoder.latent(mu, log_var, eps)
    assert z.shape == (2, 3, 2, 4)
    for at in itertools.product(range(2), range(3), range(2), range(4)):
        assert z[at].item() == pytest.approx(mu[at].item() + math.exp(log_var[at].item() / 2) * eps[at].item())


def test_the_kl_is_torchs_own_summed_over_each_images_numbers(kl_autoencoder):
    mu, log_var = normal(3, 2, 2, 4), normal(3, 2, 2, 4, seed=1)
    expected = kl_divergence(Normal(mu, (log_var / 2).exp()), Normal(torch.zeros_like(mu), torch.ones_like(mu)))
    torch.testing.assert_close(kl_autoencoder.kl(mu, log_var), expected.sum(dim=(1, 2, 3)))


def linear_toy(kl_autoencoder, mu, log_var, decoder, x, weight):
    """The objective's mean over the noise, exactly: for a linear decoder it is that over all signs of eps."""
    signs = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=4)), dtype=F64).reshape(16, 4, 1, 1)
    many_mu, many_log_var = mu.expand(16, 4, 1, 1), log_var.expand(16, 4, 1, 1)
    z = kl_autoencoder.latent(many_mu, many_log_var, signs)
    x_hat = (z.flatten(1) @ decoder.T).reshape(16, 2, 1, 3)
    return kl_autoencoder.objective(x.expand(16, 2, 1, 3), x_hat, many_mu, many_log_var, weight)


def test_the_objective_of_a_linear_autoencoder_is_its_closed_form(kl_autoencoder):
    """E |x - W z|^2 = |x - W mu|^2 + sum_j sigma_j^2 |w_j|^2, and the KL's formula by hand."""
    mu, log_var, x, decoder = normal(1, 4, 1, 1), normal(1, 4, 1, 1, seed=1), normal(1, 2, 1, 3, seed=2), normal(6, 4)
    loss = linear_toy(kl_autoencoder, mu, log_var, decoder, x, 0.3)
    m, v, w = mu.flatten().numpy(), log_var.flatten().exp().numpy(), decoder.numpy()
    squares = ((x.flatten().numpy() - w @ m) ** 2).sum() + (v * (w**2).sum(axis=0)).sum()
    assert loss.item() == pytest.approx(squares + 0.3 * 0.5 * (m**2 + v - 1 - np.log(v)).sum())


def test_the_best_width_of_the_law_balances_both_terms(kl_autoencoder):
    """With |w_j|^2 = g, g sigma^2 + weight (sigma^2 - log sigma^2) / 2 is least at weight / (2 g + weight)."""
    decoder, weight = normal(6, 4), 0.3
    best = weight / (2 * decoder.square().sum(dim=0) + weight)
    log_var = best.log().reshape(1, 4, 1, 1).requires_grad_()
    loss = linear_toy(kl_autoencoder, normal(1, 4, 1, 1), log_var, decoder, normal(1, 2, 1, 3, seed=2), weight)
    torch.testing.assert_close(torch.autograd.grad(loss, log_var)[0], torch.zeros(1, 4, 1, 1, dtype=F64))


def test_the_kl_alone_sets_the_latents_scale_and_pulls_as_weakly_as_it_weighs(kl_autoencoder):
    """Latents k times as large and a decoder that undoes it: the slope at k = 1 is weight (E|z|^2 - d), no more."""
    x, mu, log_var = normal(5, 1, 2, 2), normal(5, 2, 1, 2, seed=1), normal(5, 2, 1, 2, seed=2)
    mean_square = (mu.square() + log_var.exp()).sum(dim=(1, 2, 3)).mean().item()
    for weight in (1e-6, 0.5):
        k = torch.ones((), dtype=F64, requires_grad=True)
        loss = kl_autoencoder.objective(x, 0.9 * x, k * mu, log_var + 2 * k.log(), weight)
        assert torch.autograd.grad(loss, k)[0].item() == pytest.approx(weight * (mean_square - 4))


def test_the_objective_sums_over_numbers_and_averages_over_images(kl_autoencoder):
    x, x_hat, mu, log_var = (normal(2, 1, 2, 3, seed=i) for i in range(4))
    pixels = sum((a - b) ** 2 for a, b in zip(x.flatten().tolist(), x_hat.flatten().tolist(), strict=True))
    nats = sum(
        (m * m + math.exp(v) - 1 - v) / 2
        for m, v in zip(mu.flatten().tolist(), log_var.flatten().tolist(), strict=True)
    )
    for weight in (0.0, 0.01, 1.0):
        loss = kl_autoencoder.objective(x, x_hat, mu, log_var, weight)
        assert loss.item() == pytest.approx((pixels + weight * nats) / 2)


def test_the_objective_weighs_the_kl_as_the_method_was_told(latent_diffusion):
    """The same weights and noise, two settings: the losses differ by that of the settings times torch's own KL."""
    b = batch(toy())
    light, heavy = (small(latent_diffusion, kl_weight=weight) for weight in (0.25, 2.0))
    mu, log_var = light.autoencoder.encode(b.x)
    nats = kl_divergence(Normal(mu, (log_var / 2).exp()), Normal(torch.zeros_like(mu), torch.ones_like(mu)))
    gap = heavy.autoencoder_loss(b, seeded()) - light.autoencoder_loss(b, seeded())
    assert gap.item() == pytest.approx(1.75 * nats.sum(dim=(1, 2, 3)).mean().item(), rel=1e-4)


def test_gradient_of_the_objective_equals_finite_differences(latent_diffusion):
    """In float64, along three random directions through all the autoencoder's weights."""
    method, b = small(latent_diffusion), batch(toy(3))
    method.model.double()
    b = Batch(b.x.double(), b.labels)
    loss = lambda: method.autoencoder_loss(b, seeded(5))  # noqa: E731
    for slope, difference in slopes(loss, list(method.autoencoder.parameters()), h=1e-6):
        assert slope == pytest.approx(difference, rel=1e-5)


# -------------------------------------------------------------------------------------- stage one: the networks


def test_encoder_and_decoder_are_their_layers_one_after_another(kl_autoencoder):
    """The whole network once more, from its weights alone: convolutions, group normalisation, SiLU, residual sums."""
    torch.manual_seed(0)
    net, x = shaken(kl_autoencoder.KLAutoencoder(2, 3, 16, downs=2).double()), normal(2, 2, 8, 12)
    weights = iter(net.parameters())

    def conv(z, stride: int = 1, turned: bool = False):
        weight, bias = next(weights), next(weights)
        assert weight.shape[-2:] == ((4, 4) if stride == 2 else (3, 3))
        return (F.conv_transpose2d if turned else F.conv2d)(z, weight, bias, stride=stride, padding=1)

    def act(z):
        groups = z.unflatten(1, (8, -1)).flatten(2)
        centred = groups - groups.mean(dim=2, keepdim=True)
        z = (centred / (centred.square().mean(dim=2, keepdim=True) + 1e-5).sqrt()).reshape(z.shape)
        z = z * next(weights)[:, None, None] + next(weights)[:, None, None]
        return z / (1 + (-z).exp())

    def res(z):  # the parameters come in the order in which the layers were made: both norms' before their convolutions
        return z + conv(act(conv(act(z))))

    z = res(conv(x, 2))
    z = res(res(conv(z, 2)))
    mu, log_var = conv(act(z)).split(3, dim=1)
    torch.testing.assert_close(net.encode(x), (mu, log_var))
    y = res(res(conv(mu)))
    y = res(conv(act(y), 2, turned=True))
    torch.testing.assert_close(net.decode(mu), conv(act(y), 2, turned=True))
    assert next(weights, None) is None


@pytest.mark.parametrize(("shape", "downs"), [((1, 8, 8), 1), ((3, 8, 4), 2), ((2, 2, 6), 1), ((1, 8, 16), 3)])
@pytest.mark.parametrize("b", [1, 3])
def test_latents_are_smaller_by_two_to_the_halvings_for_any_batch(latent_diffusion, shape, downs, b):
    data = toy(4, shape)
    method = small(latent_diffusion, data, downs=downs)
    z = method.encode(data.train[:b], seeded())
    assert z.shape == (b, 2, shape[1] >> downs, shape[2] >> downs)
    assert method.latent_shape == z.shape[1:]
    assert method.decode(z).shape == (b, *shape)
    assert method.sample(b, data.train_labels[:b], seeded()).shape == (b, *shape)
    for player in method.players():
        assert player.loss(Batch(data.train[:b], data.train_labels[:b]), seeded()).shape == ()


# ------------------------------------------------------------------------------------------- the latents' scale


def test_one_standard_deviation_is_taken_of_all_numbers_together(latent_diffusion):
    """As numpy has it; channels with means of their own are not centred one by one."""
    z = normal(6, 2, 3, 4) * 0.5 + torch.tensor([3.0, -1.0], dtype=F64).reshape(1, 2, 1, 1)
    sigma_hat = latent_diffusion.standard_deviation(z)
    assert sigma_hat.shape == ()
    assert sigma_hat.item() == pytest.approx(np.std(z.numpy()), rel=1e-12)
    assert sigma_hat.item() > 2


def test_the_scale_makes_the_deviation_one_and_leaves_the_law_what_it_is(latent_diffusion):
    """Two channels that hang together, with means of their own: divided by one number they are so still, and N(0, I),
    the law from which a VAE would be sampled, is far from theirs."""
    a, b = normal(4000, 1, 2, 2), normal(4000, 1, 2, 2, seed=1)
    z = torch.cat([3 * a + 4, 3 * a + b - 4], dim=1)
    rescaled = z / latent_diffusion.standard_deviation(z)
    assert rescaled.std(correction=0).item() == pytest.approx(1, rel=1e-12)
    channels = rescaled.transpose(0, 1).flatten(1)
    assert channels.mean(dim=1).abs().min() > 0.7
    assert channels.corrcoef()[0, 1].item() == pytest.approx(3 / math.sqrt(10), abs=0.01)
    assert frechet_distance(rescaled, normal(4000, 2, 2, 2, seed=2)) > 4


def test_the_first_batch_of_stage_two_gets_unit_deviation_and_later_ones_do_not_change_the_scale(latent_diffusion):
    data = toy()
    method = small(latent_diffusion, data)
    method.model.train()
    assert method.model.sigma_hat == 1
    assert not method.model.measured
    method.autoencoder_loss(batch(data), seeded(1))
    assert method.model.sigma_hat == 1
    method.diffusion_loss(batch(data), seeded(2))
    sigma_hat = method.model.sigma_hat.item()
    assert sigma_hat != 1
    assert method.encode(data.train, seeded(2)).std(correction=0).item() == pytest.approx(1, rel=1e-5)
    method.diffusion_loss(Batch(data.held_out * 0.1, data.held_out_labels), seeded(3))
    assert method.model.sigma_hat.item() == sigma_hat


def test_the_scale_is_not_measured_while_evaluating(latent_diffusion):
    method = small(latent_diffusion)
    method.diffusion_loss(batch(toy()), seeded())
    assert method.model.sigma_hat == 1
    assert not method.model.measured


@pytest.mark.parametrize("sigma_hat", [0.2, 1.0, 7.0])
def test_decoding_undoes_the_scale(latent_diffusion, sigma_hat):
    """What is decoded of rescaled latents is what the decoder makes of the encoder's own, whatever the scale."""
    method, data = small(latent_diffusion), toy()
    mu, log_var = method.autoencoder.encode(data.train)
    own = mu + (log_var / 2).exp() * torch.randn(mu.shape, generator=seeded(4))
    set_scale(method, sigma_hat)
    z = method.encode(data.train, seeded(4))
    torch.testing.assert_close(z * sigma_hat, own)
    torch.testing.assert_close(method.decode(z), method.autoencoder.decode(own).clamp(-1, 1))
    assert not z.requires_grad
    assert not method.decode(z).requires_grad


def test_what_is_decoded_is_clipped_to_the_pixels_range(latent_diffusion):
    method = small(latent_diffusion)
    with torch.no_grad():
        method.autoencoder.decoder[-1].bias.fill_(9.0)
    assert method.decode(torch.zeros(2, *method.latent_shape)).min() == 1
    assert method.autoencoder.decode(torch.zeros(2, *method.latent_shape)).min() > 1


def test_latents_are_drawn_from_their_law_with_its_mean_and_width(latent_diffusion):
    """4,000 draws for one image: means within 5 standard errors, variances too; each number has noise of its own."""
    method, n = small(latent_diffusion), 4000
    set_scale(method, 0.5)
    x = toy().train[:1]
    mu, log_var = (each.detach()[0] for each in method.autoencoder.encode(x))
    z = method.encode(x.expand(n, -1, -1, -1), seeded()).double()
    variance = log_var.double().exp() / 0.25
    assert ((z.mean(dim=0) - mu / 0.5).abs() < 5 * (variance / n).sqrt()).all()
    assert ((z.var(dim=0) - variance).abs() < 5 * variance * math.sqrt(2 / n)).all()
    noise = ((z - mu / 0.5) / variance.sqrt()).flatten(1)
    assert (noise.T.corrcoef() - torch.eye(noise.shape[1])).abs().max() < 5 / math.sqrt(n)


def test_images_go_through_the_autoencoder_in_parts_and_none_is_lost(latent_diffusion, monkeypatch):
    method, data = small(latent_diffusion), toy(7)
    z = normal(7, *method.latent_shape).float()
    whole = method.decode(z)
    monkeypatch.setattr(latent_diffusion, "PART", 3)
    torch.testing.assert_close(method.decode(z), whole)
    with torch.no_grad():
        method.autoencoder.encoder[-1].weight[2:] = 0
        method.autoencoder.encoder[-1].bias[2:] = -60.0
    torch.testing.assert_close(method.encode(data.train, seeded()), method.autoencoder.encode(data.train)[0].detach())


# ------------------------------------------------------------------------------------------------ stage two: loss


def test_the_exact_velocity_has_loss_zero_and_an_offset_c_has_loss_c_squared(latent_diffusion):
    """All latents one point, so that the best network is known. It must be asked about rescaled latents."""
    method = small(latent_diffusion, p_uncond=0.0)
    x, z = one_image(method)
    set_scale(method, 0.25)
    b = Batch(x.expand(9, -1, -1, -1), torch.zeros(9).long())
    for scale, offset, expected in [(0.25, 0.0, 0.0), (0.25, 0.3, 0.09)]:
        method.network = Oracle(method.schedule, z / scale, offset)
        assert method.diffusion_loss(b, seeded()).item() == pytest.approx(expected, rel=1e-5, abs=1e-8)
    method.network = Oracle(method.schedule, z)
    assert method.diffusion_loss(b, seeded()).item() > 1e-3


def test_the_network_sees_rescaled_latents_mixed_with_noise_its_own_time_and_its_class(latent_diffusion):
    """(z_t - sqrt(abar_t) z_0) / sqrt(1 - abar_t) is standard normal; times are uniform on 1..T."""
    method, n = small(latent_diffusion, p_uncond=0.0), 3000
    x, z = one_image(method)
    set_scale(method, 0.25)
    method.network = oracle = Oracle(method.schedule, (z / 0.25).expand(4, -1, -1, -1))
    method.diffusion_loss(Batch(x.expand(n, -1, -1, -1), torch.arange(n) % 3), seeded())
    ((z_t, t, labels),) = oracle.seen
    abar = method.schedule.alpha_bar[t].reshape(-1, 1, 1, 1)
    eps = ((z_t - abar.sqrt() * z / 0.25) / (1 - abar).sqrt()).detach().flatten().numpy()
    assert stats.kstest(eps[:: len(eps) // 9000], "norm").pvalue > 1e-6
    count = np.bincount(t.numpy(), minlength=21)
    assert (count[0], len(count)) == (0, 21)
    assert ((count[1:] - n / 20) ** 2 / (n / 20)).sum() < stats.chi2.isf(1e-6, df=19)
    assert torch.equal(labels, torch.arange(n) % 3)


def test_classes_are_dropped_with_their_probability_and_otherwise_left_alone(latent_diffusion):
    method, n = small(latent_diffusion, p_uncond=0.2), 3000
    x, z = one_image(method)
    method.network = oracle = Oracle(method.schedule, z.expand(4, -1, -1, -1))
    method.diffusion_loss(Batch(x.expand(n, -1, -1, -1), torch.arange(n) % 3), seeded())
    labels = oracle.seen[0][2]
    dropped = labels == 3
    assert stats.binomtest(int(dropped.sum()), n, 0.2).pvalue > 1e-6
    assert torch.equal(labels[~dropped], (torch.arange(n) % 3)[~dropped])


def test_without_classes_no_label_matters(latent_diffusion):
    data = toy(classes=1)
    method = small(latent_diffusion, data, w=0.5)
    assert method.classes == 0
    losses = [method.diffusion_loss(Batch(data.train, data.train_labels + i), seeded()) for i in (0, 7)]
    assert torch.equal(*losses)
    one, other = (method.sample(4, labels, seeded()) for labels in (torch.arange(4), None))
    torch.testing.assert_close(one, other)
    assert method.evaluate(data, one, None, seeded())["held_out_loss"] > 0
    assert method.pictures(data, seeded())["process"].shape == (4, 10, 1, 4, 8)


# ------------------------------------------------------------------------------------------------- the two stages


def test_the_autoencoder_plays_first_and_the_diffusion_model_afterwards(latent_diffusion):
    autoencoder, diffusion = small(latent_diffusion, autoencoder_steps=3).players()
    assert [autoencoder.plays(step) for step in range(1, 6)] == [True, True, True, False, False]
    assert [diffusion.plays(step) for step in range(1, 6)] == [False, False, False, True, True]


def test_neither_stages_gradient_reaches_the_other(latent_diffusion):
    method, b = small(latent_diffusion), batch(toy())
    one, two = (list(player.model.parameters()) for player in method.players())
    assert not {id(p) for p in one} & {id(p) for p in two}
    assert {id(p) for p in [*one, *two]} == {id(p) for p in method.model.parameters()}
    of_two = torch.autograd.grad(method.diffusion_loss(b, seeded()), [*two, *one], allow_unused=True)
    of_one = torch.autograd.grad(method.autoencoder_loss(b, seeded()), [*one, *two], allow_unused=True)
    for own, gradients in ((two, of_two), (one, of_one)):
        assert all(g.abs().max() > 0 for g in gradients[: len(own)])
        assert all(g is None for g in gradients[len(own) :])


def train(latent_diffusion, out, stages: list[int], **settings) -> tuple:
    """A run of the engine in stages, each going on from the checkpoint of the one before."""
    data = toy()
    for steps in stages:
        torch.manual_seed(0)
        method = latent_diffusion.build(
            latent_diffusion.LatentDiffusionConfig(**{**SMALL, **settings}), data.spec, "cpu"
        )
        preset = Preset(TrainConfig(steps=steps, batch_size=6, warmup=0), method.config)
        losses = engine.train(method, data, preset, seed=0, out=out, label="toy", resume=steps != stages[0])
    return {**method.model.state_dict(), **{name: torch.tensor(values) for name, values in losses.items()}}


def test_the_autoencoder_and_the_scale_rest_in_stage_two(latent_diffusion, tmp_path):
    states = [train(latent_diffusion, tmp_path / str(steps), [steps]) for steps in (3, 6)]
    kept = [torch.load(tmp_path / str(steps) / "checkpoint.pt")["model"] for steps in (3, 6)]
    for name in kept[0]:
        rests = name.startswith("autoencoder") or name in ("sigma_hat", "measured")
        assert torch.equal(kept[0][name], kept[1][name]) == rests, name
    assert [len(states[1][name]) for name in ("autoencoder", "diffusion")] == [2, 4]
    assert states[1]["measured"]
    assert torch.equal(states[1]["sigma_hat"], kept[0]["sigma_hat"])


def test_a_run_goes_on_to_the_same_bits_across_the_boundary_of_the_stages(latent_diffusion, tmp_path):
    """Stopped within stage one, between the two, just after the scale was measured, and later."""
    whole = train(latent_diffusion, tmp_path / "whole", [5])
    for cut in (1, 2, 3, 4):
        again = train(latent_diffusion, tmp_path / str(cut), [cut, 5])
        assert whole.keys() == again.keys()
        assert all(torch.equal(whole[name], again[name]) for name in whole)


# ----------------------------------------------------------------------------------------------------- sampling


@pytest.mark.parametrize("network", ["unet", "dit"])
def test_both_backbones_serve(latent_diffusion, network):
    method = small(latent_diffusion, network=network)
    assert type(method.network).__name__ == {"unet": "UNet", "dit": "DiT"}[network]
    assert method.sample(3, torch.arange(3), seeded()).shape == (3, 1, 4, 8)


@pytest.mark.parametrize("network", ["unet", "dit"])
def test_the_network_knows_the_classes_and_that_of_any(latent_diffusion, network):
    method = small(latent_diffusion, network=network)
    answers = [method.sample(2, labels, seeded()) for labels in (*torch.arange(3)[:, None].expand(3, 2), None)]
    assert all(not torch.equal(a, b) for a, b in itertools.combinations(answers, 2))


@pytest.mark.parametrize("sigma_hat", [0.25, 4.0])
def test_the_exact_velocity_leads_to_the_decoded_data(latent_diffusion, sigma_hat):
    """Each class's latents one point, some of it far beyond 1: samples are what the autoencoder makes of the data."""
    method, data = small(latent_diffusion), toy(3)
    set_scale(method, sigma_hat)
    mu, _ = method.autoencoder.encode(data.train)
    with torch.no_grad():
        mu = mu * 5
    assert (mu / 0.25).abs().max() > 3
    method.network = Oracle(method.schedule, torch.cat([mu, mu[:1]]) / sigma_hat)
    labels = torch.tensor([2, 0, 1, 1])
    expected = method.autoencoder.decode(mu[labels]).clamp(-1, 1)
    torch.testing.assert_close(method.sample(4, labels, seeded()), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("w", [-1.0, 0.0, 0.5, 2.0])
def test_guidance_leads_from_the_point_of_no_class_through_that_of_the_class_and_beyond(latent_diffusion, w):
    """Velocities are affine in the point, so the guided one is that of (1 + w) z_y - w z_none."""
    method = small(latent_diffusion, w=w)
    points = normal(4, *method.latent_shape).float()
    method.network = Oracle(method.schedule, points)
    labels = torch.tensor([0, 1, 2])
    expected = method.decode((1 + w) * points[labels] - w * points[3:])
    torch.testing.assert_close(method.sample(3, labels, seeded()), expected, rtol=1e-4, atol=1e-4)


def test_the_schedule_is_the_cosine_one(latent_diffusion):
    """By its formula, Eq. (17) of Nichol & Dhariwal, below T, where beta is held under 1."""
    f = np.cos((np.arange(20) / 20 + 0.008) / 1.008 * math.pi / 2) ** 2
    np.testing.assert_allclose(small(latent_diffusion, T=20).schedule.alpha_bar[:20], f / f[0], rtol=1e-9)


def test_sampling_starts_from_the_standard_normal_at_T_and_takes_S_steps(latent_diffusion):
    method = small(latent_diffusion, T=20, S=4)
    times, states = zip(*method.trajectory(2000, torch.zeros(2000).long(), seeded()), strict=True)
    assert times == (20, 15, 10, 5, 0)
    assert stats.kstest(states[0].flatten().numpy(), "norm").pvalue > 1e-6
    seen = []
    method.sample(2, torch.arange(2), seeded(), lambda steps, total: seen.append(total) or steps)
    assert seen == [5]


def test_same_seed_same_bits_and_no_other_source_of_chance(latent_diffusion):
    method, b = small(latent_diffusion), batch(toy())
    draws = [
        lambda g: method.sample(3, torch.arange(3), g),
        lambda g: method.encode(b.x, g),
        lambda g: method.diffusion_loss(b, g),
        lambda g: method.autoencoder_loss(b, g),
    ]
    for draw in draws:
        torch.manual_seed(1)
        x = draw(seeded(5))
        torch.manual_seed(2)
        assert torch.equal(draw(seeded(5)), x)
        assert not torch.equal(draw(seeded(6)), x)


# ------------------------------------------------------------------------------------- pictures, numbers, messages


def test_pictures_are_held_out_images_over_their_latents_over_their_reconstructions(latent_diffusion):
    data = toy(shape=(2, 4, 8))
    for c_z, rows in ((2, 4), (5, 5)):
        method = small(latent_diffusion, data, c_z=c_z)
        set_scale(method, 0.5)
        top, *grey, bottom = method.pictures(data, seeded())["reconstructions"]
        assert 2 + len(grey) == rows
        assert torch.equal(top, data.held_out[:10])
        z = method.encode(top, seeded())
        assert torch.equal(bottom, method.decode(z))
        for channel, shade in enumerate(grey):
            for r, s in itertools.product(range(4), range(8)):  # each number a square of 2x2 pixels
                expected = (z[:, channel, r // 2, s // 2] / 2).clamp(-1, 1)
                torch.testing.assert_close(shade[:, :, r, s], expected[:, None].expand(-1, 2))


def test_the_process_shown_begins_with_decoded_noise_and_ends_with_samples(latent_diffusion):
    data = toy()
    method = small(latent_diffusion, data, T=40, S=20)
    one_image(method)  # so that pictures draw no noise for reconstructions that would matter here
    generator = seeded()
    torch.randn((10, *method.latent_shape), generator=generator)  # what the reconstructions draw
    states = [z for _, z in method.trajectory(4, torch.tensor([0, 0, 0, 0]), generator)]
    process = method.pictures(data, seeded())["process"]
    assert process.shape == (4, 10, 1, 4, 8)
    for column, at in zip(range(10), (0, 2, 4, 7, 9, 11, 13, 16, 18, 20), strict=True):
        torch.testing.assert_close(process[:, column], method.decode(states[at]))
    ten = toy(classes=10)
    method = small(latent_diffusion, ten)
    method.network = oracle = Oracle(method.schedule, torch.zeros(11, *method.latent_shape))
    method.pictures(ten, seeded())
    assert torch.equal(oracle.seen[0][2], torch.tensor([0, 3, 6, 9]))


def test_numbers_are_those_of_the_held_out_images(latent_diffusion, monkeypatch):
    """Worked out anew: the noise error image by image, of the first 7 only; the rest of all images."""
    monkeypatch.setattr(latent_diffusion, "HELD_OUT", 7)
    data = toy(20)
    method = small(latent_diffusion, data)
    set_scale(method, 0.5)
    samples = method.sample(20, data.held_out_labels, seeded(1))
    numbers = method.evaluate(data, samples, data.held_out_labels, seeded(3))
    g = seeded(3)
    z = method.encode(data.held_out, g)
    x_hat = method.decode(z)
    assert numbers["reconstruction_error"] == pytest.approx(F.mse_loss(x_hat, data.held_out).item(), rel=1e-6)
    assert numbers["reconstruction_frechet"] == pytest.approx(frechet_distance(x_hat, data.held_out))
    assert numbers["frechet"] == pytest.approx(frechet_distance(samples, data.held_out))
    assert numbers["sigma_hat"] == 0.5
    assert numbers["latent_std"] == pytest.approx(np.std(z.double().numpy()))
    errors = []
    for t in torch.linspace(1, 20, 20).long():
        abar = method.schedule.alpha_bar[t]
        eps = torch.randn((7, *method.latent_shape), generator=g)
        z_t = (abar.sqrt() * z[:7] + (1 - abar).sqrt() * eps).float()
        with torch.no_grad():
            v = method.network(z_t, t.expand(7), data.held_out_labels[:7])
        errors.append((eps - (1 - abar).sqrt() * z_t - abar.sqrt() * v).square().mean().item())
    assert numbers["held_out_loss"] == pytest.approx(np.mean(errors), rel=1e-5)


def test_a_perfect_autoencoder_has_no_floor(latent_diffusion):
    """And a decoder that says nothing has that of black images."""
    data = toy(20)
    method = small(latent_diffusion, data)
    method.decode = lambda z: data.held_out
    numbers = method.evaluate(data, data.train, data.train_labels, seeded())
    assert numbers["reconstruction_error"] == 0
    assert numbers["reconstruction_frechet"] == pytest.approx(0, abs=1e-9)


def test_bad_values_name_field_value_and_what_is_expected(latent_diffusion):
    config = unchecked(latent_diffusion.LatentDiffusionConfig)
    for kwargs, parts in [
        ({"c_z": 0}, ["c_z is 0", ">= 1"]),
        ({"downs": 0}, ["downs is 0", ">= 1"]),
        ({"autoencoder_width": 12}, ["autoencoder_width is 12", "multiple of 8"]),
        ({"autoencoder_width": 8}, ["autoencoder_width is 8", "at least 16"]),
        ({"kl_weight": -0.1}, ["kl_weight is -0.1", ">= 0"]),
        ({"kl_weight": math.inf}, ["kl_weight is inf"]),
        ({"autoencoder_steps": 0}, ["autoencoder_steps is 0"]),
        ({"network": "mlp"}, ["network is 'mlp'", '"unet" or "dit"']),
        ({"width": 24}, ["width is 24", "multiple of 16"]),
        ({"T": 0}, ["T is 0"]),
        ({"p_uncond": 1.0}, ["p_uncond is 1.0", "[0, 1)"]),
        ({"p_uncond": -0.1}, ["p_uncond is -0.1"]),
        ({"p_uncond": 0.0, "w": 1.0}, ["w is 1.0", "p_uncond = 0"]),
        ({"w": -1.5}, ["w is -1.5", ">= -1"]),
        ({"w": math.inf}, ["w is inf"]),
        ({"S": 0}, ["S is 0", "1..T = 1000"]),
        ({"T": 10, "S": 11}, ["S is 11", "1..T = 10"]),
    ]:
        with pytest.raises((ValueError, TypeCheckError)) as caught:
            config(**kwargs)
        if "network" in kwargs and not isinstance(caught.value, ValueError):
            continue  # beartype saw the bad word first
        assert all(part in str(caught.value) for part in parts), caught.value
    config(p_uncond=0.0, w=0.0)  # is allowed: nothing to guide with, and no guidance
    config(w=-1.0)
    config(T=10, S=10)


def test_images_that_cannot_be_halved_are_named(latent_diffusion):
    for shape in [(2,), (1, 6, 8), (1, 8, 6)]:
        with pytest.raises(ValueError, match="expected images whose height and width are multiples of 4"):
            latent_diffusion.build(latent_diffusion.LatentDiffusionConfig(downs=2), Spec(shape, 0, 17), "cpu")


def test_latents_without_spread_and_images_of_another_shape_are_refused(latent_diffusion, kl_autoencoder):
    for z in (torch.ones(2, 2, 2, 2), torch.full((2, 2, 2, 2), math.nan)):
        with pytest.raises(ValueError, match=r"sigma_hat is .*; expected a finite number > 0"):
            latent_diffusion.standard_deviation(z)
    x, z = torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, 2, 2)
    with pytest.raises(ValueError, match=r"x_hat is \(2, 1, 4, 1\); expected the images' shape"):
        unchecked(kl_autoencoder.objective)(x, x[..., :1], z, z, 0.1)
    with pytest.raises(ValueError, match="width is 20; expected a multiple of 8"):
        kl_autoencoder.KLAutoencoder(1, 2, 20, 1)
