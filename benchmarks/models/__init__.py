"""Threads, processes or coroutines? Every model of concurrency at the same work: `python -m benchmarks models`."""
