"""Proofs of mlp.py, the fully connected players that several GANs share."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

NETWORKS = ["Generator", "Discriminator"]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def weights(net) -> list[tuple[torch.Tensor, torch.Tensor]]:
    flat = list(net.parameters())
    return list(zip(flat[::2], flat[1::2], strict=True))


def by_hand(net, x: torch.Tensor, slope: float) -> torch.Tensor:
    """The layers written out."""
    *hidden, (W, b) = weights(net)
    for V, a in hidden:
        x = x @ V.T + a
        x = torch.where(x > 0, x, slope * x)
    return x @ W.T + b


@pytest.mark.parametrize(("settings", "slope"), [({}, 0.0), ({"slope": 0.1}, 0.1)])
def test_generator_is_linear_maps_and_relus_and_ends_in_tanh_for_images(mlp, settings, slope):
    torch.manual_seed(0)
    for shape in ((1, 3, 5), (2,)):
        G = mlp.Generator(4, shape, width=8, depth=2, **settings)
        z = 3 * torch.randn(6, 4)
        x = by_hand(G, z, slope).reshape(6, *shape)
        torch.testing.assert_close(G(z), x.tanh() if len(shape) == 3 else x)


@pytest.mark.parametrize(("settings", "slope"), [({}, 0.2), ({"slope": 0.0}, 0.0)])
def test_discriminator_is_linear_maps_and_leaky_relus_and_ends_in_one_number(mlp, settings, slope):
    torch.manual_seed(0)
    D = mlp.Discriminator((1, 3, 5), width=8, depth=2, **settings)
    x = 3 * torch.randn(6, 1, 3, 5)
    torch.testing.assert_close(D(x), by_hand(D, x.flatten(1), slope)[:, 0])


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_depth_and_width_are_those_of_the_hidden_layers(mlp, depth):
    G, D = mlp.Generator(4, (2,), 8, depth, 3), mlp.Discriminator((2,), 9, depth, 3)
    assert [tuple(W.shape) for W, _ in weights(G)] == [(8, 7)] + [(8, 8)] * (depth - 1) + [(2, 8)]
    assert [tuple(W.shape) for W, _ in weights(D)] == [(9, 5)] + [(9, 9)] * (depth - 1) + [(1, 9)]


def test_the_class_is_a_one_hot_vector_beside_the_input(mlp):
    x, labels = torch.randn(4, 2), torch.tensor([2, 0, 1, 2])
    expected = torch.cat([x, torch.eye(3)[labels]], dim=1)
    assert torch.equal(mlp.beside(x, labels, 3), expected)
    assert mlp.beside(x.double(), labels, 3).dtype == torch.float64
    assert mlp.beside(x, None, 0) is x
    torch.manual_seed(0)
    G, D = mlp.Generator(2, (2,), classes=3, width=8), mlp.Discriminator((2,), classes=3, width=8)
    torch.testing.assert_close(G(x, labels), by_hand(G, expected, 0.0))
    torch.testing.assert_close(D(x, labels), by_hand(D, expected, 0.2)[:, 0])


@pytest.mark.parametrize("labels", [None, torch.tensor([0, 3]), torch.tensor([-1, 0])])
def test_missing_or_impossible_classes_are_refused(mlp, labels):
    with pytest.raises(ValueError, match=r"expected one class in 0\.\.2 for each of 2 examples"):
        mlp.beside(torch.zeros(2, 4), labels, 3)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_parameter_of_a_network_receives_a_gradient(mlp, name):
    """And every input of every layer, the classes' among them: no column of a matrix is without one."""
    torch.manual_seed(0)
    net = mlp.Generator(3, (1, 2, 2), classes=2) if name == "Generator" else mlp.Discriminator((3,), classes=2)
    out = net(torch.randn(64, 3), torch.arange(64) % 2)
    gradients = torch.autograd.grad(out.square().sum(), list(net.parameters()))
    assert all((part != 0).any(dim=0).all() if part.ndim == 2 else (part != 0).any() for part in gradients)


def test_dropout_keeps_the_mean_and_drops_its_share(mlp):
    """Of 100,000 ones: the share dropped and the mean within 5 standard errors."""
    x, share = torch.ones(100, 1000), 0.3
    y = mlp.drop(x, share, seeded())
    assert y.unique().tolist() == [0.0, pytest.approx(1 / 0.7)]
    error = math.sqrt(share * (1 - share) / x.numel())
    assert abs((y == 0).float().mean().item() - share) < 5 * error
    assert abs(y.mean().item() - 1) < 5 * error / 0.7
    assert len((y == 0).float().unique(dim=0)) == 100  # each example has a draw of its own


def test_dropout_is_of_hidden_units_in_training_alone_and_from_the_generator(mlp):
    torch.manual_seed(0)
    D, x = mlp.Discriminator((2,), width=64, depth=2, dropout=0.5), torch.randn(9, 2)
    first = D(x, None, seeded())
    torch.manual_seed(1)
    assert torch.equal(first, D(x, None, seeded()))
    assert not torch.equal(first, D(x, None, seeded(1)))
    D.eval()
    torch.testing.assert_close(D(x, None, seeded()), by_hand(D, x, 0.2)[:, 0])
    D.train()
    many = torch.stack([D(x, None, seeded(seed)) for seed in range(2000)])
    assert many.std(dim=0).min() > 0.01
    (V, a), (U, c), (W, b) = weights(D)  # written out with the same draws
    g = seeded(7)
    h = F.leaky_relu(F.linear(x, V, a), 0.2)
    h = h * (torch.rand(h.shape, generator=g) >= 0.5) * 2
    h = F.leaky_relu(F.linear(h, U, c), 0.2)
    h = h * (torch.rand(h.shape, generator=g) >= 0.5) * 2
    torch.testing.assert_close(D(x, None, seeded(7)), F.linear(h, W, b)[:, 0])


def test_no_dropout_unless_asked_for_and_then_nothing_is_drawn(mlp):
    D, x, g = mlp.Discriminator((2,)), torch.randn(9, 2), seeded()
    before = g.get_state()
    torch.testing.assert_close(D(x, None, g), by_hand(D, x, 0.2)[:, 0])
    assert torch.equal(before, g.get_state())
    assert not any(isinstance(layer, nn.Dropout) for layer in D.modules())
