"""The command-line options that help against errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from crawler.models import Failure

_REMEDIES = {
    "BlockedAddressError": "--allow-private lets links lead into your own networks, too",
    "BodyTooLargeError": "--max-body allows larger ones",
    "ContentTypeError": "--types says which types are read; --types '*/*' reads all",
    "FetchTimeoutError": "--timeout gives each request more time",
    "NotCachedError": "--cache-mode forever records what --cache-mode replay shows",
    "RobotsDeniedError": "--ignore-robots does not ask; for sites of your own",
    "TLSError": "--ca-file FILE trusts an authority, or a server, of your own",
}
_BY_MESSAGE = {
    "keep Cookies()": "--cookies memory keeps cookies, which some sites set with a redirect to the same page",
    "Retry(budget=": "--retry-budget none has no bound; for sites that can take it",
}


def remedy_for(error: str, message: str) -> str:
    """Return the option that helps against an error, and what it does; empty if there is none.

    Args:
        error: The type of the error.
        message: Its message. No option allows some of the blocked addresses.
    """
    for text, remedy in _BY_MESSAGE.items():
        if text in message:
            return remedy
    is_always_blocked = error == "BlockedAddressError" and "allow_private" not in message
    return "" if is_always_blocked else _REMEDIES.get(error, "")


def remedies_for(failures: Iterable[Failure]) -> Iterator[str]:
    """Yield a line for each type of error that has a remedy."""
    seen: set[str] = set()
    for failure in failures:
        if failure.error not in seen and (remedy := remedy_for(failure.error, failure.message)):
            seen.add(failure.error)
            yield f"{failure.error}: {remedy}"
