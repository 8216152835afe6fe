"""An exception that cannot be unpickled: it never arrives, and a `ProcessPoolExecutor` breaks as if a worker had died.

Exceptions are pickled as their class and `args`. If the constructor takes more arguments than it passes to `Exception`,
the exception cannot be recreated. The cure is to pass all of them, or, for other people's exceptions, errors as values.
"""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


class BadPageError(Exception):
    """Looks right, and cannot be unpickled: ``args`` has one value, the constructor takes two."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url}: {reason}")


class GoodPageError(Exception):
    """Passes all its arguments on."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)

    def __str__(self) -> str:
        return ": ".join(self.args)


def parse(kind: type[BadPageError | GoodPageError]) -> None:
    raise kind("/p/7", "no title")


def parse_or_error(kind: type[BadPageError | GoodPageError]) -> str:
    try:
        parse(kind)
    except Exception as error:  # of any type, as its text always pickles
        return f"{type(error).__name__} as text, {error}"
    return "parsed"


def main() -> None:
    for kind in (BadPageError, GoodPageError):
        with ProcessPoolExecutor(1, get_context("spawn")) as executor:
            error = executor.submit(parse, kind)
            others = [executor.submit(abs, -1), executor.submit(abs, -2)]
            lost = sum(other.exception() is not None for other in others)
            arrived = type(error.exception()).__name__
            print(f"{kind.__name__}: arrives as {arrived}, and {lost} of {len(others)} other calls fail")
    with ProcessPoolExecutor(1, get_context("spawn")) as executor:
        print("an error as a value:", executor.submit(parse_or_error, BadPageError).result())


if __name__ == "__main__":
    main()
