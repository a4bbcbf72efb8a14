"""The tables of docs/scale.md. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.scale.arithmetic import (
    Crowd,
    Limit,
    Machine,
    Need,
    bytes_per_socket,
    limits,
    messages_heard_per_s,
    need_of,
    network_bits_per_s,
)
from benchmarks.scale.measured import Measured

CROWDS = (100_000, 1_000_000, 10_000_000)
# A quiet chat, and a busy one: deliveries to each socket, a second.
LOADS = (0.1, 1.0, 10.0)
# An ordinary rented machine; 20,000 open files is the hard limit of the machine that was measured.
MACHINE = Machine(cores=8, open_files=20_000, memory_bytes=16 * 10**9)
# The same with its limits raised: open files, and addresses enough that ports do not count.
TUNED = Machine(cores=8, open_files=1_048_576, memory_bytes=16 * 10**9, pairs=64)
MACHINES = {"as it comes": MACHINE, "limits raised": TUNED}
HEARING_SHARE = 0.1
MILLION = 1_000_000


def core_table(measured: Measured) -> str:
    """What one core carries."""
    each = bytes_per_socket(measured)
    received = _with_cpu(measured.deliveries_per_s, measured.receive_cpu_ratio)
    sent = _with_cpu(measured.messages_per_s, measured.send_cpu_ratio)
    crowd = _with_cpu(measured.crowd_deliveries_per_s, measured.crowd_cpu_ratio)
    network = network_bits_per_s(measured, Crowd(MILLION, 1.0))
    return _table(
        ("one process on one core", "measured", "by"),
        [
            ("deliveries/s, to 500 sockets of one room", received, "engine receive"),
            ("messages/s, each sent and received once", sent, "engine send"),
            ("sockets, the most that a process was tried with", _number(measured.socket_count), "engine sockets"),
            ("deliveries/s to these, 4 to each", crowd, "engine sockets"),
            ("memory of a socket: in the process, in the kernel", _kb_of_both(measured, each), "engine sockets, scale"),
            ("logins/s over HTTP, answered at once", _number(measured.logins_per_s), "engine entrance"),
            ("connections/s", _number(measured.connects_per_s), "engine entrance"),
            ("bytes of a frame with 100 bytes of text", _number(measured.delivery_bytes), "engine receive"),
            ("CPU to hear of another process's message", _unit(measured.hearing_us, 1, "us"), "merge"),
            ("**a million sockets**: memory", _gb(None if each is None else each * MILLION), "arithmetic"),
            ("**a million sockets**, a delivery/s to each: network", _gbit(network), "arithmetic"),
        ],
    )


def limit_table(measured: Measured) -> str:
    """Which limit bites first, second, third."""
    rows = [
        (name, f"{load:g}", *(_limit(limit) for limit in limits(measured, machine, load)))
        for name, machine in MACHINES.items()
        for load in LOADS
    ]
    return _table(("machine", "deliveries/s to a socket", "bites first", "second", "third", "fourth", "fifth"), rows)


def crowd_table(measured: Measured) -> str:
    """What crowds take."""
    rows = [
        (name, *_need(need_of(measured, machine, Crowd(sockets, load))))
        for name, machine in MACHINES.items()
        for sockets in CROWDS
        for load in LOADS
    ]
    head = (
        *("machine", "sockets", "deliveries/s to a socket", "workers", "machines", "limited by"),
        *("memory", "network", "address pairs", "all in after"),
    )
    return _table(head, rows)


def leading_table(measured: Measured) -> str:
    """What 64 workers cost whoever leads them."""
    heard = messages_heard_per_s(measured, HEARING_SHARE)
    return _table(
        ("64 workers, each with 300 messages/s that all must know of", "measured"),
        [
            ("coordinator of `--processes`, CPU", _percent(measured.coordinator_cpu_ratio)),
            ("Locust's master, CPU without zmq", _percent(measured.master_cpu_ratio)),
            ("Locust's master, memory", _unit(_in(measured.master_rss_bytes, 1e6), 0, "MB")),
            ("its last books, CPU", _unit(measured.master_final_s, 2, "s")),
            (f"messages/s of all at which hearing of them takes each worker {HEARING_SHARE:.0%}", _number(heard)),
        ],
    )


def _need(need: Need) -> Sequence[str]:
    return (
        _number(need.crowd.sockets),
        f"{need.crowd.deliveries_per_socket_per_s:g}",
        _number(need.processes),
        _number(need.machines),
        need.first_limit or "no data",
        _gb(need.memory_bytes),
        _gbit(need.network_bits_per_s),
        _number(need.pairs),
        _unit(need.entrance_s, 0, "s"),
    )


def _limit(limit: Limit) -> str:
    return f"{limit.name}: {_number(limit.sockets)}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _number(value: float | None) -> str:
    return "no data" if value is None else f"{value:,.0f}"


def _unit(value: float | None, digits: int, unit: str) -> str:
    return "no data" if value is None else f"{value:,.{digits}f} {unit}"


def _percent(ratio: float | None) -> str:
    return "no data" if ratio is None else f"{ratio:.0%} of a core"


def _with_cpu(value: float | None, ratio: float | None) -> str:
    return "no data" if value is None or ratio is None else f"{value:,.0f} at {ratio:.0%} of the core"


def _kb_of_both(measured: Measured, each: float | None) -> str:
    if each is None or measured.kernel_bytes_per_socket is None:
        return "no data"
    kernel = measured.kernel_bytes_per_socket
    return f"{(each - kernel) / 1e3:.1f} KB and {kernel / 1e3:.1f} KB"


def _in(value: float | None, unit: float) -> float | None:
    return None if value is None else value / unit


def _gb(value: float | None) -> str:
    return _unit(_in(value, 1e9), 1, "GB")


def _gbit(bits: float | None) -> str:
    return _unit(_in(bits, 1e9), 2, "Gbit/s")
