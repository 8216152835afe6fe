"""How long classes and functions may be.

A class is counted from its ``class`` line to its last line. A function is counted from its ``def`` line to its last
line, without the lines of its docstring. Decorators do not count.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeAlias

from tests.structure.source import Module, Package, Problem

LONGEST_CLASS = 250
LONGEST_FUNCTION = 40

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


def too_long(package: Package) -> Iterator[Problem]:
    """Yield the classes and functions that are longer than they may be."""
    for module in package.modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                yield from _checked(module, node, f"class {node.name}", _lines(node), LONGEST_CLASS)
            elif isinstance(node, _Function):
                lines = _lines(node) - _docstring_lines(node)
                yield from _checked(module, node, f"function {node.name}", lines, LONGEST_FUNCTION)


def _checked(module: Module, node: ast.stmt, what: str, lines: int, most: int) -> Iterator[Problem]:
    if lines > most:
        yield Problem(module.path, node.lineno, f"{what} has {lines} lines; at most {most}: split it by subject")


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _docstring_lines(node: _Function) -> int:
    return 0 if ast.get_docstring(node, clean=False) is None else _lines(node.body[0])
