"""Reads the pages that a crawl has saved, as its parser saw them; during the crawl, or after it."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from crawler.document.page import Page
from crawler.errors import CrawlerError, DamagedBodyError, ParseError, StateError
from crawler.http.redirect import REDIRECTS
from crawler.models import Request, State
from crawler.runtime.zstandard import decompressed
from crawler.state.body_store import BODIES, FINAL_URL, unpacked
from crawler.state.database import read_database
from crawler.state.digests import DigestSet, digest_of
from crawler.state.rows import request_of
from crawler.state.schema import NUMBERS, PENDING

# A pending request has not ended: its page is one that a kill left behind.
_PAGES = f"""
SELECT k.serial, k.request, k.body, k.status, k.headers, k.seconds, k.changed,
       r.url, r.depth, p.url, r.rank, r.more, r.attempt
FROM bodies.pages k JOIN requests r ON r.serial = k.serial LEFT JOIN requests p ON p.serial = r.found_on
WHERE k.serial > ? AND r.state != {PENDING} ORDER BY k.serial
"""  # noqa: S608  # a number of ours
_BODY = "SELECT size, data FROM bodies.bodies WHERE id = ?"
_WITHOUT = f"""
SELECT count(*) FROM requests r
WHERE r.state = {NUMBERS[State.DONE]} AND r.status NOT IN ({", ".join(map(str, sorted(REDIRECTS)))})
AND NOT EXISTS (SELECT 1 FROM bodies.pages k WHERE k.serial = r.serial)
"""  # noqa: S608  # numbers of ours
_OVERHEAD = 1024  # bytes that a page takes in addition to its body; arbitrary


class SavedPage(NamedTuple):
    """A page, and the error that keeps it from being parsed again, if there is one."""

    page: Page
    error: CrawlerError | None = None


class SavedPages:
    """The pages of a state folder, in the order in which they were discovered. Used by one thread at a time."""

    def __init__(self, folder: Path) -> None:
        """Open ``folder`` to read it; a crawl may use it meanwhile.

        Raises:
            StateError: It is no state folder, keeps no bodies, or cannot be used.
        """
        self._folder = folder
        self._connection = read_database(folder)
        try:
            with self._errors():
                self._attach()
        except BaseException:
            self._connection.close()
            raise

    def __repr__(self) -> str:
        return f"<SavedPages of {str(self._folder)!r}>"

    def _attach(self) -> None:
        path = self._folder / BODIES.name
        if not path.exists():
            remedy = "crawl with StateFolder(…, keep_bodies=True) to have them"
            raise StateError(f"the state folder {str(self._folder)!r} keeps no bodies of pages: {remedy}")
        read_database(self._folder, BODIES).close()  # is it ours, and of our version?
        self._connection.execute("ATTACH ? AS bodies", (f"{path.absolute().as_uri()}?mode=ro",))

    def count(self) -> int:
        """Return how many pages are saved. Those that a kill left behind, some dozens at most, are among them."""
        return self._number("SELECT count(*) FROM bodies.pages")

    def count_without(self) -> int:
        """Return how many pages are not saved: they were fetched when the crawl did not keep bodies."""
        return self._number(_WITHOUT)

    def read(self, after: int, most_bytes: int, labels: Collection[str] = ()) -> list[SavedPage]:
        """Return the next pages behind the serial number ``after``; none at the end.

        Args:
            after: That of the last page before; 0 for the first.
            most_bytes: Of bodies; a single larger page is read too.
            labels: Those wanted; all if empty.

        Raises:
            StateError: The file is damaged, or the disk fails.
        """
        pages: list[SavedPage] = []
        size = 0
        with self._errors(), closing(self._connection.execute(_PAGES, (after,))) as rows:
            for row in rows:
                saved = self._page_of(_Row(*row), labels)
                if saved is not None:
                    pages.append(saved)
                    size += len(saved.page.body) + _OVERHEAD
                if size >= most_bytes:
                    break
        return pages

    def fill(self, known: DigestSet) -> None:
        """Fill an empty set with the digests of all URLs that the crawl has discovered."""
        with self._errors():
            for (data,) in self._connection.execute("SELECT data FROM digests"):
                known.extend(data)
            for (digest,) in self._connection.execute("SELECT digest FROM too_deep"):
                known.add(digest)

    def seeds(self) -> list[str]:
        """Return the URLs that the crawl began with."""
        with self._errors():
            rows = self._connection.execute("SELECT url, more FROM requests WHERE found_on = 0 AND depth = 0")
            return [url for url, more in rows if not request_of(url, more).parent]

    def outputs(self) -> set[str]:
        """Return the names of the sinks that the crawl is going to write to; none where nothing is pending."""
        query = f"SELECT name FROM sinks WHERE EXISTS (SELECT 1 FROM requests WHERE state = {PENDING})"  # noqa: S608
        with self._errors():
            return {name for (name,) in self._connection.execute(query)}

    def close(self) -> None:
        """Close the files."""
        self._connection.close()

    def _page_of(self, row: _Row, labels: Collection[str]) -> SavedPage | None:
        """Return the page of a row; ``None`` where it is not wanted, or of another request than the row says."""
        request, error = _request_of(row)
        if labels and request.label not in labels:
            return None
        if error is None and digest_of(request.fingerprint) != row.digest:
            return None
        body = b"" if error else self._body_of(row.body)
        if body is None:
            error = DamagedBodyError(f"the body of this page is damaged in {str(self._folder / BODIES.name)!r}")
        try:
            headers = unpacked(row.headers)
        except ValueError:
            headers, error = (), DamagedBodyError("the header fields of this page are damaged")
        changed = None if row.changed is None else bool(row.changed)
        url = row.url
        if headers and headers[-1][0] == FINAL_URL:
            url, headers = headers[-1][1], headers[:-1]
        page = Page(url, body or b"", status=row.status, headers=headers, request=request, seconds=row.seconds)
        page.changed = changed
        return SavedPage(page, error)

    def _body_of(self, number: int) -> bytes | None:
        found = self._connection.execute(_BODY, (number,)).fetchone()
        return None if found is None else decompressed(found[1], found[0])

    def _number(self, query: str) -> int:
        with self._errors():
            return int(self._connection.execute(query).fetchone()[0])

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Map what SQLite raises."""
        try:
            yield
        except sqlite3.Error as error:
            raise StateError(f"the state folder {str(self._folder)!r} cannot be read: {error}") from error


class _Row(NamedTuple):
    """A page and its request, as they are read from the disk."""

    serial: int
    digest: bytes
    body: int
    status: int
    headers: bytes
    seconds: float
    changed: int | None
    url: str
    depth: int
    parent: str | None
    rank: float | None
    more: bytes | None
    attempt: int


def _request_of(row: _Row) -> tuple[Request, CrawlerError | None]:
    """Return the request of a row; without all but its URL, and with an error, where the rest cannot be read."""
    error: CrawlerError | None = None
    try:
        request = request_of(row.url, row.more, row.parent or "")
    except Exception as cause:  # metadata may be of a type of the user's, which may raise anything
        text = f"the request of this page cannot be read back: {type(cause).__name__}: {cause}"
        request, error = Request(row.url), ParseError(text)
    return replace(request, depth=row.depth, attempt=row.attempt, serial=row.serial, rank=row.rank or 0.0), error
