"""The options of a crawl, checked once, wherever they come from."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from crawler.errors import ConfigurationError
from crawler.models import Failure
from crawler.parsing.cpu import Cpu
from crawler.parsing.router import Parser, is_async
from crawler.policy.fetch import Fetch
from crawler.policy.limits import Limits
from crawler.policy.order import Order, Ranking
from crawler.policy.politeness import Politeness
from crawler.policy.retry import Retry
from crawler.policy.scope import Scope
from crawler.policy.state_folder import StateFolder
from crawler.sinks.call import as_sink
from crawler.sinks.sink import Sink


@dataclass(frozen=True, slots=True)
class Configuration:
    """A parser and the options of a crawl; the keywords of `crawler.crawler.Crawler` say what each of them is.

    A new option needs a field here and a keyword there, and nothing else.
    """

    parser: Parser
    scope: Scope = field(default_factory=Scope)
    limits: Limits = field(default_factory=Limits)
    politeness: Politeness = field(default_factory=Politeness)
    retry: Retry = field(default_factory=Retry)
    fetch: Fetch = field(default_factory=Fetch)
    cpu: Cpu = field(default_factory=Cpu)
    state: StateFolder | None = None
    order: Order = "breadth"
    sinks: tuple[Sink, ...] = ()
    on_failure: Callable[[Failure], object] | None = None

    def __post_init__(self) -> None:
        if not callable(self.parser):
            raise ConfigurationError.of("parser", self.parser, "a function of a page, or a Router")
        self._check_groups()
        if self.scope.sitemaps and not self.politeness.robots:
            text = "sitemaps=True contradicts robots=False: robots.txt, which is then not read, names the sitemaps"
            raise ConfigurationError(f"{text}; change one of them")
        Ranking(self.order)  # which checks it
        on_failure: Any = self.on_failure
        if on_failure is not None and (not callable(on_failure) or is_async(on_failure)):
            expected = "a plain function of a Failure: nobody would await an async one"
            raise ConfigurationError.of("on_failure", on_failure, expected)

    def _check_groups(self) -> None:
        for group in fields(self):
            kind: Any = group.default_factory
            value = getattr(self, group.name)
            if kind is not MISSING and not isinstance(value, kind):
                arguments = ", ".join(f"{option.name}=…" for option in fields(kind)[:2])
                raise ConfigurationError.of(group.name, value, f"a {kind.__name__}({arguments})")

    @classmethod
    def of(cls, parser: Parser, **options: Any) -> Configuration:
        """Return what ``parser`` and the keywords of a user say.

        Args:
            parser: The parser.
            options: Values for the fields. ``None`` is the default; a ``state`` may also be a path, and ``sinks`` may
                be functions.

        Raises:
            ConfigurationError: One of them is of the wrong kind, or two contradict each other.
        """
        given = {name: value for name, value in options.items() if value is not None}
        if "state" in given:
            given["state"] = _state_of(given["state"])
        if "sinks" in given:
            given["sinks"] = sinks_of(given["sinks"])
        return cls(parser, **given)

    def keywords(self) -> dict[str, Any]:
        """Return all but the parser, as `of` and `crawler.crawler.Crawler` take it."""
        return {name: getattr(self, name) for name in OPTION_NAMES}


OPTION_NAMES = tuple(each.name for each in fields(Configuration) if each.name != "parser")
"""The names of the options of a crawl."""


def sinks_of(sinks: Iterable[Sink | Callable[[Any], object]]) -> tuple[Sink, ...]:
    """Return ``sinks``, each of which is a sink or a function of an item, as sinks.

    Raises:
        ConfigurationError: One of them is neither, or they are not several.
    """
    if isinstance(sinks, str | os.PathLike) or not isinstance(sinks, Iterable):
        raise ConfigurationError.of("sinks", sinks, "a list of sinks, or of functions of an item")
    return tuple(map(as_sink, sinks))


def _state_of(state: object) -> StateFolder:
    if isinstance(state, StateFolder):
        return state
    if not isinstance(state, str | os.PathLike):
        raise ConfigurationError.of("state", state, "a StateFolder(…), or the path of a folder")
    return StateFolder(state)
