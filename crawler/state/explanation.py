"""What became of one URL, put together from the record of its crawl."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from crawler.models import SITEMAP, Refusal, Request, State
from crawler.robots.reason import rule_for
from crawler.state.digests import digest_of
from crawler.state.reading import FailedAttempt, Fault, Known, PutOff, Reading, Wait
from crawler.state.recorded_options import RecordedOptions
from crawler.url import origin_of, resolve, without_userinfo

_SITEMAP, _LINK, _REDIRECT, _SEED = "sitemap", "link", "redirect", "seed"
_REDIRECTED = re.compile(r"redirected to (\S+): ").match  # how the message of a failure begins


@dataclass(frozen=True, slots=True)
class Step:
    """One URL on the way from a seed, and how it was found: ``seed``, ``link``, ``redirect``, ``sitemap``.

    Attributes:
        named_by: The robots.txt that named a sitemap which is a seed.
    """

    url: str
    how: str
    named_by: str = ""


@dataclass(frozen=True, slots=True)
class RobotsRule:
    """What the robots.txt of an origin says of a URL, by the rules that the record has.

    Attributes:
        origin: The origin.
        permits: Whether the URL may be fetched.
        rule: The rule that decides; empty where none does.
        rules: How many rules there are for this crawler.
        seconds: Until the file is read again.
    """

    origin: str
    permits: bool
    rule: str
    rules: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """What became of a URL, and why.

    Attributes:
        asked: The URL as the user gave it.
        url: Its canonical form in this crawl.
        state: Its state; ``None`` where it is not known.
        method: Of its request.
        depth: Links from its seed.
        attempt: Attempts before the last one, or the next one where it is pending.
        status: The status of its last answer; 0 where there was none.
        ended_at: When its request ended, in seconds since the epoch.
        reason: Why it was not fetched; of a redirect, where it leads.
        rule: The option that refused it, as it was when the crawl last ran; empty where that is not known.
        fault: The error that it failed with.
        attempts: The attempts that failed.
        way: How it was found, the seed first, itself last.
        robots: What robots.txt says of it.
        wait: When it is fetched again.
        place: Its place in the queue of its host, and how long that is.
        near: Known URLs that are almost the same.
    """

    asked: str
    url: str
    state: State | None = None
    method: str = "GET"
    depth: int = 0
    attempt: int = 0
    status: int = 0
    ended_at: float | None = None
    reason: str = ""
    rule: str = ""
    fault: Fault | None = None
    attempts: tuple[FailedAttempt, ...] = ()
    way: tuple[Step, ...] = ()
    robots: RobotsRule | None = None
    wait: Wait | None = None
    place: tuple[int, int] | None = None
    near: tuple[str, ...] = field(default=())


def explain(reading: Reading, asked: str) -> list[Explanation]:
    """Return what became of the URL ``asked`` for: one explanation for each of its requests.

    Raises:
        InvalidURLError: It is no http(s) URL.
        StateError: The record is damaged.
    """
    options = options_of(reading)
    url = canonical(asked, options)
    asked = url if "@" in asked else asked  # it may have a password
    with reading.moment():
        digest = digest_of(Request(url).fingerprint)
        if known := reading.find(digest):
            return [_of_known(reading, asked, known, options)]
        if put_off := reading.put_off(digest):
            return [_of_put_off(reading, asked, put_off, options)]
        found = [_of_known(reading, asked, known, options) for known in reading.others_of(url)]
        near = tuple(each for each in _variants(url) if reading.find(digest_of(Request(each).fingerprint)))
        return found or [Explanation(asked, url, robots=_robots(reading, url), near=near)]


def options_of(reading: Reading) -> RecordedOptions:
    """Return the options that the crawl last had."""
    return RecordedOptions(reading.fact("options", dict[str, str]) or {})


def canonical(url: str, options: RecordedOptions) -> str:
    """Return the canonical form of ``url`` in a crawl with these ``options``.

    Raises:
        InvalidURLError: It is no http(s) URL.
    """
    url = without_userinfo(resolve("", url.strip()))
    return url if options.rewriting is None else options.rewriting.rewritten(url)


def _of_known(reading: Reading, asked: str, known: Known, options: RecordedOptions) -> Explanation:
    is_pending = known.state is State.PENDING
    fault = reading.fault_of(known.serial)
    wait = reading.wait_of(known.serial) if is_pending else None
    place = reading.place_of(known, is_newest_first=options.is_newest_first) if is_pending else None
    return Explanation(
        asked,
        known.url,
        known.state,
        known.more.method,
        known.depth,
        wait.attempt if wait else known.attempt,
        known.status or 0,
        known.ended_at,
        known.reason or "",
        options.rule_against(known.url, known.reason or ""),
        fault,
        tuple(reading.attempts_of(known.serial)),
        tuple(_steps(reading.way_to(known.serial))),
        _robots(reading, _fetched(known.url, fault)),
        wait,
        place,
    )


def _fetched(url: str, fault: Fault | None) -> str:
    """Return the URL that was fetched last for ``url``: that to which redirects had led where it failed."""
    found = _REDIRECTED(fault.message) if fault else None
    return found[1] if found else url


def _of_put_off(reading: Reading, asked: str, put_off: PutOff, options: RecordedOptions) -> Explanation:
    way = reading.way_to(put_off.found_on)
    how = _SITEMAP if way and way[-1].more.label == SITEMAP else _LINK
    steps = (*_steps(way), Step(put_off.url, how))
    reason = Refusal.DEPTH.value
    rule = options.rule_against(put_off.url, reason)
    return Explanation(asked, put_off.url, State.REFUSED, depth=put_off.depth, reason=reason, rule=rule, way=steps)


def _steps(way: list[Known]) -> Iterator[Step]:
    label = ""
    for place, known in enumerate(way):
        more = known.more
        how = _REDIRECT if more.redirects else _SITEMAP if label == SITEMAP else _LINK if place else _SEED
        yield Step(known.url, how, "" if place else more.parent)
        label = more.label


def _robots(reading: Reading, url: str) -> RobotsRule | None:
    origin = origin_of(url)
    found = reading.robots_of(origin)
    if found is None:
        return None
    robots, seconds = found
    return RobotsRule(origin, robots.permits(url), rule_for(robots, url), len(robots.rules), seconds)


def _variants(url: str) -> Iterator[str]:
    """Yield URLs that people take for the same page as ``url``."""
    _, _, rest = url.partition("://")
    address, mark, query = rest.partition("?")
    other = f"{address[:-1] if address.endswith('/') else f'{address}/'}{mark}{query}"
    # The canonical form of a host alone has the slash, so there is no other form without it.
    same_scheme = (rest, other) if "/" in other else (rest,)
    yield from (f"{each}://{part}" for each in ("https", "http") for part in same_scheme if f"{each}://{part}" != url)
