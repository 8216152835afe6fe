"""What a client asked for: HTTP/1.x as far as a server of oddities needs it."""

import asyncio
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl, urlsplit

Fields = tuple[tuple[str, str], ...]

HEAD_BYTES = 2**18  # of a request's head, arbitrary: clients send less than a kilobyte
_MOST_BODY_BYTES = 2**24


class RequestError(ValueError):
    """What the client sent is no request, or asks for something out of range; the message is for its author."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; names of header fields in small letters."""

    method: str
    target: str
    """What stands in the request line: path and query, as they came."""
    version: str
    fields: Fields
    body: bytes = b""

    @classmethod
    async def read(cls, reader: asyncio.StreamReader) -> Self | None:
        """Read the next request; `None` when the client has gone, or has sent more or less than a request's head."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            return None
        line, *rest = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        method, _, target_and_version = line.partition(" ")
        target, _, version = target_and_version.rpartition(" ")
        fields = tuple((name.lower(), value.strip()) for name, _, value in (field.partition(":") for field in rest))
        length = dict(fields).get("content-length", "0")
        if not target or not length.isdecimal() or int(length) > _MOST_BODY_BYTES:
            raise RequestError(f"no request: {line!r}, Content-Length {length!r}")
        return cls(method, target, version, fields, await reader.readexactly(int(length)))

    def values(self, name: str) -> tuple[str, ...]:
        """Give the values of all fields of this name (in small letters)."""
        return tuple(value for field, value in self.fields if field == name)

    @property
    def host(self) -> str:
        """The Host field, port and all; empty without one."""
        return next(iter(self.values("host")), "")

    @property
    def hostname(self) -> str:
        """The Host field without its port."""
        name, colon, port = self.host.rpartition(":")
        return (name if colon and port.isdecimal() else self.host).lower()

    @property
    def path(self) -> str:
        """The path, percent signs and all."""
        target = self.target
        return urlsplit(target).path or "/" if "://" in target else target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """The parameters after the question mark."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @property
    def keeps_alive(self) -> bool:
        """Whether the client wants to ask more on this connection (RFC 9112 §9.3)."""
        options = {option.strip().lower() for value in self.values("connection") for option in value.split(",")}
        return "keep-alive" in options if self.version == "HTTP/1.0" else "close" not in options
