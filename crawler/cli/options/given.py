"""What was given on the command line: an option that was not has the value ``None``, and changes nothing."""

from __future__ import annotations

from typing import Any

from crawler.cli.values import NONE


def given(**fields: Any) -> dict[str, Any]:
    """Return those of ``fields`` that were set; a list becomes a tuple, and an empty one was not set."""
    found = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    return {name: value for name, value in found.items() if value not in (None, ())}


def given_or_none(**fields: Any) -> dict[str, Any]:
    """Return those of ``fields`` that were set; 0 and none mean that there is to be none."""
    return {name: None if value in (0, NONE) else value for name, value in given(**fields).items()}
