"""Decides which requests may start now, starts them, and knows when the crawl is over.

Nothing here waits between reading the state and changing it: whoever changes something calls `advance`, which looks at
everything again. A request is a task from its dispatch until its page is in the CPU stage.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any, TypeAlias

from crawler.crawl.seeding import Seeding
from crawler.frontier.frontier import Frontier
from crawler.models import Request
from crawler.policy.limits import Limits

_GRACE = 0.5  # seconds at most, of those of the limit, that the CPU stage is given to finish pages
_GRACE_SHARE = 0.1  # of the limit; arbitrary
_PUT_OFF = 0.01  # seconds; arbitrary
_BURST = 8  # requests started in one go; each takes the loop about 0.5 ms, and something else may be waiting for it

Process: TypeAlias = Callable[[Request], Coroutine[Any, Any, None]]
"""Takes a request as far as the CPU stage."""
Admit: TypeAlias = Callable[[Request], Process | None]
"""Says what is to be done for an acquired request: nothing where it has failed, or was put back."""


class Dispatcher:
    """Starts requests as the frontier, the concurrency and the limits allow.

    Attributes:
        stopped_by: The limit that ended the crawl, or ``stop``; empty while nothing did.
        is_paused: Whether nothing is started for the time being, because what is fetched cannot be kept.
    """

    def __init__(
        self,
        frontier: Frontier,
        limits: Limits,
        concurrency: int,
        admit: Admit,
        is_loop_late: Callable[[], bool],
    ) -> None:
        """Create a dispatcher.

        Args:
            frontier: Has the requests.
            limits: When it is over.
            concurrency: Requests in flight at most.
            admit: Says what is done for each, in a task of its own.
            is_loop_late: Tells whether the loop has more to do than it has time for.
        """
        self._is_loop_late = is_loop_late
        self.stopped_by = ""
        self.is_paused = False
        self._frontier = frontier
        self._limits = limits
        self._concurrency = concurrency
        self._admit = admit
        self._seeds = Seeding(())
        self._tasks: set[asyncio.Task[None]] = set()
        self._pages = 0  # fetched, and being fetched: together never more than the limit
        self._timer: asyncio.TimerHandle | None = None
        self._ends: list[asyncio.TimerHandle] = []
        self._over = asyncio.Event()
        self._closed = False
        self._error: BaseException | None = None

    def __repr__(self) -> str:
        return f"<Dispatcher {len(self._tasks)} of {self._concurrency} requests in flight>"

    @property
    def in_flight(self) -> int:
        """Requests from their dispatch until their page is in the CPU stage."""
        return len(self._tasks)

    @property
    def is_waiting_for_hosts(self) -> bool:
        """Whether more could be fetched at this moment, if only a host might be asked."""
        if not self._frontier.pending or not self._has_capacity:
            return False
        ready_at = self._frontier.next_ready_at  # already past where the loop is about to start what is ready
        return ready_at is None or ready_at > monotonic()

    @property
    def cuts_off(self) -> bool:
        """Whether requests in flight are being cancelled, because the crawl ends or its time is up."""
        return self._closed or self.stopped_by == "max_seconds"

    async def run(self, group: asyncio.TaskGroup, seeds: Seeding) -> None:
        """Dispatch until the crawl is over, ``seeds`` included; what still runs then is cancelled."""
        self._group, self._seeds = group, seeds
        seconds = self._limits.max_seconds
        loop = asyncio.get_running_loop()
        grace = min(_GRACE, _GRACE_SHARE * (seconds or 0))
        if seconds is not None:
            self._ends += loop.call_later(seconds - grace, self._expire), loop.call_later(seconds, self._over.set)
        try:
            self.advance()
            await self._over.wait()
            if self._error is not None:
                raise self._error
        finally:
            self.close()
            for timer in self._ends:
                timer.cancel()
            self._cancel_all()

    def advance(self) -> None:
        """Start what may start now; end the crawl if nothing is in flight and nothing may start."""
        now, is_loop_late = monotonic(), self._is_loop_late()
        for _ in range(_BURST):
            if not self._has_capacity:
                break
            request = self._frontier.acquire(now, is_loop_late=is_loop_late)
            if request is None:
                self._wake_at(self._next_look(now, is_loop_late))
                break
            self._start(request)
        else:
            self._wake_at(now)
        self._check_over()

    def _next_look(self, now: float, is_loop_late: bool) -> float | None:
        """Return when `advance` should look again; not at once for what is put off because the loop is late."""
        ready_at = self._frontier.next_ready_at
        return max(ready_at, now + _PUT_OFF) if is_loop_late and ready_at is not None else ready_at

    def stop(self, reason: str, grace: float | None = None) -> None:
        """Start no more; the crawl is over when what is in flight is done, or cut off after ``grace`` seconds."""
        self.stopped_by = self.stopped_by or reason
        if grace is not None:
            self._ends.append(asyncio.get_running_loop().call_later(grace, self._over.set))
        self._check_over()

    def close(self) -> None:
        """Start nothing any more: the task group is going down, and takes no new tasks."""
        self._closed = True
        self._wake_at(None)

    def pause(self, wanted: bool) -> None:
        """Start nothing more for the time being, or go on."""
        self.is_paused = wanted
        if not wanted:
            self.advance()

    def restore(self, pages: int) -> None:
        """Take note that so many ``pages`` of the limit were fetched before."""
        self._pages += pages

    def uncount(self) -> None:
        """Take note that a dispatched request did not become a page: another may, within the limit of pages."""
        self._pages -= 1

    @property
    def _has_capacity(self) -> bool:
        return self._may_fetch and not self.is_paused and len(self._tasks) < self._concurrency

    @property
    def _may_fetch(self) -> bool:
        limit = self._limits.max_pages
        return not (self._closed or self.stopped_by) and (limit is None or self._pages < limit)

    def _start(self, request: Request) -> None:
        process = self._admit(request)
        if process is None:
            return
        self._pages += not request.is_robots_request
        self._tasks.add(self._group.create_task(self._run(request, process)))

    async def _run(self, request: Request, process: Process) -> None:
        try:
            await process(request)
        except asyncio.CancelledError:
            if not request.is_robots_request:
                self._frontier.give_back(request)
            raise
        except BaseException:
            self.close()
            raise
        finally:
            self._tasks.discard(asyncio.current_task())
            self.advance()

    def _check_over(self) -> None:
        pending = self._frontier.pending
        self._seeds.note_pending(pending)
        if self._frontier.in_flight or ((pending or not self._seeds.is_over) and self._may_fetch):
            return
        if (pending or not self._seeds.is_over) and not self._closed:
            self.stopped_by = self.stopped_by or "max_pages"
        self._over.set()

    def _expire(self) -> None:
        """Cut fetches off, because the time is nearly up; the stage may finish what it has until it is."""
        self.stop("max_seconds")
        self._cancel_all()

    def _wake_at(self, when: float | None) -> None:
        """Advance again at ``when``, instead of whenever that was to be."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if when is not None:
            # uvloop's clock is that of the last turn and its timers count whole milliseconds: they may ring early.
            # `advance` reads the clock itself, and sets another.
            self._timer = asyncio.get_running_loop().call_later(max(0.0, when - monotonic()), self._ring)

    def _ring(self) -> None:
        """Advance, called by nobody who could be told of an error: that of a callback of the user's, for example."""
        try:
            self.advance()
        except BaseException as error:
            self._error = error
            self.close()
            self._over.set()

    def _cancel_all(self) -> None:
        for task in self._tasks:
            task.cancel()
