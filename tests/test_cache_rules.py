from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import StatusError
from crawler.fetching.cache_store_format import pack, unpack
from crawler.http.stored import Stored, digest_of, key_of
from crawler.http.storing import (
    is_for_cache,
    is_storable,
    is_whole,
    matching,
    outdated_by,
    storable_fields,
    variant_of,
)
from crawler.http.validation import conditional, confirmed, confirms
from crawler.models import ROBOTS, Request

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()
DATE = format_datetime(datetime.fromtimestamp(NOW, UTC), usegmt=True)
URL = "https://site.example/page"

names = st.from_regex(r"[a-z][a-z-]{0,12}", fullmatch=True)
values = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=()), max_size=30)


def stored(*fields: tuple[str, str], status: int = 200, **others: Any) -> Stored:
    return Stored(**{"url": URL, "status": status, "fields": fields, "asked": NOW, "answered": NOW, **others})


# ── what goes through the cache at all ──


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        *((name, False) for name in ("Range", "if-range", "If-Match", "IF-NONE-MATCH", "If-Modified-Since")),
        ("If-Unmodified-Since", False),
        *((name, True) for name in ("Accept", "Cookie", "Authorization", "Cache-Control", "X-Range")),
    ],
)
def test_requests_for_parts_and_with_conditions_of_the_users_own_pass_by_the_cache(header: str, expected: bool) -> None:
    assert is_for_cache(Request(URL, headers=(("A", "b"), (header, "x")))) is expected


@pytest.mark.parametrize(("status", "expected"), [(100, False), (0, False), (200, True), (206, False), (304, False)])
def test_a_part_of_an_answer_is_not_one(status: int, expected: bool) -> None:
    assert is_whole(status) is expected


def test_keys_differ_where_fingerprints_do() -> None:
    requests = [Request(URL), Request(f"{URL}?"), Request(URL, method="HEAD"), Request(URL, method="POST", body=b"a")]
    requests.append(Request(URL, method="POST", body=b"b"))
    assert len({key_of(request) for request in requests}) == len(requests)
    assert key_of(Request(URL)) == key_of(Request(URL, headers=(("A", "b"),), label="l", depth=3))
    assert key_of(Request(URL)) != key_of(Request(URL, label=ROBOTS))  # of which less is read
    assert len(key_of(Request("http://a/\udce9"))) == 16


# ── what may be stored ──


@pytest.mark.parametrize(
    ("method", "status", "sent", "cache_control", "expected"),
    [
        *(("GET", status, "", "", True) for status in (200, 203, 204, 301, 308, 404, 405, 410, 414, 501)),
        *(("GET", status, "", "", False) for status in (201, 206, 302, 303, 307, 304, 400, 403, 451, 299)),
        *(("GET", status, "", "max-age=60", True) for status in (201, 302, 303, 307, 400, 403, 451, 299)),
        *(("GET", status, "", "max-age=60", False) for status in (206, 304, 408, 425, 429, 500, 502, 503, 504, 599)),
        ("HEAD", 200, "", "", True),
        *((method, 200, "", "max-age=60", False) for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "get")),
        ("GET", 200, "", "no-store", False),
        ("GET", 200, "", "max-age=60, No-Store", False),
        ("GET", 200, "no-store", "max-age=60", False),
        ("GET", 200, "no-cache", "max-age=60", True),
        ("GET", 200, "", "no-cache", True),
        ("GET", 200, "", "private", True),  # it is a private cache
        ("GET", 302, "", "private", True),
        ("GET", 302, "", "public", True),
        ("GET", 302, "", "s-maxage=60", False),  # which says nothing to a private cache
        ("GET", 200, "", "no-store, must-understand", True),
        ("GET", 499, "", "max-age=60, no-store, must-understand", False),
    ],
)
def test_a_private_cache_keeps_what_the_standard_allows(
    method: str, status: int, sent: str, cache_control: str, expected: bool
) -> None:
    fields = [("cache-control", cache_control)]
    assert is_storable(method, {"cache-control": sent}, status, fields) is expected


def test_expires_is_reason_enough_to_keep_an_answer() -> None:
    assert is_storable("GET", {}, 302, [("expires", "0")])


def test_an_answer_to_a_request_with_credentials_is_kept_by_a_private_cache() -> None:
    assert is_storable("GET", {"authorization": "Bearer x"}, 200, [])


def test_fields_of_the_connection_are_not_kept() -> None:
    fields = [
        *(("connection", "close, X-Hop"), ("x-hop", "1"), ("keep-alive", "timeout=5"), ("te", "x"), ("upgrade", "h2c")),
        *(("transfer-encoding", "chunked"), ("proxy-authenticate", "Basic"), ("trailer", "x")),
        *(("set-cookie", "a=1"), ("set-cookie", "b=2"), ("etag", '"1"'), ("x-other", "")),
    ]
    assert storable_fields(fields) == (("set-cookie", "a=1"), ("set-cookie", "b=2"), ("etag", '"1"'), ("x-other", ""))


# ── what an answer depends on ──


@pytest.mark.parametrize(
    ("vary", "then", "now", "expected"),
    [
        ("", {}, {"accept": "text/html"}, True),
        ("Accept", {"accept": "text/html"}, {"accept": "text/html"}, True),
        ("Accept", {"accept": "text/html"}, {"accept": "text/plain"}, False),
        ("Accept", {"accept": "text/html"}, {}, False),
        ("Accept", {}, {"accept": ""}, False),
        ("Accept", {}, {}, True),
        ("Accept", {"accept": "a, b"}, {"accept": " a ,b "}, True),
        ("Accept", {"accept": "a  b"}, {"accept": "a b"}, True),
        ("Accept", {"accept": "a"}, {"accept": "a", "cookie": "x"}, True),
        ("accept , , COOKIE", {"accept": "a", "cookie": "1"}, {"accept": "a", "cookie": "2"}, False),
        ("Accept-Encoding", {"accept-encoding": "gzip"}, {"accept-encoding": "br"}, True),  # bodies are kept decoded
        ("", {"authorization": "a"}, {"authorization": "b"}, False),
        ("", {"authorization": "a"}, {}, False),
        ("", {}, {"authorization": "a"}, False),
        ("", {"authorization": "a"}, {"authorization": "a"}, True),
        ("Accept", {"accept": "\udce9"}, {"accept": "\udce9"}, True),
        ("*", {}, {}, True),  # it is the same; whether it may be served unasked is another question
    ],
)
def test_answers_fit_requests_that_differ_in_nothing_they_depend_on(
    vary: str, then: dict[str, str], now: dict[str, str], expected: bool
) -> None:
    answer = stored(selected_by=variant_of([("vary", vary)], then))
    assert matching([answer], now) == (answer if expected else None)


def test_a_vary_of_thousands_of_names_costs_nothing() -> None:
    assert variant_of([("vary", f"a{number}") for number in range(10_000)], {}) == ()


def test_fields_named_in_several_lines_count_together() -> None:
    selected = variant_of([("vary", "b"), ("vary", "a")], {"a": "1"})
    assert [name for name, _ in selected] == ["a", "b"]


def test_no_secret_is_stored_in_clear() -> None:
    sent = {"authorization": "Bearer geheim", "cookie": "session=geheim"}
    answer = stored(selected_by=variant_of([("vary", "cookie")], sent))
    assert b"geheim" not in pack(answer)


# ── validation ──


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([("etag", '"a"')], [("If-None-Match", '"a"')]),
        ([("etag", 'W/"a"'), ("last-modified", DATE)], [("If-None-Match", 'W/"a"'), ("If-Modified-Since", DATE)]),
        ([("last-modified", DATE)], [("If-Modified-Since", DATE)]),
        ([("etag", "no-quotes")], [("If-None-Match", "no-quotes")]),
        ([("etag", '"1"'), ("etag", '"2"')], [("If-None-Match", '"1"')]),
        ([("last-modified", "yesterday")], None),
        ([("etag", '"\udce9"')], None),
        ([("etag", '"é"')], None),
        ([("etag", '"a\tb"')], None),
        ([("etag", "x" * 1025)], None),
        ([("etag", "")], None),
        ([], None),
    ],
)
def test_validators_are_sent_as_they_came_or_not_at_all(
    fields: list[tuple[str, str]], expected: list[tuple[str, str]] | None
) -> None:
    request = Request(URL, headers=(("A", "b"),), label="l")
    asked = conditional(request, stored(*fields))
    if expected is None:
        assert asked is None
    else:
        assert asked is not None
        assert asked.headers == (("A", "b"), *expected)
        assert (asked.url, asked.label) == (URL, "l")


def test_errors_and_answers_to_posts_are_not_validated() -> None:
    assert conditional(Request(URL), stored(("etag", '"a"'), status=404, message="404")) is None
    assert conditional(Request(URL, method="POST"), stored(("etag", '"a"'))) is None


@pytest.mark.parametrize(
    ("known", "told", "expected"),
    [
        ({"etag": '"a"'}, {"etag": '"a"'}, True),
        ({"etag": '"a"'}, {"etag": 'W/"a"'}, True),
        ({"etag": '"a"'}, {"etag": '"b"'}, False),
        ({"etag": '"a"'}, {}, True),
        ({"last-modified": DATE}, {"last-modified": DATE}, True),
        ({"last-modified": DATE}, {"last-modified": "another"}, False),
        ({"etag": '"a"', "last-modified": DATE}, {"etag": '"a"', "last-modified": "another"}, True),
        ({"last-modified": DATE}, {"etag": '"a"'}, True),
    ],
)
def test_a_304_confirms_the_answer_that_it_is_about(
    known: dict[str, str], told: dict[str, str], expected: bool
) -> None:
    assert confirms(tuple(told.items()), stored(*known.items())) is expected


def test_a_304_replaces_fields_but_not_those_of_the_body() -> None:
    before = stored(
        *(("date", "then"), ("age", "100"), ("cache-control", "max-age=1"), ("content-type", "text/html")),
        *(("content-length", "5"), ("content-encoding", "gzip"), ("set-cookie", "a=1"), ("x-old", "1")),
        digest="d",
        size=5,
    )
    fields = [
        *(("date", "now"), ("cache-control", "max-age=60"), ("content-type", "application/octet-stream")),
        *(("content-length", "0"), ("content-encoding", "br"), ("content-range", "x"), ("connection", "x-hop")),
        *(("x-hop", "1"), ("set-cookie", "b=2"), ("set-cookie", "c=3"), ("x-new", "2")),
    ]
    after = confirmed(before, fields, asked=NOW + 9, answered=NOW + 10)
    assert after.fields == (
        *(("content-type", "text/html"), ("content-length", "5"), ("content-encoding", "gzip"), ("x-old", "1")),
        *(("date", "now"), ("cache-control", "max-age=60"), ("set-cookie", "b=2"), ("set-cookie", "c=3")),
        ("x-new", "2"),
    )
    assert (after.asked, after.answered, after.digest, after.size) == (NOW + 9, NOW + 10, "d", 5)


@given(st.lists(st.tuples(names, values), max_size=6), st.lists(st.tuples(names, values), max_size=6))
def test_to_be_told_the_same_twice_changes_nothing(old: list[tuple[str, str]], new: list[tuple[str, str]]) -> None:
    once = confirmed(stored(*old), new, asked=1.0, answered=2.0)
    assert confirmed(once, new, asked=1.0, answered=2.0) == once
    told = dict(storable_fields(new))
    assert {name for name, _ in once.fields} <= {name for name, _ in old} | told.keys()


# ── what a change makes void ──


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([], [URL]),
        (
            [("location", "/new"), ("content-location", "same")],
            [URL, "https://site.example/new", "https://site.example/same"],
        ),
        ([("location", "https://other.example/"), ("content-location", "http://site.example/page")], [URL]),
        ([("location", "http://["), ("content-location", "mailto:a@b.example")], [URL]),
        ([("location", URL)], [URL]),
        ([("location", "/caf\udce9")], [URL, "https://site.example/caf%E9"]),
    ],
)
def test_a_change_makes_void_its_url_and_those_of_the_origin_that_it_names(
    fields: list[tuple[str, str]], expected: list[str]
) -> None:
    assert list(outdated_by(Request(URL, method="POST"), fields)) == expected


# ── on the disk ──

answers = st.builds(
    Stored,
    url=values,
    status=st.integers(200, 599),
    fields=st.lists(
        st.tuples(
            names, st.one_of(values, st.binary(max_size=20).map(lambda raw: raw.decode("utf-8", "surrogateescape")))
        ),
        max_size=5,
    ).map(tuple),
    asked=st.floats(0, 1e10),
    answered=st.floats(0, 1e10),
    message=st.none() | st.text(max_size=10),
    retry_after=st.none() | st.floats(0, 1e6),
    selected_by=st.lists(st.tuples(names, names), max_size=3).map(tuple),
)


@given(answers)
def test_what_is_packed_can_be_unpacked(answer: Stored) -> None:
    assert unpack(pack(answer)) is not None


@given(st.binary(max_size=40))
def test_odd_bytes_in_fields_come_back_as_they_were(raw: bytes) -> None:
    answer = stored(("x", raw.decode("utf-8", "surrogateescape")), message=raw.decode("utf-8", "surrogateescape"))
    assert unpack(pack(answer)) == answer


@given(st.binary(max_size=200))
def test_garbage_is_no_answer(data: bytes) -> None:
    assert unpack(data) is None


@given(answers, st.data())
def test_a_damaged_answer_is_none_or_another_one(answer: Stored, data: st.DataObject) -> None:
    packed = bytearray(pack(answer))
    packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    found = unpack(bytes(packed))
    assert found is None or isinstance(found, Stored)


def test_a_stored_error_is_the_error_that_it_was() -> None:
    error = stored(status=503, message="503 Later", retry_after=7.0).error
    assert isinstance(error, StatusError)
    assert (str(error), error.status, error.retry_after) == ("503 Later", 503, 7.0)
    assert not stored().is_error


def test_equal_bodies_have_equal_digests() -> None:
    assert digest_of(b"a") == digest_of(b"a") != digest_of(b"b")
    assert digest_of(b"") != ""
