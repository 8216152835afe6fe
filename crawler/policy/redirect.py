"""What a redirect asks for next (Fetch standard, HTTP-redirect fetch)."""

from __future__ import annotations

from http import HTTPStatus

from msgspec.structs import replace

from crawler.errors import InvalidURLError, ProtocolError
from crawler.models import Request
from crawler.url import origin_of, resolve

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})


def redirected(request: Request, status: int, location: str) -> Request:
    """Return the request that follows when ``request`` was answered with a redirect.

    Credentials belong to an origin: header fields that carry them do not go on to another.

    Raises:
        ProtocolError: ``location`` is no http(s) reference.
    """
    try:
        url = resolve(request.url, location)
    except InvalidURLError as error:
        raise ProtocolError(f"redirects to {location!r}, which is no http or https URL") from error
    headers = request.headers
    if origin_of(url) != origin_of(request.url):
        headers = tuple((name, value) for name, value in headers if name.lower() not in _CREDENTIALS)
    becomes_get = _becomes_get(request.method, status)
    return replace(
        request,
        url=url,
        headers=headers,
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
