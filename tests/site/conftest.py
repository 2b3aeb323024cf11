"""A copy of the project per engine, built once for all tests of this folder."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from filelock import FileLock
from playwright.sync_api import Browser, Error, sync_playwright

from atlas import site
from atlas.catalog import Catalog
from atlas.site.languages import LANGUAGES
from atlas.site.pages import Pages
from tests.conftest import ROOT

# Chromium asks for updates and certificates of its own accord; these keep it to what the pages ask for.
CHROMIUM = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog.load(ROOT)


@pytest.fixture(scope="session")
def pages(catalog: Catalog) -> dict[str, Pages]:
    found = {}
    for language in LANGUAGES:
        folder = ROOT / "docs" / language.code
        written = frozenset(file.relative_to(folder).as_posix() for file in folder.rglob("*.md"))
        found[language.code] = Pages(catalog, language, written)
    return found


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes a copy of the project to build in, so that a test run never touches the developer's own build folder."""
    vendored = site.vendor(ROOT)

    def copy(name: str) -> Path:
        root = tmp_path_factory.mktemp(name)
        for folder in ("catalog", "docs", "reference_impl", "atlas/site/theme"):
            shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
        for file in ("mkdocs.base.yml", "mkdocs.yml", "mkdocs.zh.yml", "web/package.json", "web/package-lock.json"):
            (root / file).parent.mkdir(exist_ok=True)
            shutil.copyfile(ROOT / file, root / file)
        shutil.copytree(vendored, root / "build" / "vendor")
        return root

    return copy


@pytest.fixture(scope="session", params=["mkdocs", "zensical"])
def built(
    request: pytest.FixtureRequest,
    catalog: Catalog,
    project: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The finished site, from each engine in turn; the first worker that asks builds it for all."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    done = shared / f"{request.param}.built"
    with FileLock(f"{done}.lock"):
        if not done.is_file():
            finished = site.build(project(request.param), engine=request.param, catalog=catalog)
            done.write_text(str(finished), encoding="utf-8")
        return Path(done.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = os.environ.get("AIGC_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(executable_path=executable, args=list(CHROMIUM))
        except Error as error:
            if os.environ.get("AIGC_REQUIRE_BROWSER") == "1":
                raise
            pytest.skip(f"no Chromium: install it, or name it in AIGC_CHROMIUM ({str(error).splitlines()[0]})")
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Path], str]]:
    """Serves folders on free ports and returns their addresses, with a slash at the end."""
    servers: dict[Path, ThreadingHTTPServer] = {}

    def start(folder: Path) -> str:
        if folder not in servers:
            servers[folder] = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder))
            threading.Thread(target=servers[folder].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[folder].server_port}/"

    yield start
    for server in servers.values():
        server.shutdown()
        server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass
