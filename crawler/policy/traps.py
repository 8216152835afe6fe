"""Webs without end: calendars, session identifiers, filters of shops, links that add themselves to the path.

What a trap is cannot be told from a URL. What can be told is that very many are alike, or that one is such as no person
would make; the latter is Heritrix's idea (PathologicalPathDecideRule, TooManyPathSegmentsDecideRule).
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Mapping

from crawler.url import LONGEST_URL

MOST_SEGMENTS = 40  # of a path; arbitrary, Heritrix has 20
MOST_REPEATED = 4  # times that a path may have one and the same segment; arbitrary, Heritrix has 2 in a row

_HEXADECIMAL = re.compile(r"[0-9a-f]++", re.IGNORECASE)
_DIGIT = re.compile(r"[0-9]")
_logger = logging.getLogger("crawler")


def shape_of(url: str) -> str:
    """Return what a normalised ``url`` has in common with those that differ in numbers, identifiers and queries.

    >>> shape_of("https://shop.example/item/1234?colour=red")
    'https://shop.example/item/0?'
    """
    start = url.find("/", len("https://"))
    path, mark, _ = url[start:].partition("?")
    return url[:start] + _HEXADECIMAL.sub(_without_number, path) + mark


def _without_number(found: re.Match[str]) -> str:
    """Return 0 for numbers, and what is made of hexadecimal digits with one number among them: dates, digests."""
    # Not one expression with a look-ahead, which would look for the number again from each letter of a long word.
    return "0" if _DIGIT.search(found[0]) else found[0]


def is_pathological(url: str) -> bool:
    """Tell whether a normalised ``url`` is such as mistakes and traps make, and nobody else."""
    if len(url) > LONGEST_URL:
        return True
    segments = url.partition("?")[0].split("/")[3:]
    if len(segments) <= MOST_REPEATED:
        return False
    if len(segments) > MOST_SEGMENTS:
        return True
    return max(Counter(filter(None, segments)).values(), default=0) > MOST_REPEATED


class Traps:
    """Counts URLs that are alike, and refuses them beyond a bound."""

    def __init__(self, max_alike: int | None) -> None:
        """Create it empty; see `Limits.max_alike`."""
        self._most = max_alike
        self._alike: Counter[str] = Counter()
        self._changed: set[str] = set()

    def __repr__(self) -> str:
        return f"<Traps {len(self._alike)} shapes>"

    def permits(self, url: str) -> bool:
        """Tell whether a normalised ``url`` that is new may be crawled, and count it."""
        if self._most is None:
            return True
        if is_pathological(url):
            return False
        shape = shape_of(url)
        if shape == url:  # there is but one of it
            return True
        self._alike[shape] += 1
        self._changed.add(shape)
        if self._alike[shape] == self._most + 1:
            text = "%d URLs are alike %s: all others of them are refused as a trap; see Limits.max_alike"
            _logger.warning(text, self._most, shape)
        return self._alike[shape] <= self._most

    def take_changed(self) -> dict[str, int]:
        """Return how many URLs there are of each shape of which there are more than at the last call."""
        changed, self._changed = self._changed, set()
        return {shape: self._alike[shape] for shape in changed}

    def restore(self, alike: Mapping[str, int]) -> None:
        """Go on with the counts of an earlier crawl; others than ours are passed over."""
        self._alike.update({shape: count for shape, count in alike.items() if " " not in shape})
