"""The cases of web-platform-tests, as far as they concern a crawler: http and https."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from crawler.errors import InvalidURLError
from crawler.url import Base, resolve
from tests.conformance import data

pytestmark = pytest.mark.conformance
REFUSED = "refused"


def cases() -> list[dict[str, Any]]:
    # Texts among the cases are comments.
    listed = json.loads((data("wpt-url") / "urltestdata.json").read_text(encoding="utf-8"))
    return [case for case in listed if isinstance(case, dict)]


def is_fetched(case: dict[str, Any]) -> bool:
    return str(case.get("href")).startswith(("http://", "https://"))


def in_utf_8(query: str) -> str:
    return quote(query, safe="!$%&()*+,-./:;=?@[\\]^_`{|}~")


def found(case: dict[str, Any]) -> str:
    base, href = case["base"] or "", case["input"]
    try:
        url = resolve(base, href)
    except InvalidURLError:
        url = REFUSED
    for made in (Base(base), Base(base, lambda: in_utf_8)):
        try:
            assert made.resolve(href) == url
        except InvalidURLError:
            assert url == REFUSED
    return url


def test_every_http_url_is_resolved_exactly() -> None:
    chosen = [case for case in cases() if is_fetched(case)]
    assert [found(case) for case in chosen] == [case["href"].partition("#")[0] for case in chosen]
    assert len(chosen) == 247


def test_every_invalid_reference_is_refused() -> None:
    chosen = [case for case in cases() if case.get("failure")]
    assert {case["input"]: found(case) for case in chosen if found(case) != REFUSED} == {}
    # Without a base or with one that is fetched: the ten that are left have one of another scheme.
    assert len([case for case in chosen if not case["base"] or case["base"].startswith("http")]) == 257


def test_everything_that_is_valid_and_not_http_is_refused() -> None:
    chosen = [case for case in cases() if not case.get("failure") and not is_fetched(case)]
    assert {case["input"]: found(case) for case in chosen if found(case) != REFUSED} == {}
    assert len(chosen) > 300
