"""An adapter for typer: a dataclass of options becomes the parameters of a command."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any, get_type_hints


def with_options(kind: type) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Return a decorator for a command that takes all its options in one argument, ``options`` of the type ``kind``.

    Typer sees one parameter for each field, so several commands can share options. Each field of the dataclass ``kind``
    has a default and an annotation for typer, or is itself a dataclass of such fields.
    """
    flat = list(_parameters(kind))

    def decorate(command: Callable[..., int]) -> Callable[..., int]:
        @wraps(command)
        def called_by_typer(**values: Any) -> int:
            given = {parameter.name: values.pop(parameter.name) for parameter in flat}
            return command(**values, options=_built(kind, given))

        parameters = inspect.signature(command, eval_str=True).parameters.values()
        own = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in parameters
            if parameter.name != "options"
        ]
        signature = inspect.Signature([*own, *flat])
        called_by_typer.__signature__ = signature  # type: ignore[attr-defined]  # what inspect.signature looks for
        called_by_typer.__annotations__ = {each.name: each.annotation for each in signature.parameters.values()}
        return called_by_typer

    return decorate


def _parameters(kind: type, prefix: str = "") -> Iterator[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    for field in fields(kind):
        name, hint = prefix + field.name, hints[field.name]
        if is_dataclass(hint):
            yield from _parameters(hint, f"{name}_")  # type: ignore[arg-type]  # a type, as it annotates something
        else:
            yield inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hint)


def _built(kind: type, given: Mapping[str, Any], prefix: str = "") -> Any:
    hints = get_type_hints(kind)
    return kind(
        **{
            field.name: _built(hints[field.name], given, f"{prefix}{field.name}_")
            if is_dataclass(hints[field.name])
            else given[prefix + field.name]
            for field in fields(kind)
        }
    )
