"""What limits a crawl, measured: a look at its stages, many times a second."""

from __future__ import annotations

import logging

from crawler.crawl.counters import Counters
from crawler.crawl.dispatcher import Dispatcher
from crawler.frontier.frontier import Frontier
from crawler.parsing.stage import Stage
from crawler.runtime.descriptors import Descriptors
from crawler.runtime.loop_lag import LoopLag
from crawler.runtime.loop_load import LoopLoad
from crawler.runtime.waker import Waker

_SHORT = (
    "this process may have %d files open, and has %d beside connections: there are at most %d connections at once, "
    "which is slower; raise the limit: ulimit -n 4096"
)

_log = logging.getLogger("crawler")


class Bottleneck:
    """Notes at each look what the crawl waits for.

    What comes first limits the rest: where the loop has no time left, sinks, workers and hosts wait because of it.
    """

    def __init__(
        self,
        frontier: Frontier,
        dispatcher: Dispatcher,
        stage: Stage,
        counters: Counters,
        *,
        lag: LoopLag,
        load: LoopLoad,
        descriptors: Descriptors,
        waker: Waker,
    ) -> None:
        """Create it.

        Args:
            frontier: Knows what waits for hosts.
            dispatcher: Knows whether more could be fetched.
            stage: Knows whether workers or sinks are the limit.
            counters: Where each look is noted.
            lag: Knows whether the loop is late.
            load: Knows how much of a core it uses.
            descriptors: Knows how many connections there may be; looked at, too.
            waker: Woken when there may be more of them.
        """
        self._frontier = frontier
        self._dispatcher = dispatcher
        self._stage = stage
        self._counters = counters
        self._lag = lag
        self._load = load
        self._descriptors = descriptors
        self._waker = waker
        self._has_warned = False

    def __repr__(self) -> str:
        return f"<Bottleneck {self.present()}>"

    def look(self) -> None:
        """Note what limits the crawl at this moment; nothing while it is paused."""
        self._load.look()
        if self._descriptors.look():
            self._waker()
        if self._dispatcher.paused_by:
            return
        limit = self.present()
        if limit == "open files" and not self._has_warned:
            self._has_warned = True
            _log.warning(_SHORT, self._descriptors.limit, self._descriptors.others, self._descriptors.most)
        self._counters.note_moment(limit, self._frontier.next_host if limit == "politeness" else "")

    def present(self) -> str:
        """Return what limits the crawl at this moment: see `Summary.limited_by`."""
        if self._stage.runs_on_loop and self._stage.is_saturated:
            return "cpu"
        if self._load.is_saturated(is_late=self._lag.is_late):
            return "event loop"
        if self._stage.is_held_up:
            return "sink"
        if self._stage.is_saturated:
            return "cpu"
        return self._beyond_stages()

    def _beyond_stages(self) -> str:
        """Return what limits the crawl where no stage of it does."""
        if self._dispatcher.is_short_of_descriptors:
            return "open files"
        if not self._dispatcher.is_waiting_for_hosts:
            return "network"
        return "retries" if self._frontier.waits_for_retries else "politeness"
