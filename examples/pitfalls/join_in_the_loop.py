"""`join` in the loop that starts the threads: it waits for each before the next one starts.

The program looks concurrent and is sequential. The cure is two loops, or an executor, which has no `join` to misplace.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock, Thread

DOWNLOADS = 8


class Server:
    """Takes 0.2 s to answer, and knows how many requests it had at a time."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.waiting = self.most = 0

    def answer(self) -> None:
        """Let a client wait."""
        with self.lock:
            self.waiting += 1
            self.most = max(self.most, self.waiting)
        time.sleep(0.2)
        with self.lock:
            self.waiting -= 1


def one_loop(server: Server) -> None:
    for _ in range(DOWNLOADS):
        thread = Thread(target=server.answer)
        thread.start()
        thread.join()  # here: the next thread starts only after this one has ended


def two_loops(server: Server) -> None:
    threads = [Thread(target=server.answer) for _ in range(DOWNLOADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def executor(server: Server) -> None:
    with ThreadPoolExecutor(DOWNLOADS) as pool:
        for _ in range(DOWNLOADS):
            pool.submit(server.answer)


def main() -> None:
    for how, run in ("join in the loop", one_loop), ("join in a second loop", two_loops), ("an executor", executor):
        server, begin = Server(), time.perf_counter()
        run(server)
        seconds = time.perf_counter() - begin
        print(f"{how}: {DOWNLOADS} downloads, at most {server.most} at a time, {seconds:.2f} s")


if __name__ == "__main__":
    main()
