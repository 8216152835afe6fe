"""Shapes of items, from which a schema is made, learnt item by item.

A shape is plain data, as in JSON: a letter for a value (``n`` nothing, ``b`` boolean, ``i`` integer, ``f`` number,
``s`` text), a list of one shape for a list, a dict of shapes for an object. ``I`` is an integer that cannot become a
number any more, because a file with such a column has been written.
"""

from __future__ import annotations

from typing import Any

_WORDS = {"n": "nothing", "b": "a truth value", "i": "an integer", "I": "an integer", "f": "a number", "s": "text"}
_LETTERS = ((str, "s"), (bool, "b"), (int, "i"), (float, "f"), (type(None), "n"))  # every bool is an int
_LARGEST = 2**63 - 1
_DEEPEST = 50  # levels; arbitrary, Arrow crashes at some thousands


def shape_of(value: Any, path: str = "") -> Any:
    """Return the shape of a plain value, such as `crawler.sinks.columns.fields_of` returns, or of a part of it.

    Raises:
        ValueError: A list holds values of different kinds, an integer has more than 64 bits, or it is nested too deep.
    """
    if path.count(".") + path.count("[]") > _DEEPEST:
        raise ValueError(f"the field {path.partition('.')[0]!r} is nested more than {_DEEPEST} deep; yield it as text")
    letter = next((letter for kind, letter in _LETTERS if isinstance(value, kind)), None)
    if letter == "i" and not -_LARGEST - 1 <= value <= _LARGEST:
        raise ValueError(f"the field {path!r} is an integer of more than 64 bits; yield it as text")
    if letter is not None:
        return letter
    if isinstance(value, dict):
        return {name: shape_of(part, f"{path}.{name}" if path else name) for name, part in value.items()}
    shape: Any = "n"
    for element in value:
        shape = merged(shape, shape_of(element, f"{path}[]"), f"{path}[]")
    return [shape]


def merged(known: Any, new: Any, path: str = "") -> Any:
    """Return the shape that fits both.

    Raises:
        ValueError: There is none; the message names the field.
    """
    if new in (known, "n"):
        return known
    if known == "n":
        return new
    if isinstance(known, dict) and isinstance(new, dict):
        parts = {
            name: merged(known.get(name, "n"), part, f"{path}.{name}" if path else name) for name, part in new.items()
        }
        return known | parts
    if isinstance(known, list) and isinstance(new, list):
        return [merged(known[0], new[0], f"{path}[]")]
    match known, new:
        case ("I", "i") | ("f", "i"):
            return known
        case ("i", "f"):
            return new
    raise ValueError(f"the field {path!r} is {_word(new)} here, and {_word(known)} before; yield one kind for all")


def frozen(shape: Any) -> Any:
    """Return ``shape`` with its integers fixed: they can no longer become floats."""
    match shape:
        case dict():
            return {name: frozen(part) for name, part in shape.items()}
        case [element]:
            return [frozen(element)]
    return "I" if shape == "i" else shape


def resolved(shape: Any) -> Any:
    """Return ``shape`` without the parts of unknown type; ``None`` if nothing remains."""
    match shape:
        case dict():
            return {name: known for name, part in shape.items() if (known := resolved(part)) is not None} or None
        case [element]:
            known = resolved(element)
            return None if known is None else [known]
    return None if shape == "n" else shape


def width_of(shape: Any) -> int:
    """Return the number of columns of ``shape``."""
    match shape:
        case dict():
            return sum(width_of(part) for part in shape.values())
        case [element]:
            return width_of(element)
    return 1


def _word(shape: Any) -> str:
    match shape:
        case dict():
            return "an object"
        case [_]:
            return "a list"
    return _WORDS[shape]
