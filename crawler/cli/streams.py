"""Standard streams that are closed, as by ``>&-``, or in a daemon."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

# The wrong direction: what wants to read from closed standard input, or to write to closed standard output, fails and
# loses nothing without a word. Messages for closed standard error are for nobody, and the crawl goes on.
_OPENED = (os.O_WRONLY, os.O_RDONLY, os.O_WRONLY)


def open_standard_streams() -> None:
    """Open the standard streams that are closed; otherwise files of the crawl would get their descriptors."""
    for descriptor, flags in enumerate(_OPENED):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, flags)  # takes the lowest free number, which is this one
    # Python has none for what was closed when it began.
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115


def drop_standard_output() -> None:
    """Let nothing more be written to standard output: the interpreter would try to when it ends, and complain."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
    with suppress(OSError):
        sys.stdout.flush()
