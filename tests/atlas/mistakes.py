"""Mistakes that contributors make, each planted in a good entry, with what the check must say of it.

The numbers of the families are those of the list of bad inputs that the validator is held to. A case gives the lines of
an entry as they should not be; the line on which the problem must be reported is the one that holds `at` in the changed
file, so no line number is written down here.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.atlas.workshop import good, with_fields

EXPORTERS = {55: "how text is written into CSV, BibTeX, JSON-LD and Atom is proved with hostile texts at the exporters"}
"""Families that no entry can break: they are about what the program writes."""

PAPER = good("papers", "{id}", arxiv="{arxiv}") + "relations:\n  - type: builds_on\n    target: base\n"
"""A good paper with blanks for its id and arXiv id."""
SUMMARY = (
    "Takes away noise that was added step by step, with one network for all levels, and says what that costs to run."
)
SUMMARY_ZH = "说明如何让网络逐步去除逐步加入的噪声，以及这样做的代价；适合具备一点概率论基础的读者阅读。"


@dataclass(frozen=True)
class Mistake:
    """One planted mistake.

    Attributes:
        family: Its number in the list of bad inputs.
        lines: Lines of the entry as they should not be; ``{id}``, ``{arxiv}``, ``{en}`` and ``{zh}`` (a good summary)
            are filled in. Lines that begin no field at the left margin are the whole file.
        code: The rule that must fire.
        field: The field that it must name.
        at: Text on the line that it must name; by default the last line of `lines`.
        folder: The folder of the good entry.
    """

    family: int
    lines: str
    code: str
    field: str
    at: str | None = None
    folder: str = "papers"

    @property
    def number(self) -> int:
        """Its place in the table."""
        return MISTAKES.index(self)

    @property
    def name(self) -> str:
        """The entry's id; the last in its folder, so that of two equal entries this one is the later."""
        return f"z-{self.family}-{self.number}"

    @property
    def file(self) -> str:
        """The entry's file."""
        return f"catalog/{self.folder}/{self.name}.yaml"

    @property
    def text(self) -> str:
        """The broken file."""
        arxiv = f"2006.{10_000 + self.number}"
        entry = good(self.folder, self.name, arxiv=arxiv)
        return with_fields(entry, self._filled(self.lines))

    @property
    def line(self) -> int:
        """The line that the report must name."""
        marker = self._filled(self.at or self.lines.strip("\r\n").split("\n")[-1]).strip("\r")
        # Only a line feed ends a line here, whatever else some programs take for one.
        lines = self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        # What a case changes stands at the end of its file.
        return max(number for number, line in enumerate(lines, start=1) if marker in line)

    def _filled(self, text: str) -> str:
        filled = {"{id}": self.name, "{arxiv}": f"2006.{10_000 + self.number}", "{en}": SUMMARY, "{zh}": SUMMARY_ZH}
        for blank, value in filled.items():
            text = text.replace(blank, value)
        return text


def _many(
    family: int, code: str, field: str, lines: str, *values: str, at: str | None = None, folder: str = "papers"
) -> list[Mistake]:
    """One case for each value in the place of ``@`` in `lines`."""
    return [
        Mistake(family, lines.replace("@", value), code, field, at and at.replace("@", value), folder)
        for value in values
    ]


MISTAKES: list[Mistake] = [
    # 1: duplicate keys
    Mistake(1, "level: intermediate\nlevel: intro\n", "AA107", "level"),
    Mistake(1, 'ids:\n  arxiv: "{arxiv}"\n  arxiv: "2006.11240"\n', "AA107", "ids.arxiv"),
    Mistake(1, "title:\n  en: A Study\n  zh: 研究\n  en: Another\n", "AA107", "title.en"),
    Mistake(1, "year: 2020\nyear: 2020\n", "AA107", "year"),
    # 2: an arXiv id read as a number
    *_many(2, "AA111", "ids.arxiv", "ids:\n  arxiv: @\n", "2006.10", "1506.02640", "2006.1e+3"),
    Mistake(2, "isbn: 9.78\n", "AA111", "isbn", None, "books"),
    # 3: words read as true or false
    *_many(3, "AA111", "level", "level: @\n", "no", "Yes", "on", "OFF"),
    Mistake(3, "format: [video, no]\n", "AA111", "format[1]", None, "courses"),
    Mistake(3, "api_key_required: no\n", "AA111", "api_key_required", None, "tools"),
    Mistake(3, "level: intro\non: x\n", "AA113", ""),
    # 4: dates
    *_many(4, "AA111", "added", "added: @\n", "2026-11-23", "2026-02-30"),
    Mistake(4, "added: 2026-1-5\n", "AA601", "added"),
    *_many(
        4,
        "AA601",
        "added",
        'added: "@"\n',
        "2026-02-30",
        "2026-13-01",
        "23.11.2026",
        "2026/11/23",
        "2026-11",
        "\uff12\uff10\uff12\uff16-11-23",
    ),
    Mistake(
        4,
        (
            "verified:\n"
            '  - date: "2026-02-30"\n'
            "    how: snapshot\n"
            '    against: ["owner/repo:x"]\n'
            "    fields: [title, authors, year, venue, ids]\n"
        ),
        "AA601",
        "verified[0].date",
        "date:",
    ),
    # 5: numbers in other notations
    *_many(5, "AA111", "hours", "hours: @\n", "12:30", "12:30:45", "0123", "1_000", "0x1F", folder="courses"),
    Mistake(5, "year: 2e3\n", "AA203", "year"),
    Mistake(5, "year: 2020.0\n", "AA111", "year"),
    # 6: nothing
    *_many(6, "AA204", "level", "level: @\n", "null", "~", ""),
    Mistake(6, "title:\n  en:\n", "AA204", "title.en"),
    Mistake(6, "family: ~\n", "AA204", "family"),
    Mistake(6, "authors:\n  - name:\n", "AA204", "authors[0].name"),
    # 7: a comment that eats text
    *_many(7, "AA114", "title.en", "title:\n  en: @\n", "C # minor", "Learning # of things"),
    Mistake(7, "title:\n  en: A Study of Noise\n  zh: 去噪 # 研究\n", "AA114", "title.zh"),
    Mistake(7, "summary:\n  en: {en} # note\n  zh: {zh}\n", "AA114", "summary.en", "  en:"),
    # 8: text that needs quotes
    Mistake(8, "title:\n  en: GAN: a survey\n", "AA101", ""),
    Mistake(8, "summary:\n  en: It shows: how noise goes.\n  zh: {zh}\n", "AA101", "", "  en:"),
    Mistake(8, "title:\n  en: [Draft] noise\n", "AA101", ""),
    Mistake(8, "title:\n  en: *starred\n", "AA108", "title.en"),
    Mistake(8, "title:\n  en: @home noise\n", "AA101", ""),
    Mistake(8, "title:\n  en: 100%: all of it\n", "AA101", ""),
    # 9: tabs
    Mistake(9, "title:\n\ten: Noise\n", "AA101", ""),
    Mistake(9, "venue:\n  name: NeurIPS\n\tyear: 2020\n", "AA101", ""),
    # 10: a byte-order mark
    Mistake(10, "\ufeffid: {id}\n", "AA103", ""),
    Mistake(10, "\ufeffyear: 2020\n", "AA103", ""),
    # 11: another encoding
    Mistake(11, "title:\n  en: A Study\n  zh: \udcd4\udceb\udcc9\udcf9\n", "AA102", ""),
    Mistake(11, "authors:\n  - name: J\udcfcrgen Schmidhuber\n", "AA102", ""),
    Mistake(11, "# \udcff\udcfe\nlevel: intro\n", "AA102", "", "\udcff"),
    # 12: line endings
    Mistake(12, "level: intermediate\r\n", "AA115", "", "level:"),
    Mistake(12, "year: 2020\rlevel: intro\n", "AA115", "", "year:"),
    Mistake(12, "level: intermediate", "AA117", ""),
    Mistake(12, 'added: "2026-11-23"', "AA117", ""),
    # 13: anchors and aliases
    Mistake(13, "modality: &m [image]\n", "AA108", "modality"),
    Mistake(13, "task: *all\n", "AA108", "task"),
    Mistake(13, "title: &t\n  en: A Study\n", "AA108", "title", "title: &t"),
    Mistake(13, "level: intermediate\n<<: {level: intro}\n", "AA108", ""),
    Mistake(13, "family: &a [*a]\n", "AA108", "family"),
    # 14: tags
    *_many(14, "AA109", "year", "year: @ 2020\n", "!!python/object/apply:os.system", "!!binary", "!!str", "!thing"),
    Mistake(14, "modality: !!set {image}\n", "AA109", "modality"),
    Mistake(14, "level: !<tag:example.org,2026:x> intro\n", "AA109", "level"),
    # 15: not one mapping
    Mistake(15, "level: intermediate\n---\nid: other\n", "AA110", "", "---"),
    Mistake(15, "- a list\n", "AA106", ""),
    Mistake(15, "just text\n", "AA106", ""),
    Mistake(15, "# a comment only\n", "AA105", ""),
    # 16: line separators of Unicode
    Mistake(16, 'title:\n  en: "Noise\u2028Two"\n', "AA118", ""),
    Mistake(16, 'title:\n  en: "Noise\u2029Two"\n', "AA118", ""),
    Mistake(16, 'title:\n  en: "Noise\u0085Two"\n', "AA118", ""),
    Mistake(16, "summary:\n  en: Noise\u2028kind: tool\n  zh: 噪声\n", "AA118", "", "kind: tool"),
    # 17: surrogates and control characters
    Mistake(17, 'title:\n  en: "A \\ud800 study"\n', "AA101", ""),
    Mistake(17, 'title:\n  en: "A \\u0007 study"\n', "AA302", "title.en"),
    Mistake(17, 'title:\n  en: "A \\0 study"\n', "AA302", "title.en"),
    Mistake(17, "level: intro\u0007\n", "AA302", ""),
    Mistake(17, "level: in\u0000tro\n", "AA302", ""),
    Mistake(17, 'id: "a\\ud83d"\n', "AA101", ""),
    # 18: look-alikes of the colon
    Mistake(18, "level：intermediate\n", "AA119", ""),
    Mistake(18, "title:\n  en：A Study\n", "AA119", "title"),
    Mistake(18, "level:\u00a0intermediate\n", "AA119", ""),
    Mistake(18, "year:\u30002020\n", "AA119", ""),
    # 19: types
    Mistake(19, "level: intermediate\n1: a\n", "AA113", ""),
    Mistake(19, "level: intermediate\n? [a, b]\n: c\n", "AA113", "", "? [a"),
    Mistake(19, "level: intermediate\ntrue: x\n", "AA113", ""),
    Mistake(19, 'year: "2020"\n', "AA203", "year"),
    Mistake(19, "year: true\n", "AA203", "year"),
    Mistake(19, "title:\n  en: 2020\n", "AA203", "title.en"),
    Mistake(19, "added: 20261123\n", "AA601", "added"),
    # 20: depth, size and length
    Mistake(20, "family: [[[[[[[[[[x]]]]]]]]]]\n", "AA112", "family[0][0]"),
    Mistake(20, "title:\n  en: " + "x" * 70_000 + "\n", "AA104", "", "id: "),
    Mistake(20, "modality: [image, image, image, text, video, audio, music, speech]\n", "AA207", "modality"),
    Mistake(
        20,
        "links:\n  - rel: docs\n    url: https://v.example.org/\n"
        + "".join(f"  - rel: video\n    url: https://v{n}.example.org/\n" for n in range(20)),
        "AA207",
        "links",
        "rel: docs",
    ),
    Mistake(20, "title:\n  en: " + "y" * 301 + "\n", "AA205", "title.en"),
    # 21: line feeds in a line
    Mistake(21, 'title:\n  en: "Noise\\nTwo"\n', "AA302", "title.en"),
    Mistake(21, "vendor: |\n  Example\n", "AA302", "vendor", "vendor:", "tools"),
    Mistake(21, "venue:\n  name: |\n    NeurIPS\n  year: 2020\n  type: conference\n", "AA302", "venue.name", "name: |"),
    # 22: unknown fields
    Mistake(22, "demo_ulr: x\n", "AA201", "demo_ulr"),
    Mistake(22, "titel: x\n", "AA201", "titel"),
    Mistake(22, "Level: x\n", "AA201", "Level"),
    Mistake(22, "arxiv: x\n", "AA201", "arxiv"),
    Mistake(22, "venue:\n  name: NeurIPS\n  year: 2020\n  type: conference\n  city: Paris\n", "AA201", "venue.city"),
    Mistake(22, "authors:\n  - name: J. Ho\n    email: a\n", "AA201", "authors[0].email"),
    # 23: missing fields and placeholders
    Mistake(23, "# title: left out\n", "AA202", "title", "id: "),
    Mistake(23, "# summary: left out\n", "AA202", "summary", "id: "),
    Mistake(23, "# url: left out\n", "AA202", "url", "id: "),
    Mistake(23, "# modality: left out\n", "AA202", "modality", "id: "),
    Mistake(23, "# task: left out\n", "AA202", "task", "id: "),
    Mistake(23, "# level: left out\n", "AA202", "level", "id: "),
    Mistake(23, "# status: left out\n", "AA202", "status", "id: "),
    Mistake(23, "# verified: left out\n", "AA202", "verified", "id: "),
    Mistake(23, "# added: left out\n", "AA202", "added", "id: "),
    Mistake(23, "# authors: left out\n", "AA202", "authors", "id: "),
    Mistake(23, "# year: left out\n", "AA202", "year", "id: "),
    Mistake(23, "# licence: left out\n", "AA202", "licence", "id: ", "tools"),
    Mistake(23, "# metrics: left out\n", "AA202", "metrics", "id: ", "benchmarks"),
    Mistake(23, "# size: left out\naccess:\n", "AA204", "access", None, "datasets"),
    *_many(23, "AA208", "title.zh", "title:\n  en: A Study\n  zh: @\n", "TODO", "待补", "xxx", "N/A", "待定"),
    Mistake(23, 'title:\n  en: ""\n', "AA204", "title.en"),
    Mistake(23, 'title:\n  en: "   "\n', "AA204", "title.en"),
    Mistake(23, "title:\n  en: Description of my awesome software\n", "AA208", "title.en"),
    Mistake(23, "title:\n  zh: 研究\n", "AA202", "title.en", "zh: 研究"),
    Mistake(23, "summary:\n  en: {en}\n", "AA202", "summary.zh", "  en:"),
    Mistake(23, "# ids: left out\n", "AA412", "", "id: z-"),
    # 24: one thing for a list and the like
    *_many(24, "AA203", "modality", "modality: @\n", "image", "{image: 1}", "3"),
    Mistake(24, "authors: Jonathan Ho\n", "AA203", "authors"),
    Mistake(24, 'ids: ["{arxiv}"]\n', "AA203", "ids"),
    Mistake(24, "title: A Study\n", "AA203", "title"),
    Mistake(24, "venue: NeurIPS\n", "AA203", "venue"),
    Mistake(24, "relations: vae\n", "AA203", "relations"),
    Mistake(24, "verified: yes-it-is\n", "AA203", "verified"),
    Mistake(24, "metrics: accuracy\n", "AA203", "metrics", None, "benchmarks"),
    Mistake(24, "size: large\n", "AA203", "size", None, "datasets"),
    # 25: terms
    Mistake(25, "family: [difusion]\n", "AA501", "family[0]"),
    Mistake(25, "level: beginner\n", "AA501", "level"),
    Mistake(25, "modality: [Image]\n", "AA501", "modality[0]"),
    Mistake(25, "task: [text2image]\n", "AA501", "task[0]"),
    Mistake(25, "status: alive\n", "AA501", "status"),
    Mistake(25, "cost: gratis\n", "AA501", "cost", None, "tools"),
    Mistake(25, "access: closed\n", "AA501", "access", None, "datasets"),
    Mistake(25, "metrics:\n  - name: FID\n    direction: down\n", "AA501", "metrics[0].direction", None, "benchmarks"),
    Mistake(25, "language: [zh]\n", "AA501", "language[0]", None, "courses"),
    Mistake(25, "relations:\n  - type: build_on\n    target: vae\n", "AA501", "relations[0].type", "build_on"),
    # 26: the same item twice
    Mistake(26, "modality: [image, image]\n", "AA206", "modality[1]"),
    Mistake(26, "task: [chat, training, chat]\n", "AA206", "task[2]"),
    Mistake(
        26,
        (
            "links:\n"
            "  - {rel: video, url: 'https://a.example.org/'}\n"
            "  - {rel: video, url: 'https://a.example.org/'} # again\n"
        ),
        "AA206",
        "links[1]",
        "# again",
    ),
    Mistake(26, "aliases: [old-{id}, old-{id}]\n", "AA206", "aliases[1]"),
    # 27: places
    Mistake(27, "id: something-else\n", "AA402", "id"),
    Mistake(27, "kind: course\n", "AA403", "kind"),
    Mistake(27, "kind: paper\n", "AA403", "kind", None, "tools"),
    Mistake(27, "kind: paprika\n", "AA403", "kind"),
    # 28: another kind's fields
    Mistake(28, 'isbn: "9780262048644"\n', "AA201", "isbn"),
    Mistake(28, "vendor: X\n", "AA201", "vendor"),
    Mistake(28, "authors:\n  - name: A B\n", "AA201", "authors", "authors:", "tools"),
    Mistake(28, "hours: 3\n", "AA201", "hours", None, "books"),
    Mistake(28, "metrics: [x]\n", "AA201", "metrics", None, "datasets"),
    Mistake(28, "size: {examples: 3}\n", "AA201", "size", None, "benchmarks"),
    # 29: titles and summaries
    Mistake(29, "title:\n  en: A STUDY OF THE NOISE\n", "AA310", "title.en"),
    Mistake(29, "title:\n  en: A Study of Noise.\n", "AA311", "title.en"),
    Mistake(29, "summary:\n  en: Too short.\n  zh: {zh}\n", "AA205", "summary.en", "  en:"),
    Mistake(29, "summary:\n  en: {en}{en}{en}{en}{en}{en}{en}{en}\n  zh: {zh}\n", "AA205", "summary.en", "  en:"),
    Mistake(29, "summary:\n  en: {en}\n  zh: 太短。\n", "AA205", "summary.zh"),
    Mistake(29, "summary:\n  en: {en}\n  zh: " + "长" * 321 + "\n", "AA205", "summary.zh"),
    Mistake(
        29,
        (
            "summary:\n"
            '  en: "Here is a passage of many words that stands in two entries of the catalog although both shoul'
            'd say what sets them apart."\n'
            "  zh: {zh}\n"
        ),
        "AA312",
        "summary.en",
        "  en:",
    ),
    Mistake(
        29,
        "title:\n  en: How Noise That Is Added Step by Step Is Taken Away Again Step by Step by a Network\n"
        "summary:\n  en: How noise that is added step by step is taken away again step by step by a network.\n"
        "  zh: {zh}\n",
        "AA307",
        "summary",
        "en: How noise",
    ),
    Mistake(
        29,
        "title:\n  en: A Title That Stays as It Is\nformer_titles: [A title that stays as it is]\n",
        "AA204",
        "former_titles[0]",
    ),
    *(
        Mistake(
            32,
            f"authors:\n  - name: {name}\n    family_name: {family}\n{more}",
            "AA204",
            "authors[0].family_name",
            "family_name:",
        )
        for name, family, more in (
            ("Daniel De Freitas", "Freitas De", ""),
            ("Daniel De Freitas", "Daniel De Freitas", ""),
            ("Example Research", "Research", "    organisation: true\n"),
        )
    ),
    # 30: the same paper under another address
    Mistake(30, 'ids:\n  arxiv: "2006.11239"\nurl: https://arxiv.org/abs/2006.11239\n', "AA405", "ids.arxiv", "arxiv:"),
    *_many(
        30,
        "AA405",
        "url",
        "url: @\n",
        "https://arxiv.org/abs/2006.11239",
        "https://arxiv.org/pdf/2006.11239v2",
        "https://arxiv.org/html/2006.11239v1",
        "https://arxiv.org/pdf/2006.11239.pdf",
        folder="tools",
    ),
    *_many(
        30,
        "AA405",
        "former_urls[0]",
        "former_urls: ['@']\n",
        "https://huggingface.co/papers/2006.11239",
        "https://www.alphaxiv.org/abs/2006.11239v3",
        "https://doi.org/10.48550/arXiv.2006.11239",
        "https://ar5iv.labs.arxiv.org/html/2006.11239",
        "https://export.arxiv.org/abs/2006.11239",
        folder="datasets",
    ),
    Mistake(
        30,
        "links:\n  - rel: paper\n    url: https://arxiv.org/abs/2006.11239v2\n",
        "AA519",
        "links[0].url",
        None,
        "tools",
    ),
    # 31: the same repository under another address
    *_many(
        31,
        "AA405",
        "repo",
        "repo: @\n",
        "https://github.com/example/diffusers",
        "https://github.com/Example/Diffusers",
        folder="tools",
    ),
    *_many(
        31,
        "AA706",
        "repo",
        "repo: @\n",
        "https://github.com/example/other.git",
        "https://github.com/example/other/tree/main",
        "https://github.com/example/other/",
        "https://www.github.com/example/other",
        "https://github.com/example",
        "https://github.com/example/other/blob/main/README.md",
        folder="tools",
    ),
    *_many(
        31,
        "AA405",
        "former_urls[0]",
        "former_urls: ['@']\n",
        "https://github.com/EXAMPLE/diffusers.git",
        "https://github.com/example/diffusers/tree/main",
        "https://www.github.com/example/diffusers/",
        folder="courses",
    ),
    Mistake(31, "repo: http://github.com/example/other\n", "AA701", "repo", None, "tools"),
    # 32: the same address in another form
    *_many(
        32,
        "AA710",
        "links[0].url",
        "links:\n  - rel: video\n    url: @\n",
        "https://youtu.be/kCc8FmEb1nY",
        "https://m.youtube.com/watch?v=kCc8FmEb1nY",
        "https://youtube.com/watch?v=kCc8FmEb1nY",
        "https://www.youtube.com/embed/kCc8FmEb1nY",
        "https://www.youtube.com/redirect?q=https%3A%2F%2Fexample.org",
        "https://github.com/example/other?tab=readme-ov-file",
    ),
    *_many(
        32,
        "AA703",
        "links[0].url",
        "links:\n  - rel: video\n    url: @\n",
        "https://a.example.org/x?utm_source=y",
        "https://a.example.org/x?WT.mc_id=academic",
        "https://a.example.org/x?a=1&fbclid=2",
        "https://www.youtube.com/watch?v=kCc8FmEb1nY&si=abc",
        "https://www.bilibili.com/video/BV1?spm_id_from=333",
    ),
    *_many(
        32,
        "AA405",
        "url",
        "url: @\n",
        "https://hf-course.example.org/home#part",
        "https://www.hf-course.example.org/home/",
        "https://hf-course.example.org/home?",
        "https://HF-course.example.org/home",
        folder="courses",
    ),
    # 33: nearly the same title
    *_many(
        33,
        "AA415",
        "title.en",
        'title:\n  en: "@"\n',
        "Auto-Encoding Variational Bayse",
        "auto encoding variational bayes",
        "Auto-Encoding Variatonal Bayes",
        "Auto-Éncoding Variational Bayes",
        "Auto\u2010Encoding Variational Bayes",
    ),
    # 34: what is no arXiv id
    *_many(
        34,
        "AA406",
        "ids.arxiv",
        'ids:\n  arxiv: "@"\n',
        "2013.12345",
        "1501.0001",
        "1508.4025",
        "2006.11239v2",
        "arXiv:2006.11239",
        "2000.12345",
        "cs/05010019",
        "2006.112390",
        "https://arxiv.org/abs/2006.11239",
        "12345678",
    ),
    # 35: the year that the arXiv id tells
    *_many(35, "AA604", "year", "year: @\n", "2019", "2021", "2011"),
    Mistake(35, 'url: https://arxiv.org/abs/1602.00229\nids:\n  arxiv: "1602.00229"\nyear: 2011\n', "AA604", "year"),
    # 36: the future and the far past
    *_many(36, "AA406", "ids.arxiv", 'ids:\n  arxiv: "@"\n', "2713.00001", "9912.00001", "2812.00001"),
    Mistake(36, "year: 2099\n", "AA603", "year"),
    Mistake(36, "year: 1820\n", "AA603", "year", None, "books"),
    Mistake(36, 'added: "2099-01-01"\n', "AA602", "added"),
    Mistake(36, "released: 2101\n", "AA603", "released", None, "tools"),
    # 38: DOIs
    *_many(
        38,
        "AA407",
        "ids.doi",
        'ids:\n  arxiv: "{arxiv}"\n  doi: "@"\n',
        "https://doi.org/10.1145/3422622",
        "doi:10.1145/3422622",
        "10.1145/3422622.",
        "10.1145/34 22622",
        "3422622",
        "10.1145",
    ),
    *_many(
        38,
        "AA413",
        "ids.doi",
        'ids:\n  arxiv: "{arxiv}"\n  doi: "@"\n',
        "10.48550/arXiv.2006.11239",
        "10.48550/ARXIV.2006.11239",
    ),
    Mistake(38, 'ids:\n  arxiv: "{arxiv}"\n  doi: 10.1145/ABC.9\n', "", ""),
    Mistake(38, 'ids:\n  arxiv: "{arxiv}"\n  doi: 10.1145/abc.9\n', "AA405", "ids.doi"),
    # 39: check digits and licences
    *_many(
        39,
        "AA408",
        "isbn",
        'isbn: "@"\n',
        "9780262048645",
        "978-0262048644",
        "0262048647",
        "ISBN 9780262048644",
        folder="books",
    ),
    *_many(
        39,
        "AA414",
        "authors[0].orcid",
        "authors:\n  - name: Josiah Carberry\n    orcid: @\n",
        "0000-0002-1825-0098",
        "0000000218250097",
        "https://orcid.org/0000-0002-1825-0097",
        "0000-0002-1825-00X7",
    ),
    *_many(
        39, "AA409", "licence", "licence: @\n", "GPL3", "Apache 2.0", "apache-2.0", "MIT or so", "Free", folder="tools"
    ),
    *_many(
        39,
        "AA417",
        "licence",
        "licence: @\n",
        "GPL-3.0",
        "LGPL-2.1+",
        "GPL-2.0-with-classpath-exception",
        folder="tools",
    ),
    Mistake(39, "licence: custom\n", "AA202", "licence", None, "tools"),
    Mistake(39, "licence: unstated\n", "AA202", "licence", None, "datasets"),
    Mistake(39, "licence: unstated\n", "AA409", "licence", None, "tools"),
    # 40: authors
    *_many(
        40,
        "AA410",
        "authors[0]",
        "authors:\n  - name: @\n",
        "Ho et al.",
        "Jonathan Ho and Ajay Jain",
        "Ho, Jonathan",
        "Jonathan Ho & Ajay Jain",
        "'Jonathan Ho; Ajay Jain'",
        "Jonathan Ho (Google)",
        "李宏毅 等",
        "'jonathan@example.org'",
    ),
    Mistake(40, "authors:\n  - name: A Kim\n  - name: a kim\n", "AA411", "authors[1]"),
    Mistake(40, "authors: []\n", "AA207", "authors"),
    Mistake(40, 'authors:\n  - name: ""\n', "AA204", "authors[0].name"),
    # 41: targets
    *_many(
        41,
        "AA502",
        "relations[0].target",
        "relations:\n  - type: builds_on\n    target: @\n",
        "ddmp",
        "no-such-entry",
        "DDPM",
        "ddpm.yaml",
    ),
    Mistake(41, "relations:\n  - type: builds_on\n    target: old-vae\n", "AA508", "relations[0].target"),
    Mistake(41, "relations:\n  - type: introduced_by\n    target: vae\n", "AA503", "relations[0]", "type:"),
    Mistake(41, "relations:\n  - type: builds_on\n    target: {id}\n", "AA504", "relations[0].target"),
    Mistake(41, "relations:\n  - type: implements\n    target: d2l\n", "AA503", "relations[0]", "type:", "tools"),
    Mistake(41, "datasets: [cifar]\n", "AA502", "datasets[0]", None, "benchmarks"),
    Mistake(41, "datasets: [ddpm]\n", "AA503", "datasets[0]", None, "benchmarks"),
    Mistake(41, "relations:\n  - type: evaluates_with\n    target: diffusers\n", "AA503", "relations[0]", "type:"),
    # 42: inverses
    *_many(
        42,
        "AA510",
        "relations[0].type",
        "relations:\n  - type: @\n    target: ddpm\n",
        "built_on_by",
        "superseded_by",
        "prepares_for",
        "used_to_evaluate",
        at="type: @",
    ),
    Mistake(
        42,
        ("relations:\n  - type: builds_on\n    target: vae\n  - type: builds_on\n    target: vae # again\n"),
        "AA506",
        "relations[1].target",
    ),
    # 43: implementations
    *_many(
        43,
        "AA507",
        "relations[0].target",
        "relations:\n  - type: implemented_here\n    target: @\n",
        "impl:gan.nope",
        "impl:aigc.nope",
        "impl:../../etc/passwd",
        "'impl:'",
        "impl:diffusion",
    ),
    Mistake(
        43,
        "relations:\n  - type: implements\n    target: impl:diffusion.ddpm\n",
        "AA503",
        "relations[0]",
        "type:",
        "tools",
    ),
    # 44: states
    Mistake(44, "status: archived\n", "AA610", "status"),
    Mistake(44, 'status: dead\nstatus_since: "2026-05"\n', "AA605", "status", "status: dead"),
    *_many(
        44,
        "AA611",
        "status",
        (
            "status: @\n"
            'status_since: "2026-05"\n'
            "status_note:\n"
            '  en: "Its makers stopped in May 2026."\n'
            '  zh: "开发者已于 2026 年 5 月停止维护。"\n'
        ),
        "retracted",
        "withdrawn",
        at="status: @",
    ),
    Mistake(
        44,
        (
            "status: superseded\n"
            'status_since: "2026-05"\n'
            "status_note:\n"
            '  en: "Its makers stopped in May 2026."\n'
            '  zh: "开发者已于 2026 年 5 月停止维护。"\n'
        ),
        "AA513",
        "status",
        "status: superseded",
    ),
    Mistake(44, "relations:\n  - type: supersedes\n    target: vae\n", "AA512", "relations[0].target"),
    Mistake(44, 'status: dead\nstatus_since: "2099-01"\n', "AA602", "status_since"),
    Mistake(44, "status: dead\nstatus_since: spring\n", "AA601", "status_since"),
    # 45: verification
    Mistake(
        45,
        (
            "verified:\n"
            '  - date: "2099-01-01"\n'
            "    how: snapshot\n"
            '    against: ["o/r:x"]\n'
            "    fields: [title, authors, year, venue, ids]\n"
        ),
        "AA602",
        "verified[0].date",
        "date:",
    ),
    Mistake(
        45,
        (
            "verified:\n"
            '  - date: "2024-01-01"\n'
            "    how: snapshot\n"
            '    against: ["o/r:x"]\n'
            "    fields: [title, authors, year, venue, ids]\n"
        ),
        "AA606",
        "verified",
        "- date:",
    ),
    Mistake(
        45,
        (
            "verified:\n"
            '  - date: "2026-11-02"\n'
            "    how: ran-code\n"
            '    against: ["o/r:x"]\n'
            "    fields: [title, authors, year, venue, ids]\n"
        ),
        "AA612",
        "verified[0].how",
        "how:",
    ),
    Mistake(
        45,
        (
            "verified:\n"
            '  - date: "2026-11-02"\n'
            "    how: ran-code\n"
            '    against: ["o/r:x"]\n'
            "    fields: [title, authors, year, venue, ids]\n"
            '    note: {en: "It ran well.", zh: "运行正常。"}\n'
        ),
        "AA612",
        "verified[0].how",
        "how:",
    ),
    Mistake(
        45,
        (
            "verified:\n"
            '  - date: "2026-11-02"\n'
            "    how: snapshot\n"
            '    against: ["the internet"]\n'
            "    fields: [title, authors, year, venue, ids]\n"
        ),
        "AA607",
        "verified[0].against[0]",
        "against",
    ),
    Mistake(
        45,
        (
            "verified:\n"
            '  - date: "2026-11-02"\n'
            "    how: snapshot\n"
            "    against: []\n"
            "    fields: [title, authors, year, venue, ids]\n"
        ),
        "AA207",
        "verified[0].against",
        "against",
    ),
    Mistake(
        45,
        ('verified:\n  - date: "2026-11-02"\n    how: snapshot\n    against: ["o/r:x"]\n    fields: [title]\n'),
        "AA609",
        "verified",
        "- date:",
    ),
    Mistake(
        45,
        (
            "verified:\n"
            '  - date: "2026-11-02"\n'
            "    how: snapshot\n"
            '    against: ["o/r:x"]\n'
            "    fields: [title, authors, year, venue, ids, titel]\n"
        ),
        "AA608",
        "verified[0].fields[5]",
    ),
    Mistake(
        45,
        (
            "verified:\n"
            '  - date: "2026-11-02"\n'
            "    how: guessed\n"
            '    against: ["o/r:x"]\n'
            "    fields: [title, authors, year, venue, ids]\n"
        ),
        "AA501",
        "verified[0].how",
        "how:",
    ),
    Mistake(45, 'added: "2020-01-01"\n', "AA613", "added"),
    Mistake(45, "verified: []\n", "AA207", "verified"),
    Mistake(45, "venue:\n  name: NeurIPS\n  year: 2011\n  type: conference\n", "AA614", "venue.year", "year: 2011"),
    # 46: the two languages
    Mistake(46, "title:\n  en: A Study of Noise\n  zh: Noise\n", "AA303", "title.zh"),
    Mistake(46, "summary:\n  en: {en}\n  zh: {en}\n", "AA303", "summary.zh"),
    Mistake(46, "summary:\n  en: {en} 噪声\n  zh: {zh}\n", "AA304", "summary.en", "  en:"),
    Mistake(46, 'summary:\n  en: {en}\n  zh: {zh}\nzh_of: "00000000"\n', "AA309", "zh_of"),
    Mistake(46, "summary:\n  en: {en}\n  zh: {zh}\nzh_of: latest\n", "AA204", "zh_of"),
    Mistake(46, "title:\n  en: A Study of Noise\n  zh: 去噪擴散模型\n", "AA319", "title.zh"),
    Mistake(
        46,
        (
            "summary:\n"
            "  en: {en}\n"
            "  zh: 说明如何让网络逐步去除逐步加入的噪聲，以及这样做的代价；适合具备一点概率论基础的读者阅读。\n"
        ),
        "AA319",
        "summary.zh",
    ),
    Mistake(46, "title:\n  en: \uff24\uff24\uff30\uff2d explained\n", "AA318", "title.en"),
    Mistake(46, "title:\n  en: Noise，and more\n", "AA318", "title.en"),
    Mistake(46, "title:\n  en: A Study of Noise\n  zh: \uff24\uff24\uff30\uff2d 研究\n", "AA318", "title.zh"),
    *_many(
        46,
        "AA317",
        "title.zh",
        "title:\n  en: A Study of Noise\n  zh: @\n",
        "去噪,扩散",
        "去噪(扩散)",
        "'去噪:扩散'",
        "什么是扩散?",
    ),
    Mistake(46, "title:\n  en: A Study of Noise\n  zh: 去噪 扩散\n", "AA320", "title.zh"),
    Mistake(46, "summary:\n  en: {en} In 1000 steps.\n  zh: {zh}\n", "AA308", "summary.zh"),
    Mistake(46, "summary:\n  en: {en} Tried on CIFAR.\n  zh: {zh}\n", "AA321", "summary.zh"),
    Mistake(46, "summary:\n  en: {en}\n  zh: {zh}另见 Glow。\n", "AA321", "summary.zh"),
    # 47: levels and numbers
    Mistake(47, "level: intro\nrelations:\n  - type: prerequisite\n    target: hard\n", "AA514", "relations[0].target"),
    Mistake(
        47,
        ("level: intro\nrelations:\n  - type: prerequisite\n    target: hard\n"),
        "AA514",
        "relations[0].target",
        None,
        "courses",
    ),
    *_many(47, "AA204", "hours", "hours: @\n", "0", "5000", "-3", folder="courses"),
    Mistake(47, "min_vram_gb: 0\n", "AA204", "min_vram_gb", None, "tools"),
    Mistake(47, "size: {}\n", "AA204", "size", None, "datasets"),
    Mistake(47, "size: {examples: 0}\n", "AA204", "size.examples", None, "datasets"),
    Mistake(
        47,
        "metrics:\n  - name: FID\n    direction: lower\n    range: [9, 1]\n",
        "AA204",
        "metrics[0].range",
        None,
        "benchmarks",
    ),
    # 50: schemes
    *_many(
        50,
        "AA701",
        "links[0].url",
        'links:\n  - rel: video\n    url: "@"\n',
        "javascript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "JaVaScRiPt:alert(1)",
        "java\\tscript:alert(1)",
        "//x.example.org/",
        "ftp://x.example.org/",
        "https://",
    ),
    Mistake(50, "url: javascript:alert(1)\n", "AA701", "url", None, "tools"),
    Mistake(50, "former_urls: ['javascript:alert(1)']\n", "AA701", "former_urls[0]"),
    Mistake(50, "leaderboard: data:text/html,x\n", "AA701", "leaderboard", None, "benchmarks"),
    # 51: hosts
    *_many(
        51,
        "AA702",
        "links[0].url",
        "links:\n  - rel: video\n    url: @\n",
        "https://github.com@evil.example/x",
        "https://user:pass@github.com/x",
        "https://127.0.0.1/x",
        "https://139.224.23.16/x",
        "https://localhost/x",
        "https://2130706433/x",
        "https://0x7f000001/x",
        "'https://[::1]/x'",
        "https://a.example.org:8443/x",
        "https://facebookcorewwwi.onion/",
        "https://printer.local/",
        "https://intranet/x",
    ),
    *_many(
        51,
        "AA705",
        "repo",
        "repo: @\n",
        "https://evilgithub.com/a/b",
        "https://github.com.evil.example/a/b",
        "https://git.example.org/a/b",
        folder="tools",
    ),
    # 52: scripts
    *_many(
        52,
        "AA701",
        "links[0].url",
        "links:\n  - rel: video\n    url: @\n",
        "https://\u0430rxiv.org/abs/1",
        "https://例子.example/x",
    ),
    Mistake(52, "links:\n  - rel: video\n    url: https://xn--rxiv-43d.org/abs/1\n", "AA702", "links[0].url"),
    *_many(
        52,
        "AA313",
        "title.en",
        'title:\n  en: "@"\n',
        "D\u0456ffusion of Noise",
        "Denoising \u041c\u043edels",
        "\u0391I and Noise",
        "N\u03bfise Study",
    ),
    Mistake(52, "authors:\n  - name: Jon\u0430than Ho\n", "AA313", "authors[0].name"),
    Mistake(52, "id: dd\u0440m\n", "AA401", "id"),
    Mistake(52, "vendor: Open\u0410I\n", "AA313", "vendor", None, "tools"),
    # 53: invisible and piled-up characters
    Mistake(53, "title:\n  en: A Study of Noise\n  zh: 噪声\u202e研究\n", "AA302", "title.zh"),
    Mistake(53, "title:\n  en: A Study of Noise\n  zh: 噪声\u2066研究\n", "AA302", "title.zh"),
    Mistake(53, "title:\n  en: A Study of Noise\n  zh: 噪声\u200b研究\n", "AA302", "title.zh"),
    Mistake(53, "title:\n  en: A Study of Noise\n  zh: 噪声\u200d研究\n", "AA302", "title.zh"),
    Mistake(53, "title:\n  en: A Study of Noise\n  zh: 噪声\u00ad研究\n", "AA302", "title.zh"),
    Mistake(53, "title:\n  en: A Study of Noise\n  zh: 噪声\U000e0041研究\n", "AA302", "title.zh"),
    Mistake(53, "title:\n  en: A Study of Noise\n  zh: 噪声\ufeff研究\n", "AA302", "title.zh"),
    Mistake(53, "title:\n  en: Noi\u0301\u0302\u0303\u0304se\n", "AA314", "title.en"),
    Mistake(
        53,
        ("title:\n  en: A Study of Noise\n  zh: 噪\u0489\u0489\u0489\u0489\u0489\u0489\u0489\u0489\u0489声\n"),
        "AA314",
        "title.zh",
    ),
    Mistake(53, "authors:\n  - name: \u202eoH nahtanoJ\n", "AA302", "authors[0].name"),
    # 54: markup
    *_many(
        54,
        "AA301",
        "title.en",
        'title:\n  en: "@"\n',
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "</textarea> Noise",
        "&lt;script&gt;",
        "{{ config }}",
        "{% raw %}",
        "[x](javascript:alert)",
        "--8<-- 'x'",
        "::: atlas.cli",
        "``` Noise",
        "<!-- Noise",
        "&#x3c;b",
    ),
    Mistake(54, "summary:\n  en: {en} <b>x</b>\n  zh: {zh}\n", "AA301", "summary.en", "  en:"),
    Mistake(54, "title:\n  en: A Study of Noise\n  zh: 噪声<b>研究</b>\n", "AA301", "title.zh"),
    Mistake(54, "vendor: <b>Lab</b>\n", "AA301", "vendor", None, "tools"),
    # 56: ids and aliases
    *_many(56, "AA416", "aliases[0]", "aliases: [@]\n", "index", "assets", "search", "zh", "papers"),
    *_many(56, "AA401", "aliases[0]", "aliases: ['@']\n", "../index", "a/b", "..", "-x", "x--y", "A", "a b"),
    Mistake(56, "aliases: [{id}]\n", "AA404", "aliases[0]"),
    Mistake(56, "aliases: [ddpm]\n", "AA404", "aliases[0]"),
    Mistake(56, "id: ../../etc\n", "AA401", "id"),
    Mistake(56, "aliases: [old-vae]\n", "AA404", "aliases[0]"),
    # 57: form of text
    Mistake(57, "authors:\n  - name: Ju\u0308rgen Schmidhuber\n", "AA305", "authors[0].name"),
    Mistake(57, 'title:\n  en: " Noise Study"\n', "AA306", "title.en"),
    Mistake(57, 'title:\n  en: "Noise Study "\n', "AA306", "title.en"),
    Mistake(57, 'title:\n  en: "Noise  Study"\n', "AA306", "title.en"),
    Mistake(57, "title:\n  en: Noise\u00a0Study\n", "AA302", "title.en"),
    Mistake(57, "title:\n  en: Noise \U0001f917 Study\n", "AA315", "title.en"),
    Mistake(57, "title:\n  en: A Study of Noise\n  zh: 噪声研究\u2b50\n", "AA315", "title.zh"),
    Mistake(57, "title:\n  en: What Noise Doesn\u2019t Do\n", "AA316", "title.en"),
    Mistake(57, "title:\n  en: The “Noise” Study\n", "AA316", "title.en"),
    # 58: addresses with a better form
    Mistake(58, "links:\n  - rel: video\n    url: http://github.com/x/y\n", "AA701", "links[0].url"),
    *_many(
        58,
        "AA707",
        "links[0].url",
        "links:\n  - rel: video\n    url: @\n",
        "https://bit.ly/3xYz",
        "https://t.co/abc",
        "https://aka.ms/learn",
        "https://www.tinyurl.com/x",
        "https://b23.tv/abc",
    ),
    *_many(
        58,
        "AA708",
        "links[0].url",
        "links:\n  - rel: video\n    url: @\n",
        "https://a.example.org/?ref=friend",
        "https://a.example.org/?aff=1",
        "https://www.amazon.com/dp/0262048647?tag=x-20",
        "https://a.example.org/?invite_code=7",
    ),
    *_many(
        58,
        "AA710",
        "links[0].url",
        "links:\n  - rel: video\n    url: @\n",
        "https://hf.co/openai",
        "https://huggingface.co/papers/2006.11230",
        "https://www.alphaxiv.org/abs/2006.11230",
        "https://export.arxiv.org/abs/2006.11230",
        "https://ar5iv.org/abs/2006.11230",
        "https://doi.org/10.48550/arXiv.2006.11230",
    ),
    Mistake(58, "url: https://arxiv.org/pdf/{arxiv}\n", "AA704", "url"),
    Mistake(58, "url: https://arxiv.org/abs/{arxiv}v2\n", "AA704", "url"),
    Mistake(58, "links:\n  - rel: pdf\n    url: https://arxiv.org/pdf/2006.99999\n", "AA704", "links[0].url"),
    # 60: malformed addresses
    *_many(
        60,
        "AA701",
        "links[0].url",
        'links:\n  - rel: video\n    url: "@"\n',
        "https://a.example.org/a b",
        "https://a.example.org/a\\nb",
        "#part",
        "/relative",
        "https:///x",
        "https://a.example.org/<x>",
        "https://a.example.org/" + "x" * 600,
    ),
    *_many(
        60,
        "AA709",
        "links[0].url",
        "links:\n  - rel: video\n    url: '@'\n",
        "https://a.example.org/x_(y",
        "https://a.example.org/x)",
        "https://a.example.org/[x",
    ),
]
