"""Values of classes that extend plain types are written like these: what BeautifulSoup, lxml and numpy yield."""

from __future__ import annotations

import decimal
import enum
from collections import OrderedDict, UserDict, deque
from collections.abc import Callable
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np
import pytest

from crawler.sinks.columns import fields_of
from crawler.sinks.csv import encode_row
from crawler.sinks.jsonl import encode_line
from crawler.sinks.parquet import encode_shaped
from crawler.sinks.sqlite import encode_values


class Text(str):
    """A text that knows where it was found, as those of BeautifulSoup and lxml do."""

    __slots__ = ("parent",)

    def __str__(self) -> str:
        return "not the text"


class Number(float):
    pass


class Count(int):
    pass


class Data(bytes):
    pass


class Kind(enum.Enum):
    BOOK = Text("book")


VALUES: list[tuple[Any, Any]] = [
    (Text("a"), "a"),
    (Number(1.5), 1.5),
    (Count(3), 3),
    (Data(b"a"), "YQ=="),
    (Kind.BOOK, "book"),
    (decimal.Decimal("1.50"), "1.50"),
    (PurePosixPath("/a/b"), "/a/b"),
    (deque([Text("a"), "b"]), ["a", "b"]),
    (range(3), [0, 1, 2]),
    ({"a": 1}.keys(), ["a"]),
    (OrderedDict(a=Text("b")), {"a": "b"}),
    (UserDict({Text("a"): 1}), {"a": 1}),
    (MappingProxyType({"a": 1}), {"a": 1}),
    (np.float64(1.5), 1.5),
    (np.float32(1.5), 1.5),
    (np.int64(3), 3),
    (np.bool_(True), True),
    (np.array([1, 2]), [1, 2]),
]


@pytest.mark.parametrize(("value", "plain"), VALUES, ids=[type(value).__name__ for value, _ in VALUES])
def test_a_value_is_written_like_its_plain_type(value: Any, plain: Any) -> None:
    assert msgspec.json.decode(encode_line({"a": value, "b": [value]})) == {"a": plain, "b": [plain]}
    assert type(msgspec.json.decode(encode_line({"a": value}))["a"]) is type(plain)


@pytest.mark.parametrize("encode", [encode_row, encode_values, encode_shaped])
@pytest.mark.parametrize("value", [value for value, _ in VALUES], ids=[type(value).__name__ for value, _ in VALUES])
def test_every_table_takes_it(encode: Callable[[Any], bytes], value: Any) -> None:
    assert encode({"a": value})


def test_its_class_is_gone_from_tables() -> None:
    assert type(fields_of({"a": Text("x")})["a"]) is str
    assert type(fields_of({Text("x"): 1}).popitem()[0]) is str


@pytest.mark.parametrize(
    "value", [object(), (each for each in "ab"), lambda: 1], ids=["object", "generator", "function"]
)
def test_what_has_no_plain_value_is_named(value: Any) -> None:
    with pytest.raises(TypeError, match="is no JSON type"):
        encode_line({"a": value})
