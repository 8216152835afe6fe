"""Header fields of requests: which are well-formed, which may be set, and which of two with the same name counts."""

from __future__ import annotations

import re
from typing import TypeAlias

from crawler.errors import ConfigurationError

Fields: TypeAlias = tuple[tuple[str, str], ...]
"""Header fields as pairs of name and value."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]*")  # §5.5; a lone surrogate cannot be encoded
# They say where a message ends, or are only for the next hop (RFC 9110 §7.6.1): the client sets them.
_OF_THE_CONNECTION = frozenset(
    {"connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)


def is_token(text: str) -> bool:
    """Tell whether ``text`` may be the name of a header field, or a method (RFC 9110 §5.6.2)."""
    return _TOKEN.fullmatch(text) is not None


def is_value(text: str) -> bool:
    """Tell whether ``text`` may be sent as the value of a header field: it has no line break or control character."""
    return _VALUE.fullmatch(text) is not None


def check_field(name: object, value: object) -> None:
    """Check a header field that is to be sent. The message of the error names the field and does not show its value.

    Raises:
        ConfigurationError: ``name`` is no field name, or one that the client sets; ``value`` has a line break,
            another control character, or white space around it.
    """
    if not isinstance(name, str) or not is_token(name):
        raise ConfigurationError.of("header", name, "a name of ASCII letters, digits and hyphens")
    if name.lower() in _OF_THE_CONNECTION:
        raise ConfigurationError.of("header", name, "none that belongs to the connection: it is set for you")
    if not isinstance(value, str) or not is_value(value) or value != value.strip():
        expected = "a text without line breaks and control characters, and without white space around it"
        raise ConfigurationError(f"the value of header {name!r}: expected {expected}")


def joined(first: Fields, second: Fields) -> Fields:
    """Return the fields of both; if both have a field of the same name, that of ``first`` counts."""
    if not first or not second:
        return first or second
    names = {name.lower() for name, _ in first}
    return (*first, *(pair for pair in second if pair[0].lower() not in names))
