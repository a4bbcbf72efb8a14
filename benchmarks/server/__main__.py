"""``python -m benchmarks.server``: what the reference server costs, each figure beside what it is held to.

Server and generator have a core each; ratios are of runs that were made one after the other.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.common import (
    REPOSITORY,
    BenchmarkError,
    Cores,
    available_cores,
    chatbench_document,
    pinned_to,
    positive,
    put_into,
    this_machine,
)
from benchmarks.engine.cases import Figure, lines_of
from benchmarks.server.databases import postgres_url, sqlite_url
from benchmarks.server.login_storm import login_storm
from benchmarks.server.nodes import measured
from benchmarks.server.nodes_table import figures_of, table_of
from benchmarks.server.stalled import count_of, stalled_members
from benchmarks.server.watched import watched

MEMBERS, PAYLOAD_BYTES, RATE_PER_S = 500, 200, 40
ACCOUNTS = ("--accounts", "12000")
PAIRS = 3
# So large that a socket that is not read is full within the warm-up, and its outbox three seconds later.
LARGE_PAYLOAD_BYTES, STALL_RATE_PER_S = 25_000, 15
LIMIT_S = 120.0
LOGINS_PER_S = 50

PLACE = "<!-- table: benchmarks/server nodes -->"

PLAIN_LOOP_DIALECT = '[connect]\npath = "/ws?name={username}"\n[publish]\nsend = "{text}"\n'


def main() -> int:
    """Measure and print; 1 when something could not be measured."""
    cases: dict[str, Callable[[Cores], list[Figure]]] = {
        "fanout": fanout, "history": history, "stores": stores, "stalled": stalled, "idle": idle, "logins": logins,
        "nodes": nodes,
    }  # fmt: skip
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server", description=__doc__)
    parser.add_argument("case", nargs="*", help="|".join(cases) + "; all, if none is named")
    parser.add_argument("--rounds", type=positive, default=PAIRS, help=f"of nodes ({PAIRS})")
    parser.add_argument("--duration", default="8s", help="the measured part of each run of nodes (8s)")
    parser.add_argument("--members", type=positive, default=100, help="of each room of nodes (100)")
    parser.add_argument("--write", action="store_true", help="put the table of nodes into docs/server.md")
    asked = parser.parse_args()
    wanted = asked.case or list(cases)
    if unknown := set(wanted) - set(cases):
        parser.error(f"unknown case {', '.join(sorted(unknown))}; there are {', '.join(cases)}")
    cores = available_cores()
    if cores.client is None:
        print("benchmarks.server: server and generator need a core each, and taskset to stay there", file=sys.stderr)
        return 1
    failed = False
    for name in wanted:
        print(f"{name}: {(cases[name].__doc__ or '').splitlines()[0]}", flush=True)
        case = (
            partial(nodes, rounds=asked.rounds, duration=asked.duration, members=asked.members, write=asked.write)
            if name == "nodes"
            else cases[name]
        )
        try:
            print(*lines_of(case(cores)), sep="\n", flush=True)
        except BenchmarkError as error:
            print(f"  FAILED: {error}", flush=True)
            failed = True
    return int(failed)


def fanout(cores: Cores) -> list[Figure]:
    """500 members, 200 bytes, 40 messages a second, beside a plain loop of `await send_text` on the same uvicorn."""
    ours, plain = [], []
    with tempfile.TemporaryDirectory() as folder:
        dialect = Path(folder) / "plain_loop.toml"
        dialect.write_text(PLAIN_LOOP_DIALECT, encoding="utf-8")
        for _ in range(PAIRS):
            with watched("target_app", cores.server, *ACCOUNTS) as server:
                ours.append(server.cpu_us_per_delivery(_run(server.url, cores, "--dialect", "plain"))[0])
            with watched("benchmarks.server.plain_loop", cores.server) as server:
                plain.append(server.cpu_us_per_delivery(_run(server.url, cores, "--dialect", str(dialect)))[0])
    ratios = [a / b for a, b in zip(ours, plain, strict=True)]
    return [
        Figure("CPU of a send, us, ours", f"{median(ours):.2f}", "", held=None),
        Figure("CPU of a send, us, the plain loop", f"{median(plain):.2f}", "", held=None),
        _at_most(f"ratio, median of {PAIRS} pairs", median(ratios), 1.0),
    ]


def stalled(cores: Cores) -> list[Figure]:
    """A fifth of a room of 500 stops reading: the others, the memory, and the descriptors."""
    readers, stalled_count = MEMBERS * 4 // 5, MEMBERS // 5
    load: dict[str, Any] = {
        "users": readers,
        "payload": LARGE_PAYLOAD_BYTES,
        "rate": STALL_RATE_PER_S,
        "duration": "20s",
    }
    pairs, memory, open_counts = [], [], []
    for _ in range(PAIRS):
        with watched("target_app", cores.server, *ACCOUNTS) as server:
            alone = _run(server.url, cores, **load)
        with watched("target_app", cores.server, *ACCOUNTS) as server:
            with stalled_members(server.url, stalled_count, room="room-1"):
                crowded = _run(server.url, cores, **load)
                open_counts.append(count_of(server.url, "connections"))
            memory.append(server.most_rss_bytes())
        pairs.append(tuple(document["metrics"]["delivery_time"]["p99"] for document in (alone, crowded)))
    alone_ms, crowded_ms = (median(pair[i] for pair in pairs) for i in range(2))
    return [
        Figure("delivery p99 without and with them, ms", f"{alone_ms:.2f} / {crowded_ms:.2f}", "", held=None),
        _at_most(f"ratio of the two, median of {PAIRS} pairs", median(b / a for a, b in pairs), 1.5),
        Figure("memory at its largest, MB", f"{max(memory) / 1e6:.0f}", "bounded", held=None),
        _at_most("connections still open", max(open_counts), 0),
    ]


def history(cores: Cores) -> list[Figure]:
    """Every message is stored, as durable as an ack promises, beside a server that stores none."""
    kept: list[tuple[float, float, float]] = []
    not_kept: list[tuple[float, float, float]] = []
    for _ in range(PAIRS):
        for module, figures in (("target_app", kept), ("benchmarks.server.without_store", not_kept)):
            with tempfile.TemporaryDirectory(dir=".") as folder:  # a disk, where /tmp may be memory
                database = ("--db", f"sqlite:///{Path(folder).resolve()}/chat.db")
                with watched(module, cores.server, *ACCOUNTS, *database) as server:
                    document = _run(server.url, cores)
                    p99_ms = document["metrics"]["delivery_time"]["p99"]
                    figures.append((*server.cpu_us_per_delivery(document), p99_ms))
    pairs = list(zip(kept, not_kept, strict=True))
    in_all, on_the_loop, p99 = (median(a[i] / b[i] for a, b in pairs) for i in range(3))
    return [
        Figure("CPU of a send, us, stored", f"{median(all_us for all_us, _, _ in kept):.2f}", "", held=None),
        Figure("CPU of a send, us, not stored", f"{median(all_us for all_us, _, _ in not_kept):.2f}", "", held=None),
        _at_most(f"ratio on the event loop, median of {PAIRS} pairs", on_the_loop, 1.1),
        Figure("ratio in all threads", f"{in_all:.2f}", "", held=None),
        Figure("ratio of the deliveries' p99", f"{p99:.2f}", "", held=None),
    ]


def stores(cores: Cores) -> list[Figure]:
    """Every message is stored before its ack, in SQLite and in PostgreSQL: the event loop, and how long acks take."""
    # PostgreSQL is part of the server, and has its core; so many acks that their p99 can be told.
    databases: dict[str, Callable[[Path], AbstractContextManager[str]]] = {
        "SQLite": sqlite_url,
        "PostgreSQL": lambda folder: postgres_url(folder, pinned_to(cores.server)),
    }
    load: dict[str, Any] = {"users": MEMBERS // 5, "rate": RATE_PER_S * 5, "duration": "10s"}
    loop_us: dict[str, list[float]] = {name: [] for name in databases}
    acks: dict[str, list[tuple[float, float]]] = {name: [] for name in databases}
    for _ in range(PAIRS):
        for name, where in databases.items():
            with (
                tempfile.TemporaryDirectory(dir=".") as folder,
                where(Path(folder).resolve()) as url,
                watched("target_app", cores.server, *ACCOUNTS, "--db", url) as server,
            ):
                document = _run(server.url, cores, **load)
                loop_us[name].append(server.cpu_us_per_delivery(document)[1])
                ack = document["metrics"]["ack_time"]
                acks[name].append((ack["p50"], ack["p99"]))
    figures = []
    for name in databases:
        p50_ms, p99_ms = (median(each[i] for each in acks[name]) for i in range(2))
        figures.append(Figure(f"CPU of a send on the event loop, us, {name}", f"{median(loop_us[name]):.2f}", "", None))
        figures.append(Figure(f"ack p50 and p99, ms, {name}", f"{p50_ms:.2f} / {p99_ms:.2f}", "", None))
    ratio = median(b / a for a, b in zip(loop_us["SQLite"], loop_us["PostgreSQL"], strict=True))
    return [*figures, _at_most(f"ratio of the two on the event loop, median of {PAIRS} pairs", ratio, 1.1)]


def nodes(
    cores: Cores, rounds: int = PAIRS, duration: str = "8s", members: int = 100, *, write: bool = False
) -> list[Figure]:
    """A message on its way: in one process, with Redis, in two nodes; all of the server on one core."""
    found = measured(cores, rounds, duration, members)
    if write:
        put_into(REPOSITORY / "docs/server.md", PLACE, table_of(found, this_machine()))
    return figures_of(found)


def idle(cores: Cores) -> list[Figure]:
    """10,000 idle connections in one worker."""
    with watched("target_app", cores.server, *ACCOUNTS) as server:
        empty = server.rss_bytes
        document = _run(server.url, cores, "--rooms", "100", users=10_000, rate=10, duration="3s")
        most = server.most_rss_bytes()
    opened = document["counters"]["connections_opened"]
    return [
        Figure("connections opened", f"{opened:,}", "10,000", held=opened == 10_000),
        _at_most("memory, MB", most / 1e6, 400),
        Figure("a connection, KB", f"{(most - empty) / 1e3 / opened:.1f}", "", held=None),
    ]


def logins(cores: Cores) -> list[Figure]:
    """50 logins a second that are hashed with argon2, while a room talks."""
    with watched("target_app", cores.server, *ACCOUNTS) as server:
        calm = _run(server.url, cores)
        with login_storm(server.url, LOGINS_PER_S, pinned_to(cores.client)) as storm:
            busy = _run(server.url, cores)
    calm_ms, busy_ms = (document["metrics"]["delivery_time"]["p99"] for document in (calm, busy))
    return [
        Figure("logins a second", f"{storm.per_s():.1f}", f"{LOGINS_PER_S}", held=None),
        Figure("delivery p99 without and with them, ms", f"{calm_ms:.2f} / {busy_ms:.2f}", "", held=None),
        _at_most("ratio of the two", busy_ms / calm_ms, 2.0),
    ]


def _run(
    url: str,
    cores: Cores,
    *flags: str,
    users: int = MEMBERS,
    rate: float = RATE_PER_S,
    payload: int = PAYLOAD_BYTES,
    duration: str = "8s",
) -> dict[str, Any]:
    load: Sequence[str] = (
        "fanout", "--users", str(users), "--rate", str(rate), "--payload", str(payload),
        "--connect-rate", "1000", "--warmup", "1s", "--duration", duration, "--drain", "1s",
    )  # fmt: skip
    return chatbench_document(url, [*load, *flags], pinned_to(cores.client), LIMIT_S)


def _at_most(what: str, value: float | None, most: float) -> Figure:
    text = "not measured" if value is None else f"{value:,.2f}"
    return Figure(what, text, f"<= {most:g}", held=None if value is None else value <= most)


if __name__ == "__main__":
    sys.exit(main())
