from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from crawler.document.page import Page
from crawler.errors import ParseError, WorkerLostError
from crawler.models import Request
from crawler.parsing.cpu import Cpu
from crawler.parsing.process import Death, WorkerDiedError
from crawler.parsing.router import Parser
from crawler.parsing.slot import Progress
from crawler.parsing.stage import Stage, StageStatistics, open_stage
from crawler.parsing.worker import DEFAULT_LINK_DIRECTIVES, Batch, Encoders, LinkDirectives, Parsed
from tests.quiet_loop import quiet

pytestmark = pytest.mark.quiet_loop

OVERHEAD = 1024  # bytes that a page takes beside its body
Results = Sequence[tuple[Page, Parsed]]


DEATH = Death("the process was ended by SIGSEGV", "Segmentation fault", exceeded_deadline=False, call=1, page=0)
LATE = Death("it took longer than the deadline of 1 s", "Timeout (", exceeded_deadline=True, call=1, page=0)


class Refusal(Exception):  # noqa: N818  # its name is no matter
    """What a settling that fails raises."""


class Died(WorkerDiedError):  # noqa: N818  # its name is no matter
    """The death of a `FakeSlot`'s worker; ``generation`` says of which."""

    def __init__(self, generation: int, death: Death, page: int | None) -> None:
        super().__init__(None, death, page)
        self.generation = generation


class FakeSlot:
    """A slot whose calls end when the test says so; ``poison`` names pages that kill its worker.

    It behaves as a process does: calls are worked on in their order, and a death takes all that it was given with it.
    ``unlucky`` pages kill it once, as something from outside would; ``slow`` ones exceed the deadline.
    """

    def __init__(
        self, *poison: str, unlucky: Sequence[str] = (), slow: Sequence[str] = (), replaceable: bool = True
    ) -> None:
        self.pid = 1
        self.restarts = 0
        self.recycled = 0
        self.busy_seconds = 0.0
        self.seconds = 0.0
        self.resident_bytes = 0
        self.encoders: Encoders | None = None
        self.batches: list[list[str]] = []
        self.computed: list[tuple[Any, ...]] = []
        self.held: list[asyncio.Future[None]] = []
        self.is_broken = False
        self.progress: Progress | None = None
        self._poison = {*poison, *unlucky, *slow}
        self._unlucky = set(unlucky)
        self._slow = slow
        self._replaceable = replaceable
        self._replacing = False

    def use(self, encoders: Encoders, link_directives: LinkDirectives = DEFAULT_LINK_DIRECTIVES) -> None:
        del link_directives  # these pages have no links
        self.encoders = encoders

    def pack(self, page: Page) -> Page:
        if "unpackable" in page.url:
            raise ParseError("cannot travel")
        return page

    async def parse(self, pages: Sequence[Any]) -> Batch:
        names = [name_of(page) for page in pages]
        self.batches.append(names)
        await self._lock(names)
        return Batch([Parsed(items=1, seconds=self.seconds) for _ in pages], self.resident_bytes)

    async def call(self, function: Callable[..., Any], args: Sequence[Any]) -> Any:
        self.computed.append((function, *args))
        await self._lock(args)
        return function(*args)

    async def replace(self, died: WorkerDiedError) -> None:
        assert isinstance(died, Died)
        if died.generation == self.restarts:
            await self.recycle()
            self.recycled -= 1
            if not self._replaceable:
                raise WorkerLostError("cannot be replaced")
            self.restarts += 1
            self.is_broken = False

    async def recycle(self) -> bool:
        assert not self._replacing, "two replacements at a time"
        assert not [turn for turn in self.held if not turn.done()], "replaced while it works"
        self._replacing = True
        await asyncio.sleep(0)
        self._replacing = False
        self.recycled += 1
        return True

    async def _lock(self, names: Sequence[Any]) -> None:
        generation = self.restarts
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.is_broken:
            raise Died(generation, DEATH, None)
        self.held.append(turn)
        await turn
        if self.is_broken:
            raise Died(generation, DEATH, None)
        culprit = next((place for place, name in enumerate(names) if name in self._poison), None)
        if culprit is not None:
            self.is_broken = True
            self._poison -= {names[culprit]} & self._unlucky
            self.finish()
            raise Died(generation, LATE if names[culprit] in self._slow else DEATH, culprit)

    def finish(self, count: int = 1000) -> None:
        """End the oldest ``count`` calls."""
        ended, self.held = self.held[:count], self.held[count:]
        for turn in ended:
            if not turn.done():
                turn.set_result(None)


class Settled:
    """What the engine does with results: keep them, wait if told to, fail if told to."""

    def __init__(self) -> None:
        self.pages: list[str] = []
        self.errors: dict[str, object] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None
        self.changed = asyncio.Condition()
        self.then: Callable[[], object] = lambda: None

    async def __call__(self, results: Results) -> None:
        if self.error is not None:
            raise self.error
        await self.gate.wait()
        for page, parsed in results:
            self.pages.append(name_of(page))
            if parsed.error is not None:
                self.errors[name_of(page)] = parsed.error
        async with self.changed:
            self.changed.notify_all()
        asyncio.get_running_loop().call_soon(self.then)

    async def all_of(self, count: int) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: len(self.pages) >= count)


def name_of(page: Page) -> str:
    return page.url.rpartition("/")[2]


def page(name: object, size: int = 0, **metadata: Any) -> Page:
    url = f"http://a.example/{name}"
    return Page(url, b"x" * size, request=Request(url, metadata=metadata or None))


@asynccontextmanager
async def running(stage: Stage, settled: Settled, encoders: Encoders = ()) -> AsyncIterator[asyncio.Task[None]]:
    serving = asyncio.ensure_future(stage.run(encoders, settled))
    await quiet()
    try:
        yield serving
    finally:
        serving.cancel()
        await asyncio.wait((serving,))


async def put_all(stage: Stage, *names: object, size: int = 0) -> None:
    for name in names:
        await stage.put(page(name, size))


def stage(*slots: FakeSlot, **options: Any) -> Stage:
    options.setdefault("quarantine", None)
    return Stage(Cpu(workers=len(slots), **options), slots, "tests:parse")


async def warm(stage: Stage, *slots: FakeSlot) -> None:
    """Have the stage learn from sixty pages that they take no time, so that batches are bounded by other things."""
    for number in range(60):
        await stage.put(page(f"warm{number}"))
        await quiet()
        for slot in slots:
            slot.finish()
        await quiet()
    for slot in slots:
        slot.batches.clear()


# ── batches ──


async def test_idle_slots_get_single_pages_at_once() -> None:
    slots = FakeSlot(), FakeSlot()
    busy = stage(*slots)
    async with running(busy, Settled()):
        await put_all(busy, 1, 2)
        await quiet()
        assert [slot.batches for slot in slots] == [[["1"]], [["2"]]]
        await put_all(busy, 3, 4)
        await quiet()
        assert [slot.batches for slot in slots] == [[["1"], ["3"]], [["2"], ["4"]]]
        assert busy.is_saturated


async def test_what_has_gathered_while_slots_were_busy_becomes_a_batch() -> None:
    slot = FakeSlot()
    busy = stage(slot)
    async with running(busy, settled := Settled()):
        await warm(busy, slot)
        await put_all(busy, *"abcdefg")
        await quiet()
        assert slot.batches == [["a"], ["b"]]
        slot.finish(1)
        await quiet()
        assert slot.batches == [["a"], ["b"], [*"cdefg"]]
        slot.finish()
        await settled.all_of(67)
        assert settled.pages[60:] == [*"abcdefg"]


async def test_slots_share_what_has_gathered_fairly() -> None:
    slots = FakeSlot(), FakeSlot()
    busy = stage(*slots)
    async with running(busy, Settled()):
        await warm(busy, *slots)
        await put_all(busy, *"1234", *"abcdef")
        await quiet()
        slots[0].finish(1)
        await quiet()
        assert slots[0].batches[-1] == [*"abc"]


async def test_pages_that_take_long_are_shared_in_halves_so_that_no_slot_ends_long_after_the_others() -> None:
    slots = FakeSlot(), FakeSlot()
    busy = stage(*slots)
    for slot in slots:
        slot.seconds = 0.005
    async with running(busy, Settled()):
        await warm(busy, *slots)
        await put_all(busy, *"1234", *"abcdefgh")
        await quiet()
        slots[0].finish(1)
        await quiet()
        assert slots[0].batches[-1] == [*"ab"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"batch_pages": 3}, [*"cde"]),
        ({"batch_bytes": 2 * (100 + OVERHEAD)}, [*"cd"]),
        ({"batch_bytes": 1}, ["c"]),
        ({"batch_seconds": 0}, ["c"]),
        ({}, [*"cdefgh"]),
    ],
)
async def test_batches_are_bounded_in_pages_bytes_and_seconds(options: dict[str, Any], expected: list[str]) -> None:
    slot = FakeSlot()
    busy = stage(slot, **options)
    async with running(busy, Settled()):
        await warm(busy, slot)
        await put_all(busy, *"abcdefgh", size=100)
        await quiet()
        slot.finish(1)
        await quiet()
        assert slot.batches[2:] == [expected]


async def test_pages_are_settled_in_the_order_in_which_they_came() -> None:
    slot = FakeSlot()
    busy = stage(slot)
    async with running(busy, settled := Settled()):
        await warm(busy, slot)
        await put_all(busy, *range(50))
        while len(settled.pages) < 110:
            await quiet()
            slot.finish(1)
        assert settled.pages[60:] == [str(number) for number in range(50)]


# ── back-pressure ──


async def test_put_waits_while_pages_hold_more_bytes_than_they_may() -> None:
    slot = FakeSlot()
    full = stage(slot, max_waiting_bytes=3 * (1000 + OVERHEAD))
    async with running(full, settled := Settled()):
        await put_all(full, 1, 2, 3, size=1000)
        putting = asyncio.ensure_future(full.put(page(4, 1000)))
        await quiet()
        assert not putting.done()
        assert (full.statistics().blocked_fetches, full.statistics().held_bytes) == (1, 3 * (1000 + OVERHEAD))
        settled.gate.clear()
        slot.finish(1)
        await quiet()
        assert not putting.done()  # parsed is not settled
        settled.gate.set()
        await putting
        assert full.statistics().held_bytes == 3 * (1000 + OVERHEAD)


async def test_a_page_larger_than_the_bound_goes_when_it_is_alone() -> None:
    slot = FakeSlot()
    full = stage(slot, max_waiting_bytes=10)
    async with running(full, settled := Settled()):
        await full.put(page(1, 5000))
        putting = asyncio.ensure_future(full.put(page(2)))
        await quiet()
        assert not putting.done()
        slot.finish()
        await putting
        slot.finish()
        await quiet()
        assert settled.pages == ["1", "2"]
        assert full.statistics().held_bytes == 0


async def test_a_small_page_does_not_overtake_a_large_one_that_waits() -> None:
    slot = FakeSlot()
    full = stage(slot, max_waiting_bytes=5000)
    async with running(full, settled := Settled()):
        await full.put(page("first", 2000))
        large = asyncio.ensure_future(full.put(page("large", 3000)))
        await quiet()
        small = asyncio.ensure_future(full.put(page("small")))
        await quiet()
        assert not small.done()
        slot.finish()
        await asyncio.wait((large,))
        slot.finish()
        await small
        slot.finish()
        await settled.all_of(3)
        assert settled.pages == ["first", "large", "small"]


async def test_a_put_that_is_cancelled_while_it_waits_leaves_no_trace() -> None:
    slot = FakeSlot()
    full = stage(slot, max_waiting_bytes=2 * OVERHEAD)
    async with running(full, settled := Settled()):
        await put_all(full, 1, 2)
        waiting = [asyncio.ensure_future(full.put(page(number))) for number in (3, 4, 5)]
        await quiet()
        waiting[0].cancel()
        waiting[1].cancel()
        await asyncio.wait(waiting[:2])
        slot.finish(1)
        await waiting[2]
        while full.statistics().held_bytes:
            slot.finish()
            await quiet()
        assert settled.pages == ["1", "2", "5"]
        assert full.statistics().blocked_fetches == 0


async def test_a_put_that_is_cancelled_when_it_was_just_let_in_passes_its_room_on() -> None:
    slot = FakeSlot()
    full = stage(slot, max_waiting_bytes=OVERHEAD)
    async with running(full, settled := Settled()):
        await full.put(page(1))
        waiting = [asyncio.ensure_future(full.put(page(number))) for number in (2, 3)]
        await quiet()
        settled.then = waiting[0].cancel  # page 2 has been let in by then, and does not know yet
        slot.finish()
        await asyncio.wait(waiting[:1])
        assert waiting[0].cancelled()
        await waiting[1]
        assert full.statistics().held_bytes == OVERHEAD
        assert settled.pages == ["1"]


async def test_a_page_that_cannot_travel_takes_no_capacity() -> None:
    full = stage(FakeSlot())
    async with running(full, Settled()):
        with pytest.raises(ParseError):
            await full.put(page("unpackable"))
        assert full.statistics().held_bytes == 0


# ── deaths ──


async def deliver(stage: Stage, slot: FakeSlot, settled: Settled, names: Sequence[object]) -> None:
    await put_all(stage, *names)
    while len(settled.pages) < len(names):
        slot.finish(1)
        await quiet()


@pytest.mark.parametrize("poison", [["2"], ["1"], ["6"], ["1", "2"], ["3", "5"], list("123456")])
async def test_a_page_that_kills_its_worker_costs_itself_alone(poison: list[str]) -> None:
    slot = FakeSlot(*poison)
    mortal = stage(slot)
    async with running(mortal, settled := Settled()):
        await deliver(mortal, slot, settled, range(1, 7))
        assert sorted(settled.pages) == list("123456")
        assert sorted(settled.errors) == sorted(poison)
        assert {type(error) for error in settled.errors.values()} == {WorkerLostError}
        assert not slot.is_broken
        assert mortal.statistics().held_bytes == 0


async def test_a_page_that_kills_its_worker_within_a_batch_costs_itself_alone() -> None:
    slot = FakeSlot("poison")
    mortal = stage(slot)
    async with running(mortal, settled := Settled()):
        await warm(mortal, slot)
        await put_all(mortal, "a", "b", "c", "poison", "d", "e")
        await quiet()
        while len(settled.pages) < 66:
            slot.finish(1)
            await quiet()
        assert ["c", "poison", "d", "e"] in slot.batches
        assert sorted(settled.pages[60:]) == ["a", "b", "c", "d", "e", "poison"]
        assert list(settled.errors) == ["poison"]
        assert slot.restarts == 2  # once for the batch, once for the page


async def test_a_page_whose_worker_is_killed_once_from_outside_is_parsed_after_all() -> None:
    slot = FakeSlot(unlucky=["2", "5"])
    mortal = stage(slot)
    async with running(mortal, settled := Settled()):
        await deliver(mortal, slot, settled, range(1, 7))
        assert sorted(settled.pages) == list("123456")
        assert settled.errors == {}
        assert slot.restarts == 2


async def test_a_page_that_exceeds_its_deadline_is_not_given_another() -> None:
    slot = FakeSlot(slow=["2"])
    mortal = stage(slot)
    async with running(mortal, settled := Settled()):
        await deliver(mortal, slot, settled, range(1, 5))
        assert [type(error) for error in settled.errors.values()] == [WorkerLostError]
        assert "longer than the deadline of 1 s" in str(settled.errors["2"])
        assert sum("2" in batch for batch in slot.batches) == 1
        assert slot.restarts == 1


async def test_the_second_batch_in_flight_is_parsed_again_and_its_pages_are_not_suspected() -> None:
    slot = FakeSlot("poison", unlucky=["late"])
    mortal = stage(slot)
    async with running(mortal, settled := Settled()):
        await warm(mortal, slot)
        await put_all(mortal, "poison", "late")  # one is worked on, one waits in the worker's pipe
        await quiet()
        assert slot.batches == [["poison"], ["late"]]
        while len(settled.pages) < 62:
            slot.finish(1)
            await quiet()
        assert list(settled.errors) == ["poison"]


async def test_a_parser_that_kills_each_worker_ends_the_stage_and_the_error_says_so() -> None:
    slot = FakeSlot(*map(str, range(100)))
    mortal = stage(slot)
    async with running(mortal, settled := Settled()) as serving:
        for number in range(30):
            if not serving.done():
                await mortal.put(page(number))
            for _ in range(4):
                slot.finish(1)
                await quiet()
        await asyncio.wait((serving,))
        with pytest.raises(BaseExceptionGroup) as caught:
            await serving
        assert caught.group_contains(WorkerLostError, match="the parser itself seems to be at fault: 10 of the last")
        assert len(settled.pages) < 10


async def test_a_tenth_of_the_pages_may_kill_their_workers() -> None:
    slot = FakeSlot(*(str(number) for number in range(0, 200, 10)))
    mortal = stage(slot)
    async with running(mortal, settled := Settled()) as serving:
        await deliver(mortal, slot, settled, range(200))
        assert len(settled.errors) == 20
        assert not serving.done()


# ── recycling ──


async def test_a_worker_is_replaced_after_so_many_pages_and_other_slots_work_on() -> None:
    slots = FakeSlot(), FakeSlot()
    recycling = stage(*slots, recycle_pages=3, batch_pages=1)
    async with running(recycling, settled := Settled()):
        await put_all(recycling, *"abcd")
        await quiet()
        for number in range(12):  # the first slot alone makes progress
            await recycling.put(page(number))
            slots[0].finish(1)
            await quiet()
        workers = recycling.statistics().workers
        assert slots[0].recycled == workers[0].recycled >= 3
        assert (slots[1].recycled, workers[1].recycled, workers[0].restarts) == (0, 0, 0)
        while len(settled.pages) < 16:
            for slot in slots:
                slot.finish(1)
            await quiet()
        assert settled.errors == {}
        assert len(set(settled.pages)) == 16


async def test_a_worker_is_replaced_when_it_has_grown_too_large() -> None:
    slot = FakeSlot()
    recycling = stage(slot, recycle_bytes=2**20)
    async with running(recycling, settled := Settled()):
        slot.resident_bytes = 2**20
        await deliver(recycling, slot, settled, range(5))
        assert recycling.statistics().workers[0].resident_bytes == 2**20
        assert slot.recycled == 0
        slot.resident_bytes = 2**20 + 1
        await recycling.put(page("large"))
        await quiet()
        slot.finish()
        await quiet()
        slot.resident_bytes = 0
        assert slot.recycled == 1
        assert recycling.statistics().workers[0].recycled == 1


async def test_cancelled_while_it_recovers_it_leaves_no_task_and_starts_empty_again() -> None:
    slot = FakeSlot("poison")
    mortal = stage(slot)
    tasks = len(asyncio.all_tasks())
    async with running(mortal, Settled()):
        await put_all(mortal, "poison", 1, 2, 3)
        await quiet()
        slot.finish(1)
        await quiet()
        assert slot.restarts == 1  # it parses the page again, alone
    assert len(asyncio.all_tasks()) == tasks
    slot.held.clear()
    async with running(mortal, settled := Settled()):
        await deliver(mortal, slot, settled, range(5))
        assert settled.pages == list("01234")


async def test_batches_that_are_lost_with_the_same_worker_replace_it_once() -> None:
    slot = FakeSlot("poison")
    mortal = stage(slot)
    async with running(mortal, settled := Settled()):
        await put_all(mortal, "poison", "good")
        await quiet()
        assert slot.batches == [["poison"], ["good"]]
        while len(settled.pages) < 2:
            slot.finish(1)
            await quiet()
        assert list(settled.errors) == ["poison"]
        assert slot.restarts == 2  # once for both batches, once for the page


async def test_a_slot_that_cannot_be_replaced_ends_the_stage() -> None:
    slot = FakeSlot("poison", replaceable=False)
    mortal = stage(slot)
    async with running(mortal, Settled()) as serving:
        await mortal.put(page("poison"))
        await quiet()
        slot.finish()
        await asyncio.wait((serving,))
        with pytest.raises(BaseExceptionGroup) as caught:
            await serving
        assert caught.group_contains(WorkerLostError)


async def test_an_error_of_settling_ends_the_stage() -> None:
    slot = FakeSlot()
    failing = stage(slot)
    settled = Settled()
    settled.error = Refusal("disk full")
    async with running(failing, settled) as serving:
        await failing.put(page(1))
        await quiet()
        slot.finish()
        await asyncio.wait((serving,))
        with pytest.raises(BaseExceptionGroup) as caught:
            await serving
        assert caught.group_contains(Refusal)


# ── computations ──


async def test_a_computation_goes_to_the_slot_with_the_least_to_do() -> None:
    slots = FakeSlot(), FakeSlot()
    busy = stage(*slots)
    async with running(busy, Settled()):
        await busy.put(page(1))
        await quiet()
        computing = asyncio.ensure_future(busy.compute(divmod, (7, 2)))
        await quiet()
        assert [slot.computed for slot in slots] == [[], [(divmod, 7, 2)]]
        slots[1].finish()
        assert await computing == (3, 1)


async def test_a_computation_that_was_in_a_worker_that_died_of_something_else_is_done_again() -> None:
    slot = FakeSlot("poison")
    mortal = stage(slot)
    async with running(mortal, settled := Settled()):
        await mortal.put(page("poison"))
        await quiet()
        computing = asyncio.ensure_future(mortal.compute(divmod, (7, 2)))
        await quiet()
        while not computing.done() or not settled.pages:
            slot.finish(1)
            await quiet()
        assert computing.result() == (3, 1)
        assert list(settled.errors) == ["poison"]


async def test_a_computation_whose_worker_is_killed_once_from_outside_is_done_again() -> None:
    slot = FakeSlot(unlucky=["unlucky"])
    mortal = stage(slot)
    async with running(mortal, Settled()):
        computing = asyncio.ensure_future(mortal.compute(len, ("unlucky",)))
        while not computing.done():
            await quiet()
            slot.finish(1)
        assert computing.result() == 7
        assert slot.restarts == 1


async def test_a_computation_that_exceeds_its_deadline_is_lost_at_once() -> None:
    slot = FakeSlot(slow=["slow"])
    mortal = stage(slot)
    async with running(mortal, Settled()):
        computing = asyncio.ensure_future(mortal.compute(len, ("slow",)))
        while not computing.done():
            await quiet()
            slot.finish(1)
        with pytest.raises(WorkerLostError, match="longer than the deadline"):
            computing.result()
        assert len(slot.computed) == 1


async def test_a_computation_that_kills_its_worker_twice_is_lost_and_the_slot_lives() -> None:
    slot = FakeSlot("deadly")
    mortal = stage(slot)
    async with running(mortal, settled := Settled()):
        computing = asyncio.ensure_future(mortal.compute(len, ("deadly",)))
        await put_all(mortal, 1, 2)
        while not computing.done() or len(settled.pages) < 2:
            await quiet()
            slot.finish(1)
        with pytest.raises(WorkerLostError, match="while it computed"):
            computing.result()
        assert sorted(settled.pages) == ["1", "2"]
        assert settled.errors == {}


async def test_a_computation_that_is_cancelled_leaves_its_slot_free() -> None:
    slots = FakeSlot(), FakeSlot()
    busy = stage(*slots)
    async with running(busy, Settled()):
        first = asyncio.ensure_future(busy.compute(divmod, (1, 1)))
        await quiet()
        first.cancel()
        await asyncio.wait((first,))
        second = asyncio.ensure_future(busy.compute(divmod, (2, 1)))
        await quiet()
        assert [len(slot.computed) for slot in slots] == [2, 0]
        slots[0].finish()
        await second


# ── counts ──


async def test_it_is_held_up_when_a_slot_has_nothing_to_do_but_results_are_not_settled() -> None:
    slot = FakeSlot()
    waiting = stage(slot)
    async with running(waiting, settled := Settled()):
        assert (waiting.is_held_up, waiting.is_saturated) == (False, False)
        settled.gate.clear()
        await put_all(waiting, 1, 2)
        await quiet()
        assert (waiting.is_held_up, waiting.is_saturated) == (False, True)
        slot.finish()
        await quiet()
        assert (waiting.is_held_up, waiting.is_saturated) == (True, False)
        assert waiting.statistics().finishing_batches == 2
        settled.gate.set()
        await quiet()
        assert (waiting.is_held_up, waiting.is_saturated) == (False, False)


async def test_statistics_count_what_each_worker_did() -> None:
    slot = FakeSlot()
    counted = stage(slot)
    async with running(counted, settled := Settled()):
        await deliver(counted, slot, settled, range(5))
        [worker] = counted.statistics().workers
        assert (worker.pid, worker.pages, worker.restarts) == (1, 5, 0)
        assert 1 <= worker.batches <= 5


async def test_statistics_show_queue_wait_and_service_time_of_each_worker() -> None:
    slot = FakeSlot()
    counted = stage(slot, batch_seconds=0)
    async with running(counted, settled := Settled()):
        slot.seconds = 0.002
        await deliver(counted, slot, settled, range(50))
        slot.seconds = 0.5
        slot.busy_seconds = 0.25
        await deliver(counted, slot, settled, range(51))
        [worker] = counted.statistics().workers
        assert worker.service_p50 == pytest.approx(0.002, rel=0.5)
        assert worker.service_p99 == pytest.approx(0.5, rel=0.5)
        assert worker.busy_seconds == 0.25
        assert 0 < worker.queue_wait_p50 <= worker.queue_wait_p99
        assert worker.pages_per_batch == 1


async def test_cancelled_in_the_middle_it_leaves_no_task_and_starts_empty_again() -> None:
    slot = FakeSlot()
    again = stage(slot, max_waiting_bytes=3 * OVERHEAD)
    tasks = len(asyncio.all_tasks())
    async with running(again, Settled()):
        await put_all(again, 1, 2, 3)
        blocked = asyncio.ensure_future(again.put(page(4)))
        await quiet()
    blocked.cancel()
    await asyncio.wait((blocked,))
    assert len(asyncio.all_tasks()) == tasks
    slot.held.clear()
    async with running(again, settled := Settled(), encoders=(None,)):
        assert again.statistics() == StageStatistics(workers=again.statistics().workers)
        assert slot.encoders == (None,)
        await deliver(again, slot, settled, range(3))
        assert settled.pages == ["0", "1", "2"]


# ── with real processes ──


def parse_or_die(page: Page) -> Iterator[str]:
    if page.metadata.get("deadly"):
        os._exit(1)
    yield page.url


@asynccontextmanager
async def working(parser: Parser, settled: Settled, **options: Any) -> AsyncIterator[Stage]:
    options.setdefault("quarantine", None)
    async with open_stage(Cpu(**options), parser) as opened, running(opened, settled, (None,)):
        yield opened


async def test_pages_that_kill_worker_processes_cost_themselves_alone() -> None:
    settled = Settled()
    async with working(parse_or_die, settled, workers=2) as stage:
        for number in range(40):
            await stage.put(page(number, deadly=True) if number in {7, 8, 30} else page(number))
        await settled.all_of(40)
        assert sorted(settled.errors) == ["30", "7", "8"]
        assert sorted(settled.pages, key=int) == [str(number) for number in range(40)]
        workers = stage.statistics().workers
        assert sum(worker.restarts for worker in workers) >= 3
        assert sum(worker.pages for worker in workers) == 40
        assert stage.statistics().held_bytes == 0
        assert await stage.compute(divmod, (7, 2)) == (3, 1)


async def test_a_computation_that_kills_its_worker_process_is_lost_alone() -> None:
    async with working(parse_or_die, Settled(), workers=1) as stage:
        with pytest.raises(WorkerLostError):
            await stage.compute(os._exit, (1,))
        assert await stage.compute(divmod, (7, 2)) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            await stage.compute(divmod, (7, 0))
