"""One basename, one meaning: modules share a name only where they are about the same thing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.structure.source import Package, Problem


class Shared(NamedTuple):
    """What modules of one basename are about, and which they are, without the name of the package."""

    meaning: str
    modules: frozenset[str]


def shared(meaning: str, *modules: str) -> Shared:
    """Return an entry of the table."""
    return Shared(meaning, frozenset(modules))


def basenames_with_two_meanings(package: Package, table: Mapping[str, Shared]) -> Iterator[Problem]:
    """Yield modules that share a basename and are not in the ``table``, and entries of it that nothing needs.

    The basename of a folder is its name.
    """
    found = _by_basename(package)
    for basename, paths in found.items():
        known = table[basename].modules if basename in table else frozenset()
        for dotted, path in paths.items():
            if len(paths) > 1 and dotted not in known:
                yield Problem(path, 0, _shares(basename, dotted, paths))
    for basename, entry in table.items():
        paths = found.get(basename, {})
        for dotted in sorted(entry.modules - paths.keys()):
            yield Problem(Path(package.name), 0, f"there is no module {dotted}: take it out of SHARED_BASENAMES")
        if len(paths) == 1:
            yield Problem(Path(package.name), 0, f"one module is named {basename}: take it out of SHARED_BASENAMES")


def _by_basename(package: Package) -> dict[str, dict[str, Path]]:
    found: dict[str, dict[str, Path]] = defaultdict(dict)
    for module in package.modules:
        if module.dotted:
            found[module.dotted.rpartition(".")[2]][module.dotted] = module.path
    return found


def _shares(basename: str, dotted: str, paths: Mapping[str, Path]) -> str:
    others = ", ".join(sorted(paths.keys() - {dotted}))
    return (
        f"has the basename of {others}: rename it, or, where all are about one thing, say so under {basename!r} in "
        "SHARED_BASENAMES of tests/structure/allowed.py"
    )
