"""The command line: ``crawler run``, ``site``, ``fetch``, ``replay``, ``reparse``, and the commands for state folders.

Signals, logging and the choice of the event loop are handled here, as they belong to a program and not to a library.
"""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code, which `crawler.cli.exits` explains.

    Args:
        arguments: The arguments after the program's name; by default those of this process.
    """
    # Imported here, because workers import the main module, and with it this one, but need no command line.
    from crawler.cli.commands import execute  # noqa: PLC0415

    return execute(arguments)
