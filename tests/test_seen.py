from __future__ import annotations

from crawler.frontier.seen import Seen
from crawler.state.digests import digest_of


def test_a_text_is_new_once() -> None:
    seen = Seen()
    assert "http://a.example/" not in seen
    assert seen.add("http://a.example/") == digest_of("http://a.example/")
    assert "http://a.example/" in seen
    assert seen.add("http://a.example/") is None
    assert len(seen) == 1


def test_the_digest_of_what_was_asked_for_last_belongs_to_it() -> None:
    seen = Seen()
    assert "a" not in seen
    assert seen.digest("b") == digest_of("b")
    assert seen.digest("a") == digest_of("a")
    assert seen.add("b") == digest_of("b")
    assert "a" not in seen


def test_what_was_asked_for_long_ago_is_still_known() -> None:
    seen = Seen()
    for number in range(120_000):  # more than are remembered as texts
        seen.add(f"http://a.example/{number}")
    assert all(f"http://a.example/{number}" in seen for number in range(0, 120_000, 1000))
    assert not any(f"http://b.example/{number}" in seen for number in range(0, 120_000, 1000))


def test_digests_that_came_from_the_disk_are_known() -> None:
    seen = Seen()
    seen.digests.add(digest_of("http://a.example/"))
    assert "http://a.example/" in seen
    assert seen.add("http://a.example/") is None
