"""``--auth``: user names on the command line, and passwords from elsewhere, so that no process list shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from crawler.cli.origins import begins_with_scheme, normalised_origin, only_origin
from crawler.cli.value_file import Line, lines_of, named_file
from crawler.errors import ConfigurationError, InvalidURLError
from crawler.policy.access import Access, Basic, userinfo_of
from crawler.url import origin_of, resolve, without_userinfo

_Value = TypeVar("_Value")
PASSWORD = "CRAWLER_PASSWORD"  # noqa: S105  # the name of the variable
"""The environment variable with the password for ``--auth``."""


def with_credentials(
    access: Access,
    given: Iterable[str],
    origins: Sequence[str],
    environment: Mapping[str, str],
    ask: Callable[[str], str],
) -> Access:
    """Return ``access`` with the credentials that were ``given``; they replace those for the same origin.

    Args:
        access: The options of the user's file.
        given: Values such as ``https://example.org=me``, ``me`` or ``@FILE``, a file of URLs with name and password.
        origins: The origins of the seeds. A value without an origin is for theirs, if they have only one.
        environment: The environment variables, where `PASSWORD` may be set.
        ask: Asks the user for a password; returns an empty text if nobody answers.

    Raises:
        ConfigurationError: A value is wrong, or its password is missing. The message shows no password.
    """
    users: dict[str, str] = {}
    found: dict[str, Basic] = {}
    for text in given:
        file = named_file(text)
        if file is None:
            origin, user = _target(text, origins)
            _add(users, origin, user, "--auth")
        else:
            for line in lines_of(file, is_secret=True):
                _add(found, *_in_url(line), line.place)
    for origin, user in users.items():
        _add(found, origin, Basic(user, _password(origin, user, len(users), environment, ask)), "--auth")
    return replace(access, credentials={**access.credentials, **found}) if found else access


def _add(found: dict[str, _Value], origin: str, value: _Value, place: str) -> None:
    if found.setdefault(origin, value) is not value:
        raise ConfigurationError(f"{place}: there are credentials for {origin} already; keep one of them")


def _target(text: str, origins: Sequence[str]) -> tuple[str, str]:
    """Return the origin and the user in ``[ORIGIN=]USER``.

    Raises:
        ConfigurationError: The user is missing, or a password is there, or the origin could be one of several.
    """
    if begins_with_scheme(text):
        where, equals, user = text.partition("=")
        origin = normalised_origin(where, "--auth")
        if not equals or not user:
            raise ConfigurationError(f"--auth: who logs in there? --auth {origin}=USER")
    else:
        user = text
    if not user:
        raise ConfigurationError("--auth: who logs in? --auth https://example.org=USER")
    if ":" in user:
        remedy = f"it is asked for, or read from {PASSWORD}, or from a file: --auth @FILE"
        raise ConfigurationError(f"--auth: leave out the password, which a list of processes would show; {remedy}")
    if not begins_with_scheme(text):
        origin = only_origin(origins, f"--auth {user}", f"--auth {{}}={user}")
    return origin, user


def _in_url(line: Line) -> tuple[str, Basic]:
    """Return the origin and the credentials in a line of a file such as git's ``.git-credentials``.

    Raises:
        ConfigurationError: The line is no URL with name and password. The message does not show it.
    """
    try:
        url = resolve("", line.text)
        secret = userinfo_of(url)
    except InvalidURLError:
        url, secret = "", None
    if secret is None or without_userinfo(url) != f"{origin_of(url)}/":
        expected = "https://user:password@example.org, with %40 for an @ in them, %3A for a colon, and so on"
        raise ConfigurationError(f"{line.place}: expected {expected}")
    return origin_of(url), secret


def _password(origin: str, user: str, logins: int, environment: Mapping[str, str], ask: Callable[[str], str]) -> str:
    password = environment.get(PASSWORD, "")
    if password and logins > 1:
        raise ConfigurationError(f"{PASSWORD} is one password, and --auth is there {logins} times; use --auth @FILE")
    password = password or ask(f"password of {user} at {origin}: ")
    if not password:
        url = f"{origin.partition('/')[0]}//USER:PASSWORD@{origin.rpartition('/')[2]}"
        remedy = f"set {PASSWORD}, or write {url} into a file: --auth @FILE"
        raise ConfigurationError(f"no password for {user} at {origin}; {remedy}")
    return password
