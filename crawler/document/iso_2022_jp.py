"""The decoder of ISO-2022-JP, in which escape sequences say what the bytes after them mean.

https://encoding.spec.whatwg.org/#iso-2022-jp-decoder
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

from crawler.document.multibyte import EUC_JP

_ESCAPES = re.compile(rb"(\x1b(?:\([BIJ]|\$[@B])?)").split  # an escape character alone is an error
# Nearly all texts are ASCII and such runs of JIS X 0208.
_RUNS = re.compile(rb"\x1b\$[@B]((?:[!-~]{2})++)\x1b\(B(?!\x1b)").sub
_IS_SPECIAL = re.compile(rb"[\x0e\x0f\x1b]").search
_REPLACEMENT = "\ufffd"


def _in(characters: dict[int, str]) -> Callable[[bytes], str]:
    table = "".join(characters.get(byte, _REPLACEMENT) for byte in range(256))
    return lambda body: codecs.charmap_decode(body, "strict", table)[0]


def _with_eighth_bit(body: bytes) -> bytes:
    # In EUC-JP the same characters have the eighth bit. 0xFF is invalid there wherever it is.
    return body.translate(_WITH_EIGHTH_BIT)


def _pairs(body: bytes) -> str:
    return EUC_JP.read(_with_eighth_bit(body))


_WITH_EIGHTH_BIT = bytes(byte | 0x80 if 0x21 <= byte <= 0x7E else 0xFF for byte in range(256))
_ASCII = {byte: chr(byte) for byte in range(0x80) if byte not in {0x0E, 0x0F}}
_STATES: dict[bytes, Callable[[bytes], str]] = {
    b"\x1b(B": _in(_ASCII),
    b"\x1b(J": _in({**_ASCII, 0x5C: "¥", 0x7E: "‾"}),
    b"\x1b(I": _in({byte: chr(0xFF40 + byte) for byte in range(0x21, 0x60)}),
    b"\x1b$@": _pairs,
    b"\x1b$B": _pairs,
}


def read_iso_2022_jp(body: bytes) -> str:
    """Return ``body`` as text; each error becomes a U+FFFD, and so does an escape sequence right after another."""
    if body.isascii():
        moved = _RUNS(lambda run: _with_eighth_bit(run[1]), body)
        if not _IS_SPECIAL(moved):
            return EUC_JP.read(moved)
    return _step_by_step(body)


def _step_by_step(body: bytes) -> str:
    state, after_escape = _STATES[b"\x1b(B"], False
    texts = []
    for place, part in enumerate(_ESCAPES(body)):
        if place % 2 == 0:
            texts.append(state(part))
            after_escape = after_escape and not part
        elif part in _STATES:
            texts.append(_REPLACEMENT if after_escape else "")
            state, after_escape = _STATES[part], True
        else:
            texts.append(_REPLACEMENT)
            after_escape = False
    return "".join(texts)
