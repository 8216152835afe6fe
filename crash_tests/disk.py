"""A disk whose power may fail: what was written to it, and what of that is there afterwards.

Written bytes survive for certain when their file is synced, entries of a folder when the folder is. Of what was not
synced anything may survive: a file has pages of 4 KiB that each may be old or new, and a folder its entries as they
were at some moment since.
"""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

_PAGE = 4096
_LINE = re.compile(r"^\d+ +(\w+)\((.*)\) += (\d+)")
_BEGUN = re.compile(r"^(\d+) +(\w+\(.*?) *<unfinished \.\.\.>$")
_ENDED = re.compile(r"^(\d+) +<\.\.\. \w+ resumed>(.*)$")
_PATH = re.compile(r"<([^>]*)>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_NUMBERS = re.compile(r", (\d+)(?=$|,)")

CALLS = "openat,mkdir,write,writev,pwrite64,ftruncate,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat"
"""What strace is to look at."""


class Operation(NamedTuple):
    """A call that changed or synced something: ``path`` is in the folder, ``data`` is written, or a path too."""

    call: str
    path: str
    data: bytes = b""
    at: int | None = None
    flags: str = ""


def operations(log: str, folder: Path) -> Iterator[Operation]:
    """Yield what was done in ``folder`` by a log of strace that has strings in hexadecimal, and the paths of files."""
    prefix = f"{folder}/"
    for found in filter(None, map(_LINE.match, _whole_lines(log))):
        call, arguments, _ = found.groups()
        texts = [bytes.fromhex(text.replace("\\x", "")) for text in _TEXT.findall(arguments)]
        named = _PATH.search(arguments)
        if call in {"openat", "mkdir", "unlink", "unlinkat", "rename", "renameat", "renameat2"}:
            path, data = texts[0].decode(), texts[1] if len(texts) > 1 else b""
        else:
            path, data = _plain(named[1]) if named else "", b"".join(texts)
        numbers = [int(number) for number in _NUMBERS.findall(arguments)]
        at = numbers[-1] if call in {"pwrite64", "ftruncate"} else None
        if f"{path}/".startswith(prefix):
            yield Operation(call, path.removeprefix(str(folder)).lstrip("/"), data, at, arguments)


def _whole_lines(log: str) -> Iterator[str]:
    """Yield the lines of a log of strace; a call during which another thread made one has two, which become one."""
    begun: dict[str, str] = {}  # by thread
    for line in log.splitlines():
        if found := _BEGUN.match(line):
            begun[found[1]] = found[2]
        elif (found := _ENDED.match(line)) and found[1] in begun:
            yield f"{found[1]} {begun.pop(found[1])}{found[2]}"
        else:
            yield line


def _plain(text: str) -> str:
    """Return a path that strace may have written in hexadecimal."""
    if not text.startswith("\\x"):
        return text
    return bytes.fromhex(text.replace("\\x", "")).decode()


class Change(NamedTuple):
    """Something unsynced in a file: bytes at a place, or its new length."""

    at: int
    data: bytes | None


@dataclass(slots=True)
class File:
    """A file: what is on the disk for certain, and what came after that."""

    synced: bytes = b""
    content: bytearray = field(default_factory=bytearray)
    unsynced: list[Change] = field(default_factory=list)

    def change(self, change: Change) -> None:
        """Write, or cut."""
        _apply(self.content, change)
        self.unsynced.append(change)

    def sync(self) -> None:
        """Bring all of it to the disk."""
        self.synced = bytes(self.content)
        self.unsynced.clear()

    def survivor(self, luck: random.Random) -> bytes:
        """Return what may be found after the power was off: of each page the old state or a newer one."""
        content = bytearray(self.synced)
        for change in self.unsynced:
            for part in _pages_of(change):
                if luck.random() < 0.5:
                    _apply(content, part)
        return bytes(content)


def _pages_of(change: Change) -> Iterator[Change]:
    if change.data is None:
        yield change
        return
    start = change.at
    while start < change.at + len(change.data):
        end = min((start // _PAGE + 1) * _PAGE, change.at + len(change.data))
        yield Change(start, change.data[start - change.at : end - change.at])
        start = end


def _apply(content: bytearray, change: Change) -> None:
    if len(content) < change.at:
        content.extend(bytes(change.at - len(content)))
    if change.data is None:
        del content[change.at :]
    else:
        content[change.at : change.at + len(change.data)] = change.data


Entries = dict[str, "File | None"]
"""What a folder has, and all in it, by path; folders are ``None``."""


class Disk:
    """A folder on a disk, from the beginning."""

    def __init__(self) -> None:
        """Create an empty folder."""
        self.entries: Entries = {}
        self._synced: Entries = {}
        self._unsynced: dict[str, list[tuple[str, File | bool | None]]] = {}  # by folder: names, and what they are then

    def do(self, operation: Operation) -> None:
        """Do what a program did."""
        call, path = operation.call, operation.path
        match call:
            case "openat":
                if "O_CREAT" in operation.flags and path not in self.entries:
                    self._enter(path, File())
                found = self.entries.get(path)
                if "O_TRUNC" in operation.flags and found is not None:
                    found.change(Change(0, None))
            case "mkdir":
                self._enter(path, None)
            case "unlink" | "unlinkat":
                self._enter(path, False)
            case "rename" | "renameat" | "renameat2":
                self._rename(operation)
            case "fsync" | "fdatasync":
                self._sync(path)
            case _ if (file := self.entries.get(path)) is not None:
                cut = None if call == "ftruncate" else operation.data
                file.change(Change(len(file.content) if operation.at is None else operation.at, cut))

    def extremes(self) -> list[dict[str, bytes | None]]:
        """Return what there is if nothing survives that was not synced, and if all of it does."""
        nothing = {path: None if file is None else file.synced for path, file in self._synced.items()}
        all_of_it = {path: None if file is None else bytes(file.content) for path, file in self.entries.items()}
        return [_reachable(nothing), _reachable(all_of_it)]

    def survivor(self, luck: random.Random) -> dict[str, bytes | None]:
        """Return what there may be: some of what was not synced."""
        entries = dict(self._synced)
        for changes in self._unsynced.values():
            for name, what in changes[: luck.randint(0, len(changes))]:
                _set(entries, name, what)
        return _reachable({path: None if file is None else file.survivor(luck) for path, file in entries.items()})

    def _rename(self, operation: Operation) -> None:
        target = Path(operation.data.decode()).name
        path = str(Path(operation.path).with_name(target))
        file = self.entries[operation.path]
        self._enter(path, file)
        self._enter(operation.path, False)

    def _enter(self, path: str, what: File | bool | None) -> None:
        _set(self.entries, path, what)
        self._unsynced.setdefault(_folder_of(path), []).append((path, what))

    def _sync(self, path: str) -> None:
        file = self.entries.get(path)
        if file is not None:
            file.sync()
            return
        for name, what in self._unsynced.pop(path, []):
            _set(self._synced, name, what)


def _folder_of(path: str) -> str:
    return path.rpartition("/")[0]


def _set(entries: Entries, path: str, what: File | bool | None) -> None:
    if isinstance(what, bool):
        entries.pop(path, None)
    else:
        entries[path] = what


def _reachable(found: dict[str, bytes | None]) -> dict[str, bytes | None]:
    """Leave out what is in folders that are not there."""
    kept: dict[str, bytes | None] = {}
    for path in sorted(found):
        folder = _folder_of(path)
        if not folder or (folder in kept and kept[folder] is None):
            kept[path] = found[path]
    return kept


def lay_out(found: dict[str, bytes | None], folder: Path) -> None:
    """Make ``folder`` anew, with these files."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path, content in found.items():
        if content is None:
            (folder / path).mkdir()
        else:
            (folder / path).write_bytes(content)
