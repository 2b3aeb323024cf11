"""Tokenisers: text to whole numbers and back, by characters or by byte pairs.

A tokeniser is made from the training part of a data set alone: one that has seen the held-out part has learnt from it.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from jaxtyping import Int
from torch import Tensor

PAD, BOS, EOS = 0, 1, 2
"""The tokens of rows of unequal length: what fills them up, what begins a text, and what ends it."""
SPECIAL = ("<pad>", "<bos>", "<eos>")


@runtime_checkable
class Tokeniser(Protocol):
    """Text to tokens and back."""

    size: int
    """How many tokens there are."""

    def encode(self, text: str) -> list[int]:
        """A text's tokens.

        Raises:
            ValueError: The text has a character that the tokeniser cannot write.
        """

    def decode(self, tokens: Int[Tensor, " n"] | Sequence[int]) -> str:
        """The text of tokens; what is no text (padding, begin, end) is left out."""


class Characters:
    """One token for each character that occurs in a text, in the order of their code points."""

    def __init__(self, text: str, special: Sequence[str] = ()) -> None:
        self.first = len(special)
        self.characters = sorted(set(text))
        self.number = {character: i for i, character in enumerate(self.characters, start=self.first)}
        self.size = self.first + len(self.characters)

    def encode(self, text: str) -> list[int]:
        """One number for each character."""
        if unknown := sorted(set(text) - set(self.number)):
            known = "".join(self.characters)
            raise ValueError(
                f"the text has {''.join(unknown)!r}; expected characters that the training text has: "
                f"{known[:60]!r}{' ...' if len(known) > 60 else ''}"
            )
        return [self.number[character] for character in text]

    def decode(self, tokens: Int[Tensor, " n"] | Sequence[int]) -> str:
        """One character for each number."""
        numbers = tokens.tolist() if isinstance(tokens, Tensor) else tokens
        return "".join(self.characters[i - self.first] for i in numbers if i >= self.first)


class BytePairs:
    """Byte-pair encoding (Sennrich, Haddow & Birch 2016) over bytes, as in GPT-2, by the library `tokenizers`.

    The pieces begin as the 256 bytes; the pair of neighbours that is most frequent becomes a piece of its own, again
    and again. Every text can be written, whatever its characters.
    """

    def __init__(self, texts: Iterable[str], size: int, special: Sequence[str] = ()) -> None:
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers  # only byte pairs need it

        if size < 256 + len(special):
            raise ValueError(f"size is {size}; expected at least {256 + len(special)}: every byte is a token")
        self.tokenizer = Tokenizer(models.BPE())
        self.tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        self.tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=size,
            special_tokens=list(special),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        self.tokenizer.train_from_iterator(texts, trainer)
        self.tokenizer.encode_special_tokens = True  # "<pad>" in a text is five letters, not padding
        self.size = self.tokenizer.get_vocab_size()

    def encode(self, text: str) -> list[int]:
        """The pieces, joined as often as the merges allow, in the order in which they were learnt."""
        found: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return found

    def decode(self, tokens: Int[Tensor, " n"] | Sequence[int]) -> str:
        """The bytes of the pieces, read as UTF-8; a character that is cut in two becomes U+FFFD."""
        numbers = tokens.tolist() if isinstance(tokens, Tensor) else list(tokens)
        text: str = self.tokenizer.decode(numbers, skip_special_tokens=True)
        return text
