"""Decoders of the East Asian encodings with two to four bytes a character, as the Encoding standard has them.

Python's codecs are fast and know nearly all characters. So they read what they read as the standard does. A few of
their characters are others than the standard's, and behind an invalid byte they go on at another place. What one of
them refuses is read as a token: the bytes that the standard's decoder reads for one character or one error.

https://encoding.spec.whatwg.org/#gb18030-decoder and those after it
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping

_REPLACEMENT = "\ufffd"
_SHORT = 16  # bytes that are read by tokens at once; arbitrary
_TILDE = b"\x8f\xa2\xb7"  # of JIS X 0212; Python reads it as that of ASCII
_FIRST, _LAST = 0xA1, 0xFE  # bytes of a pair in EUC-JP
_MAY_BE_SECOND, _BEYOND_ASCII = 0x40, 0x80
# Up to a byte that is never the second of a character: behind it all decoders begin anew. Their size is arbitrary.
_BLOCKS = re.compile(rb".{1,512}[^\0-/:-?]*+[\0-/:-?]?", re.DOTALL).findall
_LONGEST_KNOWN = 3  # bytes of the tokens whose text is remembered; there are a million of four bytes

# The characters of Big5 that Python lacks: the bytes of the first one, in hexadecimal, and those that follow it.
_BIG5 = re.compile("([0-9a-f]{4})([^0-9a-f]+)").findall(
    "877a㡵𡵓𣚞𦀡㻬87a1𥣞㫵竼龗𤅡𨤍𣇪𠪊𣉞䌊蒄龖鐯䤰蘓墖靊鈘秐稲晠権袝瑌篅枂稬剏遆㓦珄𥶹瓆鿇垳䤯呌䄱𣚎堘穲𧭥讏䚮𦺈䆁𥶙箮𢒼鿈𢓁𢓉𢓌鿉蔄𣖻䂴鿊䓡𪷿拁灮鿋"
    "8e69箸8e6f簆8e7e糎8eab緒8eb4縝8ecd者8ed0耨8f57菁8f69蒨8f6e萏8fcb覦覩8ffe起906d都907a銹90dc靜90f1響91bf鼖9244蔃"
    "92af兙兛92b1兝兞92c8鍮92d1瑹9447浧94ca禛95d9邗9644靝96ed瀞96fc嬨9b76爁9b78矗9b7b纇9bc6駖9bde釔9bec惞9bf6澶"
    "9c42輶9c53侻9c62營9c68鄄9c6b鷰9c77菏9cbc尐秣9cd0婧9d57輋9d5a筑9dc4拐9ea9恢9eef痹9efd汊9f60鬮9f66鼗9fcb僭9fd8弌"
    "a063蠏a077拎a0d5瑨a0df煢a0e4牐a3c0␀␁␂␃␄␅␆␇␈␉␊␋␌␍␎␏␐␑␒␓␔␕␖␗␘␙␚␛␜␝␞␟␡€"
    "c6cf廴c6d3无c6d5癶c6d7隶c6de〃仝fa5f倩fa66偽fabd包fac5卄fad5卿fb48嘅fbb8婷fbf3幵fbf9廐fc4f彘fc6c悤fcb9撐"
    "fce2晴fcf1杞fdb7沜渝fdbb港fdf1煮fe52猪fe6f瑜feaa瓩fedd砉a241∕﹨"
)
# The characters of GB 18030 that changed after the edition that Python has: in 2005 two, in 2022 the others.
_GB18030 = {
    b"\x80": "€",
    b"\xa3\xa0": "\u3000",
    b"\xa8\xbc": "\u1e3f",
    b"\x81\x35\xf4\x37": "\ue7c7",
    **{bytes([0xA6, 0xD9 + place]): text for place, text in enumerate("︐︒︑︓︔︕︖")},
    b"\xa6\xec": "︗",
    b"\xa6\xed": "︘",
    b"\xa6\xf3": "︙",
    **{bytes([0xFE, second]): chr(0x9FB4 + place) for place, second in enumerate(b"\x59\x61\x66\x67\x6d\x7e\x90\xa0")},
}


class MultiByte:
    """An encoding, and how it is read.

    Args:
        codec: Python's codec, which refuses what is invalid, and perhaps more.
        tokens: A pattern of the tokens that are not ASCII.
        text_of: A function that returns the text of a token; it raises `UnicodeDecodeError` for one that is invalid.
        replaced: What ``codec`` says, and what the standard says instead.
        doubtful: Tokens of which ``codec`` says the same as of others; the standard does not.
        known: The text of tokens that ``text_of`` does not know.
    """

    def __init__(  # they differ in as many ways
        self,
        codec: str,
        tokens: bytes,
        text_of: Callable[[bytes], str],
        *,
        replaced: Mapping[str, str] | None = None,
        doubtful: tuple[bytes, ...] = (),
        known: Mapping[bytes, str] | None = None,
    ) -> None:
        self._codec = codec
        self._token = re.compile(rb"[\0-\x7f]|" + tokens, re.DOTALL)
        self._texts = _Texts(text_of, known or {})
        self._replaced = tuple((replaced or {}).items())
        self._doubtful = doubtful
        self._errors = f"crawler.{codec}"
        codecs.register_error(self._errors, self._after_error)

    def __repr__(self) -> str:
        return f"<MultiByte {self._codec} {len(self._texts)} tokens known>"

    def read(self, body: bytes) -> str:
        """Return ``body`` as text; each error becomes a U+FFFD."""
        if body.isascii():
            return body.decode("ascii")
        text = self._by_tokens(body) if len(body) <= _SHORT else self._as_a_whole(body)
        if text is None:
            text = "".join(map(self._block, _BLOCKS(body)))
        for said, right in self._replaced:
            text = text.replace(said, right)
        return text

    def _by_tokens(self, body: bytes) -> str:
        return "".join(map(self._texts.__getitem__, self._token.findall(body)))

    def _as_a_whole(self, body: bytes) -> str | None:
        """Return ``body`` as the codec reads it; ``None`` if the standard's decoder reads it in another way."""
        if self._is_doubtful(body):
            return None
        try:
            return body.decode(self._codec)
        except UnicodeDecodeError:
            return None

    def _is_doubtful(self, body: bytes) -> bool:
        return any(token in body for token in self._doubtful)

    def _block(self, body: bytes) -> str:
        text = self._as_a_whole(body)
        if text is not None:
            return text
        # An error costs ten times what a token costs.
        if self._is_doubtful(body) or body.decode(self._codec, "replace").count(_REPLACEMENT) > len(body) // 16:
            return self._by_tokens(body)
        return body.decode(self._codec, self._errors)

    def _after_error(self, error: UnicodeError) -> tuple[str, int]:
        """Return the text of the token that the codec refuses, and the place after it, where the codec goes on."""
        token = self._token.match(error.object, error.start) if isinstance(error, UnicodeDecodeError) else None
        if token is None:
            raise error  # the codec does not decode
        return self._texts[token[0]], token.end()


class _Texts(dict[bytes, str]):
    """The texts of tokens, each found out when it is first read."""

    def __init__(self, text_of: Callable[[bytes], str], known: Mapping[bytes, str]) -> None:
        super().__init__(known)
        self._text_of = text_of

    def __missing__(self, token: bytes) -> str:
        try:
            text = self._text_of(token)
        except UnicodeDecodeError:
            # What cannot be the second half of a character belongs to the error, but for ASCII, which is read again.
            again = token[1:] if len(token) == 2 and _MAY_BE_SECOND <= token[1] < _BEYOND_ASCII else b""
            text = _REPLACEMENT + again.decode("ascii")
        if len(token) <= _LONGEST_KNOWN:
            self[token] = text
        return text


def _big5() -> dict[bytes, str]:
    known = {}
    for first, characters in _BIG5:
        pointer = int(first, 16)
        for character in characters:
            known[pointer.to_bytes(2)] = character
            pointer += 1
    return known


def _euc_jp(token: bytes) -> str:
    """Return the text of a token. Pairs are read by way of Shift_JIS, for which Python has all characters."""
    if len(token) != 2 or min(token) < _FIRST or max(token) > _LAST:
        return token.decode("euc_jp")
    lead, trail = divmod((token[0] - _FIRST) * 94 + token[1] - _FIRST, 188)
    return bytes([lead + (0x81 if lead < 0x1F else 0xC1), trail + (0x40 if trail < 0x3F else 0x41)]).decode("cp932")


def _by(codec: str) -> Callable[[bytes], str]:
    return lambda token: token.decode(codec)


_PAIR = rb"[\x81-\xfe][@-\xff]?|[\x80\xff]"
GB18030 = MultiByte(
    "gbk",
    rb"[\x81-\xfe](?:[0-9](?:[\x81-\xfe](?:[0-9]|\Z)|\Z)|[@-\xff])?|[\x80\xff]",
    _by("gb18030"),
    known=_GB18030,
)
BIG5 = MultiByte(
    "big5hkscs",
    _PAIR,
    _by("big5hkscs"),
    replaced=dict(zip("•､‾∼♁☉¥¢£", "‧﹑¯～⊕⊙￥￠￡", strict=True)),
    doubtful=(b"\xa2\x41", b"\xa2\x42"),
    known=_big5(),
)
EUC_JP = MultiByte(
    "euc_jp",
    rb"\x8f(?:[\xa1-\xfe][\x80-\xff]?|[\x80-\xff])?|[\x8e\xa1-\xfe][\x80-\xff]?|[\x80-\xff]",
    _euc_jp,
    replaced=dict(zip("〜‖−¢£¬", "～∥－￠￡￢", strict=True)),
    doubtful=(_TILDE,),
    known={_TILDE: "～"},
)
SHIFT_JIS = MultiByte(
    "cp932",
    rb"[\x81-\x9f\xe0-\xfc][@-\xff]?|[\x80-\xff]",
    _by("cp932"),
    replaced=dict.fromkeys("\uf8f0\uf8f1\uf8f2\uf8f3", _REPLACEMENT),  # of bytes that begin nothing
)
EUC_KR = MultiByte("cp949", _PAIR, _by("cp949"))
