"""A client of raw sockets, which takes what comes and judges nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from fixtures_server.hostile import BEHAVIOURS, HostileServer

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Heard:
    """What came, and how it ended: closed, reset, or still open when we had heard enough."""

    data: bytes
    end: str = "closed"

    @property
    def status(self) -> str:
        """The status line."""
        return self.data.split(b"\r\n", 1)[0].decode("latin-1")

    @property
    def head(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[0] + b"\r\n"

    @property
    def body(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[2]

    def values(self, name: str) -> list[str]:
        """The values of all fields of this name."""
        lines = [line.partition(":") for line in self.head.decode("latin-1").split("\r\n")[1:]]
        return [value.strip() for field, _, value in lines if field.lower() == name.lower()]

    def value(self, name: str) -> str:
        (value,) = self.values(name)
        return value


def request(target: str, host: str, *fields: str, method: str = "GET") -> bytes:
    return "\r\n".join((f"{method} {target} HTTP/1.1", f"Host: {host}", *fields, "", "")).encode()


async def hear(
    server: HostileServer, address: str, *fields: str, enough: int | None = None, method: str = "GET", port: int = 0
) -> Heard:
    """Ask for an address of the server, on a connection of its own, and take all, or ``enough`` bytes at least."""
    host, target = f"{LOOPBACK}:{server.port}", address
    if address.startswith("//"):
        name, _, path = address[2:].partition("/")
        host, target = f"{name}:{server.port}", f"/{path}"
    reader, writer = await asyncio.open_connection(LOOPBACK, port or server.port)
    try:
        writer.write(request(target, host, "Connection: close", *fields, method=method))
        return await taken(reader, enough)
    finally:
        writer.close()


async def taken(reader: asyncio.StreamReader, enough: int | None = None) -> Heard:
    data = bytearray()
    try:
        while enough is None or len(data) < enough:
            piece = await reader.read(2**16)
            if not piece:
                return Heard(bytes(data))
            data += piece
    except ConnectionError:
        return Heard(bytes(data), "reset")
    return Heard(bytes(data), "open")


async def response(reader: asyncio.StreamReader) -> Heard:
    """Read one response that has a Content-Length, and leave what follows."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(Heard(head).value("Content-Length"))
    return Heard(head + await reader.readexactly(length), "open")


async def until(happened: Callable[[], bool]) -> None:
    """Let the loop go on until something has happened in it; the test's time-out is the limit."""
    for _ in iter(happened, True):
        await asyncio.sleep(0)


def addresses(family: str) -> list[str]:
    return [address for address in BEHAVIOURS if address.startswith(f"/{family}/")]
