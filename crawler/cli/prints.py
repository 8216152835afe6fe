"""The prints of parsers, which go to the log, so that they mix neither with items nor with the live display."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stdout

_PRINTS = "crawler.worker"  # the logger for prints in workers

_DUMP_BEGINS = re.compile(r"Fatal Python error: |Timeout \(\d+:\d\d:\d\d(\.\d+)?\)!$")
_DUMP_GOES_ON = re.compile(
    r"$|Python runtime state: |Current thread|Thread 0x|  File |  Binary file |  <|  \.\.\.|Extension modules: "
)


class CrashDumps(logging.Filter):
    """Filters the tracebacks of dying workers, some forty lines each, out of a log; each is in the page's failure."""

    def __init__(self) -> None:
        super().__init__()
        self._dying: set[object] = set()

    def __repr__(self) -> str:
        return f"<CrashDumps of {len(self._dying)} workers>"

    def filter(self, record: logging.LogRecord) -> bool:
        """Return false for a line of a traceback by faulthandler, and true for any other record."""
        if record.name != _PRINTS or not isinstance(record.args, tuple) or len(record.args) != 2:
            return True
        worker, line = record.args
        if _DUMP_BEGINS.match(str(line)):
            self._dying.add(worker)
        elif not _DUMP_GOES_ON.match(str(line)):
            self._dying.discard(worker)
        return worker not in self._dying


class LoggedPrints(io.TextIOBase):
    """A standard output whose lines go to the log, as those of worker processes do.

    For parsers that run in this process: in threads, inline, or as ``async def``.
    """

    def __init__(self) -> None:
        self._partial = ""
        self._logger = logging.getLogger(_PRINTS)

    def __repr__(self) -> str:
        return "<LoggedPrints>"

    def writable(self) -> bool:
        """Return true."""
        return True

    def write(self, text: str) -> int:
        """Log the lines of ``text`` that are complete."""
        *lines, self._partial = (self._partial + text).split("\n")
        for line in lines:
            self._logger.info("%s: %s", "parser", line)
        return len(text)

    def close(self) -> None:
        """Log the last line, if it is not complete."""
        if self._partial:
            self.write("\n")
        super().close()


@contextmanager
def prints_logged(*, wanted: bool) -> Iterator[None]:
    """Log the prints of this process, if that is ``wanted`` because standard output is for something else."""
    if not wanted:
        yield
        return
    with closing(LoggedPrints()) as lines, redirect_stdout(lines):
        yield
