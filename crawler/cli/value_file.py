"""Files with values for the command line, as in ``--header @fields.txt``: the place for secrets."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from crawler.errors import ConfigurationError

_log = logging.getLogger("crawler")


class Line(NamedTuple):
    """A line of a file, and its place for messages, which must not show the text."""

    text: str
    place: str


def named_file(value: str) -> str | None:
    """Return the path in ``@path``; ``None`` if ``value`` does not begin with ``@``."""
    return value[1:] if value.startswith("@") else None


def lines_of(path: str, *, is_secret: bool = False) -> Iterator[Line]:
    """Yield the lines of a file, stripped, without empty lines and those that begin with ``#``.

    Args:
        path: A file, or a pipe such as the ``/dev/fd/63`` that a shell makes of ``<(…)``.
        is_secret: Whether to warn if other users may read the file.

    Raises:
        ConfigurationError: The file cannot be read, or is not UTF-8.
    """
    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            if is_secret:
                _warn_of_readers(path, os.fstat(file.fileno()).st_mode)
            lines = file.read().splitlines()
    except OSError as error:
        raise ConfigurationError(f"@{path}: {path!r} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError:  # its message would quote bytes, which may be secret
        raise ConfigurationError(f"@{path}: {path!r} is no text in UTF-8") from None
    for number, line in enumerate(lines, 1):
        if (text := line.strip()) and not text.startswith("#"):
            yield Line(text, f"{path}, line {number}")


def _warn_of_readers(path: str, mode: int) -> None:
    if os.name == "posix" and stat.S_ISREG(mode) and mode & (stat.S_IRGRP | stat.S_IROTH):
        _log.warning("%s holds a password, and others may read it: chmod 600 %s", path, path)
