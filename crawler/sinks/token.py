"""The tokens of checkpoints: small structures in JSON, each tagged with its kind of sink."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

import msgspec

from crawler.errors import ConfigurationError

Token = TypeVar("Token", bound=msgspec.Struct)

REMEDY = "start with a new --state folder, or put the file back"
"""The remedy if output and state do not match."""


def decode_token(token: bytes, kind: type[Token], output: str) -> Token:
    """Decode a token.

    Args:
        token: A result of `checkpoint`.
        kind: The structure that it should be; its tag is the kind of sink.
        output: The name of the output in the error.

    Raises:
        ConfigurationError: The token is of another kind of sink.
    """
    try:
        return msgspec.json.decode(token, type=kind)
    except msgspec.MsgspecError as error:  # not JSON, other fields, another tag
        text = f"{output}: the state of this crawl is of another kind of output ({error})"
        raise ConfigurationError(f"{text}; give the output that it had, or start with a new --state folder") from error


def known_as(sink: object, file: str | os.PathLike[str] | int) -> str:
    """Return the name of a ``sink`` in a state: its kind and its file, without the folder, as both may be moved."""
    return f"{type(sink).__name__} {Path(str(file)).name}"
