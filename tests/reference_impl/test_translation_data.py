"""The data sets of pairs, whole: numerals, and Multi30k where this machine has it; a test never downloads it."""

import gzip

import pytest
import torch

from reference_impl import download, translations
from reference_impl.data import Spec
from reference_impl.tokens import BOS, EOS, PAD
from tests.reference_impl.real_data import needs


@pytest.fixture(scope="module")
def multi30k():
    needs("multi30k")
    return translations.TRANSLATIONS["multi30k"]()


def published(file: str) -> list[str]:
    with gzip.open(download.fetch("multi30k", file), "rt", encoding="utf-8", newline="\n") as f:
        return [line.rstrip("\n") for line in f]


def test_rows_are_the_published_texts_in_their_order(multi30k):
    assert multi30k.spec == Spec((2, 64), 0, 8000)
    assert (len(multi30k.train), len(multi30k.held_out)) == (29_000, 1_000)
    for part, file in ((multi30k.held_out, "test_2016_flickr"), (multi30k.train[::100], "train")):
        for side, language in enumerate(("en", "de")):
            texts = published(f"{file}.{language}.gz")
            assert [multi30k.decode(row) for row in part[:, side]] == texts[:: len(texts) // len(part)]
    assert multi30k.decode(multi30k.train[0, 1]).startswith("Zwei junge weiße Männer")


def test_rows_begin_end_and_are_filled_up(multi30k):
    rows = torch.cat([multi30k.train, multi30k.held_out]).flatten(0, 1)
    assert (rows[:, 0] == BOS).all()
    assert ((rows == EOS).sum(dim=1) == 1).all()
    after = (rows == EOS).cumsum(dim=1) - (rows == EOS).long()
    assert torch.equal(after.bool(), rows == PAD)


def test_byte_pairs_are_learnt_from_the_training_part_alone_and_again_the_same(multi30k):
    tokeniser = translations.TOKENISERS["multi30k"]()
    train, _ = translations.multi30k_pairs()
    again = translations.BytePairs(translations.texts(train), 8000, translations.SPECIAL)
    assert again.tokenizer.to_str() == tokeniser.tokenizer.to_str()


def test_numerals_are_pairs_of_rows_whose_text_is_the_numbers_in_both_languages():
    data = translations.TRANSLATIONS["numerals"]()
    assert data.name == "numerals"
    assert data.spec == Spec((2, 16), 0, translations.TOKENISERS["numerals"]().size)
    assert (len(data.train), len(data.held_out)) == (15_000, 1_000)
    for part, numbers in zip((data.train, data.held_out), translations.split_numbers(), strict=True):
        for rows, number in list(zip(part, numbers, strict=True))[::50]:
            assert data.decode(rows[0]) == translations.english(number)
            assert data.decode(rows[1]) == translations.chinese(number)
