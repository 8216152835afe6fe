"""The field's words: names, comments, docstrings and messages use none of those that readers have to guess.

Every line of every module is read, and the names of files and folders. Identifiers are split at underscores and at
capitals: ``_StatusHandler`` has the words status and handler, and ``standard`` is one word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.structure.source import Module, Package, Problem

_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
_ESCAPE = re.compile(r"\\[abfnrtv]")


class Allowed(NamedTuple):
    """A place where an old word may be: what a pattern matches, in the files that another matches, and why."""

    pattern: str
    reason: str
    files: str = ""


class Found(NamedTuple):
    """An old word, where it is."""

    module: Module
    line: int
    word: str

    @property
    def place(self) -> str:
        """The folder at the top of the package that it is in, or the file there."""
        return self.module.inner_path.partition("/")[0]


class OldWords:
    """Finds old words, but for those in allowed places."""

    def __init__(self, words: Mapping[str, str], allowed: Iterable[Allowed] = ()) -> None:
        """Create the search.

        Args:
            words: The old words, and what to say instead. Plurals need no entry of their own.
            allowed: Where they may be.
        """
        self._words = {form: instead for word, instead in words.items() for form in _forms(word)}
        self._allowed = [(each, re.compile(each.pattern), re.compile(each.files)) for each in allowed]
        self._used: set[Allowed] = set()

    def find(self, package: Package) -> Iterator[Found]:
        """Yield all old words of a package."""
        for module in package.modules:
            lines = [module.inner_path.removesuffix(".py"), *module.text.splitlines()]
            for number, line in enumerate(lines):
                for word in self._in_line(line, module):
                    yield Found(module, number, word)

    def problem(self, found: Found) -> Problem:
        """Return what is said of a word that was found."""
        text = f"the old word {found.word!r}: say {self._words[found.word]}"
        return Problem(found.module.path, found.line, text)

    def unused(self, package: Package) -> Iterator[Problem]:
        """Yield the allowed places that no word was found in; to be asked after `find`."""
        for each, _, _ in self._allowed:
            if each not in self._used:
                text = f"ALLOWED_WORDS has {each.pattern!r}, which nothing needs: take it out"
                yield Problem(Path(package.name), 0, text)

    def _in_line(self, line: str, module: Module) -> list[str]:
        line = _ESCAPE.sub(" ", line)
        if not self._old(line):
            return []
        for each, pattern, files in self._allowed:
            if files.search(module.inner_path):
                line = pattern.sub(partial(self._without, each), line)
        return self._old(line)

    def _without(self, allowed: Allowed, match: re.Match[str]) -> str:
        """Return what replaces an allowed place: nothing that is a word, if there was an old word in it."""
        if self._old(match[0]):
            self._used.add(allowed)
            return " "
        return match[0]

    def _old(self, line: str) -> list[str]:
        return [word for part in _PART.findall(line) if (word := part.lower()) in self._words]


def _forms(word: str) -> tuple[str, ...]:
    if word.endswith("s"):
        return (word,)
    return (word, word[:-1] + "ies" if word.endswith("y") else word + "s")
