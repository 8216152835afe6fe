"""Which rows there are, and what they are measured by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fixtures_server import Web

NOTE = (112272535095293, 112582705942171, 112272535095293, 115280095190773, 115797848077099, 1099726899285419)
"""The numbers of the example in the documentation of `concurrent.futures`: five primes (one of them twice), one not."""


@dataclass(frozen=True, slots=True)
class Row:
    """A model of concurrency.

    Attributes:
        key: Its name in the results.
        title: Its name in the tables.
        module: Its file in `benchmarks.models.rows`.
        family: What there are many of: ``one``, ``threads``, ``greenlets``, ``processes``, ``coroutines``.
        options: Keywords of its model.
        needs: Modules that it cannot do without.
        kind: What it must find beside them: ``cc``, a ``free-threaded`` interpreter, or one with ``interpreters``.
    """

    key: str
    title: str
    module: str
    family: str
    options: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    kind: str = ""


ROWS = {
    row.key: row
    for row in (
        Row("sequential", "sequential", "sequential", "one"),
        Row("thread-queue", "Thread + Queue", "thread_queue", "threads"),
        Row("thread-pool", "multiprocessing.pool.ThreadPool", "thread_pool", "threads"),
        Row("thread-executor", "ThreadPoolExecutor", "thread_executor", "threads"),
        Row("free-threaded", "ThreadPoolExecutor, free-threaded", "thread_executor", "threads", kind="free-threaded"),
        Row("c-threads", "threads, arithmetic in C (ctypes)", "c_threads", "threads", kind="cc"),
        Row("gevent", "gevent pool", "gevent_pool", "greenlets", needs=("gevent",)),
        Row("eventlet", "eventlet pool", "eventlet_pool", "greenlets", needs=("eventlet",)),
        Row("process-queue", "Process + Queue", "process_queue", "processes"),
        Row("pool-map", "Pool.map", "process_pool", "processes", {"chunk": None}),
        Row("pool", "Pool.imap_unordered", "process_pool", "processes"),
        Row("pool-16", "Pool.imap_unordered, chunks of 16", "process_pool", "processes", {"chunk": 16}),
        Row("pool-256", "Pool.imap_unordered, chunks of 256", "process_pool", "processes", {"chunk": 256}),
        Row("process-executor", "ProcessPoolExecutor", "process_executor", "processes"),
        Row("process-executor-16", "ProcessPoolExecutor, chunks of 16", "process_executor", "processes", {"chunk": 16}),
        Row(
            "process-executor-256",
            "ProcessPoolExecutor, chunks of 256",
            "process_executor",
            "processes",
            {"chunk": 256},
        ),
        Row("interpreters", "InterpreterPoolExecutor", "interpreters", "processes", kind="interpreters"),
        Row("asyncio-loop", "asyncio, all on the loop", "asyncio_loop", "coroutines"),
        Row("asyncio-threads", "asyncio + threads", "asyncio_threads", "coroutines"),
        Row("asyncio-processes", "asyncio + processes, a call a page", "asyncio_processes", "coroutines"),
        Row("loops", "processes, each with a loop", "loops_in_processes", "coroutines"),
        Row("crawler", "crawler (asyncio + processes)", "crawler_shipped", "coroutines"),
        Row("crawler-stage", "crawler, pages to workers", "crawler_stage", "coroutines"),
    )
}


@dataclass(frozen=True, slots=True)
class Workload:
    """Something to be done.

    Attributes:
        name: Its name in the results.
        title: What it is, for a reader.
        job: What the rows are asked for: see `benchmarks.models.child`.
        count: Jobs, or pages.
        rows: Who does it.
        concurrency: Requests in flight at most; 0 where there are none.
        web: Where there are requests.
        unit: What a job is called.
        shares: Rows that do only a share of it, as all of it would take too long.
        widths: What each family tries before it is measured; one of them is not tried but taken.
    """

    name: str
    title: str
    job: str
    count: int
    rows: tuple[str, ...]
    concurrency: int = 0
    web: Web | None = None
    unit: str = "page"
    shares: Mapping[str, float] = field(default_factory=dict)
    widths: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


_THREADS = ("thread-queue", "thread-pool", "thread-executor", "free-threaded")
_GREENLETS = ("gevent", "eventlet")
_COROUTINES = ("asyncio-loop", "asyncio-threads", "asyncio-processes", "crawler")
_WAITING = ("sequential", "thread-queue", "thread-executor", *_GREENLETS, "pool", "asyncio-loop", "loops", "crawler")
_CHUNKS = ("pool", "pool-map", "pool-16", "pool-256", "process-executor", "process-executor-16", "process-executor-256")
_ONE_CORE = ("thread-queue", "thread-pool", "thread-executor", *_GREENLETS, "asyncio-loop", "asyncio-threads")
"""Rows that compute on one core, and so take twice as long where there are two."""
QUICK = ("dispatch", "cpu-set", "io-1", "io-200", "hybrid")
"""The workloads of a first look."""


def web_of(latency: float, *, pages: int, bits: int = 0, **knobs: Any) -> Web:
    """Return a web of ``pages`` that come after ``latency`` seconds, with numbers of ``bits`` bits, or without any."""
    numbers = 20 if bits else 0
    return Web(pages=pages, latency=latency, numbers=numbers, bits=bits or 34, links=16, new_links=12, **knobs)


def workloads(cores: int, scale: float = 1.0) -> tuple[Workload, ...]:
    """Return the workloads for so many ``cores``; ``scale`` is the share of the jobs that are done."""

    def count(jobs: int, least: int) -> int:
        return max(least, round(jobs * scale))

    fetched = count(1500, 1000)
    return (
        Workload(
            "dispatch", "empty jobs: what it costs to hand one over", "nothing", count(6000, 3000),
            ("sequential", *_THREADS, *_GREENLETS, "process-queue", *_CHUNKS, "interpreters", *_COROUTINES,
             "crawler-stage"),
            unit="job", shares={"crawler": 0.2}, widths={"threads": (cores,), "processes": (cores,)},
        ),
        Workload(
            "cpu-note", "primality of six numbers of 47 bits and more", "prime_or_zero", 6,
            ("sequential", "thread-executor", "free-threaded", "c-threads", "process-queue", "pool",
             "process-executor", "interpreters", "asyncio-processes", "crawler"),
            unit="number", widths={"threads": (cores,), "processes": (cores,)},
        ),
        Workload(
            "cpu-set", "primality of many numbers of 34 bits", "prime_or_zero", count(400, 200),
            ("sequential", "thread-executor", "free-threaded", "c-threads", "process-queue", "pool", "pool-map",
             "pool-16", "process-executor", "process-executor-16", "interpreters", "asyncio-processes", "crawler"),
            unit="number", widths={"threads": (cores,), "processes": (cores,)},
        ),
        Workload(
            "io-1", "pages after 1 ms, nothing to compute", "fetch", count(1000, 500),
            _WAITING[1:], 64, web_of(0.001, pages=count(1000, 500)),
            widths={"threads": (8, 64), "greenlets": (8, 64), "processes": (cores, 16)},
        ),
        Workload(
            "io-200", "pages after 200 ms, nothing to compute", "fetch", fetched,
            ("sequential", *_THREADS, *_WAITING[3:]), 1000, web_of(0.2, pages=fetched),
            shares={"sequential": 0.002, "pool": 0.25},
            widths={"threads": (256, 1000), "greenlets": (256, 1000), "processes": (64,)},
        ),
        Workload(
            "io-1000", "pages after 1 s, nothing to compute", "fetch", 1000,
            ("thread-executor", "gevent", "asyncio-loop", "crawler"), 1000, web_of(1.0, pages=1000),
            widths={"threads": (1000,), "greenlets": (1000,)},
        ),
        Workload(
            "io-close", "pages after 50 ms, a new connection for each", "fetch_once", count(500, 300),
            ("thread-executor", "gevent", "pool", "asyncio-loop", "loops", "crawler"), 256,
            web_of(0.05, pages=count(500, 300)),
            widths={"threads": (64, 256), "greenlets": (64, 256), "processes": (16, 64)},
        ),
        Workload(
            "tail", "pages after 50 ms, log-normal, 1 % half a second later", "fetch", 400,
            ("thread-executor", "gevent", "pool-map", "pool", "asyncio-loop", "loops", "crawler"), 64,
            web_of(0.05, pages=400, latency_sigma=0.8, stalling_share=0.01, stall_seconds=0.5),
            widths={"threads": (64,), "greenlets": (64,), "processes": (64,)},
        ),
        Workload(
            "hybrid", "a crawl: pages after 50 ms, with 20 ms of arithmetic on each", "crawl", count(250, 80),
            ("sequential", *_THREADS, "c-threads", "gevent", "process-queue", "pool", "process-executor",
             *_COROUTINES, "loops"),
            64, web_of(0.05, pages=count(250, 80), bits=35),
            shares={"sequential": 0.06, **dict.fromkeys(_ONE_CORE, 0.26)},
            widths={"threads": (8, 64), "greenlets": (64,), "processes": (8, 32)},
        ),
    )  # fmt: skip
