"""Options that were renamed: a class decorator that still takes and answers to the former name, with a warning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Any, TypeVar
from warnings import warn

from crawler.errors import ConfigurationError

_Options = TypeVar("_Options")


def renamed(former: str, name: str) -> Callable[[type[_Options]], type[_Options]]:
    """Return a decorator that lets a dataclass be created with, and asked for, a field by its ``former`` name, too.

    Args:
        former: What the field was called.
        name: What it is called now.
    """

    def decorate(kind: type[_Options]) -> type[_Options]:
        setattr(kind, "__init__", _init_with(kind, former, name))  # noqa: B010  # mypy refuses the plain assignment
        setattr(kind, former, _property_of(kind, former, name))
        return kind

    return decorate


def _init_with(kind: type[Any], former: str, name: str) -> Callable[..., None]:
    init = kind.__init__

    @wraps(init)
    def renaming(self: object, *positional: object, **options: object) -> None:
        if former in options:
            warn(f"{kind.__name__}({former}=…) is deprecated: write {name}=…", DeprecationWarning, stacklevel=2)
            _rename(kind, positional, options, former, name)
        init(self, *positional, **options)

    return renaming


def _rename(
    kind: type[Any], positional: tuple[object, ...], options: dict[str, object], former: str, name: str
) -> None:
    """Give the ``former`` option its new name.

    Raises:
        ConfigurationError: Both names are given.
    """
    value = options.pop(former)
    names = [field.name for field in fields(kind) if field.init]
    # `dataclasses.replace` passes every field by its name, with the old value where the caller changed nothing. Only
    # there both names are no contradiction: the former one is what the caller wrote.
    is_replacing = options.keys() >= set(names)
    if not is_replacing and name in {*names[: len(positional)], *options}:
        raise ConfigurationError(f"{kind.__name__} has {name} and {former}, its former name: keep {name}")
    options[name] = value


def _property_of(kind: type[Any], former: str, name: str) -> property:
    def value(self: object) -> Any:
        warn(f"{kind.__name__}.{former} is deprecated: read {name}", DeprecationWarning, stacklevel=2)
        return getattr(self, name)

    return property(value, doc=f"Deprecated: the former name of ``{name}``.")
