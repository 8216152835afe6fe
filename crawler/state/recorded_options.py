"""The options that a crawl had when it last ran: names and texts, see `crawler.state.options_compared`."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

from crawler.models import Refusal
from crawler.policy.rewriting import Rewriting

_LIMITS = {
    Refusal.DEPTH: "max_depth",
    Refusal.LONG: "max_alike",
    Refusal.TRAP: "max_alike",
    Refusal.HOST: "max_per_host",
    Refusal.PATH: "max_per_path",
}


class RecordedOptions:
    """What is known of the options of a crawl; all of it may be missing."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def __repr__(self) -> str:
        return f"<RecordedOptions {len(self._texts)}>"

    def value(self, name: str) -> Any:
        """Return the value of an option that is a number, a text, or several of them; ``None`` for all others.

        >>> RecordedOptions({"limits.max_depth": "3"}).value("limits.max_depth")
        3
        """
        try:
            return ast.literal_eval(self._texts.get(name, "None"))
        except (ValueError, SyntaxError):
            return None

    @property
    def is_newest_first(self) -> bool:
        """Whether what was found last is fetched first."""
        return bool(self.value("order") == "depth")

    @property
    def rewriting(self) -> Rewriting | None:
        """Which forms of a URL are one page."""
        names = ("drop", "sort_query", "index_files")
        drop, sort_query, index_files = (self.value(f"scope.rewriting.{name}") for name in names)
        if not (drop or sort_query or index_files):
            return None
        return Rewriting(drop or (), sort_query=bool(sort_query), index_files=index_files or ())

    def rule_against(self, url: str, reason: str) -> str:
        """Return the option because of which ``url`` was refused for a ``reason``; empty where that is not known."""
        if reason == Refusal.SCOPE:
            return self._scope_rule(url)
        name = f"limits.{_LIMITS[Refusal(reason)]}" if reason in set(_LIMITS) else ""
        value = self.value(name)
        return "" if value is None else f"{name} is {value}"

    def _scope_rule(self, url: str) -> str:
        for pattern in self.value("scope.deny") or ():
            if re.search(pattern, url):
                return f"scope.deny has {pattern!r}, which it matches"
        allow = self.value("scope.allow") or ()
        if allow and not any(re.search(pattern, url) for pattern in allow):
            return f"it matches none of scope.allow, which is {', '.join(map(repr, allow))}"
        within = self.value("scope.within")
        return f"scope.within is {within!r}, and no seed has that {within}" if within else ""
