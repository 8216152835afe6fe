"""What a redirect asks for next (Fetch standard, HTTP-redirect fetch)."""

from __future__ import annotations

from http import HTTPStatus

from msgspec.structs import replace

from crawler.errors import InvalidURLError, ProtocolError
from crawler.models import Request
from crawler.url import origin_of, resolve

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OF_THE_BODY = frozenset({"content-encoding", "content-language", "content-location", "content-type", "content-length"})
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})


def redirected(request: Request, status: int, location: str) -> Request:
    """Return the request that follows when ``request`` was answered with a redirect.

    Credentials belong to an origin: header fields that carry them do not go on to another. Fields that describe the
    body are left out with it: a Content-Length without a body makes the server wait for one.

    Raises:
        ProtocolError: ``location`` is no http(s) reference.
    """
    try:
        url = resolve(request.url, location)
    except InvalidURLError as error:
        raise ProtocolError(f"redirects to {location!r}, which is no http or https URL") from error
    becomes_get = _becomes_get(request.method, status)
    is_foreign = origin_of(url) != origin_of(request.url)
    dropped = (_CREDENTIALS if is_foreign else frozenset()) | (_OF_THE_BODY if becomes_get else frozenset())
    return replace(
        request,
        url=url,
        headers=tuple((name, value) for name, value in request.headers if name.lower() not in dropped),
        method="GET" if becomes_get else request.method,
        body=None if becomes_get else request.body,
        parent=request.url,
        redirects=request.redirects + 1,
        attempt=0,
    )


def _becomes_get(method: str, status: int) -> bool:
    if status == HTTPStatus.SEE_OTHER:
        return method not in {"GET", "HEAD"}
    return status in {HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.FOUND} and method == "POST"
