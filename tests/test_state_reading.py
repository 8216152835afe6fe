"""What is read from a state folder, beside whoever writes to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from crawler import ConfigurationError, Limits, Rewriting, Scope, StateError
from crawler.crawl.counters import Counters
from crawler.frontier.frontier import Frontier
from crawler.models import SITEMAP, Failure, Refusal, Request, State
from crawler.policy.order import Ranking
from crawler.policy.pace import PaceRecord
from crawler.policy.politeness import HostRule
from crawler.robots.decision import Robots, parse_robots
from crawler.robots.reason import rule_for
from crawler.state.digests import DIGEST_BYTES, digest_of
from crawler.state.explanation import explain
from crawler.state.host_record import HostRecord
from crawler.state.listing import Selection, listed
from crawler.state.memory_journal import MemoryJournal
from crawler.state.options_compared import described, encode_options
from crawler.state.reading import Reading
from crawler.state.recorded_options import RecordedOptions
from crawler.state.requeue import retry
from crawler.state.sqlite_store import Store

HOME = "http://a.example/"


class Crawl:
    """A crawl without a network: a frontier whose changes are committed when a test says so."""

    def __init__(self, folder: Path, ranking: Ranking | None = None) -> None:
        self.folder = folder
        self.journal = MemoryJournal(lambda: None)
        self.store = Store(folder)
        self.counters = Counters()
        self.frontier = Frontier(lambda _: HostRule(0.0, None), ranking=ranking, journal=self.journal, window=1000)

    def add(self, url: str, found_on: int = 0, **fields: object) -> Request:
        """Add a request, and return it with its serial number."""
        request = replace(Request(url), **fields)
        assert self.frontier.add(request, found_on)
        return replace(request, serial=self.frontier.statistics().ledger.discovered)

    def take(self) -> Request:
        request = self.frontier.acquire(1e9)
        assert request is not None
        self.frontier.release(request, 1e9)
        return request

    def fail(self, request: Request, error: str = "StatusError", message: str = "404 Not Found") -> None:
        failure = Failure(request.url, State.FAILED, error, message, request.attempt + 1)
        self.frontier.end(request, State.FAILED, failure=failure)
        self.counters.note_failure(failure)

    def commit(self, tokens: Mapping[str, bytes] | None = None, **options: object) -> None:
        changes = self.journal.take()
        changes.counters = self.counters.record(0)
        changes.tokens = dict(tokens or {})
        if options:
            changes.facts["options"] = encode_options(described(**options))
        self.store.commit(changes)


@pytest.fixture
def crawl(tmp_path: Path) -> Iterator[Crawl]:
    crawl = Crawl(tmp_path)
    yield crawl
    crawl.store.close()


@pytest.fixture
def reading(crawl: Crawl) -> Iterator[Reading]:
    with closing(Reading(crawl.folder)) as reading:
        yield reading


def urls(reading: Reading, selection: Selection) -> list[str]:
    return [each.known.url for each in listed(reading, selection)]


def test_what_is_committed_is_read_beside_the_crawl(crawl: Crawl, reading: Reading) -> None:
    crawl.add(HOME)
    assert reading.ledger().discovered == 0

    crawl.commit({"JsonLines a": b'{"length":7}', "odd": b"\xff"})

    assert (reading.ledger().pending, reading.ledger().balanced) == (1, True)
    assert reading.sinks() == {"JsonLines a": {"length": 7}, "odd": "\ufffd"}
    assert reading.committed() is not None


def test_each_of_many_urls_is_found_by_its_digest(crawl: Crawl, reading: Reading) -> None:
    for block in range(7):
        for number in range(block * 9):
            crawl.add(f"{HOME}{block}/{number}")
        crawl.commit()

    for block in range(7):
        for number in range(block * 9):
            known = reading.find(digest_of(f"{HOME}{block}/{number}"))
            assert known is not None
            assert known.url == f"{HOME}{block}/{number}"
    assert reading.find(digest_of(f"{HOME}other")) is None


def test_a_digest_that_stands_across_two_others_is_not_found(crawl: Crawl, reading: Reading) -> None:
    crawl.add(HOME)
    crawl.add(f"{HOME}b")
    crawl.commit()
    both = digest_of(HOME) + digest_of(f"{HOME}b")

    for shift in range(1, DIGEST_BYTES):
        assert reading.find(both[shift : shift + DIGEST_BYTES]) is None


def test_the_way_leads_over_links_redirects_and_sitemaps_back_to_the_seed(crawl: Crawl, reading: Reading) -> None:
    seed = crawl.add(f"{HOME}map.xml", label=SITEMAP, parent=f"{HOME}robots.txt")
    listed_there = crawl.add(f"{HOME}a", found_on=seed.serial)
    moved = crawl.add(f"{HOME}b", found_on=listed_there.serial, redirects=1)
    crawl.add(f"{HOME}c", found_on=moved.serial, depth=1)
    crawl.commit()

    [found] = explain(reading, f"{HOME}c")

    assert [(step.how, step.named_by) for step in found.way] == [
        ("seed", f"{HOME}robots.txt"),
        ("sitemap", ""),
        ("redirect", ""),
        ("link", ""),
    ]


def test_a_record_that_leads_round_in_a_circle_has_an_end(crawl: Crawl, reading: Reading) -> None:
    crawl.add(HOME, found_on=2)
    crawl.add(f"{HOME}b", found_on=1)
    crawl.commit()

    assert [known.serial for known in reading.way_to(2)] == [1, 2]


def test_metadata_is_never_unpickled(crawl: Crawl, reading: Reading) -> None:
    crawl.add(HOME, metadata={"note": _Explosive()})
    crawl.commit()

    [found] = explain(reading, HOME)

    assert found.state is State.PENDING
    assert urls(reading, Selection()) == [HOME]
    assert not _Explosive.went_off


class _Explosive:
    went_off = False

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return _explode, ()


def _explode() -> None:
    _Explosive.went_off = True


def test_requests_that_are_no_plain_gets_are_found_by_their_url(crawl: Crawl, reading: Reading) -> None:
    crawl.add(HOME, method="POST", body=b"1")
    crawl.add(HOME, method="POST", body=b"2")
    crawl.commit()

    assert [(found.method, found.state) for found in explain(reading, HOME)] == [("POST", State.PENDING)] * 2


def test_what_is_too_deep_is_refused_until_a_shorter_way_is_found(crawl: Crawl, reading: Reading) -> None:
    seed = crawl.add(HOME)
    crawl.frontier.refuse(Request(f"{HOME}deep", depth=9), Refusal.DEPTH, seed.serial)
    crawl.commit()
    [before] = explain(reading, f"{HOME}deep")
    listed_before = urls(reading, Selection((State.REFUSED,)))
    crawl.add(f"{HOME}deep", depth=1)
    crawl.commit()

    assert (before.state, before.reason, [step.url for step in before.way]) == (
        State.REFUSED,
        "too deep",
        [HOME, f"{HOME}deep"],
    )
    assert listed_before == [f"{HOME}deep"]
    assert urls(reading, Selection((State.REFUSED,))) == []
    assert explain(reading, f"{HOME}deep")[0].state is State.PENDING


def test_the_place_in_the_queue_counts_those_of_the_same_host(crawl: Crawl, reading: Reading) -> None:
    for number in range(3):
        crawl.add(f"{HOME}{number}", depth=3 - number)
        crawl.add(f"http://b.example/{number}")
    crawl.commit()

    assert [explain(reading, f"{HOME}{number}")[0].place for number in range(3)] == [(3, 3), (2, 3), (1, 3)]
    assert {queue.url.split("/")[2]: queue.size for queue in reading.longest_queues(9)} == {
        "a.example": 3,
        "b.example": 3,
    }
    assert len(reading.longest_queues(1)) == 1


def test_a_retry_says_how_long_it_waits(crawl: Crawl, reading: Reading) -> None:
    crawl.add(HOME)
    request = crawl.take()
    failure = Failure(HOME, State.FAILED, "StatusError", "503", status=503)
    crawl.frontier.retry(request, reading.seconds_until(0.0) * -1 + 100, failure)
    crawl.commit()

    [found] = explain(reading, HOME)

    assert found.wait is not None
    assert found.wait.attempt == 1
    assert 50 < found.wait.seconds <= 100
    assert [(each.attempt, each.error) for each in found.attempts] == [(1, "StatusError")]
    assert reading.waiting()[0] == 1


def test_lists_come_in_parts_and_miss_nothing(crawl: Crawl, reading: Reading) -> None:
    expected = [crawl.add(f"{HOME}{number}").url for number in range(2500)]
    for number in range(1500):
        crawl.frontier.refuse(Request(f"{HOME}deep/{number}", depth=9), Refusal.DEPTH)
    crawl.commit()

    found = urls(reading, Selection())

    assert found[:2500] == expected
    assert len(set(found)) == len(found) == 4000


def test_a_list_goes_on_while_the_crawl_does(crawl: Crawl, reading: Reading) -> None:
    crawl.add(HOME)
    crawl.commit()
    lines = listed(reading, Selection())

    first = next(lines).known.url
    crawl.add(f"{HOME}later")
    crawl.commit()

    assert [first, *(each.known.url for each in lines)] == [HOME, f"{HOME}later"]


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("a.example", ["http://a.example/", "https://a.example/s", "http://a.example:81/"]),
        ("a.example:81", ["http://a.example:81/"]),
        ("b.example", ["http://b.example/?http://a.example/"]),
        ("example", []),
    ],
)
def test_hosts_are_told_apart(crawl: Crawl, reading: Reading, host: str, found: list[str]) -> None:
    for url in (
        HOME,
        "https://a.example/s",
        "http://a.example:81/",
        "http://b.example/?http://a.example/",
        "http://xa.example/",
        "http://a.example.org/",
    ):
        crawl.add(url)
    crawl.commit()

    assert urls(reading, Selection(host=host)) == found


def test_options_that_are_stored_say_how_urls_are_spelt(crawl: Crawl, reading: Reading) -> None:
    crawl.add(f"{HOME}?a=1")
    scope = Scope(rewriting=Rewriting(drop=("utm_*",), sort_query=True))
    crawl.commit(scope=scope)

    [found] = explain(reading, f"{HOME}?utm_source=x&a=1")

    assert (found.url, found.state) == (f"{HOME}?a=1", State.PENDING)


def test_of_a_crawl_depth_first_the_newest_is_first(tmp_path: Path) -> None:
    crawl = Crawl(tmp_path, Ranking("depth"))
    for number in range(3):
        crawl.add(f"{HOME}{number}")
    crawl.commit(order="depth")
    crawl.store.close()

    with closing(Reading(tmp_path)) as reading:
        assert [explain(reading, f"{HOME}{number}")[0].place for number in range(3)] == [(3, 3), (2, 3), (1, 3)]


@pytest.mark.parametrize(
    ("scope", "limits", "reason", "rule"),
    [
        (Scope(deny=("q", "/a'")), Limits(), Refusal.SCOPE, 'scope.deny has "/a\'", which it matches'),
        (Scope(allow=("/b", "/c")), Limits(), Refusal.SCOPE, "it matches none of scope.allow, which is '/b', '/c'"),
        (Scope("host"), Limits(), Refusal.SCOPE, "scope.within is 'host', and no seed has that host"),
        (Scope(), Limits(max_depth=2), Refusal.DEPTH, "limits.max_depth is 2"),
        (Scope(), Limits(max_alike=7), Refusal.TRAP, "limits.max_alike is 7"),
        (Scope(), Limits(max_per_host=8), Refusal.HOST, "limits.max_per_host is 8"),
        (Scope(), Limits(max_per_path=9), Refusal.PATH, "limits.max_per_path is 9"),
        (Scope(), Limits(), Refusal.DEPTH, ""),
    ],
)
def test_what_was_refused_names_the_option(
    scope: Scope, limits: Limits, reason: Refusal, rule: str, crawl: Crawl, reading: Reading
) -> None:
    crawl.frontier.refuse(Request(f"{HOME}a'", depth=3), reason)
    crawl.commit(scope=scope, limits=limits)

    [found] = explain(reading, f"{HOME}a'")

    assert (found.state, found.reason, found.rule) == (State.REFUSED, reason, rule)


@pytest.mark.parametrize("texts", [{}, {"order": "import os"}, {"order": "my_order"}, {"scope.deny": "None"}])
def test_options_that_are_no_plain_values_are_not_known(texts: dict[str, str]) -> None:
    options = RecordedOptions(texts)

    assert not options.is_newest_first
    assert options.rewriting is None
    assert options.rule_against(HOME, "out of scope") == options.rule_against(HOME, "something new") == ""


def test_odd_bytes_in_what_a_server_says_do_not_end_the_crawl(crawl: Crawl, reading: Reading) -> None:
    for path in "ab":
        crawl.add(HOME + path)
    odd = "404 \udcff\x00\x1b[31m é"
    crawl.fail(crawl.take(), message=odd)
    crawl.frontier.end(crawl.take(), State.DENIED, reason=odd)

    crawl.commit()

    found = list(listed(reading, Selection()))
    assert [each.message or each.known.reason for each in found] == ["404 \ufffd\x00\x1b[31m é"] * 2
    assert reading.attempts_of(1)[0].message == found[0].message


@pytest.mark.parametrize("rest", [b"{", b"\x00", b"7"])
def test_damaged_rows_and_facts_are_state_errors(crawl: Crawl, reading: Reading, rest: bytes) -> None:
    crawl.add(HOME)
    crawl.commit()
    with closing(sqlite3.connect(crawl.folder / "state.sqlite")) as connection, connection:
        connection.execute("UPDATE requests SET more = ?", (rest,))
        connection.execute("UPDATE facts SET value = ?", (rest,))

    with pytest.raises(StateError):
        explain(reading, HOME)
    with pytest.raises(StateError):
        reading.ledger()


# ── retry ──


def test_what_is_retried_is_pending_for_the_next_crawl_and_its_host_gets_another_chance(tmp_path: Path) -> None:
    crawl = Crawl(tmp_path)
    for path in ("a", "b", "c"):
        crawl.add(HOME + path)
    crawl.fail(crawl.take(), "HostDownError", "left alone")
    crawl.fail(crawl.take())
    down = HostRecord(5.0, 4.0, PaceRecord(2.0, True, 1.0, 8, 4))
    for name in ("a.example", "b.example"):
        crawl.journal.remember(name, down)
    crawl.commit()
    crawl.store.close()

    number = retry(tmp_path, Selection((State.FAILED,), error="HostDownError"))

    with closing(Store(tmp_path)) as store:
        kept = store.load()
        assert number == 1
        assert (kept.ledger.pending, kept.ledger.failed) == (2, 1)
        assert store.recount() == kept.ledger
        assert kept.hosts == {"a.example": HostRecord(pace=PaceRecord(2.0)), "b.example": down}
        counters = Counters()
        counters.restore(kept.counters)
        assert counters.errors == {"StatusError": 1}
    with closing(Reading(tmp_path)) as reading:
        assert explain(reading, f"{HOME}a")[0].place == (1, 2)


def test_what_was_refused_unseen_gets_a_place_in_the_queue_of_its_host(tmp_path: Path) -> None:
    crawl = Crawl(tmp_path)
    crawl.add(HOME)
    crawl.frontier.refuse(Request(f"{HOME}x", depth=4, priority=1), Refusal.TRAP)
    crawl.commit()
    crawl.store.close()

    assert retry(tmp_path, Selection((State.REFUSED,)), [f"{HOME}x"]) == 1

    with closing(Reading(tmp_path)) as reading:
        assert explain(reading, f"{HOME}x")[0].place == (1, 2)
        assert explain(reading, f"{HOME}x")[0].reason == ""


def test_a_denied_page_has_its_robots_txt_read_again(tmp_path: Path) -> None:
    crawl = Crawl(tmp_path)
    crawl.add(f"{HOME}x")
    crawl.frontier.end(crawl.take(), State.DENIED, reason="robots.txt forbids it")
    crawl.journal.learnt("http://a.example", parse_robots(b"User-agent: *\nDisallow: /", "x"), 1e12)
    crawl.commit()
    crawl.store.close()
    with closing(Reading(tmp_path)) as reading:
        [before] = explain(reading, f"{HOME}x")

    assert retry(tmp_path, Selection((State.DENIED,))) == 1

    assert before.robots is not None
    assert (before.robots.permits, before.robots.rule) == (False, "Disallow: /")
    with closing(Reading(tmp_path)) as reading:
        assert reading.robots_of("http://a.example") is None


def test_a_crawl_that_runs_is_not_changed(crawl: Crawl) -> None:
    crawl.add(HOME)
    crawl.fail(crawl.take())
    crawl.commit()

    with pytest.raises(StateError, match="is in use by process"):
        retry(crawl.folder, Selection((State.FAILED,)))


def test_one_url_that_cannot_be_retried_leaves_all_as_they_are(tmp_path: Path) -> None:
    crawl = Crawl(tmp_path)
    crawl.add(HOME)
    crawl.fail(crawl.take())
    crawl.commit()
    crawl.store.close()

    with pytest.raises(ConfigurationError, match="is not known"):
        retry(tmp_path, Selection((State.FAILED,)), [HOME, f"{HOME}other"])

    with closing(Reading(tmp_path)) as reading:
        assert reading.ledger().failed == 1


# ── which rule decides ──


@pytest.mark.parametrize(
    ("rules", "path", "rule"),
    [
        ("Disallow: /a", "/abc", "Disallow: /a"),
        ("Disallow: /a\nAllow: /ab", "/abc", "Allow: /ab"),
        ("Disallow: /*.pdf$", "/x.pdf", "Disallow: /*.pdf$"),
        ("Disallow: /*.pdf$", "/x.pdf?", ""),
        ("Disallow: /abc$\nAllow: /", "/abc", "Disallow: /abc$"),
        ("Disallow: /a*b*c", "/a1b2c3", "Disallow: /a*b*c"),
        ("Allow: /", "/", "Allow: /"),
        ("", "/", ""),
        ("Disallow: /" + 300 * "x", "/" + 400 * "x", f"Disallow: /{199 * 'x'}…"),
    ],
)
def test_the_rule_that_decides_is_the_one_that_the_crawl_obeys(rules: str, path: str, rule: str) -> None:
    robots = parse_robots(f"User-agent: *\n{rules}\n".encode(), "crawler")
    url = f"http://a.example{path}"

    assert rule_for(robots, url) == rule
    assert robots.permits(url) == (not rule.startswith("Disallow"))
    assert rule_for(Robots(), url) == ""
