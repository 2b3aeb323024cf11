"""Proofs of vae.py. Each holds the code against something worked out another way; the mutation run breaks the code
line by line and asks that one of these fails.

Statistical bounds are stated as numbers of standard errors; seeds are fixed, so a test that passes once passes always.
"""

import inspect
import itertools
import math

import pytest
import torch
from jaxtyping import TypeCheckError
from scipy import special, stats
from torch.nn import functional as F

from reference_impl.data import Data, Spec
from reference_impl.engine import Batch
from tests.reference_impl.weights import slopes

F64 = torch.float64


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=seeded(seed), dtype=F64)


def codes(b: int = 4, d_z: int = 3, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Some mu and log sigma^2, with variances from 0.1 to 5."""
    return normal(b, d_z, seed=seed), normal(b, d_z, seed=seed + 100)


def grid(levels: int) -> torch.Tensor:
    """Every value that a pixel can have, one image of one pixel for each: [levels 1 1 1]."""
    return torch.linspace(-1, 1, levels, dtype=F64)[:, None, None, None]


def means(x: torch.Tensor, value: float) -> torch.Tensor:
    """The decoder's output for those images, the same everywhere."""
    return torch.full((1, *x.shape), value, dtype=x.dtype)


def number(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=F64)


def unchecked(function):
    """The function without the tests' own checks of shapes: what a user meets."""
    return inspect.unwrap(function)


def toy(n: int = 30, shape: tuple[int, ...] = (1, 6, 5), levels: int = 5, classes: int = 3, seed: int = 0) -> Data:
    random = seeded(seed)
    x = torch.randint(levels, (2 * n, *shape), generator=random) / (levels - 1) * 2 - 1
    y = torch.arange(2 * n) % classes
    return Data("toy", x[:n], y[:n], x[n:], y[n:], levels=levels)


def small(vae, data: Data | None = None, **settings):
    """A small method for toy data, in float64, with weights that are nowhere zero."""
    torch.manual_seed(0)
    spec = (data or toy()).spec
    method = vae.VAE(vae.VAEConfig(**{"d_z": 2, "width": 3, "hidden": 7, **settings}), spec)
    method.model.double()
    with torch.no_grad():
        for i, p in enumerate(method.model.parameters()):
            p.add_(0.1 * normal(*p.shape, seed=i))
    return method


def batch(data: Data, n: int | None = None) -> Batch:
    return Batch(data.train[:n].double(), data.train_labels[:n])


class Linear:
    """z ~ N(0, I), x|z ~ N(W z + c, s^2 I), where W's columns are orthogonal: all that a VAE approximates is known.

    log p(x) is a Gaussian's, and the true posterior is a Gaussian with diagonal covariance, so that q can equal it.
    """

    def __init__(self) -> None:
        self.W = torch.linalg.qr(normal(4, 2, seed=7))[0] * torch.tensor([1.5, 0.6], dtype=F64)
        self.c, self.s = normal(4, seed=8), 0.7
        self.x = normal(5, 4, seed=9)
        cov = self.W @ self.W.T + self.s**2 * torch.eye(4, dtype=F64)
        self.log_px = torch.tensor(
            stats.multivariate_normal(self.c.numpy(), cov.numpy()).logpdf(self.x.numpy()), dtype=F64
        )
        variance = 1 / (1 + (self.W**2).sum(dim=0) / self.s**2)
        self.mu = variance * ((self.x - self.c) @ self.W) / self.s**2
        self.log_var = variance.log().expand_as(self.mu)

    def log_px_z(self, z: torch.Tensor) -> torch.Tensor:
        return torch.distributions.Normal(z @ self.W.T + self.c, self.s).log_prob(self.x).sum(dim=-1)

    def eps(self) -> torch.Tensor:
        """Four points of noise over which any quadratic function has its mean over N(0, I), exactly."""
        points = math.sqrt(2) * torch.cat([torch.eye(2, dtype=F64), -torch.eye(2, dtype=F64)])
        return points[:, None].expand(4, 5, 2)


# --------------------------------------------------------------------------------------------- the encoder's law q


def test_z_is_mu_plus_sigma_times_eps(vae):
    mu, log_var = torch.tensor([[1.0, -2.0]]), torch.tensor([[0.0, math.log(9.0)]])  # sigma is 1 and 3
    eps = torch.tensor([[[0.0, 0.0]], [[1.0, 1.0]], [[-2.0, 0.5]]])
    expected = torch.tensor([[[1.0, -2.0]], [[2.0, 1.0]], [[-1.0, -0.5]]])
    torch.testing.assert_close(vae.reparameterise(mu, log_var, eps), expected)


def test_kl_equals_torchs(vae):
    mu, log_var = codes()
    q = torch.distributions.Normal(mu, (log_var / 2).exp())
    p = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    torch.testing.assert_close(vae.kl_to_prior(mu, log_var), torch.distributions.kl_divergence(q, p))


def test_kl_equals_its_monte_carlo_estimate(vae):
    """Within 4 standard errors of the mean of log q - log p over 100,000 samples of q, for each coordinate."""
    mu, log_var = codes()
    q = torch.distributions.Normal(mu, (log_var / 2).exp())
    z = mu + q.scale * normal(100_000, *mu.shape, seed=5)
    difference = q.log_prob(z) - torch.distributions.Normal(0.0, 1.0).log_prob(z)
    error = difference.std(dim=0) / math.sqrt(len(z))
    assert ((difference.mean(dim=0) - vae.kl_to_prior(mu, log_var)).abs() < 4 * error).all()


def test_kl_is_zero_at_the_prior_and_positive_elsewhere(vae):
    zero = torch.zeros(1, 3, dtype=F64)
    assert torch.equal(vae.kl_to_prior(zero, zero), zero)
    mu, log_var = codes(b=500)
    assert (vae.kl_to_prior(mu, log_var) > 0).all()
    torch.testing.assert_close(vae.kl_to_prior(mu, 0 * mu), mu**2 / 2)  # a shift alone costs half its square


def test_log_normal_equals_torchs(vae):
    mu, log_var = codes()
    z = normal(6, *mu.shape, seed=3)
    expected = torch.distributions.Normal(mu, (log_var / 2).exp()).log_prob(z).sum(dim=-1)
    torch.testing.assert_close(vae.log_normal(z, mu, log_var), expected)


def test_reparameterised_gradient_is_right_in_closed_form_and_by_the_score_function(vae):
    """For f(z) = z^2 + 3z: d E f / d mu = 2 mu + 3, d E f / d log sigma^2 = sigma^2.

    The mean of 100,000 reparameterised gradients is within 4 standard errors of both, as is the score function's,
    whose errors are larger: that is why the paper reparameterises.
    """
    mu = torch.tensor([[0.3, -1.2]], dtype=F64, requires_grad=True)
    log_var = torch.tensor([[0.5, -0.7]], dtype=F64, requires_grad=True)
    many = [t.detach().repeat(100_000, 1).requires_grad_() for t in (mu, log_var)]
    eps = normal(1, 100_000, 2, seed=4)
    z = vae.reparameterise(*many, eps)
    by_path = torch.autograd.grad((z**2 + 3 * z).sum(), many)
    log_q = torch.distributions.Normal(many[0], (many[1] / 2).exp()).log_prob(z.detach())
    by_score = torch.autograd.grad((log_q * (z**2 + 3 * z).detach()).sum(), many)
    truth = (2 * mu + 3).detach()[0], log_var.exp().detach()[0]
    for path, score, exact in zip(by_path, by_score, truth, strict=True):
        for estimate in (path, score):
            error = estimate.std(dim=0) / math.sqrt(len(estimate))
            assert ((estimate.mean(dim=0) - exact).abs() <= 4 * error).all()
        assert (path.std(dim=0) < score.std(dim=0)).all()


# ---------------------------------------------------------------------------------------------- the likelihoods


@pytest.mark.parametrize("levels", [2, 3, 17, 256])
def test_likelihood_of_all_levels_sums_to_one(vae, levels):
    for mean in (-30.0, -1.0, -0.97, 0.0, 0.123, 1.0, 1.4, 50.0):
        for log_s in (-7.0, -3.0, -1.0, 0.0, 2.0):
            x = grid(levels)
            log_p = vae.log_discretised_logistic(x, means(x, mean), number(log_s), levels)
            assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-11), (mean, log_s)


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_likelihood_is_the_logistics_share_of_each_bin(vae, levels):
    """Against scipy's distribution function; the bins' edges lie halfway between levels, the ends are open."""
    x, half = grid(levels), 1 / (levels - 1)
    edges = [-math.inf, *(x.flatten()[:-1] + half).tolist(), math.inf]
    for mean, s in ((0.1, 0.3), (-0.9, 0.1), (1.2, 0.8)):
        law = stats.logistic(mean, s)
        shares = [law.cdf(b) - law.cdf(a) for a, b in itertools.pairwise(edges)]
        p = vae.log_discretised_logistic(x, means(x, mean), number(math.log(s)), levels).exp().flatten()
        torch.testing.assert_close(p, torch.tensor(shares, dtype=F64), rtol=1e-9, atol=1e-14)


def test_likelihood_is_right_in_float32_where_the_difference_of_sigmoids_is_zero(vae):
    """A bin 300 scales from the mean has log probability -300 + log(2 sinh(delta / s)), and a gradient of 1 / s.

    The usual code, log(sigmoid(a) - sigmoid(b) + 1e-7), says -16 there and has no gradient.
    """
    s, levels = 0.005, 256
    half = 1 / (levels - 1)
    x = (torch.tensor(255.0) / 255 * 2 - 1 - 2 * half).reshape(1, 1, 1, 1)  # the last level but one
    for sign in (1, -1):
        m = (x - sign * 300 * s)[None].clone().requires_grad_()
        log_p = vae.log_discretised_logistic(x, m, torch.tensor(math.log(s)), levels)
        assert log_p.dtype == torch.float32
        assert log_p.item() == pytest.approx(-300 + math.log(2 * math.sinh(half / s)), rel=1e-5)
        (gradient,) = torch.autograd.grad(log_p.sum(), m)
        assert gradient.item() == pytest.approx(sign / s, rel=1e-5)
        a, b = (x + half - m) / s, (x - half - m) / s
        usual = (a.sigmoid() - b.sigmoid() + 1e-7).log()
        assert usual.item() == pytest.approx(math.log(1e-7), abs=0.1)
        assert torch.autograd.grad(usual.sum(), m)[0].abs().item() < 1e-3
    everywhere = torch.tensor([-1e4, -1.0, 0.0, 1.0, 1e4]).reshape(5, 1, 1, 1, 1).repeat(1, levels, 1, 1, 1)
    everywhere.requires_grad_()
    for log_s in (-12.0, 0.0, 12.0):
        scale = torch.tensor(log_s, requires_grad=True)
        log_p = vae.log_discretised_logistic(grid(levels).float(), everywhere, scale, levels)
        assert log_p.isfinite().all()
        assert (log_p <= 0).all()
        assert all(g.isfinite().all() for g in torch.autograd.grad(log_p.sum(), (everywhere, scale)))


def test_an_epsilon_in_the_logarithm_makes_it_no_probability(vae):
    """A claim of the page: 1e-7 for each of 256 levels makes the sum 1 + 2.56e-5, and unlikely pixels free."""
    half, s = 1 / 255, 0.01
    x = grid(256)
    upper = torch.where(x > 1 - half, torch.inf, (x + half) / s).sigmoid()
    lower = torch.where(x < half - 1, -torch.inf, (x - half) / s).sigmoid()
    assert (upper - lower + 1e-7).sum().item() == pytest.approx(1 + 2.56e-5, rel=1e-9)
    ours = vae.log_discretised_logistic(x, means(x, 0.0), number(math.log(s)), 256)
    assert (upper - lower + 1e-7)[0].log().item() > ours.flatten()[0].item() + 80


def test_drawn_pixels_follow_the_likelihood(vae):
    """A chi-square test over the levels, 20,000 draws each; p > 0.001."""
    levels = 9
    for mean, s in ((0.05, 0.2), (-0.9, 0.3), (1.3, 0.4)):
        m = torch.full((20_000, 1, 1, 1), mean, dtype=F64)
        drawn = unchecked(vae.draw_discretised_logistic)(m, number(math.log(s)), levels, seeded(2))
        index = ((drawn + 1) / 2 * (levels - 1)).flatten()
        torch.testing.assert_close(index, index.round())
        x = grid(levels)
        p = vae.log_discretised_logistic(x, means(x, mean), number(math.log(s)), levels).exp().flatten()
        seen = torch.bincount(index.round().long(), minlength=levels)
        assert stats.chisquare(seen.numpy(), 20_000 * p.numpy() / p.sum().item()).pvalue > 0.001


def test_the_clipped_mean_is_the_pixels_median(vae):
    """Half of the probability is at or below the level nearest to the clipped mean, and half at or above it."""
    levels = 17
    x = grid(levels)
    for mean in (-3.0, -0.99, -0.3, 0.0, 0.41, 1.0, 2.0):
        p = vae.log_discretised_logistic(x, means(x, mean), number(-1.5), levels).exp().flatten()
        nearest = round((min(max(mean, -1), 1) + 1) / 2 * (levels - 1))
        assert p[: nearest + 1].sum() >= 0.5 - 1e-12
        assert p[nearest:].sum() >= 0.5 - 1e-12


def test_bernoulli_equals_torchs_on_black_and_white(vae):
    x = torch.tensor([-1.0, 1.0, 1.0, -1.0], dtype=F64).reshape(1, 1, 2, 2)
    m = normal(3, 1, 1, 2, 2) * 5
    expected = torch.distributions.Bernoulli(logits=m).log_prob((x + 1) / 2)
    torch.testing.assert_close(vae.log_bernoulli(x, m), expected)


def test_bernoulli_refuses_grey_pixels(vae):
    x, m = torch.tensor([-1.0, 0.25]).reshape(2, 1, 1, 1), torch.zeros(1, 2, 1, 1, 1)
    with pytest.raises(ValueError, match=r"a pixel is 0\.25; expected -1 or 1"):
        vae.log_bernoulli(x, m)
    with pytest.raises(ValueError, match="levels is 17; expected 2, black and white"):
        vae.VAE(vae.VAEConfig(likelihood="bernoulli"), Spec((1, 4, 4), 0, 17))


def test_cross_entropy_of_grey_pixels_is_no_probability():
    """A claim of the page: over 17 grey levels, exp(-BCE) sums to as much as 8.5; over black and white, to 1."""
    for levels, total in ((17, 8.5), (2, 1.0)):
        grey = torch.linspace(0, 1, levels, dtype=F64)
        bce = F.binary_cross_entropy(number(0.5).expand(levels), grey, reduction="none")
        assert (-bce).exp().sum().item() == pytest.approx(total)


# --------------------------------------------------------------------------------------------------- the bounds


def test_bound_at_the_true_posterior_is_the_likelihood(vae):
    model = Linear()
    z = vae.reparameterise(model.mu, model.log_var, model.eps())
    bound = vae.elbo(model.log_px_z(z), model.mu, model.log_var)
    torch.testing.assert_close(bound, model.log_px, rtol=0, atol=1e-10)


def test_bound_is_below_the_likelihood_by_the_kl_to_the_true_posterior(vae):
    """Eq. (1), for posteriors that are off in mean and in variance."""
    model = Linear()
    posterior = torch.distributions.Normal(model.mu, (model.log_var / 2).exp())
    for seed in range(5):
        mu, log_var = codes(5, 2, seed)
        z = vae.reparameterise(mu, log_var, model.eps())
        bound = vae.elbo(model.log_px_z(z), mu, log_var)
        gap = torch.distributions.kl_divergence(torch.distributions.Normal(mu, (log_var / 2).exp()), posterior).sum(
            dim=1
        )
        torch.testing.assert_close(bound + gap, model.log_px, rtol=0, atol=1e-10)
        assert (bound < model.log_px).all()


def test_every_weight_at_the_true_posterior_is_the_likelihood(vae):
    """p(x|z) p(z) / p(z|x) = p(x) for every z whatsoever."""
    model = Linear()
    z = vae.reparameterise(model.mu, model.log_var, 3 * normal(50, 5, 2))
    log_w = vae.log_weights(model.log_px_z(z), z, model.mu, model.log_var)
    torch.testing.assert_close(log_w, model.log_px.expand(50, 5), rtol=0, atol=1e-10)


def test_mean_log_weight_is_the_bound(vae):
    """Eq. (2) equals Eq. (3): the mean of the logarithms over q, taken exactly, is the form with the KL."""
    model, (mu, log_var) = Linear(), codes(5, 2)
    z = vae.reparameterise(mu, log_var, model.eps())
    log_px_z = model.log_px_z(z)
    mean = vae.log_weights(log_px_z, z, mu, log_var).mean(dim=0)
    torch.testing.assert_close(mean, vae.elbo(log_px_z, mu, log_var), rtol=0, atol=1e-10)


def test_iwae_of_one_sample_is_the_log_weight_itself(vae):
    log_w = normal(1, 6) * 100
    torch.testing.assert_close(vae.iwae(log_w), log_w[0])


def test_iwae_is_the_logarithm_of_the_mean_not_the_mean_of_logarithms(vae):
    weights = torch.tensor([[1.0, 2.0], [3.0, 2.0], [8.0, 2.0]], dtype=F64)
    torch.testing.assert_close(vae.iwae(weights.log()), torch.tensor([4.0, 2.0], dtype=F64).log())
    torch.testing.assert_close(vae.iwae(weights.log() - 5000), torch.tensor([4.0, 2.0], dtype=F64).log() - 5000)
    assert vae.iwae(weights.log())[0] > weights.log().mean(dim=0)[0] + 0.3


def test_iwae_grows_with_k_towards_the_likelihood(vae):
    """Theorem 1 of Burda et al. Each step up is more than 4 standard errors; at k = 512 the gap is below 0.01 nats.

    q is half a standard deviation off in mean and has twice the variance, so that the weights are bounded.
    """
    model, runs = Linear(), 20_000
    log_px = model.log_px[0].item()
    mu = (model.mu + 0.5 * (model.log_var / 2).exp())[:1].expand(runs, 2)
    log_var = (model.log_var + math.log(2))[:1].expand(runs, 2)

    def estimate(k: int, runs: int) -> tuple[float, float]:
        z = vae.reparameterise(mu[:runs], log_var[:runs], normal(k, runs, 2, seed=k))
        log_px_z = torch.distributions.Normal(z @ model.W.T + model.c, model.s).log_prob(model.x[0]).sum(dim=-1)
        bounds = vae.iwae(vae.log_weights(log_px_z, z, mu[:runs], log_var[:runs]))
        return bounds.mean().item(), bounds.std().item() / math.sqrt(runs)

    found = [estimate(k, runs) for k in (1, 2, 4, 16)]
    for (low, error), (high, other) in itertools.pairwise(found):
        assert high - low > 4 * math.hypot(error, other)
    assert found[-1][0] < log_px + 4 * found[-1][1]
    assert estimate(512, 500)[0] == pytest.approx(log_px, abs=0.01)
    q = torch.distributions.Normal(mu[0], (log_var[0] / 2).exp())
    true = torch.distributions.Normal(model.mu[0], (model.log_var[0] / 2).exp())
    gap = torch.distributions.kl_divergence(q, true).sum().item()
    assert found[0][0] == pytest.approx(log_px - gap, abs=4 * found[0][1])  # L_1 is the ELBO


def test_iwae_gradient_is_that_of_the_log_weights_weighted_by_the_normalised_weights(vae):
    """Eqs. (13) and (14) of Burda et al."""
    log_w = normal(5, 3).requires_grad_()
    (gradient,) = torch.autograd.grad(vae.iwae(log_w).sum(), log_w)
    torch.testing.assert_close(gradient, log_w.detach().exp() / log_w.detach().exp().sum(dim=0))


def test_elbo_is_reconstruction_minus_beta_times_kl(vae):
    mu, log_var = codes()
    log_px_z = normal(6, 4) - 20
    kl = torch.distributions.kl_divergence(
        torch.distributions.Normal(mu, (log_var / 2).exp()), torch.distributions.Normal(number(0.0), number(1.0))
    ).sum(dim=1)
    torch.testing.assert_close(vae.elbo(log_px_z, mu, log_var), log_px_z.mean(dim=0) - kl)
    torch.testing.assert_close(vae.elbo(log_px_z, mu, log_var, 4.0), log_px_z.mean(dim=0) - 4 * kl)
    torch.testing.assert_close(vae.elbo(log_px_z, mu, log_var, 0.0), log_px_z.mean(dim=0))


def test_a_mean_over_pixels_with_a_small_weight_on_the_kl_is_a_beta_of_three(vae):
    """A claim of the page: mse_loss + 0.00025 KL, on 3x64x64 images, is the bound with beta = 3.07, divided by 12,288.

    The likelihood is Gaussian with variance 1/2, up to its constant: minus the sum of squares.
    """
    shape, weight = (3, 64, 64), 0.00025
    x, again = normal(2, *shape, seed=1), normal(2, *shape, seed=2)
    mu, log_var = codes(2, 5)
    common = F.mse_loss(again, x) + weight * vae.kl_to_prior(mu, log_var).sum(dim=1).mean()
    log_px_z = -(again - x).square().flatten(1).sum(dim=1)[None]
    bound = vae.elbo(log_px_z, mu, log_var, beta=weight * math.prod(shape)).mean()
    torch.testing.assert_close(common, -bound / math.prod(shape))
    assert weight * math.prod(shape) == pytest.approx(3.07, abs=0.01)


def test_bits_per_dimension_of_uniform_pixels_is_the_logarithm_of_their_levels(vae):
    nats = 8 * 8 * math.log(16)  # 64 pixels, each of 16 values with equal probability: 4 bits
    assert vae.bits_per_dim(nats, (1, 8, 8)) == pytest.approx(4)
    assert vae.bits_per_dim(3 * nats, (3, 8, 8)) == pytest.approx(4)


# -------------------------------------------------------------------------------------------------- the networks


def test_both_networks_are_told_the_class(vae):
    data = toy()
    method, x = small(vae, data), batch(data, 4).x
    zeros, ones = torch.zeros(4, dtype=torch.long), torch.ones(4, dtype=torch.long)
    for network, given in ((method.model.encoder, x), (method.model.decoder, normal(4, 2))):
        first, second = network(given, zeros), network(given, ones)
        first, second = (torch.cat(t) if isinstance(t, tuple) else t for t in (first, second))
        assert not torch.isclose(first, second).any()
    labels = torch.tensor([2, 0, 2, 1])  # each image with its own
    torch.testing.assert_close(method.model.encoder(x, labels)[0][3:], method.model.encoder(x[3:], labels[3:])[0])


def test_each_example_gets_the_block_of_its_own_class(vae):
    blocks = torch.arange(24.0).reshape(2, 12)
    assert vae.of_class(blocks, torch.tensor([2, 0]), 3).tolist() == [[8, 9, 10, 11], [12, 13, 14, 15]]
    assert vae.of_class(blocks, torch.tensor([1, 1]), 4).tolist() == [[3, 4, 5], [15, 16, 17]]
    assert vae.of_class(blocks, None, 0) is blocks


def test_encoder_gives_mu_and_log_variance_in_that_order(vae):
    method, b = small(vae), batch(toy(), 3)
    last = method.model.encoder.last
    with torch.no_grad():
        last.weight.zero_()
        last.bias.copy_(torch.arange(12.0))  # three classes, each with two means and two logarithms of variances
    mu, log_var = method.model.encoder(b.x, torch.tensor([0, 2, 1]))
    assert mu.tolist() == [[0, 1], [8, 9], [4, 5]]
    assert log_var.tolist() == [[2, 3], [10, 11], [6, 7]]


def test_every_parameter_receives_a_gradient(vae):
    data = toy()
    for settings in ({}, {"k": 3}, {"conditional": False}, {"beta": 0.5}):
        method = small(vae, data, **settings)
        names, parameters = zip(*method.model.named_parameters(), strict=True)
        assert "log_s" in names
        for name, g in zip(names, torch.autograd.grad(method.loss(batch(data), seeded()), parameters), strict=True):
            assert g.abs().max() > 0, name
    black_white = toy(levels=2)
    assert "log_s" not in dict(small(vae, black_white, likelihood="bernoulli").model.named_parameters())


@pytest.mark.parametrize("settings", [{}, {"k": 3}, {"beta": 4.0}, {"likelihood": "bernoulli"}])
def test_gradient_of_the_loss_equals_finite_differences(vae, settings):
    """Along ten random directions in the space of all weights, in float64, by central differences."""
    data = toy(levels=2 if settings.get("likelihood") else 5)
    method, b = small(vae, data, **settings), batch(data, 6)
    for slope, difference in slopes(lambda: method.loss(b, seeded()), list(method.model.parameters()), tries=10):
        assert difference == pytest.approx(slope, rel=1e-5, abs=1e-6)


# ---------------------------------------------------------------------------------------------- loss and samples


def test_log_likelihood_of_an_image_is_the_sum_over_its_pixels_with_its_own_class_and_code(vae):
    """By a loop over samples, images and pixels, with scipy's logistic function."""
    data = toy(n=3, shape=(2, 3, 4))
    method, b = small(vae, data), batch(data)
    z = normal(2, 3, 2)
    found = method.log_px_z(b.x, z, b.labels)
    s = method.model.log_s.exp().item()
    for k in range(2):
        for i in range(3):
            m, total = method.model.decoder(z[k, i : i + 1], b.labels[i : i + 1])[0].flatten().tolist(), 0.0
            for pixel, mean in zip(b.x[i].flatten().tolist(), m, strict=True):
                upper = special.expit((pixel + 0.25 - mean) / s) if pixel < 1 else 1.0
                lower = special.expit((pixel - 0.25 - mean) / s) if pixel > -1 else 0.0
                total += math.log(upper - lower)
            assert found[k, i].item() == pytest.approx(total, rel=1e-9)


def test_log_likelihood_of_a_black_and_white_image_is_the_sum_over_its_pixels(vae):
    data = toy(n=3, shape=(2, 3, 4), levels=2)
    method, b = small(vae, data, likelihood="bernoulli"), batch(data)
    z = normal(2, 3, 2)
    for k in range(2):
        law = torch.distributions.Bernoulli(logits=method.model.decoder(z[k], b.labels))
        expected = law.log_prob((b.x + 1) / 2).flatten(1).sum(dim=1)
        torch.testing.assert_close(method.log_px_z(b.x, z, b.labels)[k], expected)


@pytest.mark.parametrize("settings", [{}, {"beta": 2.5}, {"k": 4}, {"likelihood": "bernoulli"}])
def test_loss_is_the_mean_over_images_of_the_negative_bound_in_nats(vae, settings):
    """Put together anew with torch.distributions, on the same noise."""
    data = toy(levels=2 if settings.get("likelihood") else 5)
    method, b = small(vae, data, **settings), batch(data, 7)
    k = settings.get("k", 1)
    mu, log_var = method.model.encoder(b.x, b.labels)
    q, p = torch.distributions.Normal(mu, (log_var / 2).exp()), torch.distributions.Normal(number(0.0), number(1.0))
    z = q.loc + q.scale * torch.randn((k, 7, 2), generator=seeded(3), dtype=F64)
    log_px_z = method.log_px_z(b.x, z, b.labels)
    if k > 1:
        log_w = log_px_z + p.log_prob(z).sum(dim=-1) - q.log_prob(z).sum(dim=-1)
        expected = -(log_w.exp().mean(dim=0)).log().mean()
    else:
        kl = torch.distributions.kl_divergence(q, p).sum(dim=1)
        expected = -(log_px_z[0] - settings.get("beta", 1.0) * kl).mean()
    torch.testing.assert_close(method.loss(b, seeded(3)), expected)
    (player,) = method.players()
    assert player.model is method.model
    assert torch.equal(player.loss(b, seeded(3)), method.loss(b, seeded(3)))


def test_an_unconditional_model_does_not_look_at_the_labels(vae):
    data = toy()
    method, b = small(vae, data, conditional=False), batch(data)
    assert method.classes == 0
    assert torch.equal(method.loss(b, seeded()), method.loss(Batch(b.x, b.labels * 0), seeded()))
    method.model.float()
    assert torch.equal(method.sample(4, torch.arange(4) % 3, seeded()), method.sample(4, None, seeded()))


class Recorder(torch.nn.Module):
    """In the decoder's place: keeps the codes that it is asked to decode, and makes grey images with overshoot."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape
        self.z = self.labels = None

    def forward(self, z, labels=None):
        self.z, self.labels = z, labels
        return (z[:, :1] * 2)[:, :, None, None].expand(-1, *self.shape)


def recording(vae, **settings):
    method = small(vae, **settings)
    method.model.float()
    method.model.decoder = Recorder((1, 6, 5))
    return method


def test_samples_are_the_decoders_mean_at_codes_from_the_prior(vae):
    """A Kolmogorov-Smirnov test of 4,000 coordinates, p > 0.001; no noise but z's goes in."""
    method = recording(vae)
    labels = torch.arange(2000) % 3
    x = method.sample(2000, labels, seeded(4))
    z = method.model.decoder.z
    assert torch.equal(method.model.decoder.labels, labels)
    assert stats.kstest(z.flatten().numpy(), "norm").pvalue > 0.001
    assert abs(torch.corrcoef(z.T)[0, 1]) < 4 / math.sqrt(2000)
    assert torch.equal(x, (2 * z[:, :1, None, None]).clamp(-1, 1).expand_as(x))


def test_drawn_samples_are_pixels_of_the_data_and_scatter_by_the_learned_scale(vae):
    mean, drawn = recording(vae), recording(vae, pixels="drawn")
    labels = torch.zeros(2000, dtype=torch.long)
    x, y = mean.sample(2000, labels, seeded(4)), drawn.sample(2000, labels, seeded(4))
    steps = (y + 1) / 2 * 4
    torch.testing.assert_close(steps, steps.round(), rtol=0, atol=1e-5)
    z = drawn.model.decoder.z
    m = (2 * z[:, 0]).reshape(1, 2000, 1, 1, 1)
    at = grid(5).float().flatten()
    chances = [
        vae.log_discretised_logistic(torch.full((2000, 1, 1, 1), v), m, drawn.model.log_s, 5).exp().flatten()
        for v in at.tolist()
    ]
    for power in (1, 2):
        difference = (y**power).flatten(1).mean(dim=1) - torch.stack(chances, dim=1) @ at**power
        assert abs(difference.mean()) < 4 * difference.std() / math.sqrt(2000)
    assert not torch.equal(x, y)


def test_black_and_white_samples_are_probabilities_or_pixels(vae):
    data = toy(levels=2)
    for pixels in ("mean", "drawn"):
        method = small(vae, data, likelihood="bernoulli", pixels=pixels)
        method.model.float()
        method.model.decoder = Recorder((1, 6, 5))
        x = method.sample(3000, torch.zeros(3000, dtype=torch.long), seeded(4))
        white = torch.sigmoid(2 * method.model.decoder.z[:, 0])
        if pixels == "mean":
            torch.testing.assert_close((x[:, 0, 0, 0] + 1) / 2, white)
        else:
            assert set(x.unique().tolist()) == {-1, 1}
            seen = (x.flatten(1).mean(dim=1) + 1) / 2 - white
            for difference in (seen, seen * (white - 0.5)):  # as often white as it should be, and where it should be
                assert abs(difference.mean()) < 4 * difference.std() / math.sqrt(3000)


def test_each_point_of_a_walk_is_a_sample_of_the_prior(vae):
    """cos^2 + sin^2 = 1: over 400 walks, the variance at each point is 1 within 5 standard errors; a line's is 1/2."""
    points = []
    for seed in range(40):
        method = recording(vae, conditional=False)
        rows = method.walk(7, seeded(seed))
        assert rows.shape == (10, 7, 1, 6, 5)
        points.append(method.model.decoder.z.reshape(10, 7, 2))
    z = torch.cat(points).transpose(1, 2).flatten(0, 1)  # 800 walks of one coordinate
    assert ((z.var(dim=0) - 1).abs() < 5 * math.sqrt(2 / len(z))).all()
    correlation = torch.corrcoef(z.T)[0]  # of each point with the first: cos(t)
    t = torch.linspace(0, math.pi / 2, 7)
    assert ((correlation - t.cos()).abs() < 5 / math.sqrt(len(z))).all()


def test_rows_of_a_walk_differ_in_the_class_alone(vae):
    method = recording(vae)
    assert method.walk(4, seeded()).shape == (3, 4, 1, 6, 5)
    z = method.model.decoder.z.reshape(3, 4, 2)
    assert torch.equal(z[0], z[1])
    assert torch.equal(z[0], z[2])
    assert not torch.equal(z[0, 0], z[0, 3])
    assert method.model.decoder.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4


def test_reconstructions_are_of_held_out_images_from_the_posteriors_mean(vae):
    data = toy()
    method = small(vae, data)
    method.model.float()
    pictures = method.pictures(data, seeded())
    assert set(pictures) == {"reconstructions", "walk"}
    top, bottom = pictures["reconstructions"]
    assert torch.equal(top, data.held_out[:10])
    labels = data.held_out_labels[:10]
    mu, _ = method.model.encoder(top, labels)
    assert torch.equal(bottom, method.model.decoder(mu, labels).clamp(-1, 1))


# ------------------------------------------------------------------------------------------------- the numbers


def test_numbers_are_the_bounds_on_held_out_images(vae):
    """Put together anew with torch.distributions, on the same noise: 50 samples of z for each image."""
    data = toy(n=60)
    method = small(vae, data)
    method.model.float()
    samples = method.sample(60, data.held_out_labels, seeded(1))
    numbers = method.evaluate(data, samples, data.held_out_labels, seeded(2))
    assert numbers == method.evaluate(data, samples, data.held_out_labels, seeded(2))
    noise = seeded(2)
    eps = torch.cat([torch.randn((50, b, 2), generator=noise) for b in (50, 10)], dim=1)
    x, y = data.held_out, data.held_out_labels
    with torch.no_grad():
        mu, log_var = method.model.encoder(x, y)
        q, p = torch.distributions.Normal(mu, (log_var / 2).exp()), torch.distributions.Normal(0.0, 1.0)
        z = q.loc + q.scale * eps
        log_px_z = method.log_px_z(x, z, y).double()
    kl = torch.distributions.kl_divergence(q, p)
    log_w = log_px_z + p.log_prob(z).sum(dim=-1) - q.log_prob(z).sum(dim=-1)
    nats = -(log_px_z.mean() - kl.sum(dim=1).mean()).item()
    assert numbers["neg_elbo"] == pytest.approx(nats, rel=1e-5)
    assert numbers["neg_iwae_50"] == pytest.approx(-log_w.exp().mean(dim=0).log().mean().item(), rel=1e-5)
    assert numbers["bits_per_dim"] == pytest.approx(nats / (6 * 5) / math.log(2), rel=1e-5)
    assert numbers["kl"] == pytest.approx(kl.sum(dim=1).mean().item(), rel=1e-4)
    assert numbers["active_units"] == (kl.mean(dim=0) > 0.01).sum()
    assert numbers["neg_iwae_50"] < numbers["neg_elbo"]
    assert numbers["frechet"] > 0


def test_units_are_active_whose_mean_kl_exceeds_a_hundredth_of_a_nat(vae):
    data = toy()
    method = small(vae, data, d_z=4)
    method.model.float()
    last = method.model.encoder.last
    with torch.no_grad():
        last.weight.zero_()  # KLs of 0.02, 0.0085, 0 and 2.2, for each of three classes
        last.bias.copy_(torch.tensor([0.2, 0.13, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0]).repeat(3))
    samples = method.sample(30, data.held_out_labels, seeded())
    numbers = method.evaluate(data, samples, data.held_out_labels, seeded())
    assert numbers["active_units"] == 2
    assert numbers["kl"] == pytest.approx(0.02 + 0.13**2 / 2 + (math.exp(2) - 3) / 2, rel=1e-4)


def test_only_the_first_thousand_held_out_images_are_measured(vae):
    data = toy(n=1010, shape=(1, 2, 2))
    method = small(vae, data)
    method.model.float()
    other = Data("toy", data.train, data.train_labels, data.held_out.clone(), data.held_out_labels, levels=5)
    other.held_out[1000:] = 1
    few = [method.evaluate(d, data.train[:50], data.train_labels[:50], seeded())["neg_elbo"] for d in (data, other)]
    assert few[0] == few[1]
    other.held_out[999] = -other.held_out[999]
    assert method.evaluate(other, data.train[:50], data.train_labels[:50], seeded())["neg_elbo"] != few[0]


# ------------------------------------------------------------------------------------------------ sizes and seeds


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 7, 5), (1, 9, 8), (1, 1, 1), (2, 2, 3)])
@pytest.mark.parametrize("b", [1, 3])
def test_batch_of_one_and_odd_sizes(vae, shape, b):
    data = toy(n=4, shape=shape)
    method = small(vae, data)
    method.model.float()
    assert method.loss(Batch(data.train[:b], data.train_labels[:b]), seeded()).shape == ()
    assert method.sample(b, data.train_labels[:b], seeded()).shape == (b, *shape)


def test_same_seed_same_bits_other_seed_other_bits(vae):
    data = toy()
    for settings in ({}, {"k": 2}, {"pixels": "drawn"}):
        method, b, losses, samples = small(vae, data, **settings), batch(data), [], []
        method.model.float()  # once to and fro rounds the weights
        for i, seed in enumerate((1, 1, 2)):
            torch.manual_seed(i)  # the global generator is not asked
            method.model.double()
            losses.append(method.loss(b, seeded(seed)).item())
            method.model.float()
            samples.append(method.sample(3, b.labels[:3], seeded(seed)))
        assert losses[0] == losses[1] != losses[2]
        assert torch.equal(samples[0], samples[1])
        assert not torch.equal(samples[0], samples[2])


def test_noise_is_fresh_for_each_sample_image_and_coordinate(vae):
    data = toy()
    method, b = small(vae, data), batch(data, 5)
    with torch.no_grad():
        _, z, mu, log_var = method.infer(b.x, b.labels, 300, seeded())
    eps = (z - mu) / (log_var / 2).exp()
    assert len(eps.flatten().unique()) == 300 * 5 * 2
    assert stats.kstest(eps.flatten().numpy(), "norm").pvalue > 0.001


# ------------------------------------------------------------------------------------------------- messages


def test_bad_values_name_field_value_and_what_is_expected(vae):
    for kwargs, parts in [
        ({"d_z": 0}, ["d_z is 0", ">= 1"]),
        ({"k": 0}, ["k is 0", ">= 1"]),
        ({"beta": -1.0}, ["beta is -1.0", ">= 0"]),
        ({"beta": math.inf}, ["beta is inf"]),
        ({"beta": 2.0, "k": 5}, ["beta is 2.0", "k > 1"]),
        ({"likelihood": "gaussian"}, ["likelihood is 'gaussian'", '"logistic" or "bernoulli"']),
        ({"pixels": "median"}, ["pixels is 'median'", '"mean" or "drawn"']),
        ({"width": 0}, ["width is 0"]),
        ({"hidden": 0}, ["hidden is 0"]),
    ]:
        with pytest.raises((ValueError, TypeCheckError)) as caught:
            vae.VAEConfig(**kwargs)
        if isinstance(caught.value, TypeCheckError) and {"likelihood", "pixels"} & set(kwargs):
            continue  # beartype saw the bad word first
        assert all(part in str(caught.value) for part in parts), caught.value


def test_bad_data_and_labels_name_what_is_expected(vae):
    with pytest.raises(ValueError, match=r"shape is \(2,\); expected channels, height and width"):
        vae.VAE(vae.VAEConfig(), Spec((2,), 0, 17))
    with pytest.raises(ValueError, match="levels is 0; expected images of at least two levels"):
        vae.VAE(vae.VAEConfig(), Spec((1, 4, 4), 0, 0))
    for labels in (None, torch.tensor([0, 3]), torch.tensor([-1, 0])):
        with pytest.raises(ValueError, match=r"expected one class in 0\.\.2 for each of 2 examples"):
            vae.of_class(torch.zeros(2, 6), labels, 3)
