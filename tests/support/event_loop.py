"""Tests that run on an event loop: the one our workers use, and nothing that goes wrong on it passes unseen."""

import asyncio
import functools
import gc
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

import uvloop

from tests.support.patience import PATIENCE_S

P = ParamSpec("P")


def on_an_event_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an async test to its end, within PATIENCE_S.

    What reaches the loop's exception handler fails the test, as it ends a worker; so does a future whose exception
    nobody looked at. A test that expects such a thing takes it from :func:`what_went_wrong`.
    """

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        faults: list[BaseException] = []

        async def watched() -> None:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, context: faults.append(_error_in(context)))
            async with asyncio.timeout(PATIENCE_S):
                await test(*args, **kwargs)

        # The collector looks at what the test has made, and not at all that pytest holds: 38 s of one test became 5.
        gc.freeze()
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(watched())
                gc.collect()
        finally:
            gc.unfreeze()
        if faults:
            raise faults[0]

    return run


def what_went_wrong() -> asyncio.Queue[BaseException]:
    """What reaches the exception handler of the running loop from here on; it no longer fails the test."""
    faults: asyncio.Queue[BaseException] = asyncio.Queue()
    handler = lambda _, context: faults.put_nowait(_error_in(context))  # noqa: E731 - one line, used once
    asyncio.get_running_loop().set_exception_handler(handler)
    return faults


def _error_in(context: dict[str, Any]) -> BaseException:
    error = context.get("exception")
    return error if isinstance(error, BaseException) else RuntimeError(context["message"])
