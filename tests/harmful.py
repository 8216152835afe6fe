"""A parser that harms its worker in the way that the first part of the page's path says; ``/fine/1`` does nothing.

At the top level of a module, as worker processes find it by name.
"""

from __future__ import annotations

import asyncio
import faulthandler
import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from crawler.document.page import Page
from crawler.models import Request
from crawler.parsing.cpu import Cpu
from crawler.parsing.router import Parser
from crawler.parsing.stage import Stage, StageStatistics, TakeResults, open_stage
from crawler.parsing.worker import Encoders, Parsed

_leaked: list[bytes] = []


class Unpicklable:
    def __reduce__(self) -> str:
        raise TypeError("not this one")


class Undecodable(Exception):  # noqa: N818  # its name is no matter
    """Pickles, and does not unpickle: its constructor wants more than its arguments."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(f"{code} {detail}")


class OddText(str):
    """A string that pickles, and does not unpickle."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return Undecodable, (str(self),)


# ── what it does ──


def regex(page: Page) -> None:
    re.match(r"(a+)+$", "a" * 60 + "b")  # in C, for longer than the universe lasts, the interpreter's lock held


def loop(page: Page) -> None:
    while True:
        pass


def stubborn(page: Page) -> None:
    while True:
        with suppress(BaseException):
            loop(page)


def deaf(page: Page) -> None:
    """Hang where SIGTERM does nothing."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    regex(page)


def flood(page: Page) -> None:
    # It outlives its parent, and writes until the pipe is closed: no line of the watchdog's is among the last.
    subprocess.Popen(["/usr/bin/yes", "flood " * 1000])
    loop(page)


def silenced(page: Page) -> None:
    """Hang when nobody can hear it."""
    sys.stdout = sys.stderr = io.StringIO()
    os.close(1)
    os.close(2)
    regex(page)


def segfault(page: Page) -> None:
    faulthandler._sigsegv()  # type: ignore[attr-defined]


def overflow(page: Page) -> None:
    faulthandler._stack_overflow()  # type: ignore[attr-defined]


def leave(page: Page) -> None:
    os._exit(7)


def kill(page: Page) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def allocate(page: Page) -> None:
    held = []
    while True:
        held.append(bytes(2**24))


def allocate_small(page: Page) -> None:
    held: list[Any] = []
    while True:
        held = [held]


def allocate_at_once(page: Page) -> None:
    bytearray(2**40)


def leak(page: Page) -> None:
    _leaked.append(b"x" * 30 * 2**20)


def leave_child(page: Page) -> None:
    """Die, and leave a process behind that writes to our output for ever."""
    child = subprocess.Popen(["/bin/sh", "-c", "while :; do echo hello; done"])
    Path(page.metadata["fifo"]).write_text(str(child.pid), encoding="ascii")
    os._exit(7)


def nest(page: Page) -> Any:
    deep = Page(page.url, b"<div>" * 1_000_000)
    return len(deep.css("div")), deep.title, len(list(deep.links()))


def undecodable(page: Page) -> None:
    raise Undecodable(1, "what it said")


def unpicklable_item(page: Page) -> Unpicklable:
    return Unpicklable()


def undecodable_item(page: Page) -> Undecodable:
    return Undecodable(1, "x")


def unpicklable_request(page: Page) -> Request:
    return page.follow("a", metadata={"a": Unpicklable()})


def undecodable_request(page: Page) -> Request:
    return page.follow("a", metadata={"a": Undecodable(1, "x")})


def odd_request(page: Page) -> Request:
    return Request("a", label=OddText("x"))


def shout(page: Page) -> None:
    for number in range(1000):
        print(number, "x" * 100_000)


def say(page: Page) -> None:
    print("this from Python")
    subprocess.run(["/bin/echo", "and this from a program"], check=True)
    print("and that to standard error", file=sys.stderr)


def once(page: Page) -> None:
    """Say who is at work and wait to be killed, the first time."""
    seen = Path(page.metadata["fifo"] + ".seen")
    if not seen.exists():
        seen.touch()
        hang(page)


def hang(page: Page) -> None:
    """Say who is at work, and stay at it."""
    Path(page.metadata["fifo"]).write_text(str(os.getpid()), encoding="ascii")
    regex(page)


def wait(page: Page) -> None:
    """Say who is at work, and wait for an answer."""
    Path(page.metadata["fifo"]).write_text(str(os.getpid()), encoding="ascii")
    Path(page.metadata["fifo"]).read_text(encoding="ascii")


def pid(page: Page) -> int:
    return os.getpid()


def burn(page: Page) -> None:
    burn_for(0.002)


def burn_for(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def nap(seconds: float) -> None:
    """Wait, which takes no CPU."""
    signal.sigtimedwait((), seconds)


def parse(page: Page) -> Iterator[Any]:
    name = page.url.split("/")[3]
    if name != "fine":
        harm: Callable[[Page], Any] = globals()[name]
        result = harm(page)
        if result is not None:
            yield result
    yield page.url


def parse_and_follow(page: Page) -> Iterator[Any]:
    yield from parse(page)
    yield from page.links()


# ── what has it parsed ──


def page(path: str, **metadata: Any) -> Page:
    url = f"http://a.example/{path}"
    return Page(url, f"<title>{path}</title>".encode(), request=Request(url, metadata=metadata or None))


@dataclass
class Outcome:
    """What became of pages, by their paths."""

    results: dict[str, Parsed] = field(default_factory=dict)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take_results(self, results: Any) -> None:
        async with self.changed:
            self.results |= {each.url.split("/", 3)[3]: parsed for each, parsed in results}
            self.changed.notify_all()

    async def of(self, count: int) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: len(self.results) >= count)

    @property
    def errors(self) -> dict[str, Exception]:
        return {path: parsed.error for path, parsed in self.results.items() if parsed.error is not None}

    @property
    def fine(self) -> set[str]:
        return {path for path, parsed in self.results.items() if parsed.error is None}


@asynccontextmanager
async def serving(
    stage: Stage, take_results: TakeResults, encoders: Encoders = (None,)
) -> AsyncIterator[asyncio.Task[None]]:
    """Have ``stage`` work, until the end of the block or its own."""
    task = asyncio.ensure_future(stage.run(encoders, take_results))
    await asyncio.sleep(0)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait((task,))


@asynccontextmanager
async def working(outcome: Outcome, parser: Parser = parse, **options: Any) -> AsyncIterator[Stage]:
    """Open a stage with one worker, unless told otherwise, and have it work."""
    options = {"workers": 1, "quarantine": None} | options
    async with open_stage(Cpu(**options), parser) as stage, serving(stage, outcome.take_results):
        yield stage


async def parsed(paths: list[str], **options: Any) -> tuple[Outcome, StageStatistics]:
    """Return what becomes of the pages at ``paths``."""
    outcome = Outcome()
    async with working(outcome, **options) as stage:
        for path in paths:
            await stage.put(page(path))
        await outcome.of(len(paths))
        return outcome, stage.statistics()


# ── processes ──


def descendants() -> set[psutil.Process]:
    """Return all processes that come from this one: fork server, resource tracker, workers, theirs."""
    return set(psutil.Process().children(recursive=True))


def workers_since(before: set[psutil.Process]) -> set[psutil.Process]:
    """Return the processes that are there now and were not before; the fork server and its tracker stay."""
    servers = ("multiprocessing.forkserver", "multiprocessing.resource_tracker")
    return {
        process
        for process in descendants() - before
        if not (process.ppid() == os.getpid() and any(server in " ".join(process.cmdline()) for server in servers))
    }


def assert_gone(*processes: psutil.Process) -> None:
    """Wait until ``processes`` have ended; end those that have not, and fail."""
    _, alive = psutil.wait_procs(processes, timeout=30)
    for process in alive:
        process.kill()
    assert alive == []


async def read_pid(fifo: Path) -> psutil.Process:
    """Wait for a worker that says who it is."""
    return psutil.Process(int(await asyncio.to_thread(fifo.read_text, encoding="ascii")))
