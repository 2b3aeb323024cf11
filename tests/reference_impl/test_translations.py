"""Proofs of translations.py: numerals are read back by readers that know nothing of how they were written."""

import importlib
import re

import pytest
import torch

from reference_impl.data import Spec
from reference_impl.tokens import BOS, EOS, PAD, SPECIAL

SOME = [*range(1_200), *range(9_950, 10_150), *range(99_000, 1_000_000, 997), 999_999]


@pytest.fixture
def translations():
    return importlib.import_module("reference_impl.translations")


ENGLISH = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50,
    "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip


def read_english(text: str) -> int:
    """Word by word: numbers add up, "hundred" and "thousand" multiply what came before."""
    total = part = 0
    for word in re.split("[ -]", text):
        if word == "hundred":
            part *= 100
        elif word == "thousand":
            total, part = part * 1000, 0
        elif word != "and":
            part += ENGLISH[word]
    return total + part


def read_chinese(text: str) -> int:
    """Character by character: a digit waits for its unit, 万 multiplies all that came before."""
    total, digit = 0, None
    for character in text:
        if character in "零一二三四五六七八九":
            digit = "零一二三四五六七八九".index(character)
        elif character == "万":
            total, digit = (total + (digit or 0)) * 10_000, None
        else:
            total += (1 if digit in (None, 0) else digit) * {"十": 10, "百": 100, "千": 1000}[character]
            digit = None
    return total + (digit or 0)


def test_numerals_are_read_back_as_their_numbers(translations):
    for number in SOME:
        assert read_english(translations.english(number)) == number
        assert read_chinese(translations.chinese(number)) == number


@pytest.mark.parametrize(
    ("number", "english", "chinese"),
    [
        (0, "zero", "零"),
        (7, "seven", "七"),
        (10, "ten", "十"),
        (12, "twelve", "十二"),
        (20, "twenty", "二十"),
        (21, "twenty-one", "二十一"),
        (100, "one hundred", "一百"),
        (105, "one hundred and five", "一百零五"),
        (110, "one hundred and ten", "一百一十"),
        (305, "three hundred and five", "三百零五"),
        (222, "two hundred and twenty-two", "二百二十二"),
        (1_000, "one thousand", "一千"),
        (1_005, "one thousand and five", "一千零五"),
        (1_050, "one thousand and fifty", "一千零五十"),
        (1_100, "one thousand one hundred", "一千一百"),
        (2_019, "two thousand and nineteen", "二千零一十九"),
        (10_000, "ten thousand", "一万"),
        (10_001, "ten thousand and one", "一万零一"),
        (10_010, "ten thousand and ten", "一万零一十"),
        (10_110, "ten thousand one hundred and ten", "一万零一百一十"),
        (11_000, "eleven thousand", "一万一千"),
        (100_000, "one hundred thousand", "十万"),
        (101_000, "one hundred and one thousand", "十万一千"),
        (110_000, "one hundred and ten thousand", "十一万"),
        (305_021, "three hundred and five thousand and twenty-one", "三十万五千零二十一"),
        (999_999, "nine hundred and ninety-nine thousand nine hundred and ninety-nine", "九十九万九千九百九十九"),
    ],
)
def test_numerals_that_everyone_knows(translations, number, english, chinese):
    assert translations.english(number) == english
    assert translations.chinese(number) == chinese


def test_zeros_of_chinese_stand_alone_and_never_at_an_end(translations):
    for number in SOME[1:]:
        text = translations.chinese(number)
        assert "零零" not in text
        assert not text.startswith("零")
        assert not text.endswith("零")
        assert not text.startswith("一十")
        assert "零万" not in text


def test_other_numbers_are_named(translations):
    for write in (translations.english, translations.chinese):
        for number in (-1, 1_000_000):
            with pytest.raises(ValueError, match=rf"number is {number}; expected a whole number from 0 to 999,999"):
                write(number)


def test_numbers_held_out_are_never_trained_on_and_both_parts_have_all_lengths(translations):
    train, held_out = translations.split_numbers()
    assert (len(train), len(held_out)) == (15_000, 1_000)
    assert len({*train, *held_out}) == 16_000
    assert train[:100] == list(range(100))
    assert {len(str(number)) for number in train} == {1, 2, 3, 4, 5, 6}
    for digits, share in [(3, 900 / 15_900), (4, 5 / 15.9), (5, 5 / 15.9), (6, 5 / 15.9)]:
        n = sum(len(str(number)) == digits for number in held_out)
        assert abs(n - 1000 * share) < 5 * (1000 * share * (1 - share)) ** 0.5  # five standard errors
    high = [number for number in held_out if number >= 100_000]
    assert abs(sum(high) / len(high) - 550_000) < 5 * 260_000 / len(high) ** 0.5
    torch.manual_seed(9)
    assert translations.split_numbers() == (train, held_out)


def test_the_vocabulary_is_that_of_the_training_part_alone(translations, monkeypatch):
    """The common mistake: a vocabulary built on what is held out knows words that training never saw."""
    monkeypatch.setattr(translations, "numeral_pairs", lambda: ([("twenty-one", "二十一")], [("one hundred", "一百")]))
    words = translations.numerals_tokeniser.__wrapped__()  # without the cache
    assert words.pieces == sorted(["twenty", "-", "one", "二", "十", "一"])
    assert words.size == 3 + 6
    with pytest.raises(
        ValueError, match=r"the text has \[' hundred'\]; expected pieces that the training texts have: .*one"
    ):
        words.encode("one hundred")
    monkeypatch.setattr(translations, "multi30k_pairs", lambda: ([("a dog", "ein Hund")] * 9, [("cats", "Katzen")] * 9))
    pieces = set(translations.multi30k_tokeniser.__wrapped__().tokenizer.get_vocab())
    assert {"dog", "ĠHund"} & pieces
    assert not {"cats", "Katzen", "at"} & pieces


def test_pairs_become_a_data_set_without_classes(translations):
    train, held_out = [("one", "一"), ("one two", "一二")], [("two", "二")]
    words = translations.Words(translations.texts(train), SPECIAL)
    with pytest.raises(ValueError, match="the text has"):
        translations.as_data("some", train, held_out, words, 6)  # "two" was only seen after a space
    data = translations.as_data("some", train[1:], train[:1], words, 6)
    assert (data.name, data.spec) == ("some", Spec((2, 6), 0, 3 + 4))
    for part, texts in ((data.train, train[1]), (data.held_out, train[0])):
        assert part.dtype == torch.int64
        assert part.tolist() == [[translations.as_row(text, words, 6) for text in texts]]
        assert tuple(data.decode(row) for row in part[0]) == texts
    assert data.train_labels.tolist() == data.held_out_labels.tolist() == [0]


def test_words_are_cut_with_the_space_before_them_and_join_to_the_text(translations):
    assert translations.Words.split("twenty-one thousand") == ["twenty", "-", "one", " thousand"]
    assert translations.Words.split("三百零五") == list("三百零五")
    words = translations.Words(["two hundred", "a  b\n零"], SPECIAL)
    for text in ("two hundred", "a  b\n零", ""):
        tokens = words.encode(text)
        assert words.decode(tokens) == words.decode(torch.tensor(tokens, dtype=torch.long)) == text
        assert all(token > EOS for token in tokens)
    assert words.decode([BOS, *words.encode("two"), EOS, PAD, PAD]) == "two"


def test_a_row_is_begin_text_end_padding(translations):
    words = translations.Words(["one two", "一二"], SPECIAL)
    row = translations.as_row("one two", words, 6)
    assert row == [BOS, *words.encode("one two"), EOS, PAD, PAD]
    assert translations.as_row("one two", words, 4) == row[:4]
    with pytest.raises(ValueError, match="tokens is 4; expected at most 3, begin and end included, in 'one two'"):
        translations.as_row("one two", words, 3)
