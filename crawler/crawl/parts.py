"""What a crawl is given: the open parts that pages pass through, and its policies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from crawler.crawl.control import Control
from crawler.fetching.protocol import Fetches
from crawler.frontier.frontier import Frontier
from crawler.parsing.stage import Stage
from crawler.policy.limits import Limits
from crawler.policy.retry import Retry
from crawler.policy.rewriting import Rewriting
from crawler.policy.scope import Boundary
from crawler.runtime.clock import SYSTEM_CLOCK, Clock
from crawler.runtime.descriptors import Descriptors
from crawler.runtime.waker import Waker
from crawler.sinks.sink import Sink
from crawler.state.null_record import NullRecord
from crawler.state.record import Record


@dataclass(frozen=True, slots=True)
class Rules:
    """The policies of one crawl."""

    boundary: Boundary
    rewriting: Rewriting | None
    limits: Limits
    retry: Retry
    max_redirects: int
    concurrency: int
    user_agent: str
    obeys_robots: bool
    asks_for_sitemaps: bool = False
    has_cookies: bool = False


@dataclass(frozen=True, slots=True)
class Parts:
    """What a page passes through, all of it open.

    Attributes:
        frontier: Wakes ``waker`` when something else may be fetched.
        record: What of the crawl outlives its process; nothing by default.
        facts: Returns what else is to be remembered, where it has changed since the last call.
        waker: Wakes the dispatcher.
        control: Steers the crawl from outside.
        clock: Tells the time.
        descriptors: Tells how many connections there may be.
    """

    frontier: Frontier
    fetcher: Fetches
    stage: Stage
    sinks: Sequence[Sink]
    record: Record = field(default_factory=NullRecord)
    facts: Callable[[], Mapping[str, bytes]] = dict
    waker: Waker = field(default_factory=Waker)
    control: Control = field(default_factory=Control)
    clock: Clock = SYSTEM_CLOCK
    descriptors: Descriptors = field(default_factory=Descriptors)
