"""The choice among the stored answers to a request, by the mode of the cache. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from crawler.http.cache_control import directives_of
from crawler.http.freshness import may_serve
from crawler.http.stored import Stored, may_pass
from crawler.http.storing import matching
from crawler.policy.caching import CacheMode


class Choice(NamedTuple):
    """The stored ``answer`` that was chosen, if there is one, and whether it is served without asking a server."""

    answer: Stored | None
    is_served: bool


def choose(mode: CacheMode, stored: Sequence[Stored], sent: Mapping[str, str], now: float) -> Choice:
    """Return what to do with the ``stored`` answers to a request.

    Args:
        mode: The mode of the cache.
        stored: All answers stored for the request.
        sent: The request's header fields, names in lower case.
        now: The time, in seconds since 1970.
    """
    answer = matching(stored, sent)
    if mode == "replay":
        # A replay may have other credentials or another user agent, or none: any page is better than none.
        answer = answer or max(stored, key=lambda one: one.answered, default=None)
    if answer is None:
        return Choice(None, is_served=False)
    match mode:
        case "replay":
            return Choice(answer, is_served=True)
        case "forever":
            return Choice(answer, is_served=not may_pass(answer.status))
        case "changed":
            return Choice(answer, is_served=False)
        case "standard":
            wanted = directives_of(tuple(sent.items()))
            return Choice(answer, is_served=not may_pass(answer.status) and may_serve(answer, wanted, now))
