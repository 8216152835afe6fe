from __future__ import annotations

import math

from crawler.frontier.deferred import DeferredRequests
from crawler.models import Request


def test_requests_come_up_by_time_then_by_age() -> None:
    deferred = DeferredRequests()
    requests = [Request(f"http://a.example/{number}") for number in range(3)]
    for each, until in zip(requests, (5.0, 3.0, 5.0), strict=True):
        deferred.push(each, until)
    assert (len(deferred), deferred.next_at) == (3, 3.0)
    assert [deferred.pop()[0] for _ in range(3)] == [requests[1], requests[0], requests[2]]
    assert (len(deferred), deferred.next_at) == (0, math.inf)


def test_they_are_counted_by_host() -> None:
    deferred = DeferredRequests()
    for host, until in (("a.example", 5.0), ("b.example", 3.0), ("a.example", 4.0)):
        deferred.push(Request(f"http://{host}/"), until)
    assert [deferred.count_of(host) for host in ("a.example", "b.example", "c.example")] == [2, 1, 0]
    assert [deferred.next_of(host) for host in ("a.example", "b.example", "c.example")] == [4.0, 3.0, None]
    deferred.pop()
    deferred.pop()
    assert (deferred.count_of("a.example"), deferred.next_of("a.example")) == (1, 5.0)
    assert deferred.count_of("b.example") == 0
