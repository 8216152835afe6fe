"""The rows that changes are for the tables of `crawler.state.schema`. Made in the thread that writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import msgspec

from crawler.models import State
from crawler.robots.decision import Robots
from crawler.runtime.unicode_text import writable
from crawler.state.changes import Attempt, Changes, Ended, Failed, Found, Lowered, Proven, TooDeep, Unproven, Wait
from crawler.state.host_record import HostRecord
from crawler.state.schema import NUMBERS, PENDING, STATES, TOO_DEEP

Row: TypeAlias = tuple[Any, ...]
_REFUSED = NUMBERS[State.REFUSED]
_encode = msgspec.msgpack.Encoder().encode


def requests(found: Iterable[Found]) -> Iterator[Row]:
    """Yield new requests, each tuple made in one go: to put it together of parts would take twice as long."""
    for each in found:
        new = each.request
        if each.refusal is None:
            yield new.serial, new.url, PENDING, new.depth, each.found_on, each.host, new.rank, None, None, each.more
        else:
            yield new.serial, new.url, _REFUSED, new.depth, each.found_on, None, None, each.at, each.refusal, each.more


def digests(found: Iterable[Found]) -> bytes:
    """Return the digests of new requests, one behind the other."""
    return b"".join([each.digest for each in found])


def too_deep(found: Iterable[TooDeep]) -> Iterator[Row]:
    """Yield what was put off."""
    for each in found:
        yield each.digest, each.request.url, each.request.depth, each.found_on, each.more


def ends(ended: Iterable[Ended]) -> Iterator[Row]:
    """Yield the final states of requests, each with the serial number at the end."""
    for each in ended:
        reason = None if each.reason is None else writable(each.reason)
        request = each.request
        yield NUMBERS[each.state], each.at, each.status or None, reason, request.attempt, request.depth, request.serial


def ways(learnt: Iterable[Lowered | Unproven | Proven]) -> Iterator[tuple[str, Row]]:
    """Yield a statement and its values for each thing that was learnt of depths, in their order."""
    for each in learnt:
        match each:
            case Lowered():
                yield "INSERT OR REPLACE INTO lowered VALUES (?, ?)", (each.digest, each.depth)
                yield "UPDATE unproven SET depth = ?2 WHERE digest = ?1", (each.digest, each.depth)
            case Unproven():
                row = each.digest, each.depth, each.serial, each.step, each.links
                yield "INSERT OR REPLACE INTO unproven VALUES (?, ?, ?, ?, ?)", row
            case Proven():
                yield "DELETE FROM unproven WHERE depth <= ?", (each.depth,)


def over(ended: Iterable[Ended]) -> Iterator[Row]:
    """Yield the serial numbers of requests that have waited for another fetch, and do so no more."""
    return ((each.request.serial,) for each in ended if each.request.attempt)


def waits(waiting: Iterable[Wait]) -> Iterator[Row]:
    """Yield requests that are to be fetched again."""
    return ((each.request.serial, each.request.attempt, each.ready_at) for each in waiting)


def attempts(attempted: Iterable[Attempt]) -> Iterator[Row]:
    """Yield fetches that failed, numbered from 1."""
    for each in attempted:
        number = each.request.attempt + 1
        yield each.request.serial, number, each.at, each.status, each.error, writable(each.message)


def failures(failed: Iterable[Failed]) -> Iterator[Row]:
    """Yield why requests failed for good."""
    for each in failed:
        why = each.failure
        texts = writable(why.traceback), writable(why.saved)
        yield each.request.serial, why.error, writable(why.message), why.attempts, why.status, *texts


def hosts(known: Iterable[tuple[str, HostRecord | None]]) -> Iterator[Row]:
    """Yield what is known of hosts."""
    return ((name, _encode(host)) for name, host in known if host is not None)


def robots(known: Iterable[tuple[str, tuple[float, Robots]]]) -> Iterator[Row]:
    """Yield what is known of the robots.txt of origins."""
    return ((origin, until, _encode(rules)) for origin, (until, rules) in known)


def counted(counts: list[int], changes: Changes) -> list[int]:
    """Return how many URLs are in each state after ``changes``, where ``counts`` were before."""
    counts = counts.copy()
    refused = len([each for each in changes.found if each.refusal is not None])
    counts[_REFUSED] += refused
    counts[PENDING] += len(changes.found) - refused - len(changes.ended)
    for each in changes.ended:
        counts[NUMBERS[each.state]] += 1
    counts[TOO_DEEP] += len(changes.too_deep) - len(changes.taken)
    return counts


def no_counts() -> list[int]:
    """Return the counts of a crawl that knows no URL."""
    return [0] * (len(STATES) + 1)
