"""The cases of web-platform-tests for ``<meta http-equiv=refresh>``."""

from __future__ import annotations

import html
import json
from typing import Any

import pytest

from crawler.document.page import Page
from crawler.url import resolve
from tests.conformance import data

URL = "http://example.org/folder/page"


def found(content: str, *, in_header: bool) -> tuple[float, str] | None:
    if in_header:
        return Page(URL, headers=(("refresh", content),)).refresh
    # Of a line break in an attribute the parser makes another, unless it is written as a number.
    escaped = html.escape(content).replace("\r", "&#13;")
    return Page(URL, f'<meta charset=utf-8><meta http-equiv=refresh content="{escaped}">'.encode()).refresh


@pytest.mark.conformance
@pytest.mark.parametrize("in_header", [False, True])
def test_every_content_means_the_seconds_and_the_address_that_browsers_find_in_it(in_header: bool) -> None:
    cases: list[dict[str, Any]] = json.loads((data("wpt-meta-refresh") / "meta_refresh.json").read_text("utf-8"))[
        "tests"
    ]
    expected = {
        case["input"]: (case["expected"][0], resolve(URL, case["expected"][1] or "")) if case["expected"] else None
        for case in cases
    }
    assert {content: found(content, in_header=in_header) for content in expected} == expected
    assert len(cases) == 69
