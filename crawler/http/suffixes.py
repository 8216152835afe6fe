"""Public suffixes: under which names anybody may register a domain. The only file that imports publicsuffixlist."""

from __future__ import annotations

from functools import cache, lru_cache

from ada_url import idna_to_unicode
from publicsuffixlist import PublicSuffixList

from crawler.url import ip_of


def is_public_suffix(host: str) -> bool:
    """Tell whether anybody may register a domain below ``host``: ``com``, ``co.uk``, ``github.io``.

    So is a name without dots that is on no list, such as ``localhost`` (the algorithm's default rule). An address is
    not, nor is a text that is no domain.

    Args:
        host: A domain without a port, in any case, in Unicode or Punycode.
    """
    return 0 < _suffix_labels(host) == host.removesuffix(".").count(".") + 1


def registrable_domain(host: str) -> str | None:
    """Return the part of ``host`` that somebody registered: a public suffix and one label more, in lower case.

    ``None`` where there is none: a public suffix, an address, a text that is no domain. A final dot is kept, as by the
    URL standard (https://url.spec.whatwg.org/#host-registrable-domain).

    >>> registrable_domain("docs.example.co.uk")
    'example.co.uk'

    Args:
        host: A domain without a port, in any case, in Unicode or Punycode; the answer is written as the host is.
    """
    labels = host.lower().removesuffix(".").split(".")
    wanted = _suffix_labels(host) + 1
    if wanted == 1 or len(labels) < wanted:
        return None
    return ".".join(labels[-wanted:]) + ("." if host.endswith(".") else "")


@lru_cache(maxsize=4096)
def _suffix_labels(host: str) -> int:
    """Return how many labels the public suffix of ``host`` has; 0 where it is no domain."""
    if ip_of(host) is not None:
        return 0
    name = host.lower()
    if "xn--" in name:
        name = ".".join(map(_in_unicode, name.split(".")))
    suffix: str | None = _list().publicsuffix(name)
    return suffix.count(".") + 1 if suffix else 0


def _in_unicode(label: str) -> str:
    # What is no valid Punycode is left as it is.
    return idna_to_unicode(label) if label.startswith("xn--") and label.isascii() else label


@cache
def _list() -> PublicSuffixList:
    # Made when first needed, as a crawl of an address never needs it: reading it takes about 10 ms. It is in Unicode;
    # with Punycode beside that it would be 30 ms.
    return PublicSuffixList(accept_encoded_idn=False)
