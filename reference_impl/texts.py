"""The texts that language models learn, by name. Each is a `Data` of tokens, with a tokeniser of its own.

`docs` is Python's own documentation and needs no network; the others come through `reference_impl.download`. To train
on there are windows of the text, one from each place; held out is a text as a whole, one number for each token. Token 0
is what stands before a text: a line break, or a mark of its own where tokens are byte pairs.
"""

import json
from collections import Counter
from collections.abc import Callable
from functools import cache

import torch

from reference_impl.data import Data
from reference_impl.download import fetch
from reference_impl.tokens import BytePairs, Characters, Tokeniser

WINDOW = 256
"""Tokens that a window predicts; it has one more, for the first one has to be given."""
SPLIT_SEED = 0
DOCS_HELD_OUT = 0.2
DOCS_PIECES = 1024
"""Byte pairs, marks and bytes included, of `docs_bpe`."""
RARE = 3
"""Characters that the poems to train on have less often than this are written □, as scholars write illegible ones."""
BLANK = "□"


def split(texts: list[str], share: float) -> tuple[list[str], list[str]]:
    """Texts to train on, and a share of them held out, whole ones; both in their old order."""
    order = torch.randperm(len(texts), generator=torch.Generator().manual_seed(SPLIT_SEED)).tolist()
    held_out = set(order[: round(share * len(texts))])
    return (
        [text for i, text in enumerate(texts) if i not in held_out],
        [text for i, text in enumerate(texts) if i in held_out],
    )


def written_with(texts: list[str], known: set[str], other: str) -> list[str]:
    """The texts in known characters, with another one in the place of each that is not known."""
    return ["".join(c if c in known else other for c in text) for text in texts]


@cache
def docs_texts() -> tuple[list[str], list[str]]:
    """Python's help topics, some of them held out; what the former never use is written "?" in the latter.

    Many topics repeat others as a whole, so a paragraph that has stood before is left out: more than half of the lines
    held out would otherwise be in the training text as well.
    """
    from pydoc_data.topics import topics

    seen: set[str] = set()
    unique = []
    for name in sorted(topics):
        paragraphs = []
        for paragraph in topics[name].split("\n\n"):
            if paragraph.strip() and paragraph.strip() not in seen:
                seen.add(paragraph.strip())
                paragraphs.append(paragraph)
        unique.append("\n\n".join(paragraphs))
    train, held_out = split([text for text in unique if text], DOCS_HELD_OUT)
    known = set("".join(train))
    return train, written_with(held_out, known, "?")


@cache
def shakespeare_texts() -> tuple[str, str]:
    """Tiny-shakespeare: scenes from the plays, the last tenth held out, as nanoGPT does."""
    text = fetch("tiny-shakespeare", "input.txt").read_text(encoding="utf-8")
    end = int(0.9 * len(text))
    return text[:end], text[end:]


@cache
def poetry_texts() -> tuple[list[str], list[str]]:
    """Poems of the Tang, in traditional characters, a twentieth of them held out; rare characters are written □."""
    poems: list[str] = []
    for i in range(0, 8000, 1000):
        name = f"poet.tang.{i}.json"
        read = json.loads(fetch("chinese-poetry", name).read_text(encoding="utf-8"))
        poems += ["".join(poem["paragraphs"]) for poem in read]
    train, held_out = split([poem for poem in poems if poem], 0.05)
    counts = Counter("".join(train))
    known = {character for character, n in counts.items() if n >= RARE}
    return written_with(train, known, BLANK), written_with(held_out, known, BLANK)


def joined(texts: list[str]) -> str:
    """Each text with a line break before it, and one after the last."""
    return "".join("\n" + text for text in texts) + "\n"


@cache
def docs_tokeniser() -> Tokeniser:
    """The characters of the help topics."""
    return Characters(joined(docs_texts()[0]))


@cache
def docs_bpe_tokeniser() -> Tokeniser:
    """Byte pairs of the help topics, with a mark that begins a text."""
    return BytePairs(docs_texts()[0], DOCS_PIECES, special=("<bos>",))


@cache
def shakespeare_tokeniser() -> Tokeniser:
    """The 65 characters of the plays."""
    return Characters(shakespeare_texts()[0])


@cache
def poetry_tokeniser() -> Tokeniser:
    """The characters that the poems have three times or more."""
    return Characters(joined(poetry_texts()[0]))


def as_data(name: str, tokeniser: Tokeniser, train: list[int], held_out: list[int]) -> Data:
    """Windows of the one text, and the other as a whole."""
    windows = torch.tensor(train).unfold(0, WINDOW + 1, 1)
    whole = torch.tensor(held_out)
    return Data(
        name,
        windows,
        torch.zeros(len(windows), dtype=torch.long),
        whole,
        torch.zeros(len(whole), dtype=torch.long),
        levels=tokeniser.size,
        decode=tokeniser.decode,
    )


def docs() -> Data:
    """Python's own documentation, as `help()` shows it: some 0.4 M characters (they vary with Python's version)."""
    tokeniser, (train, held_out) = docs_tokeniser(), docs_texts()
    return as_data("docs", tokeniser, tokeniser.encode(joined(train)), tokeniser.encode(joined(held_out)))


def docs_bpe() -> Data:
    """The same text as byte pairs."""
    tokeniser = docs_bpe_tokeniser()
    train, held_out = ([n for text in texts for n in (0, *tokeniser.encode(text))] for texts in docs_texts())
    return as_data("docs_bpe", tokeniser, train, held_out)


def shakespeare() -> Data:
    """Tiny-shakespeare: 1.1 M characters of the plays, 65 different ones; 111,540 are held out."""
    tokeniser, (train, held_out) = shakespeare_tokeniser(), shakespeare_texts()
    return as_data("shakespeare", tokeniser, tokeniser.encode(train), tokeniser.encode(held_out))


def poetry() -> Data:
    """8,007 poems of the Tang (from chinese-poetry): half a million characters, one poem on each line."""
    tokeniser, (train, held_out) = poetry_tokeniser(), poetry_texts()
    return as_data("poetry", tokeniser, tokeniser.encode(joined(train)), tokeniser.encode(joined(held_out)))


TEXTS: dict[str, Callable[[], Data]] = {
    "docs": docs,
    "docs_bpe": docs_bpe,
    "shakespeare": shakespeare,
    "poetry": poetry,
}
TOKENISERS: dict[str, Callable[[], Tokeniser]] = {
    "docs": docs_tokeniser,
    "docs_bpe": docs_bpe_tokeniser,
    "shakespeare": shakespeare_tokeniser,
    "poetry": poetry_tokeniser,
}
