"""The options of the state folder, with which a crawl can be resumed after it ended in any way."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal, get_args

from crawler.errors import ConfigurationError
from crawler.policy.checks import whole

Durability = Literal["process", "power"]


@dataclass(frozen=True, slots=True)
class StateFolder:
    """A folder with the state of a crawl; the same crawl with the same folder resumes where it stopped.

    Attributes:
        folder: The folder; it is created if necessary. Only one crawl at a time can use it.
        durability: ``"process"`` survives every end of the process; ``"power"`` also power cuts, as it waits for the
            disk at each commit.
        keep_bodies: Whether to store the bodies of pages, each once and compressed, for ``crawler reparse``.
        window: Pending requests that are held in memory, approximately; all others wait in the folder.
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
