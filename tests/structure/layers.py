"""Where modules are, and what they import: every module in a layer, nothing new at the top, no cycle."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from configparser import ConfigParser
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp

from tests.structure.source import Package, Problem

_SECTION = "importlinter:contract:layers"


def outside_the_layers(package: Package, setup_cfg: Path) -> Iterator[Problem]:
    """Yield what is at the top of the package and in none of import-linter's layers."""
    layered = set(_layers(setup_cfg))
    for name, path in _at_the_top(package).items():
        if f"{package.name}.{name}" not in layered:
            yield Problem(path, 0, f"is in no layer: name it in [{_SECTION}] of {setup_cfg.name}")


def unexpected_at_the_top(package: Package, expected: Collection[str]) -> Iterator[Problem]:
    """Yield files that are at the top of the package and are not ``expected`` there, and the other way round."""
    found = {each.name for each in package.folder.iterdir() if each.is_file()}
    for name in sorted(found - set(expected)):
        yield Problem(Path(package.name, name), 0, "belongs into a folder, by its subject: see docs/architecture.md")
    for name in sorted(set(expected) - found):
        yield Problem(Path(package.name, name), 0, "is missing; TOP_LEVEL in tests/structure/allowed.py names it")


def import_cycles(package: Package) -> Iterator[Problem]:
    """Yield one cycle of imports, if there is any; imports inside of functions and for type checkers count as well."""
    sys.path.insert(0, str(package.root))
    try:
        graph = grimp.build_graph(package.name, cache_dir=None)
    finally:
        sys.path.remove(str(package.root))
    imports = {module: graph.find_modules_directly_imported_by(module) for module in sorted(graph.modules)}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        cycle = " imports ".join(reversed(error.args[1]))
        yield Problem(Path(package.name), 0, f"an import cycle: {cycle}")


def _layers(setup_cfg: Path) -> Iterator[str]:
    config = ConfigParser(interpolation=None)
    config.read_string(setup_cfg.read_text(encoding="utf-8"))
    for layer in config[_SECTION]["layers"].split("\n"):
        for name in layer.replace(":", "|").split("|"):
            yield name.strip(" ()")


def _at_the_top(package: Package) -> dict[str, Path]:
    """Return the names of modules and folders at the top, without the package itself, and their paths."""
    tops = {module.dotted.partition(".")[0]: Path(*module.path.parts[:2]) for module in package.modules}
    return {name: path for name, path in tops.items() if name}
