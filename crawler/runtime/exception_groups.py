"""Exception groups of task groups, for callers who expect one exception."""

from __future__ import annotations


def first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error in a group, however deep; the rest are what it set off."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
