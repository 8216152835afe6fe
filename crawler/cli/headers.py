"""``--header``: header fields for all hosts, or for one origin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from crawler.cli.origins import begins_with_scheme, normalised_origin, only_origin
from crawler.cli.value_file import Line, lines_of, named_file
from crawler.errors import ConfigurationError
from crawler.policy.fetch import Fetch

SECRET = frozenset({"authorization", "cookie"})
"""Names of the fields that authenticate a user: they are sent to one origin only, even if the user names none."""
_SET_ELSEWHERE = {
    "user-agent": "it is said with --user-agent",
    "proxy-authorization": "it is the proxy's: --proxy http://user:password@host:port, in a file: --proxy @FILE",
}


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    value: str
    origin: str


def with_headers(fetch: Fetch, given: Iterable[str], origins: Sequence[str]) -> Fetch:
    """Return ``fetch`` with the header fields that were ``given``; they replace those of the same name.

    Args:
        fetch: The options of the user's file.
        given: Values such as ``Name: value``, ``https://example.org Name: value`` or ``@FILE``, a file of such lines.
        origins: The origins of the seeds. A secret field without an origin is for theirs, if they have only one.

    Raises:
        ConfigurationError: A value is no header field, or must name its origin. The message shows no value.
    """
    found: dict[tuple[str, str], _Field] = {}
    for line in _lines(given):
        field = _field(line, origins)
        if found.setdefault((field.origin, field.name.lower()), field) is not field:
            raise ConfigurationError(f"{line.place}: {field.name} is there twice; keep one of them")
    for field in found.values():
        fetch = _with_field(fetch, field)
    return fetch


def secrets_in(given: Iterable[str]) -> list[str]:
    """Return the names of the secret fields whose values are on the command line, for all to see."""
    names = (_split(text)[1].partition(":")[0].strip() for text in given if named_file(text) is None)
    return [name for name in names if name.lower() in SECRET]


def _lines(given: Iterable[str]) -> Iterator[Line]:
    for text in given:
        file = named_file(text)
        if file is None:
            yield Line(text, "--header")
        else:
            yield from lines_of(file)


def _field(line: Line, origins: Sequence[str]) -> _Field:
    """Return the header field in ``line``.

    Raises:
        ConfigurationError: There is none. The message shows no value.
    """
    origin, text = _split(line.text)
    name, colon, value = text.partition(":")
    name = name.strip()
    if not colon or not name:
        expected = "'Name: value', or 'https://example.org Name: value'"
        raise ConfigurationError(f"{line.place}: a header field has a name, a colon and a value: {expected}")
    if name.lower() in _SET_ELSEWHERE:
        raise ConfigurationError(f"{line.place}: {name} cannot be set: {_SET_ELSEWHERE[name.lower()]}")
    if origin:
        origin = normalised_origin(origin, line.place)
    elif name.lower() in SECRET:
        origin = only_origin(origins, f"{line.place}: {name}", f"'{{}} {name}: …'")
    return _Field(name, value.strip(), origin)


def _split(text: str) -> tuple[str, str]:
    """Return the origin in front of a field, empty if there is none, and the field."""
    if not begins_with_scheme(text):
        return "", text
    origin, _, field = text.partition(" ")
    return origin, field.strip()


def _with_field(fetch: Fetch, field: _Field) -> Fetch:
    if not field.origin:
        return replace(fetch, headers=_replaced(fetch.headers, field))
    access = fetch.access
    fields = _replaced(access.headers.get(field.origin, {}), field)
    return replace(fetch, access=replace(access, headers={**access.headers, field.origin: fields}))


def _replaced(headers: Mapping[str, str], field: _Field) -> dict[str, str]:
    others = {name: value for name, value in headers.items() if name.lower() != field.name.lower()}
    return {**others, field.name: field.value}
