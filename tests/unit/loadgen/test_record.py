"""What is known of processes and machine, and what follows from it for the measured window."""

from __future__ import annotations

import pytest

from loadgen.measure.record import MachineReading, MachineRecord, ProcessRecord, Reading, Record, excuse_the_unknown
from loadgen.measure.tally import Count, Tally
from loadgen.plan.pacing import NS_PER_S
from tests.support.plans import a_plan

MS = 1_000_000


def a_process(pid: int, used_ms: int = 1_000) -> ProcessRecord:
    """A process that used so much CPU time in a window of two seconds, as others do before it."""
    window = [
        Reading(5 * NS_PER_S, 700 * MS, 10**7, 30),
        Reading(7 * NS_PER_S, (700 + used_ms) * MS, 10**7, 40),
    ]
    return ProcessRecord(pid, window=window)


def a_record(busy_ms: int, *, interrupt_ms: int = 0, own_target: bool = True) -> Record:
    """A coordinator, two workers and a target, a second of CPU time each; four cores, busy for so long."""
    window = [
        MachineReading(5 * NS_PER_S, 10**12, 10**9, 4, 8_192, 12),
        MachineReading(7 * NS_PER_S, 10**12 + busy_ms * MS, 10**9 + interrupt_ms * MS, 4, 4_096, 11),
    ]
    return Record(
        a_plan(),
        Tally(0),
        a_process(1),
        workers=[a_process(2), a_process(3)],
        target=a_process(4) if own_target else None,
        machine=MachineRecord(window=window),
    )


def test_the_machine_is_as_busy_as_its_cores_together() -> None:
    """Six seconds of eight: three of four cores."""
    assert a_record(6_000).machine.window_cpu_ratio == 0.75


def test_others_used_what_our_processes_did_not() -> None:
    """Six of eight seconds were busy, four of them by coordinator, workers and target."""
    assert a_record(6_000).others_cpu_ratio == 0.25


def test_a_server_that_is_not_ours_is_one_of_the_others() -> None:
    """We do not watch it, so we cannot tell it from them."""
    assert a_record(6_000, own_target=False).others_cpu_ratio == pytest.approx(3 / 8)


def test_interrupts_that_nobody_is_charged_with_are_not_put_down_to_others() -> None:
    """Most of them are the network's, for our own sockets."""
    assert a_record(6_000, interrupt_ms=1_000).others_cpu_ratio == pytest.approx(1 / 8)


def test_others_never_used_less_than_nothing() -> None:
    """Our processes are timed more finely than the machine, so they can seem to have used more than all of it."""
    assert a_record(3_980).others_cpu_ratio == 0.0


def test_what_others_used_is_not_known_without_both_ends_of_the_window() -> None:
    """Of the machine, and of each process of ours."""
    no_end, no_worker = a_record(6_000), a_record(6_000)
    del no_end.machine.window[1]
    del no_worker.workers[1].window[1]

    assert no_end.others_cpu_ratio is None
    assert no_end.machine.window_cpu_ratio is None
    assert no_worker.others_cpu_ratio is None


def test_peaks_are_of_the_whole_run_and_the_window() -> None:
    """What was read at an end of the window counts as well."""
    process = a_process(1)
    process.readings.append(Reading(NS_PER_S, 0, 3 * 10**7, 20))

    assert process.peak_rss_bytes == 3 * 10**7
    assert process.peak_descriptor_count == 40
    assert a_record(0).machine.peak_socket_memory_bytes == 8_192


def test_a_peak_of_what_the_system_does_not_tell_is_none() -> None:
    """Not 0."""
    process = ProcessRecord(1, [Reading(NS_PER_S, 0, 10**7, None)])
    machine = MachineRecord([MachineReading(NS_PER_S, 0, 0, 2, None, None)])

    assert process.peak_descriptor_count is None
    assert machine.peak_socket_memory_bytes is None
    assert machine.core_count == 2
    assert MachineRecord().core_count is None


def test_a_run_that_goes_on_knows_what_a_process_uses_so_far() -> None:
    """Of the window since it opened, before that of the last second."""
    process = ProcessRecord(1)
    assert process.recent_cpu_ratio is None

    process.readings += [Reading(second * NS_PER_S, second * 300 * MS, 1, 1) for second in (1, 2)]
    assert process.recent_cpu_ratio == 0.3

    process.window.append(Reading(2 * NS_PER_S, 600 * MS, 1, 1))
    process.readings.append(Reading(4 * NS_PER_S, 1_800 * MS, 1, 1))
    assert process.recent_cpu_ratio == 0.6


def test_the_books_of_slices_close_where_a_worker_died() -> None:
    """What it took with it is excused in each slice, as in the whole."""
    tally = Tally(0)
    for counts in (tally.counts, tally.of_slice("room: large").counts):
        counts.update({Count.DELIVERIES_EXPECTED: 10, Count.DELIVERIES_RECEIVED: 6, Count.DELIVERIES_LOST: 1})

    excuse_the_unknown(tally, 0)

    assert tally.of_slice("room: large").counts[Count.DELIVERIES_EXCUSED] == 3
    assert tally.counts[Count.DELIVERIES_EXCUSED] == 3


def test_the_newest_reading_tells_what_a_process_has_used() -> None:
    """Whether it was made for the window or for its second; a process that was never read has used nothing."""
    process = a_process(1, used_ms=1_000)
    assert process.last_cpu_ns == 1_700 * MS

    process.readings.append(Reading(8 * NS_PER_S, 1_900 * MS, 10**7, 40))
    assert process.last_cpu_ns == 1_900 * MS
    assert ProcessRecord(2).last_cpu_ns == 0
