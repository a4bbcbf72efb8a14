"""How much memory there is for us, and whether a process of ours ended for want of it."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from loadgen.plan.needs import in_words

_PROC = Path("/proc")
_GROUPS = Path("/sys/fs/cgroup")

OUT_OF_MEMORY = os.EX_OSERR
"""The exit code of a worker that was refused memory; nothing else of Python's ends with it."""

# A control group (v1) that nobody has limited says so by a number near 2**63.
_NO_LIMIT = 2**60


@dataclass(frozen=True, slots=True)
class Room:
    """How much memory may still be taken, and who says so."""

    left_bytes: int
    limit_bytes: int
    whose: str
    """As in "of this machine"."""


def room(proc: Path = _PROC, groups: Path = _GROUPS) -> Room | None:
    """The least there is: of the machine, of a control group that we are in; None where nobody tells."""
    found = [*_of_the_machine(proc), *_of_groups(proc, groups)]
    return min(found, key=lambda each: each.left_bytes, default=None)


def is_want_of_memory(error: BaseException) -> bool:
    """Whether this is what Python raises where memory is refused, alone or among others."""
    if isinstance(error, BaseExceptionGroup):
        return any(map(is_want_of_memory, error.exceptions))
    return isinstance(error, MemoryError)


class Coroner:
    """Tells of a process that was started after this was made whether it ended for want of memory."""

    def __init__(self, proc: Path = _PROC, groups: Path = _GROUPS) -> None:
        self._proc = proc
        self._groups = groups
        self._kill_count = _kill_count(proc, groups)

    def told(self, code: int, how: str, rss_bytes: int | None) -> str:
        """``how`` it ended, with what is known of its memory where that may be why.

        ``code`` is the exit code that Python gives it, ``rss_bytes`` what it was last seen with.
        """
        if code not in (OUT_OF_MEMORY, -signal.SIGKILL):
            return how
        parts = ["was refused memory"] if code == OUT_OF_MEMORY else [how]
        if code != OUT_OF_MEMORY and self._kernel_has_killed():
            parts.append("by the kernel, since memory had run out")
        if rss_bytes is not None:
            parts.append(f"last seen with {in_words(rss_bytes)} of memory")
        limit = min(_of_groups(self._proc, self._groups), key=lambda each: each.limit_bytes, default=None)
        if limit is not None:
            parts.append(f"of the {in_words(limit.limit_bytes)} {limit.whose}")
        address_space = resource.getrlimit(resource.RLIMIT_AS)[0]
        if address_space != resource.RLIM_INFINITY:
            parts.append(f"with {in_words(address_space)} of addresses for each process (ulimit -v)")
        return ", ".join(parts)

    def _kernel_has_killed(self) -> bool:
        now = _kill_count(self._proc, self._groups)
        return now is not None and self._kill_count is not None and now > self._kill_count


def _of_the_machine(proc: Path) -> Iterator[Room]:
    figures = _figures(proc / "meminfo")
    if "MemAvailable:" in figures and "MemTotal:" in figures:
        yield Room(figures["MemAvailable:"] * 1024, figures["MemTotal:"] * 1024, "of this machine")


def _of_groups(proc: Path, groups: Path) -> Iterator[Room]:
    """Of each control group that we are in and that has a limit."""
    for folder in _folders(proc, groups):
        limit, used = (
            next((value for name in names if (value := _number(folder / name)) is not None), None)
            for names in (("memory.max", "memory.limit_in_bytes"), ("memory.current", "memory.usage_in_bytes"))
        )
        if limit is not None and limit < _NO_LIMIT:
            stat = _figures(folder / "memory.stat")
            # Pages of files that nobody has used for a while are the first to go.
            idle = stat.get("total_inactive_file", stat.get("inactive_file", 0))
            left = limit - max(0, (used or 0) - idle)
            yield Room(max(0, left), limit, "of its control group")


def _kill_count(proc: Path, groups: Path) -> int | None:
    """How many processes the kernel has killed for want of memory, in our control group or else on this machine."""
    for folder in _folders(proc, groups):
        for name in ("memory.events", "memory.oom_control"):
            figures = _figures(folder / name)
            if "oom_kill" in figures:
                return figures["oom_kill"]
    return _figures(proc / "vmstat").get("oom_kill")


def _folders(proc: Path, groups: Path) -> Iterator[Path]:
    """The control groups that rule our memory, from our own up to the root (v2, and v1's "memory")."""
    try:
        lines = (proc / "self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controllers == "":
            roots = [groups, groups / "unified"]
        elif "memory" in controllers.split(","):
            roots = [groups / "memory"]
        else:
            continue
        for root in filter(Path.is_dir, roots):
            # What a container sees of them may begin in the middle.
            folder = root / path.strip("/")
            while folder != root and root in folder.parents:
                if folder.is_dir():
                    yield folder
                folder = folder.parent
            yield root


def _number(path: Path) -> int | None:
    """The number that is all of a file; None where there is none, as in "max"."""
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_text(encoding="ascii"))
    return None


def _figures(path: Path) -> dict[str, int]:
    """The lines of a file that are a name and a number."""
    figures = {}
    with contextlib.suppress(OSError):
        for line in path.read_text(encoding="ascii", errors="replace").splitlines():
            words = line.split()
            if len(words) > 1 and words[1].isdecimal():
                figures[words[0]] = int(words[1])
    return figures
