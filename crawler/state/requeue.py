"""Puts URLs that failed back into the queue of a crawl that is not running."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from crawler.errors import ConfigurationError, StateError
from crawler.models import Request, State
from crawler.policy.order import Ranking
from crawler.policy.pace import PaceRecord
from crawler.state.counters_record import CountersRecord
from crawler.state.database import NAME, open_database
from crawler.state.digests import digest_of
from crawler.state.explanation import canonical, options_of
from crawler.state.host_record import HostRecord, host_key
from crawler.state.listing import Selection, listed
from crawler.state.lock import FolderLock
from crawler.state.reading import Known, Reading
from crawler.state.recorded_options import RecordedOptions
from crawler.state.schema import COUNTERS, LEDGER, PENDING
from crawler.url import host_of, origin_of

RETRIED = (State.FAILED, State.QUARANTINED, State.DENIED, State.REFUSED)
"""The states from which a URL can be made pending again: what is done is in the output already."""

T = TypeVar("T")

_HOST = msgspec.msgpack.Decoder(HostRecord)
_NOTHING = HostRecord()
_PENDING_AGAIN = """
UPDATE requests SET state = ?, attempt = 0, status = NULL, ended_at = NULL, reason = NULL, host = ?, rank = ?
WHERE serial = ?
"""


def retry(folder: Path, selection: Selection, urls: Sequence[str] = ()) -> int:
    """Make URLs pending again, as if they had never been fetched; return how many.

    Their hosts get another chance where they were given up. A robots.txt that forbids one of the URLs is read again.
    The attempts that failed stay on record.

    Args:
        folder: A state folder that no crawl uses.
        selection: Which URLs; what is too deep stays so.
        urls: Only these of them.

    Raises:
        InvalidURLError: One of ``urls`` is no http(s) URL.
        ConfigurationError: One of them is not known, or none of the ``selection``.
        StateError: A crawl uses the folder; or its record is damaged, or cannot be written. Nothing is changed.
    """
    with closing(Reading(folder)) as reading:  # before a lock is made in what may be no state folder
        lock = FolderLock(folder)
        try:
            options = options_of(reading)
            named = (_named(reading, url, selection, options) for url in urls)
            found = chain.from_iterable(named) if urls else (each.known for each in listed(reading, selection))
            chosen = {known.serial: known for known in found if known.serial}
            ranking = Ranking("depth" if options.is_newest_first else "breadth")
            if chosen:
                _write(folder, list(chosen.values()), ranking)
        finally:
            lock.release()
    return len(chosen)


def _named(reading: Reading, url: str, selection: Selection, options: RecordedOptions) -> list[Known]:
    """Return the requests for ``url``, known to be of the ``selection``."""
    normalised = canonical(url, options)
    known = reading.find(digest_of(Request(normalised).fingerprint))
    found = [known] if known else reading.others_of(normalised)
    if not found:
        raise ConfigurationError(f"{normalised} is not known to this crawl, or too deep; crawler explain says more")
    for each in found:
        if each.state is State.DONE:
            raise ConfigurationError(f"{normalised} is done, and its items are in the output: it cannot be retried")
        if each.state not in selection.states:
            raise ConfigurationError(f"{normalised} is {each.state}: --state {each.state} retries it")
    return found


def _write(folder: Path, chosen: Sequence[Known], ranking: Ranking) -> None:
    try:
        with closing(open_database(folder, synchronous="FULL")) as connection, _transaction(connection):
            _recount(connection, chosen)
            places = [(PENDING, *_place_of(known, ranking), known.serial) for known in chosen]
            connection.executemany(_PENDING_AGAIN, places)
            for table in ("waits", "failures"):
                serials = [(known.serial,) for known in chosen]
                connection.executemany(f"DELETE FROM {table} WHERE serial = ?", serials)  # noqa: S608  # names of ours
            _forgive_hosts(connection, {host_of(known.url) for known in chosen})
            denied = {origin_of(known.url) for known in chosen if known.state is State.DENIED}
            connection.executemany("DELETE FROM robots WHERE origin = ?", [(origin,) for origin in denied])
    except (sqlite3.Error, msgspec.MsgspecError) as error:
        raise StateError(f"the state {str(folder / NAME)!r} cannot be written: {error}") from error


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk may have ended it
            connection.execute("ROLLBACK")
        raise


def _place_of(known: Known, ranking: Ranking) -> tuple[int, float]:
    """Return the host and the rank of a request; one that was refused gets those of a pending one."""
    if known.host is not None and known.rank is not None:
        return known.host, known.rank
    request = Request(known.url, depth=known.depth, priority=known.more.priority)
    return host_key(host_of(known.url)), ranking.rank_of(request)


def _recount(connection: sqlite3.Connection, chosen: Sequence[Known]) -> None:
    """Count the requests as pending, and do not count their errors any more."""
    counts, counters = _fact(connection, LEDGER, list[int]), _fact(connection, COUNTERS, CountersRecord)
    if counts is None or counters is None:
        raise sqlite3.DataError("its counts are missing")
    errors = Counter(counters.errors)
    for known in chosen:
        counts[known.number] -= 1
        counts[PENDING] += 1
        for (error,) in connection.execute("SELECT error FROM failures WHERE serial = ?", (known.serial,)):
            errors[error] -= 1
    _note(connection, LEDGER, counts)
    _note(connection, COUNTERS, replace(counters, errors=dict(+errors)))


def _forgive_hosts(connection: sqlite3.Connection, names: Iterable[str]) -> None:
    """Forget that hosts failed; what they asked for still holds."""
    for name in names:
        for (data,) in connection.execute("SELECT data FROM hosts WHERE name = ?", (name,)).fetchall():
            known = _HOST.decode(data)
            free_at = 0.0 if known.pace.pauses else known.free_at
            forgiven = HostRecord(free_at, pace=PaceRecord(known.pace.crawl_delay))
            if forgiven == _NOTHING:
                connection.execute("DELETE FROM hosts WHERE name = ?", (name,))
            else:
                connection.execute("UPDATE hosts SET data = ? WHERE name = ?", (msgspec.msgpack.encode(forgiven), name))


def _fact(connection: sqlite3.Connection, name: str, kind: type[T]) -> T | None:
    for (value,) in connection.execute("SELECT value FROM facts WHERE name = ?", (name,)):
        return msgspec.json.decode(value, type=kind)
    return None


def _note(connection: sqlite3.Connection, name: str, value: Any) -> None:
    connection.execute("UPDATE facts SET value = ? WHERE name = ?", (msgspec.json.encode(value), name))
