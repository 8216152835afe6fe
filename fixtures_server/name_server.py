"""A name server on loopback: it says what a test wants, late or never where that is wanted.

``python -m fixtures_server.name_server`` prints its address, and knows no name, until its standard input ends.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

_A, _AAAA = 1, 28  # RFC 1035 §3.2.2, RFC 3596 §2.1
_OK, _SERVER_FAILURE, _NO_SUCH_NAME = 0, 2, 3  # RFC 1035 §4.1.1
_BUFFER_BYTES = 2**22  # for thousands of questions at once


@dataclass(slots=True)
class NameServer:
    """What a name server says.

    Attributes:
        address: Where it listens, as ``Network.nameservers`` wants it.
        names: Addresses of names; for all others there is no such name.
        seconds: How long answers may be believed.
        hanging: Names beginning so are never answered.
        failing: Names beginning so have failing name servers.
        asked: Each question, as name and kind.
        heard: Set with the first.
        open: Set while answers are sent; cleared, they are kept back until it is set.
    """

    address: str = ""
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    seconds: int = 60
    hanging: str = "hanging"
    failing: str = "failing"
    asked: list[tuple[str, int]] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def questions(self, name: str) -> int:
        """How often ``name`` was asked for, for addresses of either kind."""
        return max((sum(asked == (name, kind) for asked in self.asked) for kind in (_A, _AAAA)), default=0)

    def answer(self, data: bytes) -> bytes | None:
        """Return the answer to a question, or ``None`` for none."""
        name, end = _name_in(data)
        (kind,) = struct.unpack_from(">H", data, end)
        self.asked.append((name, kind))
        self.heard.set()
        if name.startswith(self.hanging):
            return None
        code = _SERVER_FAILURE if name.startswith(self.failing) else _OK if name in self.names else _NO_SUCH_NAME
        records = [_record(packed, self.seconds) for packed in self._packed(name) if len(packed) == _LENGTHS.get(kind)]
        head = data[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(records), 0, 0)
        return head + data[12 : end + 4] + b"".join(records)

    def _packed(self, name: str) -> list[bytes]:
        return [ip_address(address).packed for address in self.names.get(name, ())]


_LENGTHS = {_A: 4, _AAAA: 16}


def _name_in(data: bytes) -> tuple[str, int]:
    labels: list[bytes] = []
    position = 12
    while length := data[position]:
        labels.append(data[position + 1 : position + 1 + length])
        position += 1 + length
    return b".".join(labels).decode().lower(), position + 1


def _record(packed: bytes, seconds: int) -> bytes:
    kind = _A if len(packed) == _LENGTHS[_A] else _AAAA
    return b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, seconds, len(packed)) + packed


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server
        self._waiting: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.DatagramTransport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        answer = self._server.answer(data)
        if answer is None:
            return
        if self._server.open.is_set():
            self._transport.sendto(answer, addr)
            return
        task = asyncio.ensure_future(self._send_later(answer, addr))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _send_later(self, answer: bytes, addr: Any) -> None:
        await self._server.open.wait()
        if not self._transport.is_closing():
            self._transport.sendto(answer, addr)

    def connection_lost(self, error: Exception | None) -> None:
        del error
        for task in self._waiting:
            task.cancel()


@asynccontextmanager
async def name_server(names: dict[str, tuple[str, ...]] | None = None) -> AsyncIterator[NameServer]:
    """Run a name server on loopback."""
    server = NameServer(names=names or {})
    server.open.set()
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    sock.bind(("127.0.0.1", 0))
    server.address = f"127.0.0.1:{sock.getsockname()[1]}"
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: _Protocol(server), sock=sock)
    try:
        yield server
    finally:
        transport.close()


async def _serve() -> None:
    async with name_server() as server:
        print(server.address, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
