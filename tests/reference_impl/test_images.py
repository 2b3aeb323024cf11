import xml.etree.ElementTree as ET
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image

from reference_impl import images


def test_minus_one_is_black_plus_one_is_white_and_the_rest_is_clipped():
    x = torch.tensor([-5.0, -1.0, 0.0, 1.0, 1.3])
    assert images.to_uint8(x).tolist() == [0, 0, 128, 255, 255]


def test_every_level_of_a_byte_survives():
    levels = torch.arange(256)
    assert torch.equal(images.to_uint8(levels / 127.5 - 1).long(), levels)


def test_grid_puts_each_image_in_its_place():
    x = torch.full((5, 1, 2, 3), -1.0)
    x[4, 0, 1, 2] = 1.0  # last pixel of the last image
    sheet = images.grid(x, columns=2, scale=4, gap=1)
    assert sheet.shape == ((3 * 3 + 1) * 4, (2 * 4 + 1) * 4, 1)
    top, left = (1 + 2 * 3 + 1) * 4, (1 + 0 * 4 + 2) * 4
    assert (sheet[top : top + 4, left : left + 4] == 255).all()
    assert (sheet == 255).sum() == 16
    assert (sheet == 0).sum() == (5 * 6 - 1) * 16


def test_one_image_makes_a_grid_of_one():
    assert images.grid(torch.zeros(1, 3, 2, 2), scale=1, gap=0).shape == (2, 2, 3)


def test_grid_refuses_no_columns():
    with pytest.raises(ValueError, match="expected at least 1, 1, 0"):
        images.grid(torch.zeros(1, 1, 2, 2), columns=0)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_png_holds_the_very_pixels(tmp_path, channels, mode):
    pixels = torch.randint(0, 256, (4, 6, channels), dtype=torch.uint8)
    images.save_png(pixels, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as read:
        assert (read.mode, read.size) == (mode, (6, 4))
        assert list(read.tobytes()) == pixels.flatten().tolist()
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_png_refuses_two_channels(tmp_path):
    with pytest.raises(ValueError, match=r"expected 1 .grey. or 3 .colour."):
        images.save_png(torch.zeros(2, 2, 2, dtype=torch.uint8), tmp_path / "a.png")


def test_curve_is_an_svg_whose_line_falls_when_the_loss_falls():
    svg = ET.fromstring(images.curves_svg({"loss": [8.0, 4.0, 2.0, 1.0, 0.5]}, "step", "loss"))  # noqa: S314 - our own
    raw, _ = (line.attrib["points"] for line in svg.iter("{http://www.w3.org/2000/svg}polyline"))
    heights = [float(point.split(",")[1]) for point in raw.split()]
    assert heights == sorted(heights)  # SVG's y grows downwards
    steps = [b - a for a, b in pairwise(heights)]
    assert max(steps) - min(steps) < 0.2  # halvings are equal steps on a logarithmic axis


def test_curves_that_reach_zero_or_below_stand_on_a_linear_axis():
    svg = ET.fromstring(images.curves_svg({"critic": [-1.0, 0.0, 1.0, 2.0]}, "step", "loss"))  # noqa: S314 - our own
    raw, _ = (line.attrib["points"] for line in svg.iter("{http://www.w3.org/2000/svg}polyline"))
    heights = [float(point.split(",")[1]) for point in raw.split()]
    steps = [a - b for a, b in pairwise(heights)]
    assert max(steps) - min(steps) < 0.2
    assert min(steps) > 0


def test_several_curves_share_the_axes_and_are_named():
    text = images.curves_svg({"discriminator": [1.0] * 10, "generator": [2.0] * 5}, "step", "loss")
    svg = ET.fromstring(text)  # noqa: S314 - our own
    lines = [line.attrib for line in svg.iter("{http://www.w3.org/2000/svg}polyline")]
    assert len({line["stroke"] for line in lines}) == 2
    assert text.count(">discriminator</text>") == text.count(">generator</text>") == 1
    with pytest.raises(ValueError, match="at least one"):
        images.curves_svg({"loss": []}, "step", "loss")


def test_running_mean_is_that_of_numpy():
    line = torch.randn(500, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = np.convolve(line.numpy(), np.ones(10) / 10, mode="valid")
    np.testing.assert_allclose(images.running_mean(line)[9:].numpy(), expected, rtol=1e-9)
    assert images.running_mean(line)[0] == line[0]


def test_scatter_draws_each_point_where_it_is_and_outliers_on_the_edge():
    sheet = images.scatter(torch.tensor([[0.0, 0.0], [1.0, 1.0], [99.0, -99.0]]), size=101)
    assert sheet.shape == (101, 101, 1)
    assert (sheet[50, 50], sheet[50, 10], sheet[10, 90], sheet[100, 100]) == (110, 16, 110, 190)
    dense = images.scatter(torch.zeros(64, 2), size=101)
    assert dense[50, 50] == 255
