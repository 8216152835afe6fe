"""The output of worker processes: it is logged line by line, and its end explains a death."""

from __future__ import annotations

import asyncio
import logging
import os
from multiprocessing.connection import Connection

_CHUNK = 65_536  # bytes; what a pipe holds on Linux
_CHUNKS_LEFT = 16  # chunks in a pipe at most: one on Linux, up to 1 MiB where an administrator allows more
_TAIL = 16_384  # bytes; a traceback of faulthandler has at most 100 lines
_LINE = 1000  # bytes of a line that are logged; arbitrary
_LINES_A_SECOND = 50  # arbitrary; more are counted and dropped, so that prints of a parser flood neither log nor disk

logger = logging.getLogger("crawler.worker")


class Output:
    """Reads a worker's standard output and error."""

    def __init__(self, pipe: Connection) -> None:
        """Begin to read ``pipe`` in the running loop."""
        self.worker = "new worker"  # its name in the log
        self.tail = b""
        self._pipe = pipe
        self._partial = b""
        self._second = 0.0
        self._lines = 0
        self._dropped = 0
        self._loop = asyncio.get_running_loop()
        os.set_blocking(pipe.fileno(), False)
        self._loop.add_reader(pipe.fileno(), self.read)

    def __repr__(self) -> str:
        return f"<Output of {self.worker}, {len(self.tail)} bytes in its tail>"

    def read(self) -> bool:
        """Read the bytes in the pipe; tell whether there were any."""
        if self._pipe.closed:
            return False
        try:
            data = os.read(self._pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return False
        if not data:
            self._loop.remove_reader(self._pipe.fileno())
            return False
        self.tail = (self.tail + data)[-_TAIL:]
        self._log(data)
        return True

    def drain(self) -> None:
        """Read the bytes that a dead worker has left in the pipe."""
        # No more than a pipe holds: a process that the parser has started may still run, and write for ever.
        for _ in range(_CHUNKS_LEFT):
            if not self.read():
                return

    def close(self) -> None:
        """Read the rest, and close the pipe."""
        if self._pipe.closed:
            return
        self.drain()
        self._loop.remove_reader(self._pipe.fileno())
        self._pipe.close()
        if self._partial:
            self._log(b"\n")
        self._say_dropped()

    def _log(self, data: bytes) -> None:
        *lines, partial = (self._partial + data).split(b"\n")
        self._partial = partial[: _LINE + 1]  # one more, to see that the line is too long
        now = self._loop.time()
        if now - self._second >= 1:
            self._say_dropped()
            self._second, self._lines = now, 0
        allowed = max(0, _LINES_A_SECOND - self._lines)
        for line in lines[:allowed]:
            text = line[:_LINE].decode("utf-8", "replace") + ("…" if len(line) > _LINE else "")
            logger.info("%s: %s", self.worker, text)
        self._lines += len(lines)
        self._dropped += max(0, len(lines) - allowed)

    def _say_dropped(self) -> None:
        if self._dropped:
            logger.warning("%s: %d more lines of its output were dropped", self.worker, self._dropped)
            self._dropped = 0
