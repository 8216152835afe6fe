"""aiohttp's parser of a response, with one outcome for all ways in which its bytes may be cut into packets.

That parser takes a packet as a whole: an error in it loses the head in front of the error, and one in the body is told
to nobody. Here a head is repaired and handed over before what follows is looked at, and an error in a body ends the
body. The parser in C does all the work on bytes that are right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import aiohttp
from aiohttp.http import HttpResponseParser, RawResponseMessage
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.streams import StreamReader

from crawler.errors import ProtocolError
from crawler.http.head import end_of_head, may_be_head, repaired, status_of

LONGEST_HEAD = 256 * 2**10  # bytes, with interim responses; as Chromium has it

Message: TypeAlias = tuple[RawResponseMessage, StreamReader]
Fed: TypeAlias = tuple[Sequence[Message], bool, bytes]
_NOTHING: Fed = ((), False, b"")


class TolerantParser:
    """Parses one response. It is in the place of aiohttp's parser in a protocol, and has what that uses of it."""

    def __init__(
        self, inner: HttpResponseParser, make: Callable[[], HttpResponseParser], hang_up: Callable[[], object]
    ) -> None:
        """Create the parser of a response.

        Args:
            inner: aiohttp's parser.
            make: Makes another one, for a head that is repaired.
            hang_up: Called when the connection is of no use for another response.
        """
        self._make = make
        self._inner = inner
        self._hang_up = hang_up
        self._head = bytearray()  # the bytes so far, until there is a head
        self._searched = 0  # of these, for the end of the head
        self._interim = 0  # bytes of interim responses before these
        self._body: StreamReader | None = None
        self._error: Exception | None = None  # of the parser, in a head that is to be repaired

    def __repr__(self) -> str:
        where = "the body" if self._body else "a head to be repaired" if self._error else "the head"
        return f"<TolerantParser in {where}>"

    @property
    def error(self) -> Exception | None:
        """What is wrong in a head that is not complete; ``None`` where nothing is."""
        return self._error

    def feed_data(self, data: bytes) -> Fed:
        """Parse ``data``; return the heads in it with their bodies to come.

        Raises:
            Exception: The head cannot be used.
        """
        if self._body is not None:
            return self._feed_body(self._body, data)
        if self._error is None:
            try:
                fed = self._inner.feed_data(data)
            except Exception as error:
                self._error = error
            else:
                return self._take(data, fed)
        self._head += data
        return self._repair(self._error)

    def feed_eof(self) -> Any:
        """Note that nothing more comes.

        Raises:
            Exception: The body is not complete.
        """
        is_over = self._body is not None and self._body.is_eof()
        return None if is_over or self._error is not None else self._inner.feed_eof()

    def pause_reading(self) -> None:
        """Parse nothing more until the next call of `feed_data`."""
        self._inner.pause_reading()

    def _take(self, data: bytes, fed: Fed) -> Fed:
        messages, upgraded, tail = fed
        for place, (message, body) in enumerate(messages):
            if not _is_interim(message.code):
                self._begin(body)
                if place + 1 < len(messages):
                    self._hang_up()
                return messages[: place + 1], upgraded, tail
        self._head += data
        return messages, upgraded, tail

    def _begin(self, body: StreamReader) -> None:
        self._body = body
        self._head.clear()

    def _feed_body(self, body: StreamReader, data: bytes) -> Fed:
        """Parse a part of the body; whatever comes behind it is dropped, with the connection."""
        if body.is_eof() and data:
            self._hang_up()
            return _NOTHING
        try:
            messages, _, _ = self._inner.feed_data(data)
        except Exception as error:
            if not body.is_eof():
                body.set_exception(aiohttp.ClientPayloadError(_text(error)), error)
            self._hang_up()
        else:
            if messages:
                self._hang_up()
        return _NOTHING

    def _repair(self, error: Exception) -> Fed:
        """Go on with a repaired head, once it is complete."""
        received = self._head
        while (end := end_of_head(received, self._searched)) is not None:
            head = bytes(received[:end])
            if not _is_interim(status_of(head)):
                return self._begin_again(head, bytes(received[end:]))
            del received[:end]
            self._interim += end
            self._searched = 0
        self._searched = len(received)
        if not may_be_head(received) or self._interim + len(received) > LONGEST_HEAD:
            raise error
        return _NOTHING

    def _begin_again(self, head: bytes, rest: bytes) -> Fed:
        try:
            whole = repaired(head)
        except ProtocolError as error:
            raise BadHttpMessage(str(error)) from error
        self._inner = self._make()
        messages, upgraded, tail = self._inner.feed_data(whole)
        if not messages:
            raise BadHttpMessage("the head of the response cannot be read")
        self._error = None
        self._begin(messages[0][1])
        if rest:
            self._feed_body(messages[0][1], rest)
        return messages, upgraded, tail


def _is_interim(status: int) -> bool:
    return 100 <= status < 200 and status != 101


def _text(error: Exception) -> str:
    return str(getattr(error, "message", "")) or str(error) or type(error).__name__
