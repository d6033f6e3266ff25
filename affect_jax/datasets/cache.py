"""Keeps decoded examples in the host's memory, so that a recording that is needed again is not read again."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any


def count_bytes(tree: Any) -> int:
    """Bytes of the arrays in nested dictionaries."""
    return sum(map(count_bytes, tree.values())) if isinstance(tree, dict) else tree.nbytes


class Cache:
    """An LRU cache of trees of arrays, limited by their bytes.

    Several threads may ask for the same key at once: one of them reads, the others wait for it. Callers must not write
    into the arrays that they get.

    Attributes:
      limit: most bytes of arrays to keep.
      held: bytes of the arrays that are kept now; never more than `limit`.
    """

    def __init__(self, limit: float):
        self.limit, self.held = limit, 0
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._pending: dict[Hashable, Future] = {}

    def __contains__(self, key: Hashable) -> bool:
        """Whether the key is kept now; does not count as using it."""
        with self._lock:
            return key in self._entries

    def get(self, key: Hashable, read: Callable[[], Any]) -> Any:
        """Returns the tree under `key`, or else the result of `read()`, kept unless it is larger than `limit`."""
        if not self.limit:
            return read()
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key][0]
            is_mine = key not in self._pending
            pending = self._pending.setdefault(key, Future())
        if not is_mine:
            return pending.result()
        # The lock is free while we read: threads that want other keys must not wait for the disk.
        try:
            tree = read()
        except BaseException as error:
            with self._lock:
                del self._pending[key]
            pending.set_exception(error)
            raise
        with self._lock:
            self._add(key, tree, count_bytes(tree))
            del self._pending[key]
        pending.set_result(tree)
        return tree

    def _add(self, key: Hashable, tree: Any, size: int) -> None:
        if size > self.limit:
            return
        while self.held + size > self.limit:
            _, (_, oldest_size) = self._entries.popitem(last=False)
            self.held -= oldest_size
        self._entries[key] = tree, size
        self.held += size
