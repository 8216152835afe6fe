"""Pages in quarantine, and how to look at them."""

from __future__ import annotations

import shlex

from crawler.models import Failure


def replay_command(failure: Failure, parser: str = "") -> str:
    """Return the command that parses a page in quarantine again; empty where its body is not kept.

    Args:
        failure: The page.
        parser: The file or module of the parser; empty where ``crawler replay`` finds it by its name.
    """
    if not failure.saved:
        return ""
    words = ["crawler", "replay", failure.saved, *(["--parser", parser] if parser else [])]
    return shlex.join(words)


def in_one_line(failure: Failure, parser: str = "") -> str:
    """Return what happened to a page in quarantine, and what to do; for the arguments, see `replay_command`."""
    command = replay_command(failure, parser)
    remedy = f"look into it: {command}" if command else "its body is not kept"
    return f"quarantined {failure.url}: {failure.message}; {remedy}"
