"""Proofs of translations.py: numerals are read back to numbers by readers that know nothing of how they were written."""

import importlib
import random
import re

import pytest
import torch

from reference_impl.data import Spec
from reference_impl.tokens import BOS, EOS, PAD, SPECIAL

SOME = [*range(2_200), *random.Random(0).sample(range(1_000_000), 3_000), 10_000, 10_010, 100_000, 999_999]


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


def test_the_vocabulary_is_that_of_the_training_part_alone(translations):
    """The common mistake: a vocabulary built on what is held out knows words that training never saw."""
    tokeniser = translations.TOKENISERS["numerals"]()
    train, _ = translations.numeral_pairs()
    assert set(tokeniser.pieces) == {piece for pair in train for text in pair for piece in tokeniser.split(text)}
    assert tokeniser is translations.TOKENISERS["numerals"]()
    words = translations.Words(["twenty-one", "二十一"], SPECIAL)
    assert words.size == 3 + 6
    with pytest.raises(ValueError, match=r"the text has \[' hundred', 'one'\]; expected pieces.*'twenty'"[:60]):
        translations.Words(["twenty"], SPECIAL).encode("one hundred")


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


def test_numerals_are_pairs_of_rows_whose_text_is_the_numbers_in_both_languages(translations):
    data = translations.TRANSLATIONS["numerals"]()
    assert data.name == "numerals"
    assert data.spec == Spec((2, 16), 0, translations.numerals_tokeniser().size)
    assert (len(data.train), len(data.held_out)) == (15_000, 1_000)
    assert data.train.dtype == torch.int64
    assert not data.train_labels.any()
    assert (len(data.train_labels), len(data.held_out_labels)) == (15_000, 1_000)
    for part, numbers in zip((data.train, data.held_out), translations.split_numbers(), strict=True):
        for rows, number in list(zip(part, numbers, strict=True))[::50]:
            assert read_english(data.decode(rows[0])) == read_chinese(data.decode(rows[1])) == number
    assert (torch.cat([data.train, data.held_out])[:, :, 0] == BOS).all()
