"""A connection that ends with its client, not at the next attempt to write to it."""

import asyncio
from collections.abc import Awaitable, Callable

from .request import HEAD_BYTES
from .seen import Sightings

Converse = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Wire(asyncio.StreamReaderProtocol):
    """One connection, with a task that converses on it and is cancelled when the client goes away."""

    def __init__(self, converse: Converse, wires: "set[Wire]", sightings: Sightings) -> None:
        super().__init__(asyncio.StreamReader(limit=HEAD_BYTES), self._begin)
        self._converse, self._wires, self._sightings = converse, wires, sightings
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._conversation: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._wires.add(self)
        self._sightings.opened()
        self._writer = writer
        self._conversation = asyncio.get_running_loop().create_task(self._run(reader, writer))
        self._conversation.add_done_callback(lambda _: self._settle())

    async def _run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._converse(reader, writer)
        except ConnectionError:
            pass  # the client has had enough
        finally:
            writer.close()

    def eof_received(self) -> bool:
        """Take the end of what the client sends for the end of its interest: nobody asks and then closes half."""
        super().eof_received()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """End the conversation, wherever it is."""
        super().connection_lost(exc)
        self._sightings.closed()
        if self._conversation is not None:
            self._conversation.cancel()
        if not self._lost.done():
            self._lost.set_result(None)
        self._settle()

    def _settle(self) -> None:
        """Be forgotten once neither the connection nor the task is there any more."""
        if self._lost.done() and (self._conversation is None or self._conversation.done()):
            self._wires.discard(self)

    async def end(self) -> None:
        """Cut the connection, and wait until nothing of it is left."""
        if self._writer is None or self._conversation is None:
            return
        self._writer.transport.abort()
        await self._lost
        await asyncio.wait((self._conversation,))
