"""Programs in processes of their own that need not import the crawler first: each is forked from one that has.

A program that is started takes 0.6 s of CPU until it has imported all that it needs, and the suite starts hundreds. So
where the start itself is not the subject, `run` has them forked from a process that has done so: single-threaded,
without an event loop, with the same interpreter and ``-W error``. From there on all is as with a process that was
started: arguments, environment, folder, standard streams, exit code, workers of its own, complaints at the end.
"""

from __future__ import annotations

import array
import asyncio
import atexit
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-W", "error", "-m", "tests.preloaded")
_LATER = (
    *("crawler.fetching.fetcher", "crawler.fetching.cache", "encodings.idna", "rich.markdown", "secrets", "uvloop"),
    *("pydantic.fields", "pydantic.json_schema", "pydantic.main", "pydantic.type_adapter", "pydantic.types"),
)
"""What the crawler imports when it first needs it."""
_MOST = 2**20  # bytes of one order; arbitrary


async def run(*arguments: str, cwd: Path, environment: Mapping[str, str], stdin: str = "") -> tuple[int, str, str]:
    """Run ``python ARGUMENTS`` to its end: ``-m``, a module and its arguments, or a file and its arguments.

    Returns:
        Exit code, standard output and standard error; the code of a process that was ended by a signal is negative.
    """
    if sys.platform != "linux":
        return await _started(*arguments, cwd=cwd, environment=environment, stdin=stdin)
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin.encode())
        given.seek(0)
        order = {"arguments": arguments, "cwd": str(cwd), "environment": dict(environment)}
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(_address())
            streams = array.array("i", [given.fileno(), out.fileno(), err.fileno()])
            connection.sendmsg([json.dumps(order).encode() + b"\n"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
            connection.setblocking(False)
            answer = await asyncio.get_running_loop().sock_recv(connection, 100)
        said = []
        for stream in (out, err):
            stream.seek(0)
            said.append(stream.read().decode())
    return int(answer), said[0], said[1]


async def _started(*arguments: str, cwd: Path, environment: Mapping[str, str], stdin: str) -> tuple[int, str, str]:
    """Do the same with a process that is started."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *COMMAND[:3], *arguments, cwd=cwd, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
    )
    out, err = await process.communicate(stdin.encode())
    return process.returncode or 0, out.decode(), err.decode()


@cache
def _address() -> str:
    """Start the process that all others are forked from, once; return the address at which it takes orders."""
    address = f"\0crawler-tests-{os.getpid()}"  # abstract: no file, and gone with the process
    pipe = subprocess.PIPE
    parent = subprocess.Popen([*COMMAND, address[1:]], stdin=pipe, stdout=pipe, start_new_session=True)
    atexit.register(parent.communicate)  # it ends when its standard input does
    assert parent.stdout is not None
    parent.stdout.readline()  # it listens
    return address


# ── in the process that others are forked from ──


def _serve(name: str) -> dict[str, Any] | None:
    """Take orders until standard input ends; return one in each process that is forked for it."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"\0{name}")
        listening.listen(64)
        print("listening", flush=True)
        while True:
            ready, _, _ = select.select([listening.fileno(), 0], [], [])
            if 0 in ready:
                return None
            connection, _ = listening.accept()
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            with connection:
                if not os.fork():
                    connection = connection.dup()
                    break
    return _attended(connection)


def _attended(connection: socket.socket) -> dict[str, Any]:
    """Fork once more: return the order in the process that carries it out; the other answers with its exit code."""
    with connection:
        data, ancillary, _, _ = connection.recvmsg(_MOST, socket.CMSG_SPACE(3 * array.array("i").itemsize))
        while not data.endswith(b"\n"):
            data += connection.recv(_MOST)
        streams = array.array("i", ancillary[0][2])
        pid = os.fork()
        if not pid:
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
                os.close(stream)
            order: dict[str, Any] = json.loads(data)
            return order
        ready, _, _ = select.select([os.pidfd_open(pid), connection.fileno()], [], [])
        if connection.fileno() in ready:  # nobody waits for it any more
            os.kill(pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with suppress(OSError):
            connection.send(str(code).encode())
    os._exit(0)


def _carry_out(order: dict[str, Any]) -> None:
    """Become the program that was ordered."""
    os.setsid()
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["cwd"])
    first, *rest = order["arguments"]
    if first == "-m":
        sys.argv = rest
        sys.path[0] = order["cwd"]
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = [first, *rest]
        sys.path[0] = str(Path(first).parent)
        runpy.run_path(first, run_name="__main__")


def _preload() -> None:
    """Import what programs need, and nothing that starts a thread or looks at the terminal."""
    for name in ("crawler.cli.commands", "fixtures_server", *_LATER):
        import_module(name)
    gc.collect()
    gc.freeze()  # so that the collector leaves alone what all processes share


if __name__ == "__main__":
    _preload()
    if order := _serve(sys.argv[1]):
        _carry_out(order)
