"""A file opened before a fork is one file with one position for all workers: each reads where another one has sought.

The cure is an initializer that opens the file in each worker. The same holds for sockets and database connections.
"""

import tempfile
from multiprocessing import get_context
from multiprocessing.pool import Pool
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import BinaryIO

WORKERS = 4
SIZE = 8  # of a record, bytes
RECORDS = 400
WANTED = [number * 7 % RECORDS for number in range(100)]  # no two of them are adjacent in the file

file: BinaryIO
all_have_sought: Barrier


def record(number: int) -> bytes:
    return b"%7d\n" % number


def open_file(path: Path) -> None:
    global file  # noqa: PLW0603  # one for each process, which is the point
    file = path.open("rb", buffering=0)


def look_up(number: int) -> bool:
    """Tell whether the record at place ``number`` has that number."""
    file.seek(number * SIZE)
    all_have_sought.wait()  # in practice other workers seldom come in between; here they always do
    return file.read(SIZE) == record(number)


def count_right(pool: Pool) -> int:
    with pool:
        return sum(pool.map(look_up, WANTED, chunksize=1))


def main() -> None:
    global all_have_sought  # noqa: PLW0603  # inherited by the workers, like the file
    fork = get_context("fork")  # the only start method with which workers inherit open files
    all_have_sought = fork.Barrier(WORKERS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "records")
        path.write_bytes(b"".join(map(record, range(RECORDS))))
        open_file(path)
        with file:
            right = count_right(fork.Pool(WORKERS))
            print(f"opened before the fork: {right} of {len(WANTED)} records are the right ones")
        right = count_right(fork.Pool(WORKERS, initializer=open_file, initargs=(path,)))
        print(f"opened by the initializer: {right} of {len(WANTED)} records are the right ones")


if __name__ == "__main__":
    main()
