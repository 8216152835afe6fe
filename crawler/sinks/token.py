"""The tokens of checkpoints: small structures as JSON, each with the name of its kind of sink."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

import msgspec

from crawler.errors import ConfigurationError

Token = TypeVar("Token", bound=msgspec.Struct)

REMEDY = "start with a new --state folder, or put the file back"
"""What helps where output and state do not fit together."""


def decode_token(token: bytes, kind: type[Token], output: str) -> Token:
    """Return what a token says.

    Args:
        token: What `checkpoint` returned once.
        kind: The structure that it should be; its tag is the kind of sink.
        output: What to call the output in the error.

    Raises:
        ConfigurationError: The token is of another kind of sink.
    """
    try:
        return msgspec.json.decode(token, type=kind)
    except msgspec.MsgspecError as error:  # not JSON, other fields, another tag
        text = f"{output}: the state of this crawl is of another kind of output ({error})"
        raise ConfigurationError(f"{text}; give the output that it had, or start with a new --state folder") from error


def known_as(sink: object, file: str | os.PathLike[str] | int) -> str:
    """Return by what a state knows a ``sink``: its kind and its file, without the folder, so that both may be moved."""
    return f"{type(sink).__name__} {Path(str(file)).name}"
