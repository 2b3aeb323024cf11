"""Mistakes that one entry alone cannot hold: names of files, other commits, other tables, two entries that disagree."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.atlas.workshop import BASE, good, implement, with_fields, write

STATE = """\
status_since: "2026-05"
status_note:
  en: "Its makers stopped in May 2026."
  zh: "开发者已于 2026 年 5 月停止维护。"
"""
PATH = """\
id: first-steps
title: {{en: First steps, zh: 入门}}
summary:
  en: From nothing to a picture of one's own, for somebody who can write a little Python and has an afternoon.
  zh: 写给会一点 Python、能抽出一个下午的人，从零开始，直到亲手生成一幅图像，并知道它从何而来。
level: intro
steps:
{steps}"""

EQUATION = "$$\n\\alpha_t = 1 - \\beta_t\n$$"
FUNCTION = "::: reference_impl.diffusion.ddpm.alpha"


@dataclass(frozen=True)
class Arranged:
    """One arrangement.

    Attributes:
        family: Its number in the list of bad inputs.
        name: What is wrong.
        arrange: Makes it so, in a good catalog.
        code: The rule that must fire.
        file: The file that it must name.
        field: The field that it must name.
        line: The line that it must name.
        arguments: More arguments of the command; ``{root}`` is the project's folder.
        most: How many reports there may be in all.
    """

    family: int
    name: str
    arrange: Callable[[Path], None]
    code: str
    file: str
    field: str = ""
    line: int = 1
    arguments: tuple[str, ...] = ()
    most: int = 3


def put(name: str, text: str) -> Callable[[Path], None]:
    """Write a file of the catalog."""
    return lambda root: write(root / "catalog" / name, text)


def change(**fields: str) -> Callable[[Path], None]:
    """Replace fields of good entries; ``__`` stands for the slash of a name, ``_`` for a hyphen."""

    def arrange(root: Path) -> None:
        for key, lines in fields.items():
            name = key.replace("__", "/").replace("_", "-")
            write(root / "catalog" / f"{name}.yaml", with_fields(BASE[name], lines))

    return arrange


def relation(type_: str, target: str) -> str:
    return f"relations:\n  - type: {type_}\n    target: {target}\n"


def steps(*targets: str) -> str:
    return PATH.format(
        steps="".join(
            f'  - target: {target}\n    why: {{en: "It helps.", zh: "有用。"}}\n    minutes: 30\n'
            f'    after: {{en: "You know it.", zh: "你懂了。"}}\n'
            for target in targets
        )
    )


def symlink(root: Path) -> None:
    os.symlink(root / "catalog/papers/vae.yaml", root / "catalog/papers/copy.yaml")


def page(language: str, *parts: str) -> Callable[[Path], None]:
    """Write the page of an implementation; parts are an equation's, with an empty line between them."""

    def arrange(root: Path) -> None:
        implement(root)
        write(root / f"docs/{language}/methods/diffusion/ddpm.md", "# DDPM\n\n" + "\n\n".join(parts) + "\n")

    return arrange


def proof(mark: str, test: str) -> str:
    folder = "https://github.com/aigc-atlas/aigc-atlas/blob/main/tests/reference_impl/diffusion"
    return f"{mark}[`{test}`]({folder}/test_ddpm.py)"


def linked_folder(root: Path) -> None:
    os.symlink(root / "catalog/papers", root / "catalog/more")


def nested(root: Path) -> None:
    write(root / "catalog/papers/2020/deep.yaml", good("papers", "deep"))


def executable(root: Path) -> None:
    (root / "catalog/papers/vae.yaml").chmod(0o755)


def strange_name(name: bytes) -> Callable[[Path], None]:
    def arrange(root: Path) -> None:
        folder = os.fsencode(root / "catalog/papers")
        with open(folder + b"/" + name + b".yaml", "wb") as stream:
            stream.write(good("papers", "strange").encode())

    return arrange


def facts(row: str) -> Callable[[Path], None]:
    return lambda root: write(root / "facts.tsv", "arxiv_id\ttitle\tyear\tauthors\talt_titles\n" + row + "\n")


def committed(then: Callable[[Path], None]) -> Callable[[Path], None]:
    """Commit the good catalog, then change it."""

    def arrange(root: Path) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "x"], ["tag", "v1"]):
            subprocess.run(["git", "-C", str(root), *command], check=True)
        then(root)

    return arrange


def gone(root: Path) -> None:
    (root / "catalog/courses/hf-course.yaml").unlink()


def renamed(root: Path) -> None:
    gone(root)
    write(root / "catalog/courses/diffusion-course.yaml", good("courses", "diffusion-course"))


def vocabulary(name: str, old: str, new: str) -> Callable[[Path], None]:
    def arrange(root: Path) -> None:
        file = root / "catalog/vocabulary" / name
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new, 1), encoding="utf-8")

    return arrange


def vocabulary_line(name: str, text: str) -> int:
    lines = (Path(__file__).parents[2] / "catalog/vocabulary" / name).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


def line_of(entry: str, fields: str, text: str) -> int:
    lines = with_fields(BASE[entry], fields).splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


def base_line(entry: str, text: str) -> int:
    return next(number for number, line in enumerate(BASE[entry].splitlines(), start=1) if text in line)


CIRCLE = relation("prerequisite", "vae")
SWAP = relation("supersedes", "ddpm")
_DDPM_LINE = line_of("papers/ddpm", CIRCLE, "- type: prerequisite")

ARRANGED = [
    # 20: a list that is too long for any field, in a file that is small enough
    Arranged(
        20,
        "too-many-authors",
        put(
            "papers/crowd.yaml",
            with_fields(good("papers", "crowd"), "authors:\n" + "".join(f"- name: A{n:x}\n" for n in range(3001))),
        ),
        "AA207",
        "catalog/papers/crowd.yaml",
        "authors",
        len(with_fields(good("papers", "crowd"), "authors: x\n").splitlines()) + 1,
    ),
    # 27: names of files
    Arranged(27, "yml", put("papers/x1.yml", "id: x1\n"), "AA116", "catalog/papers/x1.yml"),
    Arranged(
        27, "case-only", put("papers/VAE.yaml", good("papers", "VAE")), "AA120", "catalog/papers/vae.yaml", most=6
    ),
    Arranged(27, "windows-con", put("tools/con.yaml", good("tools", "con")), "AA121", "catalog/tools/con.yaml"),
    Arranged(27, "windows-aux", put("papers/aux.yaml", good("papers", "aux")), "AA121", "catalog/papers/aux.yaml"),
    Arranged(27, "windows-com1", put("papers/com1.yaml", good("papers", "com1")), "AA121", "catalog/papers/com1.yaml"),
    Arranged(
        27, "space-in-name", put("papers/a b.yaml", good("papers", "a-b")), "AA402", "catalog/papers/a b.yaml", "id", 1
    ),
    Arranged(27, "bytes-in-name", strange_name(b"\xff"), "AA402", "catalog/papers/\\udcff.yaml", "id"),
    Arranged(
        27, "line-feed-in-name", strange_name(b"a\n::error::b"), "AA402", "catalog/papers/a\\u000a::error::b.yaml", "id"
    ),
    # 37: a title that is another paper's
    Arranged(
        37,
        "wrong-title",
        facts("2006.11239\tLanguage Models Learn to Mislead Humans via RLHF\t\t\t"),
        "AA418",
        "catalog/papers/ddpm.yaml",
        "title.en",
        4,
        ("--facts", "{root}/facts.tsv"),
    ),
    Arranged(
        37,
        "wrong-first-author",
        facts("2006.11239\t\t\tPrafulla Dhariwal; Alex Nichol\t"),
        "AA419",
        "catalog/papers/ddpm.yaml",
        "authors[0].name",
        base_line("papers/ddpm", "Jonathan Ho"),
        ("--facts", "{root}/facts.tsv"),
    ),
    Arranged(
        37,
        "wrong-year",
        facts("2006.11239\t\t2019\t\t"),
        "AA420",
        "catalog/papers/ddpm.yaml",
        "year",
        base_line("papers/ddpm", "year: 2020"),
        ("--facts", "{root}/facts.tsv"),
    ),
    # 41, 42: entries that disagree
    Arranged(
        42,
        "prerequisite-circle",
        change(papers__ddpm=CIRCLE, papers__vae=relation("prerequisite", "ddpm")),
        "AA505",
        "catalog/papers/vae.yaml",
        "relations[0]",
        line_of("papers/vae", relation("prerequisite", "ddpm"), "- type: prerequisite"),
    ),
    Arranged(
        42,
        "supersedes-circle",
        change(
            papers__ddpm=relation("supersedes", "vae") + "status: superseded\n" + STATE,
            papers__vae=SWAP + "status: superseded\n" + STATE,
        ),
        "AA505",
        "catalog/papers/vae.yaml",
        "relations[0]",
        line_of("papers/vae", SWAP + "status: superseded\n" + STATE, "- type: supersedes"),
    ),
    Arranged(
        42,
        "translations-of-each-other",
        change(
            books__d2l=relation("translation_of", "hf-course"), courses__hf_course=relation("translation_of", "d2l")
        ),
        "AA505",
        "catalog/courses/hf-course.yaml",
        "relations[0]",
        line_of("courses/hf-course", relation("translation_of", "d2l"), "- type: translation_of"),
    ),
    Arranged(
        42,
        "symmetric-twice",
        lambda root: (
            write(root / "catalog/tools/kit.yaml", good("tools", "kit") + relation("works_with", "diffusers")),
            change(tools__diffusers=relation("works_with", "kit"))(root),
        )[0],
        "AA506",
        "catalog/tools/kit.yaml",
        "relations[0].target",
        len(good("tools", "kit").splitlines()) + 3,
    ),
    # 35: years against each other
    Arranged(
        35,
        "builds-on-a-later-one",
        change(papers__ddpm="level: intro\n# relations: none\n", papers__vae=relation("builds_on", "ddpm")),
        "AA509",
        "catalog/papers/vae.yaml",
        "relations[0]",
        line_of("papers/vae", relation("builds_on", "ddpm"), "- type: builds_on"),
    ),
    # 44: what rests on something that is gone
    Arranged(
        44,
        "prerequisite-is-dead",
        change(papers__vae="status: dead\n" + STATE, papers__ddpm=CIRCLE),
        "AA511",
        "catalog/papers/ddpm.yaml",
        "relations[0].target",
        _DDPM_LINE + 1,
    ),
    Arranged(
        44,
        "step-is-dead",
        lambda root: (
            change(papers__vae="status: dead\n" + STATE)(root),
            write(root / "catalog/paths/first-steps.yaml", steps("vae", "diffusers")),
        )[0],
        "AA511",
        "catalog/paths/first-steps.yaml",
        "steps[0].target",
        8,
    ),
    # learning paths
    Arranged(
        41,
        "step-is-not-there",
        put("paths/first-steps.yaml", steps("vae", "vea")),
        "AA502",
        "catalog/paths/first-steps.yaml",
        "steps[1].target",
        12,
    ),
    Arranged(
        26,
        "step-stands-twice",
        put("paths/first-steps.yaml", steps("vae", "vae")),
        "AA206",
        "catalog/paths/first-steps.yaml",
        "steps[1].target",
        12,
    ),
    Arranged(43, "code-without-entry", implement, "AA520", "reference_impl/diffusion/ddpm.py"),
    *(
        Arranged(
            43,
            f"{name}-{language}",
            page(language, *parts),
            code,
            f"docs/{language}/methods/diffusion/ddpm.md",
            line=line,
        )
        for language, mark in (("en", "Proof: "), ("zh", "证明："))
        for name, code, line, parts in (
            ("equation-without-function", "AA901", 3, (EQUATION, proof(mark, "test_alpha"))),
            ("equation-without-proof", "AA902", 3, (EQUATION, FUNCTION)),
            ("function-that-is-none", "AA903", 7, (EQUATION, FUNCTION + "s", proof(mark, "test_alpha"))),
            ("test-that-is-none", "AA904", 9, (EQUATION, FUNCTION, proof(mark, "test_alphas"))),
            ("box-without-proof", "AA905", 3, ('!!! warning "Off by one"', "    Arrays count from 0.")),
        )
    ),
    *(
        Arranged(
            43,
            f"{name}-{language}",
            lambda root, language=language, text=text: write(root / f"docs/{language}/guide/history.md", text),
            code,
            f"docs/{language}/guide/history.md",
            line=3,
        )
        for language in ("en", "zh")
        for name, code, text in (
            ("claim-without-source", "AA906", "## Noise\n\nIt began in 2020.\n"),
            ("claim-of-no-entry", "AA907", "## Noise\n\nIt began with [DDPM](../catalog/ddmp.md).\n"),
        )
    ),
    Arranged(
        43,
        "step-without-code",
        put("paths/first-steps.yaml", steps("vae", "impl:vae.nope")),
        "AA507",
        "catalog/paths/first-steps.yaml",
        "steps[1].target",
        12,
    ),
    Arranged(
        47,
        "steps-in-the-wrong-order",
        lambda root: (
            change(papers__ddpm=CIRCLE)(root),
            write(root / "catalog/paths/first-steps.yaml", steps("ddpm", "vae")),
        )[0],
        "AA518",
        "catalog/paths/first-steps.yaml",
        "steps[0].target",
        8,
    ),
    Arranged(
        27,
        "path-under-another-name",
        put("paths/other.yaml", steps("vae", "ddpm")),
        "AA402",
        "catalog/paths/other.yaml",
        "id",
        1,
    ),
    Arranged(
        46,
        "half-width-punctuation-in-a-step",
        put("paths/first-steps.yaml", steps("vae", "ddpm").replace("有用。", "有用,很好。", 1)),
        "AA317",
        "catalog/paths/first-steps.yaml",
        "steps[0].why.zh",
        9,
    ),
    # 48: promises
    Arranged(48, "id-is-gone", committed(gone), "AA421", "catalog/courses/hf-course.yaml", "id", 1, ("--since", "v1")),
    Arranged(
        48,
        "renamed-without-alias",
        committed(renamed),
        "AA421",
        "catalog/courses/hf-course.yaml",
        "id",
        1,
        ("--since", "HEAD"),
    ),
    Arranged(
        48,
        "alias-is-gone",
        lambda root: (
            change(papers__vae="aliases: [old-vae]\n")(root),
            committed(change(papers__vae="level: intro\n"))(root),
        )[0],
        "AA421",
        "catalog/papers/vae.yaml",
        "id",
        1,
        ("--since", "v1"),
    ),
    Arranged(
        48,
        "id-means-another-thing",
        committed(
            lambda root: write(
                root / "catalog/courses/hf-course.yaml",
                with_fields(good("courses", "hf-course", title="Something Else"), "url: https://else.example.org/\n"),
            )
        ),
        "AA422",
        "catalog/courses/hf-course.yaml",
        "id",
        1,
        ("--since", "v1"),
    ),
    # 49: vocabularies
    Arranged(
        49,
        "same-label",
        vocabulary("cost.yaml", "zh: 付费}", "zh: 免费}"),
        "AA515",
        "catalog/vocabulary/cost.yaml",
        "terms[3].label.zh",
        vocabulary_line("cost.yaml", "zh: 付费}"),
    ),
    Arranged(
        49,
        "same-id",
        vocabulary("cost.yaml", "id: paid", "id: free"),
        "AA515",
        "catalog/vocabulary/cost.yaml",
        "terms[3].id",
        vocabulary_line("cost.yaml", "id: paid"),
    ),
    Arranged(
        49,
        "no-chinese-label",
        vocabulary("cost.yaml", ", zh: 付费}", "}"),
        "AA202",
        "catalog/vocabulary/cost.yaml",
        "terms[3].label.zh",
        vocabulary_line("cost.yaml", "zh: 付费}"),
        most=20,
    ),
    Arranged(
        49,
        "unused-term",
        lambda root: None,
        "AA516",
        "catalog/vocabulary/cost.yaml",
        "terms[3].id",
        vocabulary_line("cost.yaml", "id: paid"),
        ("--notes",),
        most=200,
    ),
    Arranged(
        49,
        "unknown-kind",
        vocabulary("relation.yaml", "from: [paper]", "from: [article]"),
        "AA517",
        "catalog/vocabulary/relation.yaml",
        "terms[0].from",
        vocabulary_line("relation.yaml", "from: [paper]"),
    ),
    Arranged(
        49,
        "symmetric-and-acyclic",
        vocabulary("relation.yaml", "symmetric: true", "symmetric: true\n    acyclic: true"),
        "AA517",
        "catalog/vocabulary/relation.yaml",
        "terms[13].symmetric",
        vocabulary_line("relation.yaml", "symmetric: true"),
    ),
    Arranged(
        49,
        "missing-vocabulary",
        lambda root: (root / "catalog/vocabulary/cost.yaml").unlink(),
        "AA517",
        "catalog/vocabulary/cost.yaml",
    ),
    Arranged(
        49,
        "vocabulary-of-nothing",
        put(
            "vocabulary/colour.yaml",
            "label: {en: Colour, zh: 颜色}\n"
            "definition: {en: A colour., zh: 颜色。}\nterms:\n  - id: red\n    label: {en: Red, zh: 红}\n"
            "    definition: {en: Red., zh: 红色。}\n",
        ),
        "AA517",
        "catalog/vocabulary/colour.yaml",
    ),
    # 59: what is no plain file in its place
    Arranged(59, "symlink", symlink, "AA116", "catalog/papers/copy.yaml"),
    Arranged(59, "linked-folder", linked_folder, "AA116", "catalog/more"),
    Arranged(59, "nested-folder", nested, "AA116", "catalog/papers/2020"),
    Arranged(59, "executable", executable, "AA122", "catalog/papers/vae.yaml"),
    Arranged(
        59,
        "picture",
        lambda root: write(root / "catalog/papers/figure.png", "\udc89PNG"),
        "AA116",
        "catalog/papers/figure.png",
    ),
    Arranged(
        59, "binary-in-disguise", put("papers/zip.yaml", "PK\x03\x04\x00"), "AA302", "catalog/papers/zip.yaml", "", 1
    ),
    Arranged(59, "unknown-folder", put("paper/x1.yaml", good("papers", "x1")), "AA116", "catalog/paper"),
    Arranged(
        59,
        "folder-like-a-file",
        lambda root: (root / "catalog/papers/dir.yaml").mkdir(),
        "AA116",
        "catalog/papers/dir.yaml",
    ),
]
