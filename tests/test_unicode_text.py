from __future__ import annotations

import csv
import io
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler import Cpu, Crawler, Csv, JsonLines, Page, Parquet, Sqlite
from crawler.runtime.unicode_text import writable, writable_value
from tests.integration.sites import serve

ODD = "caf\ud83d, \udce9, 😀"
WRITTEN = "caf\ufffd, \ufffd, 😀"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", "a"),
        ("é", "é"),
        ("a\ud83d", "a\ufffd"),
        ("\ud83d\ude00", "😀"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        (ODD, WRITTEN),
    ],
)
def test_a_lone_surrogate_becomes_a_replacement_character(text: str, expected: str) -> None:
    assert writable(text) == expected


@given(st.text(alphabet=st.characters()))
def test_any_text_can_be_written_afterwards(text: str) -> None:
    assert writable(writable(text)) == writable(text)
    writable(text).encode()


def test_values_are_written_with_all_their_parts() -> None:
    assert writable_value({ODD: [ODD, 1, None, (ODD,)]}) == {WRITTEN: [WRITTEN, 1, None, [WRITTEN]]}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"name":"caf\\ud83d"}', {"name": "caf\ufffd"}),
        (b'["\\ud83d\\ude00", "\\udead"]', ["😀", "\ufffd"]),
        (b"1e400", float("inf")),
        (b'{"a":[-1e999]}', {"a": [float("-inf")]}),
        (b'{"a":1}', {"a": 1}),
    ],
)
def test_json_is_read_as_other_readers_read_it(body: bytes, expected: object) -> None:
    assert Page("http://a.example/", body).json() == expected


@pytest.mark.parametrize("body", [b"", b"{", b"NaN", b"[Infinity]", b"[1e400", b'{"a":"\\ud83d"', b"[" * 100_000])
def test_what_is_no_json_is_an_error_of_the_page(body: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        Page("http://a.example/", body).json()


def parse(_: Page) -> Any:
    return {"text": ODD, "more": [ODD]}


@pytest.mark.parametrize("executor", ["inline", "process"])
async def test_every_sink_writes_an_item_with_a_lone_surrogate(tmp_path: Path, executor: Any) -> None:
    sinks: list[Any] = [
        JsonLines(tmp_path / "a.jsonl"),
        Csv(tmp_path / "a.csv"),
        Sqlite(tmp_path / "a.sqlite"),
        Parquet(tmp_path / "a"),
    ]
    crawler = Crawler(parse, cpu=Cpu(executor=executor, workers=1), sinks=sinks)
    async with serve({"/": ""}) as site, crawler:
        summary = await crawler.run(site.url)
    assert (summary.done, summary.failed) == (1, 0)
    expected = {"text": WRITTEN, "more": [WRITTEN]}
    assert json.loads((tmp_path / "a.jsonl").read_text(encoding="utf-8")) == expected
    [row] = csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text(encoding="utf-8")))
    assert json.loads(row["more"]) == [WRITTEN]
    [found] = sqlite3.connect(tmp_path / "a.sqlite").execute("SELECT text FROM items")
    assert found == (WRITTEN,)
