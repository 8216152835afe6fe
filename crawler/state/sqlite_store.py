"""The record of a crawl: one transaction for each group of changes. Synchronous; used by one thread at a time."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from os.path import samestat
from pathlib import Path

import msgspec

from crawler.errors import StateError
from crawler.models import Ledger, State
from crawler.policy.state_folder import Durability
from crawler.robots.decision import Robots
from crawler.state import encoding
from crawler.state.changes import Changes
from crawler.state.counters_record import CountersRecord
from crawler.state.database import NAME, open_database
from crawler.state.digests import DigestSet
from crawler.state.folder import make_folder
from crawler.state.host_record import HostRecord, moved
from crawler.state.lock import FolderLock
from crawler.state.moment import Moment
from crawler.state.record import QueuePart, Restored, Ways
from crawler.state.recorded_ways import ways_in
from crawler.state.rows import PutOff, SeedRow, Waiting
from crawler.state.schema import CLOCK, COUNTERS, LATER_TABLES, LEDGER, NUMBERS, PENDING, SNAPSHOT, STATES, TOO_DEEP

# With the first, SQLite syncs at checkpoints alone: after a power failure the file is whole, but may be older.
SYNCHRONOUS = {"process": "NORMAL", "power": "FULL"}
_RULES = msgspec.msgpack.Decoder(Robots)
_HOST = msgspec.msgpack.Decoder(HostRecord)

_FOUND = """
INSERT INTO requests (serial, url, state, depth, found_on, host, rank, ended_at, reason, more)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_ENDED = "UPDATE requests SET state = ?, ended_at = ?, status = ?, reason = ?, attempt = ?, depth = ? WHERE serial = ?"
_WAITS = "INSERT OR REPLACE INTO waits VALUES (?, ?, ?)"
_ATTEMPTS = "INSERT OR REPLACE INTO attempts (serial, attempt, at, status, error, message) VALUES (?, ?, ?, ?, ?, ?)"
_FAILURES = "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?, ?, ?)"
_FACT = "INSERT OR REPLACE INTO facts VALUES (?, ?)"
_WAITING = f"""
SELECT r.serial, r.url, r.depth, p.url, r.rank, r.more, w.attempt, w.ready_at
FROM requests r LEFT JOIN requests p ON p.serial = r.found_on LEFT JOIN waits w ON w.serial = r.serial
WHERE r.state = {PENDING} AND r.host = ?
"""  # noqa: S608  # a number of ours
_NEXT_RANK = f"SELECT min(rank) FROM requests WHERE state = {PENDING} AND host = ? AND rank > ?"  # noqa: S608  # as above
_BEHIND_ALL = (1 << 63) - 1  # a serial number that no request has


class Store:
    """A state folder. Open it before the crawl; `commit` makes changes last."""

    def __init__(self, folder: Path, durability: Durability = "process", *, is_depth_first: bool = False) -> None:
        """Open ``folder``, made where it does not exist.

        Raises:
            StateError: It is in use, another program's, damaged, of another version, or cannot be written.
        """
        self._folder = folder
        make_folder(folder, survives_power=durability == "power")
        self._lock = FolderLock(folder)
        try:
            self._connection = open_database(folder, synchronous=SYNCHRONOUS[durability])
            with self._errors():
                self._connection.executescript(LATER_TABLES)
        except BaseException:
            self._lock.release()
            raise
        self._file = self.path.stat()
        self._newest_first = is_depth_first
        self._counts = encoding.no_counts()

    def __repr__(self) -> str:
        return f"<Store {str(self._folder)!r}>"

    @property
    def path(self) -> Path:
        """The database."""
        return self._folder / NAME

    @property
    def ledger(self) -> Ledger:
        """How many URLs are in each state, as of the last commit."""
        return _ledger(self._counts)

    def load(self) -> Restored:
        """Return what is to be known before the crawl goes on.

        Raises:
            StateError: The file is damaged, or the disk fails.
        """
        with self._errors():
            return self._load()

    def fill(self, seen: DigestSet, too_deep: DigestSet, redirected: DigestSet) -> None:
        """Fill empty sets with the digests of all requests, of what is too deep to be one, and of those redirected."""
        with self._errors():
            for part in self._connection.execute("SELECT start, lengths, data FROM buckets"):
                seen.restore(*part)
            later = "SELECT data FROM digests WHERE first > coalesce((SELECT value FROM facts WHERE name = ?), 0)"
            for (data,) in self._connection.execute(later, (SNAPSHOT,)):
                seen.extend(data)
            for (digest,) in self._connection.execute("SELECT digest FROM too_deep"):
                too_deep.add(digest)
            for (digest,) in self._connection.execute("SELECT digest FROM redirected"):
                redirected.add(digest)

    def ways(self) -> Ways:
        """Return what is known of the depths of URLs. It reads all requests."""
        with self._errors():
            return ways_in(self._connection)

    def no_longer_too_deep(self, max_depth: int | None) -> list[PutOff]:
        """Return what was put off and is not too deep any more."""
        query = """
            SELECT d.url, d.depth, d.found_on, p.url, d.more
            FROM too_deep d LEFT JOIN requests p ON p.serial = d.found_on WHERE d.depth <= ?
        """
        deepest = (1 << 62) if max_depth is None else max_depth
        with self._errors():
            return [PutOff(*row) for row in self._connection.execute(query, (deepest,))]

    def waiting_hosts(self) -> list[str]:
        """Return a URL of each host that has pending requests. The query skips from host to host in the index."""
        query = f"""
            WITH RECURSIVE next(host) AS (
                SELECT min(host) FROM requests WHERE state = {PENDING}
                UNION ALL
                SELECT (SELECT min(host) FROM requests WHERE state = {PENDING} AND host > next.host)
                FROM next WHERE next.host IS NOT NULL
            )
            SELECT (SELECT url FROM requests WHERE state = {PENDING} AND host = next.host LIMIT 1)
            FROM next WHERE host IS NOT NULL
        """  # noqa: S608  # a number of ours
        with self._errors():
            return [url for (url,) in self._connection.execute(query)]

    def seeds(self, after: int, limit: int) -> list[SeedRow]:
        """Return the next seeds behind the serial number ``after``; none at the end."""
        query = "SELECT serial, url, more FROM requests WHERE found_on = 0 AND serial > ? ORDER BY serial LIMIT ?"
        with self._errors():
            return [SeedRow(*row) for row in self._connection.execute(query, (after, limit))]

    def waiting(self, parts: Iterable[QueuePart]) -> list[list[Waiting]]:
        """Return the next pending requests of hosts, each list in the order of the queue."""
        with self._errors():
            return [self._waiting_of(*part) for part in parts]

    def commit(self, changes: Changes) -> None:
        """Write ``changes``, but the pages, in one transaction; all of it or nothing.

        Raises:
            StateError: The disk is full, or fails: ``__cause__`` says which; see `crawler.state.full_disk`. Call
                again, or give up.
        """
        counts = encoding.counted(self._counts, changes)
        with self._errors(), self._transaction():
            self._write_requests(changes)
            self._write_knowledge(changes, counts)
        self._counts = counts

    def recount(self) -> Ledger:
        """Return how many URLs are in each state, counted one by one; it reads all of them.

        Raises:
            StateError: The file was deleted or replaced meanwhile, so that no later crawl would read what is written.
        """
        if not (self.path.exists() and samestat(self.path.stat(), self._file)):
            text = f"the state {str(self.path)!r} was deleted or replaced while the crawl used it"
            raise StateError(f"{text}: it cannot go on; keep its outputs, as the next start begins anew")
        counts = encoding.no_counts()
        with self._errors():
            for state, count in self._connection.execute("SELECT state, count(*) FROM requests GROUP BY state"):
                counts[state] = count
            [counts[TOO_DEEP]] = self._connection.execute("SELECT count(*) FROM too_deep").fetchone()
        return _ledger(counts)

    def close(self) -> None:
        """Close the file and give the lock up."""
        try:
            self._connection.close()
        finally:
            self._lock.release()

    def _load(self) -> Restored:
        execute = self._connection.execute
        facts = dict(execute("SELECT name, value FROM facts"))
        shift = msgspec.json.decode(facts[CLOCK], type=Moment).shift_to(Moment.now()) if CLOCK in facts else 0.0
        if shift:
            self._move_times(shift)
        if LEDGER in facts:
            self._counts = msgspec.json.decode(facts[LEDGER], type=list[int])
        robots = execute("SELECT origin, until, data FROM robots")
        return Restored(
            serial=execute("SELECT coalesce(max(serial), 0) FROM requests").fetchone()[0],
            snapshot=int(facts.get(SNAPSHOT, 0)),
            ledger=self.ledger,
            hosts={name: _HOST.decode(data) for name, data in execute("SELECT name, data FROM hosts")},
            robots={origin: (until, _RULES.decode(data)) for origin, until, data in robots},
            shapes=dict(execute("SELECT shape, count FROM shapes")),
            counters=_counters_in(facts),
            facts=facts,
            sinks=dict(execute("SELECT name, token FROM sinks")),
            is_new=not facts,
        )

    def _move_times(self, shift: float) -> None:
        """Put all times in the file on the present clock."""
        with self._transaction() as connection:
            connection.execute("UPDATE waits SET ready_at = ready_at + ?", (shift,))
            connection.execute("UPDATE robots SET until = until + ?", (shift,))
            hosts = connection.execute("SELECT name, data FROM hosts").fetchall()
            rows = [(moved(data, shift), name) for name, data in hosts]
            connection.executemany("UPDATE hosts SET data = ? WHERE name = ?", rows)
            self._note_json(CLOCK, Moment.now())

    def _note_json(self, name: str, value: object) -> None:
        self._connection.execute(_FACT, (name, msgspec.json.encode(value)))

    def _waiting_of(self, host: int, rank: float, serial: int, limit: int) -> list[Waiting]:
        if self._newest_first:
            return self._newest_of(host, rank, serial, limit)
        # Two queries, as SQLite would answer an OR by reading the whole queue up to that place.
        same = f"{_WAITING} AND r.rank = ? AND r.serial > ? ORDER BY r.serial LIMIT ?"
        rows = [Waiting(*row) for row in self._connection.execute(same, (host, rank, serial, limit))]
        if len(rows) < limit:
            more = f"{_WAITING} AND r.rank > ? ORDER BY r.rank, r.serial LIMIT ?"
            rows += [Waiting(*row) for row in self._connection.execute(more, (host, rank, limit - len(rows)))]
        return rows

    def _newest_of(self, host: int, rank: float | None, serial: int, limit: int) -> list[Waiting]:
        """Return the same where the newest of equal ranks is first. Read rank by rank: the index has another order."""
        same = f"{_WAITING} AND r.rank = ? AND r.serial < ? ORDER BY r.serial DESC LIMIT ?"
        rows: list[Waiting] = []
        while rank is not None and len(rows) < limit:
            found = self._connection.execute(same, (host, rank, serial, limit - len(rows)))
            rows += [Waiting(*row) for row in found]
            serial = _BEHIND_ALL
            [rank] = self._connection.execute(_NEXT_RANK, (host, rank)).fetchone()
        return rows

    def _write_requests(self, changes: Changes) -> None:
        many = self._connection.executemany
        if changes.found:
            many(_FOUND, encoding.requests(changes.found))
            block = changes.found[0].request.serial, encoding.digests(changes.found)
            self._connection.execute("INSERT INTO digests VALUES (?, ?)", block)
        many("INSERT OR IGNORE INTO too_deep VALUES (?, ?, ?, ?, ?)", encoding.too_deep(changes.too_deep))
        many("DELETE FROM too_deep WHERE digest = ?", ((digest,) for digest in changes.taken))
        many("INSERT OR IGNORE INTO redirected VALUES (?)", ((digest,) for digest in changes.redirected))
        for statement, row in encoding.ways(changes.ways):
            self._connection.execute(statement, row)
        many(_WAITS, encoding.waits(changes.waits))
        many(_ENDED, encoding.ends(changes.ended))
        many("DELETE FROM waits WHERE serial = ?", encoding.over(changes.ended))
        many(_ATTEMPTS, encoding.attempts(changes.attempts))
        many(_FAILURES, encoding.failures(changes.failures))

    def _write_knowledge(self, changes: Changes, counts: list[int]) -> None:
        """Write what is no request: what was learnt of hosts, counters, how far the outputs are."""
        many = self._connection.executemany
        many("DELETE FROM hosts WHERE name = ?", ((name,) for name, host in changes.hosts.items() if host is None))
        many("INSERT OR REPLACE INTO hosts VALUES (?, ?)", encoding.hosts(changes.hosts.items()))
        many("INSERT OR REPLACE INTO robots VALUES (?, ?, ?)", encoding.robots(changes.robots.items()))
        many("INSERT OR REPLACE INTO shapes VALUES (?, ?)", changes.shapes.items())
        many("INSERT OR REPLACE INTO sinks VALUES (?, ?)", changes.tokens.items())
        many(_FACT, changes.facts.items())
        self._note_json(LEDGER, counts)
        if changes.counters is not None:
            self._note_json(COUNTERS, changes.counters)
        if changes.snapshot is not None:
            serial, lengths, digests = changes.snapshot
            many("INSERT OR REPLACE INTO buckets VALUES (?, ?, ?)", digests.parts(lengths))
            self._connection.execute(_FACT, (SNAPSHOT, serial))
        self._note_json(CLOCK, Moment.now())

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # a full disk may have ended it
                self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Map what SQLite raises, and what rows raise that cannot be read."""
        try:
            yield
        except (msgspec.MsgspecError, struct.error) as error:
            path = str(self.path)
            raise StateError(f"the state {path!r} is damaged: {error}; put a copy back, or name another") from error
        except sqlite3.Error as error:
            path = str(self.path)
            raise StateError(f"the state {path!r} cannot be written: {error}") from error


def _counters_in(facts: Mapping[str, bytes]) -> CountersRecord:
    return msgspec.json.decode(facts[COUNTERS], type=CountersRecord) if COUNTERS in facts else CountersRecord()


def _ledger(counts: Sequence[int]) -> Ledger:
    states = {state.value: counts[NUMBERS[state]] for state in STATES}
    states[State.REFUSED.value] += counts[TOO_DEEP]
    return Ledger(discovered=sum(counts), **states)
