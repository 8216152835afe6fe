"""Public suffixes: the domains below which anybody may register names. The only file that imports publicsuffixlist."""

from __future__ import annotations

from functools import cache, lru_cache

from ada_url import idna_to_unicode
from publicsuffixlist import PublicSuffixList

from crawler.url import ip_of


def is_public_suffix(host: str) -> bool:
    """Tell whether anybody may register a domain below ``host``: ``com``, ``co.uk``, ``github.io``.

    A name without dots that is on no list, such as ``localhost``, also is one (the algorithm's default rule). An IP
    address is not, nor is a text that is no domain.

    Args:
        host: A domain without a port, in any case, in Unicode or Punycode.
    """
    return 0 < _suffix_labels(host) == host.removesuffix(".").count(".") + 1


def registrable_domain(host: str) -> str | None:
    """Return the registrable domain of ``host``: a public suffix and one more label, in lower case.

    ``None`` if there is none: a public suffix, an address, a text that is no domain. A final dot remains, as the
    URL standard has it (https://url.spec.whatwg.org/#host-registrable-domain).

    >>> registrable_domain("docs.example.co.uk")
    'example.co.uk'

    Args:
        host: A domain without a port, in any case, in Unicode or Punycode; the answer is in the same form.
    """
    labels = host.lower().removesuffix(".").split(".")
    wanted = _suffix_labels(host) + 1
    if wanted == 1 or len(labels) < wanted:
        return None
    return ".".join(labels[-wanted:]) + ("." if host.endswith(".") else "")


@lru_cache(maxsize=4096)
def _suffix_labels(host: str) -> int:
    """Return the number of labels in the public suffix of ``host``; 0 if it is no domain."""
    if ip_of(host) is not None:
        return 0
    name = host.lower()
    if "xn--" in name:
        name = ".".join(map(_in_unicode, name.split(".")))
    suffix: str | None = _list().publicsuffix(name)
    return suffix.count(".") + 1 if suffix else 0


def _in_unicode(label: str) -> str:
    # Invalid Punycode is left as it is.
    return idna_to_unicode(label) if label.startswith("xn--") and label.isascii() else label


@cache
def _list() -> PublicSuffixList:
    # Loaded on first use, as a crawl of an address never needs it: reading it takes about 10 ms. It is in Unicode; with
    # Punycode as well it would take 30 ms.
    return PublicSuffixList(accept_encoded_idn=False)
