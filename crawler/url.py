"""URLs by the WHATWG standard: resolving, splitting, recognising loopback. Pure text, no I/O.

Everything downstream takes *normalised* URLs, which `resolve` returns: that is what makes cheap string operations
right, and what goes over the wire byte for byte.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

from ada_url import join_url, normalize_url

from crawler.errors import InvalidURLError

LONGEST_URL = 8000
"""Characters; RFC 9110 §4.1 recommends that all support URLs of that length, and asks nobody for more."""

_SCHEMES = ("http://", "https://")
_USERINFO = re.compile(r"//[^/?#]*@")  # may hold a password, which messages are no place for
_LONGEST_HOST = 253  # characters; RFC 1035 §2.3.4 allows 255 bytes on the wire
_LONGEST_SHOWN = 200  # characters of a reference in an error message; arbitrary
# What the standard leaves as it is in a path and in a query, less a few rare characters. The path has no ':', as what
# precedes one might be a scheme. Whatever stands in a fragment is dropped with it.
_PATH, _QUERY = r"[\w!$&'()*+,;=@~/.%-]*+", r"[\w!$%&()*+,;=@~/.:?\[\]{}|^`\\-]*+"
_RELATIVE = re.compile(rf"({_PATH}(?:\?{_QUERY})?)(?:#.*)?", re.ASCII | re.DOTALL).fullmatch
# Hosts that end in a label that starts with a letter: no addresses, which have many spellings, and no final dot.
_HOST = r"(?:[a-z0-9-]++\.)*+[a-z][a-z0-9-]*+"
_ABSOLUTE = re.compile(rf"(https?://{_HOST})(/{_PATH}(?:\?{_QUERY})?)?(?:#.*)?", re.ASCII | re.DOTALL).fullmatch
_UP = re.compile(r"(?:\.\./)++").match


def resolve(base: str, href: str) -> str:
    """Return ``href`` as an absolute, normalised http(s) URL without its fragment.

    Args:
        base: The URL that relative references are resolved against; empty when ``href`` must be absolute.
        href: A reference as it stands in a page, or as a person typed it.

    Raises:
        InvalidURLError: ``href`` is invalid by the WHATWG URL standard, or neither http nor https.
    """
    try:
        url: str = join_url(base, href) if base else normalize_url(href)
    except (ValueError, UnicodeError) as error:
        raise InvalidURLError(_complaint(base, href)) from error
    if not url.startswith(_SCHEMES):
        raise InvalidURLError(f"{_shown(href)}: only http and https URLs can be fetched")
    if len(url) > _LONGEST_HOST and len(hostname_of(url)) > _LONGEST_HOST:
        raise InvalidURLError(f"{_shown(href)}: a host has at most {_LONGEST_HOST} characters")
    # In a normalised URL the first '#' starts the fragment: everywhere else it is percent-encoded.
    return url.partition("#")[0]


class Base:
    """What the references in a page are relative to; resolves many of them.

    It does what `resolve` does. Most references need no more than to be put behind the part of the base that they are
    relative to, which takes a quarter of the time.

    Attributes:
        url: The URL, normalised.
    """

    __slots__ = ("_document", "_folder", "_origin", "url")

    def __init__(self, url: str) -> None:
        self.url = url
        self._document = self._folder = self._origin = ""
        try:
            self.url = resolve("", url)
        except InvalidURLError:
            return  # nor is anything valid that is relative to it
        self._document = self.url.partition("?")[0]
        self._folder = self._document.rpartition("/")[0] + "/"
        self._origin = "/".join(self.url.split("/", 3)[:3])  # with its credentials

    def __repr__(self) -> str:
        return f"<Base {self.url}>"

    def resolve(self, href: str) -> str:
        """Return ``href`` as an absolute, normalised http(s) URL without its fragment.

        Raises:
            InvalidURLError: ``href`` is invalid by the WHATWG URL standard, or neither http nor https.
        """
        if not self._origin:
            return resolve(self.url, href)
        found = _RELATIVE(href)
        if not found:
            return _plain_absolute(href) or resolve(self.url, href)
        plain: str = found[1]
        if not _has_dot_segment(plain):
            first = plain[:1]
            if first not in "/?.%":  # nor empty, as every text contains that
                return self._folder + plain
            if first == "/" and plain[1:2] != "/":
                return self._origin + plain
        return self._special(plain) or resolve(self.url, href)

    def _special(self, plain: str) -> str | None:
        """Return what a reference leads to that starts with no name, or is empty; ``None`` where that is difficult."""
        if not plain:
            return self.url
        if plain[0] == "?":
            return self._document + plain
        if up := _UP(plain):
            rest = plain[up.end() :]
            if rest[:1] not in {"/", ".", "%"} and not _has_dot_segment(rest):
                return self._above(up.end() // 3) + rest
        return None

    def _above(self, levels: int) -> str:
        """Return the folder that many levels above the base's, at most the root."""
        path = self._folder[len(self._origin) :]
        return f"{self._origin}{path.rsplit('/', levels + 1)[0]}/"


def _plain_absolute(href: str) -> str | None:
    found = _ABSOLUTE(href)
    if not found or len(found[1]) > _LONGEST_HOST or _has_dot_segment(href):
        return None
    return found[1] + (found[2] or "/")


def _has_dot_segment(reference: str) -> bool:
    # Segments that mean their folder, or the one above, start with a dot, or with '%2' where that is disguised.
    return "/." in reference or "/%2" in reference


def _complaint(base: str, href: str) -> str:
    href = _USERINFO.sub("//…@", href)
    if base:
        return f"{_shown(href)} is no valid reference (base {_shown(base)})"
    if "://" not in href:
        return f"{_shown(href)} is no absolute URL; did you mean {_shown(f'https://{href}')}?"
    return f"{_shown(href)} is no valid URL"


def _shown(text: str) -> str:
    # References may be as long as the page that they are in.
    return repr(text) if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]!r}…"


def host_of(url: str) -> str:
    """Return the host and, where it is not the scheme's default, the port of a normalised ``url``.

    >>> host_of("https://user:secret@example.org:8080/a")
    'example.org:8080'
    """
    return _remembered_host_in(url) if len(url) <= LONGEST_URL else _host_in(url)


def _host_in(url: str) -> str:
    return url.split("/", 3)[2].rpartition("@")[2]


# Asked eight times for a URL on its way through a crawl, mostly while it is in flight.
_remembered_host_in = lru_cache(maxsize=8192)(_host_in)


def without_port(host: str) -> str:
    """Return a host as `host_of` gives it without its port; an IPv6 address keeps its brackets."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def hostname_of(url: str) -> str:
    """Return the host of a normalised ``url`` without its port."""
    return without_port(host_of(url))


def origin_of(url: str) -> str:
    """Return the origin (scheme, host, port) of a normalised ``url``, such as ``https://example.org:8080``."""
    return f"{url.partition(':')[0]}://{host_of(url)}"


def without_userinfo(url: str) -> str:
    """Return a normalised ``url`` without name and password.

    They are no part of what a URL identifies: servers never see them there, each name would make another page of the
    same page, and URLs are what logs and reports are full of.
    """
    return url.replace(url.split("/", 3)[2], host_of(url), 1) if "@" in url else url


def ip_of(hostname: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address that ``hostname`` is a literal of, or ``None`` for a name."""
    try:
        return ipaddress.ip_address(hostname.strip("[]"))
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def is_loopback(hostname: str) -> bool:
    """Tell whether ``hostname`` is this machine: ``localhost``, a name below it (RFC 6761), a loopback address.

    A name may end in a dot, which says that it is complete.
    """
    if f".{hostname.removesuffix('.')}".endswith(".localhost"):
        return True
    address = ip_of(hostname)
    return address is not None and address.is_loopback
