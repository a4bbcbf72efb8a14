"""What is known of memory: how much is left, and whether somebody died for want of it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from loadgen.engine.memory import OUT_OF_MEMORY, Coroner, Room, is_want_of_memory, room

KILLED = "killed by SIGKILL"


class Files:
    """A machine's /proc and /sys/fs/cgroup."""

    def __init__(self, folder: Path) -> None:
        self.proc = folder / "proc"
        self.groups = folder / "cgroup"
        self.write("proc/meminfo", "MemTotal:       8000 kB\nMemFree:  100 kB\nMemAvailable:   4000 kB\n")
        self.write("proc/vmstat", "oom_kill 3\n")
        self.write("proc/self/cgroup", "0::/\n")

    def write(self, path: str, text: str) -> None:
        file = self.proc.parent / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="ascii")

    def room(self) -> Room | None:
        return room(self.proc, self.groups)

    def coroner(self) -> Coroner:
        return Coroner(self.proc, self.groups)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def limit_v2(files: Files, folder: str, most: str, used: int, kills: int = 0) -> None:
    files.write(f"cgroup{folder}/memory.max", f"{most}\n")
    files.write(f"cgroup{folder}/memory.current", f"{used}\n")
    files.write(f"cgroup{folder}/memory.events", f"low 0\nmax 7\noom {kills}\noom_kill {kills}\n")


def limit_v1(files: Files, folder: str, most: int, used: int, kills: int = 0) -> None:
    files.write(f"cgroup/memory{folder}/memory.limit_in_bytes", f"{most}\n")
    files.write(f"cgroup/memory{folder}/memory.usage_in_bytes", f"{used}\n")
    files.write(f"cgroup/memory{folder}/memory.oom_control", f"oom_kill_disable 0\nunder_oom 0\noom_kill {kills}\n")


def test_without_groups_the_machine_is_the_limit(files: Files) -> None:
    """What is available, not only what is free."""
    assert files.room() == Room(4_096_000, 8_192_000, "of this machine")


def test_where_nobody_tells_nothing_is_known(tmp_path: Path) -> None:
    """Another system than Linux has neither."""
    assert room(tmp_path / "proc", tmp_path / "cgroup") is None


def test_of_groups_within_groups_the_tightest_counts(files: Files) -> None:
    """A limit further up holds for all below it; "max" is none."""
    files.write("proc/self/cgroup", "0::/work/ours\n")
    limit_v2(files, "", "max", 9_000_000)
    limit_v2(files, "/work", "3000000", 2_000_000)
    limit_v2(files, "/work/ours", "2900000", 500_000)

    assert files.room() == Room(1_000_000, 3_000_000, "of its control group")


def test_files_that_nobody_uses_make_room(files: Files) -> None:
    """The kernel drops them first."""
    limit_v2(files, "", "3000000", 2_000_000)
    files.write("cgroup/memory.stat", "anon 1\ninactive_file 1500000\n")

    found = files.room()
    assert found is not None
    assert found.left_bytes == 2_500_000


def test_groups_of_the_first_version_are_known_too(files: Files) -> None:
    """Their "no limit" is a number; other controllers' groups are no concern of ours."""
    files.write("proc/self/cgroup", "9:name=systemd:/x\n4:memory:/box/ours\n3:cpu:/y\n0::/\n")
    limit_v1(files, "", 9223372036854771712, 5)
    limit_v1(files, "/box", 1_000_000, 400_000)

    assert files.room() == Room(600_000, 1_000_000, "of its control group")


def test_a_container_sees_the_end_of_its_path_only(files: Files) -> None:
    """Its root is the group, whatever the path says."""
    files.write("proc/self/cgroup", "4:memory:/docker/0123\n")
    limit_v1(files, "", 1_000_000, 400_000)

    assert files.room() == Room(600_000, 1_000_000, "of its control group")


def test_who_ended_otherwise_is_no_case_for_memory(files: Files) -> None:
    """A traceback tells by itself."""
    assert files.coroner().told(1, "exit code 1", 5_000_000) == "exit code 1"
    assert files.coroner().told(-signal.SIGSEGV, "killed by SIGSEGV", None) == "killed by SIGSEGV"


def test_who_was_killed_is_told_with_the_last_known_memory(files: Files) -> None:
    """Whether it was for want of memory is not known; the figures may tell."""
    assert files.coroner().told(-signal.SIGKILL, KILLED, None) == KILLED
    assert files.coroner().told(-signal.SIGKILL, KILLED, 812_000_000) == f"{KILLED}, last seen with 812 MB of memory"


@pytest.mark.parametrize("version", [1, 2])
def test_the_kernel_keeps_count_of_whom_it_kills(version: int, files: Files) -> None:
    """One more than before: that was it, and the limit is named."""
    files.write("proc/self/cgroup", "0::/\n" if version == 2 else "4:memory:/\n")

    def killed(count: int) -> None:
        if version == 2:
            limit_v2(files, "", "512000000", 0, count)
        else:
            limit_v1(files, "", 512_000_000, 0, count)

    killed(1)
    coroner = files.coroner()
    limit = "of the 512 MB of its control group"
    assert coroner.told(-signal.SIGKILL, KILLED, 500_000_000) == f"{KILLED}, last seen with 500 MB of memory, {limit}"

    killed(2)
    assert coroner.told(-signal.SIGKILL, KILLED, None) == f"{KILLED}, by the kernel, since memory had run out, {limit}"


def test_without_groups_the_machine_keeps_count(files: Files) -> None:
    """Of all its processes."""
    coroner = files.coroner()
    files.write("proc/vmstat", "nr_free_pages 7\noom_kill 4\n")

    assert coroner.told(-signal.SIGKILL, KILLED, None) == f"{KILLED}, by the kernel, since memory had run out"


def test_who_was_refused_memory_says_so_by_its_exit_code(files: Files) -> None:
    """The code itself is no use to a reader."""
    told = files.coroner().told(OUT_OF_MEMORY, "exit code 71", 1_200_000_000)
    assert told == "was refused memory, last seen with 1.2 GB of memory"


def test_want_of_memory_is_known_among_other_errors() -> None:
    """A group of tasks wraps what went wrong in them."""
    assert is_want_of_memory(MemoryError())
    assert is_want_of_memory(ExceptionGroup("tasks", [ValueError(), ExceptionGroup("more", [MemoryError()])]))
    assert not is_want_of_memory(ExceptionGroup("tasks", [ValueError()]))
    assert not is_want_of_memory(OSError())
