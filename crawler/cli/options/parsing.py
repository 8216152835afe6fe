"""Options for parsing: the workers, their limits, and the quarantine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

import typer

from crawler.cli.options.given import given, given_or_none
from crawler.cli.values import parse_seconds, parse_size
from crawler.parsing.cpu import Cpu, ExecutorKind

_option = partial(typer.Option, rich_help_panel="Parsing")

Memory = Annotated[
    int | None,
    _option("--memory", metavar="SIZE", parser=parse_size, help="For each worker (default: 2G); none: no limit."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsingOptions:
    """The options of ``run``, ``site`` and ``reparse``."""

    workers: Annotated[
        int | None, _option("--workers", metavar="N", help="Number of workers (default: one per core).")
    ] = None
    executor: Annotated[
        ExecutorKind | None,
        _option("--executor", metavar="KIND", help="Kind of workers: process (default), thread or inline."),
    ] = None
    deadline: Annotated[
        float | None,
        _option(
            "--deadline", metavar="SECONDS", parser=parse_seconds, help="For each page (default: 30); none: no limit."
        ),
    ] = None
    memory: Memory = None
    recycle_pages: Annotated[
        int | None, _option("--recycle-pages", metavar="N", help="Replace a worker after N pages (default: never).")
    ] = None
    niceness: Annotated[
        int | None, _option("--niceness", metavar="N", help="Niceness of workers, 0-19 (default: 10).")
    ] = None
    quarantine: Annotated[
        str | None,
        _option("--quarantine", metavar="FOLDER", help="For harmful pages (default: quarantine); or none."),
    ] = None

    def applied_to(self, cpu: Cpu) -> Cpu:
        """Return ``cpu``, changed by these options.

        Raises:
            ConfigurationError: An option is out of its range.
        """
        return replace(
            cpu,
            **given(workers=self.workers, executor=self.executor, niceness=self.niceness),
            **given_or_none(
                deadline=self.deadline,
                memory_bytes=self.memory,
                recycle_pages=self.recycle_pages,
                quarantine=self.quarantine,
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """The options of ``crawler replay``."""

    parser: Annotated[
        str | None,
        _option(
            "--parser",
            metavar="FILE_OR_MODULE[:NAME]",
            help="The parser, if it is not found, or another one.",
        ),
    ] = None
    pdb: Annotated[
        bool, _option("--pdb", metavar="", help="Debug: stop at the parser's first line, and where it raises.")
    ] = False
    memory: Memory = None

    @property
    def memory_bytes(self) -> int | None:
        """Bytes of address space; ``None`` for no limit."""
        return Cpu().memory_bytes if self.memory is None else self.memory or None
