"""Steering a crawl that runs: pause it, go on, end it, treat a host otherwise."""

from __future__ import annotations

from collections.abc import Mapping

from crawler.crawl.dispatcher import Dispatcher
from crawler.errors import ConfigurationError, InvalidURLError
from crawler.frontier.frontier import Frontier
from crawler.policy.checks import at_least
from crawler.policy.politeness import HostRule
from crawler.url import host_of, resolve

PERSON = "person"
"""The reason for a pause where none is named."""


class Control:
    """What a display, a signal or a program may do to a crawl while it runs; `Crawler.control` has one.

    Pauses and rules that are set before the first crawl, or between two, hold for the next one.
    """

    def __init__(self) -> None:
        self._dispatcher: Dispatcher | None = None
        self._frontier: Frontier | None = None
        self._paused_by: dict[str, None] = {}  # a set that keeps its order
        self._rules: dict[str, HostRule] = {}

    def __repr__(self) -> str:
        return f"<Control paused by {list(self._paused_by)}, {len(self._rules)} rules>"

    @property
    def paused_by(self) -> tuple[str, ...]:
        """The reasons for which nothing is fetched at present; those of the crawl itself too, such as a full disk."""
        return tuple(self._paused_by) if self._dispatcher is None else self._dispatcher.paused_by

    @property
    def rules(self) -> Mapping[str, HostRule]:
        """The rules that were set, by host."""
        return self._rules

    def pause(self, reason: str = PERSON) -> None:
        """Fetch nothing more until `resume` was called for each reason that there is; what is in flight goes on.

        Reasons are a set: a full disk and a person do not undo each other.

        Raises:
            ConfigurationError: ``reason`` is no text.
        """
        given: object = reason
        if not isinstance(given, str):
            raise ConfigurationError.of("reason", given, "a text")
        self._paused_by[reason] = None
        if self._dispatcher is not None:
            self._dispatcher.pause(reason)

    def resume(self, reason: str = PERSON) -> None:
        """Take one reason for the pause back; the crawl goes on where it was the last one."""
        self._paused_by.pop(reason, None)
        if self._dispatcher is not None:
            self._dispatcher.resume(reason)

    def stop(self, grace: float | None = None) -> None:
        """Fetch nothing more, and end the present crawl when what is in flight is done and written.

        Where none runs, it does nothing.

        Args:
            grace: Seconds after which what is still in flight is cut off, and stays pending; ``None`` waits for all.

        Raises:
            ConfigurationError: ``grace`` is negative, or no number.
        """
        at_least("grace", grace, 0, unit="seconds", optional=True)
        if self._dispatcher is not None:
            self._dispatcher.stop("stop", grace)

    def set_rule(self, host: str, rule: HostRule) -> None:
        """Treat ``host`` by ``rule`` from its next fetch on, in place of what `Politeness` says.

        Args:
            host: Name, and port where the URL has one: ``example.org:8080``.
            rule: Its delay and its connections.

        Raises:
            ConfigurationError: ``host`` is no host as normalised URLs have it, or ``rule`` is no `HostRule`.
        """
        if not _is_host(host):
            expected = "a host as URLs have it, in lower case and with its port: 'example.org', '127.0.0.1:8080'"
            raise ConfigurationError.of("host", host, expected)
        given: object = rule
        if not isinstance(given, HostRule):
            raise ConfigurationError.of("rule", given, "a HostRule(delay=…, connections=…)")
        self._rules[host] = rule
        if self._frontier is not None:
            self._frontier.set_rule(host, rule)

    def attach(self, dispatcher: Dispatcher, frontier: Frontier) -> None:
        """Steer the crawl of these from now on; pauses that were asked for before hold for it."""
        self._dispatcher, self._frontier = dispatcher, frontier
        for reason in self._paused_by:
            dispatcher.pause(reason)


def _is_host(host: object) -> bool:
    """Tell whether ``host`` is one as `crawler.url.host_of` returns it."""
    if not isinstance(host, str):
        return False
    try:
        return any(host_of(resolve("", f"{scheme}://{host}/")) == host for scheme in ("http", "https"))
    except InvalidURLError:
        return False
