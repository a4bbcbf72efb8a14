"""What is to be done, and when."""

import heapq
from collections.abc import Callable
from itertools import count
from typing import Any

Deed = Callable[..., None]


class Agenda:
    """A heap of deeds and one wish: to be woken when the first of them is due.

    ``wake_at`` is told that instant whenever it changes; whoever wakes us calls `do`.
    """

    def __init__(self, wake_at: Callable[[int], None]) -> None:
        self._wake_at = wake_at
        # The count keeps deeds of the same instant in the order they came in.
        self._count = count()
        self._heap: list[tuple[int, int, Deed, tuple[Any, ...]]] = []

    def at(self, due_ns: int, deed: Deed, *args: object) -> None:
        """Have ``deed(*args)`` done at an instant of the monotonic clock, or soon after."""
        entry = (due_ns, next(self._count), deed, args)
        heapq.heappush(self._heap, entry)
        if self._heap[0] is entry:
            self._wake_at(due_ns)

    def do(self, now_ns: int) -> None:
        """Do what is due by now."""
        heap = self._heap
        try:
            while heap and heap[0][0] <= now_ns:
                _, _, deed, args = heapq.heappop(heap)
                deed(*args)
        finally:
            if heap:
                self._wake_at(heap[0][0])
