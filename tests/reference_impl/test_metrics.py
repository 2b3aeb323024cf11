import math

import numpy as np
import pytest
import torch
from scipy import linalg

from reference_impl.datasets import gaussians
from reference_impl.metrics import GRID_STD, frechet_distance, grid_means, modes, nearest_distance


def sets(n: int = 60, m: int = 80, d: int = 7) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 1
    b = rng.normal(size=(m, d)) @ rng.normal(size=(d, d))
    return torch.from_numpy(a), torch.from_numpy(b)


def test_frechet_equals_the_textbook_formula_with_scipys_matrix_root():
    a, b = sets()
    x, y = a.numpy(), b.numpy()
    sx, sy = np.cov(x.T), np.cov(y.T)
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(sx + sy - 2 * linalg.sqrtm(sx @ sy).real)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(b, a) == pytest.approx(expected, rel=1e-9)


def test_frechet_of_a_set_and_itself_is_zero_and_of_a_shift_its_square():
    a, _ = sets()
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(a, a + 0.5) == pytest.approx(7 * 0.25, abs=1e-6)
    assert frechet_distance(a, 3 * a) == pytest.approx(
        4 * a.mean(0).square().sum().item() + 4 * torch.trace(a.T.cov()).item(), rel=1e-6
    )


def test_frechet_survives_pixels_that_never_change():
    a = torch.cat([sets()[0], torch.ones(60, 3)], dim=1)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)


def test_frechet_takes_images_and_one_number_each():
    a, b = sets(d=4)
    assert frechet_distance(a.reshape(-1, 1, 2, 2), b.reshape(-1, 1, 2, 2)) == pytest.approx(frechet_distance(a, b))
    u, v = a[:, :1], b[:, :1]
    expected = (u.mean() - v.mean()) ** 2 + (u.std() - v.std()) ** 2
    assert frechet_distance(u, v) == pytest.approx(expected.item(), rel=1e-9)


def test_frechet_refuses_sets_that_do_not_match():
    a, b = sets()
    for pair in ((a, b[:, :3]), (a[:1], b)):
        with pytest.raises(ValueError, match="expected two or more examples of one shape"):
            frechet_distance(*pair)


def test_nearest_distance_by_hand():
    a = torch.tensor([[0.0, 0.0], [10.0, 0.0], [3.0, 4.0]])
    assert nearest_distance(a, torch.tensor([[0.0, 0.0], [10.0, 5.0]])) == 5  # of 0, 5 and 5 (3-4-5)
    assert nearest_distance(a, a) == pytest.approx(0, abs=1e-6)


def test_nearest_searches_in_parts_and_finds_the_same():
    g = torch.Generator().manual_seed(0)
    a, b = torch.randn(250, 1, 3, 3, generator=g), torch.randn(400, 1, 3, 3, generator=g)
    expected = torch.cdist(a.flatten(1).double(), b.flatten(1).double()).min(dim=1).values.median()
    assert nearest_distance(a, b) == pytest.approx(expected.item(), rel=1e-12)


def test_modes_counts_gaussians_without_a_point_and_points_without_a_gaussian():
    means = grid_means()
    assert modes(means) == {"modes_missed": 0.0, "low_quality": 0.0}
    far = means[:20] + torch.tensor([4 * GRID_STD, 0.0])  # four standard deviations away: at no Gaussian
    found = modes(torch.cat([means[:20], means[:5], far]))
    assert found["modes_missed"] == 5
    assert found["low_quality"] == pytest.approx(20 / 45)


def test_of_true_points_the_share_beyond_three_deviations_is_the_rayleigh_tail():
    points = gaussians().held_out
    found = modes(points)
    assert found["modes_missed"] == 0
    expected = math.exp(-4.5)  # P(|x| > 3 sd) in two dimensions
    assert abs(found["low_quality"] - expected) < 4 * math.sqrt(expected / len(points))
