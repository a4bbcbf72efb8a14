"""A task nobody waits for must not fail unnoticed."""

from __future__ import annotations

import asyncio


def crash_loudly(task: asyncio.Task[None]) -> None:
    """Told of a finished task: one that ended with a bug of ours ends the process (engine/worker.py)."""
    if not task.cancelled() and (error := task.exception()) is not None:
        asyncio.get_running_loop().call_exception_handler({"message": "a task failed", "exception": error})
