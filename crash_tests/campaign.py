"""Crawls of one site that are killed at random, go on, and come to their end: what do they lose, what do they double?

The server is another process, and counts who was asked for what. After each kill the state is examined; after the end,
the outputs are compared with what there is to be found.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from crash_tests.crawl import is_odd
from crash_tests.examined import MEMORY, Left, examine
from crash_tests.outputs import SINKS
from crash_tests.process import Started, started
from crash_tests.sites import SITES, Found, Site
from crawler.models import State
from fixtures_server import ServerProcess

_AT_ANY_TIME = 0.25  # of the kills: from the start of the process on; the others are while pages are fetched
_START = 1.2  # seconds in which a crawl has begun
_JITTER = 0.08  # seconds: more than there are between two commits
_LOOK = 0.004  # seconds between two looks at the server
_LONGEST = 120.0  # seconds of a crawl that is not killed, on a machine that may be busy


@dataclass(slots=True)
class Run:
    """What one run was like.

    Attributes:
        again: For each kill, the URLs that were asked for before it and again after it.
        resumed: Seconds from a start to the first page that was asked for.
        deaths: Seconds from a kill until all processes were gone.
        problems: What went wrong, in words.
    """

    again: list[int] = field(default_factory=list)
    resumed: list[float] = field(default_factory=list)
    deaths: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Campaign:
    """Many runs: against which server, and with which options of the crawl."""

    server: ServerProcess
    site: Site
    options: tuple[str, ...]
    sinks: tuple[str, ...]

    async def run(self, rng: random.Random, kills: int) -> Run:
        """Crawl once, with so many ``kills``."""
        run = Run()
        with tempfile.TemporaryDirectory(dir=MEMORY) as name:
            folder = Path(name)
            for _ in range(kills):
                if await self._killed(folder, rng, run):
                    break
            await self.finished(folder, run)
        return run

    async def _killed(self, folder: Path, rng: random.Random, run: Run) -> bool:
        """Start a crawl and kill it; tell whether it has ended before that."""
        left, before = await examine(folder), await self.asked()
        async with self.crawl(folder) as crawl:
            await self._moment(crawl, rng, run)
            has_ended = crawl.process.returncode is not None
            try:
                run.deaths.append(await crawl.kill())
            except TimeoutError:
                run.problems.append("a worker lives on after its main process was killed")
        await self.compare(left, before, run)
        run.problems += (await examine(folder)).problems
        return has_ended

    async def finished(self, folder: Path, run: Run) -> None:
        """Let the crawl come to its end, and compare what it has left with what there is."""
        left, before = await examine(folder), await self.asked()
        async with self.crawl(folder) as crawl, asyncio.timeout(_LONGEST):
            _, said = await crawl.process.communicate()
        if crawl.process.returncode:
            run.problems.append(f"the crawl ended with {crawl.process.returncode}: {said.decode()}")
        await self.compare(left, before, run)
        await self.check(folder, run)

    async def check(self, folder: Path, run: Run) -> None:
        """Compare what a crawl that came to its end has left with what there is."""
        found = self.site.truth(self.server)
        if "--odd" in self.options:
            odd = frozenset(filter(is_odd, found.pages))
            found = replace(found, pages=found.pages - odd, failed=found.failed | odd)
        run.problems += differences(await examine(folder), found)
        for name in self.sinks:
            run.problems += _output_problems(folder, name, found.pages)

    def crawl(self, folder: Path, under: tuple[str, ...] = ()) -> contextlib.AbstractAsyncContextManager[Started]:
        """Start a crawl in ``folder``, ``under`` another program where that is named."""
        seed = self.site.seed(self.server)
        return started(seed, str(folder), f"--sinks={','.join(self.sinks)}", *self.options, under=under)

    async def _moment(self, crawl: Started, rng: random.Random, run: Run) -> None:
        """Return when it is time to kill, or the crawl has ended."""
        began, asked = time.monotonic(), sum((await self.asked()).values())
        if rng.random() < _AT_ANY_TIME:
            await _sleep(crawl, rng.uniform(0, _START))
            return
        wanted, first = rng.randint(1, self.site.size), True
        while crawl.process.returncode is None:
            now = (await self.server.statistics()).requests
            if now > asked and first:
                run.resumed.append(time.monotonic() - began)
                first = False
            if now - asked >= wanted:
                break
            await asyncio.sleep(_LOOK)
        await _sleep(crawl, rng.uniform(0, _JITTER))

    async def compare(self, left: Left, before: dict[str, int], run: Run) -> None:
        """Find what was asked for though it had come to its end before, and count what was asked for again."""
        now = await self.asked()
        more = {url for url, count in now.items() if count > before.get(url, 0) and not url.endswith("/robots.txt")}
        if wrong := more & left.closed:
            run.problems.append(f"{len(wrong)} URLs are asked for again, such as {min(wrong)}, which had ended")
        if left.states:  # it had come to fetching when it was killed
            run.again.append(len(more & before.keys()))

    async def asked(self) -> dict[str, int]:
        """Return how often each URL was asked for, once the server has nothing to do."""
        async with asyncio.timeout(_LONGEST):
            while (await self.server.statistics()).active:  # noqa: ASYNC110  # another process
                await asyncio.sleep(_LOOK)
        return await self.server.requests()


async def _sleep(crawl: Started, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await crawl.process.wait()


def differences(left: Left, found: Found) -> list[str]:
    """Return how the state of a finished crawl differs from what there is."""
    problems = list(left.problems)
    for name, is_there, ought in (
        ("pages", left.pages, found.pages),
        ("done", left.of(State.DONE), found.pages | found.moved),
        ("failed", left.of(State.FAILED), found.failed),
        ("denied", left.of(State.DENIED), found.denied),
        ("pending", left.of(State.PENDING), frozenset()),
    ):
        if is_there != ought:
            lost, much = sorted(ought - is_there), sorted(is_there - ought)
            problems.append(f"{name}: {len(lost)} are missing {lost[:2]}, {len(much)} too many {much[:2]}")
    return problems


def _output_problems(folder: Path, name: str, pages: frozenset[str]) -> list[str]:
    try:
        urls = SINKS[name].urls(folder)
    except ValueError as error:
        return [f"{name}: {error}"]
    lost, much, twice = pages - set(urls), set(urls) - pages, len(urls) - len(set(urls))
    if lost or much or twice:
        return [f"{name}: of {len(pages)} items {len(lost)} are lost, {twice} are there twice, {len(much)} are strange"]
    return []


@contextlib.asynccontextmanager
async def campaign(name: str, *options: str, sinks: tuple[str, ...]) -> AsyncIterator[Campaign]:
    """Open the server of the site ``name``."""
    site = SITES[name]
    async with site.serve() as server:
        yield Campaign(server, site, options, sinks)
