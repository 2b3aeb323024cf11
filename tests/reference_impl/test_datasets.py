import gzip

import numpy as np
import pytest
import torch

from reference_impl.data import Spec
from reference_impl.datasets import DATA, digits, gaussians, read_idx
from reference_impl.download import fetch
from reference_impl.metrics import GRID_STD, grid_means


def test_digits_are_in_minus_one_to_one_and_touch_both_ends():
    data = digits()
    for part in (data.train, data.held_out):
        assert part.dtype == torch.float32
        assert (part.min(), part.max()) == (-1, 1)
    assert data.train.mean() < -0.2  # most of a digit is black: data left in [0, 1] would have a mean above 0


def test_digits_are_sklearns_own_up_to_scale():
    from sklearn.datasets import load_digits

    raw, data = load_digits(), digits()
    ours = torch.cat([data.train, data.held_out]).flatten(1)
    theirs = torch.from_numpy(raw.data).float()
    assert sorted(((ours + 1) * 8).tolist()) == sorted(theirs.tolist())
    by_image = {tuple(image): label for image, label in zip(raw.data.tolist(), raw.target.tolist(), strict=True)}
    labels = torch.cat([data.train_labels, data.held_out_labels]).tolist()
    images = ((ours + 1) * 8).tolist()
    assert all(by_image[tuple(image)] == label for image, label in zip(images, labels, strict=True))


def test_the_split_is_fixed_and_disjoint():
    a, b = digits(), digits()
    torch.manual_seed(99)
    assert a.sha256 == b.sha256 == digits().sha256
    assert (len(a.train), len(a.held_out)) == (len(a.train_labels), len(a.held_out_labels)) == (1437, 360)
    assert not {tuple(x) for x in a.train.flatten(1).tolist()} & {tuple(x) for x in a.held_out.flatten(1).tolist()}
    assert set(a.held_out_labels.tolist()) == set(range(10))
    assert a.spec == Spec((1, 8, 8), classes=10, levels=17)


def test_the_fingerprint_sees_every_number():
    from dataclasses import replace

    data = digits()
    moved = data.train.clone()
    moved[-1, -1, -1, -1] += 1e-6
    assert replace(data, train=moved).sha256 != data.sha256


def test_every_digit_pixel_is_one_of_its_levels():
    data = digits()
    levels = torch.linspace(-1, 1, data.levels)
    assert torch.equal(torch.cat([data.train, data.held_out]).unique(), levels)


def test_fashion_is_the_published_files_up_to_scale_and_in_their_order(fashion):
    def published(file: str, header: int) -> np.ndarray:
        with gzip.open(fetch("fashion-mnist", file)) as f:
            return np.frombuffer(f.read(), np.uint8, offset=header)

    for part, images, labels in (
        ("train", fashion.train, fashion.train_labels),
        ("t10k", fashion.held_out, fashion.held_out_labels),
    ):
        pixels = ((images + 1) * 127.5).round().to(torch.uint8).numpy().ravel()
        assert np.array_equal(pixels, published(f"{part}-images-idx3-ubyte.gz", 16))
        assert np.array_equal(labels.numpy(), published(f"{part}-labels-idx1-ubyte.gz", 8))


def test_fashion_has_the_numbers_that_everyone_knows(fashion):
    assert fashion.spec == Spec((1, 28, 28), classes=10, levels=256)
    assert fashion.train_labels.bincount().tolist() == [6000] * 10
    assert fashion.held_out_labels.bincount().tolist() == [1000] * 10
    unit = (fashion.train + 1) / 2
    assert unit.double().mean() == pytest.approx(0.28604, abs=5e-6)
    assert unit.double().std() == pytest.approx(0.35302, abs=5e-6)


def test_fashion_is_in_minus_one_to_one_on_its_256_levels(fashion):
    levels = torch.linspace(-1, 1, 256)
    for part in (fashion.train, fashion.held_out):
        assert part.dtype == torch.float32
        torch.testing.assert_close(part.unique(), levels, rtol=0, atol=1e-6)
        assert (part.min(), part.max()) == (-1, 1)


def idx(tmp_path, raw: bytes):
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(raw))
    return path


def test_an_idx_file_is_read_with_its_last_index_running_fastest(tmp_path):
    path = idx(tmp_path, bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 10, 11, 12, 20, 21, 255]))
    assert read_idx(path, (2, 3)).tolist() == [[10, 11, 12], [20, 21, 255]]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (bytes([0, 0, 13, 1, 0, 0, 0, 2, 1, 2]), "begins with 00 00 0d 01 .* expected 00 00 08 01 00 00 00 02"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3]), "expected 00 00 08 01 00 00 00 02"),
        (bytes([0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2]), "expected 00 00 08 01 00 00 00 02"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 2, 1]), "holds 1 numbers; expected 2"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 2, 1, 2, 3]), "holds 3 numbers; expected 2"),
        (b"", "expected 00 00 08 01"),
    ],
    ids=["floats", "too many", "two dimensions", "cut short", "with a tail", "empty"],
)
def test_another_idx_file_ends_in_what_was_expected(tmp_path, raw, message):
    with pytest.raises(ValueError, match=message):
        read_idx(idx(tmp_path, raw), (2,))


def test_a_file_that_is_no_gzip_or_is_cut_short_is_said_to_be_damaged(tmp_path):
    path = idx(tmp_path, bytes(1000))
    whole = path.read_bytes()
    for broken in (b"<html>", whole[:-9], whole[:12] + b"\xff" * 8 + whole[20:]):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match=r"damaged.*expected a gzipped IDX file"):
            read_idx(path, (2,))


def test_the_gaussians_are_a_grid_of_25_with_one_width_and_equal_weights():
    data = gaussians()
    points = torch.cat([data.train, data.held_out]).double()
    assert data.spec == Spec((2,), classes=0, levels=0)
    assert (len(data.train), len(data.held_out)) == (20_000, 2_500)
    distance, mode = torch.cdist(points, grid_means().double()).min(dim=1)
    assert mode.bincount().tolist() == [900] * 25
    assert distance.max() < 6 * GRID_STD  # of 22,500 points, one beyond that in 3,000 draws of the set
    assert (points - grid_means()[mode]).std().item() == pytest.approx(GRID_STD, rel=0.03)  # six standard errors
    assert sorted(map(tuple, grid_means().tolist())) == [(x / 2, y / 2) for x in range(-2, 3) for y in range(-2, 3)]


def test_the_gaussians_are_as_far_apart_for_their_width_as_pacgans():
    apart = torch.pdist(grid_means()).min().item()
    assert apart / GRID_STD == pytest.approx(2 / 0.05)


@pytest.mark.parametrize("name", [name for name in DATA if name != "fashion"])
def test_the_table_of_data_sets_names_each_as_it_names_itself(name):
    assert DATA[name]().name == name


def test_the_table_of_data_sets_has_fashion(fashion):
    assert DATA["fashion"].__name__ == fashion.name == "fashion"
