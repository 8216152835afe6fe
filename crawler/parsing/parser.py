"""Checks, before a crawl starts, that its parser can be sent to worker processes."""

from __future__ import annotations

import ast
import pickle
import sys
from functools import partial
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from crawler.document.page import Page
from crawler.errors import ConfigurationError, ParseError
from crawler.parsing.worker import Plan

_IN_THREADS = "run it in this process: Cpu(executor='thread')"
_REMEDY = f"define it with def at the top level of a module, or {_IN_THREADS}"


def page_has_no_parser(page: Page) -> None:
    """Raise an error: this is the parser in workers if the whole parser is ``async def`` and runs elsewhere."""
    raise ParseError(f"no parser for label {page.label!r} in the workers")


def pickle_plan(plan: Plan) -> bytes:
    """Return ``plan`` pickled, for worker processes.

    Raises:
        ConfigurationError: The parser is a lambda, a closure, or in a module that workers cannot import.
    """
    try:
        data = pickle.dumps(plan, pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        text = f"parser {name_of(plan.parser)} cannot be sent to a worker process ({error}); {_REMEDY}"
        raise ConfigurationError(text) from error
    main = sys.modules["__main__"]
    if b"__main__" in data and not hasattr(main, "__file__"):
        text = f"parser {name_of(plan.parser)} is defined in an interactive session, which workers cannot import"
        raise ConfigurationError(f"{text}; {_REMEDY}")
    return data


def name_of(parser: Any) -> str:
    """Return the module and the name of ``parser``, such as ``books:parse``."""
    while isinstance(parser, partial):
        parser = parser.func
    module = getattr(parser, "__module__", "")
    return f"{module}:{getattr(parser, '__qualname__', type(parser).__qualname__)}"


def check_main_guard() -> None:
    """Check that worker processes can import ``__main__`` without starting the crawl again.

    Workers import the main module to find the parser in it. If the call that leads here is at its top level without
    ``if __name__ == "__main__":``, each worker would run it too.

    Raises:
        ConfigurationError: The call is there, or the main module is no file, such as one read from standard input.
    """
    main = sys.modules["__main__"]
    line = _top_level_line(main)
    file = getattr(main, "__file__", None)
    if file is not None and main.__spec__ is None and not Path(file).exists():
        raise ConfigurationError(f"worker processes import the main module, and {file!r} is no file; {_IN_THREADS}")
    if line is None or file is None or _is_guarded(Path(file), line):
        return
    text = f"{file}, line {line}: the crawl starts when this module is imported, and worker processes import it"
    raise ConfigurationError(f"{text}; put the call under if __name__ == '__main__':")


def _top_level_line(main: ModuleType) -> int | None:
    """Return the line at the top level of ``main`` that is being executed, if one is."""
    frame: FrameType | None = sys._getframe()  # noqa: SLF001  # the same as inspect.currentframe
    while frame is not None:
        if frame.f_code.co_name == "<module>" and frame.f_globals is main.__dict__:
            return frame.f_lineno
        frame = frame.f_back
    return None


def _is_guarded(file: Path, line: int) -> bool:
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):  # a zipped or frozen program cannot be checked
        return True
    guards = (node for node in tree.body if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test))
    return any(guard.lineno <= line <= (guard.end_lineno or guard.lineno) for guard in guards)
