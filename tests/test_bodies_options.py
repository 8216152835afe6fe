from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import ConfigurationError
from crawler.policy.bodies import RATIO_FLOOR, Bodies

PAGES = ("text/*", "application/xhtml+xml", "*/*+xml")


@pytest.mark.parametrize(
    ("patterns", "content_type", "accepted"),
    [
        ((), "image/png", True),
        ((), "", True),
        (PAGES, "text/html", True),
        (PAGES, "TEXT/HTML ; charset=utf-8", True),
        (PAGES, "application/xhtml+xml;q=1", True),
        (PAGES, "application/rss+xml", True),
        (PAGES, "image/svg+xml", True),
        (PAGES, "application/xml", False),
        (PAGES, "application/pdf", False),
        (PAGES, "application/pdf; as=text/html", False),
        (PAGES, "x-text/html", False),
        (PAGES, "text", True),  # which is no type
        (PAGES, "", True),
        (PAGES, "; charset=utf-8", True),
        (("Text/HTML",), "text/html", True),
        (("text/html",), " text/html ; x", True),
        (("text/html",), "text/html5", False),
        (("text/html",), "text/plain", False),
        (("*/*",), "application/octet-stream", True),
        (("application/*",), "application/json", True),
        (("application/x.y",), "application/xzy", False),
    ],
)
def test_a_type_is_accepted_by_its_name_or_pattern_and_an_unknown_one_always(
    patterns: tuple[str, ...], content_type: str, accepted: bool
) -> None:
    assert Bodies(content_types=patterns).accepts(content_type) is accepted


@given(st.text())
def test_no_content_type_is_too_odd_to_be_judged(content_type: str) -> None:
    assert Bodies().accepts(content_type)
    assert Bodies(content_types=PAGES).accepts(content_type) in (True, False)


@pytest.mark.parametrize(
    ("ratio", "decoded", "compressed", "allowed"),
    [
        (250.0, RATIO_FLOOR, 1, True),
        (250.0, RATIO_FLOOR + 1, 1, False),
        (250.0, 250 * 10_000, 10_000, True),
        (250.0, 250 * 10_000 + 1, 10_000, False),
        (1.0, 2 * RATIO_FLOOR, RATIO_FLOOR, False),
        (None, 10**12, 1, True),
    ],
)
def test_a_large_body_may_be_so_many_times_its_compressed_form_and_a_small_one_any(
    ratio: float | None, decoded: int, compressed: int, allowed: bool
) -> None:
    assert Bodies(max_ratio=ratio).allows_ratio(decoded, compressed) is allowed


@pytest.mark.parametrize(
    "options",
    [
        *({"max_bytes": 0}, {"max_bytes": 1.5}, {"max_bytes": None}, {"max_bytes": "1"}),
        *({"max_ratio": 0.5}, {"max_ratio": float("nan")}, {"max_ratio": float("inf")}, {"max_ratio": "2"}),
        *({"content_types": "text/html"}, {"content_types": ("html",)}, {"content_types": ("text/html; q=1",)}),
        *({"content_types": ("",)}, {"content_types": ("text/h*",)}, {"content_types": (None,)}),
        *({"content_types": ("text/[a-z]",)}, {"content_types": ("text/html\n",)}),
    ],
)
def test_options_that_make_no_sense_are_refused_by_name(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        Bodies(**options)
