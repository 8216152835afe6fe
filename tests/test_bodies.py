"""The bodies that a crawl keeps: given back byte for byte, each once, and in step with the record of the crawl."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from crawler.document.page import Page
from crawler.errors import DamagedBodyError, ParseError, StateError
from crawler.models import Request, State
from crawler.policy.state_folder import StateFolder
from crawler.state.body_store import BODIES, BodyStore, packed, unpacked
from crawler.state.database import NAME
from crawler.state.digests import digest_of
from crawler.state.full_disk import is_full
from crawler.state.memory_journal import MemoryJournal
from crawler.state.saved_pages import SavedPage, SavedPages
from crawler.state.sqlite_record import open_record
from crawler.state.sqlite_store import Store

MUCH = 2**40


class Crawl:
    """The state folder of a crawl, written as the committer writes it: pages first, then what became of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._store = Store(folder)
        self._bodies = BodyStore(folder)
        self._journal = MemoryJournal(lambda: None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bodies.close()
        self._store.close()

    def find(self, *pages: Page, found_on: int = 0) -> None:
        for page in pages:
            request = page.request
            self._journal.found(request, digest_of(request.fingerprint), found_on, 1)
        self._store.commit(self._journal.take())

    def keep(self, *pages: Page) -> None:
        """Do the first half of a commit; a kill may follow."""
        self._bodies.write(pages)

    def end(self, *pages: Page, state: State = State.DONE) -> None:
        for page in pages:
            self._journal.ended(page.request, state, page.status)
        self._store.commit(self._journal.take())

    def take_results(self, *pages: Page) -> None:
        self.find(*pages)
        self.keep(*pages)
        self.end(*pages)


def page_of(serial: int, body: bytes = b"<h1>", url: str = "") -> Page:
    request = Request(url or f"http://a.example/{serial}", serial=serial)
    return Page(request.url, body, request=request)


def read(folder: Path, labels: Sequence[str] = ()) -> list[SavedPage]:
    pages = SavedPages(folder)
    try:
        return pages.read(0, MUCH, labels)
    finally:
        pages.close()


def fields(page: Page) -> tuple[object, ...]:
    return page.url, page.body, page.status, page.headers, page.request, page.seconds, page.changed


@pytest.fixture
def crawl(tmp_path: Path) -> Iterator[Crawl]:
    with Crawl(tmp_path / "state") as crawl:
        yield crawl


def execute(file: Path, query: str, *values: object) -> None:
    connection = sqlite3.connect(file)
    with connection:
        connection.execute(query, values)
    connection.close()


# ── what comes back ──

TEXTS = st.text(max_size=20)
ODD_TEXTS = st.text(st.characters(codec=None), max_size=20)  # with half characters, as odd bytes of headers are
REQUESTS = st.builds(
    Request,
    url=st.just("http://a.example/"),
    method=st.sampled_from(["GET", "POST"]),
    headers=st.lists(st.tuples(TEXTS, TEXTS), max_size=2).map(tuple),
    body=st.none() | st.binary(max_size=20),
    label=TEXTS,
    priority=st.integers(-100, 100),
    metadata=st.none() | st.dictionaries(TEXTS, st.integers() | TEXTS, min_size=1, max_size=2),
    depth=st.integers(0, 100),
    parent=TEXTS,
    redirects=st.integers(0, 10),
    attempt=st.integers(0, 10),
    serial=st.integers(1, 2**40),
    rank=st.floats(allow_nan=False, allow_infinity=False),
)


@settings(max_examples=40)
@given(
    request=REQUESTS,
    body=st.binary(max_size=2000),
    headers=st.lists(st.tuples(ODD_TEXTS, ODD_TEXTS), max_size=5).map(tuple),
    changed=st.sampled_from([None, False, True]),
    seconds=st.floats(0, 100),
)
def test_a_page_comes_back_as_it_was(
    request: Request, body: bytes, headers: tuple[tuple[str, str], ...], changed: bool | None, seconds: float
) -> None:
    page = Page(request.url, body, status=203, headers=headers, request=request, seconds=seconds, changed=changed)
    with tempfile.TemporaryDirectory() as folder, Crawl(Path(folder)) as crawl:
        crawl.take_results(page)

        [kept] = read(crawl.folder)

    assert kept.error is None
    assert fields(kept.page) == fields(page)


@given(st.lists(st.tuples(ODD_TEXTS, ODD_TEXTS)).map(tuple))
def test_header_fields_come_back_with_their_odd_bytes(headers: tuple[tuple[str, str], ...]) -> None:
    assert unpacked(packed(headers)) == headers


def test_the_parent_of_a_page_is_that_which_it_was_found_on(crawl: Crawl) -> None:
    first = page_of(1)
    second = page_of(2)
    second.request = replace(second.request, parent=first.url, depth=1)
    crawl.take_results(first)
    crawl.find(second, found_on=1)
    crawl.keep(second)
    crawl.end(second)

    assert [(kept.page.request.parent, kept.page.depth) for kept in read(crawl.folder)] == [("", 0), (first.url, 1)]


def test_pages_come_in_the_order_of_discovery_and_in_parts(crawl: Crawl) -> None:
    crawl.take_results(*(page_of(serial, b"x" * 1000) for serial in (5, 2, 9, 1)))
    pages = SavedPages(crawl.folder)

    parts, after = [], 0
    while part := pages.read(after, 3000):
        parts.append([kept.page.request.serial for kept in part])
        after = parts[-1][-1]
    pages.close()

    assert parts == [[1, 2], [5, 9]]


def test_only_pages_of_the_labels_that_are_wanted_are_read(crawl: Crawl) -> None:
    labels = {1: "", 2: "book", 3: "list", 4: "book"}
    for serial, label in labels.items():
        crawl.take_results(
            Page("http://a.example/", request=Request(f"http://a.example/{serial}", "GET", label=label, serial=serial))
        )

    assert [kept.page.request.serial for kept in read(crawl.folder, ["book"])] == [2, 4]


def test_pages_that_failed_are_given_back_too(crawl: Crawl) -> None:
    pages = page_of(1), page_of(2)
    crawl.find(*pages)
    crawl.keep(*pages)
    crawl.end(pages[0], state=State.FAILED)
    crawl.end(pages[1], state=State.QUARANTINED)

    assert [kept.page.url for kept in read(crawl.folder)] == [page.url for page in pages]


# ── each body once ──


def test_a_body_is_stored_once_however_many_pages_have_it(crawl: Crawl) -> None:
    crawl.take_results(page_of(1, b"same"), page_of(2, b"same"), page_of(3, b"other"))
    crawl.take_results(page_of(4, b"same"))

    connection = sqlite3.connect(crawl.folder / BODIES.name)
    assert connection.execute("SELECT count(*) FROM bodies").fetchone() == (2,)
    connection.close()
    assert [kept.page.body for kept in read(crawl.folder)] == [b"same", b"same", b"other", b"same"]


def test_a_page_that_is_fetched_again_takes_the_place_of_the_old_one(crawl: Crawl) -> None:
    crawl.take_results(page_of(1, b"old"))
    crawl.keep(page_of(1, b"new"))

    assert [kept.page.body for kept in read(crawl.folder)] == [b"new"]


# ── a kill between the bodies and the record ──


def test_what_a_kill_leaves_behind_is_no_page_until_its_request_has_ended(crawl: Crawl) -> None:
    known, unknown = page_of(1), page_of(2)
    crawl.find(known)
    crawl.keep(known, unknown)

    assert read(crawl.folder) == []


def test_what_a_kill_leaves_behind_is_never_given_to_another_request_of_that_number(crawl: Crawl) -> None:
    crawl.keep(page_of(1, b"left behind", "http://a.example/lost"))
    other = page_of(1, url="http://a.example/other")
    crawl.find(other)
    crawl.end(other, state=State.FAILED)

    assert read(crawl.folder) == []


async def test_a_page_whose_body_cannot_be_written_is_not_marked_as_done(tmp_path: Path) -> None:
    page = page_of(1)
    async with open_record(StateFolder(tmp_path, keep_bodies=True), is_depth_first=False) as record:
        record.journal.found(page.request, digest_of(page.url), 0, 1)
        execute(tmp_path / BODIES.name, "DROP TABLE bodies")  # stands for a disk that fails
        record.journal.ended(page.request, State.DONE, 200)
        changes = record.journal.take()
        changes.pages = [page]
        with pytest.raises(StateError, match=r"the bodies .* cannot be written"):
            await record.commit(changes)

        assert (await record.recount()).discovered == 0


def test_a_disk_without_room_for_bodies_is_known_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = opened(*arguments, **options)
        connection.execute("PRAGMA max_page_count = 8")  # stands for a full disk
        return connection

    opened = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", connect)
    bodies = BodyStore(tmp_path)

    with pytest.raises(StateError) as raised:
        bodies.write([page_of(1, Random(1).randbytes(100_000))])
    bodies.close()

    assert is_full(raised.value)


# ── damage ──


def flip(folder: Path, number: int) -> None:
    connection = sqlite3.connect(folder / BODIES.name)
    data = bytearray(connection.execute("SELECT data FROM bodies WHERE id = ?", (number,)).fetchone()[0])
    data[len(data) // 2] ^= 1
    with connection:
        connection.execute("UPDATE bodies SET data = ? WHERE id = ?", (bytes(data), number))
    connection.close()


def test_a_damaged_body_fails_its_page_alone(crawl: Crawl) -> None:
    crawl.take_results(*(page_of(serial, str(serial).encode() * 500) for serial in (1, 2, 3)))
    flip(crawl.folder, 2)

    kept = read(crawl.folder)

    assert [type(each.error) for each in kept] == [type(None), DamagedBodyError, type(None)]
    assert "bodies.sqlite" in str(kept[1].error)
    assert kept[1].page.url == "http://a.example/2"


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE bodies SET size = size - 1",
        "UPDATE bodies SET size = size + 1",
        "UPDATE pages SET headers = x'93'",
        "DELETE FROM bodies",
    ],
)
def test_each_damage_fails_the_page(crawl: Crawl, damage: str) -> None:
    crawl.take_results(page_of(1, b"body"))
    execute(crawl.folder / BODIES.name, damage)

    [kept] = read(crawl.folder)

    assert isinstance(kept.error, DamagedBodyError)


def test_metadata_that_cannot_be_read_back_fails_its_page_alone(crawl: Crawl) -> None:
    odd = Page("http://a.example/", request=Request("http://a.example/", metadata={"a": 1}, serial=1))
    crawl.take_results(odd, page_of(2))
    execute(crawl.folder / NAME, "UPDATE requests SET more = x'91' WHERE serial = 1")

    kept = read(crawl.folder)

    assert [type(each.error) for each in kept] == [ParseError, type(None)]


@pytest.mark.parametrize(
    ("pragma", "reason"),
    [
        ("application_id = 4711", "another program's"),
        ("user_version = 99", "of version 99, .* update it"),
        ("user_version = 0", "does not know any more"),
    ],
)
def test_a_file_of_another_kind_is_refused_and_left_alone(tmp_path: Path, pragma: str, reason: str) -> None:
    with Crawl(tmp_path) as crawl:
        crawl.take_results(page_of(1))
    execute(tmp_path / BODIES.name, f"PRAGMA {pragma}")
    before = (tmp_path / BODIES.name).read_bytes()

    with pytest.raises(StateError, match=reason):
        BodyStore(tmp_path)
    with pytest.raises(StateError, match=reason):
        SavedPages(tmp_path)
    assert (tmp_path / BODIES.name).read_bytes() == before


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / BODIES.name).write_bytes(b"not a database, but long enough to look at" * 100)

    with pytest.raises(StateError, match="damaged, or no database"):
        BodyStore(tmp_path)


async def test_bodies_that_are_refused_leave_the_folder_free(tmp_path: Path) -> None:
    (tmp_path / BODIES.name).write_bytes(b"not a database, but long enough to look at" * 100)
    with pytest.raises(StateError):
        async with open_record(StateFolder(tmp_path, keep_bodies=True), is_depth_first=False):
            raise AssertionError("refused before that")

    async with open_record(StateFolder(tmp_path), is_depth_first=False):
        pass


def test_a_folder_without_bodies_is_refused_with_the_remedy(tmp_path: Path) -> None:
    Store(tmp_path).close()

    with pytest.raises(StateError, match=r"keeps no bodies of pages: crawl with StateFolder\(…, keep_bodies=True\)"):
        SavedPages(tmp_path)


def test_pages_are_read_while_a_crawl_writes(crawl: Crawl) -> None:
    crawl.take_results(page_of(1))
    pages = SavedPages(crawl.folder)
    crawl.take_results(page_of(2))

    assert [kept.page.request.serial for kept in pages.read(0, MUCH)] == [1, 2]
    pages.close()


def test_pages_without_a_body_are_counted(crawl: Crawl) -> None:
    unkept, redirect = page_of(2), page_of(3)
    redirect.status = 301
    crawl.take_results(page_of(1))
    crawl.find(unkept, redirect)
    crawl.end(unkept, redirect)
    pages = SavedPages(crawl.folder)

    assert (pages.count(), pages.count_without()) == (1, 1)
    pages.close()
