"""The folder of the Parquet sink: part files, and a spool of rows waiting for the next. For one thread at a time.

Rows are appended to the spool as lines of JSON. When there are enough, they become a part: it is renamed into place
when it is complete, and then the spool is removed. A token contains the number of parts, and the end of the spool.
After a kill at any moment there are two cases:

- The spool of the token exists: it is cut back, and parts that the token does not count are removed. They were made of
  rows that the spool still has.
- It does not: it has become the part after those of the token, whose first rows are those of the spool. The part is cut
  to these rows, and stays, however short.
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
_MOST_COLUMNS = 2000  # arbitrary; dicts whose keys are data would make a column of each key
_MOST_WAITING = 128 * 2**20  # bytes of a spool, which is loaded into memory when it becomes a part; arbitrary


class Contents(msgspec.Struct, frozen=True, tag="parquet"):
    """The contents of a folder: the token of the sink.

    Attributes:
        crawl: The crawl that wrote it.
        parts: Number of part files.
        rows: Number of rows in the spool.
        spool: End of the spool.
        shape: Shape that fits all rows.
    """

    crawl: str
    parts: int
    rows: int
    spool: Mark
    shape: dict[str, Any]


class ParquetFolder:
    """An open folder."""

    def __init__(self, path: Path, rows: int) -> None:
        """Create a folder with parts of at least so many ``rows``; `open` opens it."""
        self._path = path.absolute()  # the folder of the process may be another one later
        self._rows = rows
        self._is_new = False
        self._claim: Claim | None = None
        self._spool: Spool | None = None
        self._held = Contents("", 0, 0, START, {})
        self._accepted: set[bytes] = set()  # shapes, encoded, that fit that of all rows

    def __repr__(self) -> str:
        return f"<ParquetFolder {str(self._path)!r}, {self._held.parts} parts, {self._held.rows} rows wait>"

    def open(self) -> None:
        """Create the folder if it is missing, and prevent other crawls from writing to it.

        Raises:
            ConfigurationError: It is a file, cannot be written, contains files that no crawl has written, another crawl
                writes to it, or pyarrow is not installed.
        """
        try:
            import crawler.sinks.parquet_part  # noqa: PLC0415  # pyarrow may not be installed
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
        """Remove the files of an earlier crawl, and start with an empty folder.

        Raises:
            SinkError: The disk fails.
        """
        try:
            self._continue_from(Contents(uuid.uuid4().hex, 0, 0, START, {}))
            self._remove_after(0)
            self._open_spool()
        except OSError as error:
            raise self._failed(error) from error

    def cut_back(self, contents: Contents) -> None:
        """Remove what was written since the folder had these ``contents``.

        Raises:
            ConfigurationError: The folder is of another crawl, or has lost a part of these contents. Nothing is
                changed.
            SinkError: The disk fails.
        """
        try:
            if problem := self._problem_with(contents):
                raise self._unusable(f"{problem} when the state of this crawl was written; {REMEDY}")
            if contents.rows and not self._spool_path(contents.parts + 1).exists():
                contents = self._cut_part(contents)
            self._continue_from(contents)
            self._remove_after(contents.parts)
            self._open_spool()
        except OSError as error:
            raise self._failed(error) from error

    def append(self, lines: Sequence[bytes], shapes: Sequence[bytes]) -> None:
        """Add rows: for each a line of JSON, and its shape, encoded.

        Raises:
            EncodingError: A field is of another kind than before, or there are too many fields. Nothing is written.
            SinkError: The disk is full, or fails.
        """
        spool, held = self._opened(), self._held
        spool.check_in_place(self._path)
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
        """Return the contents of the folder.

        Raises:
            SinkError: Something else has changed the spool, or it is not where it was.
        """
        if self._spool is not None:
            self._spool.check_in_place(self._path)
        if self._spool is not None and not self._spool.is_as_left:
            raise SinkError(f"output {str(self._path)!r}: something else writes to it; let nothing do so")
        return self._held

    def sync(self) -> None:
        """Make what is written survive a power cut; parts are synced when they are made.

        Raises:
            SinkError: The disk fails.
        """
        try:
            self._opened().sync()
            sync_folder_of(str(self._path))
        except OSError as error:
            raise self._failed(error) from error

    def finish(self) -> None:
        """Make the waiting rows a part, and close the folder.

        Raises:
            SinkError: The disk is full, or fails; the waiting rows are still in the spool.
        """
        try:
            if self._spool is not None and self._held.rows:
                self._spool.check_in_place(self._path)
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
        if self._is_new:  # nothing was written to it
            self._is_new = False
            with suppress(OSError):
                self._path.rmdir()

    # ── rows ──

    def _merged(self, shapes: Iterable[bytes]) -> dict[str, Any]:
        """Return the shape that fits all rows so far and those with ``shapes``."""
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
        sync_folder_of(str(part))  # before the spool is removed
        self._continue_from(Contents(held.crawl, held.parts + 1, 0, START, frozen(held.shape)))
        spool.path.unlink()

    def _cut_part(self, contents: Contents) -> Contents:
        """Cut the part that the spool has become to the rows of the spool; return the new contents of the folder."""
        from crawler.sinks.parquet_part import cut_part, read_part  # noqa: PLC0415  # see `open`

        part = self._part_path(contents.parts + 1)
        found = read_part(part)
        if found.rows > contents.rows:
            cut_part(part, contents.rows)
        return Contents(contents.crawl, contents.parts + 1, 0, START, frozen(found.shape))

    # ── files ──

    def _problem_with(self, contents: Contents) -> str:
        """Return why the folder cannot be cut back, as a phrase before "when …"; empty if it can."""
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
        """Remove all files except the first ``parts`` and the spool that follows them."""
        for entry in self._path.iterdir():
            found = _OURS.fullmatch(entry.name)
            part, spool = found.groups() if found else (None, None)
            is_known = (part and int(part) <= parts) or (spool and self._held.rows and int(spool) == parts + 1)
            if not is_known and not entry.name.startswith("."):
                entry.unlink()

    def _continue_from(self, contents: Contents) -> None:
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
