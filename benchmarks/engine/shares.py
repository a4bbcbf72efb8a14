"""Cores smaller than there are: each process of load gets a share of one and no more, in a control group of its own."""

from __future__ import annotations

import contextlib
import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from benchmarks.common import BenchmarkError
from tests.support.benches import WORKER, eventually

# Linux gives no share below 1 ms at once; the longer the period, the longer a process that has had its share must wait.
PERIOD_US = 4_000
# Where groups of version 1 and of version 2 are, in this order.
ROOTS = (Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup"))
# A process of load takes seconds to start up, log in and connect, before it is measured.
LOOK_S = 0.05


class NoGroupsError(Exception):
    """No control group can be made here: there is no data, and nothing has failed."""


@contextmanager
def shares_for_workers(count: int, share: float, core: int, roots: tuple[Path, ...] = ROOTS) -> Iterator[None]:
    """Put each of so many workers, started in this block by our children, on the core, with that share of it.

    They are found as they start. Raises NoGroupsError, and BenchmarkError at the end where fewer came.
    """
    placed: set[int] = set()
    is_over = threading.Event()

    def place() -> None:
        while len(placed) < count and not is_over.wait(LOOK_S):
            for worker in _workers():
                if worker.pid not in placed and len(placed) < count:
                    with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                        _put(worker, groups[len(placed)], core)
                        placed.add(worker.pid)

    with ExitStack() as stack:
        groups = [stack.enter_context(_group(share, roots)) for _ in range(count)]
        looking = threading.Thread(target=place)
        looking.start()
        try:
            yield
        finally:
            is_over.set()
            looking.join()
    if len(placed) < count:
        raise BenchmarkError(f"{len(placed)} of {count} processes of load were found")


def _workers() -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if WORKER in process.cmdline():
                found.append(process)
    return sorted(found, key=lambda process: process.pid)


def _put(worker: psutil.Process, group: Path, core: int) -> None:
    (group / "cgroup.procs").write_text(str(worker.pid), encoding="ascii")
    for thread in worker.threads():
        os.sched_setaffinity(thread.id, {core})


@contextmanager
def _group(share: float, roots: tuple[Path, ...]) -> Iterator[Path]:
    group = _new_group(round(share * PERIOD_US), roots)
    try:
        yield group
    finally:
        eventually(lambda: _is_removed(group), "the end of a control group")


def _new_group(quota_us: int, roots: tuple[Path, ...]) -> Path:
    for root in roots:
        group = root / f"chatbench-benchmark-{uuid.uuid4().hex}"
        with contextlib.suppress(OSError):
            group.mkdir()
            try:
                _limit(group, quota_us)
            except OSError:
                group.rmdir()
            else:
                return group
    raise NoGroupsError("no control group can be made here")


def _limit(group: Path, quota_us: int) -> None:
    if (group / "cpu.cfs_quota_us").exists():  # version 1
        (group / "cpu.cfs_period_us").write_text(str(PERIOD_US), encoding="ascii")
        (group / "cpu.cfs_quota_us").write_text(str(quota_us), encoding="ascii")
        return
    with (group / "cpu.max").open("r+", encoding="ascii") as file:
        file.write(f"{quota_us} {PERIOD_US}")


def _is_removed(group: Path) -> bool:
    """Not yet while the last of its processes is being buried."""
    with contextlib.suppress(OSError):
        group.rmdir()
        return True
    return False
