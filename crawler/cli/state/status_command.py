"""``crawler status``: how far a crawl is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from crawler.cli.state.shown import show, show_json
from crawler.cli.state.times import future, iso, past
from crawler.models import Ledger, State
from crawler.observe.figures import count, plural, size
from crawler.state.counters_record import CountersRecord
from crawler.state.host_record import HostRecord
from crawler.state.lock import owner_of
from crawler.state.reading import Reading
from crawler.state.schema import COUNTERS
from crawler.url import host_of

_MOST = 10  # hosts of each kind; arbitrary
_HOST = msgspec.msgpack.Decoder(HostRecord)
_FATES = {
    State.DONE: "done",
    State.FAILED: "failed",
    State.DENIED: "denied by robots.txt",
    State.REFUSED: "refused",
    State.QUARANTINED: "quarantined",
    State.PENDING: "pending",
}


class Paused(msgspec.Struct, frozen=True):
    """A host from which nothing is fetched for some ``seconds``."""

    host: str
    seconds: float


class Status(msgspec.Struct, frozen=True):
    """How far a crawl is.

    Attributes:
        folder: Its state folder.
        size: Bytes of the record in it.
        owner: The process that crawls; empty where none does.
        committed_at: When it last wrote something, in seconds since the epoch; ``None`` where it never did.
        ledger: How many URLs are in each state.
        counts: Pages, items, bytes and errors.
        outputs: How far each output is: the token of its sink.
        queues: The hosts with most pending URLs, and how many.
        paused: Hosts from which nothing is fetched for a while.
        down: Hosts that are given up.
        retries: URLs that wait for another attempt.
        next_retry: Seconds until the first of these attempts may begin.
    """

    folder: str
    size: int
    owner: str
    committed_at: float | None
    ledger: Ledger
    counts: CountersRecord
    outputs: dict[str, Any]
    queues: dict[str, int]
    paused: list[Paused]
    down: list[str]
    retries: int
    next_retry: float | None


def show_status(folder: str, *, as_json: bool) -> None:
    """Show how far the crawl in ``folder`` is.

    Raises:
        StateError: There is no crawl, or its record is damaged.
    """
    with closing(Reading(Path(folder))) as reading:
        status, now = status_of(reading), time.time()
    if as_json:
        show_json(_for_programs(status, now))
    else:
        show(_rows(status, now))


def status_of(reading: Reading) -> Status:
    """Return how far a crawl is, from one snapshot of its record."""
    owner = owner_of(reading.folder)
    with reading.moment():
        hosts = [(name, _HOST.decode(data)) for name, data in reading.hosts()]
        retries, next_retry = reading.waiting()
        committed = reading.committed()
        pauses = [(name, reading.seconds_until(host.free_at)) for name, host in hosts if host.free_at]
        return Status(
            folder=str(reading.folder),
            size=reading.size,
            owner=owner,
            committed_at=committed.wall if committed else None,
            ledger=reading.ledger(),
            counts=reading.fact(COUNTERS, CountersRecord) or CountersRecord(),
            outputs=reading.sinks(),
            queues={host_of(queue.url): queue.size for queue in reading.longest_queues(_MOST)},
            paused=[Paused(name, seconds) for name, seconds in pauses if seconds > 0],
            down=[name for name, host in hosts if host.pace.is_down],
            retries=retries,
            next_retry=next_retry,
        )


def _for_programs(status: Status, now: float) -> dict[str, Any]:
    """Return ``status``, with times of day instead of seconds from now."""
    found: dict[str, Any] = msgspec.to_builtins(status)
    at, wait = status.committed_at, status.next_retry
    found["committed_at"] = None if at is None else iso(at)
    found["next_retry"] = None if wait is None else iso(now + wait)
    found["paused"] = {each.host: iso(now + each.seconds) for each in status.paused}
    return found


def _rows(status: Status, now: float) -> Iterator[tuple[str, str]]:
    yield "state", f"{status.folder}, {size(status.size)}"
    yield "in use", f"by {status.owner}" if status.owner else "by nobody" + _way_on(status)
    if status.committed_at is None:
        yield "written", "nothing yet"
        return
    yield "written", past(status.committed_at, now)
    yield "urls", _urls(status.ledger)
    yield "pages", _pages(status.counts)
    errors = sorted(status.counts.errors.items(), key=lambda error: -error[1])
    yield from _listed("errors", [f"{count(number)} × {kind}" for kind, number in errors])
    yield from _listed("output", [_output(name, token) for name, token in status.outputs.items()])
    yield from _listed("pending", [f"{count(number)} of {host}" for host, number in status.queues.items()])
    yield from _listed("paused", [f"{each.host} until {future(each.seconds, now)}" for each in status.paused])
    yield from _listed("given up", status.down)
    if status.retries:
        first = f", the first {future(status.next_retry or 0.0, now)}"
        yield "retries", f"{plural(status.retries, 'URL')} to be tried again{first}"


def _way_on(status: Status) -> str:
    if not status.ledger.pending:
        return "; the crawl is over" if status.committed_at else ""
    return "; the command that it was started with goes on with it"


def _urls(ledger: Ledger) -> str:
    counts = ((getattr(ledger, state), fate) for state, fate in _FATES.items())
    return ", ".join([f"{count(ledger.discovered)} found", *(f"{count(n)} {fate}" for n, fate in counts if n)])


def _pages(counts: CountersRecord) -> str:
    made = f"{plural(counts.fetched, 'page')}, {plural(counts.items, 'item')}, {size(counts.bytes)}"
    more = ((counts.retries, "tried again"), (counts.redirects, "redirected"))
    return ", ".join([made, *(f"{count(number)} {what}" for number, what in more if number)])


def _output(name: str, token: Any) -> str:
    length = token.get("length") if isinstance(token, dict) else None
    return f"{name}: {size(length)}" if isinstance(length, int) else name


def _listed(label: str, lines: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the first of the ``lines``, and how many more there are."""
    for place, line in enumerate(lines[:_MOST]):
        yield "" if place else label, line
    if len(lines) > _MOST:
        yield "", f"and {count(len(lines) - _MOST)} more"
