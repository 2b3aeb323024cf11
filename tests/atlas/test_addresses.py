"""Spellings of one address are one address; different ones stay apart; what is preferred is preferred for good."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.addresses import (
    arxiv_id_of,
    canonical_url,
    forge_repository,
    is_proceedings,
    is_public_host,
    preferred,
    unbalanced,
)

SAME = [
    {
        "https://arxiv.org/abs/2006.11239", "https://arxiv.org/abs/2006.11239v2", "http://www.arxiv.org/pdf/2006.11239",
        "https://arxiv.org/pdf/2006.11239v1.pdf", "https://export.arxiv.org/abs/2006.11239",
        "https://arxiv.org/html/2006.11239v2", "https://huggingface.co/papers/2006.11239",
        "https://hf.co/papers/2006.11239", "https://www.alphaxiv.org/abs/2006.11239v2",
        "https://ar5iv.labs.arxiv.org/html/2006.11239", "https://doi.org/10.48550/arXiv.2006.11239",
        "https://doi.org/10.48550/ARXIV.2006.11239",
    },
    {"https://arxiv.org/abs/cs/0501001", "https://arxiv.org/pdf/cs/0501001v3", "https://export.arxiv.org/abs/CS/0501001"},
    {
        "https://github.com/Foo/Bar", "http://github.com/foo/bar", "https://www.github.com/foo/bar/",
        "https://github.com/foo/bar.git", "https://github.com/foo/bar/tree/main",
        "https://github.com/foo/bar?tab=readme-ov-file", "https://github.com/foo/bar#readme",
    },
    {"https://github.com/foo/bar/tree/main/docs"},
    {"https://github.com/foo/bars"},
    {
        "https://www.youtube.com/watch?v=kCc8FmEb1nY", "https://youtu.be/kCc8FmEb1nY", "https://youtu.be/kCc8FmEb1nY?si=x",
        "https://m.youtube.com/watch?v=kCc8FmEb1nY", "https://www.youtube.com/embed/kCc8FmEb1nY",
        "https://www.youtube.com/watch?v=kCc8FmEb1nY&feature=youtu.be",
    },
    {"https://www.youtube.com/watch?v=kCc8FmEb1nX"},
    {"https://a.example.org/x?b=1&a=2", "https://a.example.org/x/?a=2&b=1&utm_source=z", "https://A.example.org/x?a=2&b=1#c"},
    {"https://a.example.org/X?a=2&b=1"},
]  # fmt: skip


@pytest.mark.parametrize("spellings", SAME, ids=lambda spellings: min(spellings, key=len))
def test_spellings_of_one_address_are_equal(spellings: set[str]) -> None:
    assert len({canonical_url(address) for address in spellings}) == 1


def test_different_addresses_stay_apart() -> None:
    for one, other in combinations(SAME, 2):
        assert {canonical_url(address) for address in one}.isdisjoint(canonical_url(address) for address in other)


@pytest.mark.parametrize("address", sorted(set().union(*SAME)))
def test_what_is_preferred_needs_no_better_form_and_leads_to_the_same(address: str) -> None:
    better = preferred(address)
    if better is not None:
        assert preferred(better) is None
        assert canonical_url(better) == canonical_url(address)


@pytest.mark.parametrize(
    "address",
    ["https://evilarxiv.org/abs/2006.11239", "https://arxiv.org.evil.example/abs/2006.11239",
     "https://arxiv.org/list/cs",
     "https://example.org/?u=arxiv.org/abs/2006.11239", "https://huggingface.co/openai/papers/2006.11239"],
)  # fmt: skip
def test_what_only_looks_like_an_arxiv_address_is_none(address: str) -> None:
    assert arxiv_id_of(address) is None


@pytest.mark.parametrize(
    ("host", "public"),
    [("github.com", True), ("1.1.1.1", False), ("127.1", False), ("2130706433", False), ("0x7f.1", False),
     ("::1", False), ("localhost", False), ("a.localhost", False), ("printer.local", False), ("x.onion", False),
     ("onion.example", True),
     ("localhost.", False)],
)  # fmt: skip
def test_public_hosts(host: str, public: bool) -> None:
    assert is_public_host(host) is public


def test_repositories_of_other_hosts_are_none() -> None:
    assert forge_repository("https://evilgithub.com/a/b") is None
    assert forge_repository("https://gitlab.com/group/sub/project/") == "https://gitlab.com/group/sub/project"


@pytest.mark.parametrize(
    ("url", "proceedings"),
    [("https://papers.nips.cc/paper/5775-learning-structured-output", True), ("https://papers.nips.cc/", False),
     ("https://www.jmlr.org/papers/v3/bengio03a.html", True), ("https://nips.cc/paper/5775", False),
     ("https://papers.nips.cc.example.org/paper/1", False), ("https://[x", False), ("", False)],
)  # fmt: skip
def test_pages_of_proceedings(url: str, proceedings: bool) -> None:
    assert is_proceedings(url) == proceedings


def test_brackets() -> None:
    assert not unbalanced("https://en.wikipedia.org/wiki/Diffusion_(physics)")
    assert unbalanced("https://en.wikipedia.org/wiki/Diffusion_(physics")


@given(st.text(max_size=60) | st.text("htps:/.?#[]()@%&=aW", max_size=40))
def test_no_text_breaks_them(text: str) -> None:
    for address in (text, f"https://{text}"):
        canonical_url(address)
        arxiv_id_of(address)
        is_proceedings(address)
        forge_repository(address)
        preferred(address)
