"""Options for the state folder, the order of a crawl, and its end."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Literal

import typer

from crawler.cli.options.given import given
from crawler.cli.values import NONE
from crawler.errors import ConfigurationError
from crawler.policy.checks import at_least
from crawler.policy.order import Order
from crawler.policy.state_folder import Durability, StateFolder

_option = partial(typer.Option, rich_help_panel="State")


@dataclass(frozen=True, slots=True, kw_only=True)
class StateOptions:
    """The state folder of a crawl, its order, and how it is stopped."""

    folder: Annotated[
        str | None,
        _option("--state", metavar="DIR", help="Save the crawl here, to resume it after any end, even a kill."),
    ] = None
    durability: Annotated[
        Durability | None,
        _option("--durability", metavar="OF", help="process (default) survives a kill, power also a power cut."),
    ] = None
    keep_bodies: Annotated[
        bool, _option("--keep-bodies", metavar="", help="Save the bodies of pages in that folder, too.")
    ] = False
    order: Annotated[
        Literal["breadth", "depth"] | None,
        _option("--order", metavar="FIRST", help="breadth (default): near the seeds first; depth: found last first."),
    ] = None
    grace: Annotated[
        float,
        _option("--grace", metavar="SECONDS", help="To finish what is in flight at a first Ctrl-C."),
    ] = 30.0

    def check(self) -> None:
        """Check the option that belongs to the program and not to a crawl.

        Raises:
            ConfigurationError: It is out of its range.
        """
        at_least("grace", self.grace, 0, unit="seconds")

    def applied_to(self, state: StateFolder | None) -> StateFolder | None:
        """Return ``state``, changed by these options.

        Raises:
            ConfigurationError: There are options for a folder, but no folder.
        """
        folder: str | os.PathLike[str] | None = None if self.folder == NONE else self.folder
        changes = given(durability=self.durability, keep_bodies=self.keep_bodies or None)
        if folder is None and (state is None or self.folder == NONE):
            if changes:
                name = next(iter(changes)).replace("_", "-")
                raise ConfigurationError(f"--{name} needs to know where the state is: --state DIR")
            return None
        if state is None:
            return StateFolder(folder or "", **changes)
        return replace(state, **given(folder=folder), **changes)

    def order_of(self, order: Order) -> Order:
        """Return the order in these options, or ``order`` if there is none."""
        return self.order or order
