"""Bounds for the bytes that come over a connection, which aiohttp's protocol lacks.

A server can send interim responses, empty chunks and chunk extensions without end, a million in a packet. They are no
bytes of a body, so limits of bodies do not see them; and aiohttp parses a whole packet at once.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import HttpResponseParser
from aiohttp.streams import EMPTY_PAYLOAD

from crawler.fetching.tolerant_parser import LONGEST_HEAD, TolerantParser

_STEP = 32 * 2**10  # bytes parsed in an iteration of the loop; 17 ms if each byte is a chunk of its own
_FRAMING = 2**20  # bytes of framing allowed for any body; arbitrary
_FRAMING_SHARE = 3  # further bytes of framing for each byte of a body; chunks of four bytes need 2.5


class BoundedProtocol(ResponseHandler):
    """One connection. It parses bytes in steps, and hangs up if too few of them belong to a response."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._rest = bytearray()
        self._received = 0
        self._body_before: aiohttp.StreamReader | None = None

    def set_response_params(self, **params: Any) -> None:
        """Begin a response."""
        self._received = 0
        self._body_before = self._payload
        super().set_response_params(**params)
        inner: Any = self._parser
        parser: Any = TolerantParser(inner, partial(self._new_parser, params), self.force_close)
        self._parser = parser

    def _new_parser(self, params: dict[str, Any]) -> HttpResponseParser:
        ours = self._parser
        super().set_response_params(**params)
        new, self._parser = self._parser, ours
        return cast("HttpResponseParser", new)

    def data_received(self, data: bytes) -> None:
        """Parse the first step of ``data``, and the rest in the next iterations of the loop."""
        if self._rest:  # earlier bytes come first
            self._rest += data
        elif len(data) <= _STEP:
            self._parse(data)
        else:
            self._rest += data
            self._pause_reading_for_buffer()
            self._parse_rest()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Parse the rest, then end."""
        rest, self._rest = bytes(self._rest), bytearray()
        if rest:
            self._parse(rest)
        parser: Any = self._parser
        wrong = parser.error if isinstance(parser, TolerantParser) else None
        super().connection_lost(exc)
        if wrong is not None:  # it says more than that the connection has ended
            self.set_exception(wrong)

    def _parse_rest(self) -> None:
        step = bytes(self._rest[:_STEP])
        del self._rest[:_STEP]
        if step:
            self._parse(step)
        if self._rest:
            self._loop.call_soon(self._parse_rest)
        else:
            self._resume_reading_for_buffer()

    def _parse(self, data: bytes) -> None:
        self._received += len(data)
        super().data_received(data)
        if self._received > LONGEST_HEAD and self._received > self._allowance:
            self._hang_up()

    @property
    def _allowance(self) -> int:
        body = self._payload
        if body is None or body is EMPTY_PAYLOAD or body is self._body_before:
            return LONGEST_HEAD
        return _FRAMING + (1 + _FRAMING_SHARE) * body.total_bytes

    def _hang_up(self) -> None:
        text = f"of {self._received} bytes hardly any belong to a response; a head may have {LONGEST_HEAD}"
        error = aiohttp.ClientPayloadError(text)
        self._rest.clear()
        if self._payload is not None and self._payload is not EMPTY_PAYLOAD:
            self._payload.set_exception(error)
        self.set_exception(error)
        if self.transport is not None:
            self.transport.abort()
