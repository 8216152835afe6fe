from __future__ import annotations

import json

import pytest

from crawler.robots.decision import parse_robots
from tests.conformance import data

pytestmark = pytest.mark.conformance


def test_google_and_we_agree_on_every_case_of_its_own_tests() -> None:
    cases = json.loads((data("google-robots") / "cases.json").read_text())["cases"]
    assert len(cases) == 142
    wrong = [
        case
        for case in cases
        if parse_robots(case["robots"].encode(), case["agent"]).permits(case["url"]) is not case["allowed"]
    ]
    assert wrong == []
