"""The modules of a package, as the rules see them; nothing of it is imported."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class Problem(NamedTuple):
    """A place in the package that breaks a rule; line 0 for a whole file."""

    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}" if self.line else f"{self.path}: {self.text}"


@dataclass(frozen=True, slots=True)
class Module:
    """A file of the package; ``path`` begins with the package's own folder."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def inner_path(self) -> str:
        """The path below the package's folder, with slashes: ``state/record.py``."""
        return self.path.relative_to(self.path.parts[0]).as_posix()

    @property
    def dotted(self) -> str:
        """The name below the package's own: ``state.record``; that of a package is the name of its folder."""
        parts = self.path.with_suffix("").parts[1:]
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@dataclass(frozen=True, slots=True)
class Package:
    """All modules of a package, in the order of their paths, and the folder that it is in."""

    root: Path
    name: str
    modules: tuple[Module, ...]

    @property
    def folder(self) -> Path:
        """Where its modules are."""
        return self.root / self.name


def read_package(root: Path, name: str = "crawler") -> Package:
    """Read the package ``name`` in the folder ``root``."""
    files = sorted((root / name).rglob("*.py"))
    return Package(root, name, tuple(_module(file, root) for file in files))


def _module(file: Path, root: Path) -> Module:
    text = file.read_text(encoding="utf-8")
    return Module(file.relative_to(root), text, ast.parse(text, str(file)))
