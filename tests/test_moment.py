from __future__ import annotations

import pytest

from crawler.state.moment import Moment, boot_id

THEN = Moment(monotonic=1000.0, wall=5000.0, boot="a")


@pytest.mark.parametrize(
    ("now", "due_in"),
    [
        (Moment(1030.0, 5030.0, "a"), 30.0),
        (Moment(1030.0, 900_000.0, "a"), 30.0),  # the time of day was changed, and that changes nothing
        (Moment(1030.0, 0.0, "a"), 30.0),
        (Moment(7.0, 5030.0, "b"), 30.0),  # the machine was restarted: the time of day is all there is
        (Moment(7.0, 4000.0, "b"), 60.0),  # and it was set back: never longer than it would have been
        (Moment(7.0, 9000.0, "b"), -3940.0),
        (Moment(7.0, 5030.0, ""), 30.0),
        (Moment(7.0, 5030.0, "a"), 30.0),  # a clock that goes back is no monotonic one
    ],
)
def test_a_wait_goes_on_after_a_restart(now: Moment, due_in: float) -> None:
    due_at = THEN.monotonic + 60.0
    assert due_at + THEN.shift_to(now) - now.monotonic == pytest.approx(due_in)


def test_this_machine_has_been_started_once() -> None:
    assert boot_id() == Moment.now().boot
