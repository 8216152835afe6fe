"""The head of a response, repaired where browsers do without what is wrong in it. Pure."""

from __future__ import annotations

import re

from crawler.errors import ProtocolError

_END = re.compile(rb"\r?\n\r?\n")
_LONGEST_END = 4  # bytes
_LINE = re.compile(rb"\r?\n")
_STATUS = re.compile(rb"HTTP/\d\.\d +(\d{3})(?!\d)")
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2
_LENGTHS = re.compile(rb"\d+(?:[ \t]*,[ \t]*\d+)*")
_FRAMING = (b"content-length", b"transfer-encoding")
_START = b"HTTP/"


def may_be_head(data: bytes | bytearray) -> bool:
    """Tell whether ``data`` is the beginning of a head, as far as it goes."""
    return data[: len(_START)] == _START[: len(data)]


def end_of_head(data: bytes | bytearray, searched: int = 0) -> int | None:
    """Return where the head at the beginning of ``data`` ends, behind its empty line; ``None`` if it goes on.

    So many bytes were ``searched`` before, in vain.
    """
    end = _END.search(data, max(0, searched - _LONGEST_END))
    return None if end is None else end.end()


def status_of(head: bytes) -> int:
    """Return the status that a ``head`` begins with; 0 if there is none."""
    found = _STATUS.match(head)
    return int(found[1]) if found else 0


def repaired(head: bytes) -> bytes:
    """Return a ``head`` without the lines that browsers ignore.

    Those are lines without a colon, with a name that is no token, or with a carriage return inside. A line that begins
    with a blank continues the one before (RFC 9112 §5.2); blanks before the colon are dropped; a length that is given
    twice is given once (RFC 9112 §6.3).

    Raises:
        ProtocolError: What is wrong says where the body ends, or has NUL in it: two readers would disagree.
    """
    status, *lines = _LINE.split(head.rstrip(b"\r\n"))
    fields: list[tuple[bytes, bytes]] = []
    lengths: list[bytes] = []
    for line in _unfolded(lines):
        if b"\0" in line:
            raise ProtocolError("NUL in a header field")
        name, colon, value = line.partition(b":")
        name = name.strip(b" \t")
        if not colon or not _TOKEN.fullmatch(name) or b"\r" in value:
            _check_harmless(line)
        elif name.lower() == b"content-length":
            lengths.append(value.strip(b" \t"))
        else:
            fields.append((name, value.strip(b" \t")))
    if lengths:
        fields.append((b"Content-Length", _one_of(lengths)))
    return b"\r\n".join([status, *(b"%b: %b" % field for field in fields), b"", b""])


def _unfolded(lines: list[bytes]) -> list[bytes]:
    found: list[list[bytes]] = []
    for line in lines:
        if line[:1] not in {b" ", b"\t"}:
            found.append([line])
        elif found:
            found[-1].append(line.strip(b" \t"))
        else:
            _check_harmless(line)
    return list(map(b" ".join, found))


def _check_harmless(line: bytes) -> None:
    if any(name in line.lower() for name in _FRAMING):
        raise ProtocolError(f"a header line that cannot be read says where the body ends: {line[:100]!r}")


def _one_of(lengths: list[bytes]) -> bytes:
    text = b",".join(lengths)
    if not _LENGTHS.fullmatch(text):
        raise ProtocolError(f"the length of the body is no number: {text[:100]!r}")
    different = {length.strip() for length in text.split(b",")}
    if len(different) > 1:
        raise ProtocolError(f"the body has {len(different)} lengths: {text[:100]!r}")
    return different.pop()
