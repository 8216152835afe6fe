"""The server of a benchmark, in a process of its own so that it does not share the crawler's processor."""

from __future__ import annotations

import asyncio
import sys

_LOG_BYTES = 2**26  # of one line of output; arbitrary, a log of a million requests is shorter


async def start_server(module: str, *options: str) -> tuple[asyncio.subprocess.Process, int]:
    """Start ``python -m module --serve``; return its process and the port that it prints first.

    It ends when its standard input does: at ``communicate(b"")``, or with this process.
    """
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", module, "--serve", *options)
    server = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=_LOG_BYTES)
    if server.stdout is None:
        raise RuntimeError("the server has no output")
    return server, int(await server.stdout.readline())
