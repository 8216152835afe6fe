"""The command line as its users have it: a process of its own, with signals and pipes."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from tests import preloaded

ROOT = Path(__file__).parent.parent
# Warnings as errors: a socket or a coroutine left behind prints something. No development mode: it has asyncio log slow
# steps, and what is slow depends on the machine.
COMMAND = (sys.executable, "-W", "error", "-m", "crawler")


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The error, checked to be one line, and no traceback."""
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0]


async def start(
    *arguments: str,
    stdin: int = asyncio.subprocess.DEVNULL,
    stdout: int = asyncio.subprocess.PIPE,
    stderr: int = asyncio.subprocess.PIPE,
    cwd: Path = ROOT,
    own_group: bool = False,
) -> asyncio.subprocess.Process:
    """Start the command line; in a process group of its own where that is to get signals, as from a terminal."""
    return await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        cwd=cwd,
        process_group=0 if own_group else None,
        env=environment(),
    )


def environment() -> dict[str, str]:
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"TERM": "xterm", "PYTHONPATH": os.pathsep.join(filter(None, paths))}


async def finish(process: asyncio.subprocess.Process, stdin: str = "") -> Finished:
    """Wait for the end of a process; kill it where the test ends earlier."""
    try:
        out, err = await process.communicate(stdin.encode() if stdin else None)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Finished(process.returncode, (out or b"").decode(), (err or b"").decode())


async def run(*arguments: str, cwd: Path = ROOT) -> Finished:
    """Run the command line to its end, in a process that need not import it first."""
    return Finished(*await preloaded.run("-m", "crawler", *arguments, cwd=cwd, environment=environment()))
