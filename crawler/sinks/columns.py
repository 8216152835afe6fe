"""Items as fields with plain values, for tabular outputs."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec

from crawler.runtime.unicode_text import writable_value

_LIKE: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (str, str.__str__),
    (float, float),
    (int, int),
    (bytes, bytes),
    (bytearray, bytes),
    (os.PathLike, os.fspath),
    (Mapping, dict),
    (Collection, list),  # a range, a deque, the keys of a dict
)
_UTF_8 = msgspec.msgpack.Encoder()
_KINDS = "a dict, dataclass, msgspec or pydantic model"


def plain_of_foreign(value: Any) -> Any:
    """Convert a value of a type that msgspec does not know: msgspec's ``enc_hook``.

    Values of a class that extends a plain type are like that type: texts of BeautifulSoup and lxml, numbers of numpy.

    Raises:
        TypeError: There is no plain value for it.
    """
    for kind, plain in _LIKE:
        if isinstance(value, kind):
            return plain(value)
    if hasattr(value, "model_dump"):  # pydantic, which may not be installed
        return value.model_dump(mode="json")
    if hasattr(value, "dtype") and hasattr(value, "tolist"):  # numpy, the same
        return value.tolist()
    raise TypeError(f"{type(value).__qualname__} is no JSON type; yield {_KINDS} of plain values")


def fields_of(item: Any, native: tuple[type, ...] = ()) -> dict[str, Any]:
    """Return the fields of ``item`` by their names.

    Values are ``None``, ``bool``, ``int``, ``float``, ``str``, lists and dicts of these, and values of the ``native``
    types; all others (dates, enums, decimals…) have their form in JSON. A lone surrogate becomes U+FFFD.

    Raises:
        TypeError: A value has no form in JSON, or the item has no named fields.
    """
    if hasattr(item, "_asdict"):  # a named tuple, which would otherwise be an array
        item = item._asdict()
    fields = msgspec.to_builtins(item, builtin_types=native, str_keys=True, enc_hook=plain_of_foreign)
    if not isinstance(fields, dict) or not fields:
        raise TypeError(f"{type(item).__qualname__} has no named fields to make a row of; yield {_KINDS} with some")
    try:
        _UTF_8.encode(fields)
    except UnicodeEncodeError:
        return dict(writable_value(fields))
    except TypeError:  # the value of an enum is not looked at above
        return dict(msgspec.to_builtins(fields, builtin_types=native, str_keys=True, enc_hook=plain_of_foreign))
    except (ValueError, OverflowError):  # which others complain about
        pass
    return fields


def json_of(value: Any) -> str:
    """Return ``value`` as JSON."""
    return msgspec.json.encode(value, enc_hook=plain_of_foreign).decode()
