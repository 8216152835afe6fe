"""Addresses of the synthetic web: what kind of thing stands there, and with which page it belongs."""

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What a server answers for an address; the value is the first folder of its path."""

    PAGE = "p"
    BROKEN = "broken"
    MISSING = "missing"
    MOVED = "moved"


class Address(NamedTuple):
    """One address of the web: the page with the index `page`, or what is broken, missing or moved beside it."""

    kind: Kind
    page: int
