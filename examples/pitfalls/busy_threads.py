"""Eight busy threads use one core: only the one that holds the interpreter's lock (the GIL) runs Python code.

Eight processes have eight locks, and use every core that there is. So do threads on a free-threaded build.
"""

import os
import sys
import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from math import isqrt
from multiprocessing import get_context

NUMBERS = [112_272_535_095_293] * 8
"""One of the primes of the example in the documentation of `concurrent.futures`, eight times."""


def is_prime(n: int) -> tuple[bool, float]:
    """Tell whether the odd ``n`` is prime, and the seconds of processor time that it took."""
    begin = time.thread_time()
    answer = all(n % divisor for divisor in range(3, isqrt(n) + 1, 2))
    return answer, time.thread_time() - begin


def measure(executor: Executor) -> tuple[int, float]:
    """Return how many of the numbers are prime, and the processor time over the time by the clock: cores used."""
    list(executor.map(is_prime, [9] * 8))  # starts all workers
    begin = time.perf_counter()
    results = list(executor.map(is_prime, NUMBERS))
    return sum(answer for answer, _ in results), sum(cpu for _, cpu in results) / (time.perf_counter() - begin)


def main() -> None:
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()  # since 3.13 there are builds without it
    print(f"{os.cpu_count()} cores, the GIL is {'on' if gil else 'off'}")
    with ThreadPoolExecutor(8) as threads, ProcessPoolExecutor(8, get_context("spawn")) as processes:
        for name, executor in ("8 threads", threads), ("8 processes", processes):
            primes, cores = measure(executor)
            print(f"{name}: {primes} of {len(NUMBERS)} are prime, {cores:.2f} cores used")


if __name__ == "__main__":
    main()
