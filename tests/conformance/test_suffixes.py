from __future__ import annotations

import pytest

from crawler.http.suffixes import registrable_domain
from tests.conformance import data


@pytest.mark.conformance
def test_every_case_of_the_public_suffix_list_has_its_registrable_domain() -> None:
    lines = (data("psl") / "tests.txt").read_text(encoding="utf-8").splitlines()
    cases = [line.split() for line in lines if line and not line.startswith("//")]
    found = [(host, registrable_domain("" if host == "null" else host) or "null") for host, _ in cases]
    assert found == [(host, expected) for host, expected in cases]
    assert len(cases) == 78
