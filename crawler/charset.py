"""From bytes to text: which character set a body is in."""

from __future__ import annotations

import codecs
import re

_BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF16_LE, "utf-16-le"))
_HEADER_CHARSET = re.compile(r"""charset\s*=\s*["']?([^\s"';,]+)""", re.IGNORECASE)
_META_CHARSET = re.compile(rb"""<meta[^>]{0,256}?charset\s*=\s*["']?\s*([a-z0-9_.:-]+)""", re.IGNORECASE)
_META_WINDOW = 1024  # bytes in which the HTML Standard looks for <meta charset>
# https://encoding.spec.whatwg.org/#names-and-labels: browsers read these labels as the supersets of what they say.
_SUPERSETS = {"ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "gb2312": "gb18030", "gbk": "gb18030",
              "shift_jis": "cp932", "euc_kr": "cp949", "iso8859-11": "cp874", "tis-620": "cp874"}  # fmt: skip
# Text encodings of Python's that no browser knows: some raise whatever one asks for, some make lone surrogates.
_UNKNOWN_TO_BROWSERS = {"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "utf-7"}
_FALLBACK = "cp1252"  # what browsers assume where nothing is declared and the bytes are not UTF-8


def decode(body: bytes, content_type: str = "") -> str:
    """Return ``body`` as text. Never fails: what does not decode becomes U+FFFD.

    The order is the HTML Standard's: byte order mark, ``charset`` of the Content-Type header, ``<meta charset>``;
    then UTF-8 where the bytes are valid UTF-8, else windows-1252.
    """
    for mark, name in _BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    if name := _from_header(content_type) or _from_meta(body):
        return body.decode(name, "replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode(_FALLBACK, "replace")


def _from_header(content_type: str) -> str:
    found = _HEADER_CHARSET.search(content_type)
    return _codec(found[1]) if found else ""


def _from_meta(body: bytes) -> str:
    found = _META_CHARSET.search(body[:_META_WINDOW])
    name = _codec(found[1].decode("ascii")) if found else ""
    # A page whose <meta> could be read as ASCII is not in UTF-16, whatever it says.
    return "utf-8" if name.startswith("utf-16") else name


def _codec(label: str) -> str:
    """Return the Python codec for a declared label, or nothing for one that is unknown or reads no text."""
    try:
        info = codecs.lookup(label)
    except (LookupError, ValueError):
        return ""
    # Only text encodings: Python's registry also knows base64, zip and rot13.
    if not info._is_text_encoding or info.name in _UNKNOWN_TO_BROWSERS:  # noqa: SLF001  # there is no public name
        return ""
    return _SUPERSETS.get(info.name, info.name)
