"""Data sets of pairs of texts: a source, and the target that it is to be translated into.

An example is a tensor [2, L] of tokens: row 0 the source, row 1 the target, each `BOS ... EOS PAD ...`. Source and
target share one vocabulary, made from the training part alone. `numerals` is made here, so it needs no network;
`multi30k` is read from the folder that `AIGC_DATA` names, or downloaded once (`reference_impl.download`).
"""

import gzip
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache

import torch
from jaxtyping import Int64
from torch import Generator, Tensor

from reference_impl.data import Data
from reference_impl.download import fetch
from reference_impl.engine import check
from reference_impl.tokens import BOS, EOS, PAD, SPECIAL, BytePairs, Tokeniser

SPLIT_SEED = 0
"""The split is part of the data, not of a run: every run holds out the same pairs."""

Pair = tuple[str, str]
Split = tuple[list[Pair], list[Pair]]
"""The pairs to train on, and those held out."""

# ------------------------------------------------------------------------------------------------ numerals

BEYOND = 1_000_000
"""Numerals are of whole numbers below it."""
EACH = 5_000
"""So many numbers are drawn of each number of digits, where there are as many."""
HELD_OUT = 1_000
SMALL = 100
"""Numbers below it are all trained on: the word "zero" is in no other number."""

ONES = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
DIGITS = "零一二三四五六七八九"
UNITS = ((1000, "千"), (100, "百"), (10, "十"), (1, ""))


def english(number: int) -> str:
    """A number in British English: "three hundred and five thousand and twenty-one".

    "and" stands before the last two digits where something goes before them, as in speech; there are no commas.

    Raises:
        ValueError: The number is not in 0..999,999.
    """
    check(0 <= number < BEYOND, "number", number, f"a whole number from 0 to {BEYOND - 1:,}")
    if number < 20:
        return ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return f"{TENS[tens]}-{ONES[ones]}" if ones else TENS[tens]
    unit, name = (100, "hundred") if number < 1000 else (1000, "thousand")
    count, rest = divmod(number, unit)
    joined = "" if not rest else f" and {english(rest)}" if rest < 100 else f" {english(rest)}"
    return f"{english(count)} {name}{joined}"


def chinese(number: int) -> str:
    """A number in Chinese: 305,021 is 三十万五千零二十一.

    Digits are counted in fours, so 万 is ten thousand. One 零 stands for zeros between digits of four, and for zeros
    at the head of the lower four; none for zeros at the end of the higher four (二十万五千, not 二十万零五千). Ten at
    the head is 十, elsewhere 一十. Two is always 二, never 两.

    Raises:
        ValueError: The number is not in 0..999,999.
    """
    check(0 <= number < BEYOND, "number", number, f"a whole number from 0 to {BEYOND - 1:,}")
    high, low = divmod(number, 10_000)
    text = f"{four_digits(high)}万" if high else ""
    text += "零" if high and 0 < low < 1000 else ""
    text += four_digits(low)
    return text.removeprefix("一") if text.startswith("一十") else text or "零"


def four_digits(number: int) -> str:
    """A number below 10,000 with 一十 for ten; nothing for zero."""
    text, gap = "", False
    for unit, name in UNITS:
        digit = number // unit % 10
        if digit:
            text += f"{'零' if gap and text else ''}{DIGITS[digit]}{name}"
        gap = digit == 0
    return text


class Words:
    """One token for each word of English, with the space before it, and for each other character.

    Joined as they are, the tokens give the text.
    """

    def __init__(self, texts: Iterable[str], special: Sequence[str] = ()) -> None:
        self.first = len(special)
        self.pieces = sorted({piece for text in texts for piece in self.split(text)})
        self.number = {piece: i for i, piece in enumerate(self.pieces, start=self.first)}
        self.size = self.first + len(self.pieces)

    @staticmethod
    def split(text: str) -> list[str]:
        """The pieces of a text: those of "twenty-one thousand" are "twenty", "-", "one", " thousand"."""
        return re.findall(r" ?[A-Za-z]+|.", text, re.DOTALL)

    def encode(self, text: str) -> list[int]:
        """One number for each piece."""
        pieces = self.split(text)
        if unknown := sorted(set(pieces) - set(self.number)):
            raise ValueError(f"the text has {unknown}; expected pieces that the training texts have: {self.pieces}")
        return [self.number[piece] for piece in pieces]

    def decode(self, tokens: Int64[Tensor, " n"] | Sequence[int]) -> str:
        """One piece for each number."""
        numbers = tokens.tolist() if isinstance(tokens, Tensor) else tokens
        return "".join(self.pieces[i - self.first] for i in numbers if i >= self.first)


def split_numbers() -> tuple[list[int], list[int]]:
    """The numbers to train on, and those held out: some of each number of digits from three to six.

    The numbers of six digits alone are nine tenths of all: drawn evenly, hardly one would be short.
    """
    random = Generator().manual_seed(SPLIT_SEED)
    drawn = [10**d + torch.randperm(9 * 10**d, generator=random)[:EACH] for d in (2, 3, 4, 5)]
    mixed = torch.cat(drawn)
    mixed = mixed[torch.randperm(len(mixed), generator=random)].tolist()
    return [*range(SMALL), *mixed[HELD_OUT:]], mixed[:HELD_OUT]


def numeral_pairs() -> Split:
    """English numerals and their Chinese."""
    train, held_out = ([(english(n), chinese(n)) for n in numbers] for numbers in split_numbers())
    return train, held_out


@cache
def numerals_tokeniser() -> Words:
    """Words and characters of the training numerals."""
    return Words(texts(numeral_pairs()[0]), SPECIAL)


def numerals() -> Data:
    """Numerals of 15,000 numbers in English, to be written in Chinese, and of 1,000 others held out.

    "three hundred and five" -> 三百零五. The numbers are from 0 to 999,999; the tables `english` and `chinese` are
    this file's own.
    """
    return as_data("numerals", *numeral_pairs(), numerals_tokeniser(), length=16)


# ------------------------------------------------------------------------------------------------ Multi30k


def multi30k_pairs() -> Split:
    """Captions of photographs: 29,000 of the training part, 1,000 of test_2016_flickr."""
    train, held_out = (
        list(zip(read_lines(f"{part}.en.gz"), read_lines(f"{part}.de.gz"), strict=True))
        for part in ("train", "test_2016_flickr")
    )
    return train, held_out


def read_lines(file: str) -> list[str]:
    """The lines of one of Multi30k's files, without what ends them."""
    return gzip.decompress(fetch("multi30k", file).read_bytes()).decode("utf-8").removesuffix("\n").split("\n")


@cache
def multi30k_tokeniser() -> BytePairs:
    """Byte pairs of the training captions, English and German together."""
    return BytePairs(texts(multi30k_pairs()[0]), 8000, SPECIAL)


def multi30k() -> Data:
    """Multi30k, task 1: 29,000 English captions of photographs with German translations, 1,000 held out.

    Elliott, Frank, Sima'an & Specia 2016, arXiv:1605.00459. The split is the published one, the texts are raw: neither
    split into words nor put into lower case. 1.3 MB are downloaded once.
    """
    return as_data("multi30k", *multi30k_pairs(), multi30k_tokeniser(), length=64)


# ------------------------------------------------------------------------------------------- pairs to tensors


def texts(pairs: Iterable[Pair]) -> list[str]:
    """Both sides of all pairs."""
    return [text for pair in pairs for text in pair]


def as_row(text: str, tokeniser: Tokeniser, length: int) -> list[int]:
    """`BOS ... EOS PAD ...`, of the length asked.

    Raises:
        ValueError: The text has more tokens than fit.
    """
    row = [BOS, *tokeniser.encode(text), EOS]
    check(len(row) <= length, "tokens", len(row), f"at most {length}, begin and end included, in {text!r}")
    return row + [PAD] * (length - len(row))


def as_tensor(pairs: Sequence[Pair], tokeniser: Tokeniser, length: int) -> Int64[Tensor, "n 2 {length}"]:
    """Pairs of texts as rows of tokens."""
    return torch.tensor([[as_row(text, tokeniser, length) for text in pair] for pair in pairs])


def as_data(name: str, train: Sequence[Pair], held_out: Sequence[Pair], tokeniser: Tokeniser, length: int) -> Data:
    """Pairs of texts as a data set; they have no classes."""
    parts = [as_tensor(pairs, tokeniser, length) for pairs in (train, held_out)]
    labels = [torch.zeros(len(part), dtype=torch.long) for part in parts]
    return Data(name, parts[0], labels[0], parts[1], labels[1], levels=tokeniser.size, decode=tokeniser.decode)


TRANSLATIONS: dict[str, Callable[[], Data]] = {"numerals": numerals, "multi30k": multi30k}
TOKENISERS: dict[str, Callable[[], Tokeniser]] = {"numerals": numerals_tokeniser, "multi30k": multi30k_tokeniser}
"""Each data set's own; made once in a process."""
