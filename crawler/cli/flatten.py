"""Options as a dataclass, for typer, which wants them as parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Any, get_type_hints


def with_options(kind: type) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Return a decorator for a command that takes all its options as one ``options`` of the dataclass ``kind``.

    Typer sees one parameter for each field, so that several commands share their options without repeating them. The
    fields have defaults and are annotated as typer wants parameters to be.
    """
    hints = get_type_hints(kind, include_extras=True)
    flat = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields(kind)
    ]

    def decorate(command: Callable[..., int]) -> Callable[..., int]:
        @wraps(command)
        def called_by_typer(**values: Any) -> int:
            options = kind(**{parameter.name: values.pop(parameter.name) for parameter in flat})
            return command(**values, options=options)

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
