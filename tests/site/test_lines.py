"""Charts of lines: points where their logarithms say, words that stay words, nothing that rests on colour alone."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from atlas.site.lines import Line, LogLog

WORDS = "<script>alert(1)</script> & \"'"
LINES = [
    Line("a", 0, False, [(1, 100), (10, 10), (100, 1)]),
    Line("b", 0, True, [(5, 20), (50, 2)]),
    Line(WORDS, 1, False, [(1000, 0.5)]),
]


def drawn(lines: list[Line] = LINES, floor: tuple[str, float] = ("real", 0.1)) -> ET.Element:
    return ET.fromstring(LogLog("title", "across", "up", lines, floor).svg())  # noqa: S314


def share(element: ET.Element, name: str) -> float:
    return float(element.attrib[name].removesuffix("%"))


def curves(root: ET.Element) -> list[ET.Element]:
    return [
        line for line in root.findall("line") if line.attrib["class"].split()[0] in ("atlas-line-0", "atlas-line-1")
    ]


def test_equal_factors_are_equal_distances_and_up_is_more() -> None:
    dots = drawn().findall("circle")
    assert len(dots) == 6
    x, y = [share(dot, "cx") for dot in dots], [float(dot.attrib["cy"]) for dot in dots]
    assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=0.02)
    assert x[5] - x[2] == pytest.approx(x[2] - x[1], abs=0.02)
    assert y[1] - y[0] == pytest.approx(y[2] - y[1], abs=0.2)
    assert y[0] < y[1] < y[2] < y[5]
    assert x[4] - x[3] == pytest.approx(x[1] - x[0], abs=0.02)


def test_lines_join_their_own_points_in_their_order() -> None:
    root = drawn()
    dots, segments = root.findall("circle"), curves(root)
    assert len(segments) == 3  # two of the first line, one of the second, none of a single point
    for segment, (one, other) in zip(segments, [(0, 1), (1, 2), (3, 4)], strict=True):
        ends = [(segment.attrib["x1"], segment.attrib["y1"]), (segment.attrib["x2"], segment.attrib["y2"])]
        assert ends == [(dots[i].attrib["cx"], dots[i].attrib["cy"]) for i in (one, other)]


def test_everything_is_within_the_picture() -> None:
    root = drawn()
    for dot in root.findall("circle"):
        assert 0 < share(dot, "cx") < 100
        assert 0 < float(dot.attrib["cy"]) < float(root.attrib["height"])
    for word in root.findall("text"):
        assert 0 < float(word.attrib["y"]) < float(root.attrib["height"])


def test_marks_are_round_numbers_within_the_axes() -> None:
    words = [word.text for word in drawn().findall("text")]
    assert words[:4] == ["1", "10", "100", "1000"]
    assert words[4:8] == ["0.1", "1", "10", "100"]
    few = [word.text for word in drawn([Line("a", 0, False, [(1, 3), (8, 4)])], ("real", 3)).findall("text")]
    assert few[:3] == ["1", "2", "5"]


def test_the_floor_is_drawn_and_named() -> None:
    root = drawn()
    (floor,) = [line for line in root.findall("line") if line.attrib["class"] == "atlas-line-floor"]
    assert floor.attrib["y1"] == floor.attrib["y2"]
    lowest = max(float(dot.attrib["cy"]) for dot in root.findall("circle"))
    assert float(floor.attrib["y1"]) > lowest  # 0.1 is less than all of them
    assert "real" in [word.text for word in root.findall("text")]


def test_lines_of_one_colour_differ_in_their_dashes() -> None:
    looks = {line.attrib["class"] for line in curves(drawn())}
    assert looks == {"atlas-line-0", "atlas-line-0 atlas-line-dashed"}
    legend = ET.fromstring(LogLog("t", "x", "y", LINES, ("real", 1)).legend())  # noqa: S314
    lines, dots = ([part.attrib["class"] for part in legend.iter(kind)] for kind in ("line", "circle"))
    assert lines == ["atlas-line-0", "atlas-line-0 atlas-line-dashed"]
    assert dots == [*lines, "atlas-line-1"]  # a single point has no line
    assert all(key.attrib["aria-hidden"] == "true" for key in legend.iter("svg"))
    assert "".join(legend.itertext()).split()[:2] == ["a", "b"]


def test_a_screen_reader_hears_what_it_shows() -> None:
    root = drawn()
    assert root.attrib["role"] == "img"
    said = root.attrib["aria-label"]
    assert said.startswith("title. a: 1, 100 – 100, 1; b: 5, 20 – 50, 2; ")
    assert said.endswith("1000, 0.5; real: 0.1")


def test_words_stay_words() -> None:
    chart = LogLog(WORDS, WORDS, WORDS, LINES, (WORDS, 1))
    for markup in (chart.svg(), chart.legend()):
        assert "<script" not in markup
        assert WORDS in "".join(ET.fromstring(markup).itertext())  # noqa: S314


def test_what_has_no_logarithm_is_refused_and_nothing_is_divided_by_zero() -> None:
    with pytest.raises(ValueError, match="a value is 0; expected numbers > 0"):
        drawn([Line("a", 0, False, [(1, 0)])])
    assert len(drawn([Line("a", 0, False, [(1, 1)])], ("real", 1)).findall("circle")) == 1
    assert drawn([]).findall("circle") == []
