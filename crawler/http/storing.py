"""The rules for what a private cache stores, and which requests it answers with that (RFC 9111 §3, §4.1, §4.4)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import blake2b

from crawler.errors import InvalidURLError
from crawler.http.cache_control import Fields, directives_of, value_of, varies_by
from crawler.http.freshness import HEURISTIC_STATUSES
from crawler.http.redirect import REDIRECTS
from crawler.http.stored import Stored, may_pass
from crawler.models import Request
from crawler.url import origin_of, resolve, with_raw_bytes

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110 §9.2.1
CACHEABLE_METHODS = frozenset({"GET", "HEAD"})  # RFC 9110 §9.2.3; POST is too, but its answers are seldom stored
_PARTIAL = 206
_NOT_MODIFIED = 304
# RFC 9111 §3.1 and RFC 9110 §7.6.1: fields of the connection, not of the answer.
_OF_THE_CONNECTION = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authentication-info", "proxy-authorization"),
        *("proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
    }
)
# Fields of requests whose answers are incomplete or not the newest: such requests bypass the cache.
_OF_PARTS = frozenset(
    {"range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since"},
)
# Every answer depends on this field: two users must not see each other's pages, whatever the server says.
_ALWAYS_SELECTING = "authorization"
# Bodies are stored decoded, so their encoding in transfer makes no difference.
_NEVER_SELECTING = "accept-encoding"
_ABSENT = "-"  # no digest looks like this


def is_for_cache(request: Request) -> bool:
    """Tell whether the answer to ``request`` may be stored and served by a cache: not if it is a part of a body."""
    return not any(name.lower() in _OF_PARTS for name, _ in request.headers)


def is_whole(status: int) -> bool:
    """Tell whether an answer with ``status`` is complete: not a part of a body, nor a reference to another answer."""
    return status >= 200 and status not in {_PARTIAL, _NOT_MODIFIED}


def is_storable(method: str, sent: Mapping[str, str], status: int, fields: Fields) -> bool:
    """Tell whether RFC 9111 §3 allows a private cache to store an answer.

    An answer to a request with ``Authorization`` is storable: §3.5 restricts only shared caches. An answer that says
    "try later" is not, although the standard permits it: the next attempt must reach the server.

    Args:
        method: The request's method.
        sent: The request's fields, names in lower case.
        status: The answer's status.
        fields: The answer's fields.
    """
    if method not in CACHEABLE_METHODS or not is_whole(status) or may_pass(status):
        return False
    directives = directives_of(fields)
    is_understood = status < 300 or status in REDIRECTS or status in HEURISTIC_STATUSES
    forbidden = "no-store" in directives and not ("must-understand" in directives and is_understood)
    if forbidden or "no-store" in directives_of(tuple(sent.items())):
        return False
    has_reason = "public" in directives or "private" in directives or "max-age" in directives
    return has_reason or status in HEURISTIC_STATUSES or any(name == "expires" for name, _ in fields)


def storable_fields(fields: Fields) -> tuple[tuple[str, str], ...]:
    """Return the fields of an answer without those of its connection, which ``Connection`` may list (RFC 9111 §3.1)."""
    named = {token.strip().lower() for name, value in fields if name == "connection" for token in value.split(",")}
    return tuple(field for field in fields if field[0] not in _OF_THE_CONNECTION and field[0] not in named)


def variant_of(fields: Fields, sent: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the variant of an answer: the request's fields that ``Vary`` lists, with digests of their values.

    Digests suffice to compare values, and the values may be passwords and session cookies.

    Args:
        fields: The answer's fields.
        sent: The request's fields, names in lower case.
    """
    names = set(varies_by(fields) or ()) - {_NEVER_SELECTING}
    if _ALWAYS_SELECTING in sent:
        names.add(_ALWAYS_SELECTING)
    return tuple((name, _digest(sent.get(name))) for name in sorted(names))


def matching(stored: Sequence[Stored], sent: Mapping[str, str]) -> Stored | None:
    """Return the newest of the ``stored`` answers whose variant matches a request with the fields ``sent``."""
    found = [answer for answer in stored if _matches(answer, sent)]
    return max(found, key=lambda answer: answer.answered, default=None)


def _matches(stored: Stored, sent: Mapping[str, str]) -> bool:
    if all(_digest(sent.get(name)) == digest for name, digest in stored.selected_by):
        return _ALWAYS_SELECTING not in sent or any(name == _ALWAYS_SELECTING for name, _ in stored.selected_by)
    return False


def _digest(value: str | None) -> str:
    """Return a digest of a field's value that is the same for values of the same meaning (RFC 9111 §4.1)."""
    if value is None:
        return _ABSENT
    plain = re.sub(r"\s*,\s*", ",", " ".join(value.split()))
    return blake2b(plain.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def outdated_by(request: Request, fields: Fields) -> tuple[str, ...]:
    """Return the URLs whose stored answers are invalid after ``request``: its own, and those that the answer refers to.

    Args:
        request: A request that is not safe.
        fields: The fields of its answer, whose ``Location`` and ``Content-Location`` count within the origin
            (RFC 9111 §4.4).
    """
    urls = [request.url]
    for name in ("location", "content-location"):
        try:
            urls.append(resolve(request.url, with_raw_bytes(value_of(fields, name))))
        except InvalidURLError:
            continue
    return tuple(dict.fromkeys(url for url in urls if origin_of(url) == origin_of(request.url)))
