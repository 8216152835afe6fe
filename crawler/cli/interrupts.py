"""Ctrl-C and SIGTERM: the first drains the crawl, the second ends it at once."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from crawler.cli.exits import Exit

_PATIENCE = 5.0  # seconds from the second signal to a forced exit; arbitrary
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """A context manager that listens for signals.

    Attributes:
        drain: Called at the first signal. As long as it is ``None``, the first signal acts as the second.
        ended: Whether a signal ended everything, so that the task's cancellation came from here.
    """

    def __init__(self) -> None:
        self.drain: Callable[[], None] | None = None
        self.ended = False
        self._task = asyncio.current_task()

    def __repr__(self) -> str:
        return f"<Interrupts {'ended' if self.ended else 'listening'}>"

    def __enter__(self) -> Self:
        for each in _SIGNALS:
            with suppress(NotImplementedError):  # on Windows, where Ctrl-C is a KeyboardInterrupt
                asyncio.get_running_loop().add_signal_handler(each, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for each in _SIGNALS:
            with suppress(NotImplementedError):
                asyncio.get_running_loop().remove_signal_handler(each)
                # All is written. A KeyboardInterrupt while the event loop and its threads are being closed would leave
                # the one without the other, and a traceback of each.
                signal.signal(each, _end_at_once)

    def _on_signal(self) -> None:
        drain, self.drain = self.drain, None
        if drain is not None:
            drain()
        elif self._task is not None and not self.ended:
            self.ended = True
            self._task.cancel()
            # Something may never return, such as a write to a pipe that nobody reads: then the process is ended here.
            timer = threading.Timer(_PATIENCE, os._exit, (Exit.KILLED,))
            timer.daemon = True
            timer.start()


def ignore_signals() -> None:
    """Let no more signals have an effect."""
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)


def _end_at_once(_number: int, _frame: object) -> None:
    os._exit(Exit.KILLED)
