"""The two languages of one summary: the Chinese is of this English text, and both hold the same numbers and names."""

from __future__ import annotations

import re
from decimal import Decimal

from atlas.checks.draft import Draft
from atlas.fields import HAN, translation_stamp
from atlas.problem import shortened

# Not the number of a name: GPT-3, CIFAR-10 and T5 are words.
_NUMBER = re.compile(
    r"(?<![\w.])(?<![A-Za-z]-)(\d+(?:,\d{3})*(?:\.\d+)?)"
    r"([KMBT](?![A-Za-z0-9])|[\s-]*(?:thousand|million|billion|trillion|万亿|千万|百万|[千万亿]))?"
)
_AFTER_HAN = re.compile(rf"(?<=[{HAN}])(?=\d)")
_UNITS = {
    "thousand": 10**3, "K": 10**3, "million": 10**6, "M": 10**6, "billion": 10**9, "B": 10**9, "trillion": 10**12,
    "T": 10**12, "千": 10**3, "万": 10**4, "百万": 10**6, "千万": 10**7, "亿": 10**8, "万亿": 10**12,
}  # fmt: skip


def numbers(text: str) -> set[Decimal]:
    """The numbers above ten that a text states in digits, units such as billion or 亿 worked out.

    Small numbers are left out: one language writes them as words where the other writes digits.

    >>> numbers("175 billion") == numbers("1750 亿")
    True
    """
    found = set()
    for digits, unit in _NUMBER.findall(_AFTER_HAN.sub(" ", text)):
        found.add(Decimal(digits.replace(",", "")) * _UNITS.get(unit.strip(" -"), 1))
    return {number for number in found if number > 10 or number != int(number)}


_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_GLOSS = re.compile(r"（[A-Za-z0-9][A-Za-z0-9. -]*）")
# Abbreviations that Chinese text may write as a word, by the words that stand for them.
_WORDS = {
    "AI": "人工智能", "API": "接口", "ASR": "语音识别", "CNN": "卷积", "CPU": "处理器", "GAN": "生成对抗网络",
    "GPU": "显卡|显存|加速卡|[AHV]100", "IQ": "智商|智力", "LLM": "语言模型|大模型", "MIT": "麻省理工",
    "ML": "机器学习", "MLP": "多层感知机", "NLP": "自然语言处理", "OCR": "文字识别", "PhD": "博士", "QA": "问答",
    "RAM": "内存", "RL": "强化学习", "RNN": "循环神经网络|循环网络", "SSM": "状态空间模型", "TTS": "语音合成",
    "UI": "界面", "UK": "英国", "URL": "网址|地址", "US": "美国|美式", "VAE": "变分自编码器",
    "VLM": "视觉语言模型|视觉-语言模型",
}  # fmt: skip


def names(text: str) -> dict[str, str]:
    """The words in Latin letters of a text, by how they are compared: without case, and without the plural's s.

    >>> names("GANs and U-Net")
    {'gan': 'GANs', 'and': 'and', 'u': 'U', 'net': 'Net'}
    """
    return {_folded(word): word for word in _WORD.findall(text)}


def _folded(word: str) -> str:
    return word[:-1].lower() if word.endswith("s") and len(word) > 2 else word.lower()


def _is_name(word: str) -> bool:
    """Whether a translation keeps this word: LoRA and T5, but not Bayes, which Chinese writes in its own way."""
    return sum(letter.isupper() for letter in word) > 1 or (word[0].isupper() and any(map(str.isdigit, word)))


def only_in_one(english: str, chinese: str) -> list[str]:
    """The names that one of two texts lacks: of the English one acronyms and the like, of the Chinese one every word.

    An abbreviation in brackets, as in 字节对编码（BPE）, explains the Chinese word before it and may stand alone.
    """
    here, there = names(english), names(chinese)
    missing = [
        word
        for key, word in here.items()
        if _is_name(word) and key not in there and not re.search(_WORDS.get(word.removesuffix("s"), "$^"), chinese)
    ]
    return missing + [word for key, word in names(_GLOSS.sub("", chinese)).items() if key not in here]


def check(draft: Draft) -> None:
    """Compare the two languages of an entry's summary."""
    english, chinese = draft.text("summary", "en"), draft.text("summary", "zh")
    stamp = draft.text("zh_of")
    if english and stamp is not None and stamp != (current := translation_stamp(english)):
        draft.document.report("AA309", ("zh_of",), value=shortened(stamp), current=current)
    if not english or not chinese:
        return
    if different := numbers(english) ^ numbers(chinese):
        shown = ", ".join(f"{number.normalize():f}" for number in sorted(different))
        draft.document.report("AA308", ("summary", "zh"), value=shortened(shown))
    # A title may bring the name to which one of the languages refers by a word.
    title = " ".join(filter(None, (draft.text("title", "en"), draft.text("id"))))
    known = names(title)
    if apart := [word for word in only_in_one(english, chinese) if _folded(word) not in known]:
        draft.document.report("AA321", ("summary", "zh"), value=shortened(", ".join(apart)))
