"""Checks of options, so that every policy complains in the same words."""

from __future__ import annotations

import math
from collections.abc import Collection

from crawler.errors import ConfigurationError


def at_least(name: str, value: float | None, minimum: float, *, unit: str = "", optional: bool = False) -> None:
    """Check a numeric option.

    Raises:
        ConfigurationError: ``value`` is no number, infinite or below ``minimum``; ``None`` where not ``optional``.
    """
    if value is None and optional:
        return
    # Not infinity either: timers cannot be set to it. 'not (a <= b < c)' also refuses NaN, which 'b < a' would not.
    if not isinstance(value, int | float) or isinstance(value, bool) or not minimum <= value < math.inf:
        expected = f"a number {f'of {unit} ' if unit else ''}of at least {minimum:g}"
        raise ConfigurationError.of(name, value, expected)


def whole(name: str, value: int | None, minimum: int, *, unit: str = "", optional: bool = False) -> None:
    """Check an option that is a whole number.

    Raises:
        ConfigurationError: ``value`` is no whole number or below ``minimum``; or ``None``, not being ``optional``.
    """
    if value is None and optional:
        return
    if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
        expected = f"a whole number {f'of {unit} ' if unit else ''}of at least {minimum}"
        raise ConfigurationError.of(name, value, expected)


def several(name: str, value: Collection[str]) -> None:
    """Check an option that takes several texts.

    Raises:
        ConfigurationError: ``value`` is a lone text, which would pass for a list of its letters, or no collection.
    """
    found: object = value
    if isinstance(found, str):
        raise ConfigurationError.of(name, found, f"a tuple of texts, such as ({found!r},)")
    if not isinstance(found, Collection):
        raise ConfigurationError.of(name, found, "a tuple of texts")
