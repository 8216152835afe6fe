"""Questions to whoever sits at the terminal."""

from __future__ import annotations

import getpass
import sys


def ask(question: str) -> str:
    """Return the answer to ``question``; empty where there is none, or nobody to ask."""
    if not _is_interactive():
        return ""
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def ask_secret(question: str) -> str:
    """Return the answer to ``question``, which is not shown; empty where there is none, or nobody to ask."""
    if not _is_interactive():
        return ""
    try:
        return getpass.getpass(question, stream=sys.stderr)
    except EOFError:
        return ""


def _is_interactive() -> bool:
    # Where a stream was closed, Python has none. Standard output may be a file or a pipe, and often is.
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))
