"""The command line with a terminal on its standard input and error, and a person at it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests import preloaded
from tests.cli_process import COMMAND, ROOT, Finished, finish

# Makes a terminal the one that controls this process, so that Ctrl-C is a signal; then becomes another program. Where
# the tests run in the background of a shell, they have that signal ignored, and would hand that down.
_TAKE_CONTROL = """
import fcntl, os, signal, sys, termios
signal.signal(signal.SIGINT, signal.SIG_DFL)
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
_PATIENCE = 5.0  # seconds of a person who has pressed a key
_NOT_INHERITED = ("CRAWLER_CONTACT", "CRAWLER_PASSWORD")  # whoever runs the tests may have set them


class Terminal:
    """What a person sees of a process, and types. Its standard output is a pipe."""

    def __init__(self, process: asyncio.subprocess.Process, end: int) -> None:
        self.shown = ""
        self._process = process
        self._end = end

    async def until(self, text: str) -> None:
        """Read until ``text`` is shown."""
        while text not in self.shown:
            self.shown += (await asyncio.to_thread(os.read, self._end, 65536)).decode()

    async def type(self, text: str) -> None:
        await asyncio.to_thread(os.write, self._end, text.encode())

    async def finish_by(self, key: str) -> Finished:
        """Press ``key``, again and again if need be, until the process ends.

        A signal that comes right before Python begins to read is only seen when that ends: a person presses again.
        """
        finishing = asyncio.create_task(self.finish())
        while not finishing.done():
            with suppress(OSError):  # it has just ended
                await self.type(key)
            await asyncio.wait((finishing,), timeout=_PATIENCE)
        return await finishing

    async def finish(self) -> Finished:
        """Wait for the end of the process."""
        reading = asyncio.create_task(asyncio.to_thread(_rest, self._end))
        done = await finish(self._process)
        self.shown += await reading
        return done


@asynccontextmanager
async def terminal(
    *arguments: str, stdout: int | None = asyncio.subprocess.PIPE, **environment: str
) -> AsyncIterator[Terminal]:
    """Start the command line on a terminal of its own, away from the one that the tests run on.

    Its standard output is ``stdout``; ``None`` shows that on the terminal, too.
    """
    ours, its = os.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _TAKE_CONTROL, *COMMAND),
        *arguments,
        stdin=its,
        stdout=its if stdout is None else stdout,
        stderr=its,
        cwd=ROOT,
        env=plain_environment(**{"TERM": "xterm", **environment}),
        start_new_session=True,
    )
    os.close(its)
    try:
        yield Terminal(process, ours)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(ours)


async def run_with(environment: Mapping[str, str], *arguments: str, cwd: Path = ROOT) -> Finished:
    """Run the command line to its end, without a terminal and with these environment variables."""
    given = plain_environment(**environment)
    return Finished(*await preloaded.run("-m", "crawler", *arguments, cwd=cwd, environment=given))


def plain_environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
    paths = filter(None, [str(ROOT), kept.get("PYTHONPATH", "")])
    return {**kept, "TERM": "dumb", "PYTHONPATH": os.pathsep.join(paths), **more}


def _rest(end: int) -> str:
    shown = b""
    try:
        while some := os.read(end, 65536):
            shown += some
    except OSError:  # EIO, which is a terminal's end of file
        pass
    return shown.decode()
