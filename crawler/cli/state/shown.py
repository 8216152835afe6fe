"""What the commands that look into a state folder write to standard output."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import msgspec
from rich.console import Console

from crawler.observe.lines import labelled


def show(rows: Iterable[tuple[str, str]]) -> None:
    """Write labels and what there is to say: wrapped on a terminal, whole lines elsewhere."""
    if not sys.stdout.isatty():
        sys.stdout.writelines(f"{labelled(label, text).plain}\n" for label, text in rows)
        sys.stdout.flush()
        return
    console = Console(highlight=False, emoji=False)
    for label, text in rows:
        console.print(labelled(label, text, console.width))


def show_json(value: Any) -> None:
    """Write ``value`` as one line of JSON."""
    sys.stdout.write(f"{msgspec.json.encode(value).decode()}\n")
    sys.stdout.flush()
