"""The final summary, for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from rich.text import Text

from crawler.models import Failure, State
from crawler.observe.figures import count, duration, percent, plural, rate, size
from crawler.observe.plain import plain
from crawler.summary import Summary

_LABEL = 12  # columns
_EXAMPLES = 2  # URLs for each type of error; arbitrary
_ERRORS = 5  # types of error; arbitrary

_FATES = {
    State.DONE: "done",
    State.FAILED: "failed",
    State.DENIED: "denied by robots.txt",
    State.REFUSED: "refused (out of scope, or too deep)",
    State.QUARANTINED: "quarantined (took a worker down)",
    State.PENDING: "left in the queue",
}
_NAMES = {"network": "the network", "cpu": "the CPU stage", "sink": "the sink", "event loop": "the event loop"}
_ADVICE = {
    "network": "servers answered no faster; --concurrency asks for more at once",
    "politeness": "the pause between its requests was kept; --delay shortens it, with its owner's consent",
    "cpu": "pages waited for workers; more --workers or a faster parser help",
    "sink": "the output took items more slowly than they came",
    "event loop": "the main process had no time left; what can be done in the parser is done elsewhere",
}
_STARVED = "pages waited for workers, which were seldom parsing: there are too few cores for all that runs here"


def report(summary: Summary, failures: Sequence[Failure] = (), output: str = "", width: int | None = None) -> Text:
    """Return the summary of a crawl as lines of a label and what there is to say.

    Args:
        summary: What the crawl did.
        failures: Some of its failures, for examples.
        output: Where the items went; empty where that need not be said.
        width: Columns to wrap the lines to; ``None`` leaves them whole.
    """
    rows = _rows(summary, failures, output)
    return Text("\n").join(_line(label, plain(text), width) for label, text in rows)


def _line(label: str, text: str, width: int | None) -> Text:
    room = max(20, (width or 0) - _LABEL)
    lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) if width else [text]
    indented = f"\n{' ' * _LABEL}".join(lines)
    return Text.assemble((f"{label:<{_LABEL}}", "bold" if label in {"done", "stopped"} else "dim"), indented)


def _rows(summary: Summary, failures: Sequence[Failure], output: str) -> Iterator[tuple[str, str]]:
    yield ("stopped" if summary.stopped_by else "done", _work(summary))
    yield ("urls", _urls(summary))
    yield ("items", count(summary.items) + (f" → {output}" if output else ""))
    yield ("limited by", _limit(summary))
    yield ("workers", _workers(summary))
    lag = f"{summary.loop_lag_p99_ms:.1f} ms at the 99th percentile, {summary.loop_lag_max_ms:.1f} ms at worst"
    yield ("loop lag", lag)
    yield from _errors(summary, failures)


def _work(summary: Summary) -> str:
    speed = f"{rate(summary.pages_per_second)} pages/s"
    text = f"{plural(summary.fetched, 'page')} in {duration(summary.seconds)}, {speed}, {size(summary.bytes)}"
    match summary.stopped_by:
        case "":
            return text
        case "stop":
            return f"{text}; stopped on request"
        case limit:
            return f"{text}; --{limit.replace('_', '-')} was reached"


def _urls(summary: Summary) -> str:
    counts = ((getattr(summary, state), fate) for state, fate in _FATES.items())
    return ", ".join([f"{count(summary.discovered)} found", *(f"{count(n)} {fate}" for n, fate in counts if n)])


def _limit(summary: Summary) -> str:
    limit = summary.limited_by
    if not limit:
        return "nothing: it was over before anything could hold it up"
    kind = limit.partition(" of ")[0]
    share = sum(share for each, share in summary.shares.items() if each.partition(" of ")[0] == kind)
    held = f", {percent(share)} of the time" if share else ""
    advice = _STARVED if kind == "cpu" and summary.cpu_utilisation < 0.5 else _ADVICE.get(kind, "")
    return f"{_NAMES.get(limit, limit)}{held}: {advice}"


def _workers(summary: Summary) -> str:
    seconds = summary.seconds or 1.0
    shares = [min(1.0, worker.busy_seconds / seconds) for worker in summary.workers]
    each = f" ({', '.join(map(percent, shares))})" if len(shares) > 1 else ""
    restarts = sum(worker.restarts for worker in summary.workers)
    restarted = f", {count(restarts)} restarted" if restarts else ""
    return f"{len(shares)}, busy {percent(summary.cpu_utilisation)} of the time{each}{restarted}"


def _errors(summary: Summary, failures: Sequence[Failure]) -> Iterator[tuple[str, str]]:
    """Yield the most frequent errors with examples; each example on a line of its own, to be clicked on."""
    most = sorted(summary.errors.items(), key=lambda error: -error[1])
    for place, (kind, number) in enumerate(most[:_ERRORS]):
        yield ("" if place else "errors", f"{count(number)} × {kind}, such as")
        for failure in [failure for failure in failures if failure.error == kind][:_EXAMPLES]:
            yield ("", f"{failure.url}: {failure.message}")
    if len(most) > _ERRORS:
        yield ("", f"and {plural(len(most) - _ERRORS, 'more type')}")
