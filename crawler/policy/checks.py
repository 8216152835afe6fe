"""Checks of options, so that every policy complains in the same words."""

from __future__ import annotations

from crawler.errors import ConfigurationError


def at_least(name: str, value: float | None, minimum: float, *, unit: str = "", optional: bool = False) -> None:
    """Check a numeric option.

    Raises:
        ConfigurationError: ``value`` is no number, NaN, or below ``minimum``; or ``None`` where not ``optional``.
    """
    if value is None and optional:
        return
    # 'not (a >= b)' also refuses NaN, which 'a < b' would let through.
    if not isinstance(value, int | float) or isinstance(value, bool) or not value >= minimum:
        expected = f"a number {f'of {unit} ' if unit else ''}of at least {minimum:g}"
        raise ConfigurationError.of(name, value, expected)


def whole(name: str, value: int | None, minimum: int, *, unit: str = "", optional: bool = False) -> None:
    """Check an option that is a whole number.

    Raises:
        ConfigurationError: ``value`` is no whole number or below ``minimum``; or ``None`` where not ``optional``.
    """
    if value is None and optional:
        return
    if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
        expected = f"a whole number {f'of {unit} ' if unit else ''}of at least {minimum}"
        raise ConfigurationError.of(name, value, expected)
