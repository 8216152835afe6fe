"""The request that follows a redirect (Fetch standard, HTTP-redirect fetch), and what it inherits.

| from one origin to | header fields of the request | its body | fields of `Access` |
|---|---|---|---|
| the same | all | if the method stays | those of the origin |
| another: also https for http, another port | harmless ones | the same, never from https to http | those of the other |

Credentials and cookies of `Access` are not part of a request, so a redirect cannot pass them on.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from msgspec.structs import replace

from crawler.errors import InvalidURLError, ProtocolError
from crawler.http.fields import Fields
from crawler.models import Request
from crawler.url import origin_of, resolve, with_raw_bytes, without_userinfo

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LONGEST = 16_384  # characters of a Location; arbitrary, twice what servers accept as a request line
_SHOWN = 200  # characters of it in a message; arbitrary
_OF_THE_BODY = frozenset({"content-encoding", "content-language", "content-location", "content-type", "content-length"})
# A list of harmless fields rather than one of secret fields: X-Api-Key, X-Auth-Token, X-CSRF-Token and all unknown ones
# are not passed on. The first five are those that pages may send to other origins without asking (Fetch standard,
# CORS-safelisted request-header).
_FOR_ANYBODY = frozenset(
    {"accept", "accept-language", "content-language", "content-type", "range"}
    | {"accept-encoding", "cache-control", "content-encoding", "pragma", "user-agent"}
)


def location_of(headers: Iterable[tuple[str, str]]) -> str:
    """Return the ``Location`` of a response, whose ``headers`` have names in lower case; empty if it has none.

    Raises:
        ProtocolError: It has several different ones: another client might follow another one.
    """
    found = {value for name, value in headers if name == "location"}
    if len(found) > 1:
        raise ProtocolError(f"redirects to {len(found)} places at once")
    return found.pop() if found else ""


def redirected(request: Request, status: int, location: str) -> Request:
    """Return the request that follows if ``request`` was answered with a redirect.

    A redirect from https to http is one to a foreign origin like any other. A name and a password in ``location`` are
    left out: servers do not choose our credentials. Header fields that describe the body are dropped with the body: a
    Content-Length without a body makes the server wait for one. All else stays: it is the same request.

    Raises:
        ProtocolError: ``location`` is no http(s) reference, or longer than 16,384 characters; or a body that was sent
            encrypted would be sent in clear.
    """
    url = _target(request.url, location)
    is_foreign = origin_of(url) != origin_of(request.url)
    becomes_get = _becomes_get(request.method, status)
    if request.body and not becomes_get and request.url.startswith("https:") and not url.startswith("https:"):
        raise ProtocolError(f"redirects to {_shown(url)}: what was sent encrypted is not sent again without that")
    return replace(
        request,
        url=url,
        headers=_passed_on(request.headers, is_foreign=is_foreign, has_body=not becomes_get),
        method="GET" if becomes_get else request.method,
        body=None if becomes_get else request.body,
        redirects=request.redirects + 1,
        hops=(*request.hops, (request.method, request.url, status, request.fingerprint)),
    )


def _target(base: str, location: str) -> str:
    if len(location) > _LONGEST:
        raise ProtocolError(f"redirects to {_shown(location)} of {len(location)} characters; {_LONGEST} are allowed")
    try:
        return without_userinfo(resolve(base, with_raw_bytes(location)))
    except InvalidURLError as error:
        raise ProtocolError(f"redirects to {_shown(location)}, which is no http or https URL") from error


def _shown(location: str) -> str:
    return repr(location) if len(location) <= _SHOWN else f"{location[:_SHOWN]!r}…"


def _passed_on(headers: Fields, *, is_foreign: bool, has_body: bool) -> Fields:
    return tuple(
        (name, value)
        for name, value in headers
        if (not is_foreign or name.lower() in _FOR_ANYBODY) and (has_body or name.lower() not in _OF_THE_BODY)
    )


def _becomes_get(method: str, status: int) -> bool:
    if status == HTTPStatus.SEE_OTHER:
        return method not in {"GET", "HEAD"}
    return status in {HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.FOUND} and method == "POST"
