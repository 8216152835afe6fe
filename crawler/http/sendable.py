"""Which requests can be sent at all. Pure."""

from __future__ import annotations

from crawler.errors import InvalidRequestError
from crawler.http.fields import is_token, is_value
from crawler.models import Request

_USUAL = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def check_sendable(request: Request) -> None:
    """Check what would change the meaning of a request on its way, or end it.

    Raises:
        InvalidRequestError: Its method is none, or one for proxies; a header field has a line break or another control
            character in it, or no name.
    """
    method = request.method
    if method not in _USUAL and (not is_token(method) or method.upper() == "CONNECT"):
        raise InvalidRequestError(f"method={method!r}: expected a method of HTTP such as 'GET', and not CONNECT")
    for name, value in request.headers:
        if not is_token(name):
            raise InvalidRequestError(f"header {name!r}: expected a name of ASCII letters, digits and hyphens")
        if not is_value(value):  # which is not shown, as it may be a password
            raise InvalidRequestError(f"the value of header {name!r}: expected no line break or control character")
