"""Decides which requests may start now, starts them, and knows when the crawl is over.

Nothing here waits between reading the state and changing it. The frontier wakes the dispatcher whenever something else
may be fetched, and the dispatcher then looks at everything again. A request is a task from its dispatch until its page
is in the CPU stage.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, TypeAlias

from crawler.crawl.seeding import Seeding
from crawler.frontier.frontier import Frontier
from crawler.models import Request
from crawler.policy.limits import Limits
from crawler.runtime.clock import Clock
from crawler.runtime.descriptors import Descriptors
from crawler.runtime.waker import Waker

_GRACE = 0.5  # seconds at most, of those of the limit, that the CPU stage is given to finish pages
_GRACE_SHARE = 0.1  # of the limit; arbitrary
_PUT_OFF = 0.01  # seconds; arbitrary
_BURST = 8  # requests started in one iteration; each takes the loop about 0.5 ms, and others may wait for it

Process: TypeAlias = Callable[[Request], Coroutine[Any, Any, None]]
"""Takes a request as far as the CPU stage."""
Admit: TypeAlias = Callable[[Request], Process | None]
"""Returns what is to be done for an acquired request: ``None`` where it has failed, or was put back."""


class InFlight(NamedTuple):
    """A request in flight, and for how many seconds it has been."""

    request: Request
    seconds: float


class Dispatcher:
    """Starts requests as the frontier, the concurrency and the limits allow.

    Attributes:
        stopped_by: The limit that ended the crawl, or ``stop``; empty while nothing did.
    """

    def __init__(
        self,
        frontier: Frontier,
        limits: Limits,
        concurrency: int,
        *,
        waker: Waker,
        is_loop_late: Callable[[], bool],
        clock: Clock,
        descriptors: Descriptors | None = None,
    ) -> None:
        """Create a dispatcher.

        Args:
            frontier: Has the requests.
            limits: When the crawl is over.
            concurrency: Requests in flight at most.
            waker: Woken by the frontier; calls the dispatcher while it runs.
            is_loop_late: Tells whether the loop has more to do than it has time for.
            clock: Tells the time.
            descriptors: Tells how many requests may have a connection, whatever the concurrency.
        """
        self.stopped_by = ""
        self._frontier = frontier
        self._limits = limits
        self._concurrency = concurrency
        self._descriptors = descriptors or Descriptors()
        self._waker = waker
        self._is_loop_late = is_loop_late
        self._clock = clock
        self._seeds = Seeding(())
        self._tasks: dict[asyncio.Task[None], tuple[Request, float]] = {}  # with the time of its dispatch
        self._paused_by: dict[str, None] = {}  # a set that keeps its order
        self._pages = 0  # fetched, and being fetched: together never more than the limit
        self._timer: asyncio.TimerHandle | None = None
        self._ends: list[asyncio.TimerHandle] = []
        self._over = asyncio.Event()
        self._closed = False
        self._is_expired = False
        self._error: BaseException | None = None

    def __repr__(self) -> str:
        return f"<Dispatcher {len(self._tasks)} of {self._concurrency} requests in flight>"

    @property
    def in_flight(self) -> int:
        """Requests from their dispatch until their page is in the CPU stage."""
        return len(self._tasks)

    @property
    def requests(self) -> list[InFlight]:
        """Those requests, the oldest first."""
        now = self._clock.now()
        return [InFlight(request, now - since) for request, since in self._tasks.values()]

    @property
    def paused_by(self) -> tuple[str, ...]:
        """The reasons for which nothing is started at present; empty while the crawl goes on."""
        return tuple(self._paused_by)

    @property
    def is_waiting_for_hosts(self) -> bool:
        """Whether nothing but the delays and connections of hosts keeps more from being fetched."""
        if not self._frontier.pending or not self._has_capacity:
            return False
        ready_at = self._frontier.next_ready_at  # in the past where a request is about to be started
        return ready_at is None or ready_at > self._clock.now()

    @property
    def is_short_of_descriptors(self) -> bool:
        """Whether only the limit of open files keeps more from being fetched."""
        most = self._descriptors.most
        if most is None or not most <= len(self._tasks) < self._concurrency or not self._frontier.pending:
            return False
        return self._may_fetch and not self._paused_by

    @property
    def cuts_off(self) -> bool:
        """Whether requests in flight are being cancelled, because the crawl ends or its time is up."""
        return self._closed or self._is_expired

    async def run(self, group: asyncio.TaskGroup, seeds: Seeding, admit: Admit) -> None:
        """Dispatch until the crawl is over, ``seeds`` included; what still runs then is cancelled.

        Args:
            group: Where requests become tasks.
            seeds: Asked for more while few requests are pending.
            admit: Says what is done for each request, in a task of its own.
        """
        self._group, self._seeds, self._admit = group, seeds, admit
        self._waker.attach(self._advance)
        seconds = self._limits.max_seconds
        loop = asyncio.get_running_loop()
        grace = min(_GRACE, _GRACE_SHARE * (seconds or 0))
        if seconds is not None:
            self._ends += loop.call_later(seconds - grace, self._expire), loop.call_later(seconds, self._over.set)
        try:
            self._advance()
            await self._over.wait()
            if self._error is not None:
                raise self._error
        finally:
            self.close()
            self._waker.detach()
            for timer in self._ends:
                timer.cancel()
            self._cancel_all()

    def _advance(self) -> None:
        """Look at everything again. Nobody who calls this could handle an error, such as one of a user's callback."""
        try:
            self._start_what_may_start()
        except BaseException as error:
            self._error = error
            self.close()
            self._over.set()

    def _start_what_may_start(self) -> None:
        """Start what may start now; end the crawl if nothing is in flight and nothing may start."""
        now, is_loop_late = self._clock.now(), self._is_loop_late()
        for _ in range(_BURST):
            if not self._has_capacity:
                break
            request = self._frontier.acquire(now, is_loop_late=is_loop_late)
            if request is None:
                self._wake_at(self._next_look(now, is_loop_late))
                break
            self._start(request, now)
        else:
            self._waker()
        self._check_over()

    def _next_look(self, now: float, is_loop_late: bool) -> float | None:
        """Return when to look again: not at once for what is put off because the loop is late."""
        ready_at = self._frontier.next_ready_at
        return max(ready_at, now + _PUT_OFF) if is_loop_late and ready_at is not None else ready_at

    def stop(self, reason: str, grace: float | None = None) -> None:
        """Start no more; the crawl is over when what is in flight is done, or cut off after ``grace`` seconds.

        A crawl that is over already stays as it ended.
        """
        if self._closed:
            return
        self.stopped_by = self.stopped_by or reason
        if grace is not None:
            self._ends.append(asyncio.get_running_loop().call_later(grace, self._over.set))
        self._check_over()

    def close(self) -> None:
        """Start nothing any more: the task group is going down, and takes no new tasks."""
        self._closed = True
        self._wake_at(None)

    def pause(self, reason: str) -> None:
        """Start nothing more until `resume` was called for each reason that there is."""
        self._paused_by[reason] = None

    def resume(self, reason: str) -> None:
        """Take one reason for the pause back; go on where it was the last."""
        self._paused_by.pop(reason, None)
        self._waker()

    def restore(self, pages: int) -> None:
        """Take note that so many ``pages`` of the limit were fetched before."""
        self._pages += pages

    def uncount(self) -> None:
        """Take note that a dispatched request did not become a page: another may, within the limit of pages."""
        self._pages -= 1

    def goes_on_as(self, request: Request) -> None:
        """Take note that the request whose task calls this has become ``request``, as a redirect has led there."""
        task = asyncio.current_task()
        if task in self._tasks:
            self._tasks[task] = request, self._tasks[task][1]

    @property
    def _has_capacity(self) -> bool:
        most = self._descriptors.most
        places = self._concurrency if most is None else min(most, self._concurrency)
        return self._may_fetch and not self._paused_by and len(self._tasks) < places

    @property
    def _may_fetch(self) -> bool:
        limit = self._limits.max_pages
        return not (self._closed or self.stopped_by) and (limit is None or self._pages < limit)

    def _start(self, request: Request, now: float) -> None:
        process = self._admit(request)
        if process is None:
            return
        self._pages += not request.is_robots_request
        task = self._group.create_task(self._run(request, process))
        self._tasks[task] = request, now
        task.add_done_callback(self._note_done)

    async def _run(self, request: Request, process: Process) -> None:
        try:
            await process(request)
        except asyncio.CancelledError:
            raise
        except BaseException:
            self.close()
            raise

    def _note_done(self, task: asyncio.Task[None]) -> None:
        """Note that a task has ended: in a callback, as one that is cancelled before its first step runs nothing."""
        request, _ = self._tasks.pop(task)
        if task.cancelled() and not request.is_robots_request:
            self._frontier.give_back(request)
        self._waker()

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
        self._is_expired = True
        self.stop("max_seconds")
        self._cancel_all()

    def _wake_at(self, when: float | None) -> None:
        """Look again at ``when``, instead of whenever that was to be."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if when is not None:
            # uvloop's clock is that of the last iteration and its timers count whole milliseconds: they may fire
            # early. `_advance` reads the clock itself, and sets another timer.
            delay = max(0.0, when - self._clock.now())
            self._timer = asyncio.get_running_loop().call_later(delay, self._advance)

    def _cancel_all(self) -> None:
        for task in self._tasks:
            task.cancel()
