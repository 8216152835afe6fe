"""Requests that are redirected: each goes on as the same request, until its page belongs to another."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from crawler.frontier.discovered import Discovered
from crawler.frontier.schedule import Schedule
from crawler.frontier.state_counts import StateCounts
from crawler.frontier.window import Window
from crawler.models import Request, State
from crawler.state.journal import Journal

_READING = {"GET", "HEAD"}


class Redirects:
    """Takes requests from hop to hop. The seen-set decides whose a page is, not what is reached."""

    def __init__(
        self,
        discovered: Discovered,
        schedule: Schedule,
        window: Window,
        counts: StateCounts,
        journal: Journal,
        *,
        finish: Callable[[Request, State], None],
    ) -> None:
        """Create what a frontier does with redirects.

        Args:
            discovered: The URLs that were met.
            schedule: Takes requests at the host of their next hop.
            window: Is told which requests are in memory.
            counts: Counts requests in each state.
            journal: Where ends are noted.
            finish: Closes a request whose end is noted.
        """
        self._discovered = discovered
        self._schedule = schedule
        self._window = window
        self._counts = counts
        self._journal = journal
        self._finish = finish

    def __repr__(self) -> str:
        return f"<Redirects of {self._discovered!r}>"

    def hop(self, target: Request) -> None:
        """Queue an acquired and released request at the host of ``target``, as which it goes on.

        On the disk it stays where it was: a crawl that is killed asks for it again.
        """
        self._schedule.push(target)
        self._counts.move(State.IN_FLIGHT, State.PENDING)

    def is_of_another(self, target: Request) -> bool:
        """Tell whether another request brings the page to which redirects have led: ``target``.

        Not where that has ended as a redirect itself: with a cookie it may be a page now, and without it may have led
        here. Nor where a request of the chain has sent something: the page is the answer to that.
        """
        methods = {target.method, *(method for method, *_ in target.hops)}
        fingerprint = target.fingerprint
        if not methods <= _READING or fingerprint == target.identity:
            return False
        return fingerprint in self._discovered.seen and not self._discovered.was_redirected(target)

    def end_at_another(self, request: Request, target: Request) -> None:
        """Close an acquired request that was redirected to ``target``, whose page another request brings."""
        self._discovered.note_redirected(target.identity)
        self._journal.ended(request, State.DONE, target.hops[0][2], f"redirects to {target.url}")
        self._finish(request, State.DONE)

    def arrived(self, request: Request) -> Request | None:
        """Return the request that the page of an acquired one belongs to, now that redirects have led to it.

        Where nobody has asked for its URL yet, that is a new one: the page is known by that URL from now on, and the
        request that was redirected is closed. ``None`` where another request brings the page; this one is closed then.
        """
        if not request.hops:
            return request
        if request.fingerprint not in self._discovered.seen:
            return self._take_over(request)
        if self.is_of_another(request):
            self.end_at_another(request, request)
            return None
        self._discovered.note_delivered(request)
        return request

    def _take_over(self, request: Request) -> Request:
        """Close a request that was redirected to a new URL; return the one for that, which is in flight instead."""
        request = self._discovered.at_its_depth(request)
        request_there = self._discovered.told_apart(request) if request.again else request
        target = replace(request_there, serial=self._discovered.serial + 1, parent=request.asked, attempt=0, hops=())
        self._discovered.add(target, request.serial, self._schedule.host(target).key)
        self._counts.move(State.PENDING, State.IN_FLIGHT)
        self._window.note_taken(target)
        self.end_at_another(request, request)
        return target
