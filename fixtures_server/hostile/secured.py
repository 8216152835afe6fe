"""TLS over a connection that is ours, so that closing the server ends handshakes, too.

`asyncio.Server` has a task of its own for each handshake, which nobody else can wait for.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import TypeVar

from .request import HEAD_BYTES

T = TypeVar("T")


class Secured:
    """Reads and writes through TLS; the server's side."""

    def __init__(self, context: ssl.SSLContext, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    async def shake_hands(self) -> None:
        """Shake hands; `ConnectionError` when the client does not like what it sees."""
        await self._do(self._tls.do_handshake)

    async def read_head(self) -> asyncio.StreamReader:
        """Read a request's head, and give it for reading; `ConnectionError` when there is none."""
        head = bytearray()
        while b"\r\n\r\n" not in head and len(head) < HEAD_BYTES:
            head += await self._do(lambda: self._tls.read(2**16))
        reader = asyncio.StreamReader(limit=HEAD_BYTES)
        reader.feed_data(bytes(head))
        reader.feed_eof()
        return reader

    async def send_last(self, data: bytes) -> None:
        """Send data, and say that it was all; `data` is small."""
        self._tls.write(data)
        with contextlib.suppress(ssl.SSLError):  # it wants to hear the client say the same
            self._tls.unwrap()
        await self._flush()

    async def _do(self, step: Callable[[], T]) -> T:
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                await self._flush()
            except ssl.SSLError as error:
                await self._flush()  # the alert that says why
                raise ConnectionError(str(error)) from error
            piece = await self._reader.read(2**16)
            if not piece:
                raise ConnectionError("the client left")
            self._incoming.write(piece)

    async def _flush(self) -> None:
        self._writer.write(self._outgoing.read())
        await self._writer.drain()
