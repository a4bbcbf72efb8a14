"""The steps of a calibration on the terminal: which one goes on, how long the rest should take, what came of each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from loadgen.engine.clock import now_ns
from loadgen.plan.pacing import NS_PER_S
from reports import numbers
from reports.terminal import Doing, Waiting
from reports.truth import TruthError
from scenarios.calibration_runs import TroubleError

_SHOWN_EVERY_S = 0.5
_TERMINAL_WIDTH = 80


class Steps:
    """One after the other, ``count`` of them in about ``about_s``."""

    def __init__(self, waiting: Waiting, count: int, about_s: float) -> None:
        self.waiting = waiting
        self._count = count
        self._about_s = about_s
        self._step = 0
        self._began_ns = now_ns()
        waiting.say(f"chatbench calibrate: {count} steps, about {numbers.seconds(about_s)}")

    async def take(self, name: str, step: Callable[[], Awaitable[str]]) -> Exception | None:
        """Take one, and say what came of it; the reason where there was nothing to compare."""
        self._step += 1
        showing = asyncio.create_task(self._show(name))
        trouble: Exception | None = None
        try:
            outcome = await step()
        except (TroubleError, TruthError) as error:
            outcome, trouble = f"nothing to compare: {error}", error
        finally:
            showing.cancel()
        self._say_outcome(f"[{self._step:>2}/{self._count}]", name, outcome)
        return trouble

    def _say_outcome(self, number: str, name: str, outcome: str) -> None:
        """In a line; on a terminal that is too narrow for it, in two."""
        line = f"{number} {name:<46} {outcome}"
        fits = not self.waiting.is_terminal or len(line) <= _TERMINAL_WIDTH
        self.waiting.say(*([line] if fits else [f"{number} {name}", f"{'':<{len(number)}} {outcome}"]))

    async def _show(self, name: str) -> None:
        """Show for as long as nobody cancels it which step goes on, and how long the rest should take."""
        while True:
            spent_s, about_s = (now_ns() - self._began_ns) / NS_PER_S, self._about_s
            left = f"about {max(0.0, about_s - spent_s):.0f} s left" if spent_s < about_s else "longer than it should"
            doing = Doing(f"{self._step} of {self._count}: {name}", min(1.0, spent_s / about_s), left)
            self.waiting.show(doing)
            await asyncio.sleep(_SHOWN_EVERY_S)
