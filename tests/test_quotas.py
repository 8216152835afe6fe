from __future__ import annotations

import pytest

from crawler.models import Refusal
from crawler.policy.quotas import Quotas, path_of


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://a.example/", "http://a.example/"),
        ("http://a.example/item", "http://a.example/"),
        ("http://a.example/shop/item?id=a/b", "http://a.example/shop/"),
        ("http://a.example/shop/", "http://a.example/shop/"),
    ],
)
def test_the_path_of_a_url_is_its_folder(url: str, path: str) -> None:
    assert path_of(url) == path


def test_urls_beyond_the_number_for_their_host_are_refused() -> None:
    quotas = Quotas(2, None)
    urls = [
        "http://a.example/1",
        "http://a.example/x/2",
        "http://a.example/3",
        "http://a.example:81/",
        "http://b.example/",
    ]
    assert [quotas.refusal_of(url) for url in urls] == [None, None, Refusal.HOST, None, None]


def test_urls_beyond_the_number_for_their_folder_are_refused() -> None:
    quotas = Quotas(None, 1)
    urls = ["http://a.example/x/1", "http://a.example/x/2?y", "http://a.example/y/1", "http://a.example/x/y/1"]
    assert [quotas.refusal_of(url) for url in urls] == [None, Refusal.PATH, None, None]


def test_what_one_bound_refuses_does_not_count_for_the_other() -> None:
    quotas = Quotas(2, 1)
    urls = ["http://a.example/x/1", "http://a.example/x/2", "http://a.example/y/1", "http://a.example/z/1"]
    assert [quotas.refusal_of(url) for url in urls] == [None, Refusal.PATH, None, Refusal.HOST]


def test_the_counts_of_an_earlier_crawl_go_on() -> None:
    before, after = Quotas(2, 5), Quotas(2, 5)
    before.refusal_of("http://a.example/1")
    changed = before.take_changed()
    assert changed == {"host a.example": 1, "path http://a.example/": 1}
    assert before.take_changed() == {}
    after.restore({**changed, "http://a.example/0": 7})
    assert [after.refusal_of(f"http://a.example/{number}") for number in (2, 3)] == [None, Refusal.HOST]
    assert "http://a.example/0" not in after.take_changed()


def test_nothing_is_counted_where_there_is_no_bound() -> None:
    quotas = Quotas(None, None)
    assert quotas.refusal_of("http://a.example/") is None
    assert repr(quotas) == "<Quotas of 0 hosts and paths>"
