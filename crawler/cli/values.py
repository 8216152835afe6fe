"""Values on the command line: sizes, seconds, and ``none``."""

from __future__ import annotations

import re
from math import inf

NONE = "none"
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def parse_size(text: str) -> int:
    """Return a size in bytes. ``k``, ``M``, ``G`` and ``T`` are powers of 1024; ``none`` is 0.

    >>> parse_size("512M"), parse_size("1.5G"), parse_size("none")
    (536870912, 1610612736, 0)

    Raises:
        ValueError: It is no size.
    """
    if text.strip().lower() == NONE:
        return 0
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no size; write bytes, or 512M, or 2G, or none")
    return int(float(match[1]) * 1024 ** _POWERS[match[2].lower()])


def parse_positive_size(text: str) -> int:
    """Return a size in bytes, as `parse_size` does, for options that cannot be ``none``.

    >>> parse_positive_size("50M")
    52428800

    Raises:
        ValueError: It is no size, or 0.
    """
    size = parse_size(text)
    if not size:
        raise ValueError(f"{text!r} allows not one byte; write bytes, or 512M, or 2G")
    return size


def parse_share(text: str) -> float:
    """Return a number that is not negative; ``none`` is infinite.

    >>> parse_share("0.5"), parse_share("none")
    (0.5, inf)

    Raises:
        ValueError: It is no number, or a negative one.
    """
    if text.strip().lower() == "none":
        return inf
    share = float(text)
    if not 0 <= share < inf:
        raise ValueError(f"{text!r} is no share; write a number from 0 on, or none")
    return share


def parse_seconds(text: str) -> float:
    """Return a number of seconds; ``none`` is 0.

    >>> parse_seconds("2.5"), parse_seconds("none")
    (2.5, 0.0)

    Raises:
        ValueError: It is no number.
    """
    if text.strip().lower() == NONE:
        return 0.0
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number of seconds; write 30, or 0.5, or none") from None
