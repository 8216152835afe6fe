"""Lines of a label and a text, the text wrapped beside the label."""

from __future__ import annotations

import textwrap

from rich.text import Text

from crawler.observe.plain import plain

LABEL = 12  # columns
_LEAST = 20  # columns for the text, however narrow the terminal is


def text_columns(width: int | None) -> int | None:
    """Return the columns beside the label on a terminal of ``width`` columns; ``None`` if lines stay whole."""
    return max(_LEAST, width - LABEL) if width else None


def labelled(label: str, text: str, width: int | None = None) -> Text:
    """Return ``text`` behind its label, wrapped to ``width`` columns; ``None`` leaves its lines whole."""
    columns, style = text_columns(width), "bold" if label in {"done", "stopped", "raised"} else "dim"
    lines = [wrapped for line in plain(text).splitlines() for wrapped in _wrap(line, columns)]
    return Text.assemble((f"{label:<{LABEL}}", style), f"\n{' ' * LABEL}".join(lines))


def _wrap(line: str, columns: int | None) -> list[str]:
    if columns is None or len(line) <= columns:  # a row of a table keeps its spaces
        return [line]
    return textwrap.wrap(line, columns, break_long_words=False, break_on_hyphens=False)
