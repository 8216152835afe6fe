"""The user's file or module: finds the parser, the seeds and the options in it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
import warnings
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

from crawler.cli.job import Job, checked_seeds
from crawler.crawler import Seed
from crawler.errors import ConfigurationError
from crawler.parsing.cpu import Cpu
from crawler.policy.fetch import Fetch
from crawler.policy.limits import Limits
from crawler.policy.politeness import Politeness
from crawler.policy.retry import Retry
from crawler.policy.scope import Scope

_KINDS: dict[str, type] = {
    "scope": Scope,
    "limits": Limits,
    "politeness": Politeness,
    "retry": Retry,
    "fetch": Fetch,
    "cpu": Cpu,
}


def load_job(target: str, seeds: Iterable[str]) -> Job:
    """Return the crawl that the file or module ``target`` describes, from ``seeds`` where any are given.

    Raises:
        ConfigurationError: It is not there, cannot be imported, has no parser, or an option of the wrong type.
        InvalidURLError: A seed is no http(s) URL.
    """
    module = load_module(target)
    return Job(
        parser=_parser_of(module, target),
        seeds=checked_seeds(list(seeds) or _seeds_of(module), f"name URLs after {target}, or define seeds in it"),
        **{name: _option(module, name, kind) for name, kind in _KINDS.items() if hasattr(module, name)},
        sinks=_sinks_of(module),
    )


def load_module(target: str) -> ModuleType:
    """Import the file or module ``target``, in such a way that worker processes can import it too: by its name.

    As with ``python FILE``, the file's folder comes first on the path; for a module, the working directory does.

    Raises:
        ConfigurationError: It is not there, cannot be imported by a name of its own, or raises.
    """
    file = Path(target)
    if file.suffix == ".py" or "/" in target or "\\" in target:
        return _import_file(file)
    if file.exists() and not _spec_of(target):
        raise ConfigurationError(f"{target} is no Python file: its name must end in .py")
    _go_first(Path.cwd())
    return _import(target, target)


def _import_file(file: Path) -> ModuleType:
    if not file.is_file():
        reason = "is a folder" if file.is_dir() else "does not exist"
        raise ConfigurationError(f"{file} {reason}; name a Python file, or a module that can be imported")
    if file.suffix != ".py" or "." in file.stem:
        raise ConfigurationError(f"{file} cannot be imported by worker processes; give it a name such as crawl.py")
    _check_name_is_free(file)
    _go_first(file.resolve().parent)
    return _import(file.stem, str(file))


def _check_name_is_free(file: Path) -> None:
    """Check that importing the file by its name gives the file.

    Raises:
        ConfigurationError: There is another module of that name, which workers would get.
    """
    spec = _spec_of(file.stem)
    origin = spec.origin if spec is not None else None
    if spec is None or (origin is not None and Path(origin).exists() and Path(origin).samefile(file)):
        return
    text = f"{file} has the name of another module, {file.stem!r} ({origin or 'a package'})"
    raise ConfigurationError(f"{text}, which worker processes would import in its place; rename the file")


def _spec_of(name: str) -> Any:
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):  # ValueError: __main__ and the like
        return sys.modules.get(name)


def _go_first(folder: Path) -> None:
    if str(folder) not in sys.path[:1]:
        sys.path.insert(0, str(folder))


def _import(name: str, target: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            text = (
                f"there is no module {name!r}, and no such file; name a Python file, or a module that can be imported"
            )
            raise ConfigurationError(text) from error
        raise ConfigurationError(_complaint(target, error)) from error
    except SyntaxError as error:
        raise ConfigurationError(f"{error.filename}, line {error.lineno}: {error.msg}") from error
    except (Exception, SystemExit) as error:  # it is the user's code: it may raise anything
        raise ConfigurationError(_complaint(target, error)) from error


def _complaint(target: str, error: BaseException) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    own = [frame for frame in frames if Path(frame.filename).name == Path(target).name] or frames[-1:]
    place = f" (line {own[-1].lineno} of {own[-1].filename})" if own else ""
    text = f"{target} cannot be imported: {type(error).__name__}: {error}{place}"
    if "event loop" in str(error):  # files are loaded in a running loop, so that they cannot start a crawl of their own
        text = f"{target} starts a crawl when it is imported{place}; put that under if __name__ == '__main__':"
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
            traceback.clear_frames(error.__traceback__)  # which frees the coroutine that asyncio.run was given
    return " ".join(text.split())


def _parser_of(module: ModuleType, target: str) -> Any:
    parser = getattr(module, "parse", None)
    if not callable(parser):
        problem = "has no parse" if parser is None else f"has a parse that is {parser!r}"
        text = f"{target} {problem}; define the parser at its top level: def parse(page), or parse = Router(…)"
        raise ConfigurationError(text)
    return parser


def _seeds_of(module: ModuleType) -> Iterable[Seed]:
    seeds: Iterable[Seed] = getattr(module, "seeds", ())
    return seeds


def _option(module: ModuleType, name: str, kind: type) -> Any:
    value = getattr(module, name)
    if not isinstance(value, kind):
        arguments = ", ".join(f"{field.name}=…" for field in fields(kind)[:2])
        expected = f"a {kind.__name__}({arguments}), which is what the name {name!r} is read as"
        raise ConfigurationError.of(name, value, expected)
    return value


def _sinks_of(module: ModuleType) -> tuple[Any, ...]:
    sinks = getattr(module, "sinks", ())
    if not isinstance(sinks, list | tuple):
        raise ConfigurationError.of("sinks", sinks, "a list of sinks, or of functions of an item")
    return tuple(sinks)
