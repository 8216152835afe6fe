"""Questions to whoever sits at the terminal."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable


def ask(question: str) -> str:
    """Return the answer to ``question``; empty where there is none, or nobody to ask."""

    def read() -> str:
        sys.stderr.write(question)
        sys.stderr.flush()
        return sys.stdin.readline().strip()

    return _answer(read)


def ask_secret(question: str) -> str:
    """Return the answer to ``question``, which is not shown; empty where there is none, or nobody to ask."""
    return _answer(lambda: getpass.getpass(question, stream=sys.stderr))


def _answer(read: Callable[[], str]) -> str:
    # Where a stream was closed, Python has none. Standard output may be a file or a pipe, and often is.
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)):
        return ""
    try:
        answer = read()
    except (EOFError, KeyboardInterrupt) as error:  # the cursor is still behind the question
        sys.stderr.write("\n")
        if isinstance(error, EOFError):
            return ""
        raise
    return answer
