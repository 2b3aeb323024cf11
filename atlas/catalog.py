"""The catalog as a library: load it, check it, follow its relations."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from atlas import tree
from atlas.checks import (
    chapters,
    consistency,
    identity,
    implementations,
    promises,
    relations,
    schema,
    similarity,
    style,
    translation,
)
from atlas.checks import facts as facts_check
from atlas.checks import method_pages as pages_check
from atlas.checks import paths as paths_check
from atlas.checks import vocabularies as vocabulary_check
from atlas.checks.draft import Draft
from atlas.checks.facts import Facts
from atlas.fields import VOCABULARIES
from atlas.json_schema import FOLDER as SCHEMA_FOLDER
from atlas.learning_path import FOLDER as PATHS_FOLDER
from atlas.learning_path import LearningPath
from atlas.model import FOLDERS, IMPLEMENTATION, KINDS, Entry, Prose
from atlas.problem import Problem
from atlas.source import Document
from atlas.vocabulary import Label, Vocabulary, VocabularyFile

VOCABULARY_FOLDER = "vocabulary"


class CatalogError(Exception):
    """The catalog has errors, so it cannot be used.

    Attributes:
        problems: All of them, warnings included.
    """

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        first = next(problem for problem in problems if problem.severity == "error")
        count = sum(problem.severity == "error" for problem in problems)
        super().__init__(f"{count} error(s) in the catalog; the first: {first.location}: {first.message()}")


@dataclass(frozen=True)
class Related:
    """One relation as seen from one of its ends.

    Attributes:
        type: The relation's type, a term of the vocabulary ``relation``.
        label: How it reads from this end.
        target: Id of the other end, or ``impl:…`` for an implementation.
        entry: The entry at the other end; ``None`` for an implementation.
        outgoing: Whether it is stored at this end.
        note: What the curator adds.
    """

    type: str
    label: Label
    target: str
    entry: Entry | None
    outgoing: bool
    note: Prose | None = None


class Catalog:
    """All entries and vocabularies, indexed. Inverse relations are derived here and stored nowhere.

    Attributes:
        entries: Every entry by id, sorted by id.
        vocabularies: Every vocabulary by name.
        paths: Every learning path by id, sorted by id.
    """

    def __init__(
        self,
        entries: Mapping[str, Entry],
        vocabularies: Mapping[str, Vocabulary],
        paths: Mapping[str, LearningPath] | None = None,
    ) -> None:
        self.entries: Mapping[str, Entry] = MappingProxyType(dict(sorted(entries.items())))
        self.vocabularies: Mapping[str, Vocabulary] = MappingProxyType(dict(vocabularies))
        self.paths: Mapping[str, LearningPath] = MappingProxyType(dict(sorted((paths or {}).items())))

    @classmethod
    def load(cls, root: Path) -> Catalog:
        """Load ``root/catalog``.

        Raises:
            CatalogError: The catalog has errors.
        """
        catalog, problems = check(root)
        if catalog is None:
            raise CatalogError(problems)
        return catalog

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries.values())

    def of_kind(self, kind: str) -> tuple[Entry, ...]:
        """The entries of one kind, by id."""
        return tuple(entry for entry in self if entry.kind == kind)

    def related(self, identifier: str) -> tuple[Related, ...]:
        """The relations of an entry, both ways, in the order of the relation vocabulary."""
        return self._related.get(identifier, ())

    @cached_property
    def implementations(self) -> Mapping[str, tuple[Entry, ...]]:
        """Which entries each implementation (``impl:…``) implements."""
        found: dict[str, tuple[Entry, ...]] = {}
        for entry in self:
            for relation in entry.relations:
                if relation.target.startswith(IMPLEMENTATION):
                    found[relation.target] = (*found.get(relation.target, ()), entry)
        return MappingProxyType(found)

    @cached_property
    def _related(self) -> dict[str, tuple[Related, ...]]:
        terms = self.vocabularies["relation"].terms
        order = {name: index for index, name in enumerate(terms)}
        found: dict[str, list[Related]] = {identifier: [] for identifier in self.entries}
        for entry in self:
            for relation in entry.relations:
                term, other = terms[relation.type], self.entries.get(relation.target)
                found[entry.id].append(
                    Related(relation.type, term.label, relation.target, other, outgoing=True, note=relation.note)
                )
                if other is not None:
                    label = term.inverse or term.label
                    found[other.id].append(
                        Related(relation.type, label, entry.id, entry, outgoing=False, note=relation.note)
                    )
        return {
            identifier: tuple(sorted(items, key=lambda item: (order[item.type], not item.outgoing, item.target)))
            for identifier, items in found.items()
        }


def check(
    root: Path,
    *,
    facts: Mapping[str, Facts] | None = None,
    former: Sequence[Draft] = (),
    notes: bool = False,
) -> tuple[Catalog | None, tuple[Problem, ...]]:
    """Read and check everything under ``root/catalog``, and the pages of methods against the code.

    Args:
        root: The project's root.
        facts: Known facts by arXiv id, from `atlas.checks.facts.read_facts`.
        former: The entries at an earlier commit, from `atlas.history.entries_at`; their ids must still be there.
        notes: Whether to report also what is no mistake but worth knowing, such as an unused term.

    Returns:
        The catalog, ``None`` when there are errors; and all problems of all files, in a stable order.
    """
    with _collector_paused():
        return _check(root, facts or {}, former, notes=notes)


def _check(
    root: Path, facts: Mapping[str, Facts], former: Sequence[Draft], *, notes: bool
) -> tuple[Catalog | None, tuple[Problem, ...]]:
    others: list[Document] = tree.strays(root, (*FOLDERS.values(), VOCABULARY_FOLDER, PATHS_FOLDER, SCHEMA_FOLDER))
    vocabulary_files = dict(tree.documents(root, VOCABULARY_FOLDER, others))
    vocabularies = _vocabularies(vocabulary_files)
    types = vocabularies["relation"].terms if "relation" in vocabularies else {}
    context = schema.Context(
        {name: list(vocabulary.terms) for name, vocabulary in vocabularies.items()},
        {term.inverse.en.lower().replace(" ", "_"): name for name, term in types.items() if term.inverse},
    )
    drafts = read_drafts(root, others)
    for draft in drafts:
        if _is_readable(draft.document):
            draft.entry = schema.validate(draft.document, KINDS[draft.kind], context)
            if draft.entry is not None:
                draft.entry._file = draft.document.file
            consistency.check(draft)
            translation.check(draft)
            style.check(draft)
    path_files = dict(tree.documents(root, PATHS_FOLDER, others))
    paths = {
        stem: schema.validate(document, LearningPath, context) if _is_readable(document) else None
        for stem, document in path_files.items()
    }
    for stem, document in path_files.items():
        style.check(Draft(document, "path", stem))
    identity.check(drafts)
    similarity.check(drafts)
    facts_check.check(drafts, facts)
    targets = relations.Targets.of(drafts, root)
    relations.check(drafts, types, targets)
    paths_check.check(list(path_files.items()), targets)
    vocabulary_check.check(vocabulary_files, vocabularies, drafts, VOCABULARIES, notes=notes)
    others += promises.check(drafts, former)
    others += implementations.check(drafts, root)
    others += pages_check.check(root)
    others += chapters.check(drafts, root)
    documents = [*vocabulary_files.values(), *(draft.document for draft in drafts), *path_files.values(), *others]
    found = (problem for document in documents for problem in document.problems)
    problems = tuple(
        sorted(
            (problem for problem in found if notes or problem.severity != "note"),
            key=lambda problem: problem.sort_key,
        )
    )
    if any(problem.severity == "error" for problem in problems):
        return None, problems
    entries = {draft.stem: draft.entry for draft in drafts if draft.entry}
    return Catalog(entries, vocabularies, {stem: path for stem, path in paths.items() if path}), problems


def read_vocabularies(root: Path) -> dict[str, Vocabulary]:
    """Read every vocabulary that can be read."""
    return _vocabularies(dict(tree.documents(root, VOCABULARY_FOLDER, [])))


def read_drafts(root: Path, strays: list[Document] | None = None) -> list[Draft]:
    """Read every entry's file, whatever is wrong with it.

    Args:
        root: The project's root.
        strays: What lies beside the entries and does not belong there is added to this list.
    """
    others: list[Document] = [] if strays is None else strays
    return [
        Draft(document, kind, stem)
        for kind, folder in FOLDERS.items()
        for stem, document in tree.documents(root, folder, others)
    ]


def _is_readable(document: Document) -> bool:
    """Whether a file holds fields, so that saying which of them are missing helps."""
    return bool(document.data) or not document.problems


def _vocabularies(files: Mapping[str, Document]) -> dict[str, Vocabulary]:
    read = {
        name: schema.validate(document, VocabularyFile) for name, document in files.items() if _is_readable(document)
    }
    return {name: Vocabulary(name, content) for name, content in read.items() if content is not None}


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep Python's cycle collector from walking the growing catalog again and again: nothing in it is a cycle."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
