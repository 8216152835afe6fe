"""A decoder for compressed bodies, in small steps. Pure: bytes in, bytes out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from crawler.errors import BodyTooLargeError, DecodingError
from crawler.fetching.codings import CODINGS, OTHERS, Coding, Stream
from crawler.policy.bodies import Bodies

MAX_CODINGS = 2
"""Codings inside each other. One is usual, two are a mistake of a server, more are an attack."""

_SLICE = 2**13  # bytes of input a step; it bounds the work of a step, and the output of a bomb before its ratio is seen
_MAX_STREAMS = 1000  # arbitrary; gzip members or zstd frames in a body. bgzip makes one for each 64 kB.


class Decoder:
    """Decodes one body. Get it from `decoder_for`.

    It never holds more than one piece of the output, and no step computes for long, whatever the input is.
    """

    def __init__(self, codings: list[Coding], bodies: Bodies, *, is_doubtful: bool = False) -> None:
        self._layers = [_Layer(coding, is_doubtful=is_doubtful) for coding in codings]
        self._bodies = bodies
        self._sizes = [0] * (len(codings) + 1)  # bytes before the first layer, between layers, after the last

    def __repr__(self) -> str:
        return f"<Decoder {' > '.join(map(repr, self._layers))}: {self._sizes[0]} bytes in, {self._sizes[-1]} out>"

    def feed(self, data: bytes) -> Iterable[bytes]:
        """Decode ``data``, step by step. Iterate to the end before the next call.

        Returns:
            The output of each step: 96 KiB at most, often less, sometimes nothing. Without codings, ``data`` unchanged.

        Raises:
            DecodingError: The data are not compressed as their header says.
            BodyTooLargeError: The body is larger than `Bodies` allows, before or after decoding.
        """
        return self._through(0, data)

    def end(self) -> None:
        """Check that the body is complete. An empty one is complete, too.

        Raises:
            DecodingError: The body ends too early.
        """
        for layer in self._layers:
            layer.end()

    def _through(self, depth: int, data: bytes) -> Iterator[bytes]:
        if depth == len(self._layers) or not data:
            self._count(depth, len(data))
            yield data
            return
        for start in range(0, len(data), _SLICE):
            part = data[start : start + _SLICE]
            self._count(depth, len(part))
            for piece in self._layers[depth].feed(part):
                yield from self._through(depth + 1, piece)

    def _count(self, depth: int, count: int) -> None:
        self._sizes[depth] += count
        size, limit = self._sizes[depth], self._bodies.max_bytes
        if size > limit:
            raise BodyTooLargeError(f"the body has more than the {limit} bytes allowed")
        if depth and not self._bodies.allows_ratio(size, self._sizes[0]):
            ratio, compressed = self._bodies.max_ratio, self._sizes[0]
            raise BodyTooLargeError(f"the body has more than {ratio:g} times its {compressed} compressed bytes")


def decoder_for(content_encoding: str, bodies: Bodies) -> Decoder:
    """Return a decoder for a body with that ``Content-Encoding`` header field (RFC 9110 §8.4).

    A coding that does not exist, such as ``none`` or ``utf-8``, leaves the bytes as they are (Fetch standard). What is
    known beside it is decoded where the body begins so.

    Args:
        content_encoding: Codings in the order in which they were applied, in upper or lower case; empty for none.
        bodies: The bounds of the body.

    Raises:
        DecodingError: There are more than two, or one of those that exist and are not decoded.
    """
    if not content_encoding or content_encoding in CODINGS:  # nearly always
        return Decoder([CODINGS[content_encoding]] if content_encoding else [], bodies)
    named = [name for part in content_encoding.split(",") if (name := part.strip().lower()) not in ("", "identity")]
    for name in named:
        if name in OTHERS:
            raise DecodingError(f"the body is encoded with {name!r}: decoded are {', '.join(CODINGS)}")
    names = [name for name in named if name in CODINGS]
    if len(names) > MAX_CODINGS:
        raise DecodingError(
            f"the body is encoded with {content_encoding[:100]!r}: at most {MAX_CODINGS} codings are decoded"
        )
    return Decoder([CODINGS[name] for name in reversed(names)], bodies, is_doubtful=names != named)


class _Layer:
    """One coding of a body: one stream, or several after each other."""

    def __init__(self, coding: Coding, *, is_doubtful: bool) -> None:
        self._coding = coding
        self._is_doubtful = is_doubtful  # whether the body may be as it is
        self._is_plain = False
        self._stream: Stream | None = None
        self._streams = 0
        self._head = b""  # the first bytes of a stream, while there are too few of them to begin it
        self._is_over = False

    def __repr__(self) -> str:
        return self._coding.name

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._is_plain:
            yield data
        while data and not self._is_over:
            if self._stream is None:
                data = self._begin(data)
            if self._is_plain:
                yield data
            if self._stream is None:
                return
            stream = self._stream
            yield self._step(stream, data)
            while stream.has_more:
                yield self._step(stream, b"")
            if not stream.is_complete:
                return
            self._stream, data = None, stream.rest

    def end(self) -> None:
        is_cut = self._stream is not None and not self._stream.may_end
        if is_cut or (self._head and not self._streams and not self._is_doubtful):
            raise DecodingError(f"the {self._coding.name} body ends too early")

    def _begin(self, data: bytes) -> bytes:
        """Begin a stream with ``data``; return its first bytes. Bytes after the last stream are dropped."""
        if self._head:
            data, self._head = self._head + data, b""
        coding = self._coding
        if len(data) < coding.head_size and not (self._is_doubtful and not coding.magic.startswith(data)):
            self._head = data
            return b""
        self._stream = coding.begin(data[: coding.head_size], self._streams)
        self._is_plain = self._is_doubtful and self._stream is None and not self._streams
        if self._stream is None and not self._streams and not self._is_doubtful:
            raise DecodingError(f"the body is not {self._coding.name}, although it is said to be")
        self._is_over = self._stream is None
        self._streams += 1
        if self._streams > _MAX_STREAMS:
            raise DecodingError(f"the body is made of more than {_MAX_STREAMS} {self._coding.name} streams")
        return data

    def _step(self, stream: Stream, data: bytes) -> bytes:
        try:
            return stream.step(data)
        except self._coding.errors as error:
            raise DecodingError(f"the body is not {self._coding.name}, or is damaged: {error}") from error
