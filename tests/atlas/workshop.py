"""A small good catalog to plant mistakes in: one entry of each kind, made from the model itself."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from atlas.model import FOLDERS, KINDS

ROOT = Path(__file__).parents[2]
KIND_OF = {folder: kind for kind, folder in FOLDERS.items()}

_COMMON = """\
id: {id}
kind: {kind}
title:
  en: "{title}"
  zh: {title_zh}
summary:
  en: >-
    {summary}
  zh: >-
    {summary_zh}
url: {url}
modality: [image]
task: [unconditional-generation]
family: [diffusion]
level: intermediate
status: active
verified:
  - date: "2026-11-23"
    how: snapshot
    against: ["owner/repo:README.md"]
    fields: [{fields}]
added: "2026-11-23"
"""
_OWN = {
    "paper": """\
authors:
  - name: {author}
year: {year}
venue:
  name: NeurIPS
  year: 2020
  type: conference
ids:
  arxiv: "{arxiv}"
""",
    "tool": """\
vendor: Example Lab
repo: https://github.com/example/{id}
licence: Apache-2.0
cost: free
access: [library]
""",
    "course": """\
provider: Example University
format: [video, text]
language: [en]
cost: free
""",
    "book": """\
authors:
  - name: Aston Zhang
year: 2023
isbn: "9780262048644"
language: [en]
cost: free
""",
    "dataset": """\
authors:
  - name: Alex Krizhevsky
year: 2009
size:
  examples: 60000
licence: MIT
access: open
""",
    "benchmark": """\
authors:
  - name: Dan Hendrycks
year: 2020
metrics:
  - name: accuracy
    direction: higher
    range: [0, 1]
""",
}
_WORDS = [
    "noise",
    "picture",
    "network",
    "sample",
    "step",
    "score",
    "bound",
    "latent",
    "token",
    "curve",
    "prior",
    "kernel",
    "margin",
    "vector",
    "basis",
    "sweep",
    "anchor",
    "filter",
    "signal",
    "method",
    "figure",
    "corner",
    "ladder",
    "bridge",
    "garden",
    "window",
    "forest",
    "lantern",
    "pocket",
    "ribbon",
    "harbour",
    "meadow",
    "copper",
    "silver",
    "carpet",
    "mirror",
    "engine",
    "branch",
    "valley",
    "summer",
    "winter",
]
_WORDS_ZH = list("噪声图像网络采样步骤得分上界潜量词元曲线先验核函边距向量基底滤波信号方法")


def good(
    folder: str, identifier: str, *, title: str | None = None, year: int = 2020, author: str = "", arxiv: str = ""
) -> str:
    """A good entry; its words depend on its id, so that no two look alike."""
    kind = KIND_OF[folder]
    source = random.Random(identifier)  # noqa: S311
    words = [source.choice(_WORDS) for _ in range(24)]
    arxiv = arxiv or f"2006.{source.randrange(20_000, 90_000)}"
    fields = [name for name in KINDS[kind].model_fields if name not in ("id", "kind", "verified", "added")]
    return (_COMMON + _OWN[kind]).format(
        id=identifier,
        kind=kind,
        title=title or " ".join(source.choice(_WORDS) for _ in range(6)).capitalize(),
        title_zh="".join(source.choice(_WORDS_ZH) for _ in range(6)),
        summary=" ".join(words).capitalize() + ".",
        summary_zh="".join(source.choice(_WORDS_ZH) for _ in range(40)) + "。",
        url=f"https://arxiv.org/abs/{arxiv}" if kind == "paper" else f"https://{identifier}.example.org/home",
        fields=", ".join(fields),
        author=author or "Jürgen Schmidhuber",
        year=year,
        arxiv=arxiv,
    )


BASE: Mapping[str, str] = {
    "papers/vae": good("papers", "vae", title="Auto-Encoding Variational Bayes", year=2013, arxiv="1312.6114"),
    "papers/ddpm": good(
        "papers", "ddpm", title="Denoising Diffusion Probabilistic Models", author="Jonathan Ho", arxiv="2006.11239"
    )
    + "relations:\n  - type: builds_on\n    target: vae\n",
    "tools/diffusers": good("tools", "diffusers", title="Diffusers")
    + "relations:\n  - type: implements\n    target: ddpm\n",
    "courses/hf-course": good("courses", "hf-course"),
    "books/d2l": good("books", "d2l"),
    "datasets/cifar-10": good("datasets", "cifar-10", title="CIFAR-10"),
    "benchmarks/mmlu": good("benchmarks", "mmlu", title="MMLU"),
}
"""A good catalog: text by folder and id."""


def blocks(text: str) -> list[tuple[str | None, str]]:
    """An entry's text in pieces that begin with a field at the left margin, each with the field's name."""
    pieces: list[tuple[str | None, str]] = []
    for line in re.split(r"(?<=\n)", text):
        name = re.match(r"\ufeff?(?:# )?([A-Za-z_]+)(?=[:：\u00a0])", line)
        if name or not pieces:
            pieces.append((name[1] if name else None, line))
        else:
            pieces[-1] = (pieces[-1][0], pieces[-1][1] + line)
    return [piece for piece in pieces if piece[1]]


def with_fields(entry: str, fields: str) -> str:
    """An entry with some fields replaced; fields that name none of an entry's replace all of it."""
    changed = {name for name, _ in blocks(fields) if name}
    if not changed:
        return fields
    kept = "".join(text for name, text in blocks(entry) if name not in changed)
    return fields + kept if fields.startswith("\ufeff") else kept + fields


def build(root: Path, files: Mapping[str, str] = BASE) -> Path:
    """Write a catalog with the project's own vocabularies."""
    shutil.copytree(ROOT / "catalog" / "vocabulary", root / "catalog" / "vocabulary")
    for name, text in files.items():
        write(root / "catalog" / f"{name}.yaml", text)
    return root


def implement(root: Path) -> None:
    """Add an implementation that relations can name: a module with a test and a page."""
    write(root / "reference_impl/diffusion/ddpm.py", "def alpha(beta): ...\n")
    write(root / "tests/reference_impl/diffusion/test_ddpm.py", "def test_alpha(): ...\n")
    write(root / "docs/en/methods/diffusion/ddpm.md", "")


def write(file: Path, text: str) -> None:
    """Write exactly this text; a lone surrogate stands for a byte that is no UTF-8."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode("utf-8", errors="surrogateescape"))


def files_of(example: str) -> Iterable[tuple[str, str, str]]:
    """The files of a rule's example: path, what is said of it in brackets, and the lines."""
    parts = re.split(r"^# ((?:catalog|docs)/\S+)(?: \(([^)]+)\))?\n", example, flags=re.MULTILINE)
    if len(parts) == 1:
        yield "catalog/papers/ddpm.yaml", "", example
    for place in range(1, len(parts), 3):
        yield parts[place], parts[place + 1] or "", parts[place + 2]
