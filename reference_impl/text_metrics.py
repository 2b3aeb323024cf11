"""Numbers that say what written texts are worth, beside what real texts get."""

import math
import re

import torch
from jaxtyping import Int64
from torch import Tensor

from reference_impl.data import Data

COPIES_OF = 16
"""Samples whose longest copied passage is looked for: each takes hundreds of searches through the training text."""


def words(text: str) -> list[str]:
    """The words of a text but its first and its last, which may be cut off: three letters or more, in lower case."""
    return re.findall(r"[a-z]{3,}", text.lower())[1:-1]


def unknown_words(text: str, known: set[str]) -> float:
    """The share of a text's words that the training text does not have."""
    found = words(text)
    return sum(word not in known for word in found) / max(1, len(found))


def irregular(lines: list[str]) -> float:
    """The share of poems, one on each line, whose verses do not all have one number of characters.

    A poem is cut into verses at the punctuation. It is regular if it has at least four verses, an even number of them,
    and as many characters in each as in the first.
    """

    def regular(poem: str) -> bool:
        verses = [verse for verse in re.split("[，。？！；、：]", poem) if verse]
        return len(verses) >= 4 and len(verses) % 2 == 0 and len({len(verse) for verse in verses}) == 1

    return sum(not regular(line) for line in lines) / max(1, len(lines))


def whole_lines(text: str) -> list[str]:
    """The lines of a text but the last, which may be cut off; empty ones do not count."""
    return [line for line in text.split("\n")[:-1] if line]


def longest_copy(text: str, source: str) -> int:
    """The length of the longest passage of a text that the source has too, character by character."""
    best, end = 0, 1
    for start in range(len(text)):
        while end <= len(text) and text[start:end] in source:
            best, end = max(best, end - start), end + 1
        end = max(end, start + 2)
    return best


def text_of(windows: Int64[Tensor, "n length"], data: Data) -> str:
    """The text that the training windows were cut from, one from each place."""
    return data.decode(torch.cat([windows[:, 0], windows[-1, 1:]]))


def compare_texts(data: Data, samples: Int64[Tensor, "n length"], loss: float) -> dict[str, float]:
    """The numbers of written texts; those ending in `_real` are what as much of the held-out text gets.

    - `bits_per_byte`: the loss for each byte of the held-out text in UTF-8, whatever the tokens are;
    - `unknown_words`: the share of words that the training text does not have (of poems: `irregular`);
    - `copied`: how long the longest passage is that a sample shares with the training text, the mean over samples.

    Args:
        data: The data; `held_out` is one text.
        samples: New texts.
        loss: Nats for each token of the held-out text but the first.
    """
    train = text_of(data.train, data)
    held_out = data.held_out[1:]
    numbers = {"bits_per_byte": loss * len(held_out) / math.log(2) / len(data.decode(held_out).encode())}
    length = samples.shape[1]
    n = min(len(samples), max(1, len(data.held_out) // length))
    real = data.held_out[: n * length].reshape(n, -1)
    for suffix, texts in (("", [data.decode(row) for row in samples]), ("_real", [data.decode(row) for row in real])):
        if data.name == "poetry":
            # a real window starts amid a poem
            lines = [line for text in texts for line in whole_lines(text if not suffix else text.partition("\n")[2])]
            numbers[f"irregular{suffix}"] = irregular(lines)
        else:
            numbers[f"unknown_words{suffix}"] = unknown_words(" ".join(texts), set(words(train)))
        copies = [longest_copy(text, train) for text in texts[:COPIES_OF]]
        numbers[f"copied{suffix}"] = sum(copies) / len(copies)
    return numbers
