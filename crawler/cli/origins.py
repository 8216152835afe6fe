"""Origins on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from crawler.errors import ConfigurationError, InvalidURLError
from crawler.models import Request
from crawler.url import origin_of, resolve


def begins_with_scheme(text: str) -> bool:
    """Tell whether ``text`` begins as an origin does."""
    return text.lower().startswith(("http://", "https://"))


def urls_of(seeds: Iterable[str | Request]) -> list[str]:
    """Return the URLs of ``seeds``, as they were written."""
    return [seed if isinstance(seed, str) else seed.url for seed in seeds]


def origins_of(seeds: Iterable[str | Request]) -> tuple[str, ...]:
    """Return the origins of ``seeds``, each once. The seeds have been checked to be URLs."""
    return tuple(dict.fromkeys(origin_of(resolve("", url)) for url in urls_of(seeds)))


def normalised_origin(text: str, place: str) -> str:
    """Return ``text`` as a normalised origin.

    Raises:
        ConfigurationError: It is no origin. The message names the ``place`` and shows no password.
    """
    try:
        url = resolve("", text)
    except InvalidURLError:
        url = ""
    if not url or url != f"{origin_of(url)}/" or "#" in text:
        shown = text.rpartition("@")[2]
        expected = "a scheme, a host and, where it has one, a port, as in https://example.org:8443"
        raise ConfigurationError(f"{place}: {shown!r} is no origin; write {expected}")
    return origin_of(url)


def only_origin(origins: Sequence[str], what: str, remedy: str) -> str:
    """Return the one origin of all seeds.

    Raises:
        ConfigurationError: They have several. The message says that ``what`` is for one of them, and has the
            ``remedy``, where ``{}`` becomes an origin.
    """
    if len(origins) == 1:
        return origins[0]
    text = f"{what} is for one origin, and the seeds have {len(origins)}; say which"
    raise ConfigurationError(f"{text}: {remedy.format(origins[0] if origins else 'https://example.org')}")
