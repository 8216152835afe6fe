"""URLs by the WHATWG standard: resolving, splitting, recognising loopback. Pure text, no I/O.

`resolve` returns *normalised* URLs. All other code takes these: on them cheap string operations are right, and they
are sent byte for byte.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

from ada_url import join_url, normalize_url

from crawler.errors import InvalidURLError

LONGEST_URL = 8000
"""Characters; RFC 9110 §4.1 recommends that every implementation support at least this length."""

_SCHEMES = ("http://", "https://")
_USERINFO = re.compile(r"//[^/?#]*@")  # may hold a password, which no message may show
_LONGEST_HOST = 253  # characters; RFC 1035 §2.3.4 allows 255 bytes in its encoding
_LONGEST_SHOWN = 200  # characters of a reference in an error message; arbitrary
# The characters that the standard leaves as they are in a path and in a query, without a few rare ones. The path has no
# ':', because the text before it might be a scheme. A fragment may have any characters, as it is dropped.
_PATH, _QUERY = r"[\w!$&'()*+,;=@~/.%-]*+", r"[\w!$%&()*+,;=@~/.:?\[\]{}|^`\\-]*+"
_RELATIVE = re.compile(rf"({_PATH}(?:\?{_QUERY})?)(?:#.*)?", re.ASCII | re.DOTALL).fullmatch
# Hosts whose last label starts with a letter. This excludes addresses, which can be written in many ways, and a final
# dot.
_HOST = r"(?:[a-z0-9-]++\.)*+[a-z][a-z0-9-]*+"
_ABSOLUTE = re.compile(rf"(https?://{_HOST})(/{_PATH}(?:\?{_QUERY})?)?(?:#.*)?", re.ASCII | re.DOTALL).fullmatch
_UP = re.compile(r"(?:\.\./)++").match
# A query with more than printable ASCII. The parser of URLs drops tabs and line ends, and blanks at the end.
_UNUSUAL_QUERY = re.compile(r"([^?#]*+\?)(?![\t\n\r -\"$-~]*+(?:#|\Z))([^#]*+)").match
_DROPPED = str.maketrans("", "", "\t\n\r")
_DROPPED_AT_THE_END = "".join(map(chr, range(0x21)))
_RAW_BYTES = re.compile("[\udc80-\udcff]")  # bytes that are not UTF-8, in the text of a header field


def resolve(base: str, href: str) -> str:
    """Return ``href`` as an absolute, normalised http(s) URL without its fragment.

    Args:
        base: The URL that relative references are resolved against; empty if ``href`` must be absolute.
        href: A reference as it is in a page, or as a person typed it.

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
    # In a normalised URL the first '#' starts the fragment; everywhere else it is percent-encoded.
    return url.partition("#")[0]


QueryEncoder: TypeAlias = Callable[[], Callable[[str], str] | None]


class Base:
    """The base URL of a page, which resolves many references.

    It gives the results of `resolve`. Most references only need to be appended to a part of the base, which takes a
    quarter of the time.

    Args:
        url: The URL.
        query_encoder: A function that returns a function that percent-encodes a query in the encoding of the page; or
            ``None`` if that is UTF-8. It is called when there is a query for which that makes a difference.

    Attributes:
        url: The URL, normalised.
    """

    __slots__ = ("_document", "_encode", "_folder", "_origin", "_query_encoder", "url")

    def __init__(self, url: str, query_encoder: QueryEncoder | None = None) -> None:
        self.url = url
        self._query_encoder = query_encoder
        self._encode: Callable[[str], str] | None = None
        self._document = self._folder = self._origin = ""
        try:
            self.url = resolve("", url)
        except InvalidURLError:
            return  # then no reference relative to it is valid, either
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
            return self._by_the_standard(href)
        found = _RELATIVE(href)
        if not found:
            return _plain_absolute(href) or self._by_the_standard(href)
        plain: str = found[1]
        if not _has_dot_segment(plain):
            first = plain[:1]
            if first not in "/?.%":  # this excludes the empty text, too, which is in every text
                return self._folder + plain
            if first == "/" and plain[1:2] != "/":
                return self._origin + plain
        return self._special(plain) or resolve(self.url, href)

    def _by_the_standard(self, href: str) -> str:
        if (self._encode or self._query_encoder) and (found := _UNUSUAL_QUERY(href)):
            href = self._with_encoded_query(href, found)
        return resolve(self.url, href)

    def _with_encoded_query(self, href: str, found: re.Match[str]) -> str:
        if self._query_encoder:
            self._encode, self._query_encoder = self._query_encoder(), None
        if not self._encode:
            return href
        fragment = href[found.end() : found.end() + 1]  # a '#': blanks before it are not at the end
        query = found[2] if fragment else found[2].rstrip(_DROPPED_AT_THE_END)
        return found[1] + self._encode(query.translate(_DROPPED)) + fragment

    def _special(self, plain: str) -> str | None:
        """Return the URL for a reference that is empty, a query, or begins with ``../``; ``None`` for all others."""
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
        """Return the folder so many ``levels`` above the folder of the base, at most the root."""
        path = self._folder[len(self._origin) :]
        return f"{self._origin}{path.rsplit('/', levels + 1)[0]}/"


def with_raw_bytes(field: str) -> str:
    """Return a reference in a header field with the bytes that are not UTF-8 percent-encoded, as browsers send them.

    Args:
        field: The text of the field, as aiohttp decodes it: such bytes are lone surrogates.
    """
    return field if field.isascii() else _RAW_BYTES.sub(lambda byte: f"%{ord(byte[0]) - 0xDC00:02X}", field)


def _plain_absolute(href: str) -> str | None:
    found = _ABSOLUTE(href)
    if not found or len(found[1]) > _LONGEST_HOST or _has_dot_segment(href):
        return None
    return found[1] + (found[2] or "/")


def _has_dot_segment(reference: str) -> bool:
    # Segments that mean their folder, or the one above, start with a dot, or with '%2' if the dot is encoded.
    return "/." in reference or "/%2" in reference


def _complaint(base: str, href: str) -> str:
    href = _USERINFO.sub("//…@", href)
    if base:
        return f"{_shown(href)} is no valid reference (base {_shown(base)})"
    if "://" not in href:
        return f"{_shown(href)} is no absolute URL; did you mean {_shown(f'https://{href}')}?"
    return f"{_shown(href)} is no valid URL"


def _shown(text: str) -> str:
    # A reference may be as long as its page.
    return repr(text) if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]!r}…"


def host_of(url: str) -> str:
    """Return the host of a normalised ``url``, with its port if that is not the scheme's default.

    >>> host_of("https://user:secret@example.org:8080/a")
    'example.org:8080'
    """
    return _remembered_host_in(url) if len(url) <= LONGEST_URL else _host_in(url)


def _host_in(url: str) -> str:
    return url.split("/", 3)[2].rpartition("@")[2]


# Called eight times for a URL on its way through a crawl, mostly while it is in flight.
_remembered_host_in = lru_cache(maxsize=8192)(_host_in)


def without_port(host: str) -> str:
    """Return a host, as `host_of` returns it, without its port. An IPv6 address keeps its brackets."""
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

    They do not identify a page: servers never see them in a URL, and one page would become another with each name. They
    must not appear in logs and reports, either.
    """
    return url.replace(url.split("/", 3)[2], host_of(url), 1) if "@" in url else url


def ip_of(hostname: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address in ``hostname``; ``None`` if it is a name."""
    if ":" not in hostname and not hostname[-1:].isdigit():
        return None  # most are names, and to have that found out takes ten times as long
    try:
        return ipaddress.ip_address(hostname.strip("[]"))
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def is_loopback(hostname: str) -> bool:
    """Tell whether ``hostname`` is this machine: ``localhost``, a name below it (RFC 6761), or a loopback address.

    A name may end in a dot, which marks it as complete.
    """
    if f".{hostname.removesuffix('.')}".endswith(".localhost"):
        return True
    address = ip_of(hostname)
    return address is not None and address.is_loopback
