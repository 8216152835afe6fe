"""JSON as it is on the web."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from crawler.runtime.unicode_text import writable_value


def decoded_json(text: str) -> Any:
    """Return the value of a JSON ``text``, as other readers read it where msgspec refuses it.

    Half of a surrogate pair becomes U+FFFD, a number beyond all floats infinity.

    Raises:
        ValueError: It is not JSON (msgspec's error, which names the position).
    """
    try:
        return msgspec.json.decode(text)
    except RecursionError as error:
        raise ValueError("the JSON is nested too deep: more than some hundred levels") from error
    except msgspec.DecodeError as error:
        try:
            return writable_value(json.loads(text, parse_constant=_refuse))
        except (ValueError, RecursionError):
            raise error from None


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")
