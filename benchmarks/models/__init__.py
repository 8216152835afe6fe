"""Threads, processes or coroutines? Every model of concurrency at the same work: `python -m benchmarks models`.

`rows/` has the models, a file each, to be read side by side; `catalogue` says which there are and what they do. Each
row runs in a process of its own (`child`), so that CPU time and memory are its alone. The rows of a workload are
tuned, opened and warmed up, and then take turns, so that whatever else the machine does meets all of them. Answers are
compared with the truth that the server's web knows; a row that answers anything else is void, and the exit code 1.

What is measured, and how:

- **Ideal time**: the larger of CPU seconds of the work ÷ cores, and latency of all requests ÷ requests in flight. The
  CPU seconds are those of one process a core that does the work of a page and nothing else, measured in each round.
  **Efficiency** is the ideal time by the real one. The row in C does less work, so it has none.
- **Memory** is that of the whole process tree, looked at four times a second and at the end.
- **Lag**: by how much a task that wants to wake every 10 ms is late; for rows without a loop a thread of the main
  process, which gevent and eventlet turn into a greenlet.
- **The server** has a process of its own on the same cores; a run in which it uses more than 70 % of a core is marked,
  as it may be what the row waits for. **Other work** on the machine is measured, too, and said where it is more than a
  tenth of a core: figures are worth little then.
- Start-up (``open_seconds``) is not part of a run: a crawl is longer than any run here.

The folder ``benchmarks-results`` (``--out``) gets ``models.html``, ``models-table.png``, ``models-map.png`` and
``models.json``, from which ``--show models.json`` makes the rest again. Times are seconds, sizes bytes::

    {"machine": "CPython 3.13.1, aiohttp …; Linux x86_64, 2 cores", "command": "python -m benchmarks models",
     "cores": 2, "runs": 5, "memory": "how it was measured", "idle_bytes": 11000000, "seconds": 540.0,
     "outcomes": [                                    // the table: one for each workload
       {"name": "hybrid", "title": "a crawl: …", "unit": "page", "concurrency": 64,
        "latency": 0.05, "cpu": 0.021,                // of a job
        "open_seconds": {"crawler": 0.5},             // by row
        "runs": [                                     // all runs of all rows, in the order in which they were made
          {"row": "crawler", "jobs": 200, "width": 64, "seconds": 2.2, "cpu_seconds": 4.4,
           "main_cpu_seconds": 0.2, "memory_bytes": 100000000, "processes": 5, "lag_p50": 0.0001, "lag_p99": 0.003,
           "lag_max": 0.01, "server_share": 0.02, "others_seconds": 0.01, "is_true": true}],
        "void": {"gevent": "its answers are not the truth"}, "missing": {"free-threaded": "no free-threaded Python …"},
        "tuning": [["threads", 8, 40.1], ["threads", 64, 46.2]]}],        // family, width, jobs a second
     "cells": [                                       // the map; runs and void as above
       {"latency": 0.05, "cpu": 0.021, "nominal_cpu": 0.02, "concurrency": 16, "pages": 48, "runs": [], "void": {}}],
     "lines": {"hybrid": [                            // derived: a line a row, the fastest first; medians of its runs
       {"row": "crawler", "width": 64, "jobs": 200, "seconds": [2.1, 2.2, 2.3], "rate": 90.9, "efficiency": 0.95,
        "cpu_seconds": 4.4, "main_cpu_a_job": 0.001, "utilisation": 0.99, "memory_bytes": 100000000, "processes": 5,
        "lag_p50": 0.0001, "lag_p99": 0.003, "server_share": 0.02, "is_server_bound": false}]},
     "verdicts": [                                    // derived: one for each of the cells, or null
       {"winner": "crawler", "lead": 1.2, "second": "pool", "ours": 1.2, "is_level": false, "efficiency": 0.9,
        "is_server_bound": false, "reason": ""}],     // ours: the crawler's rate by that of the best other row
     "promises": [{"what": "hybrid: efficiency of 0.92 or more", "measured": "0.95", "is_kept": true}],
     "better": ["pages after 1 ms, nothing to compute: asyncio, all on the loop, 1.5 × the rate"]}
"""
