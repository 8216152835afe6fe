"""What worker processes print: read without waiting, logged line by line, the last of it kept to explain a death."""

from __future__ import annotations

import asyncio
import logging
import os
from multiprocessing.connection import Connection

_CHUNK = 65_536  # bytes; what a pipe holds on Linux
_CHUNKS_LEFT = 16  # chunks in a pipe at most: one on Linux, up to 1 MiB where an administrator allows more
_KEPT = 16_384  # bytes; a traceback of faulthandler has at most 100 lines
_LINE = 1000  # bytes of a line that are logged; arbitrary
_LINES_A_SECOND = 50  # arbitrary; more is counted and dropped, so that a parser that prints floods neither log nor disk

logger = logging.getLogger("crawler.worker")


class Output:
    """The reading end of a worker's standard output and error."""

    def __init__(self, pipe: Connection) -> None:
        """Begin to read ``pipe`` in the running loop."""
        self.worker = "new worker"  # how the log calls it
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
        return f"<Output of {self.worker}, {len(self.tail)} bytes kept>"

    def read(self) -> bool:
        """Read what is there; tell whether there was anything."""
        if self._pipe.closed:
            return False
        try:
            data = os.read(self._pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return False
        if not data:
            self._loop.remove_reader(self._pipe.fileno())
            return False
        self.tail = (self.tail + data)[-_KEPT:]
        self._log(data)
        return True

    def drain(self) -> None:
        """Read what a worker that is dead has left."""
        # No more than the pipe holds: a process that the parser has started may live on, and write for ever.
        for _ in range(_CHUNKS_LEFT):
            if not self.read():
                return

    def close(self) -> None:
        """Read what is left, and close the pipe."""
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
        self._partial = partial[: _LINE + 1]  # one more, so that it is seen to be too long
        now = self._loop.time()
        if now - self._second >= 1:
            self._say_dropped()
            self._second, self._lines = now, 0
        room = max(0, _LINES_A_SECOND - self._lines)
        for line in lines[:room]:
            text = line[:_LINE].decode("utf-8", "replace") + ("…" if len(line) > _LINE else "")
            logger.info("%s: %s", self.worker, text)
        self._lines += len(lines)
        self._dropped += max(0, len(lines) - room)

    def _say_dropped(self) -> None:
        if self._dropped:
            logger.warning("%s: %d more lines of its output were dropped", self.worker, self._dropped)
            self._dropped = 0
