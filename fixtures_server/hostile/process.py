"""The hostile server in a process of its own, so that the crawler's figures are the crawler's."""

import json
from dataclasses import asdict, fields
from types import MappingProxyType, TracebackType
from typing import Any, Self

from fixtures_server.child import Child

from .catalogue import url_of
from .exchange import Places
from .seen import HostileStatistics, Seen
from .server import HostileServer


class HostileProcess:
    """A `HostileServer` in another process until its `async with` block ends; the questions are `await`ed.

    The process ends with this one however this one ends, since its standard input is a pipe from here.

    Entering raises `OSError`, with the server's own words, when it does not start.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._child = Child("--hostile", f"--host={host}", f"--port={port}")
        self._places: Places | None = None
        self.ca_pem = b""
        """The authority that vouches for the TLS ports, as PEM; empty where there are no certificates."""
        self.tls_missing = ""
        """Why TLS ports are missing; empty when none is."""

    def __repr__(self) -> str:
        return f"<HostileProcess {self._places.url if self._places else 'not started'}>"

    async def __aenter__(self) -> Self:
        await self._child.start()
        try:
            said = await self._ask("places")
        except BaseException:
            await self._child.end()
            raise
        self._places = Places(**said["places"] | {"tls": MappingProxyType(said["places"]["tls"])})
        self.ca_pem, self.tls_missing = said["ca_pem"].encode(), said["tls_missing"]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._child.end()

    @property
    def places(self) -> Places:
        """Where the listeners are; `RuntimeError` before they are."""
        if self._places is None:
            raise RuntimeError("the server process runs inside `async with` only")
        return self._places

    @property
    def url(self) -> str:
        """The URL of the front page."""
        return self.places.url

    @property
    def pid(self) -> int:
        """The server's process identifier."""
        return self._child.pid

    def url_of(self, address: str) -> str:
        """Give the URL of an address, as `HostileServer.url_of`."""
        return url_of(address, self.places)

    async def statistics(self) -> HostileStatistics:
        """Ask for the counts so far."""
        return HostileStatistics(**await self._ask("statistics"))

    async def requests(self) -> dict[str, int]:
        """Ask how often each URL was asked for."""
        by_url: dict[str, int] = await self._ask("requests")
        return by_url

    async def log(self) -> tuple[Seen, ...]:
        """Ask for the last 50,000 requests; their times are those of this machine's monotonic clock."""
        seen = await self._ask("log")
        return tuple(Seen(**one | {"fields": tuple((name, value) for name, value in one["fields"])}) for one in seen)

    async def _ask(self, question: str) -> Any:
        return json.loads(await self._child.ask(question))


def answer(server: HostileServer, question: str) -> str:
    """Answer one of `HostileProcess`'s questions, in the other process; statistics for whatever else is asked."""
    match question:
        case "places":
            places = {field.name: getattr(server.places, field.name) for field in fields(Places)}
            places["tls"] = dict(server.places.tls)  # asdict copies it, and a proxy cannot be copied
            known = {"places": places, "ca_pem": server.ca_pem.decode(), "tls_missing": server.tls_missing}
            return json.dumps(known)
        case "requests":
            return json.dumps(dict(server.requests))
        case "log":
            return json.dumps([asdict(seen) for seen in server.log])
        case _:
            return json.dumps(asdict(server.statistics()))
