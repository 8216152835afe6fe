"""One request and what is sent for it, octet by octet."""

import asyncio
import enum
import socket
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .request import Request, RequestError
from .seen import Sightings

HTML = "text/html; charset=utf-8"
_AT_ONCE = 2**16  # bytes given to the transport in one go


@dataclass(frozen=True, slots=True)
class Places:
    """Where the server's listeners are."""

    url: str
    """The front page."""
    other_url: str
    """The front page on the second port, which is another origin."""
    internal_port: int
    """The port on loopback that counts who comes."""
    tls: Mapping[str, str]
    """URLs of the TLS listeners by what is wrong with them; those that need certificates may be missing."""

    @property
    def port(self) -> int:
        """The port of the front page."""
        return int(self.url.rstrip("/").rpartition(":")[2])


class Then(enum.Enum):
    """What becomes of the connection after an exchange."""

    KEEP = enum.auto()
    CLOSE = enum.auto()
    RESET = enum.auto()
    CLOSE_AT_NEXT = enum.auto()
    """It stays open, and is closed without an answer when the next request has come."""


class Exchange:
    """A request, and the wire on which to answer it.

    Behaviours send what they like with `send`; those that want to be understood use `answer`. The connection is closed
    afterwards unless `then` says otherwise. When the client goes away, the behaviour is cancelled.
    """

    def __init__(
        self, request: Request, writer: asyncio.StreamWriter, sightings: Sightings, places: Places, turn: int
    ) -> None:
        self.request = request
        self.places = places
        self.turn = turn
        """How many requests for the same URL came before this one."""
        self.then = Then.CLOSE
        self.unasked = b""
        """What to send when nothing else is asked on this connection."""
        self.idle_seconds = 0.0
        """After how many seconds."""
        self._writer = writer
        self._sightings = sightings

    def __repr__(self) -> str:
        return f"<Exchange {self.request.method} {self.request.target}>"

    # ── parameters ──

    def number(self, name: str, default: float, *, most: float = 2**53) -> float:
        """Give the query's parameter of this name: 0 to `most`; `RequestError` for anything else."""
        text = self.request.query.get(name)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = -1
        if not 0 <= value <= most:
            raise RequestError(f"{name} must be a number from 0 to {most:g}, not {text!r}")
        return value

    def whole(self, name: str, default: int, *, most: int = 2**53) -> int:
        """Give the query's parameter of this name as a whole number."""
        return int(self.number(name, default, most=most))

    def tail(self, address: str) -> str:
        """Give what follows `address` in the path."""
        return self.request.path.removeprefix(address)

    # ── sending ──

    async def send(self, data: bytes) -> None:
        """Send octets as they are; wait while the client does not take them. `ConnectionError` when it has gone."""
        for start in range(0, len(data), _AT_ONCE):
            piece = data[start : start + _AT_ONCE]
            self._writer.write(piece)
            self._sightings.bytes += len(piece)
            await self._writer.drain()
            await asyncio.sleep(0)  # a client in the same loop gets its turn, however much is to be sent

    async def flood(self, block: bytes, size: int) -> None:
        """Send `block` again and again, `size` bytes in all."""
        block *= max(1, _AT_ONCE // len(block))
        for _ in range(size // len(block)):
            await self.send(block)
        await self.send(block[: size % len(block)])

    async def trickle(self, data: bytes, seconds: float) -> None:
        """Send octet by octet, and wait `seconds` after each."""
        for octet in data:
            await self.send(bytes((octet,)))
            await asyncio.sleep(seconds)

    async def answer(
        self,
        body: bytes = b"",
        *,
        status: str = "200 OK",
        kind: str = HTML,
        fields: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Send a response without any fault, and keep the connection if the client does."""
        keeps = self.request.keeps_alive
        self.then = Then.KEEP if keeps else Then.CLOSE
        has_body = status[:3] not in {"204", "304"}  # RFC 9112 §6.3
        own = [("Content-Type", kind), ("Content-Length", str(len(body)))] if has_body else []
        connection = [] if keeps else [("Connection", "close")]
        await self.send(head(status, [*own, *fields, *connection]))
        if has_body and self.request.method != "HEAD":
            await self.send(body)

    def abort(self) -> None:
        """Cut the connection with a reset, so that the client's system knows that something went wrong."""
        wire = self._writer.get_extra_info("socket")
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


def head(status: str, fields: Sequence[tuple[str, str]] = ()) -> bytes:
    """Make the head of a response, the empty line included."""
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields)]
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1")


def chunk(data: bytes) -> bytes:
    """Frame data as one chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)
