"""Questions to other nodes that are not answered yet. Pure, but for the futures: the clock is given."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from target_app.nodes.messages import Answer, Refused
from target_app.refusal import ErrorCode, RefusedError

# An answer waits for the other node's database, too.
PATIENCE_S = 5.0

_NS_PER_S = 1_000_000_000

APART = "another server of this chat cannot be reached; nobody knows whether it was done"


@dataclass(frozen=True, slots=True)
class _Open:
    to: str
    until_ns: int
    take: Callable[[Answer], None]


class Asks:
    """Numbers questions, and brings each its answer: the other node's, or a refusal where none comes."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._open: dict[int, _Open] = {}
        self._last_number = 0

    def __len__(self) -> int:
        return len(self._open)

    def number_for(self, to: str, take: Callable[[Answer], None]) -> int:
        """Return the number of a question to a node; ``take`` is called with its answer, once, or with a refusal."""
        self._last_number += 1
        until_ns = self._now_ns() + round(PATIENCE_S * _NS_PER_S)
        self._open[self._last_number] = _Open(to, until_ns, take)
        return self._last_number

    def future_for(self, to: str) -> tuple[int, "asyncio.Future[Answer]"]:
        """Return the number of a question to a node, and what will be its answer; await it with :func:`answer_of`."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def take(answer: Answer) -> None:
            # Whoever waited may have been cancelled.
            if not future.done():
                future.set_result(answer)

        return self.number_for(to, take), future

    def answered(self, sender: str, answer: Answer) -> None:
        """Bring an answer to whom it concerns; one that comes too late concerns nobody."""
        asked = self._open.get(answer.number)
        if asked is not None and asked.to == sender:
            del self._open[answer.number]
            asked.take(answer)

    def give_up(self, to: str | None = None, code: str = ErrorCode.NODES_APART) -> None:
        """Refuse what a node was asked, or (None) all that any was asked: no answer will come."""
        self._refuse(code, [number for number, asked in self._open.items() if to is None or asked.to == to])

    def give_up_late(self) -> None:
        """Refuse what was asked too long ago."""
        now_ns = self._now_ns()
        late = [number for number, asked in self._open.items() if asked.until_ns <= now_ns]
        self._refuse(ErrorCode.NODES_APART, late)

    def _refuse(self, code: str, numbers: list[int]) -> None:
        for number in numbers:
            self._open.pop(number).take(Refused(number, code, APART))


async def answer_of(future: "asyncio.Future[Answer]") -> Answer:
    """Wait for an answer; raises RefusedError where it is a refusal."""
    answer = await future
    if isinstance(answer, Refused):
        raise refusal_of(answer)
    return answer


def refusal_of(answer: Refused) -> RefusedError:
    """Return a refusal as the client is told of it."""
    known = answer.code in ErrorCode.__members__.values()
    return RefusedError(ErrorCode(answer.code) if known else ErrorCode.NODES_APART, answer.detail)
