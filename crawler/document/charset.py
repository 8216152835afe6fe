"""The character set of a body, and its text."""

from __future__ import annotations

import codecs

from crawler.document.encodings import encoding_named, read
from crawler.document.prescan import declared_encoding
from crawler.http.mime import content_type_of

BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_BE, "utf-16be"), (codecs.BOM_UTF16_LE, "utf-16le"))
"""Byte order marks that a text may begin with, and the encoding that each of them means."""

_WINDOW = 1024  # bytes in which the HTML standard advises to look for <meta charset>
_WIDE_WINDOW = 65536  # bytes in which to look for it before guessing; arbitrary
_FALLBACK = "windows-1252"  # what browsers assume where nothing is declared and the bytes are not UTF-8


def decode(body: bytes, content_type: str = "") -> str:
    """Return ``body`` as text. Never fails: bytes that cannot be decoded become U+FFFD.

    The character set is the one that `encoding_of` returns. A byte order mark is not part of the text.
    """
    for mark, name in BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return read(body[len(mark) :], name)
    return read(body, encoding_of(body, content_type))


def encoding_of(body: bytes, content_type: str = "") -> str:
    """Return the name of the encoding of ``body``, in lower case, as the Encoding standard has it.

    The order is that of the HTML standard: byte order mark, ``charset`` of the Content-Type header, ``<meta charset>``
    or XML declaration near the start. After these: UTF-8 if the bytes are valid UTF-8 and not only ASCII, then a
    ``<meta charset>`` farther down, then windows-1252.
    """
    return _known_encoding(body, content_type) or _FALLBACK


def query_encoding_of(body: bytes, content_type: str = "") -> str:
    """Return the name of the encoding in which a page with this ``body`` sends the queries of its references.

    It is the encoding of the page; UTF-8 if nothing is declared and the bytes say nothing, as they are all ASCII.
    """
    return _known_encoding(body, content_type) or ("utf-8" if body.isascii() else _FALLBACK)


def _known_encoding(body: bytes, content_type: str) -> str | None:
    for mark, name in BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return name
    if encoding := encoding_in(content_type):
        return encoding
    essence = content_type_of(content_type).essence
    is_markup = not essence or "html" in essence or "xml" in essence
    if is_markup and (encoding := declared_encoding(body[:_WINDOW])):
        return encoding
    if not body.isascii() and _is_utf_8(body):
        return "utf-8"
    return declared_encoding(body[:_WIDE_WINDOW]) if is_markup else None


def encoding_in(content_type: str) -> str | None:
    """Return the name of the encoding in a Content-Type field, or ``None``."""
    label = content_type_of(content_type).parameters.get("charset")
    return encoding_named(label.strip("'")) if label else None  # some servers quote it like this


def _is_utf_8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
