"""Items as fields with plain values, for outputs that are tables."""

from __future__ import annotations

from typing import Any

import msgspec

_KINDS = "a dict, dataclass, msgspec or pydantic model"


def plain_of_foreign(value: Any) -> Any:
    """Return what msgspec does not know as something that it does: msgspec's ``enc_hook``.

    Raises:
        TypeError: It is no pydantic model either.
    """
    if hasattr(value, "model_dump"):  # pydantic, which need not be installed
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__qualname__} is no JSON type; yield {_KINDS} of plain values")


def fields_of(item: Any, native: tuple[type, ...] = ()) -> dict[str, Any]:
    """Return the fields of ``item`` by their names.

    Values are ``None``, ``bool``, ``int``, ``float``, ``str``, lists and dicts of such, and what is of a ``native``
    type; what is more (dates, enums, decimals…) has the form that it has in JSON.

    Raises:
        TypeError: A value has no such form, or the item no named fields.
    """
    if hasattr(item, "_asdict"):  # a named tuple, which is else an array
        item = item._asdict()
    fields = msgspec.to_builtins(item, builtin_types=native, str_keys=True, enc_hook=plain_of_foreign)
    if not isinstance(fields, dict) or not fields:
        raise TypeError(f"{type(item).__qualname__} has no named fields to make a row of; yield {_KINDS} with some")
    return fields


def json_of(value: Any) -> str:
    """Return ``value`` as JSON."""
    return msgspec.json.encode(value, enc_hook=plain_of_foreign).decode()
