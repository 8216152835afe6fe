"""One row in a process of its own: opens the model once, then does the jobs that come as lines of JSON.

`python -m benchmarks.models.child '{"module": "thread_executor", "width": 64, "options": {}}'`
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any

_HOMES = {"nothing": "primality", "prime_or_zero": "primality", "examine_text": "pages"}  # of a job's function


def answer_of(found: Any) -> dict[str, Any]:
    """Return what a job came to, as JSON can have it."""
    if hasattr(found, "pages"):
        return {"pages": sorted(found.pages), "primes": sorted(found.primes)}
    return {"values": sorted(found)}


def call_for(model: Any, job: dict[str, Any]) -> Callable[[], Any]:
    """Return what does the ``job`` when it is called, or makes a coroutine that does."""
    name, items = job["job"], job["items"]
    if name == "crawl":
        return lambda: model.crawl(items)
    if name in {"fetch", "fetch_once"} and hasattr(model, "fetch"):
        return lambda: model.fetch(items, keep_alive=name == "fetch")
    function = getattr(import_module(f"benchmarks.models.{_HOMES.get(name, 'blocking')}"), name)
    return lambda: model.map(function, items)


def timed(call: Callable[[], Any], lag: Any) -> tuple[float, Any]:
    """Return the seconds that a call takes, and what it returns."""
    watch = lag.start()
    begun = time.perf_counter()
    try:
        found = call()
        seconds = time.perf_counter() - begun
    finally:
        lag.stop()
        watch.join()
    return seconds, found


async def timed_on_loop(call: Callable[[], Any], lag: Any) -> tuple[float, Any]:
    """Return the same of what is to be awaited."""
    watch = asyncio.create_task(lag.watch_loop())
    begun = time.perf_counter()
    found = await call()
    seconds = time.perf_counter() - begun
    watch.cancel()
    with suppress(asyncio.CancelledError):
        await watch
    return seconds, found


def main() -> None:
    """Serve until standard input ends."""
    spec = json.loads(sys.argv[1])
    begun = time.perf_counter()
    module = import_module(f"benchmarks.models.rows.{spec['module']}")  # first: it may patch what is imported later
    from benchmarks.models.lag import Lag  # noqa: PLC0415

    imported = time.perf_counter() - begun

    def serve(model: Any, time_one: Callable[[Callable[[], Any], Lag], tuple[float, Any]]) -> None:
        say({"imported": imported})
        for line in sys.stdin:
            lag = Lag()
            call = call_for(model, json.loads(line))
            cpu = time.process_time()
            try:
                seconds, found = time_one(call, lag)
            except Exception as error:  # whatever it is, it makes this row void and no other
                say({"error": f"{type(error).__name__}: {error}"})
                continue
            cpu = time.process_time() - cpu
            lags = {"lag_p50": lag.at(0.5), "lag_p99": lag.at(0.99), "lag_max": lag.at(1.0)}
            say({"seconds": seconds, "cpu_seconds": cpu, **lags, "answer": answer_of(found)})

    if not hasattr(module.Model, "open"):
        model = module.Model(spec["width"], **spec["options"])
        serve(model, timed)
        model.close()
        return
    import uvloop  # noqa: PLC0415  # rows without a loop do not pay for it

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        model = module.Model()
        runner.run(model.open(spec["width"]))
        serve(model, lambda call, lag: runner.run(timed_on_loop(call, lag)))
        runner.run(model.close())


def say(what: dict[str, Any]) -> None:
    """Write a line for the process that asks."""
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
