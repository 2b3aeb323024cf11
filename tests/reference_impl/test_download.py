"""The one place that downloads, against a server on this machine that misbehaves as servers do."""

import hashlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from reference_impl import download
from reference_impl.download import DownloadError, File, Source, fetch

CONTENT = bytes(i * i % 251 for i in range(300_000))
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server:
    """A web server whose folders are functions: `behave[folder](handler, start)` answers a request for the file."""

    def __init__(self) -> None:
        self.behave: dict[str, Callable] = {}
        self.asked: list[tuple[str, str | None]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                folder = self.path.split("/")[1]
                wanted = self.headers.get("Range")
                server.asked.append((folder, wanted))
                self.close_connection = True
                start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
                server.behave[folder](self, start)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def address(self, folder: str) -> str:
        return f"http://127.0.0.1:{self.http.server_port}/{folder}/"


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, length: int | None = None, **headers: str) -> None:
    """An answer; a length other than the body's is a connection that breaks."""
    handler.send_response(status)
    for name, value in {**headers, "Content-Length": str(len(body) if length is None else length)}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def good(handler: BaseHTTPRequestHandler, start: int) -> None:
    if start:
        send(handler, 206, CONTENT[start:], Content_Range=f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
    else:
        send(handler, 200, CONTENT)


def without_range(handler: BaseHTTPRequestHandler, _: int) -> None:
    send(handler, 200, CONTENT)


def breaking(after: int) -> Callable:
    """Each connection breaks after so many bytes."""

    def answer(handler: BaseHTTPRequestHandler, start: int) -> None:
        rest = CONTENT[start:]
        span = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
        send(handler, 206 if start else 200, rest[:after], len(rest), **({"Content_Range": span} if start else {}))

    return answer


def wrong(handler: BaseHTTPRequestHandler, start: int) -> None:
    """Other bytes, as many as there should be."""
    send(handler, 206, bytes(len(CONTENT) - start), Content_Range=f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")


def missing(handler: BaseHTTPRequestHandler, _: int) -> None:
    send(handler, 404, b"<html>not here</html>")


def login_page(handler: BaseHTTPRequestHandler, _: int) -> None:
    send(handler, 200, b"<html>please log in</html>")


def endless(handler: BaseHTTPRequestHandler, _: int) -> None:
    handler.send_response(200)
    handler.end_headers()  # no length: it goes on until it is closed
    handler.wfile.write(CONTENT + CONTENT)


def silent(handler: BaseHTTPRequestHandler, _: int) -> None:
    handler.rfile.read(1)  # until the client has had enough


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def mirrors(server, tmp_path, monkeypatch) -> Callable:
    """`mirrors(good, …)` makes "things/file" to be had from mirrors of these kinds, in this order."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("AIGC_DATA", raising=False)
    monkeypatch.setattr(download, "TIMEOUT", (1.0, 0.3))

    def set_up(*kinds: Callable, sha256: str = SHA256) -> None:
        server.behave = {f"{i}-{kind.__name__}": kind for i, kind in enumerate(kinds)}
        source = Source(tuple(server.address(name) for name in server.behave), {"file": File(sha256, len(CONTENT))})
        monkeypatch.setitem(download.SOURCES, "things", source)

    return set_up


def cache(tmp_path):
    return tmp_path / "cache" / "aigc-atlas" / "things"


def test_a_file_is_downloaded_into_the_cache_once(server, mirrors, tmp_path):
    mirrors(good)
    path = fetch("things", "file")
    assert path == cache(tmp_path) / "file"
    assert path.read_bytes() == CONTENT
    assert fetch("things", "file") == path
    assert server.asked == [("0-good", None)]
    assert [p.name for p in cache(tmp_path).iterdir()] == ["file"]


def test_a_file_in_aigc_data_is_taken_from_there(server, mirrors, tmp_path, monkeypatch):
    mirrors(good)
    monkeypatch.setenv("AIGC_DATA", str(tmp_path / "mine"))
    path = tmp_path / "mine" / "things" / "file"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    assert fetch("things", "file") == path
    assert server.asked == []
    assert not cache(tmp_path).exists()


def test_what_aigc_data_lacks_is_downloaded_into_the_cache(mirrors, tmp_path, monkeypatch):
    mirrors(good)
    monkeypatch.setenv("AIGC_DATA", str(tmp_path / "mine"))
    assert fetch("things", "file") == cache(tmp_path) / "file"
    assert not (tmp_path / "mine").exists()


def test_another_file_in_aigc_data_is_an_error_that_names_both_hashes(server, mirrors, tmp_path, monkeypatch):
    mirrors(good)
    monkeypatch.setenv("AIGC_DATA", str(tmp_path))
    (tmp_path / "things").mkdir()
    (tmp_path / "things" / "file").write_bytes(b"other")
    with pytest.raises(DownloadError, match=f"{hashlib.sha256(b'other').hexdigest()}; expected {SHA256}"):
        fetch("things", "file")
    assert server.asked == []


def test_a_damaged_file_in_the_cache_is_downloaded_anew(mirrors, tmp_path):
    mirrors(good)
    cache(tmp_path).mkdir(parents=True)
    (cache(tmp_path) / "file").write_bytes(CONTENT[:-1])
    assert fetch("things", "file").read_bytes() == CONTENT


def test_a_broken_download_goes_on_where_it_broke(server, mirrors):
    whole = 100_000 // download.CHUNK * download.CHUNK  # what came of a chunk that broke is asked for again
    mirrors(breaking(100_000))
    assert fetch("things", "file").read_bytes() == CONTENT
    assert [wanted for _, wanted in server.asked] == [None, *(f"bytes={i * whole}-" for i in (1, 2, 3))]


def test_the_next_run_goes_on_where_the_last_one_was_killed(server, mirrors, tmp_path):
    mirrors(good)
    cache(tmp_path).mkdir(parents=True)
    (cache(tmp_path) / "file.part").write_bytes(CONTENT[:123_456])
    assert fetch("things", "file").read_bytes() == CONTENT
    assert server.asked == [("0-good", "bytes=123456-")]


def test_the_next_mirror_goes_on_where_one_that_keeps_breaking_left_off(server, mirrors):
    mirrors(breaking(download.CHUNK), good)
    assert fetch("things", "file").read_bytes() == CONTENT
    assert server.asked[-1] == ("1-good", f"bytes={download.CHUNK * download.ATTEMPTS}-")


def test_a_server_that_ignores_ranges_sends_all_and_that_is_understood(server, mirrors, tmp_path):
    mirrors(without_range)
    cache(tmp_path).mkdir(parents=True)
    (cache(tmp_path) / "file.part").write_bytes(CONTENT[:1000])
    assert fetch("things", "file").read_bytes() == CONTENT
    assert server.asked == [("0-without_range", "bytes=1000-")]


@pytest.mark.parametrize("bad", [wrong, missing, login_page, endless, silent])
def test_a_mirror_that_gives_no_good_file_is_passed_over(mirrors, tmp_path, bad):
    mirrors(bad, good)
    assert fetch("things", "file").read_bytes() == CONTENT
    assert [p.name for p in cache(tmp_path).iterdir()] == ["file"]


def test_a_mirror_that_is_dead_is_passed_over(server, mirrors, monkeypatch):
    mirrors(good)
    source = download.SOURCES["things"]
    dead = Source(("http://127.0.0.1:9/", "http://no.such.host.invalid/", *source.mirrors), source.files)
    monkeypatch.setitem(download.SOURCES, "things", dead)
    assert fetch("things", "file").read_bytes() == CONTENT


@pytest.mark.parametrize("left", [b"x" * 1000, b"x" * len(CONTENT), b"x" * (len(CONTENT) + 1)])
def test_rubbish_that_an_earlier_run_left_does_not_condemn_a_good_mirror(mirrors, tmp_path, left):
    mirrors(good)
    cache(tmp_path).mkdir(parents=True)
    (cache(tmp_path) / "file.part").write_bytes(left)
    assert fetch("things", "file").read_bytes() == CONTENT


def test_a_pinned_hash_that_is_wrong_ends_in_an_error_and_no_file(server, mirrors, tmp_path):
    mirrors(good, without_range, sha256="0" * 64)
    with pytest.raises(DownloadError, match="no mirror gave things/file") as error:
        fetch("things", "file")
    assert str(error.value).count("it serves a file whose sha256 is not 000") == 2
    assert list(cache(tmp_path).iterdir()) == []
    assert len(server.asked) == 2


def test_without_a_network_the_message_says_where_to_put_the_file_and_what_its_hash_is(mirrors, tmp_path, monkeypatch):
    mirrors(missing, login_page, silent)
    source = download.SOURCES["things"]
    monkeypatch.setitem(download.SOURCES, "things", Source((*source.mirrors, "http://127.0.0.1:9/"), source.files))
    with pytest.raises(DownloadError) as error:
        fetch("things", "file")
    said = str(error.value)
    for part in ("HTTP 404", "it offers 26 bytes; expected 300,000", "no answer in time", "no connection"):
        assert part in said
    assert f"put the file into {cache(tmp_path)} " in said
    assert "AIGC_DATA" in said
    assert SHA256 in said


def test_without_requests_the_message_says_so(mirrors, monkeypatch):
    mirrors(good)
    monkeypatch.setitem(sys.modules, "requests", None)
    with pytest.raises(DownloadError, match=f"requests is not installed.*put the file into .*{SHA256}"):
        fetch("things", "file")


def test_several_downloads_of_one_file_at_once_do_each_other_no_harm(mirrors):
    mirrors(breaking(100_000))
    got, failed = [], []

    def one() -> None:
        try:
            got.append(fetch("things", "file").read_bytes())
        except OSError as error:
            failed.append(error)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert got == [CONTENT] * 4


def test_importing_the_data_needs_neither_requests_nor_the_network(root):
    code = "import sys, reference_impl.datasets; print('requests' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "False"


def test_every_source_is_pinned_and_its_mirrors_are_https():
    for source in download.SOURCES.values():
        assert len(source.mirrors) >= 2
        assert all(mirror.startswith("https://") and mirror.endswith("/") for mirror in source.mirrors)
        for file in source.files.values():
            assert len(bytes.fromhex(file.sha256)) == 32
            assert 0 < file.size < 100_000_000
