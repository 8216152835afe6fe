"""Where a crawl keeps what it needs to go on after any kind of end."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal, get_args

from crawler.errors import ConfigurationError
from crawler.policy.checks import whole

Durability = Literal["process", "power"]


@dataclass(frozen=True, slots=True)
class StateFolder:
    """A folder that holds the state of a crawl; the same crawl with the same folder goes on where it was.

    Attributes:
        folder: The folder, made where there is none; one crawl at a time uses it.
        durability: ``"process"`` survives any end of the process; ``"power"`` also one of the machine, as it waits for
            the disk at each commit.
        keep_bodies: Whether the bodies of pages are kept, each once and compressed, for ``crawler reparse``.
        window: Pending requests that are held in memory, about; all others wait in the folder.
    """

    folder: str | os.PathLike[str]
    durability: Durability = "process"
    keep_bodies: bool = False
    window: int = 100_000

    def __post_init__(self) -> None:
        folder: object = self.folder
        if not isinstance(folder, str | os.PathLike) or not os.fspath(folder):
            raise ConfigurationError.of("state", self.folder, "the path of a folder")
        if self.durability not in get_args(Durability):
            raise ConfigurationError.of("durability", self.durability, f"one of {', '.join(get_args(Durability))}")
        whole("window", self.window, 1, unit="requests")
