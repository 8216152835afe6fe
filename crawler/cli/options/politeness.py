"""Options for politeness towards hosts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

import typer

from crawler.cli.options.given import given
from crawler.policy.politeness import Politeness

_option = partial(typer.Option, rich_help_panel="Politeness (on loopback: no delay, no limit)")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolitenessOptions:
    """Delays and connections for a host and its address, and robots.txt."""

    delay: Annotated[
        float | None,
        _option("--delay", metavar="SECONDS", help="From a host's answer to the next request (default: 1)."),
    ] = None
    jitter: Annotated[
        float | None,
        _option("--jitter", metavar="SHARE", help="Prolong delays at random; 0.5: by up to a half (default: 0)."),
    ] = None
    max_delay: Annotated[
        float | None,
        _option("--max-delay", metavar="SECONDS", help="Wait no longer, whatever a host asks for (default: 60)."),
    ] = None
    connections: Annotated[
        int | None, _option("--connections", metavar="N", help="Requests in flight to a host (default: 2).")
    ] = None
    address_connections: Annotated[
        int | None,
        _option("--address-connections", metavar="N", help="The same for an IP address (default: 8)."),
    ] = None
    ignore_robots: Annotated[
        bool,
        _option(
            "--ignore-robots",
            metavar="",
            help="Fetch also what robots.txt forbids: for sites of your own.",
        ),
    ] = False

    def applied_to(self, politeness: Politeness) -> Politeness:
        """Return ``politeness``, changed by these options.

        Raises:
            ConfigurationError: An option is out of its range.
        """
        changes = given(
            delay=self.delay,
            jitter=self.jitter,
            max_delay=self.max_delay,
            connections=self.connections,
            address_connections=self.address_connections,
            robots=False if self.ignore_robots else None,
        )
        return replace(politeness, **changes)
