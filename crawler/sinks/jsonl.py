"""JSON Lines: one item a line, UTF-8."""

from __future__ import annotations

import os
from typing import Any

import msgspec

from crawler.runtime.unicode_text import writable_value
from crawler.sinks.append import Mark
from crawler.sinks.append_sink import AppendSink
from crawler.sinks.columns import plain_of_foreign


def encode_line(item: Any) -> bytes:
    """Return ``item`` as a line of JSON.

    Accepts what msgspec accepts (dicts, lists, dataclasses, attrs, typed dicts, named tuples, msgspec structures,
    dates, UUIDs, enums, sets, bytes as base64) and pydantic models. A lone surrogate becomes U+FFFD.

    Raises:
        TypeError: The item, or a part of it, is of another type.
    """
    try:
        return _ENCODER.encode(item) + b"\n"
    except UnicodeEncodeError:
        return _ENCODER.encode(writable_value(msgspec.to_builtins(item, enc_hook=plain_of_foreign))) + b"\n"


_ENCODER = msgspec.json.Encoder(enc_hook=plain_of_foreign)


class _Token(Mark, frozen=True, tag="jsonl"):
    """The position to which the file is cut back."""


class JsonLines(AppendSink[_Token]):
    """Writes items to a file as JSON Lines; a new crawl overwrites an existing file.

    Lines are encoded in the workers. With a state folder each item is in the file exactly once, unless the file is a
    pipe, a terminal or a descriptor.
    """

    def __init__(self, file: str | os.PathLike[str] | int) -> None:
        """Create a sink for ``file``: a path, or an open file descriptor, which stays open and is never emptied."""
        super().__init__(file, _Token)
        self.encode = encode_line
