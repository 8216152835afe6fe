"""The folder behind the Parquet sink: part files, and a spool of what waits for the next. For one thread at a time.

Rows are appended to the spool, lines of JSON; when they are enough they become a part, which is renamed into place when
it is whole, and the spool is removed. A token names the number of parts, and the end of the spool. Wherever a kill
comes:

- The spool that the token knows is there: it is cut back, and parts that the token does not know are removed. They were
  made of what the spool still has.
- It is not: it has become the part that follows those of the token, whose first rows are those that the spool had. The
  part is cut to them, and stays, short as it may be.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from crawler.errors import ClosedError, ConfigurationError, EncodingError, SinkError
from crawler.sinks.append import START, Mark, sync_folder_of
from crawler.sinks.claim import Claim
from crawler.sinks.shapes import frozen, merged, width_of
from crawler.sinks.spool import Spool, problem_with
from crawler.sinks.token import REMEDY

_OURS = re.compile(r"part-(\d{6,})\.parquet|_spool-(\d{6,})\.jsonl|_part-\d{6,}\.parquet\.tmp|\..*")
_MOST_COLUMNS = 2000  # arbitrary; dicts whose keys are data would make one for each key
_MOST_WAITING = 128 * 2**20  # bytes of a spool, all of which are in memory when it becomes a part; arbitrary


class Contents(msgspec.Struct, frozen=True, tag="parquet"):
    """What is in a folder: the token of the sink.

    Attributes:
        crawl: The crawl that it is of.
        parts: How many part files there are.
        rows: How many rows are in the spool.
        spool: Where it ends.
        shape: That of all rows.
    """

    crawl: str
    parts: int
    rows: int
    spool: Mark
    shape: dict[str, Any]


class ParquetFolder:
    """An open folder."""

    def __init__(self, path: Path, rows: int) -> None:
        """Create one with parts of at least so many ``rows``; `open` opens it."""
        self._path = path
        self._rows = rows
        self._is_new = False
        self._claim: Claim | None = None
        self._spool: Spool | None = None
        self._held = Contents("", 0, 0, START, {})
        self._accepted: set[bytes] = set()  # shapes, encoded, that fit that of all rows

    def __repr__(self) -> str:
        return f"<ParquetFolder {str(self._path)!r}, {self._held.parts} parts, {self._held.rows} rows wait>"

    def open(self) -> None:
        """Make the folder where there is none, and keep other crawls from writing to it.

        Raises:
            ConfigurationError: It is a file, cannot be written, holds what is not ours, another crawl writes to it, or
                pyarrow is not installed.
        """
        try:
            import crawler.sinks.parquet_part  # noqa: PLC0415  # pyarrow need not be installed
        except ImportError as error:
            raise self._unusable("needs pyarrow: pip install 'crawler[parquet]'") from error
        del crawler
        try:
            self._is_new = not self._path.exists()
            self._path.mkdir(exist_ok=True)
            foreign = [entry.name for entry in self._path.iterdir() if not _OURS.fullmatch(entry.name)]
            if foreign:
                raise self._unusable(f"holds {foreign[0]!r}, which no crawl has written; name a folder of its own")
            self._claim = Claim(self._path / ".claim")
        except FileExistsError as error:
            raise self._unusable("is a file; a folder is wanted, to be filled with parts") from error
        except OSError as error:
            raise self._unusable(f"cannot be written: {error.strerror or error}") from error

    def begin(self) -> None:
        """Remove what an earlier crawl has left.

        Raises:
            SinkError: The disk fails.
        """
        try:
            self._go_on_from(Contents(uuid.uuid4().hex, 0, 0, START, {}))
            self._remove_after(0)
            self._open_spool()
        except OSError as error:
            raise self._failed(error) from error

    def cut_back(self, contents: Contents) -> None:
        """Remove what was written since ``contents`` were noted.

        Raises:
            ConfigurationError: The folder is of another crawl, or has lost a part of what it had then. Nothing is
                touched.
            SinkError: The disk fails.
        """
        try:
            if problem := self._problem_with(contents):
                raise self._unusable(f"{problem} when the state of this crawl was written; {REMEDY}")
            if contents.rows and not self._spool_path(contents.parts + 1).exists():
                contents = self._cut_part(contents)
            self._go_on_from(contents)
            self._remove_after(contents.parts)
            self._open_spool()
        except OSError as error:
            raise self._failed(error) from error

    def append(self, lines: Sequence[bytes], shapes: Sequence[bytes]) -> None:
        """Add rows: for each a line of JSON, and its shape, encoded.

        Raises:
            EncodingError: A field is not what it was before, or there are too many. Nothing is written.
            SinkError: The disk is full, or fails.
        """
        spool, held = self._opened(), self._held
        new = dict.fromkeys(encoded for encoded in shapes if encoded not in self._accepted)
        shape = self._merged(new) if new else held.shape
        try:
            spool.write(b"".join(lines))
            self._held = Contents(held.crawl, held.parts, held.rows + len(lines), spool.end, shape)
            self._accepted.update(new)
            if self._held.rows >= self._rows or spool.end.length >= _MOST_WAITING:
                self._make_part()
                self._open_spool()
        except OSError as error:
            raise self._failed(error) from error

    def contents(self) -> Contents:
        """Return what is in the folder.

        Raises:
            SinkError: Something else has changed the spool.
        """
        if self._spool is not None and not self._spool.is_as_left:
            raise SinkError(f"output {str(self._path)!r}: something else writes to it; let nothing do so")
        return self._held

    def sync(self) -> None:
        """Have what is written survive a power cut; parts are synced when they are made.

        Raises:
            SinkError: The disk fails.
        """
        try:
            self._opened().sync()
            sync_folder_of(str(self._path))
        except OSError as error:
            raise self._failed(error) from error

    def finish(self) -> None:
        """Make a part of what waits, and close the folder.

        Raises:
            SinkError: The disk is full, or fails; what waits is still in the spool.
        """
        try:
            if self._spool is not None and self._held.rows:
                self._make_part()
            elif self._spool is not None:
                self._spool.path.unlink(missing_ok=True)
        except OSError as error:
            raise self._failed(error) from error
        finally:
            self.close()

    def close(self) -> None:
        """Close the folder as it is."""
        if self._spool is not None:
            self._spool.close()
            self._spool = None
        if self._claim is not None:
            self._claim.give_up()
            self._claim = None
        if self._is_new:  # nothing was to come into it
            self._is_new = False
            with suppress(OSError):
                self._path.rmdir()

    # ── rows ──

    def _merged(self, shapes: Iterable[bytes]) -> dict[str, Any]:
        """Return the shape of all rows, with those that have ``shapes``."""
        shape = self._held.shape
        try:
            for encoded in shapes:
                shape = merged(shape, msgspec.json.decode(encoded))
        except ValueError as error:
            raise EncodingError(f"output {str(self._path)!r}: {error}") from error
        if width_of(shape) > _MOST_COLUMNS:
            problem = f"more than {_MOST_COLUMNS} fields; where names are data, yield a list of pairs"
            raise EncodingError(f"output {str(self._path)!r}: {problem}")
        if len(self._accepted) > _MOST_COLUMNS:
            self._accepted.clear()
        return shape

    def _make_part(self) -> None:
        """Make the spool the next part."""
        from crawler.sinks.parquet_part import write_part  # noqa: PLC0415  # see `open`

        held, spool = self._held, self._opened()
        part = self._part_path(held.parts + 1)
        write_part(part, spool.lines(held.rows), held.shape, held.crawl)
        sync_folder_of(str(part))  # before the spool goes
        self._go_on_from(Contents(held.crawl, held.parts + 1, 0, START, frozen(held.shape)))
        spool.path.unlink()

    def _cut_part(self, contents: Contents) -> Contents:
        """Make the part that the spool has become what the spool was; return what is then in the folder."""
        from crawler.sinks.parquet_part import cut_part, read_part  # noqa: PLC0415  # see `open`

        part = self._part_path(contents.parts + 1)
        found = read_part(part)
        if found.rows > contents.rows:
            cut_part(part, contents.rows)
        return Contents(contents.crawl, contents.parts + 1, 0, START, frozen(found.shape))

    # ── files ──

    def _problem_with(self, contents: Contents) -> str:
        """Return why the folder cannot be cut back, so that it reads on with "when …"; empty where it can."""
        for number in range(1, contents.parts + 1):
            if not self._part_path(number).exists():
                return f"lacks {self._part_path(number).name}; it had {contents.parts} parts"
        if contents.parts and (problem := self._problem_with_part(contents, contents.parts, 0)):
            return problem
        spool = self._spool_path(contents.parts + 1)
        if not spool.exists():
            return self._problem_with_part(contents, contents.parts + 1, contents.rows) if contents.rows else ""
        return problem_with(spool, contents.spool)

    def _problem_with_part(self, contents: Contents, number: int, least: int) -> str:
        from crawler.sinks.parquet_part import read_part  # noqa: PLC0415  # see `open`

        part = self._part_path(number)
        try:
            crawl, _, rows = read_part(part)
        except FileNotFoundError:
            return f"lacks {self._spool_path(number).name}, and {part.name} too; it had {least} rows in one of them"
        except (OSError, ValueError) as error:
            return f"has a {part.name} that cannot be read ({error}); it was whole"
        if crawl != contents.crawl:
            return f"has a {part.name} of another crawl than"
        return f"has {rows} rows in {part.name}; it had {least}" if rows < least else ""

    def _remove_after(self, parts: int) -> None:
        """Remove all that is not one of the first ``parts``, or the spool that follows them."""
        for entry in self._path.iterdir():
            found = _OURS.fullmatch(entry.name)
            part, spool = found.groups() if found else (None, None)
            is_kept = (part and int(part) <= parts) or (spool and self._held.rows and int(spool) == parts + 1)
            if not is_kept and not entry.name.startswith("."):
                entry.unlink()

    def _go_on_from(self, contents: Contents) -> None:
        if self._spool is not None:
            self._spool.close()
            self._spool = None
        self._held = contents
        self._accepted.clear()

    def _open_spool(self) -> None:
        self._spool = Spool(self._spool_path(self._held.parts + 1), self._held.spool)
        self._is_new = False

    def _part_path(self, number: int) -> Path:
        return self._path / f"part-{number:06}.parquet"

    def _spool_path(self, number: int) -> Path:
        return self._path / f"_spool-{number:06}.jsonl"

    def _opened(self) -> Spool:
        if self._spool is None:
            raise ClosedError(f"output {str(self._path)!r} is not open, or not restored")
        return self._spool

    def _failed(self, error: OSError) -> SinkError:
        return SinkError(f"output {str(self._path)!r} cannot be written: {error.strerror or error}")

    def _unusable(self, problem: str) -> ConfigurationError:
        return ConfigurationError(f"output {str(self._path)!r} {problem}")
