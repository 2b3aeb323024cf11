"""A made catalog in which every field of every kind is filled in, with the names that trip bibliographies up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atlas import Catalog, Entry
from atlas.model import KINDS
from atlas.vocabulary import Vocabulary

SITE = "https://atlas.example/site/"

_COMMON: dict[str, Any] = {
    "summary": {
        "en": "Shows how noise is added and taken away. " + "It needs some words to be long enough. " * 2 + "End.",
        "zh": "说明如何逐步加入噪声，再把噪声去掉。这里还需要再写一些字，才能达到最短的长度要求。",
    },
    "zh_of": "0123abcd",
    "former_urls": ["https://old.example.org/page"],
    "links": [{"rel": "code", "url": "https://code.example/a_b?c=d&e=%20#f"}],
    "modality": ["image", "text"],
    "task": ["text-to-image", "translation"],
    "family": ["diffusion"],
    "level": "intermediate",
    "status": "archived",
    "status_since": "2026-05",
    "status_note": {"en": "Kept as it was.", "zh": "保持原样。"},
    "relations": [{"type": "prerequisite", "target": "base", "note": {"en": "Chapter two.", "zh": "第二章。"}}],
    "verified": [
        {"date": "2026-11-02", "how": "snapshot", "against": ["https://example.org/page", "owner/repo:README.md"],
         "fields": ["title", "url"], "note": {"en": "An older copy.", "zh": "较早的副本。"}},
        {"date": "2026-11-05", "how": "page-read", "against": ["pypi:torch"], "fields": ["title"],
         "note": {"en": "The page itself.", "zh": "页面本身。"}},
    ],
    "added": "2026-11-01",
}  # fmt: skip

_OWN: Mapping[str, dict[str, Any]] = {
    "paper": {
        "former_titles": ["An Earlier Study of Noise"],
        "authors": [
            {"name": "Aaron van den Oord"},
            {"name": "Jürgen Schmidhuber"},
            {"name": "Daniel De Freitas", "family_name": "De Freitas"},
            {"name": "李"},
            {"name": "Example Research", "organisation": True},
        ],
        "year": 2019,
        "venue": {"name": "Journal of Noise", "year": 2020, "type": "journal"},
        "ids": {"arxiv": "1906.00001", "doi": "10.1000/a_b", "openreview": "Ab_c-1", "acl": "2020.acl-main.1"},
    },
    "tool": {
        "vendor": "Example Lab",
        "repo": "https://github.com/lab/kit",
        "packages": {"pypi": "noise-kit", "npm": "@lab/noise-kit", "conda": "noise_kit"},
        "licence": "Apache-2.0",
        "licence_note": {"en": "From version two on.", "zh": "自第二版起。"},
        "weights_licence": "MIT",
        "cost": "free",
        "access": ["library", "cli"],
        "api_key_required": True,
        "min_vram_gb": 8,
        "released": 2021,
    },
    "course": {
        "provider": "Example University",
        "instructors": [{"name": "李宏毅"}, {"name": "Martin Luther King Jr."}, {"name": "Diego de Las Casas"}],
        "format": ["video", "text"],
        "language": ["zh-Hans", "en"],
        "hours": 30,
        "cost": "free",
        "licence": "CC-BY-4.0",
        "licence_note": {"en": "The videos only.", "zh": "仅限视频。"},
        "prerequisites": {"en": "Some Python.", "zh": "会一些 Python。"},
        "revised": 2024,
    },
    "book": {
        "authors": [{"name": "Simon J.D. Prince"}, {"name": "邹雨衡"}],
        "year": 2023,
        "publisher": "Example Press",
        "isbn": "9780262035613",
        "language": ["en"],
        "cost": "paid",
        "licence": "CC-BY-4.0",
        "licence_note": {"en": "The drafts only.", "zh": "仅限草稿。"},
    },
    "dataset": {
        "authors": [{"name": "Alex Krizhevsky"}, {"name": "Example Research", "organisation": True}],
        "year": 2009,
        "repo": "https://github.com/lab/noise",
        "card": "https://example.org/card",
        "size": {"examples": 60000, "bytes": 1000000},
        "language": ["en"],
        "licence": "unstated",
        "licence_note": {"en": "No terms came with it.", "zh": "未附任何条款。"},
        "access": "open",
        "known_issues": {"en": "Some labels are wrong.", "zh": "部分标签有误。"},
    },
    "benchmark": {
        "authors": [{"name": "Dan Hendrycks"}],
        "year": 2020,
        "repo": "https://github.com/lab/score",
        "metrics": [
            {"name": "accuracy", "direction": "higher", "range": [0, 1]},
            {"name": "perplexity", "direction": "lower"},
        ],
        "datasets": ["full-dataset"],
        "leaderboard": "https://example.org/board",
        "saturated": True,
        "language": ["en"],
        "licence": "MIT",
        "licence_note": {"en": "The questions only.", "zh": "仅限题目。"},
    },
}


def entry(kind: str, identifier: str = "base", **fields: Any) -> Entry:
    """A full entry of a kind, checked as the catalog's own are; a field that is given as None is left out."""
    data = {
        "id": identifier,
        "kind": kind,
        "title": {"en": f"A Study of GANs, VQ-VAE and {kind.title()} Noise", "zh": "噪声研究"},
        "url": f"https://example.org/{identifier}",
        **_COMMON,
        "aliases": [f"former-{identifier}"],
        **_OWN[kind],
        **fields,
    }
    return KINDS[kind].model_validate({name: value for name, value in data.items() if value is not None})


def catalog(vocabularies: Mapping[str, Vocabulary]) -> Catalog:
    """One full entry of each kind."""
    entries = {"base": entry("paper", relations=None)}
    entries |= {f"full-{kind}": entry(kind, f"full-{kind}") for kind in KINDS}
    return Catalog(entries, vocabularies)
