from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from crawler.document.page import Page
from crawler.errors import ConfigurationError, MemoryLimitError, QuarantineError, ResultError, WorkerLostError
from crawler.models import Request
from crawler.parsing.quarantine import Quarantined, load, save

URL = "http://a.example/a?b=c"
LOST = WorkerLostError("the process was ended by SIGSEGV", "Current thread: line 3 in parse")


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no comment")


def page(body: bytes = b"<title>x</title>", **fields: Any) -> Page:
    request = Request(URL, depth=2, parent="http://a.example/", label="detail", **fields)
    return Page(URL, body, status=203, headers=(("content-type", "text/html"),), request=request, seconds=0.5)


def kept(folder: Path, page: Page, error: QuarantineError = LOST) -> Quarantined:
    return load(save(folder, page, error, "books:parse"))


@pytest.mark.parametrize("error", [LOST, MemoryLimitError("too much", "line 7"), ResultError("does not pickle")])
def test_what_is_kept_says_what_happened_where_and_when(tmp_path: Path, error: QuarantineError) -> None:
    found = kept(tmp_path / "new" / "folder", page(), error)
    assert (found.url, found.parser, found.error) == (URL, "books:parse", type(error).__name__)
    assert (found.reason, found.traceback) == (str(error), error.traceback)
    assert found.time > 1.7e9


@pytest.mark.parametrize("body", [b"", b"\0\xff\xfe", "<p>grün".encode("latin-1"), random.Random(1).randbytes(100_000)])
def test_a_page_comes_back_as_it_was(tmp_path: Path, body: bytes) -> None:
    before = page(body, metadata={"a": [1, "x", None]}, headers=(("X", "y"),), method="POST")
    before.request = replace(before.request, body=b"\xff")
    after = kept(tmp_path, before).page
    assert (after.url, after.body, after.status, after.seconds) == (URL, body, 203, 0.5)
    assert [*after.headers] == [*before.headers]
    assert after.request == before.request
    assert after.header("content-type") == "text/html"


def test_a_person_can_read_why_without_any_tool(tmp_path: Path) -> None:
    path = save(tmp_path, page(), LOST, "books:parse")
    text = path.read_text(encoding="utf-8")
    assert json.loads(text)["reason"] == str(LOST)
    assert len(text.splitlines()) > 10


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"a": Unprintable}, f"{{'a': {Unprintable!r}}}"),
        ({"a": "\udcff"}, "{'a': '\\udcff'}"),
        ({"a": Unprintable()}, "dict (RuntimeError)"),
    ],
)
def test_metadata_that_is_no_plain_data_is_described(tmp_path: Path, metadata: dict[str, Any], expected: str) -> None:
    assert kept(tmp_path, page(metadata=metadata)).request.metadata == {"not kept": expected}


def test_metadata_that_holds_itself_is_described(tmp_path: Path) -> None:
    metadata: dict[str, Any] = {}
    metadata["self"] = metadata
    assert kept(tmp_path, page(metadata=metadata)).request.metadata == {"not kept": "{'self': {...}}"}


def test_odd_bytes_in_headers_and_messages_do_not_matter(tmp_path: Path) -> None:
    before = page()
    before.headers = (("x-name", "Gr\udcfcn"),)  # as aiohttp decodes bytes that are no UTF-8
    found = kept(tmp_path, before, WorkerLostError("said \udcff", "line \udcff"))
    assert (found.headers, found.reason, found.traceback) == ([("x-name", "Gr\ufffdn")], "said \ufffd", "line \ufffd")


def test_a_page_found_harmful_twice_is_kept_once_and_others_beside_it(tmp_path: Path) -> None:
    first = save(tmp_path, page(), LOST, "books:parse")
    again = save(tmp_path, page(), MemoryLimitError("too much"), "books:parse")
    other = save(tmp_path, page(method="POST"), LOST, "books:parse")
    assert first == again != other
    assert load(first).error == "MemoryLimitError"
    assert {*tmp_path.iterdir()} == {first, other}


def test_a_folder_that_cannot_be_made_is_an_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        save(tmp_path / "file", page(), LOST, "books:parse")


@pytest.mark.parametrize("content", [b"", b"{}", b"not JSON", b"[1]", b"\xff"])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other.json").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"other\.json' is no page in quarantine"):
        load(tmp_path / "other.json")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.json' cannot be read: No such file"):
        load(tmp_path / "none.json")
