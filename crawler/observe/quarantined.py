"""Messages about pages in quarantine, with the command to replay them."""

from __future__ import annotations

import shlex

from crawler.models import Failure


def replay_command(failure: Failure, parser: str = "") -> str:
    """Return the command that parses a page in quarantine again; empty if its body was not saved.

    Args:
        failure: The failure of the page.
        parser: The file or module of the parser; empty if ``crawler replay`` finds the parser by its name.
    """
    if not failure.saved:
        return ""
    words = ["crawler", "replay", failure.saved, *(["--parser", parser] if parser else [])]
    return shlex.join(words)


def in_one_line(failure: Failure, parser: str = "") -> str:
    """Return in one line why a page is in quarantine, and what to do. For the arguments, see `replay_command`."""
    command = replay_command(failure, parser)
    remedy = f"look into it: {command}" if command else "its body is not saved"
    return f"quarantined {failure.url}: {failure.message}; {remedy}"
