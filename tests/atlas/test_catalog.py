"""The catalog as a library: relations both ways, implementations, and what cannot be built."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from atlas import Benchmark, Catalog, CatalogError, Dataset, Paper
from atlas.cli import app
from atlas.fields import VOCABULARIES, arxiv_year, translation_stamp
from atlas.model import FOLDERS, IMPLEMENTATION, KINDS, key_order


@pytest.fixture(scope="module")
def catalog(root: Path) -> Catalog:
    return Catalog.load(root)


def test_the_catalog_holds_what_it_promises(catalog: Catalog) -> None:
    count = {kind: len(catalog.of_kind(kind)) for kind in KINDS}
    assert count["paper"] >= 40
    assert count["tool"] >= 25
    assert count["course"] + count["book"] >= 15
    assert count["dataset"] >= 3
    assert count["benchmark"] >= 2
    assert len(catalog) == sum(count.values()) >= 80


def test_every_relation_is_seen_from_both_ends(catalog: Catalog) -> None:
    for entry in catalog:
        for related in catalog.related(entry.id):
            if related.entry is None:
                assert related.target.startswith(IMPLEMENTATION)
                continue
            back = [
                item
                for item in catalog.related(related.target)
                if item.target == entry.id and item.type == related.type
            ]
            assert len(back) == 1
            assert back[0].outgoing is not related.outgoing
            term = catalog.vocabularies["relation"].terms[related.type]
            assert related.label == (term.label if related.outgoing or term.inverse is None else term.inverse)


def test_inverses_are_stored_nowhere(catalog: Catalog) -> None:
    stored = {(entry.id, relation.type, relation.target) for entry in catalog for relation in entry.relations}
    assert not [arrow for arrow in stored if (arrow[2], arrow[1], arrow[0]) in stored]


def test_implementations_lead_to_their_papers(catalog: Catalog) -> None:
    assert [entry.id for entry in catalog.implementations["impl:diffusion.ddpm"]] == ["ddpm"]


def test_entries_are_frozen_and_typed(catalog: Catalog) -> None:
    ddpm = catalog.entries["ddpm"]
    assert isinstance(ddpm, Paper)
    assert ddpm.title.zh == "去噪扩散概率模型"
    assert [author.name for author in ddpm.authors] == ["Jonathan Ho", "Ajay Jain", "Pieter Abbeel"]
    assert ddpm.path == Path("catalog/papers/ddpm.yaml")
    with pytest.raises(ValueError, match="frozen"):
        ddpm.year = 1999  # type: ignore[misc]


def test_every_vocabulary_that_the_model_names_is_there(catalog: Catalog) -> None:
    assert set(catalog.vocabularies) == VOCABULARIES >= {"modality", "task", "relation", "data-access", "direction"}
    assert set(catalog.vocabularies["kind"].terms) == set(KINDS) == set(FOLDERS)


def test_datasets_and_benchmarks_are_typed(catalog: Catalog) -> None:
    cifar, mmlu = catalog.entries["cifar-10"], catalog.entries["mmlu"]
    assert isinstance(cifar, Dataset)
    assert cifar.size is not None
    assert (cifar.size.examples, cifar.licence, cifar.access) == (60_000, "unstated", "open")
    assert isinstance(mmlu, Benchmark)
    assert [(metric.direction, metric.range) for metric in mmlu.metrics] == [("higher", (0, 100))]
    assert "ddpm" in {related.target for related in catalog.related("cifar-10")}


def test_learning_paths_lead_through_entries_in_an_order_that_works(catalog: Catalog) -> None:
    path = catalog.paths["first-picture"]
    assert path.level == "intro"
    assert path.minutes == sum(step.minutes for step in path.steps) > 0
    targets = [step.target for step in path.steps]
    assert targets[-1] == "diffusers"
    assert {target for target in targets if not target.startswith(IMPLEMENTATION)} <= set(catalog.entries)


def test_a_stamp_changes_with_the_words_and_not_with_the_line_breaks() -> None:
    stamp = translation_stamp("Takes noise away, step by step.")
    assert stamp == translation_stamp("Takes noise away,\n  step by step.\n") == "13444a29"
    assert stamp != translation_stamp("Takes noise away, bit by bit.")


def test_labels_are_unique_in_each_vocabulary_and_language(catalog: Catalog) -> None:
    for vocabulary in catalog.vocabularies.values():
        for language in ("en", "zh"):
            labels = [getattr(term.label, language) for term in vocabulary.terms.values()]
            assert len(labels) == len(set(labels)), vocabulary.name


def test_files_hold_their_fields_in_the_model_s_order(catalog: Catalog, root: Path) -> None:
    for entry in catalog:
        lines = (root / entry.path).read_text(encoding="utf-8").splitlines()
        keys = [line.split(":")[0] for line in lines if line and line[0] not in " #-"]
        order = key_order(entry.kind)
        assert keys == sorted(keys, key=order.index), entry.path


def test_a_relation_to_an_entry_that_is_not_there_cannot_be_built(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "atlas"
    for name in ("catalog", "docs"):
        shutil.copytree(root / name, copy / name)
    file = copy / "catalog/papers/ddim.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("target: ddpm", "target: ddpn"), encoding="utf-8")
    with pytest.raises(CatalogError) as caught:
        Catalog.load(copy)
    said = {problem.file: problem.message() for problem in caught.value.problems}
    assert said["catalog/papers/ddim.yaml"] == "there is no entry 'ddpn'"
    result = CliRunner().invoke(app, ["build", "--root", str(copy)])
    assert result.exit_code == 1
    assert "ddpn" in result.output
    assert not (copy / "build").exists()


@pytest.mark.parametrize(
    ("arxiv", "year"),
    [
        ("2006.11239", 2020),
        ("0704.0001", 2007),
        ("1412.9999", 2014),
        ("1501.00001", 2015),
        ("cs/0501001", 2005),
        ("hep-th/9901001", 1999),
        ("math.GT/0309136", 2003),
        ("0703.0001", None),  # the new scheme began in April 2007
        ("1501.0001", None),  # five digits since January 2015
        ("1412.99999", None),
        ("2013.12345", None),
        ("2006.11239v2", None),
        ("cs/5001001", None),
    ],
)
def test_arxiv_ids_tell_their_year(arxiv: str, year: int | None) -> None:
    assert arxiv_year(arxiv) == year
