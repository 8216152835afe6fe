"""A fork copies locks but not the threads that would release them: a held lock stays held in the child for ever.

Since Python 3.12 a fork of a process with several threads warns. The cure is another start method: spawn, or
forkserver, which forks from a process with one thread, and is the default on Linux since 3.14.
"""

import warnings
from multiprocessing import get_context
from multiprocessing.context import ForkContext, ForkServerContext, SpawnContext
from threading import Event, Lock, Thread

Context = ForkContext | SpawnContext | ForkServerContext
CONTEXTS: tuple[Context, ...] = (get_context("fork"), get_context("spawn"), get_context("forkserver"))

lock = Lock()  # like any other: that of a log file, of an import, of a library written in C


def take() -> None:
    if not lock.acquire(timeout=1):  # without a timeout it would wait for ever
        raise SystemExit("the lock is still held, and nobody is there to release it")


def child_gets_it(context: Context) -> bool:
    """Tell whether a child started in ``context`` can take the lock while a thread of this process holds it."""
    is_held, may_end = Event(), Event()

    def hold() -> None:
        with lock:
            is_held.set()
            may_end.wait()

    thread = Thread(target=hold)
    thread.start()
    is_held.wait()
    child = context.Process(target=take)
    child.start()
    may_end.set()  # the thread releases the lock at once: its own, not the child's copy
    child.join()
    thread.join()
    return child.exitcode == 0


def main() -> None:
    for context in CONTEXTS:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            outcome = "gets the lock" if child_gets_it(context) else "waits for ever"
        warned = "".join(f", and Python warns: {warning.category.__name__}" for warning in said)
        print(f"{context.get_start_method()}: the child {outcome}{warned}")


if __name__ == "__main__":
    main()
