"""Brings a crawl back to where an earlier one ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import TypeVar

from crawler.errors import ConfigurationError
from crawler.frontier.frontier import Frontier
from crawler.frontier.shortest_ways import ShortestWays, joined
from crawler.frontier.shortest_ways import Unproven as UnprovenPage
from crawler.runtime.slices import Slices
from crawler.sinks.sink import CheckpointedSink, Sink
from crawler.state.changes import Unproven
from crawler.state.digests import DIGEST_BYTES
from crawler.state.record import Record, Restored, Ways
from crawler.url import host_of

T = TypeVar("T")


async def restore_sinks(sinks: Sequence[Sink], restored: Restored) -> None:
    """Cut the open ``sinks`` back to what of their output belongs to the crawl; all of it where the crawl is new.

    Raises:
        ConfigurationError: They are others than those that the crawl had before, or two have one name.
        SinkError: They cannot be cut.
    """
    known = restored.sinks
    checkpointed = [sink for sink in sinks if isinstance(sink, CheckpointedSink)]
    _check_names([sink.name for sink in checkpointed])
    if not restored.is_new:
        for sink in checkpointed:
            if sink.name not in known and await sink.checkpoint() is not None:
                raise _unknown(sink, known)
        names = {sink.name for sink in checkpointed}
        for name in known:
            if name not in names:
                remedy = "name it again, or begin with a new state folder"
                raise ConfigurationError(f"the crawl of this state writes to {name}, which is missing: {remedy}")
    for sink in checkpointed:
        await sink.restore(known.get(sink.name))


def _check_names(names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(
                f"two outputs are called {name}: a state folder tells outputs apart by that name, without their folders"
            )


def _unknown(sink: CheckpointedSink, known: dict[str, bytes]) -> ConfigurationError:
    before = ", ".join(known) or "nothing of the kind"
    remedy = "name what it wrote to, or begin with a new state folder"
    return ConfigurationError(f"the crawl of this state wrote to {before}, and not to {sink.name}: {remedy}")


async def resume_frontier(
    frontier: Frontier, record: Record, restored: Restored, max_depth: int | None, now: float
) -> None:
    """Fill an empty ``frontier`` with what an earlier crawl has left.

    What was too deep then, and is not by ``max_depth``, is taken up.
    """
    record.journal.take()  # noted by a crawl with the same record that was cut off: none of it is on the disk
    discovered = frontier.discovered
    await record.fill(discovered.seen.digests, discovered.too_deep, discovered.redirected)
    discovered.resume(restored.serial, restored.snapshot, restored.ledger)
    if frontier.ways is not None and not restored.is_new:
        restore_ways(frontier.ways, await record.ways())
    async for name, known in _a_few_at_once(restored.hosts.items()):
        frontier.restore(name, known)
    async for url in _a_few_at_once(await record.waiting_hosts()):
        frontier.window.expect(host_of(url), now)
    async for row in _a_few_at_once(await record.no_longer_too_deep(max_depth)):
        frontier.add(row.request(), row.found_on)
    if frontier.window.is_low:
        record.low.set()


def restore_ways(ways: ShortestWays, known: Ways) -> None:
    """Go on with what is ``known`` of the depths of URLs."""

    def page_of(row: Unproven) -> UnprovenPage:
        digests = [row.links[start : start + DIGEST_BYTES] for start in range(0, len(row.links), DIGEST_BYTES)]
        too_deep = tuple([known.put_off[digest].request() for digest in digests if digest in known.put_off])
        links = joined([digest for digest in digests if digest not in known.put_off])
        return UnprovenPage(row.serial, row.step, links, too_deep)

    ways.restore(known.depths, known.lowered, [(row.digest, page_of(row)) for row in known.unproven])


async def _a_few_at_once(many: Iterable[T]) -> AsyncIterator[T]:
    """Yield each of ``many``, and let other tasks run now and then."""
    slices = Slices()
    for each in many:
        yield each
        if slices.are_used_up():
            await slices.pause()
