from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator

import pytest

from crawler.fetching.loop_share import LoopShare

pytestmark = pytest.mark.both_loops


class Clock:
    """A clock that stands still unless a step moves it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def steps(self, *seconds: float) -> Iterator[bytes]:
        """Take so many ``seconds`` for each step; a negative number is a step that fails."""
        for number, duration in enumerate(seconds):
            self.now += abs(duration)
            if duration < 0:
                raise ValueError(duration)
            yield bytes([number])


async def iterations_for(share: LoopShare, *, is_first: bool) -> int:
    before = share.iterations
    await share.wait(is_first=is_first)
    return share.iterations - before


@pytest.mark.parametrize(
    ("spent", "further", "first"),
    [((), 0, 0), ((1, 1), 0, 0), ((1, 2), 1, 0), ((7,), 1, 0), ((15,), 1, 1), ((20,), 2, 2), ((99,), 7, 7)],
)
async def test_when_the_share_is_spent_further_steps_wait_for_a_turn_and_first_ones_a_little_later(
    spent: tuple[float, ...], further: int, first: int
) -> None:
    for is_first, expected in ((False, further), (True, first)):
        clock = Clock()
        share = LoopShare(3, clock)
        assert list(share.timed(clock.steps(*spent))) == [bytes([n]) for n in range(len(spent))]
        assert await iterations_for(share, is_first=is_first) == expected
        assert await iterations_for(share, is_first=False) == 0 or is_first


async def test_others_have_their_turn_before_a_step_that_waited() -> None:
    clock = Clock()
    share = LoopShare(1, clock)
    happened: list[str] = []
    for step in share.timed(clock.steps(5, 5, 5)):
        asyncio.get_running_loop().call_soon(happened.append, "timer")
        happened.append(f"step {step[0]}")
        await share.wait()
    assert happened == ["step 0", "timer", "step 1", "timer", "step 2", "timer"]


async def test_a_step_that_fails_has_taken_its_time_too() -> None:
    clock = Clock()
    share = LoopShare(1, clock)
    with pytest.raises(ValueError, match="-5"):
        list(share.timed(clock.steps(-5)))
    assert await iterations_for(share, is_first=True) == 1


async def test_what_lies_between_steps_is_not_counted() -> None:
    clock = Clock()
    share = LoopShare(1, clock)
    for _ in share.timed(clock.steps(0, 0, 0)):
        clock.now += 100
        assert await iterations_for(share, is_first=False) == 0


async def test_bodies_that_are_decoded_side_by_side_have_one_share() -> None:
    clock = Clock()
    share = LoopShare(1, clock)
    done: list[str] = []

    async def body(name: str, steps: int) -> None:
        await share.wait(is_first=True)
        for step, _ in enumerate(share.timed(clock.steps(*itertools.repeat(1, steps)))):
            if step:
                await share.wait()
        done.append(name)

    await asyncio.gather(*(body(name, steps) for name, steps in (("large", 50), ("huge", 90), ("small", 1))))
    assert done == ["small", "large", "huge"]
    assert share.iterations >= 50 + 90 - 4


async def test_after_a_very_long_step_its_body_goes_on_before_another_begins() -> None:
    clock = Clock()
    share = LoopShare(1, clock)
    happened: list[str] = []

    async def body(name: str) -> None:
        await share.wait(is_first=True)
        for step, _ in enumerate(share.timed(clock.steps(33, 0, 0))):
            if step:
                await share.wait()
            happened.append(f"{name}{step}")

    await asyncio.gather(*map(body, "abc"))
    assert happened == ["a0", "a1", "a2", "b0", "b1", "b2", "c0", "c1", "c2"]


async def test_a_body_that_is_given_up_while_it_waits_leaves_the_share_to_others() -> None:
    clock = Clock()
    share = LoopShare(1, clock)
    list(share.timed(clock.steps(5)))
    waiting = asyncio.ensure_future(share.wait())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert await iterations_for(share, is_first=False) == 0
    list(share.timed(clock.steps(5)))
    assert await iterations_for(share, is_first=False) == 1
