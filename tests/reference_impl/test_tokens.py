"""Tokenisers: what is written is read back, and nothing in a text is taken for more than text."""

from collections import Counter
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl.tokens import BOS, EOS, PAD, SPECIAL, BytePairs, Characters, Tokeniser

TEXTS = ["the cat sat on the mat", "the dog sat on the log", "三百零五 is 305"] * 3


@pytest.fixture(scope="module")
def pairs() -> BytePairs:
    return BytePairs(TEXTS, 300, SPECIAL)


def test_characters_are_numbered_in_their_order_after_the_marks():
    tokeniser = Characters("banana\n", SPECIAL)
    assert isinstance(tokeniser, Tokeniser)
    assert tokeniser.size == 3 + 4
    assert tokeniser.encode("\nab") == [3, 4, 5]
    assert Characters("banana\n").encode("\nab") == [0, 1, 2]
    assert tokeniser.decode(torch.tensor([BOS, 4, 5, EOS, PAD, PAD])) == "ab"
    assert tokeniser.decode([4, 5]) == "ab"


def test_a_character_that_the_training_text_lacks_is_named_with_those_that_it_has():
    with pytest.raises(ValueError, match="the text has 'xz'; expected characters that the training text has: 'abn'"):
        Characters("banana").encode("zax")


@settings(max_examples=50, deadline=None)
@given(text=st.text())
def test_byte_pairs_read_back_every_text(text):
    pairs = BytePairs(TEXTS, 300, SPECIAL)
    assert pairs.decode(pairs.encode(text)) == text


def test_byte_pairs_begin_with_bytes_and_join_what_is_frequent(pairs):
    """The first merges are those of the definition: the most frequent pair of neighbours, again and again."""
    assert isinstance(pairs, Tokeniser)
    assert 256 + 3 < pairs.size <= 300
    words = Counter(word for text in TEXTS for word in text.replace(" ", " Ġ").split())
    pieces = {word: list(word) for word in words if word.isascii() or word.startswith("Ġ")}
    counted: Counter[tuple[str, str]] = Counter()
    for word, parts in pieces.items():
        for pair in pairwise(parts):
            counted[pair] += words[word]
    best = max(counted.values())
    first = pairs.tokenizer.id_to_token(256 + 3)
    assert first in {a + b for (a, b), n in counted.items() if n == best}
    assert len(pairs.encode("the cat")) < len("the cat")


def test_byte_pairs_are_learnt_alike_each_time(pairs):
    again = BytePairs(TEXTS, 300, SPECIAL)
    assert again.tokenizer.to_str() == pairs.tokenizer.to_str()


def test_a_text_that_spells_a_mark_stays_a_text(pairs):
    tokens = pairs.encode("<pad><bos>")
    assert not {PAD, BOS, EOS} & set(tokens)
    assert pairs.decode(tokens) == "<pad><bos>"
    assert pairs.decode([PAD, BOS, *pairs.encode("cat"), EOS]) == "cat"


def test_fewer_pieces_than_bytes_are_refused():
    with pytest.raises(ValueError, match="size is 258; expected at least 259: every byte is a token"):
        BytePairs(TEXTS, 258, SPECIAL)
