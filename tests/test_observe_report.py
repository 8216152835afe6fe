"""The final summary."""

from __future__ import annotations

from typing import Any

import pytest

from crawler.crawl.summary import Statistics, Summary
from crawler.models import Failure, Ledger, State
from crawler.observe.report import report
from crawler.parsing.lane import WorkerStatistics
from crawler.parsing.stage import StageStatistics

HOST = "books.example"


def summary(**changes: Any) -> Summary:
    workers = tuple(WorkerStatistics(pid, 50, 5, busy, restarts=0) for pid, busy in ((1, 5.0), (2, 10.0)))
    values: dict[str, Any] = {
        "ledger": Ledger(discovered=1250, done=1234, failed=3, refused=13),
        "fetched": 1234,
        "items": 1200,
        "bytes": 12_345_678,
        "seconds": 10.0,
        "loop_lag_p99": 0.0012,
        "loop_lag_max": 0.0034,
        "stage": StageStatistics(workers=workers),
    }
    return Summary.of(Statistics(**(values | changes)))


def lines(*arguments: Any, **options: Any) -> dict[str, str]:
    """The report's lines by their labels."""
    return {line[:12].strip(): line[12:] for line in report(*arguments, **options).plain.splitlines()}


def test_it_says_what_was_done() -> None:
    said = lines(summary(), output="books.jsonl")

    assert said["done"] == "1,234 pages in 10.0 s, 123 pages/s, 12.3 MB"
    assert said["urls"] == "1,250 found, 1,234 done, 3 failed, 13 refused (out of scope, or too deep)"
    assert said["items"] == "1,200 → books.jsonl"
    assert said["loop lag"] == "1.2 ms at the 99th percentile, 3.4 ms at worst"


def test_it_says_how_busy_the_workers_were() -> None:
    assert lines(summary())["workers"] == "2, parsing 75 % of the time"


def test_it_says_why_workers_were_replaced() -> None:
    workers = (WorkerStatistics(1, 50, 5, 5.0, restarts=2, recycled=1), WorkerStatistics(2, 50, 5, 5.0, restarts=1))

    said = lines(summary(stage=StageStatistics(workers=workers)))

    assert said["workers"] == "2, parsing 50 % of the time, 4 replaced (3 died, 1 recycled)"


def test_each_worker_has_a_row() -> None:
    text = report(summary(), width=80).plain

    assert f"{' ' * 12}pid  pages   busy  batch" in text
    assert f"{' ' * 12}  2     50  100 %   10.0" in text


def test_pages_in_quarantine_are_told_with_the_command_that_replays_them() -> None:
    failures = [
        Failure(f"https://{HOST}/1", State.QUARANTINED, "WorkerLostError", "SIGSEGV", saved="my quarantine/1.json"),
        Failure(f"https://{HOST}/2", State.QUARANTINED, "WorkerLostError", "SIGKILL"),
        Failure(f"https://{HOST}/3", State.FAILED, "StatusError", "404 Not Found"),
    ]
    errors = {"WorkerLostError": 2, "StatusError": 1}

    text = report(summary(errors=errors), failures, parser="shop/books.py").plain

    assert text.splitlines()[-5:] == [
        f"quarantined https://{HOST}/1: SIGSEGV",
        "              crawler replay 'my quarantine/1.json' --parser shop/books.py",
        f"            https://{HOST}/2: SIGKILL",
        "errors      1 × StatusError, such as",
        f"            https://{HOST}/3: 404 Not Found",
    ]


def test_of_many_pages_in_quarantine_the_first_are_told() -> None:
    failures = [Failure(f"https://{HOST}/{n}", State.QUARANTINED, "WorkerLostError", "SIGSEGV") for n in range(9)]

    text = report(summary(ledger=Ledger(discovered=9, quarantined=9)), failures).plain

    assert text.count("SIGSEGV") == 5
    assert text.endswith("and 4 more pages")


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ({"network": 0.8, "cpu": 0.2}, "the network, 80 % of the time: "),
        ({"cpu": 1.0}, "the CPU stage, 100 % of the time: pages waited for workers; more --workers"),
        ({"sink": 0.6}, "the sink, 60 % of the time: the output"),
        (
            {f"politeness of {HOST}": 0.5, "politeness of a.example": 0.4},
            f"politeness of {HOST}, 90 % of the time: its requests waited for the delay; --delay",
        ),
    ],
)
def test_it_says_what_limited_the_crawl_and_what_helps(shares: dict[str, float], expected: str) -> None:
    said = lines(summary(limited_by=next(iter(shares)), shares=shares))

    assert said["limited by"].startswith(expected)


@pytest.mark.parametrize(("seconds", "share"), [(11.0, "68 %"), (100.0, "8 %")])
def test_workers_that_wait_for_cores_are_not_to_be_made_more(seconds: float, share: str) -> None:
    said = lines(summary(limited_by="cpu", shares={"cpu": 1.0}, seconds=seconds))

    assert f"parsing {share} of the time" in said["workers"]
    assert "more --workers do not" in said["limited by"]


def test_a_crawl_that_was_over_at_once_was_limited_by_nothing() -> None:
    assert lines(summary(limited_by="", seconds=0.0, stage=StageStatistics()))["limited by"].startswith("nothing")


@pytest.mark.parametrize(
    ("reason", "expected"), [("stop", "; stopped on request"), ("max_pages", "; --max-pages was reached")]
)
def test_it_says_why_a_crawl_stopped(reason: str, expected: str) -> None:
    assert lines(summary(stopped_by=reason))["stopped"].endswith(expected)


def test_the_most_frequent_errors_come_first_with_examples() -> None:
    urls = [f"https://{HOST}/{place}" for place in range(9)]
    failures = [Failure(url, State.FAILED, "StatusError", "404 Not Found", status=404) for url in urls]
    failures.append(Failure(f"https://{HOST}/x", State.FAILED, "ParseError", "evil \x1b[31m"))

    text = report(summary(errors={"ParseError": 1, "StatusError": 9}), failures).plain

    assert text.splitlines()[-5:] == [
        "errors      9 × StatusError, such as",
        f"            https://{HOST}/0: 404 Not Found",
        f"            https://{HOST}/1: 404 Not Found",
        "            1 × ParseError, such as",
        f"            https://{HOST}/x: evil �[31m",
    ]


def test_lines_are_wrapped_with_their_labels_standing_out_but_addresses_stay_whole() -> None:
    address = f"https://{HOST}/{'long/' * 30}"
    failures = [Failure(address, State.FAILED, "StatusError", "404 Not Found")]

    text = report(summary(limited_by="network", errors={"StatusError": 1}), failures, width=60).plain

    assert f"{' ' * 12}{address}:" in text.splitlines()
    assert all(len(line) <= 60 for line in text.splitlines() if address not in line)
