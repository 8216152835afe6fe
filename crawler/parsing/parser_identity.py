"""What tells whether a crawl that goes on has the parser that it had before: its names, and a digest of its code."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import partial
from hashlib import blake2b
from pathlib import Path

from crawler.parsing.router import Parser, Router


def identity_of(parser: Parser) -> dict[str, str]:
    """Return ``parser`` as options to be compared: the name of each of its functions, and ``parser.code``.

    That is a digest of the modules in which they are, without comments, and without what is under
    ``if __name__ == "__main__"``, as the options of a crawl often are. It is empty where there is no source.
    """
    names = {f"parser{label}": _name_of(each) for label, each in _parts(parser)}
    modules = sorted({getattr(_function_of(each), "__module__", None) or "" for _, each in _parts(parser)})
    code = "\n".join(map(_code_of, modules))
    return {**names, "parser.code": blake2b(code.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()}


def _parts(parser: Parser, label: str = "") -> Iterator[tuple[str, Parser]]:
    if not isinstance(parser, Router):
        yield label, parser
        return
    for name, part in parser.routes.items():
        yield from _parts(part, f"{label}.{name}")
    if parser.default is not None:
        yield from _parts(parser.default, f"{label}.default")


def _function_of(parser: Parser) -> object:
    while isinstance(parser, partial):
        parser = parser.func
    return parser if hasattr(parser, "__qualname__") else type(parser)


def _name_of(parser: Parser) -> str:
    return str(getattr(_function_of(parser), "__qualname__", ""))


def _code_of(module: str) -> str:
    file = getattr(sys.modules.get(module), "__file__", None)
    try:
        tree = ast.parse(Path(file).read_bytes()) if file else ast.Module([], [])
    except (OSError, SyntaxError, ValueError):  # a zipped or frozen program
        return ""
    tree.body = [node for node in tree.body if not _is_guard(node)]
    return ast.unparse(tree)


def _is_guard(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)
