"""How processes of workers are started: from which interpreter, with which modules to begin with, without Ctrl-C.

multiprocessing starts two servers with ``python -c``: the fork server and the resource tracker. Such an interpreter
looks into the working directory first, and a ``json.py`` that lies there would be executed.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

from crawler.errors import ConfigurationError
from crawler.runtime.descriptors import is_shortage

if sys.platform != "win32":
    from multiprocessing import forkserver

_LONGEST_FOLDER = 70  # of the 108 characters of the path of a socket; multiprocessing takes the others for its names
_FORMER = "_CRAWLER_FORMER_"  # before the names of variables: their values in the main process
_changing = threading.Lock()  # the environment, which belongs to the whole process


def start_context() -> BaseContext:
    """Return the forkserver context, which forks from a small single-threaded process; spawn if there is none."""
    methods = multiprocessing.get_all_start_methods()
    return multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")


def preload(modules: tuple[str, ...]) -> None:
    """Start multiprocessing's servers, and make the fork server import ``modules`` and what all workers need.

    The modules are without effect on a fork server that already runs.
    """
    if _has_fork_server():
        start_context().set_forkserver_preload(["crawler.parsing.worker", *modules])
    start_servers()


def start_servers() -> None:
    """Start multiprocessing's servers unless they run. They import from where this process does, and from nowhere else.

    Does not wait until they are ready.
    """
    if sys.platform != "win32" and _has_fork_server():
        with _imports_as_here(), explained():
            without_interrupts(resource_tracker.ensure_running)
            without_interrupts(forkserver.ensure_running)


def start_process(start: Callable[..., Any], *args: Any) -> Any:
    """Return ``start(*args)``, which starts one process."""
    if _has_fork_server():
        start_servers()  # again: the fork server may have been killed
        return without_interrupts(start, *args)
    with _imports_as_here():
        return without_interrupts(start, *args)


@contextmanager
def explained() -> Iterator[None]:
    """Have errors of the system say what processes need.

    Raises:
        ConfigurationError: There is no shared memory, or the folder for temporary files cannot have a socket.
    """
    try:
        yield
    except OSError as error:
        if is_shortage(error):
            raise
        folder = tempfile.gettempdir()
        need = f"a writable /dev/shm, and a TMPDIR that is shorter than {_LONGEST_FOLDER} characters, not {folder!r}"
        if len(folder) < _LONGEST_FOLDER:
            need = "a writable /dev/shm"
        text = f"worker processes cannot be started ({error}): they need {need}"
        raise ConfigurationError(f"{text}; without them: Cpu(executor='thread')") from error


def restore_environment() -> None:
    """Give this new process the environment of the main process again, for what the parser starts."""
    for name in ("PYTHONPATH", "PYTHONSAFEPATH"):
        former = os.environ.pop(_FORMER + name, None)
        if former is not None:
            _set(name, former or None)


def without_interrupts(start: Callable[..., Any], *args: Any) -> Any:
    """Return ``start(*args)``. Processes started by it ignore Ctrl-C, which goes to all processes of a terminal.

    The fork server ignores Ctrl-C by itself, but not before it has imported its modules: until then it would die.
    """
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        return start(*args)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # for this thread; new processes inherit it
    try:
        return start(*args)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _imports_as_here() -> Iterator[None]:
    """Have interpreters that are started within import from this process's ``sys.path``, in its order.

    No argument of multiprocessing says so, so the environment does, for as long as it takes to start one.
    """
    paths = [path or str(Path.cwd()) for path in sys.path]
    changed = {
        "PYTHONPATH": os.pathsep.join(path for path in paths if os.pathsep not in path),
        "PYTHONSAFEPATH": "1",
    }
    with _changing:
        former = {name: os.environ.get(name) for name in changed}
        try:
            for name, value in changed.items():
                os.environ[name], os.environ[_FORMER + name] = value, former[name] or ""
            yield
        finally:
            for name, before in former.items():
                _set(name, before)
                _set(_FORMER + name, None)


def _has_fork_server() -> bool:
    return start_context().get_start_method() == "forkserver"


def _set(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
