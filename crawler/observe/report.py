"""The summary of a crawl, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

from rich.text import Text

from crawler.crawl.summary import Summary
from crawler.models import Failure, State
from crawler.observe.figures import count, duration, percent, plural, rate, size
from crawler.observe.labelled_lines import labelled, text_columns
from crawler.observe.quarantined import replay_command
from crawler.observe.workers import table
from crawler.reparse.reparsed import Reparsed

_EXAMPLES = 2  # URLs for each type of error; arbitrary
_ERRORS = 5  # types of error; arbitrary
_QUARANTINED = 5  # pages; arbitrary
_STARVED_BELOW = 0.7  # share of the time: workers that have enough pages and cores parse for more than that

_FATES = {
    State.DONE: "done",
    State.FAILED: "failed",
    State.DENIED: "denied by robots.txt",
    State.REFUSED: "refused (out of scope, or too deep)",
    State.QUARANTINED: "quarantined",
    State.PENDING: "left in the queue",
}
_NAMES = {"network": "the network", "cpu": "the CPU stage", "sink": "the sink", "event loop": "the event loop"}
_ADVICE = {
    "network": "servers answered no faster; --concurrency asks for more at once",
    "politeness": "its requests waited for the delay; --delay shortens it, with the owner's consent",
    "open files": "this process may have no more; raise the limit: ulimit -n 4096",
    "retries": "all URLs that were left had failed, and waited for another attempt",
    "cpu": "pages waited for workers; more --workers or a faster parser help",
    "sink": "the output took items more slowly than they came",
    "event loop": "the main process had no time left; move work into the parser, which runs in workers",
}
_STARVED = (
    "pages waited for workers, and workers for cores: something else uses these (the main process, a server that "
    "runs here too, other programs); more cores help, more --workers do not"
)


def report(
    summary: Summary,
    failures: Sequence[Failure] = (),
    output: str = "",
    width: int | None = None,
    parser: str = "",
) -> Text:
    """Return the summary of a crawl as lines of a label and a text.

    Args:
        summary: The summary.
        failures: Some of the failures, for examples.
        output: Where the items went; empty if that need not be said.
        width: Columns to wrap the lines to; ``None`` leaves them whole.
        parser: The file or module of the parser, for ``crawler replay``; empty if that finds it by its name.
    """
    quarantined = [failure for failure in failures if failure.state is State.QUARANTINED]
    rows = (
        *_work_rows(summary, output, width),
        *quarantined_rows(summary, quarantined, parser),
        *error_rows(summary, failures, {failure.error for failure in quarantined}),
    )
    return Text("\n").join(labelled(label, text, width) for label, text in rows)


def _work_rows(summary: Summary, output: str, width: int | None) -> Iterator[tuple[str, str]]:
    yield ("stopped" if summary.stopped_by else "done", _work(summary))
    yield ("urls", _urls(summary))
    yield ("items", count(summary.items) + (f" → {output}" if output else ""))
    yield ("limited by", _limit(summary))
    if summary.retries_refused:
        requests = plural(summary.retries_refused, "request")
        yield ("retries", f"{requests} failed early, as their host had no retry budget left; --retry-budget none")
    yield ("workers", workers_row(summary))
    yield from (("", line) for line in table(summary.workers, summary.seconds, text_columns(width)))
    lag = f"{summary.loop_lag_p99_ms:.1f} ms at the 99th percentile, {summary.loop_lag_max_ms:.1f} ms at worst"
    yield ("loop lag", lag)


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
        return "nothing: it was over before anything could slow it down"
    kind = limit.partition(" of ")[0]
    share = sum(share for each, share in summary.shares.items() if each.partition(" of ")[0] == kind)
    held = f", {percent(share)} of the time" if share else ""
    advice = _STARVED if kind == "cpu" and summary.cpu_utilisation < _STARVED_BELOW else _ADVICE.get(kind, "")
    return f"{_NAMES.get(limit, limit)}{held}: {advice}"


def workers_row(summary: Summary | Reparsed) -> str:
    """Return the number of workers, how busy they were, and how many were replaced."""
    died = sum(worker.restarts for worker in summary.workers)
    recycled = sum(worker.recycled for worker in summary.workers)
    changes = [f"{count(number)} {what}" for number, what in ((died, "died"), (recycled, "recycled")) if number]
    replaced = f", {count(died + recycled)} replaced ({', '.join(changes)})" if changes else ""
    return f"{len(summary.workers)}, parsing {percent(summary.cpu_utilisation)} of the time{replaced}"


def quarantined_rows(
    summary: Summary | Reparsed, failures: Sequence[Failure], parser: str
) -> Iterator[tuple[str, str]]:
    """Yield the pages in quarantine, each with its command on a line of its own, to copy."""
    for place, failure in enumerate(failures[:_QUARANTINED]):
        yield ("" if place else "quarantined", f"{failure.url}: {failure.message}")
        if command := replay_command(failure, parser):
            yield ("", f"  {command}")
    if failures and summary.quarantined > _QUARANTINED:
        yield ("", f"and {plural(summary.quarantined - _QUARANTINED, 'more page')}")


def error_rows(
    summary: Summary | Reparsed, failures: Sequence[Failure], shown: AbstractSet[str]
) -> Iterator[tuple[str, str]]:
    """Yield the most frequent errors that are not ``shown`` yet, each example on a line of its own, to click on."""
    most = sorted((error for error in summary.errors.items() if error[0] not in shown), key=lambda error: -error[1])
    for place, (kind, number) in enumerate(most[:_ERRORS]):
        yield ("" if place else "errors", f"{count(number)} × {kind}, such as")
        for failure in [failure for failure in failures if failure.error == kind][:_EXAMPLES]:
            yield ("", f"{failure.url}: {failure.message}")
    if len(most) > _ERRORS:
        yield ("", f"and {plural(len(most) - _ERRORS, 'more type')}")
