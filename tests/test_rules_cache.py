from __future__ import annotations

from collections import deque

import pytest

from crawler.errors import RobotsDeniedError
from crawler.robots.decision import ALLOW_ALL, DENY_ALL, Robots, parse_robots
from crawler.robots.rules_cache import RulesCache

A, B = "https://a.example", "http://a.example"


def test_what_is_learnt_holds_for_its_origin_alone_and_until_its_time() -> None:
    rules_cache = RulesCache()
    rules_cache.learn(A, DENY_ALL, 10.0)
    assert rules_cache.known(A, 9.9) is DENY_ALL
    assert rules_cache.known(B, 9.9) is None
    assert rules_cache.known(A, 10.0) is None


def test_why_rules_cannot_be_had_is_known_in_their_place() -> None:
    rules_cache, error = RulesCache(), RobotsDeniedError("500")
    rules_cache.learn(A, error, 10.0)
    assert rules_cache.known(A, 0.0) is error


def huge_rules() -> Robots:
    return parse_robots(b"User-agent: *\n" + b"".join(b"Disallow: /%d\n" % number for number in range(30_000)), "x")


def test_files_of_very_many_rules_push_out_those_that_have_served() -> None:
    rules_cache, huge = RulesCache(), huge_rules()
    origins = [f"https://{number}.example" for number in range(40)]
    for origin in origins:
        rules_cache.learn(origin, huge, 10.0)
        assert rules_cache.known(origin, 0.0) is huge
    assert [rules_cache.known(origin, 0.0) is huge for origin in origins].count(True) == 1_000_000 // len(huge.rules)
    assert rules_cache.known(origins[-1], 0.0) is huge


def test_what_nobody_has_asked_about_yet_is_not_pushed_out() -> None:
    rules_cache, huge = RulesCache(), huge_rules()
    origins = [f"https://{number}.example" for number in range(40)]
    for origin in origins:
        rules_cache.learn(origin, huge, 10.0)
    kept = [origin for origin in origins if rules_cache.known(origin, 0.0)]
    assert kept == origins[: 1_000_000 // len(huge.rules)]


@pytest.mark.parametrize("count", [10_000, 10_001, 25_000])
def test_each_origin_has_its_turn_however_many_wait_for_theirs(count: int) -> None:
    rules_cache = RulesCache()
    waiting, asked = deque(f"https://{number}.example" for number in range(count)), 0
    while waiting and asked < 10 * count:
        origin = waiting.popleft()
        if rules_cache.known(origin, 0.0) is None:
            rules_cache.learn(origin, ALLOW_ALL, 10.0)
            waiting.append(origin)
            asked += 1
    assert not waiting
    assert asked <= 3 * count


def test_what_is_forgotten_takes_no_room() -> None:
    rules_cache, huge = RulesCache(), huge_rules()
    for number in range(100):
        rules_cache.learn(f"https://{number}.example", huge, 10.0)
        rules_cache.forget(f"https://{number}.example")
        rules_cache.forget(f"https://{number}.example")
    assert len(rules_cache) == 0
    rules_cache.learn(A, huge, 10.0)
    rules_cache.learn(B, huge, 10.0)
    assert (rules_cache.known(A, 0.0), rules_cache.known(B, 0.0)) == (huge, huge)


def test_what_has_run_out_takes_no_room() -> None:
    rules_cache, huge = RulesCache(), huge_rules()
    for number in range(100):
        rules_cache.learn(f"https://{number}.example", huge, 10.0)
        assert rules_cache.known(f"https://{number}.example", 10.0) is None
    rules_cache.learn(A, huge, 10.0)
    rules_cache.learn(B, huge, 10.0)
    assert (rules_cache.known(A, 0.0), rules_cache.known(B, 0.0)) == (huge, huge)


def test_origins_that_were_not_asked_about_for_long_are_forgotten() -> None:
    rules_cache = RulesCache()
    for origin in (A, *(f"https://{number}.example" for number in range(9_999))):
        rules_cache.learn(origin, ALLOW_ALL, 10.0)
        rules_cache.known(origin, 0.0)
    assert rules_cache.known(A, 0.0) is ALLOW_ALL  # and is young again
    rules_cache.learn(B, ALLOW_ALL, 10.0)
    assert rules_cache.known(A, 0.0) is ALLOW_ALL
    assert rules_cache.known("https://0.example", 0.0) is None
    assert repr(rules_cache) == "<RulesCache of 10000 origins>"


def test_what_an_earlier_crawl_has_learnt_makes_space_for_what_is_learnt_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crawler.robots.rules_cache._REMEMBERED", 3)
    rules_cache = RulesCache()
    for number in range(3):
        rules_cache.restore(f"https://{number}.example", ALLOW_ALL, 10.0, 0.0)
    rules_cache.learn(A, DENY_ALL, 10.0)
    assert rules_cache.known(A, 0.0) is DENY_ALL
    assert len(rules_cache) == 3


def test_what_does_not_hold_any_more_is_not_restored() -> None:
    rules_cache = RulesCache()
    rules_cache.restore(A, DENY_ALL, 10.0, 10.0)
    assert len(rules_cache) == 0
