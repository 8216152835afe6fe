from __future__ import annotations

import pytest

from crawler.runtime.loop_load import LoopLoad
from tests.clocks import ManualClock


@pytest.mark.parametrize(
    ("thread", "process", "is_late", "is_saturated"),
    [
        (0.0, 0.0, False, False),
        (0.5, 0.5, True, False),
        (0.85, 0.85, False, True),  # also where it is on time: it has no time left
        (0.6, 1.0, True, True),  # other threads hold the interpreter lock
        (0.6, 1.0, False, False),  # they compute, and do not hold it
        (0.6, 0.9, True, False),
    ],
)
def test_a_loop_without_time_left_is_saturated(
    thread: float, process: float, is_late: bool, is_saturated: bool
) -> None:
    clock = ManualClock()
    load = LoopLoad(clock)
    clock.run(0.5, thread=thread, process=process)
    load.look()
    assert load.is_saturated(is_late=is_late) is is_saturated


def test_a_measurement_takes_a_while_and_only_the_last_one_counts() -> None:
    clock = ManualClock()
    load = LoopLoad(clock)
    clock.run(0.1, thread=1.0)
    load.look()
    assert load.thread_share == 0.0
    clock.run(0.2, thread=1.0)
    load.look()
    assert load.thread_share == pytest.approx(1.0)
    clock.run(0.4, thread=0.25)
    load.look()
    assert load.thread_share == pytest.approx(0.25)
    assert repr(load) == "<LoopLoad thread 25%, process 25% of a core>"
