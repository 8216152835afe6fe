"""`submit` and `map` have no back-pressure: they read the whole input before the first result is used.

With a hundred million URLs as input, the program runs out of memory. The cure is a window: only so many calls ahead.
Python 3.14 has it as `executor.map(…, buffersize=…)`.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor

TOTAL = 10_000
AHEAD = 16


class Source:
    """A long input, which knows how much of it has been read."""

    def __init__(self) -> None:
        self.read = 0

    def __iter__(self) -> Iterator[int]:
        for number in range(TOTAL):
            self.read += 1
            yield number


def square(number: int) -> int:
    return number * number


def windowed(executor: Executor, function: Callable[[int], int], numbers: Iterable[int], ahead: int) -> Iterator[int]:
    """Yield the results in order, with at most ``ahead`` calls submitted whose results have not been taken."""
    window: deque[Future[int]] = deque()
    for number in numbers:
        window.append(executor.submit(function, number))
        if len(window) == ahead:
            yield window.popleft().result()
    while window:
        yield window.popleft().result()


def main() -> None:
    with ThreadPoolExecutor(2) as executor:
        source = Source()
        futures = [executor.submit(square, number) for number in source]
        print(f"submit: {source.read:,} of {TOTAL:,} inputs read before the first result, {futures[0].result()}")
        source = Source()
        results = executor.map(square, source)
        print(f"map: {source.read:,} of {TOTAL:,} inputs read before the first result, {next(results)}")
        source = Source()
        results = windowed(executor, square, source, AHEAD)
        first_result = next(results)
        print(f"a window: {source.read:,} of {TOTAL:,} inputs read before the first result, {first_result}", end=", ")
        print(f"and {1 + sum(1 for _ in results):,} results in all")


if __name__ == "__main__":
    main()
