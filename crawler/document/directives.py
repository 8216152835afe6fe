"""The directives of a page for robots: ``<meta name=robots>`` and X-Robots-Tag. Pure text, no I/O.

No standard defines them. They are read as the search engines describe them:
https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_WITH_VALUE = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})
_NO_INDEX, _NO_FOLLOW = frozenset({"noindex", "none"}), frozenset({"nofollow", "none"})
# In a date the day of the week is followed by a comma, which would be taken for the end of the rule.
_WEEKDAY = re.compile(r"\b(?:mon|tue(?:s)?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\s*,", re.IGNORECASE)
_GAP = re.compile(r"[\s;]+")


@dataclass(frozen=True, slots=True)
class Directives:
    """What robots may do with a page.

    Attributes:
        index: Whether it may appear in search results.
        follow: Whether its links may be followed.
        archive: Whether a copy of it may be shown.
        snippet: Whether a part of it may be shown.
        unavailable_after: When it should no longer appear in search results; ``None`` for never.
    """

    index: bool = True
    follow: bool = True
    archive: bool = True
    snippet: bool = True
    unavailable_after: datetime | None = None


def directives_of(
    elements: Iterable[tuple[str, str]] = (), fields: Iterable[str] = (), *, agent: str = ""
) -> Directives:
    """Return the directives that hold for ``agent``: where two rules contradict each other, the stricter one counts.

    Args:
        elements: Name and content of ``<meta>`` elements. Only those named ``robots`` or as the agent count.
        fields: Values of X-Robots-Tag header fields. A rule may begin with the name of an agent and a colon: it and
            the rules after it are then for that agent alone.
        agent: The product token of the crawler, in any case, as in robots.txt.
    """
    agent = agent.lower()
    rules = {
        rule
        for name, content in elements
        if name.strip().lower() in {"robots", agent} - {""}
        for rule in _rules(content, agent)
    }
    for field in fields:
        rules.update(_rules(field, agent))
    names = {name for name, _ in rules}
    dates = [date for name, value in rules if name == "unavailable_after" and (date := _date(value))]
    return Directives(
        index=names.isdisjoint(_NO_INDEX),
        follow=names.isdisjoint(_NO_FOLLOW),
        archive="noarchive" not in names,
        snippet="nosnippet" not in names,
        unavailable_after=min(dates, default=None),
    )


def _rules(text: str, agent: str) -> Iterator[tuple[str, str]]:
    """Yield name and value of each rule in ``text`` that is for ``agent``; most values are empty."""
    is_ours = True
    for part in _WEEKDAY.sub("", text).lower().split(","):
        name, colon, rest = (each.strip() for each in part.partition(":"))
        if colon and name not in _WITH_VALUE and not _GAP.search(name):
            is_ours = name in {agent, "robots", "*"}
            name, colon, rest = (each.strip() for each in rest.partition(":"))
        if not is_ours:
            continue
        if colon:
            yield name, rest
        else:
            yield from ((word, "") for word in _GAP.split(name))


def _date(text: str) -> datetime | None:
    """Return the moment that ``text`` denotes in ISO 8601, RFC 5322 or RFC 850; ``None`` if it is no date."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            date = read(text.upper())
            return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None
