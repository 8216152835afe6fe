"""The rules of one group of a robots.txt file, indexed so that a path is compared only with likely ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from crawler.robots.paths import ANY
from crawler.url import LONGEST_URL

Weight: TypeAlias = int
"""Twice the octets of a rule, plus one if it allows: the largest weight decides (RFC 9309 §2.2.2), and ties allow."""

NO_RULE: Weight = 1  # lighter than any rule, and odd: it allows
_DENIED: Weight = 2**62  # heavier than any rule, and even
_PIECE = 3  # characters by which wildcard rules are found; arbitrary, four distinguish hardly more
_MOST_STEPS = 2_000_000  # steps of about 1 ns for one path: compared characters in the worst case
_STEPS_PER_RULE = 300  # the further cost of trying a rule


@dataclass(frozen=True, slots=True)
class PathRules:
    """Patterns of paths with their weights. It pickles fast, as it consists of dictionaries of strings and numbers.

    Attributes:
        prefixes: Patterns without wildcards.
        lengths: Lengths of these, each once, in ascending order.
        whole: Patterns without wildcards that end with ``$``.
        wild: Patterns with wildcards, heaviest first, by a piece that every matching path contains.
        pieces: Lengths of those pieces, each once.
    """

    prefixes: dict[str, Weight] = field(default_factory=dict)
    lengths: tuple[int, ...] = ()
    whole: dict[str, Weight] = field(default_factory=dict)
    wild: dict[str, tuple[tuple[Weight, str], ...]] = field(default_factory=dict)
    pieces: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.prefixes) + len(self.whole) + sum(map(len, self.wild.values()))

    def __repr__(self) -> str:
        return f"<PathRules {len(self)} of which {sum(map(len, self.wild.values()))} with wildcards>"

    def allow(self, path: str) -> bool:
        """Tell whether ``path`` is allowed by the heaviest rule that matches it; without one it is."""
        best = self.whole.get(path, NO_RULE)
        find, size = self.prefixes.get, len(path)
        for length in self.lengths:
            if length > size:
                break
            weight = find(path[:length], NO_RULE)
            best = max(best, weight)
        if self.wild:
            best = self._heaviest_wild(path, best)
        return best % 2 == 1

    def _heaviest_wild(self, path: str, best: Weight) -> Weight:
        """Return the weight of the heaviest wildcard rule that matches ``path``, or ``best`` if that is larger.

        Hostile files and paths can require many slow comparisons. A path that would take more than a few milliseconds
        is denied: with such a file a site shuts robots out of itself only.
        """
        size = len(path)
        if size > LONGEST_URL:
            return _DENIED
        steps = 0
        for piece in self._pieces_in(path):
            for weight, form in self.wild[piece]:
                if weight <= best:
                    break
                steps += _STEPS_PER_RULE + (size * len(form) if len(form) <= 2 * size else 0)
                if steps > _MOST_STEPS:
                    return _DENIED
                if matches(form, path):
                    best = weight
                    break
        return best

    def _pieces_in(self, path: str) -> set[str]:
        """Return the pieces of wildcard rules that ``path`` contains."""
        found: set[str] = set()
        for length in self.pieces:
            found |= self.wild.keys() & {path[at : at + length] for at in range(len(path) - length + 1)}
        return found


def matches(form: str, path: str) -> bool:
    """Tell whether ``path`` matches ``form``: a rule with `ANY` for its wildcards, and at its end if it has no ``$``.

    There is no backtracking: the leftmost match of each piece leaves the most space for the others.
    """
    head, *pieces, tail = form.split(ANY)
    end = len(path) - len(tail)
    place = len(head)
    if place > end or not path.startswith(head) or not path.endswith(tail):
        return False
    for piece in pieces:
        place = path.find(piece, place, end)
        if place < 0:
            return False
        place += len(piece)
    return True


def form_of(pattern: str) -> str:
    """Return ``pattern`` with `ANY` for its wildcards, and one more at the end if it has no ``$``."""
    form = pattern[:-1] if pattern.endswith("$") else f"{pattern}*"
    while "**" in form:
        form = form.replace("**", "*")
    return form.replace("*", ANY)


def index_of(rules: Iterable[tuple[str, Weight]]) -> PathRules:
    """Return the index of ``rules``, given by their forms and weights."""
    prefixes: dict[str, Weight] = {}
    whole: dict[str, Weight] = {}
    wild: dict[str, Weight] = {}
    for form, weight in rules:
        kind, key = _place_of(form, prefixes, whole, wild)
        kind[key] = max(weight, kind.get(key, NO_RULE))
    by_piece: dict[str, list[tuple[Weight, str]]] = {}
    for form, weight in wild.items():
        by_piece.setdefault(_piece_of(form), []).append((weight, form))
    return PathRules(
        prefixes,
        tuple(sorted({len(prefix) for prefix in prefixes})),
        whole,
        {piece: tuple(sorted(heap, reverse=True)) for piece, heap in by_piece.items()},
        tuple(sorted({len(piece) for piece in by_piece})),
    )


def _place_of(
    form: str, prefixes: dict[str, Weight], whole: dict[str, Weight], wild: dict[str, Weight]
) -> tuple[dict[str, Weight], str]:
    wildcards = form.count(ANY)
    if wildcards == 0:
        return whole, form
    if wildcards == 1 and form.endswith(ANY):
        return prefixes, form[:-1]
    return wild, form


def _piece_of(form: str) -> str:
    """Return a piece that every path contains that matches ``form``: the end of its longest literal."""
    # Not of the part before the first wildcard: many rules of a site share that.
    return max(form.split(ANY)[1:], key=len)[-_PIECE:]
