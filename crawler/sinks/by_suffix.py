"""The choice of a sink by the suffix of its file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from crawler.sinks.csv import Csv
from crawler.sinks.jsonl import JsonLines
from crawler.sinks.parquet import Parquet
from crawler.sinks.sink import CheckpointedSink
from crawler.sinks.sqlite import Sqlite
from crawler.sinks.warc import Warc


def sink_for(path: str | os.PathLike[str], responses: Literal["pages", "all"] = "pages") -> CheckpointedSink:
    """Return a sink for ``path``, by its suffix, in any case.

    ``.csv``; ``.sqlite``, ``.sqlite3`` or ``.db``; ``.parquet`` (a folder); ``.warc`` or ``.warc.gz``; JSON Lines for
    all others. Which ``responses`` are archived is a matter of WARC alone.
    """
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    match suffixes[-2:]:
        case [*_, ".csv"]:
            return Csv(path)
        case [*_, ".sqlite" | ".sqlite3" | ".db"]:
            return Sqlite(path)
        case [*_, ".parquet"]:
            return Parquet(path)
        case [*_, ".warc"] | [".warc", ".gz"]:
            return Warc(path, responses)
    return JsonLines(path)
