"""Maps with their words: well-formed, in their places, and no word becomes markup."""

from xml.etree import ElementTree

import pytest
import torch

from reference_impl.heatmap import CELL, attention_svg

SVG = "{http://www.w3.org/2000/svg}"


def test_each_weight_is_a_square_in_its_place_with_its_opacity():
    maps = torch.tensor([[[1.0, 0.0], [0.25, 0.75]], [[0.5, 0.5], [0.0, 1.0]]])
    root = ElementTree.fromstring(attention_svg(maps, ["a", "bb"], ["c", "d"], "who looks where"))  # noqa: S314 - our own picture
    squares = [r for r in root.iter(f"{SVG}rect") if r.get("fill") != "none"]
    frames = [r for r in root.iter(f"{SVG}rect") if r.get("fill") == "none"]
    assert [float(r.get("fill-opacity")) for r in squares] == [1.0, 0.25, 0.75, 0.5, 0.5, 1.0]
    x, y = (float(frames[0].get(side)) for side in "xy")
    assert [(float(r.get("x")) - x, float(r.get("y")) - y) for r in squares[:3]] == [(0, 0), (0, CELL), (CELL, CELL)]
    assert all(int(float(frame.get("width"))) == 2 * CELL for frame in frames)
    assert [t.text for t in root.iter(f"{SVG}text")] == ["a", "bb", "c", "d", "1", "c", "d", "2"]
    assert root.find(f"{SVG}title").text == "who looks where"


def test_words_stay_words():
    svg = attention_svg(torch.ones(1, 1, 1), ["<script>"], ["a&b"], "x < y")
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own picture
    assert [t.text for t in root.iter(f"{SVG}text")] == ["<script>", "a&b", "1"]
    assert "<script>" not in svg


def test_a_word_too_few_is_refused():
    with pytest.raises(ValueError, match="maps are 2 x 3, with 2 and 2 words; expected a word for each"):
        attention_svg(torch.zeros(1, 2, 3), ["a", "b"], ["c", "d"], "")
