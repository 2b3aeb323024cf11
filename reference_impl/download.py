"""Data files from the network, through this one place: pinned by sha256, from several mirrors, resumed where broken.

A file is looked for in `$AIGC_DATA/<set>/`, then in the cache, `$XDG_CACHE_HOME/aigc-atlas/<set>/` (by default under
`~/.cache`); only then is it downloaded, into the cache. Whoever has no network puts the files into either folder.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from reference_impl.engine import progress_bar

TIMEOUT = (10.0, 30.0)
"""Seconds to wait for a connection, and for the next bytes."""
ATTEMPTS = 4
"""Connections to one mirror before the next one is tried; each goes on where the last one broke."""
CHUNK = 1 << 14  # so much is lost when a connection breaks
SHOWN_UNIT = 1024  # the progress bar counts KiB


class File(NamedTuple):
    """What a file must be, to the bit."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Source:
    """Where a set's files are to be had.

    Attributes:
        mirrors: Addresses of folders that hold all of the files, the best first.
        files: The files by name.
    """

    mirrors: tuple[str, ...]
    files: Mapping[str, File]


SOURCES = {
    "fashion-mnist": Source(
        mirrors=(
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",  # the copy that Keras loads
            "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",  # the authors' bucket
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/"
            "b2617bb6d3ffa2e429640350f613e3291e10b141/data/fashion/",  # the authors' repository
        ),
        files={
            "train-images-idx3-ubyte.gz": File(
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", 26_421_880
            ),
            "train-labels-idx1-ubyte.gz": File(
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 29_515
            ),
            "t10k-images-idx3-ubyte.gz": File(
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 4_422_102
            ),
            "t10k-labels-idx1-ubyte.gz": File(
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 5_148
            ),
        },
    ),
    "tiny-shakespeare": Source(
        mirrors=(
            "https://raw.githubusercontent.com/karpathy/char-rnn/"
            "6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/",  # the author's repository
            "https://cdn.jsdelivr.net/gh/karpathy/char-rnn@"
            "6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/",  # a copy of it
        ),
        files={
            "input.txt": File("86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed", 1_115_394),
        },
    ),
    "chinese-poetry": Source(
        mirrors=(
            "https://raw.githubusercontent.com/chinese-poetry/chinese-poetry/"
            "99ebbef7e1345c0985c44b9fd96a3f9e776f117b/%E5%85%A8%E5%94%90%E8%AF%97/",  # the folder 全唐诗
            "https://cdn.jsdelivr.net/gh/chinese-poetry/chinese-poetry@"
            "99ebbef7e1345c0985c44b9fd96a3f9e776f117b/%E5%85%A8%E5%94%90%E8%AF%97/",
        ),
        files={
            "poet.tang.0.json": File("4f88f429938082523cdc72a1612bd7a7c3e3f7a33f8192c61ae51340efc3c92d", 408_405),
            "poet.tang.1000.json": File("6e703b8d8dcedbd6110f6d48d043665ca2131db2035a5bfcef5e59a19aeb6d75", 477_519),
            "poet.tang.2000.json": File("ec28efa7e2ae9cdbbba09f0ed186e32ccae47a325ad1e5816b7ad56071c1665a", 417_948),
            "poet.tang.3000.json": File("9e4ba2323752b6b9fbdba875cdbc6a26636fe0cabc85fd066370d4915952001f", 453_811),
            "poet.tang.4000.json": File("b8a7946c879b9658a6c667a4c55f776fae7e5e00a17789ab06b274c1429afc66", 488_655),
            "poet.tang.5000.json": File("a0306e6962cff01639ad9a00b042a201b8dec1f30fa5d768a7b112589887861e", 467_225),
            "poet.tang.6000.json": File("982a21d2b15922b406911f1c825785054314c686da86b2155d7aebb362d22771", 470_031),
            "poet.tang.7000.json": File("a6fb69d7b4343c904dc56ae5aae34facc2478d196b51c37ceba9d1e2f171b342", 474_558),
        },
    ),
    "multi30k": Source(
        mirrors=(
            "https://raw.githubusercontent.com/multi30k/dataset/"
            "a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw/",  # the authors' repository
            "https://cdn.jsdelivr.net/gh/multi30k/dataset@"
            "a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw/",  # a copy of it
        ),
        files={
            "train.en.gz": File("d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f", 568_929),
            "train.de.gz": File("726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6", 637_044),
            "test_2016_flickr.en.gz": File("611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9", 21_077),
            "test_2016_flickr.de.gz": File("9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8", 22_890),
        },
    ),
}


class DownloadError(OSError):
    """A file cannot be had: it is damaged where it lies, or no mirror gave it."""


class MirrorError(Exception):
    """This mirror did not give the file."""


def cache_folder(name: str) -> Path:
    """Where the files of a set are kept once they are downloaded."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "aigc-atlas" / name


def local(name: str, file: str) -> Path | None:
    """The file on this machine, its hash checked; None if it must be downloaded.

    Raises:
        DownloadError: The file in `$AIGC_DATA` is another one. That folder is the user's own, so nothing in it is
            passed over in silence.
    """
    wanted = SOURCES[name].files[file]
    if base := os.environ.get("AIGC_DATA"):
        path = Path(base) / name / file
        if path.exists():
            if (got := sha256(path)) != wanted.sha256:
                raise DownloadError(f"{path} has the sha256 {got}; expected {wanted.sha256} ({wanted.size:,} bytes)")
            return path
    path = cache_folder(name) / file
    return path if path.exists() and sha256(path) == wanted.sha256 else None


def fetch(name: str, file: str) -> Path:
    """The path of one file of a set; it is downloaded if it is not on this machine yet.

    Args:
        name: The set, one of `SOURCES`.
        file: One of the set's files.

    Raises:
        DownloadError: No mirror gave the file. The message says why not, and where to put the file by hand.
    """
    if path := local(name, file):
        return path
    source, folder = SOURCES[name], cache_folder(name)
    by_hand = (
        f"To go on without them, put the file into {folder} (or into {name} in the folder that AIGC_DATA names); "
        f"its sha256 is {source.files[file].sha256}."
    )
    try:
        import filelock  # imported here, as requests is: only a download needs them
        import requests  # noqa: F401
    except ImportError as error:
        raise DownloadError(f"{name}/{file} must be downloaded, and {error.name} is not installed. {by_hand}") from None

    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder.parent / f".{file}.lock"):  # whoever else wants the same file waits for this download
        return local(name, file) or download(name, file, by_hand)


def download(name: str, file: str, by_hand: str) -> Path:
    """Ask one mirror after another for a file that is not on this machine; its path.

    Raises:
        DownloadError: No mirror gave it. The message ends with what the user can do `by_hand`.
    """
    source, folder = SOURCES[name], cache_folder(name)
    path, part, wanted = folder / file, folder / f"{file}.part", source.files[file]
    reasons = []
    label = f"download {file}, KiB"
    with progress_bar(label, wanted.size // SHOWN_UNIT, size(part) // SHOWN_UNIT) as advance:
        for url in (mirror + file for mirror in source.mirrors):
            try:
                from_mirror(url, part, wanted, lambda done: advance(done // SHOWN_UNIT, ""))
            except MirrorError as error:
                reasons.append(f"\n  {url}: {error}")
                continue
            os.replace(part, path)
            return path
    raise DownloadError(f"no mirror gave {name}/{file}:{''.join(reasons)}\n{by_hand}")


def from_mirror(url: str, part: Path, wanted: File, advance: Callable[[int], None]) -> None:
    """Fill the .part file from one mirror until it is the wanted file.

    Raises:
        MirrorError: The mirror is dead, breaks off again and again, or serves another file.
    """
    own = False  # whether all bytes are this mirror's; if not, a wrong hash may be the fault of those before it
    for _ in range(ATTEMPTS):
        have = size(part)
        own = own or have == 0
        try:
            if have < wanted.size:
                own = transfer(url, part, wanted, have, advance) or own
        except MirrorError:
            if size(part) <= have:
                raise
            continue  # it broke off, but not at once: go on from there
        if sha256(part) == wanted.sha256:
            return
        part.unlink()
        if own:
            raise MirrorError(f"it serves a file whose sha256 is not {wanted.sha256}")
    raise MirrorError(f"it broke off {ATTEMPTS} times")


def transfer(url: str, part: Path, wanted: File, have: int, advance: Callable[[int], None]) -> bool:
    """One connection: ask for what is missing, and write it where it belongs.

    Returns:
        Whether the server sent the file from its first byte, because that was asked for or because it knows no Range.

    Raises:
        MirrorError: There was no good answer, or it broke off.
    """
    import requests

    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
    try:
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            if response.status_code not in (200, 206):
                raise MirrorError(f"HTTP {response.status_code}")
            resumed = have > 0 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
            at = have if resumed else 0
            offered = response.headers.get("Content-Length", "")
            if offered.isdigit() and int(offered) != wanted.size - at:
                raise MirrorError(f"it offers {int(offered):,} bytes; expected {wanted.size - at:,}")
            part.touch()
            with part.open("r+b") as f:
                f.seek(at)
                for chunk in response.iter_content(CHUNK):
                    if at + len(chunk) > wanted.size:
                        part.unlink()
                        raise MirrorError(f"it sends more than {wanted.size:,} bytes")
                    f.write(chunk)
                    at += len(chunk)
                    advance(at)
    except requests.Timeout:
        raise MirrorError("no answer in time") from None
    except requests.RequestException as error:
        raise MirrorError(f"no connection, or it broke ({type(error).__name__})") from None
    if at < wanted.size:
        raise MirrorError(f"it ended after {at:,} of {wanted.size:,} bytes")
    return not resumed


def size(path: Path) -> int:
    """A file's bytes; 0 if there is none."""
    return path.stat().st_size if path.exists() else 0


def sha256(path: Path) -> str:
    """The sha256 of a file's bytes."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()
