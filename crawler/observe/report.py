"""The final summary, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from crawler.models import Failure, State
from crawler.observe.figures import count, duration, percent, rate, size
from crawler.summary import Summary

_EXAMPLES = 2  # URLs for each type of error; arbitrary
_ERRORS = 5  # types of error; arbitrary
_STATES = (State.DONE, State.FAILED, State.DENIED, State.REFUSED, State.QUARANTINED, State.PENDING)

_ADVICE = {
    "network": "servers answered no faster; --concurrency asks for more at once",
    "politeness": "its delay was kept; --delay shortens it, if its owner agrees",
    "cpu": "all workers were busy; more --workers or a faster parser help",
    "sink": "the output took items more slowly than they came",
    "event loop": "the main process was busy; more of the work belongs in the parser, which runs elsewhere",
}
_NAMES = {"network": "the network", "cpu": "the CPU stage", "sink": "the sink", "event loop": "the event loop"}


def report(summary: Summary, failures: Sequence[Failure] = (), output: str = "") -> Text:
    """Return the summary of a crawl as lines of a label and what there is to say.

    Args:
        summary: What the crawl did.
        failures: Some of its failures, for examples.
        output: Where the items went, empty where that need not be said.
    """
    lines = [Text.assemble((f"{label:<12}", "dim"), text) for label, text in _rows(summary, failures, output)]
    return Text("\n").join(lines)


def _rows(summary: Summary, failures: Sequence[Failure], output: str) -> Iterator[tuple[str, str]]:
    yield (_ending(summary), _work(summary))
    yield ("urls", _urls(summary))
    yield ("items", count(summary.items) + (f" → {output}" if output else ""))
    yield ("limited by", _limit(summary))
    yield ("workers", _workers(summary))
    yield (
        "loop lag",
        f"{summary.loop_lag_p99_ms:.1f} ms at the 99th percentile, {summary.loop_lag_max_ms:.1f} ms at worst",
    )
    yield from _errors(summary, failures)


def _ending(summary: Summary) -> str:
    return "stopped" if summary.stopped_by else "done"


def _work(summary: Summary) -> str:
    speed = f"{rate(summary.pages_per_second)} pages/s"
    text = f"{count(summary.fetched)} pages in {duration(summary.seconds)}, {speed}, {size(summary.bytes)}"
    match summary.stopped_by:
        case "":
            return text
        case "stop":
            return f"{text}; stopped on request"
        case limit:
            return f"{text}; --{limit.replace('_', '-')} was reached"


def _urls(summary: Summary) -> str:
    counts = [(getattr(summary, state), state) for state in _STATES]
    return f"{count(summary.discovered)}: " + ", ".join(
        f"{count(number)} {state}" for number, state in counts if number
    )


def _limit(summary: Summary) -> str:
    limit = summary.limited_by
    if not limit:
        return "nothing: it was over before anything could hold it up"
    kind = limit.partition(" of ")[0]
    share = sum(share for each, share in summary.shares.items() if each.partition(" of ")[0] == kind)
    held = f", {percent(share)} of the time" if share else ""
    return f"{_NAMES.get(limit, limit)}{held}: {_ADVICE.get(kind, '')}"


def _workers(summary: Summary) -> str:
    shares = [min(1.0, worker.busy_seconds / summary.seconds) if summary.seconds else 0.0 for worker in summary.workers]
    each = f" ({', '.join(map(percent, shares))})" if len(shares) > 1 else ""
    restarts = sum(worker.restarts for worker in summary.workers)
    restarted = f", {count(restarts)} restarted" if restarts else ""
    return f"{len(shares)}, busy {percent(summary.cpu_utilisation)} of the time{each}{restarted}"


def _errors(summary: Summary, failures: Sequence[Failure]) -> Iterator[tuple[str, str]]:
    largest = sorted(summary.errors.items(), key=lambda error: -error[1])
    for kind, number in largest[:_ERRORS]:
        yield ("errors", f"{count(number)} × {kind}")
        for failure in [failure for failure in failures if failure.error == kind][:_EXAMPLES]:
            yield ("", f"  {failure.url}: {failure.message}")
    if len(largest) > _ERRORS:
        yield ("", f"and {len(largest) - _ERRORS} more types")
