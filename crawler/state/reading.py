"""Reads a state folder, also while a crawl uses it. Nothing is changed, and nothing unpickled."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from crawler.errors import StateError
from crawler.models import Ledger, State
from crawler.robots.decision import Robots
from crawler.state.database import NAME, read_database
from crawler.state.digests import DIGEST_BYTES
from crawler.state.moment import Moment
from crawler.state.rows import More, more_in
from crawler.state.schema import CLOCK, LEDGER, PENDING, STATES

T = TypeVar("T")

_COLUMNS = "serial, url, state, depth, found_on, host, rank, attempt, status, ended_at, reason, more"
_RULES = msgspec.msgpack.Decoder(Robots)


class Known(NamedTuple):
    """A URL as the record has it; see `crawler.state.schema`. Times are those of the day."""

    serial: int
    url: str
    number: int
    depth: int
    found_on: int
    host: int | None
    rank: float | None
    attempt: int
    status: int | None
    ended_at: float | None
    reason: str | None
    rest: bytes | None

    @property
    def state(self) -> State:
        """Its state.

        Raises:
            StateError: There is no such state.
        """
        if not 0 <= self.number < len(STATES):
            raise StateError(f"the state is damaged: {self.url} is in a state that does not exist, {self.number}")
        return STATES[self.number]

    @property
    def more(self) -> More:
        """What it has beside its URL.

        Raises:
            StateError: That is damaged.
        """
        try:
            return more_in(self.rest)
        except msgspec.MsgspecError as error:
            raise StateError(f"the state is damaged: what it says of {self.url} cannot be read") from error


class FailedAttempt(NamedTuple):
    """A fetch that failed."""

    attempt: int
    at: float
    status: int
    error: str
    message: str


class Fault(NamedTuple):
    """Why a URL failed for good: see `crawler.models.Failure`."""

    error: str
    message: str
    attempts: int
    status: int
    traceback: str
    saved: str


class Wait(NamedTuple):
    """A URL that is to be fetched again: the attempts so far, and in how many seconds the next may begin."""

    attempt: int
    seconds: float


class PutOff(NamedTuple):
    """A URL that was found, but too deep to be a request."""

    url: str
    depth: int
    found_on: int


class HostQueue(NamedTuple):
    """The pending URLs of one host: one of them, and how many."""

    url: str
    size: int


class Reading:
    """A state folder that is read. Close it when done; what it raises is `StateError`.

    Attributes:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        """Open ``folder``.

        Raises:
            StateError: It is no state folder, or of another version, or damaged.
        """
        self.folder = folder
        self._connection = read_database(folder)
        self._now = Moment.now()
        self._shift: float | None = None

    def __repr__(self) -> str:
        return f"<Reading {str(self.folder)!r}>"

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def moment(self) -> Iterator[None]:
        """Within this, all that is read is of one moment of the crawl. Keep it short."""
        self.select("BEGIN")
        try:
            yield
        finally:
            self.select("COMMIT")

    # ── the crawl ──

    @property
    def size(self) -> int:
        """The bytes that the record takes on the disk."""
        parts = (self.folder / f"{NAME}{suffix}" for suffix in ("", "-wal", "-shm"))
        return sum(part.stat().st_size for part in parts if part.exists())

    def ledger(self) -> Ledger:
        """Return how many URLs were in each state at the last commit."""
        counts = self.fact(LEDGER, list[int]) or [0]
        states = {state.value: count for state, count in zip(STATES, counts, strict=False)}
        too_deep = sum(counts[len(STATES) :])
        states[State.REFUSED.value] = states.get(State.REFUSED.value, 0) + too_deep
        return Ledger(discovered=sum(counts), **states)

    def committed(self) -> Moment | None:
        """Return when the crawl last wrote something; ``None`` where it never did."""
        return self.fact(CLOCK, Moment)

    def fact(self, name: str, kind: type[T]) -> T | None:
        """Return what is noted as JSON under a ``name``; ``None`` where there is nothing."""
        for (value,) in self.select("SELECT value FROM facts WHERE name = ?", name):
            try:
                return msgspec.json.decode(value, type=kind)
            except msgspec.MsgspecError as error:
                raise self._damaged(f"{name}: {error}") from error
        return None

    def sinks(self) -> dict[str, Any]:
        """Return how far each output is: its token, by its name."""
        return {name: _plain(token) for name, token in self.select("SELECT name, token FROM sinks ORDER BY name")}

    def hosts(self) -> list[tuple[str, bytes]]:
        """Return what is known of hosts: see `crawler.state.host_record.HostRecord`."""
        return self.select("SELECT name, data FROM hosts ORDER BY name")

    def host(self, name: str) -> bytes | None:
        """Return what is known of the host ``name``."""
        return next((data for (data,) in self.select("SELECT data FROM hosts WHERE name = ?", name)), None)

    def longest_queues(self, limit: int) -> list[HostQueue]:
        """Return the hosts with most pending URLs."""
        query = f"""
            SELECT (SELECT url FROM requests WHERE state = {PENDING} AND host = queues.host LIMIT 1), size
            FROM (SELECT host, count(*) AS size FROM requests WHERE state = {PENDING} GROUP BY host
                  ORDER BY size DESC, host LIMIT ?) AS queues
        """  # noqa: S608  # a number of ours
        return [HostQueue(*row) for row in self.select(query, limit)]

    def waiting(self) -> tuple[int, float | None]:
        """Return how many URLs wait to be fetched again, and in how many seconds the first may be."""
        [(count, first)] = self.select("SELECT count(*), min(ready_at) FROM waits")
        return count, None if first is None else self.seconds_until(first)

    def seconds_until(self, monotonic: float) -> float:
        """Return the seconds until a time of the crawl's monotonic clock; negative where that has passed."""
        if self._shift is None:
            noted = self.committed()
            self._shift = noted.shift_to(self._now) if noted else 0.0
        return monotonic + self._shift - self._now.monotonic

    # ── one URL ──

    def find(self, digest: bytes) -> Known | None:
        """Return the URL whose fingerprint has a ``digest``; it takes a tenth of a second for 10⁷ of them."""
        for first, data in self._each("SELECT first, data FROM digests"):
            place = data.find(digest)
            while place >= 0 and place % DIGEST_BYTES:  # a match across two digests
                place = data.find(digest, place + 1)
            if place >= 0:
                return self.at(first + place // DIGEST_BYTES)
        return None

    def others_of(self, url: str) -> list[Known]:
        """Return requests for ``url`` that its digest does not find, as they are no plain GETs. Reads all rows."""
        return [Known(*row) for row in self.select(f"SELECT {_COLUMNS} FROM requests WHERE url = ?", url)]  # noqa: S608

    def at(self, serial: int) -> Known | None:
        """Return the URL with a ``serial`` number."""
        query = f"SELECT {_COLUMNS} FROM requests WHERE serial = ?"  # noqa: S608  # names of ours
        return next((Known(*row) for row in self.select(query, serial)), None)

    def put_off(self, digest: bytes) -> PutOff | None:
        """Return what is too deep, by the ``digest`` of its fingerprint."""
        query = "SELECT url, depth, found_on FROM too_deep WHERE digest = ?"
        return next((PutOff(*row) for row in self.select(query, digest)), None)

    def way_to(self, serial: int) -> list[Known]:
        """Return the URL with a ``serial`` number and what led there, the seed first."""
        way: list[Known] = []
        while serial and (known := self.at(serial)):
            way.append(known)
            serial = known.found_on if known.found_on < serial else 0  # a damaged file may lead in a circle
        return way[::-1]

    def attempts_of(self, serial: int) -> list[FailedAttempt]:
        """Return the attempts that failed, the earliest first."""
        query = "SELECT attempt, at, status, error, message FROM attempts WHERE serial = ? ORDER BY at, attempt"
        return [FailedAttempt(*row) for row in self.select(query, serial)]

    def fault_of(self, serial: int) -> Fault | None:
        """Return why a URL failed; ``None`` where it did not, or where only its ``reason`` is known."""
        query = "SELECT error, message, attempts, status, traceback, saved FROM failures WHERE serial = ?"
        return next((Fault(*row) for row in self.select(query, serial)), None)

    def wait_of(self, serial: int) -> Wait | None:
        """Return when a URL is to be fetched again."""
        query = "SELECT attempt, ready_at FROM waits WHERE serial = ?"
        rows = self.select(query, serial)
        return next((Wait(attempt, self.seconds_until(ready_at)) for attempt, ready_at in rows), None)

    def place_of(self, known: Known, *, is_newest_first: bool = False) -> tuple[int, int]:
        """Return the place of a pending URL in the queue of its host, from 1, and how long that is."""
        before = ">" if is_newest_first else "<"
        queue = f"SELECT count(*) FROM requests WHERE state = {PENDING} AND host = ?"  # noqa: S608  # a number of ours
        [(size,)] = self.select(queue, known.host)
        [(better,)] = self.select(f"{queue} AND rank < ?", known.host, known.rank)
        [(older,)] = self.select(f"{queue} AND rank = ? AND serial {before} ?", known.host, known.rank, known.serial)
        return better + older + 1, size

    def robots_of(self, origin: str) -> tuple[Robots, float] | None:
        """Return what the robots.txt of an ``origin`` says, and in how many seconds it is read again."""
        for until, data in self.select("SELECT until, data FROM robots WHERE origin = ?", origin):
            try:
                return _RULES.decode(data), self.seconds_until(until)
            except msgspec.MsgspecError as error:
                raise self._damaged(f"robots.txt of {origin}: {error}") from error
        return None

    def select(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows that a ``query`` of ours finds."""
        return list(self._each(query, *values))

    def _each(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._connection.execute(query, values)
        except sqlite3.Error as error:
            raise self._damaged(str(error)) from error

    def _damaged(self, reason: str) -> StateError:
        return StateError(f"the state {str(self.folder / NAME)!r} cannot be read: {reason}")


def _plain(token: bytes) -> Any:
    """Return a token as what it is in JSON; as text where it is not."""
    try:
        return msgspec.json.decode(token)
    except msgspec.MsgspecError:
        return token.decode("utf-8", "replace")
