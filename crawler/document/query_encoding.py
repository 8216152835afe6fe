"""Queries of URLs, percent-encoded in the encoding of the page that they are in, as browsers send them.

https://url.spec.whatwg.org/#string-percent-encode-after-encoding, with the encoders of https://encoding.spec.whatwg.org
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from itertools import product

from crawler.document.charset import query_encoding_of
from crawler.document.encodings import read

_UTF_8 = {"utf-8", "utf-16be", "utf-16le", "replacement"}  # in which nothing else is sent
_ENCODED = frozenset(map(ord, " \"#<>'"))  # of the printable ASCII characters
_FIRST_PRINTABLE, _LAST_PRINTABLE = 0x20, 0x7E
_REPLACEMENT = "\ufffd"
_KATAKANA = {chr(code): code - 0xFF61 + 0xA1 for code in range(0xFF61, 0xFFA0)}  # halfwidth
# The first and the second bytes of the pairs that are sent; those of other pairs are only read.
_PAIRS: dict[str, tuple[Iterable[int], Iterable[int]]] = {
    "gbk": (range(0x81, 0xFF), range(0x40, 0xFF)),
    "gb18030": (range(0x81, 0xFF), range(0x40, 0xFF)),
    "big5": (range(0xA1, 0xFF), range(0x40, 0xFF)),
    "euc-jp": (range(0xA1, 0xFF), range(0xA1, 0xFF)),
    "shift_jis": ([*range(0x81, 0xA0), *range(0xE0, 0xED), *range(0xFA, 0xFD)], range(0x40, 0xFD)),
    "euc-kr": (range(0x81, 0xFF), range(0x41, 0xFF)),
}
# Private characters that were those of bytes which mean others since 2005 and 2022; Python has them still.
_GB18030_BEFORE = [
    *(bytes([0xA6, second]) for second in b"\xd9\xda\xdb\xdc\xdd\xde\xdf\xec\xed\xf3"),
    *(bytes([0xFE, second]) for second in b"\x59\x61\x66\x67\x6d\x7e\x90\xa0"),
]
_LAST_OF_BIG5 = "═╞╡╪十卅"  # of several pairs the last one is sent, else the first one
_ASCII, _ROMAN, _JIS = "%1B(B", "%1B(J", "%1B$B"  # the escape sequences of ISO-2022-JP
_NOT_IN_ISO_2022_JP = "\x0e\x0f\x1b"


def query_encoder(body: bytes, content_type: str) -> Callable[[str], str] | None:
    """Return a function that percent-encodes the queries in a page; ``None`` if that is by UTF-8."""
    encoding = query_encoding_of(body, content_type)
    return None if encoding in _UTF_8 else partial(percent_encoded, encoding=encoding)


def percent_encoded(query: str, encoding: str) -> str:
    """Return a ``query`` as a page in that ``encoding`` asks for it; unchanged if that is by UTF-8.

    A character that the encoding lacks becomes the reference to it that HTML has, such as ``%26%238364%3B``.

    >>> percent_encoded("q=поиск €", "koi8-r")
    'q=%D0%CF%C9%D3%CB%20%26%238364%3B'
    """
    if encoding in _UTF_8:
        return query
    return _in_iso_2022_jp(query) if encoding == "iso-2022-jp" else "".join(map(_codes(encoding).__getitem__, query))


class _Codes(dict[str, str]):
    """The characters of an encoding, percent-encoded when one is first needed."""

    def __init__(self, code_of: Mapping[str, bytes], *, has_all: bool) -> None:
        self._code_of = code_of
        self._has_all = has_all

    def __missing__(self, character: str) -> str:
        if (code := self._code_of.get(character)) is not None:
            text = self[character] = _percent(code) or _reference(character)
            return text
        return _percent(character.encode("gb18030", "replace")) if self._has_all else _reference(character)


def _percent(code: bytes) -> str:
    return "".join([f"%{byte:02X}" if _is_encoded(byte) else chr(byte) for byte in code])


def _is_encoded(byte: int) -> bool:
    return not _FIRST_PRINTABLE <= byte <= _LAST_PRINTABLE or byte in _ENCODED


def _reference(character: str) -> str:
    return f"%26%23{ord(character)}%3B"


@cache
def _codes(encoding: str) -> _Codes:
    if encoding not in _PAIRS:
        return _Codes(_single_bytes(encoding), has_all=False)
    ascii_ = {chr(byte): bytes([byte]) for byte in range(0x80)}
    return _Codes({**ascii_, **_pairs(encoding), **_others(encoding)}, has_all=encoding == "gb18030")


def _single_bytes(encoding: str) -> dict[str, bytes]:
    codes = [bytes([byte]) for byte in range(0x100)]
    code_of = dict(zip(read(b"".join(codes), encoding), codes, strict=True))
    code_of.pop(_REPLACEMENT, None)
    return code_of


@cache
def _pairs(encoding: str) -> dict[str, bytes]:
    """Return the pair of bytes of each character that has one in the ``encoding``."""
    pairs: dict[str, bytes] = {}
    codes = list(map(bytes, product(*_PAIRS[encoding])))
    for pair, text in zip(codes, read(b"\n".join(codes), encoding).split("\n"), strict=True):
        if len(text) == 1 and (text not in pairs or (encoding == "big5" and text in _LAST_OF_BIG5)):
            pairs[text] = pair
    pairs.pop(_REPLACEMENT, None)
    return pairs


def _others(encoding: str) -> dict[str, bytes]:
    """Return what an encoder sends that is no pair, or not the one that is read; nothing for what it does not send."""
    if encoding in {"shift_jis", "euc-jp"}:
        is_euc = encoding == "euc-jp"
        katakana = {text: bytes([0x8E, byte] if is_euc else [byte]) for text, byte in _KATAKANA.items()}
        control = {} if is_euc else {"\x80": b"\x80"}
        return {**katakana, **control, "¥": b"\\", "‾": b"~", "−": _pairs(encoding)["－"]}
    if encoding in {"gbk", "gb18030"}:
        before = {pair.decode("gb18030"): pair for pair in _GB18030_BEFORE}
        return {**before, **({"€": b"\x80"} if encoding == "gbk" else {"\ue7c7": b"\x815\xf47", "\ue5e5": b""})}
    return {}


@cache
def _fullwidth() -> dict[str, str]:
    """Return what ISO-2022-JP sends instead of characters that it lacks."""
    fullwidth = {text: unicodedata.normalize("NFKC", text) for text in _KATAKANA}
    return {**fullwidth, "ﾞ": "゛", "ﾟ": "゜", "−": "－"}


def _in_iso_2022_jp(query: str) -> str:
    state, texts = _ASCII, []
    for character in query:
        wanted, text = _step(character, state)
        texts.append(text if wanted == state else wanted + text)
        state = wanted
    return "".join(texts) + ("" if state == _ASCII else _ASCII)


def _step(character: str, state: str) -> tuple[str, str]:
    """Return the state in which a ``character`` is sent, and what is sent then."""
    if character in "¥‾":
        return _ROMAN, "\\" if character == "¥" else "~"
    if character.isascii():
        wanted = _ASCII if state == _JIS or character in "\\~" else state
        is_error = character in _NOT_IN_ISO_2022_JP
        return wanted, _reference(_REPLACEMENT) if is_error else _percent(character.encode("ascii"))
    # The same pairs as in EUC-JP, without the eighth bit.
    pair = _pairs("euc-jp").get(_fullwidth().get(character, character))
    if pair is None:
        return _ASCII if state == _JIS else state, _reference(character)
    return _JIS, _percent(bytes(byte & 0x7F for byte in pair))
