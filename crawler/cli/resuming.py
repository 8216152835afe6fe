"""Messages about stopping a crawl early, and resuming it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from rich.text import Text

from crawler.cli.again import command_line
from crawler.crawl.summary import Summary
from crawler.errors import StateError
from crawler.models import Ledger
from crawler.observe.figures import count, plural
from crawler.observe.labelled_lines import labelled
from crawler.policy.state_folder import StateFolder
from crawler.state.reading import Reading

_log = logging.getLogger("crawler")

_LASTING = {"max_pages": "--max-pages", "max_bytes": "--max-bytes"}
"""The limits that hold for the crawl as a whole, however often it is resumed."""


class Resuming:
    """The messages of one crawl about stopping and resuming.

    Attributes:
        grace: Seconds that requests and pages in flight may take after the first signal.
    """

    def __init__(self, state: StateFolder | None, arguments: Sequence[str], grace: float) -> None:
        """Create the messages for a crawl with this ``state`` folder, started by these command line ``arguments``."""
        self.grace = grace
        self._state = state
        self._command = command_line(arguments)

    def __repr__(self) -> str:
        return f"<Resuming {self._command}>"

    @property
    def earlier_progress(self) -> str:
        """The progress of the earlier crawl that is resumed; empty if there is none."""
        if self._state is None:
            return ""
        try:
            with closing(Reading(Path(self._state.folder))) as reading:
                ledger = reading.ledger()
        except StateError:  # the crawl will raise it with its details
            return ""
        if not ledger.discovered:
            return ""
        return f", where {count(ledger.pending)} of {plural(ledger.discovered, 'URL')} are left to be fetched"

    def warn_of_standard_output(self) -> None:
        """Warn that items on standard output cannot be taken back."""
        if self._state is not None:
            _log.warning(
                "items on standard output may come twice after a kill, as it cannot be cut back; exactly once: -o FILE"
            )

    def tell_of_draining(self, ledger: Ledger) -> None:
        """Log what the first signal has begun."""
        end = f"stopping when the pages in flight ({ledger.in_flight}) are finished, in {self.grace:g} s at the latest"
        if self._state is None:
            _log.info("%s; Ctrl-C again stops at once", end)
            return
        _log.info("%s; Ctrl-C again stops at once, and loses nothing: they are fetched again", end)
        if ledger.pending or ledger.in_flight:
            _log.info("resume with: %s", self._command)

    def tell_of_sudden_end(self) -> None:
        """Log what the second signal has done."""
        if self._state is None:
            _log.warning("stopped at once; what was in flight is lost")
            return
        _log.warning("stopped at once, which is as safe as a kill: what was in flight is fetched again")
        _log.info("resume with: %s", self._command)

    def rows(self, summary: Summary, width: int | None) -> Iterator[Text]:
        """Yield the lines below the summary of a crawl that can be resumed."""
        if self._state is None:
            return
        yield labelled("state", os.fspath(self._state.folder), width)
        if summary.pending:
            if limit := _LASTING.get(summary.stopped_by):
                yield labelled("", f"{limit} holds for the crawl as a whole, so to go on it must be larger", width)
            yield labelled("resume with", self._command, width)
