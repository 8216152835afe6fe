from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.http.retry_after import seconds_of

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
YEAR = 366 * 86_400.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("\t7\t", 7.0),
        ("007", 7.0),
        ("31622401", YEAR),
        ("9" * 60, YEAR),
        # RFC 9110 §5.6.7, in its three forms
        ("Thu, 01 Jan 2026 12:02:00 GMT", 120.0),
        ("Thursday, 01-Jan-26 12:02:00 GMT", 120.0),
        ("Thu Jan  1 12:02:00 2026", 120.0),
        # which others write in more
        ("Thu, 01 Jan 2026 13:02:00 +0100", 120.0),
        ("Thu, 1 Jan 2026 12:02:00 UTC", 120.0),
        ("Thu, 01 Jan 2026 12:02:00 -0000", 120.0),
        ("01 Jan 2026 12:02:00", 120.0),
        # over already
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 0.0),
        ("Sun Nov  6 08:49:37 1994", 0.0),
        # far away
        ("Fri, 31 Dec 9999 23:59:59 GMT", YEAR),
        ("Fri, 31 Dec 9999 23:59:59 -1400", YEAR),
        ("Mon, 01 Jan 0001 00:00:00 +1400", 0.0),
    ],
)
def test_it_is_seconds_or_a_date(text: str, seconds: float) -> None:
    assert seconds_of(text, NOW) == seconds


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "soon", "-5", "+5", "1.5", "1e3", "1e30", "0x10", "1_000", "1,2", "120, 60", "12 minutes", "-0"),
        *(
            "nan",
            "NaN",
            "inf",
            "Infinity",
            "-inf",
            "\u0661\u0662",
            "\u00b2",
            "\uff11\uff12",
            "\udce9",
            "12\u00a0",
            "12\n",
        ),
        *("Thu, 99 Foo 2026", "Thu, 32 Jan 2026 12:02:00 GMT", "Thu, 01 Jan 2026 25:02:00 GMT", "2026-01-01T12:02:00Z"),
        "Thu, 01 Jan 99999999999999999999 12:02:00 GMT",
        "Thu, 01 Jan 2026 12:02:00 +99999999999999999999",
        "9" * 65,
        "9" * 10_000,
        "x" * 2**20,
    ],
)
def test_what_says_nothing_is_passed_over(text: str) -> None:
    assert seconds_of(text, NOW) is None


@given(
    st.one_of(
        st.text(alphabet=st.characters(exclude_categories=())),
        st.from_regex(r"[A-Z][a-z]{2}, \d+ (Jan|Dec) \d{1,25} \d\d:\d\d(:\d\d)? ([+-]\d{1,25}|GMT)?"),
        st.from_regex(r"[0-9a-zA-Z:,+ -]{,40}"),
    )
)
def test_no_text_breaks_it_and_no_wait_is_negative_or_endless(text: str) -> None:
    seconds = seconds_of(text, NOW)
    assert seconds is None or 0 <= seconds <= YEAR


@given(st.datetimes(datetime(1970, 1, 1), datetime(9998, 12, 31)), st.integers(-14, 14))  # noqa: DTZ001  # without a zone
def test_any_date_of_http_is_understood(date: datetime, hours: int) -> None:
    local = date.replace(microsecond=0, tzinfo=timezone(timedelta(hours=hours)))
    expected = min(max(0.0, (local - NOW).total_seconds()), YEAR)
    assert seconds_of(local.strftime("%a, %d %b %Y %H:%M:%S %z"), NOW) == expected
