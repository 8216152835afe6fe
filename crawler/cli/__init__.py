"""The command line: ``crawler run``, ``crawler site``, ``crawler fetch``, ``crawler replay``.

What belongs to a program and not to a library is done here: signals, logging, the choice of event loop.
"""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code, which `crawler.cli.exits` explains.

    Args:
        arguments: What stands after the program's name; that of this process by default.
    """
    # Imported here: workers import the main module, which imports this one, and have no use for a command line.
    from crawler.cli.commands import execute  # noqa: PLC0415

    return execute(arguments)
