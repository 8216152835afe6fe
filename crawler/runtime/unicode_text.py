"""Text that can be written: without lone surrogates.

They represent bytes that are not UTF-8 (PEP 383), and come from header fields and from escapes in JSON. UTF-8 has no
form for them.
"""

from __future__ import annotations

from typing import Any


def writable(text: str) -> str:
    """Return ``text`` with U+FFFD in the place of lone surrogates, and a character in that of two that make one."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def writable_value(value: Any) -> Any:
    """Return a plain ``value``, of dicts, lists and texts, with all of its texts `writable`."""
    if isinstance(value, str):
        return writable(value)
    if isinstance(value, dict):
        return {writable_value(key): writable_value(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [writable_value(part) for part in value]
    return value
