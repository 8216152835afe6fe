from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crawler.errors import ConfigurationError
from crawler.policy.caching import Cache


@pytest.mark.parametrize(
    ("path", "is_file"),
    [
        ("cache", False),
        ("cache.d", False),
        ("site.sqlite/", True),  # a slash at the end says nothing: it is the name that counts
        ("a.sqlite/b", False),
        (".sqlite", False),
        ("site.sqlite", True),
        ("site.SQLite3", True),
        (Path("folder") / "site.db", True),
        (Path("folder"), False),
    ],
)
def test_the_name_says_whether_it_is_a_file_or_a_folder(path: Any, is_file: bool) -> None:
    assert Cache(path).is_file is is_file


def test_a_cache_obeys_the_standard_and_has_no_bound_unless_told_otherwise() -> None:
    assert (Cache("cache").mode, Cache("cache").max_bytes) == ("standard", None)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"path": ""}, "path=''"),
        ({"path": "a\0b"}, r"path='a\\x00b'"),
        ({"path": b"cache"}, "path=b'cache'"),
        ({"path": None}, "path=None"),
        ({"path": 7}, "path=7"),
        ({"mode": "Standard"}, "mode='Standard': expected one of 'standard', 'forever', 'changed', 'replay'"),
        ({"mode": None}, "mode=None"),
        ({"max_bytes": 0}, "max_bytes=0"),
        ({"max_bytes": 1.5}, "max_bytes=1.5"),
        ({"max_bytes": True}, "max_bytes=True"),
    ],
)
def test_options_that_make_no_sense_are_refused_by_name(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        Cache(**{"path": "cache", **options})
