"""What is known of web addresses: which spellings lead to the same place, and which hosts cannot be trusted to stay.

Pure functions of text; the rules that use them are in `atlas.fields.addresses` and `atlas.checks`.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

FORGES = frozenset(
    {
        "github.com", "gitlab.com", "codeberg.org", "bitbucket.org", "gitee.com", "huggingface.co", "modelscope.cn",
        "git.sr.ht", "sourceforge.net", "gitcode.com", "salsa.debian.org", "invent.kde.org", "gitlab.gnome.org",
    }
)  # fmt: skip
"""Hosts of public source repositories."""
# Proceedings lie here, with a page of its own for each paper but often no identifier.
_PROCEEDINGS = frozenset(
    {
        "papers.nips.cc", "papers.neurips.cc", "proceedings.neurips.cc", "proceedings.mlr.press", "jmlr.org",
        "openaccess.thecvf.com",
    }
)  # fmt: skip
SHORTENERS = frozenset(
    {
        "bit.ly", "t.co", "tinyurl.com", "goo.gl", "ow.ly", "is.gd", "buff.ly", "lnkd.in", "aka.ms", "rb.gy", "t.cn",
        "dwz.cn", "url.cn", "suo.im", "cutt.ly", "shorturl.at", "tiny.cc", "rebrand.ly", "amzn.to", "b23.tv", "fb.me",
        "g.co", "git.io", "s.id", "v.gd", "trib.al", "dlvr.it", "w.url.cn", "forms.gle",
    }
)  # fmt: skip
"""Hosts whose addresses say nothing of where they lead and die with the service."""
_NOT_PUBLIC = (".onion", ".local", ".localhost", ".internal", ".invalid", ".test", ".lan", ".home", ".corp", ".i2p")
_TRACKING = re.compile(
    r"utm_.*|wt\.mc_id|fbclid|gclid|msclkid|yclid|dclid|mc_cid|mc_eid|mkt_tok|_hsenc|_hsmi|ref_src|ref_url|spm|"
    r"spm_id_from|vd_source|share_source|share_medium|share_token|from_source|igshid|igsh|si|feature|ab_channel|pp",
    re.IGNORECASE,
)
_REFERRAL = re.compile(
    r"ref|referrer|referral|ref_id|refcode|via|aff|aff_id|affid|affiliate|affiliate_id|partner|partner_id|irclickid|"
    r"coupon|promo|invite|invite_code|inviter",
    re.IGNORECASE,
)
_AMAZON = re.compile(r"(.+\.)?amazon\.[a-z.]+", re.IGNORECASE)
_ARXIV_ID = r"(?P<id>\d{4}\.\d{4,5}|[a-z-]+(?:\.[a-z]{2})?/\d{7})"
_ARXIV_ADDRESSES = (
    re.compile(rf"(?:[a-z]+\.)?arxiv\.org/(?:abs|pdf|html|format|src|e-print|ps)/{_ARXIV_ID}", re.IGNORECASE),
    re.compile(rf"ar5iv(?:\.labs\.arxiv)?\.org/(?:abs|html|pdf)/{_ARXIV_ID}", re.IGNORECASE),
    re.compile(rf"(?:huggingface\.co|hf\.co|hf-mirror\.com)/papers/{_ARXIV_ID}", re.IGNORECASE),
    re.compile(rf"alphaxiv\.org/(?:abs|pdf|overview|html)/{_ARXIV_ID}", re.IGNORECASE),
    re.compile(rf"(?:dx\.)?doi\.org/10\.48550/arxiv\.{_ARXIV_ID}", re.IGNORECASE),
    re.compile(rf"(?:scholar\.)?semanticscholar\.org/arxiv:{_ARXIV_ID}", re.IGNORECASE),
)
_ARXIV_DOI = re.compile(rf"10\.48550/arxiv\.{_ARXIV_ID}", re.IGNORECASE)
_YOUTUBE = ("youtube.com", "m.youtube.com", "music.youtube.com", "youtube-nocookie.com")
# On these hosts the first two parts of the path name a repository whatever their letter case.
_CASELESS = ("github.com", "gitlab.com", "huggingface.co", "gitee.com", "codeberg.org", "bitbucket.org")
_DEFAULT_BRANCH = re.compile(r"/(tree|blob|src|-/tree)/(main|master|HEAD)/?$")


def _bare(url: str) -> tuple[str, str, str]:
    """Host without ``www.``, path and query of an address; all empty where it is none."""
    try:
        parts = urlsplit(url)
        return (parts.hostname or "").removeprefix("www."), parts.path, parts.query
    except ValueError:
        return "", "", ""


def arxiv_id_of(url: str) -> str | None:
    """The arXiv id that an address leads to, without version; ``None`` where it leads elsewhere.

    >>> arxiv_id_of("https://huggingface.co/papers/2006.11239"), arxiv_id_of("https://arxiv.org/pdf/2006.11239v2.pdf")
    ('2006.11239', '2006.11239')
    """
    if "xiv" not in (folded := url.lower()) and "ar5iv" not in folded and "/papers/" not in folded:
        return None
    host, path, _ = _bare(url)
    for pattern in _ARXIV_ADDRESSES:
        if found := pattern.match(host + path):
            return found["id"].lower()
    return None


def arxiv_id_of_doi(doi: str) -> str | None:
    """The arXiv id inside a DOI that arXiv gave out itself.

    >>> arxiv_id_of_doi("10.48550/arXiv.2006.11239")
    '2006.11239'
    """
    found = _ARXIV_DOI.fullmatch(doi)
    return found["id"].lower() if found else None


def canonical_url(url: str) -> str:
    """The form under which two spellings of an address compare equal.

    >>> canonical_url("https://www.GitHub.com/Foo/Bar.git/") == canonical_url("http://github.com/foo/bar")
    True
    """
    if arxiv := arxiv_id_of(url):
        return f"arxiv.org/abs/{arxiv}"
    host, path, query = _bare(preferred(url) or url)
    if not host:
        return url
    path = _DEFAULT_BRANCH.sub("", path.rstrip("/")).removesuffix(".git")
    if host in _CASELESS:
        path = path.lower()
    kept = [
        (name, value) for name, value in parse_qsl(query, keep_blank_values=True) if not is_tracking(name, host)
    ] if query else []  # fmt: skip
    return f"{host}{path}" + (f"?{urlencode(sorted(kept))}" if kept else "")


def preferred(url: str) -> str | None:
    """The address to write instead of another form of it; ``None`` where `url` is fine as it is.

    >>> preferred("https://youtu.be/kCc8FmEb1nY")
    'https://www.youtube.com/watch?v=kCc8FmEb1nY'
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    host, path, query = (parts.hostname or "").removeprefix("www."), parts.path, parts.query
    if host != "arxiv.org" and (arxiv := arxiv_id_of(url)):
        return f"https://arxiv.org/abs/{arxiv}"
    if host in _YOUTUBE or host == "youtu.be":
        return _youtube(host, path, query, url)
    if host == "hf.co":
        return f"https://huggingface.co{path}"
    if host in _CASELESS:
        bare = _DEFAULT_BRANCH.sub("", path.rstrip("/")).removesuffix(".git")
        tab = "tab" in parse_qs(query)
        if parts.netloc.startswith("www.") or tab or bare != path.rstrip("/"):
            rest = urlencode([(name, value) for name, value in parse_qsl(query) if name != "tab"])
            return f"https://{host}{bare}" + (f"?{rest}" if rest else "")
    return None


def _youtube(host: str, path: str, query: str, url: str) -> str | None:
    fields = parse_qs(query)
    if path == "/redirect" and "q" in fields:
        return fields["q"][0]
    video = path.strip("/") if host == "youtu.be" else None
    if found := re.fullmatch(r"/(?:embed|live|v)/([\w-]{6,})", path):
        video = found[1]
    if video:
        return f"https://www.youtube.com/watch?v={video}"
    return (
        re.sub(r"//[^/]+", "//www.youtube.com", url, count=1) if host != "youtube.com" or "//www." not in url else None
    )


def is_public_host(host: str) -> bool:
    """Whether a host name can be reached by everybody: no address in numbers, no reserved or hidden name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        folded = host.lower().rstrip(".")
        in_numbers = folded.replace(".", "").isdigit() or folded.startswith("0x")
        return not (in_numbers or folded == "localhost" or f".{folded}".endswith(_NOT_PUBLIC))
    return False


def is_proceedings(url: str) -> bool:
    """Whether an address is a paper's page in its proceedings, which stands for the paper where it has no identifier.

    >>> is_proceedings("https://proceedings.mlr.press/v70/arjovsky17a.html"), is_proceedings("https://jmlr.org/")
    (True, False)
    """
    host, path, _ = _bare(url)
    return host in _PROCEEDINGS and path.strip("/") != ""


def is_tracking(name: str, host: str) -> bool:
    """Whether a query field follows the reader instead of naming a page."""
    # YouTube and Amazon know these short names; elsewhere they may mean something.
    if name.lower() in ("si", "feature", "pp", "ab_channel"):
        return host.endswith(("youtube.com", "youtu.be", "spotify.com"))
    return _TRACKING.fullmatch(name) is not None


def is_referral(name: str, host: str) -> bool:
    """Whether a query field tells a shop or service who sent the reader."""
    return _REFERRAL.fullmatch(name) is not None or (name == "tag" and _AMAZON.fullmatch(host) is not None)


def forge_repository(url: str) -> str | None:
    """The plain address of the repository that an address at a known forge belongs to; ``None`` elsewhere.

    >>> forge_repository("https://www.github.com/huggingface/diffusers/tree/main")
    'https://github.com/huggingface/diffusers'
    """
    host, path, _ = _bare(url)
    if host not in FORGES:
        return None
    # GitLab nests groups, SourceForge and Hugging Face have fixed words before the name.
    if host in ("github.com", "codeberg.org", "bitbucket.org", "gitee.com", "gitcode.com"):
        path = "/".join(path.split("/")[:3])
    else:
        path = _DEFAULT_BRANCH.sub("", path)
    return f"https://{host}{path.rstrip('/').removesuffix('.git')}"


def unbalanced(text: str) -> bool:
    """Whether a text's brackets do not close, as when an address was copied out of Markdown."""
    return (
        text.count("(") != text.count(")") or text.count("[") != text.count("]") or text.count("{") != text.count("}")
    )
