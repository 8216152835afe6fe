"""Where a crawl keeps what it needs to go on, and what it does first and last."""

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
        _option("--state", metavar="DIR", help="Keep in this folder what it takes to go on after any end, a kill too."),
    ] = None
    durability: Annotated[
        Durability | None,
        _option("--durability", metavar="OF", help="process (default) survives a kill, power also a power cut."),
    ] = None
    keep_bodies: Annotated[
        bool, _option("--keep-bodies", metavar="", help="Keep the bodies of pages in that folder, too.")
    ] = False
    order: Annotated[
        Literal["breadth", "depth"] | None,
        _option("--order", metavar="FIRST", help="breadth (default): near the seeds first; depth: found last first."),
    ] = None
    grace: Annotated[
        float,
        _option("--grace", metavar="SECONDS", help="After a first Ctrl-C, what is in flight may take that long."),
    ] = 30.0

    def check(self) -> None:
        """Check what is no option of a crawl.

        Raises:
            ConfigurationError: It is out of its range.
        """
        at_least("grace", self.grace, 0, unit="seconds")

    def applied_to(self, state: StateFolder | None) -> StateFolder | None:
        """Return ``state`` with what these options change.

        Raises:
            ConfigurationError: There are options of a folder, and no folder.
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
        """Return ``order``, or what these options want in its place."""
        return self.order or order
