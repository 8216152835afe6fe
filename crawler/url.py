"""URLs by the WHATWG standard: resolving, splitting, recognising loopback. Pure text, no I/O.

Everything downstream takes *normalised* URLs, which `resolve` returns: that is what makes cheap string operations
right, and what goes over the wire byte for byte.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from ada_url import join_url, normalize_url

from crawler.errors import InvalidURLError

_SCHEMES = ("http://", "https://")
_LONGEST_HOST = 253  # characters; RFC 1035 §2.3.4 allows 255 bytes on the wire


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
        raise InvalidURLError(f"{href!r}: only http and https URLs can be fetched")
    if len(url) > _LONGEST_HOST and len(host_of(url)) > _LONGEST_HOST + len(":65535"):
        raise InvalidURLError(f"{href[:80]!r}…: a host has at most {_LONGEST_HOST} characters")
    # In a normalised URL the first '#' starts the fragment: everywhere else it is percent-encoded.
    return url.partition("#")[0]


def _complaint(base: str, href: str) -> str:
    if base:
        return f"{href!r} is no valid reference (base {base!r})"
    if "://" not in href:
        return f"{href!r} is no absolute URL; did you mean 'https://{href}'?"
    return f"{href!r} is no valid URL"


def host_of(url: str) -> str:
    """Return the host and, where it is not the scheme's default, the port of a normalised ``url``.

    >>> host_of("https://user:secret@example.org:8080/a")
    'example.org:8080'
    """
    return url.split("/", 3)[2].rpartition("@")[2]


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


def ip_of(hostname: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address that ``hostname`` is a literal of, or ``None`` for a name."""
    try:
        return ipaddress.ip_address(hostname.strip("[]"))
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def is_loopback(hostname: str) -> bool:
    """Tell whether ``hostname`` is this machine: ``localhost``, a name below it (RFC 6761), a loopback address."""
    if hostname == "localhost" or hostname.endswith(".localhost"):
        return True
    address = ip_of(hostname)
    return address is not None and address.is_loopback
