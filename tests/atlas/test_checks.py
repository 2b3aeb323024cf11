"""The parts of the checks that search: circles, titles one slip apart, sentences that stand twice."""

from __future__ import annotations

import itertools
from graphlib import CycleError, TopologicalSorter

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from atlas.checks import translation
from atlas.checks.circles import circles
from atlas.checks.draft import Draft
from atlas.checks.similarity import check, fold_title
from atlas.source import Document

NODES = "abcdefg"


@given(st.dictionaries(st.sampled_from(NODES), st.lists(st.sampled_from(NODES), max_size=4, unique=True)))
def test_circles_are_found_exactly_where_there_are_some(graph: dict[str, list[str]]) -> None:
    """An independent judge: the standard library's topological sort fails exactly on a graph with a circle."""
    found = list(
        circles({node: [(target, f"{node}{target}") for target in targets] for node, targets in graph.items()})
    )
    try:
        TopologicalSorter(graph).prepare()
    except CycleError:
        assert found
    else:
        assert not found
    for nodes, label in found:
        assert nodes[0] == nodes[-1]
        assert all(there in graph[here] for here, there in itertools.pairwise(nodes))
        assert label == nodes[-2] + nodes[-1]


def test_a_chain_longer_than_the_stack_is_no_trouble() -> None:
    length = 50_000
    graph = {str(number): [(str((number + 1) % length), None)] for number in range(length)}
    assert [len(nodes) for nodes, _ in circles(graph)] == [length + 1]


def paper(stem: str, title: str, summary: str = "") -> Draft:
    document = Document(f"catalog/papers/{stem}.yaml", {"title": {"en": title}, "summary": {"en": summary}})
    return Draft(document, "paper", stem)


def codes(*drafts: Draft) -> list[str]:
    check(drafts)
    return [problem.code for draft in drafts for problem in draft.document.problems]


LETTERS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=14, max_size=40)


@settings(deadline=None)
@given(LETTERS, st.data())
def test_one_slip_in_a_title_is_always_seen(title: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(title) - 1))
    letter = data.draw(st.sampled_from("abcxyz"))
    slip = data.draw(
        st.sampled_from(
            [title[:place] + title[place + 1 :], title[:place] + letter + title[place:],
             title[:place] + letter + title[place + 1 :], title.upper(), f"{title[:place]} {title[place:]}."]
        )
    )  # fmt: skip
    assume(len(fold_title(slip)) >= 12)
    assert codes(paper("one", title), paper("two", slip)) == ["AA415"]


@settings(deadline=None)
@given(LETTERS, LETTERS)
def test_titles_that_differ_by_more_are_left_alone(one: str, other: str) -> None:
    assume(len({*one} ^ {*other}) > 4)
    assert codes(paper("one", one), paper("two", other)) == []


def test_numbers_tell_titles_apart() -> None:
    assert codes(paper("two", "Llama Language Models 2"), paper("three", "Llama Language Models 3")) == []


def test_tools_with_repositories_of_their_own_are_two() -> None:
    def tool(stem: str, title: str, repo: str) -> Draft:
        document = Document(
            f"catalog/tools/{stem}.yaml", {"title": {"en": title}, "repo": f"https://github.com/{repo}"}
        )
        return Draft(document, "tool", stem)

    assert codes(tool("one", "Transformers", "a/transformers"), tool("two", "KTransformers", "b/ktransformers")) == []
    assert codes(tool("one", "Transformers", "a/b"), tool("two", "Transformerz", "a/b")) == ["AA415"]


@given(st.integers(0, 40), st.integers(0, 40))
def test_a_copied_passage_is_found_wherever_it_stands(before: int, after: int) -> None:
    passage = " ".join(f"word{number}" for number in range(15))
    one = " ".join(["alpha"] * before) + f" {passage}"
    other = f"{passage} " + " ".join(["beta"] * after)
    assert codes(paper("one", "A first title", one), paper("two", "Another name", other)) == ["AA312"]


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("GANs are compared by FID.", "用 FID 比较 GAN。"),
        ("Small LLMs learn to reason by RL.", "小型大语言模型用强化学习学会推理。"),
        ("Byte-pair encoding of 0.6 billion words.", "6 亿（0.6B）词的字节对编码（BPE）。"),
        ("A Bayesian reading of a US text.", "对一份美国文本的贝叶斯解读。"),
        ("LLaVA-like models", "LLaVA 一类的模型"),
    ],
)
def test_names_may_be_written_as_either_language_does(english: str, chinese: str) -> None:
    assert translation.only_in_one(english, chinese) == []


@pytest.mark.parametrize(
    ("english", "chinese", "only"),
    [
        ("Trained on LSUN and CIFAR.", "在 CIFAR 上训练。", ["LSUN"]),
        ("T5 and others", "多种模型", ["T5"]),
        ("A coupling layer.", "Glow 的耦合层。", ["Glow"]),
        ("Small LLMs.", "小模型。", ["LLMs"]),
    ],
)
def test_names_that_only_one_language_has_are_found(english: str, chinese: str, only: list[str]) -> None:
    assert translation.only_in_one(english, chinese) == only
