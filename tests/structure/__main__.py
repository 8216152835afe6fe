"""``python -m tests.structure``: says what is wrong with the shape of the package, and fails if anything is."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.structure.allowed import (
    ALLOWED_WORDS,
    OLD_WORDS,
    PENDING_SIZES,
    PENDING_WORDS,
    SHARED_BASENAMES,
    TOP_LEVEL,
)
from tests.structure.basenames import basenames_with_two_meanings
from tests.structure.layers import import_cycles, outside_the_layers, unexpected_at_the_top
from tests.structure.sizes import too_long
from tests.structure.source import Package, Problem, read_package
from tests.structure.words import OldWords

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Check the package; return the exit code."""
    package = read_package(ROOT)
    problems = [*problems_of_shape(package), *problems_of_words(package)]
    for problem in problems:
        print(problem)
    print(f"structure: {len(package.modules)} modules, {len(problems)} problems")
    return 1 if problems else 0


def problems_of_shape(package: Package) -> Iterator[Problem]:
    """Yield what is wrong with folders, imports, names of modules and sizes."""
    yield from outside_the_layers(package, package.root / "setup.cfg")
    yield from unexpected_at_the_top(package, TOP_LEVEL)
    yield from import_cycles(package)
    yield from basenames_with_two_meanings(package, SHARED_BASENAMES)
    for problem in too_long(package):
        if problem.path.relative_to(package.name).as_posix() in PENDING_SIZES:
            print(f"to do: {problem}")
        else:
            yield problem


def problems_of_words(package: Package) -> Iterator[Problem]:
    """Yield the old words, and what allows words that are not there."""
    words = OldWords(OLD_WORDS, ALLOWED_WORDS)
    found = list(words.find(package))
    counts = Counter(each.place for each in found)
    for place in PENDING_WORDS:
        remedy = "" if counts[place] else ": take it out of PENDING_WORDS in tests/structure/allowed.py"
        print(f"to do: {counts[place]} old words in {package.name}/{place}{remedy}")
    yield from (words.problem(each) for each in found if each.place not in PENDING_WORDS)
    yield from words.unused(package)


if __name__ == "__main__":
    sys.exit(main())
