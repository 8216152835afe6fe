"""Each pitfall runs for real, as its readers run it, and shows what it says.

What is asserted is certain on any machine, however busy: orders, counts and answers, no times. The one exception is
named where it stands.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from examples.pitfalls import PITFALLS

REPOSITORY = Path(__file__).parent.parent
FOLDER = REPOSITORY / "examples" / "pitfalls"
GUIDE = REPOSITORY / "docs" / "concurrency.md"
TRANSLATION = REPOSITORY / "docs" / "concurrency.zh.md"

pytestmark = pytest.mark.timeout(200)  # they start processes, and the machine may be busy


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python strictly: a warning is an error, a forgotten file or process a complaint."""
    command = [sys.executable, "-X", "dev", "-W", "error", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def run(name: str) -> dict[str, str]:
    """Run a pitfall; return what it says of each way, by the words before the colon."""
    done = python("-m", f"examples.pitfalls.{name}")
    assert done.returncode == 0, done.stderr
    assert not re.search("Traceback|Warning", done.stderr), done.stderr
    said = (line.partition(": ") for line in done.stdout.splitlines())
    return {way: outcome for way, _, outcome in said}


def count(outcome: str, words: str) -> int:
    """Return the number in front of ``words``."""
    match = re.search(rf"([\d,]+) {words}", outcome)
    assert match, outcome
    return int(match[1].replace(",", ""))


def test_all_pitfalls_are_in_the_list() -> None:
    assert sorted(PITFALLS) == sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("__"))


def test_no_pitfall_is_longer_than_sixty_lines() -> None:
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in FOLDER.glob("*.py")}
    assert max(lengths.values()) <= 60, lengths


def test_several_run_one_after_the_other_in_one_process() -> None:
    done = python("-m", "examples.pitfalls", "one_bad_item", "held_lock", "shared_offset")
    assert done.returncode == 0, done.stderr
    titles = re.findall(r"^── (\w+): .+", done.stdout, re.MULTILINE)
    assert titles == ["one_bad_item", "held_lock", "shared_offset"]
    assert "spawn: the child gets the lock" in done.stdout


def test_a_name_that_is_none_is_told_the_names() -> None:
    done = python("-m", "examples.pitfalls", "held_locks")
    assert done.returncode == 1
    assert "held_locks; there are join_in_the_loop, " in done.stderr


def test_join_in_the_loop_has_one_download_at_a_time() -> None:
    said = run("join_in_the_loop")
    assert "8 downloads, at most 1 at a time" in said["join in the loop"]
    # One would do here, too, if it took each of seven threads 0.2 s to start.
    assert re.search("at most [2-8] at a time", said["join in a second loop"])
    assert re.search("at most [2-8] at a time", said["an executor"])


def test_busy_threads_use_one_core_and_find_what_processes_find() -> None:
    said = run("busy_threads")
    assert all(said[way].startswith("8 of 8 are prime") for way in ("8 threads", "8 processes"))
    cores = {way: float(said[way].split()[-3]) for way in ("8 threads", "8 processes")}
    # Nothing lets two threads run at a time where there is the lock. How many cores the processes get is up to whatever
    # else the machine does.
    if getattr(sys, "_is_gil_enabled", lambda: True)():
        assert cores["8 threads"] < 1.3
    assert cores["8 processes"] > 0


def test_workers_that_share_an_offset_read_what_others_sought_unless_each_opens_the_file() -> None:
    said = run("shared_offset")
    # Of four that have sought, only the last one to do so can find its record.
    assert count(said["opened before the fork"], "of 100 records") <= 25
    assert count(said["opened by the initializer"], "of 100 records") == 100


def test_a_lock_held_at_a_fork_is_held_for_ever() -> None:
    said = run("held_lock")
    assert said["fork"].startswith("the child waits for ever")
    assert ("DeprecationWarning" in said["fork"]) is (sys.version_info >= (3, 12))
    assert said["spawn"] == said["forkserver"] == "the child gets the lock"


def test_submission_reads_the_whole_input_unless_there_is_a_window() -> None:
    said = run("unbounded_submission")
    assert [count(said[way], "of 10,000 inputs") for way in ("submit", "map", "a window")] == [10_000, 10_000, 16]
    assert "10,000 results in all" in said["a window"]


def test_one_bad_item_costs_all_results_unless_errors_are_values() -> None:
    said = run("one_bad_item")
    results = {way: count(outcome, "of 8 results") for way, outcome in said.items()}
    assert list(results.values()) == [0, 3, 7, 7]
    assert all("1 error: invalid literal" in outcome and "'seven'" in outcome for outcome in said.values())


def test_an_exception_that_cannot_be_unpickled_breaks_the_pool_unless_it_is_a_value() -> None:
    said = run("stuck_exception")
    assert said["BadPageError"] == "arrives as BrokenProcessPool, and 2 of 2 other calls fail"
    assert said["GoodPageError"] == "arrives as GoodPageError, and 0 of 2 other calls fail"
    assert said["an error as a value"] == "BadPageError as text, /p/7: no title"


def test_a_dead_worker_costs_its_own_call_alone_where_it_has_a_slot() -> None:
    said = run("dead_worker")
    # How many results the executor had before the death is a matter of luck; the deadly call was pending in any case.
    assert 1 <= count(said["ProcessPoolExecutor"], "calls failed") <= 8
    assert said["multiprocessing.Pool"] == "7 of 8 results, 1 awaited for ever"
    assert said["slots of one process"] == "7 of 8 results, 1 call failed"


def test_a_poison_page_costs_itself_alone() -> None:
    said = run("poison_page")
    assert "29 of 30 pages parsed, 1 in quarantine" in said
    assert said["the worker was lost on this page"] == "the process ended itself with exit code 7"


# ── the guide ──


def rows(guide: Path) -> list[tuple[list[str], list[str]]]:
    """Return the code and the figures of each row of the tables, in any order: languages have their own."""
    lines = [line for line in guide.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    plain = [re.sub(r"`[^`]*`|\]\([^)]*\)", " ", line) for line in lines]
    return [
        (sorted(re.findall(r"`[^`]*`", line)), sorted(re.findall(r"\d+(?:[.,]\d+)*|…", text)))
        for line, text in zip(lines, plain, strict=True)
    ]


def test_both_languages_have_the_same_tables() -> None:
    ours, theirs = rows(GUIDE), rows(TRANSLATION)
    assert len(ours) == len(theirs)
    for row, translated in zip(ours, theirs, strict=True):
        assert row == translated


@pytest.mark.parametrize("guide", [GUIDE, TRANSLATION], ids=lambda guide: guide.name)
def test_the_guide_has_every_pitfall_and_every_source(guide: Path) -> None:
    text = guide.read_text(encoding="utf-8")
    assert re.findall(r"^\| \[`(\w+)`\]", text, re.MULTILINE) == list(PITFALLS)
    sources = {int(number) for number in re.findall(r"^(\d+)\. \[", text, re.MULTILINE)}
    assert {int(number) for number in re.findall(r" \[(\d+)\]", text)} == sources
