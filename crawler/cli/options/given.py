"""The options that were given on the command line. The value of the others is ``None``, and changes nothing."""

from __future__ import annotations

from typing import Any

from crawler.cli.values import NONE


def given(**fields: Any) -> dict[str, Any]:
    """Return those of ``fields`` that were set. A list becomes a tuple; an empty one counts as not set."""
    found = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    return {name: value for name, value in found.items() if value not in (None, ())}


def given_or_none(**fields: Any) -> dict[str, Any]:
    """Return those of ``fields`` that were set, with ``None`` for 0 and ``none``, which switch a field off."""
    return {name: None if value in (0, NONE) else value for name, value in given(**fields).items()}
