"""The output of the commands for state folders: rows for people, JSON for programs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from rich.console import Console

from crawler.errors import StateError
from crawler.observe.labelled_lines import labelled


@contextmanager
def for_a_reader() -> Iterator[None]:
    """Write to standard output inside this context; it ends quietly if the reader, such as head, closes the pipe.

    Raises:
        StateError: Something in the state is damaged.
    """
    try:
        yield
        sys.stdout.flush()
    except msgspec.MsgspecError as error:
        raise StateError(f"the state is damaged, and cannot be read: {error}") from error
    except BrokenPipeError:
        # The reader has gone: the interpreter must not write the rest of the buffer when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def show(rows: Iterable[tuple[str, str]]) -> None:
    """Write rows of a label and a text: wrapped on a terminal, as whole lines elsewhere."""
    if not sys.stdout.isatty():
        sys.stdout.writelines(f"{labelled(label, text).plain}\n" for label, text in rows)
        return
    console = Console(highlight=False, emoji=False)
    for label, text in rows:
        console.print(labelled(label, text, console.width))


def show_json(value: Any) -> None:
    """Write ``value`` as one line of JSON."""
    sys.stdout.write(f"{msgspec.json.encode(value).decode()}\n")
