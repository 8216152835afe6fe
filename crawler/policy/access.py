"""Credentials, header fields and cookies, each for one origin."""

from __future__ import annotations

import os
import re
import unicodedata
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias, TypeVar
from urllib.parse import unquote

from crawler.errors import ConfigurationError, InvalidURLError
from crawler.http.fields import Fields, check_field
from crawler.url import origin_of, resolve

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_TOKEN = re.compile(r"[!-~]+")
_USERINFO = re.compile(r".*@", re.DOTALL)
_Given = TypeVar("_Given")


@dataclass(frozen=True, slots=True)
class Basic:
    """A name and a password, sent with each request (RFC 7617, in UTF-8).

    Attributes:
        user: The name, without a colon.
        password: The password; it is never shown.
    """

    user: str
    password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if not _is_clean(self.user) or ":" in self.user:
            raise ConfigurationError("the user of Basic: expected a text without a colon and control characters")
        if not _is_clean(self.password):
            raise ConfigurationError("the password of Basic: expected a text without control characters")

    @property
    def authorization(self) -> str:
        """The value of the ``Authorization`` field."""
        text = unicodedata.normalize("NFC", f"{self.user}:{self.password}")  # RFC 7617 §2.1, RFC 8265 §4.2
        return f"Basic {b64encode(text.encode()).decode()}"


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token, sent with each request (RFC 6750).

    Attributes:
        token: The token; it is never shown.
    """

    token: str = field(repr=False)

    def __post_init__(self) -> None:
        if not _is_token(self.token):
            expected = "visible ASCII characters, without the space or line break that a file may end with"
            raise ConfigurationError(f"the token of Bearer: expected {expected}")

    @property
    def authorization(self) -> str:
        """The value of the ``Authorization`` field."""
        return f"Bearer {self.token}"


Credentials: TypeAlias = Basic | Bearer


@dataclass(frozen=True, slots=True)
class Cookies:
    """Cookies are stored, and sent back.

    Attributes:
        file: The JSON file from which they are read before a crawl, and to which they are written after it; ``None``
            leaves them in memory. Everybody who can read it can log in as you, so only you may (mode 0600).
    """

    file: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        if self.file is not None and not isinstance(self.file, str | os.PathLike):
            raise ConfigurationError.of("file of cookies", self.file, "a path")
        if self.file is not None and not os.fspath(self.file):
            raise ConfigurationError.of("file of cookies", self.file, "a path, or None to keep them in memory")


@dataclass(frozen=True, slots=True)
class Access:
    """Credentials and header fields for origins. They are sent to that origin only, even if it redirects to another.

    An origin is a scheme, a host and a port, such as ``https://example.org`` or ``http://localhost:8000``.

    Attributes:
        credentials: A `Basic` or a `Bearer` for each origin.
        headers: Header fields by name, for each origin.
        cookies: Whether to store cookies, and where; ``None`` takes and sends none.
    """

    credentials: Mapping[str, Credentials] = field(default_factory=dict)
    headers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    cookies: Cookies | None = None
    _fields: dict[str, Fields] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.cookies is not None and not isinstance(self.cookies, Cookies):
            raise ConfigurationError(f"cookies: expected Cookies() or None, not a {type(self.cookies).__name__}")
        credentials, headers = _by_origin("credentials", self.credentials), _by_origin("headers", self.headers)
        object.__setattr__(self, "credentials", credentials)
        object.__setattr__(self, "headers", headers)
        fields = {origin: _fields_of(origin, some) for origin, some in headers.items()}
        for origin, secret in credentials.items():
            fields[origin] = _with_credentials(origin, secret, fields.get(origin, ()))
        object.__setattr__(self, "_fields", fields)

    def __repr__(self) -> str:
        shown = {origin: sorted(fields) for origin, fields in self.headers.items()}
        return f"Access(credentials={self.credentials!r}, headers={shown!r}, cookies={self.cookies!r})"

    def fields_for(self, url: str) -> Fields:
        """Return the header fields for a request to ``url`` (normalised), without cookies."""
        return self._fields.get(origin_of(url), ()) if self._fields else ()

    def with_userinfo_of(self, urls: Iterable[str]) -> Access:
        """Return this with the credentials in the (normalised) ``urls`` of seeds added, each for its origin.

        Raises:
            ConfigurationError: An origin already has other credentials.
        """
        found: dict[str, Credentials] = dict(self.credentials)
        for url in urls:
            secret = userinfo_of(url)
            if secret is not None and found.setdefault(origin_of(url), secret) != secret:
                raise ConfigurationError(f"two different credentials for {origin_of(url)}: keep one of them")
        return self if len(found) == len(self.credentials) else replace(self, credentials=found)


# ── names and passwords in URLs ──


def userinfo_of(url: str) -> Basic | None:
    """Return the credentials in a normalised ``url``, percent-decoded; ``None`` if it has none.

    Raises:
        ConfigurationError: They cannot be sent.
    """
    userinfo, at, _ = _authority_of(url).rpartition("@")
    if not at:
        return None
    user, _, password = userinfo.partition(":")
    return Basic(unquote(user), unquote(password))


def _authority_of(url: str) -> str:
    return url.split("/", 3)[2]


# ── checks, whose messages never show a value, as it may be a secret ──


def _is_clean(value: object) -> bool:
    return isinstance(value, str) and not _CONTROL.search(value)


def _is_token(value: object) -> bool:
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def _by_origin(name: str, given: Mapping[str, _Given]) -> dict[str, _Given]:
    """Return a mapping by origin, with its origins normalised.

    Raises:
        ConfigurationError: It is no mapping; or one of its keys is no origin, or occurs twice.
    """
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"{name}: expected a mapping by origin, such as {{'https://example.org': …}}")
    found: dict[str, _Given] = {}
    for text, value in given.items():
        origin = _origin(name, text)
        if origin in found:
            raise ConfigurationError(f"{name} has {origin} twice")
        found[origin] = value
    return found


def _origin(name: str, text: object) -> str:
    try:
        url = resolve("", text) if isinstance(text, str) else ""
    except InvalidURLError:
        url = ""
    shown = _USERINFO.sub("…@", str(text))
    if not url or url != f"{origin_of(url)}/" or "#" in shown:
        raise ConfigurationError.of(name, shown, "origins such as 'https://example.org:8443', and no more of a URL")
    return origin_of(url)


def _fields_of(origin: str, given: Mapping[str, str]) -> Fields:
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"headers for {origin}: expected a mapping of names to values")
    for name, value in given.items():
        check_field(name, value)
        if name.lower() == "proxy-authorization":
            raise ConfigurationError(f"headers for {origin}: {name} is the proxy's; put it into the proxy's URL")
    if len({name.lower() for name in given}) < len(given):
        raise ConfigurationError(f"headers for {origin}: one of {sorted(given)} is there twice")
    return tuple(given.items())


def _with_credentials(origin: str, secret: object, fields: Fields) -> Fields:
    if not isinstance(secret, Basic | Bearer):
        expected = f"Basic(user, password) or Bearer(token), not a {type(secret).__name__}"
        raise ConfigurationError(f"credentials for {origin}: expected {expected}")
    if any(name.lower() == "authorization" for name, _ in fields):
        raise ConfigurationError(f"{origin} has credentials and an Authorization header: keep one of them")
    return (("Authorization", secret.authorization), *fields)
