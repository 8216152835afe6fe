"""Character encodings as the web knows them: the labels of the Encoding standard, and their decoders."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from functools import cache

from crawler.document.iso_2022_jp import read_iso_2022_jp
from crawler.document.multibyte import BIG5, EUC_JP, EUC_KR, GB18030, SHIFT_JIS

# https://encoding.spec.whatwg.org/#names-and-labels: each name, and its other labels. Many labels mean a superset of
# the encoding that they name, because pages contain such characters.
_LABELS = {
    "utf-8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf8 x-unicode20utf8",
    "ibm866": "866 cp866 csibm866",
    "iso-8859-2": "csisolatin2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2",
    "iso-8859-3": "csisolatin3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3",
    "iso-8859-4": "csisolatin4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4",
    "iso-8859-5": "csisolatincyrillic cyrillic iso-ir-144 iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988",
    "iso-8859-6": (
        "arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6-e iso-8859-6-i "
        "iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987"
    ),
    "iso-8859-7": (
        "csisolatingreek ecma-118 elot_928 greek greek8 iso-ir-126 iso8859-7 iso88597 iso_8859-7 "
        "iso_8859-7:1987 sun_eu_greek"
    ),
    "iso-8859-8": (
        "csiso88598e csisolatinhebrew hebrew iso-8859-8-e iso-ir-138 iso8859-8 iso88598 iso_8859-8 "
        "iso_8859-8:1988 visual"
    ),
    "iso-8859-8-i": "csiso88598i logical",
    "iso-8859-10": "csisolatin6 iso-ir-157 iso8859-10 iso885910 l6 latin6",
    "iso-8859-13": "iso8859-13 iso885913",
    "iso-8859-14": "iso8859-14 iso885914",
    "iso-8859-15": "csisolatin9 iso8859-15 iso885915 iso_8859-15 l9",
    "iso-8859-16": "",
    "koi8-r": "cskoi8r koi koi8 koi8_r",
    "koi8-u": "koi8-ru",
    "macintosh": "csmacintosh mac x-mac-roman",
    "windows-874": "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620",
    "windows-1250": "cp1250 x-cp1250",
    "windows-1251": "cp1251 x-cp1251",
    "windows-1252": (
        "ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 "
        "iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii x-cp1252"
    ),
    "windows-1253": "cp1253 x-cp1253",
    "windows-1254": (
        "cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5 latin5 x-cp1254"
    ),
    "windows-1255": "cp1255 x-cp1255",
    "windows-1256": "cp1256 x-cp1256",
    "windows-1257": "cp1257 x-cp1257",
    "windows-1258": "cp1258 x-cp1258",
    "x-mac-cyrillic": "x-mac-ukrainian",
    "gbk": "chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 iso-ir-58 x-gbk",
    "gb18030": "",
    "big5": "big5-hkscs cn-big5 csbig5 x-x-big5",
    "euc-jp": "cseucpkdfmtjapanese x-euc-jp",
    "iso-2022-jp": "csiso2022jp",
    "shift_jis": "csshiftjis ms932 ms_kanji shift-jis sjis windows-31j x-sjis",
    "euc-kr": "cseuckr csksc56011987 iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 windows-949",
    "replacement": "csiso2022kr hz-gb-2312 iso-2022-cn iso-2022-cn-ext iso-2022-kr",
    "utf-16be": "unicodefffe",
    "utf-16le": "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16",
    "x-user-defined": "",
}
_NAMES = {label: name for name, labels in _LABELS.items() for label in (name, *labels.split())}

_UNICODE = {"utf-8": "utf-8", "utf-16be": "utf-16-be", "utf-16le": "utf-16-le"}  # and Python's codecs for them
_REPLACEMENT = "\ufffd"
_MULTI_BYTE: dict[str, Callable[[bytes], str]] = {
    "gbk": GB18030.read,
    "gb18030": GB18030.read,
    "big5": BIG5.read,
    "euc-jp": EUC_JP.read,
    "iso-2022-jp": read_iso_2022_jp,
    "shift_jis": SHIFT_JIS.read,
    "euc-kr": EUC_KR.read,
    # For encodings that only attackers use.
    "replacement": lambda body: _REPLACEMENT if body else "",
}
_SINGLE_BYTE = {"iso-8859-8-i": "iso8859_8", "windows-874": "cp874", "x-mac-cyrillic": "mac_cyrillic"}  # else by name
_PATCHES = {"koi8-u": {0xAE: "ў", 0xBE: "Ў"}, "windows-1255": {0xCA: "\u05ba"}}  # where Python's codec differs
# Up to where a body can be cut: the two parts are read like the whole. In ISO-2022-JP that is in ASCII, after a
# character; elsewhere after a byte that is never the second of a character.
_CUTS = {"iso-2022-jp": rb".*\x1b\(B[^\x1b]", "replacement": rb"(?!)"}
_CUT = rb".*[\0-/:-?]"


def encoding_named(label: str) -> str | None:
    """Return the name of the encoding that a ``label`` means, in lower case; ``None`` for a label no browser knows.

    >>> encoding_named("Latin1 ")
    'windows-1252'
    """
    return _NAMES.get(label.strip("\t\n\f\r ").lower())


def read(body: bytes, encoding: str) -> str:
    """Return ``body`` as text in the ``encoding`` of that name, as the standard's decoder reads it.

    Each error becomes a U+FFFD. A body in the replacement encoding is a single one.
    """
    if codec := _UNICODE.get(encoding):
        return body.decode(codec, "replace")
    if multi_byte := _MULTI_BYTE.get(encoding):
        return multi_byte(body)
    return codecs.charmap_decode(body, "strict", _table(encoding))[0]


def decoder(encoding: str) -> Callable[[bytes, bool], str]:
    """Return a function that decodes a body in pieces, as `read` does. It takes a piece and whether it is the last."""
    if codec := _UNICODE.get(encoding):
        return codecs.getincrementaldecoder(codec)("replace").decode
    if encoding in _MULTI_BYTE:
        return _Pieces(encoding).read
    return lambda piece, _is_last: read(piece, encoding)


class _Pieces:
    """Reads a body in pieces, each up to the last place at which it can be cut."""

    def __init__(self, encoding: str) -> None:
        self._read = _MULTI_BYTE[encoding]
        self._cut = re.compile(_CUTS.get(encoding, _CUT), re.DOTALL).match
        self._waiting: list[bytes] = []

    def __repr__(self) -> str:
        return f"<_Pieces {sum(map(len, self._waiting))} bytes waiting>"

    def read(self, piece: bytes, is_last: bool) -> str:  # as a decoder of `codecs` is called
        cut = self._cut(piece)
        end = len(piece) if is_last else cut.end() if cut else 0
        if not end and not is_last:
            self._waiting.append(piece)
            return ""
        text = self._read(b"".join([*self._waiting, piece[:end]]))
        self._waiting = [piece[end:]]
        return text


@cache
def _table(encoding: str) -> str:
    """Return the characters of all bytes in an ``encoding`` with one byte a character.

    The table has a character for every byte. Python's own codecs call a function for each undefined byte, which makes
    them fifty times slower on a body whose declared encoding is wrong.
    """
    if encoding == "x-user-defined":
        return "".join(chr(byte if byte < 0x80 else 0xF700 + byte) for byte in range(256))
    codec, patches = _SINGLE_BYTE.get(encoding, encoding), _PATCHES.get(encoding, {})
    return "".join(patches.get(byte) or _character(byte, codec) for byte in range(256))


def _character(byte: int, codec: str) -> str:
    try:
        return bytes([byte]).decode(codec)
    except UnicodeDecodeError:
        # Bytes below 0xA0 that Windows left undefined are control characters by the standard.
        return chr(byte) if byte < 0xA0 else _REPLACEMENT
