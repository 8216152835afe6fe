"""What limits a crawl, measured: a look at its stages, many times a second."""

from __future__ import annotations

from crawler.crawl.counters import Counters
from crawler.crawl.dispatcher import Dispatcher
from crawler.frontier.frontier import Frontier
from crawler.parsing.stage import Stage
from crawler.runtime.loop_lag import LoopLag
from crawler.runtime.loop_load import LoopLoad


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
    ) -> None:
        """Create it.

        Args:
            frontier: Knows what waits for hosts.
            dispatcher: Knows whether more could be fetched.
            stage: Knows whether workers or sinks are the limit.
            counters: Where each look is noted.
            lag: Knows whether the loop is late.
            load: Knows how much of a core it uses.
        """
        self._frontier = frontier
        self._dispatcher = dispatcher
        self._stage = stage
        self._counters = counters
        self._lag = lag
        self._load = load

    def __repr__(self) -> str:
        return f"<Bottleneck {self.present()}>"

    def look(self) -> None:
        """Note what limits the crawl at this moment; nothing while it is paused."""
        self._load.look()
        if self._dispatcher.paused_by:
            return
        limit = self.present()
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
        if not self._dispatcher.is_waiting_for_hosts:
            return "network"
        return "retries" if self._frontier.waits_for_retries else "politeness"
