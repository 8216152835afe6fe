from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.http.cookie_date import timestamp_of

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "text",
    [
        "Fri, 02 Jan 2026 03:04:05 GMT",
        "Friday, 02-Jan-26 03:04:05 GMT",
        "Fri Jan  2 03:04:05 2026",
        "2-Jan-2026,3:4:5",
        "03:04:05 02 JANUARY 2026",
        "02 2026 jan 03:04:05",
        "Fri, 2nd Jan 2026th 03:04:05.678",
        "Fri, 02 Jan 2026 03:04:05 +0500",  # zones are ignored
        "Fri, 02 Jan 2026 03:04:05 GMT, 03 Feb 2027 06:07:08 GMT",  # as is what comes later
    ],
)
def test_dates_are_read_in_any_form_and_order(text: str) -> None:
    assert timestamp_of(text) == MOMENT


@pytest.mark.parametrize(("written", "year"), [("69", 2069), ("70", 1970), ("99", 1999), ("00", 2000), ("1601", 1601)])
def test_years_of_two_digits_have_a_century(written: str, year: int) -> None:
    assert timestamp_of(f"1 Jan {written} 00:00:00") == datetime(year, 1, 1, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "now",
            "0",
            "-1",
            "1750000000",
            "Jan 2026 03:04:05",
            "02 2026 03:04:05",
            "02 Jan 03:04:05",
            "02 Jan 2026",
        ),
        *("30 Feb 2026 00:00:00", "29 Feb 2025 00:00:00", "00 Jan 2026 00:00:00", "32 Jan 2026 00:00:00"),
        *(
            "02 Jan 2026 24:00:00",
            "02 Jan 2026 00:60:00",
            "02 Jan 2026 00:00:60",
            "02 Jan 1600 00:00:00",
            "02 Jan 100 00:00:00",
        ),
        *("02 Jan 2026 003:04:05", "002 Jan 2026 03:04:05", "02 Jan 20260 03:04:05", "02 Jan 2026 03:04"),
        "\u0660\u0662 Jan 2026 03:04:05",  # digits of another script
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert timestamp_of(text) is None


@pytest.mark.parametrize(("before", "expected"), [(8, True), (9, False), (500, False)])
def test_of_hundreds_of_words_twelve_are_read(before: int, expected: bool) -> None:
    assert (timestamp_of("x " * before + "02 Jan 2026 03:04:05") is not None) is expected


@given(st.one_of(st.text(), st.from_regex(r"[a-z]{3},? \d{1,3}[- ](jan|dec)[- ]\d{1,5} \d{1,3}:\d\d:\d\d")))
def test_no_text_breaks_it(text: str) -> None:
    timestamp = timestamp_of(text)
    assert timestamp is None or isinstance(timestamp, float)


@given(st.datetimes(min_value=datetime(1601, 1, 1)))  # noqa: DTZ001  # Hypothesis wants it without a zone
def test_every_date_of_the_standard_is_read(date: datetime) -> None:
    expected = date.replace(microsecond=0, tzinfo=UTC)
    assert timestamp_of(f"{date:%a, %d %b} {date.year:04} {date:%H:%M:%S} GMT") == expected.timestamp()
