"""`Pool.map` with one bad item raises, and all other results are lost, although they have been computed.

The cure is to treat errors as values: a future contains one, or the function returns it.
"""

from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

TEXTS = ["2", "3", "5", "seven", "11", "13", "17", "19"]


def parse(text: str) -> int:
    return int(text)


def parse_or_error(text: str) -> int | ValueError:
    try:
        return parse(text)
    except ValueError as error:
        return error


def told(results: Iterable[object]) -> str:
    """Describe the results: how many are errors, and their messages."""
    results = list(results)
    errors = [str(result) for result in results if isinstance(result, Exception)]
    return f"{len(results) - len(errors)} of {len(TEXTS)} results, {len(errors)} error: {', '.join(errors)}"


def main() -> None:
    context = get_context("spawn")
    with context.Pool(2) as pool, ProcessPoolExecutor(2, context) as executor:
        results: list[object] = []
        try:
            results = [*pool.map(parse, TEXTS)]
        except ValueError as error:
            print("Pool.map:", told([*results, error]))
        try:
            for result in executor.map(parse, TEXTS):
                results.append(result)  # so that results before the error are not lost
        except ValueError as error:
            print("Executor.map, which stops there:", told([*results, error]))
        print("imap_unordered, errors returned:", told(pool.imap_unordered(parse_or_error, TEXTS)))
        futures = [executor.submit(parse, text) for text in TEXTS]
        print("futures:", told(future.exception() or future.result() for future in futures))


if __name__ == "__main__":
    main()
