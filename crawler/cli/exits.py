"""The exit codes of the command line, and the one for each error."""

from __future__ import annotations

import enum

from crawler.crawl.summary import Summary
from crawler.errors import (
    CacheError,
    ConfigurationError,
    CrawlerError,
    EncodingError,
    FetchError,
    InvalidURLError,
    StateError,
)


class Exit(enum.IntEnum):
    """An exit code of the command line."""

    DONE = 0
    """The crawl is over: nothing left, a limit reached, or stopped by a first Ctrl-C or SIGTERM."""
    BROKEN = 1
    """The crawl ended with an error: items could not be written, workers died and could not be replaced, or the states
    of its URLs do not add up. For ``replay``: the parser raised."""
    USAGE = 2
    """Bad usage or configuration: a wrong option, file, seed, parser, cache, item, or state folder, or no contact for
    strangers. The message says which, and what would work."""
    NOTHING = 3
    """Not one page could be fetched. For ``reparse``: there was no page."""
    KILLED = 130
    """Stopped at once by a second Ctrl-C or SIGTERM."""


HELP = (
    "Exit codes: 0 done (also when a limit or a first Ctrl-C ended it), 1 the crawl ended with an error, 2 bad usage "
    "or configuration, 3 not one page could be fetched, 130 stopped at once by a second Ctrl-C."
)

REPLAY_HELP = (
    "Exit codes: 0 the page was parsed, 1 the parser raised, or you left the debugger, 2 bad usage: no such page, no "
    "such parser, 130 stopped by Ctrl-C. A page that crashes the interpreter crashes this one, too."
)

REPARSE_HELP = (
    "Exit codes: 0 done (also when a first Ctrl-C ended it), 1 it ended with an error: items could not be written, or "
    "workers died, 2 bad usage: no such parser, no saved pages, 3 there was no page to parse, 130 stopped at "
    "once by a second Ctrl-C."
)

STATE_HELP = "Exit codes: 0 done, 2 bad usage: no state folder, or one that is damaged or in use; no such URL or state."

# The cache is opened before anything is fetched. Its later errors are logged, and the crawl goes on.
_USAGE = (ConfigurationError, InvalidURLError, EncodingError, CacheError, StateError)


def exit_of_error(error: CrawlerError) -> Exit:
    """Return the exit code for an error that ended the command."""
    if isinstance(error, FetchError):
        return Exit.NOTHING
    return Exit.USAGE if isinstance(error, _USAGE) else Exit.BROKEN


def exit_of_crawl(summary: Summary) -> Exit:
    """Return the exit code for a crawl that is over."""
    was_asked_to_stop = summary.stopped_by == "stop"
    return Exit.DONE if summary.fetched or was_asked_to_stop else Exit.NOTHING
