"""Proofs of gan.py. Each holds the code against something worked out another way; the mutation run breaks the code
line by line and asks that one of these fails.

Statistical bounds are stated as numbers of standard errors; seeds are fixed, so a test that passes once passes always.
"""

import inspect
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError
from scipy import integrate, stats
from scipy.spatial.distance import jensenshannon
from torch.nn import functional as F

from reference_impl import engine
from reference_impl.data import Data, Spec
from reference_impl.engine import Batch
from tests.reference_impl.weights import slopes

F64 = torch.float64
LOG_4 = math.log(4)
LOSSES = ["non_saturating", "minimax"]
P, Q = stats.norm(-0.6, 0.8), stats.norm(0.7, 1.3)
"""Two laws on the line whose log-ratio, the best discriminator's logit, is a polynomial of degree two."""


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = F64) -> torch.Tensor:
    return torch.randn(*shape, generator=seeded(seed), dtype=dtype)


def places(law, n: int = 20_000) -> torch.Tensor:
    """The law as n points of equal weight, in the middle of n slices of equal probability: a mean is a quadrature."""
    return torch.from_numpy(law.ppf((np.arange(n) + 0.5) / n))


def discrete(n: int, seed: int) -> torch.Tensor:
    """A law on n cells, some of them impossible."""
    p = torch.from_numpy(np.random.default_rng(seed).dirichlet(np.full(n, 0.7)))
    p[seed % n] = 0
    return p / p.sum()


def divergence(p, q) -> float:
    """JSD by adaptive quadrature, from the densities."""

    def f(x: float) -> float:
        a, b = p.pdf(x), q.pdf(x)
        return (a * math.log(2 * a / (a + b)) + b * math.log(2 * b / (a + b))) / 2

    return integrate.quad(f, -8, 9, limit=200)[0]


SMALL = {"d_z": 3, "g_width": 8, "d_width": 8, "g_depth": 2, "d_depth": 2}


def small(gan, shape=(1, 3, 4), classes=0, **settings):
    """A game of small networks, with weights away from where they start."""
    torch.manual_seed(0)
    method = gan.GAN(gan.GANConfig(**{**SMALL, **settings}), Spec(shape, classes, 0))
    with torch.no_grad():
        for p in method.model.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return method


def batch_of(n: int, shape=(1, 3, 4), classes: int = 1, dtype: torch.dtype = torch.float32) -> Batch:
    return Batch(normal(n, *shape, seed=5, dtype=dtype), torch.arange(n) % classes)


class Spy(torch.nn.Module):
    """Stands in for a network: notes what it was given, and returns what it is told to."""

    def __init__(self, answer) -> None:
        super().__init__()
        self.answer, self.calls = answer, []

    def forward(self, *args):
        self.calls.append(args)
        return self.answer(*args)


# -------------------------------------------------------------------------------------------- the value, on logits


def test_value_is_eq_1_written_out(gan):
    """By numpy in float64 from D itself, with different numbers of real and generated examples."""
    real, fake = 3 * normal(7), 3 * normal(11, seed=1)
    D = lambda logit: 1 / (1 + np.exp(-logit.numpy()))  # noqa: E731
    by_hand = np.log(D(real)).mean() + np.log(1 - D(fake)).mean()
    assert gan.value(real, fake).item() == pytest.approx(by_hand, rel=1e-12)


def test_d_loss_is_torchs_cross_entropy_of_real_and_generated(gan):
    real, fake = 3 * normal(7), 3 * normal(11, seed=1)
    one, zero = torch.ones(7, dtype=F64), torch.zeros(11, dtype=F64)
    expected = F.binary_cross_entropy_with_logits(real, one) + F.binary_cross_entropy_with_logits(fake, zero)
    torch.testing.assert_close(gan.d_loss(real, fake), expected)


def test_generator_losses_are_the_papers_two(gan):
    fake = 3 * normal(9)
    D = fake.sigmoid()
    torch.testing.assert_close(gan.g_loss_minimax(fake), (1 - D).log().mean())
    torch.testing.assert_close(gan.g_loss_non_saturating(fake), -D.log().mean())


def test_a_perfect_discriminator_has_value_0_and_a_fooled_one_has_none_to_speak_of(gan):
    sure = torch.full((5,), 60.0)
    assert gan.value(sure, -sure).item() == pytest.approx(0, abs=1e-6)
    assert gan.value(-sure, sure).item() == pytest.approx(-120, rel=1e-6)


# ------------------------------------------------------------------------------------------ what the game is about


def test_optimal_discriminator_is_p_over_p_plus_q_and_maximises_at_each_place(gan):
    """Proposition 1: y -> a log y + b log(1 - y) is highest at a / (a + b), by search over 100,000 y."""
    p, q = np.random.default_rng(0).uniform(0.1, 5, (2, 20))
    y = (np.arange(100_000) + 0.5) / 100_000
    best = np.array([y[np.argmax(a * np.log(y) + b * np.log(1 - y))] for a, b in zip(p, q, strict=True)])
    D = gan.optimal_discriminator(torch.from_numpy(p), torch.from_numpy(q))
    np.testing.assert_allclose(D, best, atol=1e-5)


@pytest.mark.parametrize("same", [False, True])
def test_training_reaches_the_optimal_discriminator(gan, same):
    """D's logit a + b x + c x^2 contains the truth; trained on d_loss it finds p / (p + q) within 1e-3 everywhere.

    If p_g = p_data, that is 1/2."""
    q = P if same else Q
    weights = torch.zeros(3, dtype=F64, requires_grad=True)
    logit = lambda x: weights[0] + weights[1] * x + weights[2] * x**2  # noqa: E731
    with torch.no_grad():
        weights.add_(normal(3))
    real, fake = places(P), places(q)  # 20,000 points: the tails count
    optimiser = torch.optim.LBFGS([weights], max_iter=200, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def closure():
        optimiser.zero_grad()
        loss = gan.d_loss(logit(real), logit(fake))
        loss.backward()
        return loss

    optimiser.step(closure)
    x = torch.linspace(-3, 3, 101, dtype=F64)
    truth = P.pdf(x) / (P.pdf(x) + q.pdf(x))
    np.testing.assert_allclose(logit(x).sigmoid().detach(), truth, atol=1e-3)
    np.testing.assert_allclose(gan.optimal_discriminator(torch.from_numpy(P.pdf(x)), torch.from_numpy(q.pdf(x))), truth)
    expected = -LOG_4 if same else -LOG_4 + 2 * divergence(P, Q)
    assert gan.value(logit(real), logit(fake)).item() == pytest.approx(expected, abs=1e-3)


def test_a_network_trained_as_D_comes_close_to_the_optimal_discriminator(gan, mlp):
    """A network that does not contain the truth, by 400 steps of Adam: within 0.05 where 98 % of the data lie."""
    torch.manual_seed(0)
    D = mlp.Discriminator((1,), width=32, depth=2)
    real, fake = (places(law, 500).float()[:, None] for law in (P, Q))
    optimiser = torch.optim.Adam(D.parameters(), lr=1e-2)
    for _ in range(400):
        optimiser.zero_grad()
        gan.d_loss(D(real), D(fake)).backward()
        optimiser.step()
    x = np.linspace(P.ppf(0.01), P.ppf(0.99), 101)
    guess = D(torch.from_numpy(x).float()[:, None]).sigmoid().detach()
    np.testing.assert_allclose(guess, P.pdf(x) / (P.pdf(x) + Q.pdf(x)), atol=0.05)


def test_criterion_is_the_value_of_the_best_discriminator(gan):
    """Eqs. (3) and (4): cell by cell, the largest of p log y + q log(1 - y) over 100,000 y."""
    y = torch.from_numpy((np.arange(100_000) + 0.5) / 100_000)
    for seed in range(3):
        p, q = discrete(6, seed), discrete(6, seed + 1)
        by_search = sum((a * y.log() + b * (1 - y).log()).max().item() for a, b in zip(p, q, strict=True))
        assert gan.criterion(p, q).item() == pytest.approx(by_search, abs=1e-4)


def test_criterion_is_minus_log_4_plus_twice_the_jsd(gan):
    """Theorem 1, Eq. (6), for random discrete laws, with SciPy's divergence."""
    for seed in range(5):
        p, q = discrete(8, seed), discrete(8, seed + 3)
        expected = -LOG_4 + 2 * jensenshannon(p.numpy(), q.numpy()) ** 2
        assert gan.criterion(p, q).item() == pytest.approx(expected, rel=1e-12)
        assert gan.jsd(p, q).item() == pytest.approx((expected + LOG_4) / 2, rel=1e-11)


def test_criterion_of_gaussians_is_minus_log_4_plus_twice_the_jsd_by_quadrature(gan):
    """Two Gaussians cut into 20,000 cells, against an adaptive quadrature of the densities."""
    edges = np.linspace(-8, 9, 20_001)
    p, q = (torch.from_numpy(np.diff(law.cdf(edges))) for law in (P, Q))
    assert gan.criterion(p, q).item() == pytest.approx(-LOG_4 + 2 * divergence(P, Q), abs=1e-6)


def test_criterion_is_lowest_where_the_laws_agree_and_0_where_they_never_meet(gan):
    """Theorem 1: -log 4 at p_g = p_data, and nothing below."""
    p, q = discrete(6, 1), discrete(6, 2)
    r = torch.full((6,), 1 / 6, dtype=F64)
    assert gan.criterion(r, r).item() == pytest.approx(-LOG_4, rel=1e-12)
    assert gan.criterion(p, q).item() > -LOG_4
    apart = torch.tensor([[0.3, 0.7, 0, 0], [0, 0, 0.6, 0.4]], dtype=F64)
    assert gan.criterion(*apart).item() == pytest.approx(0, abs=1e-12)
    assert gan.jsd(*apart).item() == pytest.approx(math.log(2), rel=1e-12)


def test_kl_is_scipys(gan):
    p, q = discrete(8, 1), discrete(8, 2) + 0.1
    q = q / q.sum()
    assert gan.kl(p, q).item() == pytest.approx(stats.entropy(p.numpy(), q.numpy()), rel=1e-12)
    assert gan.kl(p, p).item() == 0
    assert gan.kl(q, p).item() == math.inf  # p has an empty cell where q has none


def test_value_at_the_optimal_discriminator_is_the_criterion_by_monte_carlo(gan):
    """Eq. (1) estimates Eq. (4): 200,000 draws from each law, within 5 standard errors."""
    n, random = 200_000, np.random.default_rng(0)
    x, y = P.rvs(n, random_state=random), Q.rvs(n, random_state=random)
    real, fake = (torch.from_numpy(P.logpdf(at) - Q.logpdf(at)) for at in (x, y))
    spread = math.sqrt((F.logsigmoid(real).var() + F.logsigmoid(-fake).var()).item() / n)
    assert abs(gan.value(real, fake).item() - (-LOG_4 + 2 * divergence(P, Q))) < 5 * spread


def test_jsd_bound_is_reached_by_the_best_discriminator_and_by_no_other_exceeded(gan):
    """Laws in hundredths, so that a hundred examples are the law itself; 200 other discriminators."""
    counts = torch.tensor([[10, 25, 40, 25], [30, 30, 20, 20]])
    p, q = counts.double() / 100
    divergence = jensenshannon(p.numpy(), q.numpy()) ** 2
    cells = torch.arange(4)
    best = (p / q).log()
    bound = lambda logit: gan.jsd_bound(*(logit[cells.repeat_interleave(c)] for c in counts)).item()  # noqa: E731
    assert bound(best) == pytest.approx(divergence, rel=1e-12)
    assert all(bound(best + normal(4, seed=seed)) < divergence for seed in range(200))


# -------------------------------------------------------------------------------------- the gradients of both players


def test_gradients_of_the_generators_losses_are_those_of_theory(gan):
    """d/dl log(1 - sigma(l)) = -D and d/dl (-log sigma(l)) = -(1 - D), from logit -80 to 80, where sigma is 0 or 1 in
    float32. So the non-saturating gradient is (1 - D) / D times the other: strong where D is sure of a fake."""
    logits = torch.linspace(-80, 80, 161, requires_grad=True)
    minimax, other = (
        torch.autograd.grad(loss(logits), logits)[0] * len(logits)
        for loss in (gan.g_loss_minimax, gan.g_loss_non_saturating)
    )
    l64 = np.linspace(-80, 80, 161)
    np.testing.assert_allclose(minimax, -1 / (1 + np.exp(-l64)), rtol=1e-5)
    np.testing.assert_allclose(other, -1 / (1 + np.exp(l64)), rtol=1e-5)
    middle = np.abs(l64) <= 15
    np.testing.assert_allclose((other / minimax)[middle], np.exp(-l64[middle]), rtol=1e-4)


def test_discriminators_gradient_pulls_real_up_and_generated_down(gan):
    real, fake = normal(4).requires_grad_(), normal(6, seed=1).requires_grad_()
    up, down = torch.autograd.grad(gan.d_loss(real, fake), [real, fake])
    torch.testing.assert_close(up, -(1 - real.detach().sigmoid()) / 4)
    torch.testing.assert_close(down, fake.detach().sigmoid() / 6)


def at_equilibrium(gan, loss: str):
    """D says 1/2 of everything, and the data are just what G makes of the next noise."""
    method = small(gan, loss=loss, dropout=0.0)
    method.model.double()
    with torch.no_grad():
        for p in method.D.layers[-1].parameters():
            p.zero_()
        data = method.generate(40, None, seeded(1))
    return method, Batch(data, torch.zeros(40).long())


@pytest.mark.parametrize("loss", LOSSES)
def test_at_p_equal_q_and_D_one_half_neither_player_has_a_gradient(gan, loss):
    """The Nash equilibrium. The control: with other data, D has one; with another D, so has G."""
    method, batch = at_equilibrium(gan, loss)
    d, g = method.players()
    slope = lambda player, batch: max(  # noqa: E731
        part.abs().max().item()
        for part in torch.autograd.grad(player.loss(batch, seeded(1)), list(player.model.parameters()))
    )
    assert slope(d, batch) < 1e-15
    assert slope(g, batch) == 0
    assert slope(d, batch._replace(x=batch.x + 0.3)) > 1e-3
    with torch.no_grad():
        method.D.layers[-1].weight.fill_(0.5)
    assert slope(g, batch) > 1e-4


@pytest.mark.parametrize("loss", LOSSES)
def test_gradient_of_each_players_loss_equals_finite_differences(gan, loss):
    """In float64, along three random directions through all of the player's weights."""
    method = small(gan, classes=3, loss=loss)
    method.model.double()
    batch = batch_of(5, classes=3, dtype=F64)
    for player in method.players():
        loss_now = lambda player=player: player.loss(batch, seeded(5))  # noqa: E731
        for slope, difference in slopes(loss_now, list(player.model.parameters()), h=1e-6):
            assert slope == pytest.approx(difference, rel=1e-5, abs=1e-9)


# ------------------------------------------------------------------------------------------------- Algorithm 1


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("loss", LOSSES)
def test_every_parameter_receives_a_gradient(gan, loss, classes):
    method = small(gan, classes=classes, loss=loss)
    seen = []
    for player in method.players():
        weights = list(player.model.parameters())
        gradients = torch.autograd.grad(player.loss(batch_of(32, classes=max(1, classes)), seeded()), weights)
        assert all(part.abs().max() > 0 for part in gradients)
        seen += weights
    assert {id(p) for p in seen} == {id(p) for p in method.model.parameters()}


@pytest.mark.parametrize("mover", [0, 1])
def test_a_players_move_leaves_the_other_untouched_bit_for_bit(gan, mover):
    method = small(gan)
    mine, other = (method.players()[i].model for i in (mover, 1 - mover))
    before = [[p.clone() for p in net.parameters()] for net in (mine, other)]
    optimiser = torch.optim.Adam(mine.parameters(), lr=0.01)
    engine.move(method.players()[mover], optimiser, batch_of(6), seeded(), grad_clip=0.0)
    assert all(torch.equal(a, b) for a, b in zip(before[1], other.parameters(), strict=True))
    assert all(p.grad is None for p in other.parameters())
    assert not any(torch.equal(a, b) for a, b in zip(before[0], mine.parameters(), strict=True))


def test_no_gradient_of_the_discriminators_loss_enters_the_generator(gan):
    """A plain `backward`, as people write it. Without the detach it would teach G to be found out: its gradient in the
    minimax game's sign is exactly that of the loss it should lower, turned round."""
    method = small(gan, dropout=0.0)
    batch = batch_of(6)
    method.discriminator_loss(batch, seeded()).backward()
    assert all(p.grad is None for p in method.G.parameters())
    assert all(p.grad is not None for p in method.D.parameters())
    fake = method.generate(6, None, seeded())
    weights = list(method.G.parameters())
    undetached = torch.autograd.grad(gan.d_loss(method.D(batch.x), method.D(fake)), weights, retain_graph=True)
    minimax = torch.autograd.grad(gan.g_loss_minimax(method.D(fake)), weights)
    for wrong, right in zip(undetached, minimax, strict=True):
        torch.testing.assert_close(wrong, -right)


def test_discriminator_sees_the_data_as_real_and_what_is_generated_as_not(gan):
    """D that knows: far above 0 for data (all 9), far below for what G makes (all within 1). Turned round, it is
    wrong 2 x 40 times over."""
    method = small(gan)
    batch = Batch(torch.full((6, 1, 3, 4), 9.0), torch.zeros(6).long())
    for sign, loss in ((1, 0), (-1, 80)):
        method.D = Spy(lambda x, *_, sign=sign: sign * torch.where(x.flatten(1).mean(dim=1) > 5, 40.0, -40.0))
        assert method.discriminator_loss(batch, seeded()).item() == pytest.approx(loss, abs=1e-6)


@pytest.mark.parametrize(("loss", "expected"), [("non_saturating", math.log1p(math.exp(2))), ("minimax", None)])
def test_generator_lowers_the_loss_it_was_told_to(gan, loss, expected):
    """D's logit is -2 of everything: -log sigma(-2) = log(1 + e^2), and log(1 - sigma(-2)) = -log(1 + e^-2)."""
    method = small(gan, loss=loss)
    method.D = Spy(lambda x, *_: torch.full((len(x),), -2.0))
    expected = expected or -math.log1p(math.exp(-2))
    assert method.generator_loss(batch_of(6), seeded()).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("k", [1, 3])
def test_discriminator_moves_k_times_for_one_move_of_the_generator(gan, k):
    d, g = small(gan, k=k).players()
    assert all(d.plays(step) for step in range(1, 13))
    assert [step for step in range(1, 13) if g.plays(step)] == list(range(k, 13, k))
    assert (d.name, g.name) == ("discriminator", "generator")


def test_both_networks_see_the_classes_of_the_batch(gan):
    """In order, for real and generated alike: a class of another example would teach D nothing."""
    method = small(gan, classes=3)
    G, D = method.G, method.D
    method.G, method.D = Spy(G), Spy(D)
    method.G.layers = G.layers
    batch = Batch(normal(5, 1, 3, 4, dtype=torch.float32), torch.tensor([2, 0, 1, 1, 2]))
    method.discriminator_loss(batch, seeded())
    method.generator_loss(batch, seeded())
    assert all(torch.equal(call[1], batch.labels) for call in method.G.calls + method.D.calls)
    assert (len(method.G.calls), len(method.D.calls)) == (2, 3)
    assert torch.equal(method.D.calls[0][0], batch.x)


def test_unconditional_networks_see_no_class(gan):
    for method in (small(gan, classes=3, conditional=False), small(gan, classes=0)):
        assert method.classes == 0
        layers = method.G.layers
        method.G, method.D = Spy(method.G), Spy(method.D)
        method.G.layers = layers
        method.discriminator_loss(batch_of(4, classes=3), seeded())
        method.generator_loss(batch_of(4, classes=3), seeded())
        method.sample(4, torch.arange(4) % 3, seeded())
        assert all(call[1] is None for call in method.G.calls + method.D.calls)


def test_noise_is_standard_normal_and_fresh_in_every_loss(gan):
    """Kolmogorov-Smirnov at level 1e-6 over 80,000 numbers, no two of them alike."""
    method = small(gan, d_z=20)
    layers, G = method.G.layers, method.G
    method.G = Spy(G)
    method.G.layers = layers
    g, batch = seeded(), batch_of(2000)
    method.discriminator_loss(batch, g)
    method.generator_loss(batch, g)
    z = torch.cat([call[0] for call in method.G.calls])
    assert z.shape == (4000, 20)
    assert stats.kstest(z.flatten().numpy(), "norm").pvalue > 1e-6
    assert len(z[:, 0].unique()) > 3990  # float32: a few of the values repeat by chance


def test_both_losses_drop_units_of_D_and_judging_does_not(gan):
    """As in the authors' code. With the same noise, dropping makes the losses differ; in `eval` nothing is dropped."""
    method = small(gan, dropout=0.5)
    plain = small(gan, dropout=0.0)
    for with_drop, without in zip(method.players(), plain.players(), strict=True):
        a, b = with_drop.loss(batch_of(6), seeded()), without.loss(batch_of(6), seeded())
        assert not torch.isclose(a, b, rtol=1e-4)
    method.model.eval(), plain.model.eval()
    for with_drop, without in zip(method.players(), plain.players(), strict=True):
        assert torch.equal(with_drop.loss(batch_of(6), seeded()), without.loss(batch_of(6), seeded()))


# ----------------------------------------------------------------------------------------- sampling and judging


def test_samples_are_G_of_the_noise_and_the_classes_asked_for(gan):
    method = small(gan, classes=3)
    labels = torch.tensor([2, 2, 0, 1])
    x = method.sample(4, labels, seeded(3))
    torch.testing.assert_close(x, method.G(torch.randn(4, 3, generator=seeded(3)), labels).detach())
    assert not x.requires_grad
    assert not torch.allclose(x, method.sample(4, torch.tensor([1, 1, 1, 0]), seeded(3)))


def test_samples_without_classes_asked_for_are_of_classes_drawn_evenly(gan):
    """Chi-square over 3 classes and 3,000 draws, at level 1e-6."""
    method = small(gan, classes=3)
    layers = method.G.layers
    method.G = Spy(method.G)
    method.G.layers = layers
    method.sample(3000, None, seeded())
    count = torch.bincount(method.G.calls[0][1], minlength=3)
    assert ((count - 1000) ** 2 / 1000).sum().item() < stats.chi2.isf(1e-6, df=2)


@pytest.mark.parametrize("classes", [0, 3])
def test_the_walk_shown_goes_straight_from_one_noise_to_another(gan, classes):
    """Figure 3 of the paper: G at evenly spaced points of a line; each class has a row of its own."""
    method = small(gan, classes=classes)
    G = method.G
    method.G = Spy(G)
    x = normal(4, 1, 3, 4, dtype=torch.float32)
    data = Data("toy", x, torch.arange(4) % 3, x, torch.arange(4) % 3)
    walk = method.pictures(data, seeded())["walk"]
    ((z, labels),) = method.G.calls
    rows = classes or 6
    assert walk.shape == (rows, 10, 1, 3, 4)
    torch.testing.assert_close(walk.flatten(0, 1), G(z, labels).detach())
    z = z.unflatten(0, (rows, 10))
    steps = z.diff(dim=1)
    torch.testing.assert_close(steps, (z[:, -1:] - z[:, :1]).expand_as(steps) / 9, atol=1e-5, rtol=1e-5)
    assert steps.abs().amin(dim=(1, 2)).max() > 1e-3
    ends = torch.cat([z[:, 0], z[:, -1]])
    assert len(ends.unique(dim=0)) == 2 * rows
    if classes:
        assert labels.tolist() == [row for row in range(3) for _ in range(10)]


def test_points_have_no_walk(gan):
    method = small(gan, shape=(2,))
    x = normal(4, 2, dtype=torch.float32)
    assert method.pictures(Data("toy", x, torch.zeros(4).long(), x, torch.zeros(4).long()), seeded()) == {}


@pytest.mark.parametrize("classes", [0, 2])
def test_evaluate_bounds_the_divergence_on_held_out_data_with_their_own_classes(gan, classes):
    method = small(gan, classes=classes)
    method.model.eval()
    x = normal(30, 1, 3, 4, dtype=torch.float32)
    labels = torch.arange(30) % 2
    data = Data("toy", x[:18], labels[:18], x[18:], labels[18:])
    asked = torch.tensor([1, 1, 0, 1, 0, 0, 1, 1])
    numbers = method.evaluate(data, x[:8], asked, seeded())
    real, fake = (x[18:], labels[18:]), (x[:8], asked)
    if not classes:
        real, fake = real[:1], fake[:1]
    assert numbers["jsd_bound"] == pytest.approx(gan.jsd_bound(method.D(*real), method.D(*fake)).item(), rel=1e-6)
    assert {"frechet", "nearest"} <= set(numbers)


# -------------------------------------------------------------------------------------------- sizes, seeds, messages


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 7, 5), (2,), (1, 1, 1)])
@pytest.mark.parametrize("n", [1, 5])
def test_batch_of_one_and_odd_sizes(gan, shape, n):
    method = gan.build(gan.GANConfig(**SMALL), Spec(shape, 2, 0), "cpu")
    for player in method.players():
        assert player.loss(batch_of(n, shape, classes=2), seeded()).shape == ()
    x = method.sample(n, torch.zeros(n).long(), seeded())
    assert x.shape == (n, *shape)
    assert method.D(x, torch.zeros(n).long()).shape == (n,)
    assert len(shape) != 3 or x.abs().max() < 1


def test_same_seed_same_bits_other_seed_other_bits(gan):
    method = small(gan, classes=3)
    d, g = method.players()
    batch = batch_of(5, classes=3)
    for draw in (lambda s: d.loss(batch, s), lambda s: g.loss(batch, s), lambda s: method.sample(5, None, s)):
        assert torch.equal(draw(seeded(1)), draw(seeded(1)))
        assert not torch.equal(draw(seeded(1)), draw(seeded(2)))


def test_randomness_comes_from_the_generator_alone(gan):
    method, outcomes = small(gan, classes=3), []
    x = normal(4, 1, 3, 4, dtype=torch.float32)
    data = Data("toy", x, torch.arange(4) % 3, x, torch.arange(4) % 3)
    for seed in (1, 2):
        torch.manual_seed(seed)
        losses = [player.loss(batch_of(5, classes=3), seeded()).item() for player in method.players()]
        walk = method.pictures(data, seeded())["walk"].sum().item()
        outcomes.append([*losses, walk, method.sample(4, None, seeded()).sum().item()])
    assert outcomes[0] == outcomes[1]


def test_first_weights_and_sizes_are_those_of_the_settings(gan):
    config = gan.GANConfig(d_z=5, g_width=7, g_depth=1, d_width=9, d_depth=3, dropout=0.25)
    method = gan.build(config, Spec((1, 2, 2), 4, 0), "cpu")
    sizes = lambda net: [tuple(p.shape) for p in net.parameters() if p.ndim == 2]  # noqa: E731
    assert sizes(method.G) == [(7, 9), (4, 7)]
    assert sizes(method.D) == [(9, 8), (9, 9), (9, 9), (1, 9)]
    assert set(method.model) == {"generator", "discriminator"}
    assert method.D.dropout == 0.25
    assert method.classes == 4


def test_bad_settings_name_field_value_and_what_is_expected(gan):
    config = inspect.unwrap(gan.GANConfig)
    for kwargs, parts in [
        ({"loss": "hinge"}, ["loss is 'hinge'", '"non_saturating" or "minimax"']),
        ({"k": 0}, ["k is 0", ">= 1"]),
        ({"d_z": 0}, ["d_z is 0", ">= 1"]),
        ({"g_width": 0}, ["g_width is 0", ">= 1"]),
        ({"g_depth": 0}, ["g_depth is 0", ">= 1"]),
        ({"d_width": -1}, ["d_width is -1", ">= 1"]),
        ({"d_depth": 0}, ["d_depth is 0", ">= 1"]),
        ({"dropout": 1.0}, ["dropout is 1.0", "share in [0, 1)"]),
        ({"dropout": -0.1}, ["dropout is -0.1", "share in [0, 1)"]),
    ]:
        with pytest.raises((ValueError, TypeCheckError)) as caught:
            config(**kwargs)
        if "loss" in kwargs and not isinstance(caught.value, ValueError):
            continue  # beartype saw the bad word first
        assert isinstance(caught.value, ValueError), caught.value
        assert all(part in str(caught.value) for part in parts), caught.value


def test_every_preset_is_within_the_engines_bounds(gan):
    for preset in gan.PRESETS.values():
        assert set(preset.settings()) > {"loss", "k", "steps"}
        assert preset.train.betas == (0.5, 0.999)
        assert replace(preset.config) == preset.config


# ------------------------------------------------------------------------------------------------ common mistakes


@pytest.mark.parametrize("logit", [20.0, 120.0])
def test_the_logarithm_of_a_saturated_sigmoid_loses_loss_and_gradient(gan, logit):
    """D takes a fake for real with logit 20: sigma is 1 in float32. The loss is then infinite, or, with torch's own
    BCELoss, 100; and no gradient is left to mend D. On logits the loss is 20 and the gradient 1."""
    sure = torch.tensor([logit], requires_grad=True)
    assert sure.sigmoid().item() == 1
    naive = -(1 - sure.sigmoid()).log().mean()
    assert naive.item() == math.inf
    assert not (torch.autograd.grad(naive, sure)[0].abs() > 0).any()  # 0 or NaN
    clamped = F.binary_cross_entropy(sure.sigmoid(), torch.zeros(1))
    assert clamped.item() == 100
    assert torch.autograd.grad(clamped, sure)[0].item() == 0
    ours = gan.d_loss(torch.tensor([90.0]), sure)
    assert ours.item() == pytest.approx(logit)
    assert torch.autograd.grad(ours, sure)[0].item() == 1


def test_minus_log_D_is_not_log_one_minus_D_with_another_name(gan):
    """Where D is sure of a fake (D = 0.001) one gradient is 999 times the other; at D = 1/2 they agree; the order in
    which examples count is reversed."""
    l = torch.tensor([math.log(0.001 / 0.999), 0.0, math.log(0.999 / 0.001)], dtype=F64, requires_grad=True)  # noqa: E741
    minimax, other = (
        torch.autograd.grad(loss(l), l)[0].abs() for loss in (gan.g_loss_minimax, gan.g_loss_non_saturating)
    )
    assert (other / minimax).tolist() == pytest.approx([999, 1, 1 / 999])
    assert minimax.argsort().tolist() == other.argsort(descending=True).tolist() == [0, 1, 2]


def test_smoothed_labels_move_the_optimum_of_both_players(gan):
    """Labels 0.9 and 0.1: the best D is no longer p / (p + q). And a generator's label of 0.9 pushes it away from what
    D takes for real with more than 0.9, where the true loss never turns."""
    p, q = torch.tensor([0.7], dtype=F64), torch.tensor([0.2], dtype=F64)
    y = torch.linspace(0.001, 0.999, 999, dtype=F64)
    smoothed = p * (0.9 * y.log() + 0.1 * (1 - y).log()) + q * (0.1 * y.log() + 0.9 * (1 - y).log())
    assert y[smoothed.argmax()].item() == pytest.approx((0.9 * 0.7 + 0.1 * 0.2) / 0.9, abs=1e-3)
    assert abs(y[smoothed.argmax()] - gan.optimal_discriminator(p, q)).item() > 0.05
    logit = torch.tensor([3.0], requires_grad=True)  # D = 0.953
    target = torch.autograd.grad(F.binary_cross_entropy_with_logits(logit, torch.tensor([0.9])), logit)[0]
    true = torch.autograd.grad(gan.g_loss_non_saturating(logit), logit)[0]
    assert target.item() > 0 > true.item()
