"""Checks of requests before they are sent. Pure."""

from __future__ import annotations

from crawler.errors import InvalidRequestError
from crawler.http.fields import is_token, is_value
from crawler.models import Request

_USUAL = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def check_sendable(request: Request) -> None:
    """Check that nothing in a request would change its meaning on the way, or end it early.

    Raises:
        InvalidRequestError: Its method is no method, or one for proxies; a header field has an invalid name, or a line
            break or another control character.
    """
    method = request.method
    if method not in _USUAL and (not is_token(method) or method.upper() == "CONNECT"):
        raise InvalidRequestError(f"method={method!r}: expected a method of HTTP such as 'GET', and not CONNECT")
    for name, value in request.headers:
        if not is_token(name):
            raise InvalidRequestError(f"header {name!r}: expected a name of ASCII letters, digits and hyphens")
        if not is_value(value):  # not shown, as it may be a password
            raise InvalidRequestError(f"the value of header {name!r}: expected no line break or control character")
