"""The command `aigc`: a thin layer over the library."""

from __future__ import annotations

import contextlib
import importlib.util
import subprocess
import sys
import time
from collections.abc import Iterator
from enum import StrEnum
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from atlas import catalog, report
from atlas.authoring import authoring
from atlas.checks.facts import FactsError, read_facts
from atlas.explain import explanation
from atlas.fields import did_you_mean
from atlas.history import HistoryError, entries_at
from atlas.options import Output, OutputFormat, Root, Speech, SpeechOption
from atlas.rules import RULES, Language

app = typer.Typer(
    help="AIGC Atlas: check the catalog, build the site, run the reference implementations.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(authoring)


class EngineName(StrEnum):
    """Which site generator builds the pages."""

    mkdocs = "mkdocs"
    zensical = "zensical"


@app.command()
def check(
    root: Root = Path(),
    output: OutputFormat = Output.text,
    as_json: Annotated[bool, typer.Option("--json", help="Short for --format json.")] = False,
    language: SpeechOption = Speech.en,
    facts: Annotated[
        Path | None, typer.Option(help="Table of known facts (TSV: arxiv_id, title, year, authors) to compare with.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="REF", help="A commit, tag or branch: its ids must still be there.")
    ] = None,
    notes: Annotated[bool, typer.Option("--notes", help="Show also what is no mistake, such as unused terms.")] = False,
    explain: Annotated[
        str | None, typer.Option(metavar="CODE", help="Explain a rule, such as AA501, with an example, and stop.")
    ] = None,
) -> None:
    """Check every entry; say where each problem is and how to mend it. Exit status 1 when there are errors."""
    speech: Language = language.value
    output = Output.json if as_json else output
    if explain is not None:
        _explain(explain.upper(), speech)
        return
    if not (root / "catalog").is_dir():
        raise typer.BadParameter("no folder catalog/ there", param_hint="--root")
    try:
        known = read_facts(facts) if facts else None
        former = entries_at(root, since) if since else ()
    except (FactsError, HistoryError) as error:
        raise typer.BadParameter(
            str(error), param_hint="--facts" if isinstance(error, FactsError) else "--since"
        ) from None
    found, problems = catalog.check(root, facts=known, former=former, notes=notes)
    if output is Output.text:
        report.to_console(Console(highlight=False), problems, len(found) if found else 0, speech)
    elif problems or output is not Output.github:
        print(report.for_programs(problems, output, speech))
    if found is None:
        raise typer.Exit(1)


def _explain(code: str, language: Language) -> None:
    if code not in RULES:
        near = did_you_mean(code, list(RULES), ("codes run from AA101 to AA9xx", ""))["suggestion"]
        raise typer.BadParameter(f"no rule {code}: {near}", param_hint="--explain")
    typer.echo(explanation(RULES[code], language))


@app.command()
def stage(root: Root = Path()) -> None:
    """Write the pages that a site engine builds: afterwards `mkdocs build --strict` works by itself."""
    from atlas import site

    with _failures():
        site.stage(root, catalog.Catalog.load(root))


@app.command()
def build(
    root: Root = Path(),
    engine: Annotated[EngineName, typer.Option(help="The site engine.")] = EngineName.mkdocs,
) -> None:
    """Build the whole site in both languages into build/site and verify it."""
    from atlas import site

    started = time.monotonic()
    with _failures():
        folder = site.build(root, engine=engine.value)
    typer.echo(f"Built {folder} in {time.monotonic() - started:.0f} s.")


@app.command()
def serve(
    root: Root = Path(),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
) -> None:
    """Build the site and serve it at 127.0.0.1 until Ctrl-C."""
    try:
        # Taken before the build, so that a port in use is known at once and not after it.
        server = ThreadingHTTPServer(
            ("127.0.0.1", port), partial(SimpleHTTPRequestHandler, directory=root / "build" / "site")
        )
    except OSError as error:
        typer.echo(f"Cannot serve at 127.0.0.1:{port}: {error.strerror}. Choose another port with --port.", err=True)
        raise typer.Exit(1) from None
    with server:
        build(root)
        typer.echo(f"Open http://127.0.0.1:{server.server_port}/ (中文: http://127.0.0.1:{server.server_port}/zh/)")
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    """Say what stopped the build in words; a traceback helps nobody who writes an entry."""
    from atlas import site

    try:
        yield
    except catalog.CatalogError as error:
        report.to_console(Console(stderr=True, highlight=False), error.problems, 0, "en")
    except (site.DirectiveError, site.EngineError, site.SiteError, site.StageError, site.VendorError) as error:
        typer.echo(str(error), err=True)
    else:
        return
    raise typer.Exit(1)


def _implementation(context: typer.Context) -> None:
    # A process of its own keeps the wall: `atlas` never imports torch, `reference_impl` never imports `atlas`.
    if importlib.util.find_spec("torch") is None:
        typer.echo("The reference implementations need torch: pip install 'aigc-atlas[models]'", err=True)
        raise typer.Exit(2)
    command = [sys.executable, "-m", "reference_impl", str(context.info_name), *context.args]
    raise typer.Exit(subprocess.run(command, check=False).returncode)


_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
for _name, _help in {
    "methods": "List the reference implementations.",
    "train": "Train a reference implementation, e.g. `aigc train ddpm`.",
    "sample": "Draw samples from a trained checkpoint.",
    "evaluate": "Measure a trained checkpoint again.",
    "presets": "Run every preset that promises a time; print what was kept.",
}.items():
    app.command(_name, help=_help, context_settings=_PASS_ON)(_implementation)
