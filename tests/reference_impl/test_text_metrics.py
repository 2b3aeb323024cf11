"""What written texts are measured by, on texts whose numbers are known."""

import math
import random
from difflib import SequenceMatcher

import pytest
import torch

from reference_impl import text_metrics
from reference_impl.data import Data
from reference_impl.tokens import Characters


def test_words_are_counted_but_the_first_and_the_last_which_may_be_cut():
    assert text_metrics.words("ause The cat, the CAT; a dog's tai") == ["the", "cat", "the", "cat", "dog"]
    assert text_metrics.unknown_words("xxx cat dog cow yyy", {"cat", "dog"}) == pytest.approx(1 / 3)
    assert text_metrics.unknown_words("", {"cat"}) == 0


@pytest.mark.parametrize(
    ("poem", "irregular"),
    [
        ("春眠不覺曉，處處聞啼鳥。夜來風雨聲，花落知多少。", False),
        ("春眠不覺曉，處處聞啼鳥。夜來風雨聲，花落知多。", True),  # one verse is short
        ("春眠不覺曉，處處聞啼鳥。夜來風雨聲。", True),  # three verses
        ("春眠不覺曉，處處聞啼鳥。", True),  # a couplet is no poem
        ("秦時明月漢時關，萬里長征人未還。但使龍城飛將在，不教胡馬度陰山？", False),
        ("春眠不覺曉處處聞啼鳥", True),
    ],
)
def test_a_poem_is_regular_if_its_verses_are_many_enough_and_of_one_length(poem, irregular):
    assert text_metrics.irregular([poem]) == irregular


def test_the_share_of_irregular_poems_counts_each_once():
    good, bad = "甲乙，丙丁，戊己，庚辛。", "甲乙，丙。"
    assert text_metrics.irregular([good, bad, bad, good]) == 0.5
    assert text_metrics.irregular([]) == 0
    assert text_metrics.whole_lines("\none\n\ntwo\ncut off") == ["one", "two"]


def test_the_longest_copy_equals_that_of_an_independent_search():
    draw = random.Random(0)  # noqa: S311 - texts to search in, no secrets
    for _ in range(50):
        text, source = ("".join(draw.choices("ab", k=n)) for n in (30, 60))
        matcher = SequenceMatcher(None, text, source, autojunk=False)
        assert text_metrics.longest_copy(text, source) == matcher.find_longest_match().size
    assert text_metrics.longest_copy("xyz", "abc") == 0
    assert text_metrics.longest_copy("abc", "zabcz") == 3
    assert text_metrics.longest_copy("", "abc") == 0


def make(train: str, held_out: str, name: str = "docs", window: int = 4) -> tuple[Data, Characters]:
    tokeniser = Characters(train + held_out)
    windows = torch.tensor(tokeniser.encode(train)).unfold(0, window, 1)
    whole = torch.tensor(tokeniser.encode(held_out))
    zeros = torch.zeros(len(windows), dtype=torch.long), torch.zeros(len(whole), dtype=torch.long)
    return Data(name, windows, zeros[0], whole, zeros[1], tokeniser.size, tokeniser.decode), tokeniser


def test_windows_give_back_the_text_that_they_were_cut_from():
    data, _ = make("one two three", "two")
    assert text_metrics.text_of(data.train, data) == "one two three"


def test_bits_per_byte_do_not_depend_on_what_the_tokens_are():
    """A token of three bytes costs three times as many nats as one of one byte, for the same bits."""
    data, tokeniser = make("ab ab ab ab", "abab")
    samples = torch.tensor([tokeniser.encode("ab a")])
    ascii_bits = text_metrics.compare_texts(data, samples, math.log(2))["bits_per_byte"]
    assert ascii_bits == pytest.approx(1.0)
    data, tokeniser = make("春夏 春夏", "春夏春夏")
    samples = torch.tensor([tokeniser.encode("春夏 春")])
    assert text_metrics.compare_texts(data, samples, 3 * math.log(2))["bits_per_byte"] == pytest.approx(1.0)


def test_samples_and_as_much_held_out_text_are_measured_alike():
    train = "the cat sat on the mat and the dog sat on the log " * 2
    data, tokeniser = make(train, "the cow sat on the mat and the dog sat on the hay ", window=26)
    copied = torch.tensor([tokeniser.encode(train[:26])] * 2)
    numbers = text_metrics.compare_texts(data, copied, 1.0)
    assert numbers["copied"] == 26
    assert numbers["unknown_words"] == 0
    assert numbers["copied_real"] < 26
    assert 0 < numbers["unknown_words_real"] < 0.3
    strange = torch.tensor([tokeniser.encode("the wod tas ont ham eht cat ")[:26]] * 2)
    assert text_metrics.compare_texts(data, strange, 1.0)["unknown_words"] > 0.4


def test_poems_are_measured_by_their_form():
    poem = "甲乙，丙丁，戊己，庚辛。"
    data, tokeniser = make(f"\n{poem}\n{poem}\n", f"\n{poem}\n{poem}\n", "poetry", window=27)
    good = torch.tensor([tokeniser.encode(f"\n{poem}\n{poem}\n{poem}"[:27])])
    bad = torch.tensor([tokeniser.encode(f"\n{poem[:-2]}\n{poem[:4]}\n{poem}\n"[:27])])
    assert text_metrics.compare_texts(data, good, 1.0)["irregular"] == 0
    assert text_metrics.compare_texts(data, good, 1.0)["irregular_real"] == 0
    assert text_metrics.compare_texts(data, bad, 1.0)["irregular"] == 1
