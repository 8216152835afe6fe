"""The server in a process of its own, so that it does not share the crawler's event loop and processor."""

import asyncio
import json
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from .counts import ServerStatistics
from .options import options_of
from .truth import Truth
from .web import Web

_PATIENCE = 5.0  # seconds from a polite request to end until a kill; closing takes 0.5 s at most


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
        self._options = ["--exit-with-parent", f"--host={host}", f"--port={port}", *site]
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._url = ""

    def __repr__(self) -> str:
        return f"<ServerProcess {self._url or 'not started'}>"

    async def __aenter__(self) -> Self:
        command = (sys.executable, "-m", "fixtures_server", *self._options)
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, stderr=pipe, limit=2**26, env=_environment()
        )
        try:
            self._url = (await self._read_line()).decode().strip()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        said = await self._end()
        if said:
            sys.stderr.write(said)

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
        return self._running().pid

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
        async with self._turn:  # one question at a time, or the answers get mixed up
            stdin = self._running().stdin
            assert stdin is not None  # noqa: S101 - for mypy; it was asked for
            stdin.write(b"statistics\n")
            await stdin.drain()
            values = json.loads(await self._read_line())
        by_url: dict[str, int] = values.pop("by_url")
        values["statuses"] = {int(status): count for status, count in values["statuses"].items()}
        return ServerStatistics(**values), by_url

    async def _read_line(self) -> bytes:
        process = self._running()
        assert process.stdout is not None  # noqa: S101 - for mypy; it was asked for
        assert process.stderr is not None  # noqa: S101
        line = await process.stdout.readline()
        if not line:
            said = (await process.stderr.read()).decode(errors="replace").strip()
            raise OSError(f"the server process ended: {said or 'it did not say why'}")
        return line

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError("the server process runs inside `async with` only")
        return self._process

    async def _end(self) -> str:
        """Ask the process to end, insist if need be, and give what it had to say on standard error."""
        process, self._process = self._running(), None
        try:
            if process.returncode is None:
                process.terminate()
            async with asyncio.timeout(_PATIENCE):
                _, said = await process.communicate()
        except BaseException:
            if process.returncode is None:
                process.kill()
            await process.wait()
            raise
        return said.decode(errors="replace")


def _environment() -> dict[str, str]:
    """Let the other process find this package where this one found it."""
    found = [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, found))}
