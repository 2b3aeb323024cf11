"""Lines in hand-written pages that the catalog or a recorded run fills in: `<!-- atlas: NAME ARGUMENT... -->`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from atlas.model import IMPLEMENTATION, Entry
from atlas.site.cache_gain import read_cache_gain
from atlas.site.modes import read_modes
from atlas.site.pages import Pages
from atlas.site.parameterisations import read_parameterisations
from atlas.site.record import RESULTS, RecordError, read_record
from atlas.site.samplers import read_samplers
from atlas.statistics import year_of

_LINE = re.compile(r"^(?P<indent>[ \t]*)<!--\s*atlas:(?P<words>.*?)-->[ \t]*$")
_RUN = re.compile(r"[a-z0-9_]+/[a-z0-9_-]+")
RULE = f"\n\n{'─' * 40}\n\n"
"""What stands between the texts of a run, as `reference_impl.cli` writes it."""
_FENCE = re.compile(r"^[ \t]*(?P<fence>`{3,}|~{3,})")


class DirectiveError(Exception):
    """A directive is unknown or asks for something that does not exist; the message begins with `file:line`."""


@dataclass(frozen=True)
class Directives:
    """Fills in the directives of one language's pages.

    Attributes:
        root: The project's root.
        pages: The renderer of the language's pages.
    """

    root: Path
    pages: Pages

    def expand(self, source: str, page: str, shown: str) -> str:
        """Returns a hand-written page with its directives filled in; code blocks are left alone.

        Args:
            source: The page's Markdown.
            page: Its path below the docs folder.
            shown: The path that messages name.

        Raises:
            DirectiveError: A directive cannot be filled in.
        """
        lines = []
        fence = ""
        for number, line in enumerate(source.splitlines(), start=1):
            if opened := _FENCE.match(line):
                mark = opened["fence"]
                fence = mark if not fence else "" if mark.startswith(fence) else fence
            found = None if fence else _LINE.match(line)
            if found is None:
                lines.append(line)
                continue
            try:
                filled = self._fill(found["words"].split(), page)
            except (DirectiveError, RecordError) as error:
                raise DirectiveError(f"{shown}:{number}: {error}") from error
            lines += [f"{found['indent']}{text}" if text else "" for text in filled.strip("\n").splitlines()]
        return "\n".join(lines) + "\n"

    def _fill(self, words: list[str], page: str) -> str:
        known: Mapping[str, Callable[..., str]] = {
            "cache_gain": self.cache_gain,
            "counts": self.counts,
            "entries": self.entries,
            "modes": self.modes,
            "parameterisations": self.parameterisations,
            "record": self.record,
            "related": self.related,
            "samplers": self.samplers,
            "samples": self.samples,
            "timeline": self.timeline,
        }
        name = words[0] if words else ""
        if name not in known:
            raise DirectiveError(f"unknown directive {name!r}; there are: {', '.join(known)}")
        return known[name](page, *words[1:])

    def cache_gain(self, page: str, *none: str) -> str:
        """`cache_gain`: what a cache of keys and values saves, as a table."""
        if none:
            raise DirectiveError("'cache_gain' takes no argument")
        return self.pages.fragment("cache_gain.md.j2", page, gain=read_cache_gain(self.root, self.pages.phrases))

    def counts(self, page: str, *none: str) -> str:
        """`counts`: how many entries of each kind there are, with links to the lists."""
        if none:
            raise DirectiveError("'counts' takes no argument")
        return self.pages.fragment("counts.md.j2", page)

    def entries(self, page: str, *ids: str) -> str:
        """`entries ID...`: the named entries as cards."""
        return self.pages.fragment("entries.md.j2", page, entries=self._named("entries", ids))

    def modes(self, page: str, *none: str) -> str:
        """`modes`: how many of 25 Gaussians each GAN finds, as a table."""
        if none:
            raise DirectiveError("'modes' takes no argument")
        phrases = self.pages.phrases
        table = read_modes(self.root, phrases)
        found = phrases.say("modes.found", table.of) if table else ""
        held = phrases.say("modes.held", table.share) if table else ""
        return self.pages.fragment("modes.md.j2", page, modes=table, found=found, held=held)

    def parameterisations(self, page: str, *none: str) -> str:
        """`parameterisations`: what is predicted, by which schedule, with which backbone, as a table."""
        if none:
            raise DirectiveError("'parameterisations' takes no argument")
        phrases = self.pages.phrases
        table = read_parameterisations(self.root, phrases)
        caption = phrases.say("parameterisations.caption", table.steps) if table else ""
        return self.pages.fragment("parameterisations.md.j2", page, table=table, caption=caption)

    def samplers(self, page: str, *none: str) -> str:
        """`samplers`: how good samples are for how many evaluations of the network, as a chart and a table."""
        if none:
            raise DirectiveError("'samplers' takes no argument")
        phrases = self.pages.phrases
        table = read_samplers(self.root, phrases)
        caption = phrases.say("samplers.caption", table.samples) if table else ""
        return self.pages.fragment("samplers.md.j2", page, samplers=table, caption=caption)

    def related(self, page: str, *targets: str) -> str:
        """`related impl:METHOD` or `related ID`: what an implementation or an entry is related to."""
        if len(targets) != 1:
            raise DirectiveError("'related' takes one target, such as impl:diffusion.ddpm")
        catalog = self.pages.catalog
        sources = catalog.implementations.get(targets[0]) or [catalog.entries.get(targets[0])]
        found = [source for source in sources if source is not None]
        if not found:
            raise DirectiveError(f"nothing in the catalog is or implements {targets[0]!r}")
        related = self.pages.grouped(item for source in found for item in catalog.related(source.id))
        cards = self.pages.fragment("entries.md.j2", page, entries=found) if targets[0] not in catalog.entries else ""
        return cards + "\n" + self.pages.fragment("related.md.j2", page, related=related)

    def record(self, page: str, *names: str) -> str:
        """`record METHOD/PRESET`: the recorded run of a reference implementation, as a table."""
        if len(names) != 1 or not _RUN.fullmatch(names[0]):
            raise DirectiveError("'record' takes one run, such as ddpm/digits")
        method = names[0].partition("/")[0]
        modules = [target for target in self.pages.catalog.implementations if target.endswith(f".{method}")]
        if not modules:
            raise DirectiveError(f"no entry of the catalog is implemented here by {method!r}")
        module = f"reference_impl.{modules[0].removeprefix(IMPLEMENTATION)}"
        record = read_record(self.root, names[0], module, self.pages.phrases)
        return self.pages.fragment("record.md.j2", page, record=record)

    def samples(self, page: str, *names: str) -> str:
        """`samples METHOD/PRESET [N]`: the texts that a recorded run wrote, the first N of them, as they are."""
        if len(names) not in (1, 2) or not _RUN.fullmatch(names[0]) or not (names[1:] or ["1"])[0].isdecimal():
            raise DirectiveError("'samples' takes one run and how many of its texts, such as gpt/docs 2")
        file = self.root / RESULTS / names[0] / "samples.txt"
        if not file.is_file():
            return self.pages.fragment("record.md.j2", page, record=None)
        texts = file.read_text(encoding="utf-8").split(RULE)[: int(names[1]) if names[1:] else None]
        # A fence longer than any run of its character, and no mark that includes a file: what a model wrote never
        # becomes markup.
        shown = RULE.join(texts).strip("\n").replace("--8<--", ";--8<--")
        fence = "~" * max([3, *(len(run) + 1 for run in re.findall("~+", shown))])
        return f"{fence} {{ .text .atlas-written }}\n{shown}\n{fence}"

    def timeline(self, page: str, *ids: str) -> str:
        """`timeline ID...`: the named entries by year, the oldest first, with what each is in a sentence."""
        years: dict[int, list[Entry]] = {}
        for entry in self._named("timeline", ids):
            if (year := year_of(entry)) is None:
                raise DirectiveError(f"'timeline' takes entries with a year; without one: {entry.id}")
            years.setdefault(year, []).append(entry)
        return self.pages.fragment("timeline.md.j2", page, years=dict(sorted(years.items())))

    def _named(self, directive: str, ids: Sequence[str]) -> list[Entry]:
        unknown = [identifier for identifier in ids if identifier not in self.pages.catalog.entries]
        if unknown or not ids:
            raise DirectiveError(f"'{directive}' takes ids of entries; unknown: {', '.join(unknown) or 'none given'}")
        return [self.pages.catalog.entries[identifier] for identifier in ids]
