"""One run of one side: a server on one core, the client on the other, both watched, nothing left behind."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from time import monotonic
from typing import Any

from benchmarks.common import BenchmarkError, Cores
from benchmarks.peers.programs import START_S, Client, Target, client_on, end, target_on
from benchmarks.peers.side import FULL_CORE_RATIO, SENT_SHARE, Ending, Seen, Side, Told, Window, has_all
from benchmarks.peers.watch import Usage, Watch, others_ratio, watching
from benchmarks.receive.sides import WARMUP_S, Load

# For the summary at the end.
END_S = 40
# A client that grows beyond this is stopped: the machine is not its alone.
RSS_LIMIT_BYTES = 8 * 10**9
LOOK_S = 0.1


def perform(side: Side, load: Load, cores: Cores) -> Seen:
    """Carry out one run; raises BenchmarkError where it gave no figures."""
    with (
        target_on(cores.server, load.sockets) as (target, url),
        client_on(cores.client, side, url, load) as client,
        watching(client.process.pid, os.getpid()) as (watch, everything_of_ours),
    ):
        return _Run(side, load, target, client, watch).carry_out(everything_of_ours)


class _Run:
    def __init__(self, side: Side, load: Load, target: Target, client: Client, watch: Watch) -> None:
        self.side, self.load, self.target, self.client, self.watch = side, load, target, client, watch
        self.began_s = monotonic()
        self.joined_in_s: float | None = None
        self.connecting_s: float | None = None
        self.window: Window | None = None

    def carry_out(self, everything_of_ours: Watch) -> Seen:
        self._until_joined()
        if not self.side.sends:
            self._publish()
        told = self._end()
        return self._seen(told, others_ratio(everything_of_ours))

    def _until_joined(self) -> None:
        event = self._await("joined", START_S + self.load.limit_s)
        self.joined_in_s = monotonic() - self.began_s
        if event["first_ns"] is not None:
            self.connecting_s = (event["last_ns"] - event["first_ns"]) / 1e9

    def _publish(self) -> None:
        self.target.publish(self.load)
        begins = self._await("window_begins", WARMUP_S + END_S)
        first = self._usage()
        ends = self._await("window_ends", self.load.seconds + END_S)
        last = self._usage()
        self.window = Window(
            cpu_s=last.cpu_s - first.cpu_s,
            seconds=last.at_s - first.at_s,
            deliveries=ends["deliveries"],
            backlog_growth_bytes=ends["queued_bytes"] - begins["queued_bytes"],
            backlog_bytes=ends["queued_bytes"],
            frame_bytes=ends["frame_bytes"],
        )
        if self.side.ending is Ending.SERVER_HANGS_UP:
            self.target.order(close=True)

    def _end(self) -> Told:
        side, process = self.side, self.client.process
        if side.ending is Ending.IS_STOPPED:
            end(process)
            return Told() if side.told is None else side.told(self.client.printed, self.client.folder)
        limit_s = self.load.limit_s if side.sends else END_S
        deadline_s = monotonic() + limit_s
        while process.poll() is None:
            if monotonic() > deadline_s:
                raise BenchmarkError(f"did not end within {limit_s:.0f} s")
            self._check_memory()
            with suppress(subprocess.TimeoutExpired):
                process.wait(LOOK_S)
        if side.told is None:
            return Told()
        try:
            return side.told(self.client.printed, self.client.folder)
        except (BenchmarkError, KeyError, ValueError, OSError) as error:
            raise BenchmarkError(f"ended with {process.returncode}, {self.client.last_words} ({error})") from error

    def _seen(self, told: Told, others: float | None) -> Seen:
        load, window = self.load, self.window
        offered_per_s = float(load.rate_per_s * load.sockets)
        cpu_us, carried_per_s, expected = told.cpu_us_per_delivery, told.in_window_per_s, told.expected
        cpu_ratio = None if cpu_us is None or carried_per_s is None else cpu_us * carried_per_s / 1e6
        if window is not None:
            cpu_us, carried_per_s = window.cpu_us_per_delivery, window.carried / window.seconds
            cpu_ratio, expected = window.cpu_s / window.seconds, window.deliveries
            kept_up = window.kept_up
        else:
            kept_up = (
                carried_per_s is not None
                and carried_per_s >= SENT_SHARE * offered_per_s
                and (cpu_ratio is None or cpu_ratio < FULL_CORE_RATIO)
            )
        return Seen(
            cpu_us_per_delivery=cpu_us,
            cpu_ratio=cpu_ratio,
            offered_per_s=offered_per_s,
            carried_per_s=carried_per_s,
            expected=expected,
            received=told.received,
            kept_up=kept_up and told.is_valid and has_all(told, expected),
            is_valid=told.is_valid,
            p50_ms=told.p50_ms,
            p99_ms=told.p99_ms,
            rss_bytes=max((usage.rss_bytes for usage in self.watch.readings), default=None),
            worker_rss_bytes=told.worker_rss_bytes,
            ready_s=self.joined_in_s,
            connecting_s=self.connecting_s,
            others_ratio=others,
            note=told.note,
        )

    def _await(self, event_name: str, limit_s: float) -> dict[str, Any]:
        """The next such event; raises BenchmarkError when the client ends before, or it takes too long."""
        deadline_s = monotonic() + limit_s
        while monotonic() < deadline_s:
            event = self.target.next_event(LOOK_S)
            if event is not None and event["event"] == event_name:
                return event
            if event is None and self.client.process.poll() is not None:
                code = self.client.process.returncode
                raise BenchmarkError(f'ended with {code} before "{event_name}": {self.client.last_words}')
            self._check_memory()
        raise BenchmarkError(f'no "{event_name}" within {limit_s:.0f} s: {self.client.last_words}')

    def _usage(self) -> Usage:
        usage = self.watch.read()
        if usage is None:
            raise BenchmarkError(f"ended too soon: {self.client.last_words}")
        return usage

    def _check_memory(self) -> None:
        if self.watch.readings and self.watch.readings[-1].rss_bytes > RSS_LIMIT_BYTES:
            raise BenchmarkError(f"took more than {RSS_LIMIT_BYTES / 1e9:.0f} GB of memory")
