from __future__ import annotations

from typing import Any

import pytest

from crawler.errors import ConfigurationError
from crawler.policy.fetch import Fetch


@pytest.mark.parametrize(
    "options",
    [
        *({"concurrency": 0}, {"concurrency": 2.5}, {"timeout": 0}, {"timeout": -1}, {"connect_timeout": 0}),
        *({"timeout": float("nan")}, {"timeout": float("inf")}, {"max_redirects": -1}),
    ],
)
def test_options_that_make_no_sense_are_refused_by_name(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        Fetch(**options)


@pytest.mark.parametrize("character", ["\r", "\n", "\0"])
def test_header_fields_take_no_line_breaks(character: str) -> None:
    for options in (
        {"user_agent": f"a{character}b"},
        {"headers": {"X-A": f"a{character}b"}},
        {"headers": {f"X{character}A": "b"}},
    ):
        with pytest.raises(ConfigurationError, match="header"):
            Fetch(**options)


@pytest.mark.parametrize("name", ["Authorization", "cookie", "Proxy-Authorization"])
def test_what_is_for_one_origin_is_not_sent_to_all(name: str) -> None:
    with pytest.raises(ConfigurationError, match="give it to Access"):
        Fetch(headers={name: "secret"})


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"cache": "pages.sqlite"}, r"cache='pages.sqlite': expected Cache\('pages.sqlite'\), or None"),
        ({"access": {}}, "access={}: expected a Access"),
        ({"bodies": 5}, "bodies=5: expected a Bodies"),
        ({"network": None}, "network=None: expected a Network"),
    ],
)
def test_what_is_of_another_kind_is_refused_at_once(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        Fetch(**options)


def test_no_redirect_at_all_can_be_asked_for() -> None:
    assert Fetch(max_redirects=0).max_redirects == 0
