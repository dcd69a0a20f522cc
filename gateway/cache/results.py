"""A bounded map that forgets what was not asked for the longest."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Results(Generic[K, V]):
    """Never more than `limit` entries; the least recently used one makes room."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: OrderedDict[K, V] = OrderedDict()

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self._kept)

    def get(self, key: K) -> V | None:
        """Return what was kept under `key`, None where there is nothing; it is the last to be forgotten from now on."""
        value = self._kept.get(key)
        if value is not None:
            self._kept.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        """Keep `value`, and forget the entry that was not asked for the longest where there is no room."""
        self._kept[key] = value
        self._kept.move_to_end(key)
        while len(self._kept) > self._limit:
            self._kept.popitem(last=False)

    def keep(self, wanted: Callable[[K], bool]) -> None:
        """Forget every entry whose key is not `wanted`."""
        for key in [key for key in self._kept if not wanted(key)]:
            del self._kept[key]
