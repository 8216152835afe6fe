"""What on the command line helps against which error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_REMEDIES = {
    "BlockedAddressError": "--allow-private lets links lead into your own networks, too",
    "BodyTooLargeError": "--max-body allows larger ones",
    "ContentTypeError": "--types says which types are read; --types '*/*' reads all",
    "FetchTimeoutError": "--timeout gives each request more time",
    "NotCachedError": "--cache-mode forever records what --cache-mode replay shows",
    "RobotsDeniedError": "--ignore-robots does not ask; for sites of your own",
    "TLSError": "--ca-file FILE trusts an authority, or a server, of your own",
}


def remedy_for(error: str) -> str:
    """Return the option that helps against an error of that type, and what it does; empty where there is none."""
    return _REMEDIES.get(error, "")


def remedies_for(errors: Iterable[str]) -> Iterator[str]:
    """Yield a line for each type of error that there is a remedy for."""
    for error in errors:
        if remedy := remedy_for(error):
            yield f"{error}: {remedy}"
