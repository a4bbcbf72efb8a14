"""What a message costs on its way: in one process, with Redis beside it, in two nodes that share a room or do not.

All of the server, its nodes and Redis, has one core: so its CPU is measured, and not how much two cores would carry.
"""

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic_ns

from redis import Redis
from redis.exceptions import RedisError

from benchmarks.common import BenchmarkError, Cores, chatbench_document, pinned_to
from benchmarks.server.nodes_table import SIDES, Measured, Side, per_s
from benchmarks.server.watched import PERIOD_S, window_of
from benchmarks.side_by_side.watching import Watch, watching
from target_app.nodes.redis_bus import BEAT_S
from tests.support.programs import listening
from tests.support.redis_server import RedisServer

ROOMS, PAYLOAD_BYTES = 2, 200
# However large the rooms are.
DELIVERIES_PER_S = 10_000
LIMIT_S = 120.0


def measured(cores: Cores, rounds: int, duration: str, members: int) -> dict[Side, list[Measured]]:
    """Every side in every round, with so many members in each room; raises BenchmarkError."""
    found: dict[Side, list[Measured]] = {side: [] for side in SIDES}
    for _ in range(rounds):
        for side, runs in found.items():
            try:
                runs.append(_run(side, cores, duration, members))
            except (RuntimeError, TimeoutError) as error:
                raise BenchmarkError(f"{side.name}: {error}") from error
    return found


def _run(side: Side, cores: Cores, duration: str, members: int) -> Measured:
    with ExitStack() as stack:
        # A disk, where /tmp may be memory.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="."))).resolve()
        redis = _redis(stack, folder, cores) if side.has_redis else None
        flags = ["--lift-limits", "--accounts", str(ROOMS * members), "--db", f"sqlite:///{folder}/chat.db"]
        if redis is not None:
            flags += ["--broker", redis.url]
        nodes = [stack.enter_context(_node(f"node-{number}", flags, cores)) for number in range(side.node_count)]
        publishes = [] if redis is None else stack.enter_context(_publishes(redis.url))
        redis_watch = None if redis is None else stack.enter_context(watching(redis.pid))
        turns = [flag for node in side.turns[1:] for flag in ("--target", nodes[node][0])]
        load = (
            "fanout", "--users", str(ROOMS * members), "--rooms", str(ROOMS), "--rate", str(DELIVERIES_PER_S / members),
            "--payload", str(PAYLOAD_BYTES), "--connect-rate", "1000",
            "--warmup", "1s", "--duration", duration, "--drain", "1s", *turns,
        )  # fmt: skip
        document = chatbench_document(nodes[side.turns[0]][0], load, pinned_to(cores.client), LIMIT_S)
        window_ns = window_of(document)
        deliveries_per_s, messages_per_s = (
            document["rates"][f"{name}_per_s"] for name in ("deliveries_received", "messages_sent")
        )
        cpu_us = sum(_cpu_us(watch, window_ns, deliveries_per_s) for _, watch in nodes)
        beats_per_s = side.node_count / BEAT_S
        delivery, ack = document["metrics"]["delivery_time"], document["metrics"]["ack_time"]
        return Measured(
            p50_ms=delivery["p50"],
            p99_ms=delivery["p99"],
            ack_p50_ms=ack["p50"],
            cpu_us_per_message=cpu_us * deliveries_per_s / messages_per_s,
            cpu_us_per_delivery=cpu_us,
            redis_cpu_us_per_message=None if redis_watch is None else _cpu_us(redis_watch, window_ns, messages_per_s),
            publishes_per_message=(per_s(publishes, window_ns) - beats_per_s) / messages_per_s if publishes else None,
        )


def _cpu_us(watch: Watch, window_ns: tuple[int, int], each_per_s: float) -> float:
    cpu_us = watch.cpu_us_per_delivery(window_ns, each_per_s)
    if cpu_us is None:
        raise BenchmarkError("the server could not be watched")
    return cpu_us


def _redis(stack: ExitStack, folder: Path, cores: Cores) -> RedisServer:
    redis = RedisServer(folder)
    try:
        redis.start()
    except FileNotFoundError as error:
        raise BenchmarkError("Redis is not installed: apt-get install redis-server") from error
    stack.callback(redis.kill)
    if cores.server is not None:
        os.sched_setaffinity(redis.pid, {cores.server})
    return redis


@contextmanager
def _node(name: str, flags: list[str], cores: Cores) -> Iterator[tuple[str, Watch]]:
    """Run a node; its address, and what it uses."""
    secret = "CHATBENCH_SECRET=the same for all nodes, of 32 bytes or more"
    program = ("env", secret, sys.executable, "-m", "target_app", "--port", "0", "--exit-with-stdin")
    command = [*pinned_to(cores.server), *program, "--instance", name, *flags]
    with listening(command) as said, watching(said.pid) as watch:
        yield said.url, watch


@contextmanager
def _publishes(url: str) -> Iterator[list[tuple[int, int]]]:
    """Count the PUBLISH commands that Redis has carried out, again and again: (monotonic ns, count so far)."""
    readings: list[tuple[int, int]] = []
    over = threading.Event()

    def look() -> None:
        with Redis.from_url(url) as redis:
            while not over.wait(PERIOD_S):
                try:
                    stats = redis.info("commandstats")
                except RedisError:
                    return
                readings.append((monotonic_ns(), stats.get("cmdstat_publish", {}).get("calls", 0)))

    looker = threading.Thread(target=look, daemon=True)
    looker.start()
    try:
        yield readings
    finally:
        over.set()
        looker.join()
