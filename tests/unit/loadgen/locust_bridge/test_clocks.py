"""Whose clock it is, and how far another one is ahead."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from loadgen.locust_bridge.clocks import Echo, Offset, clock_of_this_host

WAY = st.integers(0, 10**9)


@given(st.lists(st.tuples(WAY, WAY), min_size=1, max_size=20), st.integers(-(10**15), 10**15))
def test_the_true_offset_lies_within_the_error(ways: list[tuple[int, int]], ahead_ns: int) -> None:
    """However unlike the way there and the way back are."""
    echoes = []
    for number, (there_ns, back_ns) in enumerate(ways):
        asked_ns = number * 10**10
        echoes.append(Echo(asked_ns, asked_ns + there_ns + ahead_ns, asked_ns + there_ns + back_ns))
    offset = Offset.from_echoes(echoes)

    assert abs(offset.ahead_ns - ahead_ns) <= offset.error_ns
    assert offset.error_ns <= (min(there + back for there, back in ways) + 1) // 2


def test_processes_of_one_boot_and_one_time_namespace_share_a_clock(tmp_path: Path) -> None:
    """A namespace can be a thousand seconds off, on the same kernel."""

    def proc(name: str, boot: str, namespace: str) -> Path:
        folder = tmp_path / name
        (folder / "sys/kernel/random").mkdir(parents=True)
        (folder / "sys/kernel/random/boot_id").write_text(boot + "\n")
        (folder / "self/ns").mkdir(parents=True)
        (folder / "self/ns/time").symlink_to(namespace)
        return folder

    here = clock_of_this_host(proc("here", "b00t", "time:[1]"))

    assert clock_of_this_host(proc("same", "b00t", "time:[1]")) == here
    assert clock_of_this_host(proc("apart", "b00t", "time:[2]")) != here
    assert clock_of_this_host(proc("elsewhere", "00ps", "time:[1]")) != here
