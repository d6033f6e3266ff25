"""Decoded examples kept in the host's memory, so that a recording that is asked for again is not read again."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any


def count_bytes(tree: Any) -> int:
    """Bytes of the arrays in nested dictionaries."""
    return sum(map(count_bytes, tree.values())) if isinstance(tree, dict) else tree.nbytes


class Cache:
    """Trees of arrays by key, of so many bytes at most; what was not asked for longest goes first.

    Many threads may ask at once: what one is reading the others wait for. Who asks must not write into what it gets.

    Attributes:
      limit: bytes.
      held: bytes of the arrays that are kept; never more than `limit`.
    """

    def __init__(self, limit: float):
        self.limit, self.held = limit, 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._coming: dict[Hashable, Future] = {}

    def __contains__(self, key: Hashable) -> bool:
        """Whether it is kept now; does not count as asking for it."""
        with self._lock:
            return key in self._kept

    def get(self, key: Hashable, read: Callable[[], Any]) -> Any:
        """What is kept under `key`, or else `read()`, which is kept from now on unless it is larger than `limit`."""
        if not self.limit:
            return read()
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
            mine = key not in self._coming
            coming = self._coming.setdefault(key, Future())
        if not mine:
            return coming.result()
        try:
            found = read()
        except BaseException as error:
            with self._lock:
                del self._coming[key]
            coming.set_exception(error)
            raise
        with self._lock:
            self._keep(key, found, count_bytes(found))
            del self._coming[key]
        coming.set_result(found)
        return found

    def _keep(self, key: Hashable, found: Any, size: int) -> None:
        if size > self.limit:
            return
        while self.held + size > self.limit:
            _, (_, gone) = self._kept.popitem(last=False)
            self.held -= gone
        self._kept[key] = found, size
        self.held += size
