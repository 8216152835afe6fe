"""The import of a user's file or module, and the search for the parser, the seeds and the options in it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from crawler.cli.crawl_definition import CrawlDefinition, checked_seeds
from crawler.cli.seed_file import split
from crawler.crawl.configuration import OPTION_NAMES, Configuration
from crawler.crawler import Seed
from crawler.errors import ConfigurationError
from crawler.models import Request
from crawler.parsing.parser import name_of
from crawler.parsing.router import Parser, Router

_NAMES = [name for name in OPTION_NAMES if name != "on_failure"]
"""The options that a file may have. What becomes of failures is for the command to say."""
_PARSER_REMEDY = "say where it is: --parser FILE_OR_MODULE[:NAME]"


def load_definition(
    target: str, seeds: Iterable[Seed], *, more: Iterator[str | Request] | None = None, needs_seeds: bool = True
) -> CrawlDefinition:
    """Return the crawl that a file or module defines.

    Args:
        target: The file or module.
        seeds: Seeds that replace those of the file, if there are any.
        more: Further seeds, read as the crawl needs them. The file's own are read so, too, if they are an iterator.
        needs_seeds: Whether a crawl without seeds is an error. Otherwise the definition has none.

    Raises:
        ConfigurationError: The file does not exist, cannot be imported, has no parser, or an option of a wrong type.
        InvalidURLError: A seed is no http(s) URL.
    """
    module = load_module(target)
    options = _options_of(module, target)
    remedy = f"name URLs after {target}, or define seeds in it"
    named = list(seeds)
    found, rest = _seeds_of(module)
    return CrawlDefinition(
        options,
        seeds=checked_seeds(named or found, remedy) if needs_seeds else (),
        more=more if named else rest,
        replay_parser="" if is_found_by_name(options.parser, target) else target,
    )


def is_found_by_name(parser: Parser, target: str) -> bool:
    """Tell whether the name of a ``parser`` that quarantine records is enough to find it again, from this folder.

    Args:
        parser: A parser.
        target: The file or module of the parser.
    """
    module, _, name = name_of(parser).partition(":")
    is_here = not _is_file(target) or Path(target).resolve().parent == Path.cwd()
    return is_here and _attribute(sys.modules.get(module), name) is parser


def load_parser(recorded: str, target: str | None) -> Parser:
    """Return the parser of a page in quarantine.

    Args:
        recorded: Its module and its name, such as ``books:parse``.
        target: Where to look instead: a file or a module, optionally with ``:`` and a name.

    Raises:
        ConfigurationError: The parser is not found. The message says what would help.
    """
    if target is not None:
        return _parser_at(target, recorded.partition(":")[2])
    module, _, name = recorded.partition(":")
    if module == "__main__":
        raise ConfigurationError(f"the parser is {name} of a program; name its file: --parser FILE.py")
    if recorded == f"{Router.__module__}:{Router.__qualname__}":
        raise ConfigurationError(f"the parser is a Router, which does not know its own name; {_PARSER_REMEDY}")
    try:
        parser: Parser | None = _attribute(load_module(module), name)
    except ConfigurationError as error:
        raise ConfigurationError(f"the parser {recorded} is not found from here ({error}); {_PARSER_REMEDY}") from error
    if parser is None or not _is_parser(parser):
        raise ConfigurationError(f"the parser {recorded} is not found from here; {_PARSER_REMEDY}")
    return parser


def _parser_at(target: str, recorded_name: str) -> Parser:
    place, colon, name = target.rpartition(":")
    if not colon or not all(part.isidentifier() for part in name.split(".")):
        place, name = target, ""
    module = load_module(place)
    found = (_attribute(module, each) for each in ((name,) if name else (recorded_name, "parse")))
    parsers: list[Parser] = [parser for parser in found if _is_parser(parser)]
    if not parsers:
        wanted = repr(name) if name else f"neither {recorded_name!r} nor 'parse'"
        text = f"{place} has no parser {wanted}" if name else f"{place} has {wanted}"
        raise ConfigurationError(f"{text}; name it: --parser {place}:NAME")
    return parsers[0]


def _is_parser(value: Any) -> bool:
    # For an object with __call__, and for a Router, the recorded name is that of its class.
    return callable(value) and not isinstance(value, type)


def _attribute(module: ModuleType | None, path: str) -> Any:
    """Return the object with the dotted name ``path`` in ``module``; ``None`` if there is none."""
    value: Any = module
    for name in path.split("."):
        value = getattr(value, name, None)
    return value


def load_module(target: str) -> ModuleType:
    """Import the file or module ``target`` by its name, so that worker processes can import it too.

    As with ``python FILE``, the folder of a file comes first in ``sys.path``; for a module, the working directory does.

    Raises:
        ConfigurationError: It does not exist, cannot be imported by a name of its own, or raises.
    """
    file = Path(target)
    if _is_file(target):
        return _import_file(file)
    if file.exists() and not _spec_of(target):
        raise ConfigurationError(f"{target} is no Python file: its name must end in .py")
    _go_first(Path.cwd())
    return _import(target, target)


def _is_file(target: str) -> bool:
    return target.endswith(".py") or "/" in target or "\\" in target


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
        ConfigurationError: Workers would import another module of that name.
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


def _options_of(module: ModuleType, target: str) -> Configuration:
    """Return the parser and the options of a file: what is called like an option is one.

    Raises:
        ConfigurationError: It has no parser, or something that is no such option.
    """
    if not hasattr(module, "parse"):
        remedy = "define the parser at its top level: def parse(page), or parse = Router(…)"
        raise ConfigurationError(f"{target} has no parse; {remedy}")
    options = {name: getattr(module, name) for name in _NAMES if hasattr(module, name)}
    try:
        return Configuration.of(module.parse, **options)
    except ConfigurationError as error:
        raise ConfigurationError(f"{target}: {error}") from error


def _seeds_of(module: ModuleType) -> tuple[Seed | Iterable[Seed], Iterator[str | Request] | None]:
    """Return the seeds of a file; if they are an iterator, the first of them and an iterator of the rest."""
    seeds: Any = getattr(module, "seeds", ())
    return split(seeds) if isinstance(seeds, Iterator) else (seeds, None)
