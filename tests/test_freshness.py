from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.fetching.cache_choice import choose
from crawler.http.cache_control import FOREVER, directives_of, seconds_in
from crawler.http.dates import seconds_of_date
from crawler.http.freshness import age_of, lifetime_of, may_serve
from crawler.http.stored import Stored, may_pass, successor
from crawler.http.storing import variant_of

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()
HOUR, DAY = 3600.0, 86_400.0

seconds = st.floats(0, 1e10)


def date(offset: float = 0.0) -> str:
    """Return the time that many seconds after NOW, as header fields have it."""
    return format_datetime(datetime.fromtimestamp(NOW + offset, UTC), usegmt=True)


def stored(*fields: tuple[str, str], **others: Any) -> Stored:
    """Return an answer that came at NOW, at once."""
    return Stored(**{"url": "/", "status": 200, "fields": fields, "asked": NOW, "answered": NOW, **others})


def control(value: str) -> tuple[str, str]:
    return ("cache-control", value)


# ── dates ──


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784111777.0),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784111777.0),
        ("Sun Nov  6 08:49:37 1994", 784111777.0),
        ("sun, 06 nov 1994 08:49:37 gmt", 784111777.0),
        ("  Sun, 06 Nov 1994 08:49:37 GMT\t", 784111777.0),
        ("Mon, 06 Nov 1994 08:49:37 GMT", 784111777.0),  # it was a Sunday; nobody minds
        ("Sat, 31 Dec 2016 23:59:60 GMT", 1483228799.0),  # a leap second
        ("Friday, 01-Jan-77 00:00:00 GMT", datetime(1977, 1, 1, tzinfo=UTC).timestamp()),  # 2077 is too far away
        ("Saturday, 01-Jan-76 00:00:00 GMT", datetime(2076, 1, 1, tzinfo=UTC).timestamp()),
        ("Fri, 31 Dec 9999 23:59:59 GMT", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()),
        *(
            (garbage, None)
            for garbage in (
                *("", "0", "-1", "now", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC"),
                *("Sun, 06 Nov 1994 08:49:37 +0000", "Sun, 06 Nov 1994 08:49:37 AEST", "06 Nov 1994 08:49:37 GMT"),
                *("Sun, 06 Nov 94 08:49:37 GMT", "Sun 06 Nov 1994 08:49:37 GMT", "Sun, 06  Nov  1994 08:49:37 GMT"),
                *("Sun, 06-Nov-1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 8:49:37 GMT"),
                *("Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Xxx 1994 08:49:37 GMT"),
                *("Sun, 06 Nov 0000 08:49:37 GMT", "Sun, 0٦ Nov 1994 08:49:37 GMT", "x" * 100_000),
            )
        ),
    ],
)
def test_dates_are_read_strictly(text: str, expected: float | None) -> None:
    assert seconds_of_date(text, NOW) == expected


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31)))  # noqa: DTZ001  # Hypothesis wants them naive
def test_any_date_of_http_is_understood(moment: datetime) -> None:
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    for form in ("%a, %d %b %Y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"):
        assert seconds_of_date(moment.strftime(form), NOW) == moment.timestamp()


# ── Cache-Control ──


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], {}),
        ([""], {}),
        (["max-age=60"], {"max-age": "60"}),
        (["Max-Age=60, NO-CACHE"], {"max-age": "60", "no-cache": ""}),
        (["max-age=60,no-cache"], {"max-age": "60", "no-cache": ""}),
        (["max-age=60", "no-store"], {"max-age": "60", "no-store": ""}),
        ([",, ,max-age=60,,"], {"max-age": "60"}),
        (['max-age="60"'], {"max-age": "60"}),
        (["max-age=1800, max-age=1"], {"max-age": "1800"}),
        (['ext="max-age=3600", max-age=1'], {"ext": "max-age=3600", "max-age": "1"}),
        (['ext="a\\"b, no-store", max-age=1'], {"ext": 'a"b, no-store', "max-age": "1"}),
        (['no-cache="set-cookie, x"'], {"no-cache": "set-cookie, x"}),
        (['ext="no end, max-age=1'], {"ext": "no end, max-age=1"}),
        (["max-age =3600"], {"max-age": "", "3600": ""}),
        (["max-age= 3600"], {"max-age": "", "3600": ""}),
        (["=5, max-age"], {"5": "", "max-age": ""}),
        (["max-age='60'"], {"max-age": "'60'"}),
    ],
)
def test_directives_are_parsed(values: list[str], expected: dict[str, str]) -> None:
    assert directives_of([("etag", "no-store"), *(control(value) for value in values)]) == expected


@given(st.lists(st.text('=", \\\tmax-age01é', max_size=60), max_size=4))
def test_no_cache_control_breaks_anything(values: list[str]) -> None:
    fields = tuple(control(value) for value in values)
    assert all(name == name.lower() for name in directives_of(fields))
    assert 0 <= lifetime_of(stored(*fields)) <= FOREVER
    assert may_serve(stored(*fields), directives_of(fields), NOW) in {True, False}


@pytest.mark.parametrize("unit", ['"', "a=", 'a="', "\\", ' a="\\"', "=", ", ", '"a'])
def test_a_megabyte_of_directives_is_parsed_in_linear_time(unit: str) -> None:
    directives_of([control(unit * (2**20 // len(unit)))])


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        *(("0", 0), ("60", 60), ("003600", 3600), ("2147483648", FOREVER), ("99999999999", FOREVER)),
        ("9" * 100_000, FOREVER),
        ("0" * 100_000 + "7", 7),
        *((garbage, None) for garbage in ("", "-1", "+1", "1.0", "1e3", "60s", "'60'", "٦٠", "1_000", " 1")),
    ],
)
def test_seconds_are_whole_numbers_with_a_largest_one(argument: str, expected: int | None) -> None:
    assert seconds_in(argument) == expected


# ── how long it is fresh ──


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([control("max-age=60")], 60),
        ([control("max-age=60, s-maxage=7")], 60),  # for shared caches
        ([control("s-maxage=60")], 0),
        ([control("max-age=60"), ("expires", date(-HOUR))], 60),
        *(([control(f"max-age={garbage}")], 0) for garbage in ("", "-1", "1.5", "abc", "'60'")),
        ([control("max-age=abc"), ("expires", date(HOUR))], 0),  # what is garbage is stale (RFC 9111 §4.2.1)
        ([control(f"max-age={'9' * 50}")], FOREVER),
        ([("expires", date(HOUR))], HOUR),
        ([("expires", date(HOUR)), ("date", date(-60))], HOUR + 60),
        ([("expires", date(HOUR)), ("date", "garbage")], HOUR),
        ([("expires", date(-HOUR)), ("date", date())], 0),
        *(([("expires", garbage)], 0) for garbage in ("0", "-1", "", "tomorrow", "Thu, 01 Jan 2027 00:00:00 UTC")),
        ([("expires", "0"), ("last-modified", date(-10 * DAY))], 0),  # no guess where it is said
        ([("last-modified", date(-HOUR))], HOUR / 10),
        ([("last-modified", date(-HOUR)), ("date", date(HOUR))], HOUR / 5),
        ([("last-modified", date(-10_000 * DAY))], DAY),
        ([("last-modified", date(HOUR))], 0),
        ([("last-modified", "garbage")], 0),
        ([], 0),
    ],
)
def test_an_answer_is_fresh_for_as_long_as_it_says_or_a_tenth_of_its_age(
    fields: list[tuple[str, str]], expected: float
) -> None:
    assert lifetime_of(stored(*fields)) == expected


@pytest.mark.parametrize(
    ("status", "cache_control", "is_guessed"),
    [
        *((status, "", True) for status in (200, 203, 204, 301, 308, 404, 405, 410, 414, 501)),
        *((status, "", False) for status in (201, 202, 302, 303, 307, 400, 403, 500, 599)),
        *((status, "public", True) for status in (201, 302, 599)),
    ],
)
def test_guesses_are_for_statuses_that_last_and_for_what_is_public(
    status: int, cache_control: str, is_guessed: bool
) -> None:
    answer = stored(("last-modified", date(-HOUR)), control(cache_control), status=status)
    assert (lifetime_of(answer) > 0) is is_guessed


@pytest.mark.parametrize(
    ("status", "fields", "expected"),
    [
        *((status, [], DAY) for status in (301, 308, 410)),
        *((status, [], 0) for status in (200, 302, 307, 404)),
        (301, [("last-modified", date(-HOUR))], HOUR / 10),
        (301, [control("max-age=60")], 60),
        (301, [("expires", "0")], 0),
    ],
)
def test_what_has_moved_or_gone_for_ever_is_believed_for_a_day(
    status: int, fields: list[tuple[str, str]], expected: float
) -> None:
    assert lifetime_of(stored(*fields, status=status)) == expected


# ── how old it is ──


@pytest.mark.parametrize(
    ("fields", "times", "later", "expected"),
    [
        ([], {}, 0, 0),
        ([], {}, 100, 100),
        ([("date", date(-30))], {}, 100, 130),
        ([("date", date(30))], {}, 100, 100),  # a server whose clock is ahead
        ([("age", "50")], {}, 100, 150),
        ([("age", "50")], {"asked": NOW - 5}, 100, 155),
        ([("age", "50"), ("date", date(-70))], {"asked": NOW - 5}, 100, 170),
        ([("age", "7200, 0")], {}, 0, 7200),
        ([("age", "0"), ("age", "7200")], {}, 0, 0),
        ([("age", "9" * 50)], {}, 0, FOREVER),
        *(([("age", garbage)], {}, 100, 100) for garbage in ("", "abc", "-7200", "7200.0")),
        ([], {}, -30, 0),  # a clock that was put right
        ([], {}, -3600, math.inf),  # a clock that was wrong by much
    ],
)
def test_the_age_of_an_answer_is_the_most_that_it_can_be(
    fields: list[tuple[str, str]], times: dict[str, float], later: float, expected: float
) -> None:
    assert age_of(stored(*fields, **times), NOW + later) == expected


@given(seconds, seconds, seconds, st.text("0123456789", max_size=12), st.floats(0, 1e6), st.floats(0, 1e6))
def test_nothing_grows_younger(
    made: float, asked: float, took: float, age: str, later: float, still_later: float
) -> None:
    fields = (("age", age), ("date", format_datetime(datetime.fromtimestamp(made, UTC), usegmt=True)))
    answer = stored(*fields, asked=asked, answered=asked + took)
    now = answer.answered + later
    assert 0 <= age_of(answer, now) <= age_of(answer, now + still_later)


# ── whether it is served ──


@pytest.mark.parametrize(
    ("answer", "wanted", "later", "expected"),
    [
        ("max-age=60", "", 59, True),
        ("max-age=60", "", 60, False),
        ("max-age=60, must-revalidate", "", 59, True),
        ("max-age=60, private", "", 59, True),
        ("max-age=60, proxy-revalidate", "max-stale", 61, True),  # for shared caches
        ("max-age=60, no-cache", "", 0, False),
        ('max-age=60, no-cache="set-cookie"', "", 0, False),
        ("max-age=60, no-store", "", 0, False),  # another mode has stored it
        ("max-age=60, stale-while-revalidate=600, stale-if-error=600", "", 61, False),
        ("max-age=60", "no-cache", 0, False),
        ("max-age=60", "max-age=0", 1, False),
        ("max-age=60", "max-age=10", 10, True),
        ("max-age=60", "max-age=10", 11, False),
        ("max-age=60", "max-age=abc", 11, False),
        ("max-age=60", "min-fresh=20", 40, True),
        ("max-age=60", "min-fresh=20", 41, False),
        ("max-age=60", "max-stale=20", 79, True),
        ("max-age=60", "max-stale=20", 80, False),
        ("max-age=60", "max-stale", 1e6, True),
        ("max-age=60", "max-stale=abc", 61, False),
        ("max-age=60, must-revalidate", "max-stale", 61, False),
        ("", "", 0, False),
    ],
)
def test_what_is_fresh_is_served_unless_somebody_forbids(
    answer: str, wanted: str, later: float, expected: bool
) -> None:
    assert may_serve(stored(control(answer)), directives_of([control(wanted)]), NOW + later) is expected


@pytest.mark.parametrize("vary", ["*", "*, *", ", *", "*, accept", "accept, *", "x-name," * 150])
def test_what_depends_on_anything_is_never_served_unasked(vary: str) -> None:
    assert not may_serve(stored(control("max-age=60"), ("vary", "accept"), ("vary", vary)), {}, NOW)


def test_what_was_stored_while_the_clock_was_ahead_is_not_fresh_until_then() -> None:
    answer = stored(control("max-age=60"), asked=NOW + 10 * 365 * DAY, answered=NOW + 10 * 365 * DAY)
    assert not may_serve(answer, {}, NOW)
    assert not may_serve(answer, {"max-stale": ""}, NOW)


# ── what each mode makes of it ──

FRESH, STALE, PASSING = stored(control("max-age=60")), stored(), stored(status=503, message="503")


@pytest.mark.parametrize(
    ("mode", "served"),
    [
        ("standard", {"fresh"}),
        ("forever", {"fresh", "stale"}),
        ("changed", set()),
        ("replay", {"fresh", "stale", "passing"}),
    ],
)
def test_modes_differ_in_what_they_serve_unasked(mode: Any, served: set[str]) -> None:
    passing = stored(control("max-age=60"), status=503, message="503")
    for name, answer in {"fresh": FRESH, "stale": STALE, "passing": passing}.items():
        assert choose(mode, [answer], {}, NOW + 1) == (answer, name in served)
    assert choose(mode, [], {}, NOW) == (None, False)


def test_of_several_answers_the_newest_that_fits_is_taken() -> None:
    german, english = (
        stored(("vary", "accept-language"), selected_by=variant_of([("vary", "accept-language")], sent), answered=when)
        for sent, when in (({"accept-language": "de"}, NOW), ({"accept-language": "en"}, NOW + 9))
    )
    assert choose("forever", [german, english], {"accept-language": "de"}, NOW).answer == german
    assert choose("forever", [german, english], {"accept-language": "fr"}, NOW).answer is None
    assert choose("replay", [german, english], {"accept-language": "de"}, NOW).answer == german
    assert choose("replay", [german, english], {"accept-language": "fr"}, NOW).answer == english
    older = stored(answered=NOW - 9)
    assert choose("forever", [STALE, older], {}, NOW).answer == STALE
    assert choose("forever", [older, STALE], {}, NOW).answer == STALE


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        *((status, True) for status in (408, 425, 429, 500, 502, 503, 504, 599)),
        *((status, False) for status in (200, 206, 301, 302, 400, 401, 403, 404, 405, 410, 451, 501)),
    ],
)
def test_some_errors_pass_and_others_last(status: int, expected: bool) -> None:
    assert may_pass(status) is expected


# ── what changed ──


def test_a_page_is_compared_with_the_end_of_the_last_finished_crawl() -> None:
    first = successor(stored(digest="a"), None, generation=1)
    assert first.changed is None
    again = successor(stored(digest="b"), first, generation=1)
    assert again.changed is None  # still the first crawl
    unchanged = successor(stored(digest="b"), again, generation=2)
    assert unchanged.changed is False
    changed = successor(stored(digest="c"), unchanged, generation=3)
    assert changed.changed is True
    # The crawl of generation 3 is killed before it hands the page over, and begun again.
    assert successor(stored(digest="c"), changed, generation=3).changed is True
    assert successor(stored(digest="c"), changed, generation=4).changed is False


def test_a_page_in_the_place_of_an_error_is_new() -> None:
    error = successor(stored(digest="", status=404, message="404"), None, generation=1)
    assert successor(stored(digest="a"), error, generation=2).changed is None
