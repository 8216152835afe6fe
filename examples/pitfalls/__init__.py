"""Pitfalls of threads, pools and processes, shown live: what goes wrong, then the cure.

`python -m examples.pitfalls` runs all, `python -m examples.pitfalls.NAME` one. All except the last need only Python.
Start methods of processes are named everywhere, as the default depends on the system and the version.
"""

PITFALLS = (
    "join_in_the_loop",
    "busy_threads",
    "shared_offset",
    "held_lock",
    "unbounded_submission",
    "one_bad_item",
    "stuck_exception",
    "dead_worker",
    "poison_page",
)
"""Their names, from the simplest to the one that needs a crawler."""
