"""The server in a process of its own, so that it does not share the crawler's event loop and processor."""

import json
from pathlib import Path
from types import TracebackType
from typing import Self

from .child import Child
from .counts import ServerStatistics
from .options import options_of
from .truth import Truth
from .web import Web


class ServerProcess:
    """Serves a synthetic web, or the folder `root`, from another process until its `async with` block ends.

    The process ends with this one however this one ends, since its standard input is a pipe from here.

    Raises `ValueError` unless there is exactly one of a web and a root; entering raises `OSError`, with the server's
    own words, when it does not start.
    """

    def __init__(
        self,
        web: Web | None = None,
        *,
        root: str | Path | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        if (web is None) == (root is None):
            raise ValueError("a server needs either a web or a root, and not both")
        self._web = web
        site = options_of(web) if web is not None else [f"--root={root}"]
        self._child = Child(f"--host={host}", f"--port={port}", *site)
        self._url = ""

    def __repr__(self) -> str:
        return f"<ServerProcess {self._url or 'not started'}>"

    async def __aenter__(self) -> Self:
        self._url = await self._child.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._child.end()

    @property
    def url(self) -> str:
        """The URL of the (first) front page."""
        return self._url

    @property
    def urls(self) -> tuple[str, ...]:
        """The URL of each host's front page."""
        return self._web.front_urls(self.authority) if self._web is not None else (self._url,)

    @property
    def authority(self) -> str:
        """What follows the hosts' labels in this server's URLs, such as `127.0.0.1:8080`; see `Web.url`."""
        return self._url.split("/")[2].removeprefix("site0.")

    @property
    def pid(self) -> int:
        """The server's process identifier."""
        return self._child.pid

    def truth(self) -> Truth:
        """Say what a crawl from `url` must find; `ValueError` for an endless web or a root. See `Web.truth`."""
        if self._web is None:
            raise ValueError("the truth is known of a synthetic web only")
        return self._web.truth(self.authority)

    async def statistics(self) -> ServerStatistics:
        """Ask the server for what it has counted so far."""
        statistics, _ = await self._ask()
        return statistics

    async def requests(self) -> dict[str, int]:
        """Ask the server how often each URL was asked for."""
        _, by_url = await self._ask()
        return by_url

    async def _ask(self) -> tuple[ServerStatistics, dict[str, int]]:
        values = json.loads(await self._child.ask("statistics"))
        by_url: dict[str, int] = values.pop("by_url")
        values["statuses"] = {int(status): count for status, count in values["statuses"].items()}
        return ServerStatistics(**values), by_url
