"""``crawler explain``: what became of a URL, and why."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from shlex import quote
from typing import Any

import msgspec

from crawler.cli.remedies import remedy_for
from crawler.cli.state.shown import show, show_json
from crawler.cli.state.times import future, iso, past, span
from crawler.http.redirect import REDIRECTS
from crawler.models import Refusal, State
from crawler.observe.figures import count, plural
from crawler.state.explanation import Explanation, explain
from crawler.state.host_record import HostRecord
from crawler.state.lock import owner_of
from crawler.state.reading import Reading
from crawler.url import host_of, origin_of

_REMEDIES: dict[str, str] = {
    Refusal.SCOPE: "--scope, --allow and --deny change the scope, for links that are found from now on",
    Refusal.DEPTH: "with a larger --max-depth it is fetched when the crawl goes on",
    Refusal.LONG: "no page should have such a URL; max_alike=None fetches it",
}
_HOW = {"seed": "seed", "link": "link", "redirect": "redirect", "sitemap": "listed in the sitemap"}
_HOST = msgspec.msgpack.Decoder(HostRecord)


def show_explanation(folder: str, url: str, *, as_json: bool) -> None:
    """Show what became of ``url`` in the crawl in ``folder``.

    Raises:
        InvalidURLError: It is no http(s) URL.
        StateError: There is no crawl, or its record is damaged.
    """
    with closing(Reading(Path(folder))) as reading:
        owner, now = owner_of(reading.folder), time.time()
        for found in explain(reading, url):
            waits = list(_waits(reading, found, owner, now))
            if as_json:
                show_json(_for_programs(found, waits, now))
            else:
                show(_rows(found, waits, folder, now))


def _for_programs(found: Explanation, waits: list[str], now: float) -> dict[str, Any]:
    """Return what was ``found``, with times of day instead of seconds from now."""
    shown: dict[str, Any] = msgspec.to_builtins(found)
    shown["state"] = str(found.state or "unknown")
    shown["ended_at"] = None if found.ended_at is None else iso(found.ended_at)
    shown["tries"] = [{**msgspec.to_builtins(each._asdict()), "at": iso(each.at)} for each in found.attempts]
    shown["fault"] = found.fault._asdict() if found.fault else None
    shown["next_try"] = None if found.wait is None else iso(now + found.wait.seconds)
    shown["waits_for"] = waits
    del shown["wait"], shown["attempts"]
    return shown


def _rows(found: Explanation, waits: list[str], folder: str, now: float) -> Iterator[tuple[str, str]]:
    yield "url", found.url if found.method == "GET" else f"{found.method} {found.url}"
    if found.asked != found.url:
        yield "", f"the same page as {found.asked}"
    if found.state is None:
        yield from _unknown(found, now)
        return
    yield "state", _state(found, now)
    for place, text in enumerate(_reasons(found, now)):
        yield "" if place else "because", text
    for place, each in enumerate(found.attempts):
        number = f"{each.attempt}." if each.attempt else "–"
        yield "" if place else "attempts", f"{number} {past(each.at, now)}: {each.error}: {each.message}"
    for place, step in enumerate(found.way):
        named = f", named by {step.named_by}" if step.named_by else ""
        yield "" if place else "way", f"{'→ ' if place else ''}{step.url} ({_HOW[step.how]}{named})"
    for place, text in enumerate(waits):
        yield "" if place else "waits for", text
    yield from _remedies(found, folder)


def _unknown(found: Explanation, now: float) -> Iterator[tuple[str, str]]:
    if found.robots is not None and found.url == f"{found.robots.origin}/robots.txt":
        number = plural(found.robots.rules, "rule")
        yield "state", f"read by the crawl itself: {number} for us; read again {future(found.robots.seconds, now)}"
        return
    yield "state", "not known: nothing that was fetched so far has led to it"
    for place, url in enumerate(found.near):
        yield "" if place else "known is", url


def _state(found: Explanation, now: float) -> str:
    text = str(found.state)
    if found.state is State.DONE and found.status in REDIRECTS:
        text = "done: a redirect, its target is a URL of its own"
    if found.status:
        text += f", status {found.status}"
    if found.ended_at is not None:
        text += f", {past(found.ended_at, now)}"
    attempts = found.attempt + (found.state is not State.PENDING)
    if attempts > 1 or (attempts and found.state is State.PENDING):
        text += f", tried {plural(attempts, 'time')}"
    return f"{text}; depth {count(found.depth)}"


def _reasons(found: Explanation, now: float) -> Iterator[str]:
    """Yield why a URL is in its state; nothing if that needs no reason."""
    if found.fault is not None:
        yield f"{found.fault.error}: {found.fault.message}"
        if remedy := remedy_for(found.fault.error, found.fault.message):
            yield remedy
        if found.fault.traceback:
            yield found.fault.traceback.rstrip()
    elif found.reason:
        yield f"{found.reason}{found.rule and f': {found.rule}'}"
        if found.reason in _REMEDIES:
            yield _REMEDIES[found.reason]
    if found.state is State.DENIED and found.robots is not None:
        yield _rule(found, now)


def _rule(found: Explanation, now: float) -> str:
    robots = found.robots
    if robots is None:
        raise AssertionError("only called where there are rules")
    if robots.permits:
        return f"the robots.txt of {robots.origin} on record now permits it: crawler retry --state denied"
    rule = f" by {robots.rule!r}" if robots.rule else ""
    return f"the robots.txt of {robots.origin} forbids it{rule}; it is read again {future(robots.seconds, now)}"


def _waits(reading: Reading, found: Explanation, owner: str, now: float) -> Iterator[str]:
    """Yield the reasons why a pending URL waits, the longest wait first."""
    if found.state is not State.PENDING:
        return
    host = host_of(found.url)
    if found.wait is not None and found.wait.seconds > 0:
        yield f"its {_ordinal(found.attempt + 1)} attempt, at {future(found.wait.seconds, now)}"
    yield from _host_waits(reading, host)
    if found.robots is None:
        yield f"the robots.txt of {origin_of(found.url)}, if that is asked"
    elif not found.robots.permits:
        yield f"nothing: the robots.txt of {found.robots.origin} forbids it; it is denied when it is next in the queue"
    place, size = found.place or (1, 1)
    queue = f"the queue of {host}: it is number {count(place)} of {count(size)}"
    if owner:
        yield queue if place > 1 else f"{queue}, and may be in flight"
    else:
        yield queue
        yield "a process that crawls: resume the crawl"


def _host_waits(reading: Reading, host: str) -> Iterator[str]:
    data = reading.host(host)
    if data is None:
        return
    record, now = _HOST.decode(data), time.time()
    pace = record.pace
    seconds = reading.seconds_until(record.free_at) if record.free_at else 0.0
    if pace.is_down:
        yield f"nothing: {host} failed so often that it was given up; the URL fails when it is next in the queue"
    elif seconds > 0:
        cause = f", as it failed {plural(pace.failures, 'time')}" if pace.pauses else ", as it asked for one"
        yield f"a pause of {host} until {future(seconds, now)}{cause}"
    if pace.crawl_delay:
        yield f"the delay of {host}: its robots.txt asks for {span(pace.crawl_delay)} between two requests"


def _ordinal(number: int) -> str:
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number if number < 20 else number % 10, 'th') }"


def _remedies(found: Explanation, folder: str) -> Iterator[tuple[str, str]]:
    if found.fault is not None and found.fault.saved:
        yield "look at it", f"crawler replay {quote(found.fault.saved)}"
    if found.state in {State.FAILED, State.QUARANTINED}:
        state = "" if found.state is State.FAILED else f" --state {found.state}"
        yield "try again", f"crawler retry {quote(folder)}{state} {quote(found.url)}"
