"""The power fails under a crawl with ``durability="power"``: what was committed is there, and the crawl goes on.

`python -m benchmarks.power` does the same at every moment.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from crash_tests.campaign import campaign
from crash_tests.crash_points import OPTIONS
from crash_tests.disk import Disk, Operation, operations
from crash_tests.outputs import present
from crash_tests.power import cuts, end, recorded
from tests.needs import need


@pytest.mark.timeout(300)
@pytest.mark.parametrize("sinks", [tuple(present()), ()], ids=["every output", "no output"])
async def test_whatever_a_power_cut_leaves_is_sound_and_has_all_that_was_committed(
    sinks: tuple[str, ...], tmp_path: Path
) -> None:
    need(shutil.which("strace") is not None, "strace")
    jitter, problems, moments = random.Random(7), {}, 0
    async with campaign("tiny", *OPTIONS, "--durability=power", sinks=sinks) as found:
        done = await recorded(found, tmp_path)
        async for cut in cuts(done, tmp_path, jitter, every=3):
            wrong = list(cut.problems)
            if not jitter.randrange(len(done) // 3):  # three or so go on to their end
                wrong += await end(found, cut.folder)
            if wrong:
                problems[f"after {cut.moment} operations, {done[cut.moment - 1][:2]}, {cut.kind}"] = wrong
            moments += 1
    assert problems == {}
    assert moments > 100


def test_a_call_that_the_log_has_in_two_halves_is_read_as_one() -> None:
    def spelled(text: str) -> str:
        return "".join(f"\\x{byte:02x}" for byte in text.encode())

    log = f"""7 rename("{spelled("/home/a")}", "{spelled("/home/b")}" <unfinished ...>
8 unlink("{spelled("/home/c")}" <unfinished ...>
9 fsync(5</home/d>) = 0
8 <... unlink resumed>) = 0
7 <... rename resumed>)             = 0
"""
    found = [(operation.call, operation.path, operation.data) for operation in operations(log, Path("/home"))]
    assert found == [("fsync", "d", b""), ("unlink", "c", b""), ("rename", "a", b"/home/b")]


def disk(*operations: tuple[str, str, bytes]) -> Disk:
    made = Disk()
    for call, path, data in operations:
        made.do(Operation(call, path, data, flags="O_CREAT"))
    return made


def test_what_is_not_synced_may_be_lost_and_may_be_there() -> None:
    nothing, everything = disk(("openat", "a", b""), ("fsync", "", b""), ("write", "a", b"1")).extremes()
    assert (nothing, everything) == ({"a": b""}, {"a": b"1"})


def test_what_is_synced_is_there_where_its_folder_is_synced_too() -> None:
    steps = [("openat", "a", b""), ("write", "a", b"1"), ("fsync", "a", b"")]
    assert disk(*steps).extremes() == [{}, {"a": b"1"}]
    assert disk(*steps, ("fsync", "", b"")).extremes() == [{"a": b"1"}, {"a": b"1"}]


def test_a_name_that_was_given_away_may_still_be_the_old_one() -> None:
    steps = [("openat", "a", b""), ("write", "a", b"1"), ("fsync", "a", b""), ("fsync", "", b""), ("rename", "a", b"b")]
    assert disk(*steps).extremes() == [{"a": b"1"}, {"b": b"1"}]


def test_what_may_survive_is_some_of_the_pages() -> None:
    made = disk(("openat", "a", b""), ("fsync", "", b""), ("write", "a", b"x" * 4096 + b"y" * 4096))
    found = {made.survivor(random.Random(seed))["a"] for seed in range(50)}
    assert found == {b"", b"x" * 4096, bytes(4096) + b"y" * 4096, b"x" * 4096 + b"y" * 4096}
