from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from crawler.crawl.bottleneck import Bottleneck
from crawler.crawl.counters import Counters


def crawl(**facts: Any) -> Any:
    """Return all that a `Bottleneck` looks at, as ``facts`` say; else nothing waits for anything."""
    usual = {
        "is_held_up": False,
        "is_saturated": False,
        "runs_on_loop": False,
        "is_waiting_for_hosts": False,
        "waits_for_retries": False,
        "next_host": "a.example",
        "paused_by": (),
        "is_late": False,
        "loop": False,
        "is_short_of_descriptors": False,
        "look": lambda: facts.get("may_have_more", False),
        "limit": 64,
        "others": 36,
        "most": 12,
    }
    return SimpleNamespace(**{**usual, **facts})


def bottleneck(counters: Counters, waker: Callable[[], None] = lambda: None, **facts: Any) -> Bottleneck:
    made = crawl(**facts)
    load = SimpleNamespace(look=lambda: None, is_saturated=lambda *, is_late: made.loop or is_late)
    woken = cast("Any", waker)
    return Bottleneck(made, made, made, counters, lag=made, load=cast("Any", load), descriptors=made, waker=woken)


@pytest.mark.parametrize(
    ("facts", "limit"),
    [
        ({}, "network"),
        ({"is_waiting_for_hosts": True}, "politeness"),
        ({"is_waiting_for_hosts": True, "waits_for_retries": True}, "retries"),
        ({"is_saturated": True, "is_waiting_for_hosts": True}, "cpu"),
        ({"is_short_of_descriptors": True, "is_waiting_for_hosts": True}, "open files"),
        ({"is_short_of_descriptors": True, "is_saturated": True}, "cpu"),
        ({"is_held_up": True, "is_saturated": True}, "sink"),
        # A loop without time left is named before what waits because of it.
        ({"loop": True, "is_held_up": True, "is_saturated": True, "is_waiting_for_hosts": True}, "event loop"),
        ({"is_late": True, "is_held_up": True}, "event loop"),
        # Parsers on the loop are parsers.
        ({"loop": True, "is_saturated": True, "runs_on_loop": True}, "cpu"),
        ({"loop": True, "runs_on_loop": True}, "event loop"),
    ],
)
def test_what_limits_comes_before_what_waits_because_of_it(facts: dict[str, Any], limit: str) -> None:
    counters = Counters()
    bottleneck(counters, **facts).look()
    assert counters.shares == {limit: 1.0}


def test_the_host_that_all_wait_for_is_named() -> None:
    counters = Counters()
    bottleneck(counters, is_waiting_for_hosts=True).look()
    assert counters.limited_by == "politeness of a.example"


def test_nothing_limits_a_crawl_that_is_paused() -> None:
    counters = Counters()
    bottleneck(counters, paused_by=("person",)).look()
    assert counters.shares == {}


def test_a_crawl_without_enough_files_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    made = bottleneck(Counters(), is_short_of_descriptors=True)
    made.look()
    made.look()
    [record] = caplog.records
    assert "may have 64 files open, and has 36 beside connections: there are at most 12" in record.getMessage()


def test_when_there_may_be_more_connections_the_dispatcher_is_woken() -> None:
    woken: list[bool] = []
    for may_have_more in (False, True):
        bottleneck(Counters(), waker=lambda: woken.append(True), may_have_more=may_have_more).look()
    assert woken == [True]
