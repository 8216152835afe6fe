"""Traps, which are endless sites: calendars, session identifiers, filters of shops, links that append to the path.

A single URL does not tell whether it is a trap. But it can be told that very many URLs are alike, or that no person
would create such a URL; the latter is Heritrix's idea (PathologicalPathDecideRule, TooManyPathSegmentsDecideRule).
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Mapping

from crawler.url import LONGEST_URL

MOST_SEGMENTS = 40  # segments of a path; arbitrary, Heritrix has 20
MOST_REPEATED = 4  # occurrences of one segment in a path; arbitrary, Heritrix has 2 in a row

_HEXADECIMAL = re.compile(r"[0-9a-f]++", re.IGNORECASE)
_DIGIT = re.compile(r"[0-9]")
_logger = logging.getLogger("crawler")


def shape_of(url: str) -> str:
    """Return the shape of a normalised ``url``: URLs that differ only in numbers, identifiers and queries share it.

    >>> shape_of("https://shop.example/item/1234?colour=red")
    'https://shop.example/item/0?'
    """
    start = url.find("/", len("https://"))
    path, mark, _ = url[start:].partition("?")
    return url[:start] + _HEXADECIMAL.sub(_without_number, path) + mark


def _without_number(found: re.Match[str]) -> str:
    """Return 0 for numbers, and for hexadecimal words that contain a digit, such as dates and digests."""
    # Not one expression with a look-ahead, which would search for the digit again from each letter of a long word.
    return "0" if _DIGIT.search(found[0]) else found[0]


def is_pathological(url: str) -> bool:
    """Tell whether a normalised ``url`` is of a kind that only mistakes and traps produce."""
    if len(url) > LONGEST_URL:
        return True
    segments = url.partition("?")[0].split("/")[3:]
    if len(segments) <= MOST_REPEATED:
        return False
    if len(segments) > MOST_SEGMENTS:
        return True
    return max(Counter(filter(None, segments)).values(), default=0) > MOST_REPEATED


class Traps:
    """Counts URLs that are alike, and refuses those beyond a limit."""

    def __init__(self, max_alike: int | None) -> None:
        """Create empty counts; see `Limits.max_alike`."""
        self._most = max_alike
        self._alike: Counter[str] = Counter()
        self._changed: set[str] = set()

    def __repr__(self) -> str:
        return f"<Traps {len(self._alike)} shapes>"

    def permits(self, url: str) -> bool:
        """Tell whether a new, normalised ``url`` may be crawled, and count it."""
        if self._most is None:
            return True
        if is_pathological(url):
            return False
        shape = shape_of(url)
        return shape == url or self._count(shape)  # else no other URL has this shape

    def permits_again(self, url: str) -> bool:
        """Tell whether a known ``url`` may be crawled again, and count that."""
        return self._most is None or self._count(f"{shape_of(url)}#again")

    def _count(self, shape: str) -> bool:
        self._alike[shape] += 1
        self._changed.add(shape)
        most = self._most or 0
        if self._alike[shape] == most + 1:
            text = "%d URLs are alike %s: all others of them are refused as a trap; see Limits.max_alike"
            _logger.warning(text, most, shape)
        return self._alike[shape] <= most

    def take_changed(self) -> dict[str, int]:
        """Return the counts of the shapes that have grown since the last call."""
        changed, self._changed = self._changed, set()
        return {shape: self._alike[shape] for shape in changed}

    def restore(self, alike: Mapping[str, int]) -> None:
        """Take over the counts of an earlier crawl; those that are not of shapes are ignored."""
        self._alike.update({shape: count for shape, count in alike.items() if " " not in shape})
