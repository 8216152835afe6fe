"""Questions to the user at the terminal."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable


def ask(question: str) -> str:
    """Return the user's answer to ``question``; empty if there is no answer or no terminal."""

    def read() -> str:
        sys.stderr.write(question)
        sys.stderr.flush()
        return sys.stdin.readline().strip()

    return _answer(read)


def ask_secret(question: str) -> str:
    """Return the user's answer to ``question``, without echo; empty if there is no answer or no terminal."""
    return _answer(lambda: getpass.getpass(question, stream=sys.stderr))


def _answer(read: Callable[[], str]) -> str:
    # Python sets a closed stream to None. Standard output need not be a terminal: it is often a file or a pipe.
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
