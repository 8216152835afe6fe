"""The bytes that come over a connection, in bounds: aiohttp's protocol, which has none.

A server can send interim responses, empty chunks and chunk extensions for ever, a million in a packet. None of it is
ever a byte of a body, so nothing that counts bodies sees it; and all of one packet is parsed in one go.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.streams import EMPTY_PAYLOAD

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ConnectionKey
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

_STEP = 32 * 2**10  # bytes that are parsed in a turn of the loop; 17 ms where each byte is a chunk of its own
_LONGEST_HEAD = 64 * 2**10  # bytes, interim responses included; arbitrary. Servers send 8 kB at most, by default
_FRAMING = 2**20  # bytes that may come for nothing, beside as many as the body has; arbitrary
_FRAMING_SHARE = 3  # bytes for each byte of a body; chunks of four bytes have 2.5


class BoundedProtocol(ResponseHandler):
    """One connection. Parses what comes in steps, and hangs up where too little of it is a response."""

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

    def data_received(self, data: bytes) -> None:
        """Parse the first step of ``data``, and what is left in the next turns of the loop."""
        if self._rest:  # the order matters
            self._rest += data
        elif len(data) <= _STEP:
            self._parse(data)
        else:
            self._rest += data
            self._pause_reading_for_buffer()
            self._go_on()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Parse what is left, then end."""
        rest, self._rest = bytes(self._rest), bytearray()
        if rest:
            self._parse(rest)
        super().connection_lost(exc)

    def _go_on(self) -> None:
        step = bytes(self._rest[:_STEP])
        del self._rest[:_STEP]
        if step:
            self._parse(step)
        if self._rest:
            self._loop.call_soon(self._go_on)
        else:
            self._resume_reading_for_buffer()

    def _parse(self, data: bytes) -> None:
        self._received += len(data)
        super().data_received(data)
        if self._received > _LONGEST_HEAD and self._received > self._allowance:
            self._hang_up()

    @property
    def _allowance(self) -> int:
        body = self._payload
        if body is None or body is EMPTY_PAYLOAD or body is self._body_before:
            return _LONGEST_HEAD
        return _FRAMING + (1 + _FRAMING_SHARE) * body.total_bytes

    def _hang_up(self) -> None:
        error = aiohttp.ClientPayloadError(f"of {self._received} bytes hardly any belong to a response")
        self._rest.clear()
        if self._payload is not None and self._payload is not EMPTY_PAYLOAD:
            self._payload.set_exception(error)
        self.set_exception(error)
        if self.transport is not None:
            self.transport.abort()


class Connector(aiohttp.TCPConnector):
    """aiohttp's connector, whose connections are bounded, and not used again once something came over them unasked."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # There is no public way; tests watch it.
        self._factory = cast("partial[ResponseHandler]", partial(BoundedProtocol, loop=self._loop))

    async def _get(self, key: ConnectionKey, traces: list[Trace]) -> Connection | None:
        while (connection := await super()._get(key, traces)) is not None:
            protocol = connection.protocol
            # What came while it was idle would be taken for the answer to the next request.
            if protocol is not None and not protocol.should_close:
                return connection
            connection.close()
        return None
