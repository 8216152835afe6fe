"""The way of a request: admit, fetch, hand over.

```
dispatcher ─► admit ─► fetch ─► hand over ─► CPU stage ─► page results ─► committer
                │        └─► redirect, another attempt, failure
                └─► put back: robots.txt or the address of the host is asked for first
```
"""

from __future__ import annotations

import asyncio

from crawler.crawl.admission import Admission
from crawler.crawl.dispatcher import Dispatcher, Process
from crawler.crawl.fetch_step import FetchStep
from crawler.crawl.parse_step import ParseStep
from crawler.crawl.robots_requests import RobotsRequests
from crawler.document.page import Page
from crawler.errors import FetchError, ParseError
from crawler.frontier.frontier import Frontier
from crawler.models import Request
from crawler.policy.pace import Outcome
from crawler.runtime.clock import Clock


class Pipeline:
    """Takes requests from their dispatch to the CPU stage; each enters it once."""

    def __init__(
        self,
        frontier: Frontier,
        dispatcher: Dispatcher,
        admission: Admission,
        robots_requests: RobotsRequests,
        fetch_step: FetchStep,
        parse_step: ParseStep,
        *,
        clock: Clock,
    ) -> None:
        """Create the pipeline of a crawl.

        Args:
            frontier: Is told of hosts that are free again.
            dispatcher: Knows when requests in flight are cut off.
            admission: Decides whether a request may be sent now.
            robots_requests: Takes requests for robots.txt.
            fetch_step: Takes all others.
            parse_step: Takes their pages.
            clock: Tells the time.
        """
        self._frontier = frontier
        self._dispatcher = dispatcher
        self._admission = admission
        self._robots_requests = robots_requests
        self._fetch_step = fetch_step
        self._parse_step = parse_step
        self._clock = clock

    def __repr__(self) -> str:
        return f"<Pipeline {self._admission!r} {self._fetch_step!r} {self._parse_step!r}>"

    def admit(self, request: Request) -> Process | None:
        """Return what is to be done for an acquired request; ``None`` where it has failed, or must wait."""
        verdict = self._admission.verdict(request)
        if verdict is True:
            return self._robots_requests.run if request.is_robots_request else self._process
        if isinstance(verdict, FetchError):
            self._frontier.release(request, self._clock.now(), Outcome.UNKNOWN)
            if request.is_robots_request:
                self._robots_requests.fail(request, verdict)
            else:
                self._fetch_step.fail(request, verdict)
        return None

    async def _process(self, request: Request) -> None:
        page = await self._fetch_step.run(request)
        if page is not None:
            await self._hand_over(page)

    async def _hand_over(self, page: Page) -> None:
        try:
            await self._parse_step.run(page)
        except ParseError as error:
            await self._parse_step.fail(page, error)
        except asyncio.CancelledError:
            if self._dispatcher.cuts_off:
                raise
            # Given back, the page would be fetched again, and cancel its task again, for ever.
            await self._parse_step.fail(page, ParseError("the parser cancelled the task that it ran in"))
