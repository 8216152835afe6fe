"""The sniffing cases of html5lib: in which encoding is a page that came without a Content-Type?"""

from __future__ import annotations

import pytest

from crawler.document.charset import decode, encoding_of
from tests.conformance import data


def cases() -> list[tuple[bytes, str]]:
    """Return the pages, and what they are in."""
    found = []
    for file in ("tests1.dat", "tests2.dat"):
        for case in (data("html5lib-encoding") / file).read_bytes().split(b"#data\n")[1:]:
            page, _, name = case.partition(b"#encoding\n")
            found.append((page.removesuffix(b"\n"), name.strip().decode().lower()))
    return found


@pytest.mark.conformance
def test_pages_are_read_in_the_encoding_that_browsers_read_them_in() -> None:
    listed = cases()
    wrong = {page: (encoding_of(page), name) for page, name in listed if encoding_of(page) != name}
    assert len(listed) == 81
    assert wrong == {}
    for page, name in listed:
        assert decode(page) == decode(page, f"text/html; charset={name}")
