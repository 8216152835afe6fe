"""Crawls that are killed, or whose disk or power fails, and what they have left: for tests and for benchmarks.

`campaign` starts such crawls and compares what they have left with what there is to be found, `crash_points` kills them
at a system call, `power` makes the folders that a power cut may leave. `python -m benchmarks kill` and its siblings do
at length what the tests do in short. It may import `crawler` and `fixtures_server`, and neither may import it.
"""
