"""The texts: split without leaks, cut into windows, and back into the text that they were."""

import json
import sys
from itertools import pairwise

import pytest
import torch

from reference_impl import texts
from reference_impl.datasets import DATA, TOKENISERS
from reference_impl.text_metrics import text_of
from tests.reference_impl.real_data import needs


@pytest.fixture(params=["docs", "docs_bpe", "shakespeare", "poetry"])
def name(request):
    if request.param == "shakespeare":
        needs("tiny-shakespeare")
    if request.param == "poetry":
        needs("chinese-poetry")
    return request.param


def test_windows_are_cut_from_each_place_and_make_up_the_text(name):
    data = DATA[name]()
    assert data.train.shape[1:] == (texts.WINDOW + 1,) == data.spec.shape
    assert data.held_out.ndim == 1
    assert data.spec.levels == TOKENISERS[name]().size == max(data.train[:, 0].max(), data.held_out.max()) + 1
    for i in (0, 1, 1000):
        assert torch.equal(data.train[i, 1:], data.train[i + 1, :-1])
    again = TOKENISERS[name]().encode(text_of(data.train, data))
    tokens = torch.cat([data.train[:, 0], data.train[-1, 1:]])
    if name == "docs_bpe":  # marks are no text
        tokens = tokens[tokens > 0]
        assert len(tokens) <= 1.01 * len(again)
    else:
        assert tokens.tolist() == again


def test_nothing_is_in_both_parts(name):
    """Hardly a line of some length in the held-out text stands in the training text: only a manual's set phrases."""
    data = DATA[name]()
    train, held_out = text_of(data.train, data), data.decode(data.held_out)
    lines = {line for line in held_out.split("\n") if len(line) > 40}
    assert len(lines) > 50
    assert sum(line in train for line in lines) <= 0.02 * len(lines)


def test_a_tokeniser_knows_the_training_text_alone():
    """A character that only the held-out part has is not in the vocabulary."""
    train, held_out = texts.split([f"{i:03d}" for i in range(50)] + ["€"] * 50, 0.5)
    assert sorted(train + held_out) == sorted([f"{i:03d}" for i in range(50)] + ["€"] * 50)
    assert texts.split(["a", "b", "c", "d"], 0.25) == texts.split(["a", "b", "c", "d"], 0.25)
    from pydoc_data.topics import topics

    kept, out = texts.docs_texts()
    assert 0.8 * len(topics) < len(kept) + len(out) <= len(topics)
    assert len(out) == round(texts.DOCS_HELD_OUT * (len(kept) + len(out)))
    paragraphs = [part.strip() for text in kept for part in text.split("\n\n")]
    assert len(set(paragraphs)) == len(paragraphs)
    assert {part.strip() for text in topics.values() for part in text.split("\n\n")} >= set(paragraphs)
    assert set("".join(out)) <= set("".join(kept)) | {"?"}
    assert TOKENISERS["docs"]().size == len(set("".join(kept)) | {"\n"})


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the help topics are those of Python 3.11")
def test_docs_are_pythons_own_topics():
    data = DATA["docs"]()
    assert 250_000 < len(data.train) < 400_000
    assert '\nThe "for" statement' in text_of(data.train, data) + data.decode(data.held_out)


def test_tiny_shakespeare_is_split_as_nanogpt_splits_it():
    needs("tiny-shakespeare")
    data = DATA["shakespeare"]()
    assert (len(data.train) + texts.WINDOW, len(data.held_out), data.spec.levels) == (1_003_854, 111_540, 65)
    assert TOKENISERS["shakespeare"]().encode("\n") == [0]


def test_poems_stand_one_on_each_line_and_rare_characters_are_blanks():
    needs("chinese-poetry")
    train, held_out = texts.poetry_texts()
    assert len(train) + len(held_out) == 8007
    counts = {c: "".join(train).count(c) for c in set("".join(train))}
    assert min(counts.values()) >= texts.RARE
    assert counts[texts.BLANK] > 112  # as many as the source has, and the rare ones
    assert set("".join(held_out)) <= set(counts)
    data = DATA["poetry"]()
    lines = text_of(data.train, data).strip("\n").split("\n")
    assert lines == train
    assert not any("\n" in poem for poem in train + held_out)


def test_a_text_begins_with_token_zero(name):
    data = DATA[name]()
    assert data.train[0, 0] == 0 or name == "shakespeare"
    if name in ("docs", "docs_bpe", "poetry"):
        assert data.held_out[0] == 0


def test_joined_texts_have_a_line_break_before_each_and_after_the_last():
    assert texts.joined(["a", "b"]) == "\na\nb\n"


def test_a_poem_of_the_source_is_read_paragraph_by_paragraph(tmp_path, monkeypatch):
    for i in range(0, 8000, 1000):
        poems = [{"paragraphs": [f"春眠不覺曉{i}，", "處處聞啼鳥。"]}, {"paragraphs": []}] * 2
        (tmp_path / f"poet.tang.{i}.json").write_text(json.dumps(poems), encoding="utf-8")
    monkeypatch.setattr(texts, "fetch", lambda _, name: tmp_path / name)
    train, held_out = texts.poetry_texts.__wrapped__()
    assert len(train) + len(held_out) == 16  # the empty ones are left out
    assert all(poem.endswith("處處聞啼鳥。") for poem in train)
    assert all(a != "" for a, _ in pairwise(train))
