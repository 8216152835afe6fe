"""A worker that dies: `ProcessPoolExecutor` fails all pending calls, `multiprocessing.Pool` waits for ever.

The cure is a slot: a pool of one process with one call in it. A death costs that call, and the slot gets a new process.
The crawler's CPU stage is built of such slots.
"""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain

CONTEXT = multiprocessing.get_context("spawn")
NUMBERS = range(1, 9)
DEADLY = 3


def square(number: int) -> int:
    if number == DEADLY:
        os._exit(7)  # like a segmentation fault, or a kill by the system because memory ran out
    return number * number


def slot(numbers: range) -> list[int | BrokenProcessPool]:
    """Run calls one after the other in a process, which is replaced after a death."""
    answers: list[int | BrokenProcessPool] = []
    executor = ProcessPoolExecutor(1, CONTEXT)
    for number in numbers:
        try:
            answers.append(executor.submit(square, number).result())
        except BrokenProcessPool as error:
            answers.append(error)
            executor = ProcessPoolExecutor(1, CONTEXT)
    executor.shutdown()
    return answers


def main() -> None:
    with ProcessPoolExecutor(2, CONTEXT) as executor:
        futures = [executor.submit(square, number) for number in NUMBERS]
        lost = sum(isinstance(future.exception(), BrokenProcessPool) for future in futures)
        print(f"ProcessPoolExecutor: {len(NUMBERS) - lost} of {len(NUMBERS)} results, {lost} calls failed")

    with CONTEXT.Pool(2) as pool:
        pending = {number: pool.apply_async(square, (number,)) for number in NUMBERS}
        arrived = [pending.pop(number).get() for number in NUMBERS if number != DEADLY]
        try:
            pending[DEADLY].get(timeout=1)
        except multiprocessing.TimeoutError:
            print(f"multiprocessing.Pool: {len(arrived)} of {len(NUMBERS)} results, {len(pending)} awaited for ever")

    with ThreadPoolExecutor(2) as threads:
        answers = list(chain(*threads.map(slot, (NUMBERS[::2], NUMBERS[1::2]))))
    lost = sum(isinstance(answer, BrokenProcessPool) for answer in answers)
    print(f"slots of one process: {len(NUMBERS) - lost} of {len(NUMBERS)} results, {lost} call failed")


if __name__ == "__main__":
    main()
