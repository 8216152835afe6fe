"""A cache with a bound in bytes."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LruBytes(Generic[K, V]):
    """Keeps the values used last, as long as their sizes sum up to no more than `capacity` bytes."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._bytes = 0
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def __repr__(self) -> str:
        return f"<LruBytes {len(self)} entries, {self._bytes:,} of {self._capacity:,} bytes>"

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def bytes(self) -> int:
        """The sum of the sizes that were given for what is in the cache now."""
        return self._bytes

    def get(self, key: K) -> V | None:
        """Give the value, and call it the one used last; `None` where there is none."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: K, value: V, size: int) -> None:
        """Keep a value of `size` bytes if that fits at all, dropping those that were not used for longest."""
        self.drop(key)
        if size > self._capacity:
            return
        self._entries[key] = value, size
        self._bytes += size
        while self._bytes > self._capacity:
            _, (_, oldest) = self._entries.popitem(last=False)
            self._bytes -= oldest

    def drop(self, key: K) -> None:
        """Forget a value, if it is there."""
        _, size = self._entries.pop(key, (None, 0))
        self._bytes -= size
