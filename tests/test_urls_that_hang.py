"""URLs that never answer hold up neither their host nor other hosts; time is simulated, and the schedule is real."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count, pairwise

import pytest
from msgspec.structs import replace

from crawler.frontier.frontier import Frontier
from crawler.frontier.host_queue import HostQueue
from crawler.frontier.schedule import Schedule
from crawler.models import Failure, Request, State
from crawler.policy.pace import Outcome
from crawler.policy.politeness import HostRule

_TIMEOUT, _ATTEMPTS, _SERVICE = 2.0, 3, 0.2  # seconds, but for the second


class Site:
    """A host that answers in 0.2 s, so many requests at once, but never those for some URLs."""

    def __init__(self, urls: list[str], rule: HostRule, at_once: int = 8) -> None:
        self.schedule = Schedule(lambda _: rule, jitter=lambda: 0.0)
        for serial, url in enumerate(urls, 1):
            self.schedule.push(Request(f"http://a.example/{url}", serial=serial))
        self.sent: list[tuple[float, str]] = []
        self._at_once = at_once

    def good_after(self, concurrency: int, seconds: float = 3600.0) -> list[float]:
        """Crawl for so many ``seconds``; return when each good page had come."""
        now, free, good, order = 0.0, [0.0] * self._at_once, list[float](), count()
        ends: list[tuple[float, int, Request, float, bool]] = []
        host = self.schedule.host(Request("http://a.example/"))
        while now < seconds and not host.pace.is_down:
            while len(ends) < concurrency and (request := self.schedule.pop(now)) is not None:
                hangs = "hang" in request.url
                self.sent.append((now, request.url))
                end = now + _TIMEOUT if hangs else max(now, heappop(free)) + _SERVICE
                if not hangs:
                    heappush(free, end)
                heappush(ends, (end, next(order), request, now, hangs))
            ready_at = self.schedule.next_ready_at
            if ends and (ready_at is None or ready_at <= now or ends[0][0] <= ready_at or len(ends) == concurrency):
                now, _, request, began, hangs = heappop(ends)
                outcome = Outcome.SILENT if hangs else Outcome.ANSWERED
                self.schedule.release(request, now, outcome, seconds=now - began)
                if not hangs:
                    good.append(now)
                elif request.attempt + 1 < _ATTEMPTS:
                    self.schedule.defer(
                        replace(request, attempt=request.attempt + 1), now + 0.5 * 2**request.attempt, is_last=True
                    )
            elif ready_at is None:
                break
            else:
                now = ready_at
        return good


GOOD = [f"p/{number}" for number in range(500)]
HANGING = [f"hang/{number}" for number in range(10)]
SPREAD = [f"hang/{number}" if number % 50 == 0 else f"p/{number}" for number in range(1000)]


@pytest.mark.parametrize(
    "rule",
    [HostRule(0.0, None), HostRule(0.0, 16), HostRule(0.0, None, give_up_after=10), HostRule(0.5, 2, give_up_after=10)],
    ids=["no limit", "16 connections", "with patience", "a stranger's"],
)
@pytest.mark.parametrize("urls", [HANGING + GOOD, GOOD + HANGING, SPREAD], ids=["first", "last", "spread"])
def test_all_good_pages_come_within_twice_the_time_that_they_take_alone(urls: list[str], rule: HostRule) -> None:
    good = [url for url in urls if "hang" not in url]
    alone = Site(good, rule).good_after(64)
    beside = Site(urls, rule).good_after(64)
    assert len(beside) == len(alone) == len(good)
    assert beside[-1] <= 2 * alone[-1]


@pytest.mark.parametrize("outcome", [Outcome.SILENT, Outcome.OVERLOADED])
def test_what_is_in_flight_together_is_one_verdict(outcome: Outcome) -> None:
    site = Site(HANGING, HostRule(0.0, None))
    requests = [site.schedule.pop(0.0) for _ in HANGING]
    for number, request in enumerate(requests):
        assert request is not None
        site.schedule.release(request, 2.0 + number / 100, outcome, seconds=2.0)
    assert site.schedule.host(Request("http://a.example/")).pace.delay == 0.1


def test_each_verdict_after_that_doubles_the_delay_of_a_host_that_is_down() -> None:
    site = Site([f"hang/{number}" for number in range(200)], HostRule(0.0, None))
    site.good_after(64, seconds=600.0)
    later = [moment for moment, _ in site.sent if moment >= _TIMEOUT]
    gaps = [after - before - _TIMEOUT for before, after in pairwise(later)]
    assert gaps[:4] == pytest.approx([0.2, 0.4, 0.8, 1.6])
    assert max(gaps) == pytest.approx(60.0)


def test_a_host_that_is_down_is_given_up_after_few_requests() -> None:
    site = Site([f"hang/{number}" for number in range(200)], HostRule(0.0, 8, give_up_after=10))
    site.good_after(64)
    assert len(site.sent) <= 8 + 10 + 3  # in flight at first, until its first pause, and one after each pause
    assert site.schedule.host(Request("http://a.example/")).pace.is_down


def queue(last: list[Request], others: list[Request]) -> HostQueue:
    made = HostQueue()
    for request in last:
        made.push_last(request)
    for request in others:
        made.push(request)
    return made


def test_what_was_not_answered_in_time_comes_after_the_others_whatever_their_rank() -> None:
    others = [Request(f"http://a.example/{number}", serial=number, rank=9.0) for number in range(2, 6)]
    last = Request("http://a.example/1", serial=1, attempt=1)
    made = queue([last], others)
    assert [made.pop() for _ in range(len(made))] == [*others, last]
    assert not made


def test_what_comes_last_does_not_wait_for_a_host_without_end() -> None:
    others = [Request(f"http://a.example/{number}", serial=number) for number in range(10, 60)]
    last = [Request(f"http://a.example/{number}", serial=number, attempt=1) for number in range(1, 3)]
    made = queue(last, others)
    order = [made.pop() for _ in range(40)]
    assert [place for place, request in enumerate(order) if request.attempt] == [16, 33]


@pytest.mark.parametrize(("error", "is_last"), [("FetchTimeoutError", True), ("StatusError", False)])
def test_only_what_was_not_answered_in_time_comes_last(error: str, is_last: bool) -> None:
    frontier = Frontier(lambda _: HostRule(0.0, None))
    for number in range(3):
        frontier.add(Request(f"http://a.example/{number}"))
    first = frontier.acquire(0.0)
    assert first is not None
    frontier.release(first, 0.0)
    frontier.retry(first, 0.0, Failure(first.url, State.FAILED, error, "no"))
    order = [request.attempt for request in iter(lambda: frontier.acquire(1.0), None)]
    assert order == ([0, 0, 1] if is_last else [1, 0, 0])
