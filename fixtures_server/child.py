"""Another process that is asked questions in lines of text, and ends with this one however this one ends."""

import asyncio
import os
import sys
from pathlib import Path

_PATIENCE = 5.0  # seconds from a polite request to end until a kill; closing takes 0.5 s at most
_LINE_BYTES = 2**28  # the longest answer: a log of 50,000 requests


class Child:
    """This package's command line in a process of its own; start it, ask it, end it."""

    def __init__(self, *options: str) -> None:
        self._options = ("--exit-with-parent", *options)
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<Child {self._process.pid if self._process else 'not started'}>"

    @property
    def pid(self) -> int:
        """The process identifier."""
        return self._running().pid

    async def start(self) -> str:
        """Start the process and give the line that it announces itself with; `OSError` when it ends instead."""
        command = (sys.executable, "-m", "fixtures_server", *self._options)
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, stderr=pipe, limit=_LINE_BYTES, env=_environment()
        )
        try:
            return (await self._read_line()).decode().strip()
        except BaseException:
            await self.end()
            raise

    async def ask(self, question: str) -> bytes:
        """Send a line and give the line that comes back; `OSError` when the process has ended."""
        async with self._turn:  # one question at a time, or the answers get mixed up
            stdin = self._running().stdin
            assert stdin is not None  # noqa: S101 - for mypy; it was asked for
            stdin.write(f"{question}\n".encode())
            await stdin.drain()
            return await self._read_line()

    async def end(self) -> None:
        """Ask the process to end, insist if need be, and repeat what it had to say on standard error."""
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
        sys.stderr.write(said.decode(errors="replace"))

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


def _environment() -> dict[str, str]:
    """Let the other process find this package where this one found it."""
    found = [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, found))}
