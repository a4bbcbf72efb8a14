"""The runs of a calibration: against a target that knows what it did, and against one that the generator cannot fill.

Every run is the command that users run. The server has a core of its own, where there are two.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

from loadgen.engine.clock import now_ns
from loadgen.engine.probe import MachineProbe
from loadgen.measure.record import others_cpu_ratio
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.plan import TransportKind
from reports import calibration_truth, numbers
from reports.budgets import Document
from reports.calibration_findings import (
    QUANTILES,
    Accuracy,
    Ceiling,
    Counted,
    Findings,
    Frozen,
    Jitter,
    Load,
    Setting,
    label_of,
)
from reports.terminal import Waiting
from scenarios.calibration_extent import COUNTS_DEADLINE_S, FREEZE_WINDOW_S, LOGNORMAL, Extent
from scenarios.calibration_floor import Crowd, way_ns
from scenarios.calibration_load import Runs
from scenarios.calibration_runs import Place, TroubleError, faulty_target
from scenarios.calibration_steps import Steps
from scenarios.calibration_store import fingerprint_of
from scenarios.environment import describe_environment, ephemeral_port_count
from scenarios.machine import SHARE_OF_THE_PORTS, this_machine

USERS = 100
# Small rooms: what a whole room is told at once is a matter of its own (`_burst`).
ROOMS, RATE_PER_S = 10, 400.0
BURST_RATE_PER_S = 20.0

# Counts need many messages of few senders, so that one which was held back is overtaken soon.
TALKERS, TALK_RATE_PER_S = 20, 100.0
MISDEEDS = "drop = 0.01\nduplicate = 0.01\nswap = 0.01"
# Target and generator do not learn at the same instant that somebody has gone or is back. So in a storm nothing is done
# to who has just come back, and the deadline is the same for all that was withheld from who goes, however long before.
STORM_MISDEEDS = f"{MISDEEDS}\nspare_newcomers_s = 1.0"
STORM = '[[incident]]\nat = "40%"\nkind = "reconnect_storm"\nshare = 0.5\n'
FREEZE = "[[freeze]]\nafter_s = 4.0\nfor_s = 1.0"

# Enough receivers that a delivery's cost counts, not a message's.
CEILING_USERS = USERS
CEILING_LATENESS_MS, CEILING_CPU_RATIO = 10.0, 0.95
MOST_TARGET_RATE_PER_S = 12_800.0
OVERLOAD_RATE_PER_S = 800.0
FIRST_CEILING_RATE_PER_S, LEAST_CEILING_RATE_PER_S, MOST_CEILING_RATE_PER_S = 500.0, 60.0, 32_000.0
CLOCK_READS = 200_000


@dataclass(slots=True)
class Story:
    """All runs, one after the other; what one of them cannot tell is noted, and the others go on."""

    place: Place
    extent: Extent
    quick: bool
    waiting: Waiting
    findings: Findings = field(init=False)
    _runs: Runs = field(init=False)
    _steps: Steps = field(init=False)

    def __post_init__(self) -> None:
        self._runs = Runs(self.place, self.extent.warmup_s)
        self.findings = Findings(
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            quick=self.quick,
            machine=fingerprint_of(describe_environment()),
            ceiling=Ceiling(None, None, None, None, None),
            jitter=Jitter(None, None, None, _clock_read_ns()),
            accuracy=(),
            counts=(),
            freeze=None,
            others_cpu_ratio=None,
        )

    async def told(self) -> Findings:
        """Carry out all of it."""
        extent = self.extent
        self._steps = Steps(self.waiting, extent.step_count, extent.about_s)
        probe, ours_before = MachineProbe(), _ours_ns()
        before = probe.read()
        await self._try("ceiling", self._find_ceiling)
        await self._try("jitter at half of it", self._find_jitter)
        await self._try("sockets", self._find_sockets)
        for (words, faults), processes, transport in extent.grid:
            setting = self._setting(words, processes, transport)
            await self._look_at_the_way(setting)
            await self._try(setting.name, partial(self._compare, setting, faults))
        if extent.ceiling_ratios:
            await self._try("what the faulty target carries", self._find_target_ceiling)
        for setting in self._rated_settings():
            await self._look_at_the_way(setting)
            await self._try(setting.name, partial(self._compare, setting, LOGNORMAL))
        if extent.ceiling_ratios:
            await self._try("twice the generator's ceiling", self._overload_ourselves)
            await self._try("twice what the target carries", self._overload_the_target)
        for receivers, transport in extent.bursts:
            name = f"{receivers} receivers at once, {transport}"
            setting = Setting(name, "no delay", 1, str(transport), receivers, BURST_RATE_PER_S, rooms=1)
            await self._try(name, partial(self._burst, setting))
        for processes, transport, stormy in extent.counts:
            name = f"counts, {_processes(processes)}, {transport}{', reconnects' if stormy else ''}"
            setting = Setting(name, "no delay", processes, str(transport), TALKERS, TALK_RATE_PER_S, rooms=1)
            await self._try(name, partial(self._count, setting, stormy=stormy))
        await self._try("a second of standstill", self._freeze)
        self._found(others_cpu_ratio=others_cpu_ratio(before, probe.read(), _ours_ns() - ours_before))
        return self.findings

    async def _try(self, name: str, step: Callable[[], Awaitable[str]]) -> None:
        if (trouble := await self._steps.take(name, step)) is not None:
            self._found(troubles=(*self.findings.troubles, f"{name}: {trouble}"))

    def _found(self, **changes: object) -> None:
        self.findings = replace(self.findings, **changes)  # type: ignore[arg-type]

    # --- what the generator can carry ---------------------------------------------------------------------------

    async def _find_ceiling(self) -> str:
        """Double the rate until the generator is full, or halve it until it is not, and then close in."""
        curve = [await self._load(FIRST_CEILING_RATE_PER_S)]
        begins_carried = curve[0].carried
        while curve[-1].carried is begins_carried:
            rate_per_s = curve[-1].rate_per_s * (2 if begins_carried else 0.5)
            if not LEAST_CEILING_RATE_PER_S <= rate_per_s <= MOST_CEILING_RATE_PER_S:
                break
            curve.append(await self._load(rate_per_s))
        for _ in range(self.extent.ceiling_steps):
            most = max((load.rate_per_s for load in curve if load.carried), default=None)
            least = min((load.rate_per_s for load in curve if not load.carried), default=None)
            if most is None or least is None:
                break
            curve.append(await self._load((most + least) / 2))
        best = max((load for load in curve if load.carried), key=lambda load: load.rate_per_s, default=None)
        self._found(
            ceiling=replace(
                self.findings.ceiling,
                deliveries_per_s_per_process=None if best is None else best.deliveries_per_s,
                messages_per_s_per_process=None if best is None else best.rate_per_s,
                curve=tuple(sorted(curve, key=lambda load: load.rate_per_s)),
            )
        )
        if best is None:
            least = min(load.rate_per_s for load in curve) * CEILING_USERS
            raise TroubleError(f"the generator did not carry {least:,.0f} deliveries/s")
        return f"{numbers.rate(best.deliveries_per_s)} deliveries/s a process"

    async def _load(self, rate_per_s: float) -> Load:
        document = await self._runs.against_relay(rate_per_s, CEILING_USERS, self.extent.ceiling_window_s)
        (worker,) = document["generator"]["processes"]
        late_ms, cpu_ratio = worker["send_lateness_p99_ms"], worker["cpu_ratio"]
        complete = document["counters"]["messages_unsent"] == 0 and late_ms is not None and cpu_ratio is not None
        load = Load(
            rate_per_s=rate_per_s,
            deliveries_per_s=document["rates"]["deliveries_received_per_s"],
            send_lateness_p99_ms=late_ms,
            loop_lag_p99_ms=worker["loop_lag_p99_ms"],
            cpu_ratio=cpu_ratio,
            carried=complete and late_ms <= CEILING_LATENESS_MS and cpu_ratio <= CEILING_CPU_RATIO,
        )
        self.waiting.say(
            f"        {rate_per_s * CEILING_USERS:>9,.0f} deliveries/s: sent {numbers.duration(late_ms)} late (p99), "
            f"{numbers.percent(cpu_ratio)} of a core"
        )
        return load

    async def _find_jitter(self) -> str:
        ceiling_per_s = self.findings.ceiling.messages_per_s_per_process
        if ceiling_per_s is None:
            raise TroubleError("there is no ceiling to take the half of")
        load = await self._load(ceiling_per_s / 2)
        self._found(
            jitter=replace(
                self.findings.jitter,
                rate_per_s=load.rate_per_s,
                send_lateness_p99_ms=load.send_lateness_p99_ms,
                loop_lag_p99_ms=load.loop_lag_p99_ms,
            )
        )
        return f"sent {numbers.duration(load.send_lateness_p99_ms)} late (p99)"

    async def _find_sockets(self) -> str:
        machine = this_machine()
        ports = ephemeral_port_count()
        count = min(self.extent.sockets, machine.sockets_per_process)
        count = count if ports is None else min(count, int(SHARE_OF_THE_PORTS * ports))
        document = await self._runs.against_relay(2.0, count, 1.0)
        opened = document["counters"]["connections_opened"]
        phase = next(phase for phase in document["phases"] if phase["name"] == "connect")
        connects_per_s = opened / (phase["end_s"] - phase["start_s"])
        self._found(ceiling=replace(self.findings.ceiling, connects_per_s=connects_per_s, sockets_per_process=opened))
        return f"{numbers.count(opened)} opened, {numbers.rate(connects_per_s)} a second"

    # --- what a target knows that tells the truth ----------------------------------------------------------------

    def _setting(self, delay: str, processes: int, transport: TransportKind) -> Setting:
        name = f"{delay}, {_processes(processes)}, {transport}"
        return Setting(name, delay, processes, str(transport), USERS, RATE_PER_S, ROOMS)

    def _rated_settings(self) -> Iterable[Setting]:
        """At shares of what the slower side carries; none where that is not known."""
        ceiling = self.findings.ceiling
        sides = (ceiling.deliveries_per_s_per_process, ceiling.target_deliveries_per_s)
        known = [side for side in sides if side is not None]
        for ratio in self.extent.ceiling_ratios if len(known) == len(sides) else ():
            name = f"lognormal 10 ms, {numbers.percent(ratio)} of the ceiling"
            rate_per_s = round(min(known) * ratio * ROOMS / USERS, 1)
            yield Setting(name, "lognormal 10 ms", 1, str(TransportKind.PICOWS), USERS, rate_per_s, ROOMS, ratio)

    async def _compare(self, setting: Setting, faults: str) -> str:
        attempts: list[list[Accuracy]] = []
        while len(attempts) < self.extent.attempts:
            document, truth, _ = await self._runs.against_target(
                setting, f"[deliveries]\n{faults}", self.extent.window_s
            )
            attempts.append(calibration_truth.accuracy_of(setting, truth, document, self.findings.floor_of(setting)))
            if len(attempts) == 1 and all(row.within for row in attempts[0]):
                break
        rows = calibration_truth.middle_of(attempts)
        self._found(accuracy=(*self.findings.accuracy, *rows))
        return _accuracy_text(rows)

    async def _look_at_the_way(self, setting: Setting) -> None:
        """A step of its own, unless it is known for as many processes and messages."""
        if self.findings.floor_of(setting) is None:
            name = f"the way itself, {_processes(setting.processes)}, {numbers.rate(setting.rate_per_s)} messages/s"
            await self._try(name, partial(self._find_floor, setting))

    async def _find_floor(self, setting: Setting) -> str:
        crowd = Crowd(setting.users, setting.rooms, setting.rate_per_s)
        floor = calibration_truth.floor_of(
            setting, await way_ns(self.place, crowd, setting.processes, self.extent.floor_s)
        )
        self._found(floors=(*self.findings.floors, floor))
        known = {name: getattr(floor, f"{name}_us") for name in QUANTILES}
        return "  ".join(f"{label_of(name)} {us:.0f} us" for name, us in known.items() if us is not None)

    async def _burst(self, setting: Setting) -> str:
        document, truth, _ = await self._runs.against_target(setting, "", self.extent.window_s)
        burst = calibration_truth.burst_of(setting, truth, document)
        self._found(bursts=(*self.findings.bursts, burst))
        worst = "" if burst.error_p99_us is None else f"  p99 {burst.error_p99_us:+.0f} us"
        return f"p50 {burst.error_p50_us:+.0f} us{worst}"

    async def _overload_ourselves(self) -> str:
        ceiling_per_s = self.findings.ceiling.messages_per_s_per_process
        if ceiling_per_s is None:
            raise TroubleError("there is no ceiling to go beyond")
        document = await self._runs.against_relay(2 * ceiling_per_s, CEILING_USERS, self.extent.ceiling_window_s)
        return self._blame("twice the generator's ceiling", document, side="generator", believed=False)

    async def _overload_the_target(self) -> str:
        """Ask it for more and more, until it is twice of what arrives.

        In one room, where a delivery costs the generator least: in small ones it has as much to do as the target.
        """
        setting = replace(
            self._setting("lognormal 10 ms", 1, TransportKind.PICOWS), rooms=1, rate_per_s=OVERLOAD_RATE_PER_S
        )
        asked_per_s, received_per_s = 0.0, 0.0
        while asked_per_s <= 2 * received_per_s and setting.rate_per_s < MOST_TARGET_RATE_PER_S:
            setting = replace(setting, rate_per_s=2 * setting.rate_per_s)
            async with faulty_target(self.place, f"[deliveries]\n{LOGNORMAL}", setting.users) as server:
                flags = ("--target", server.url, "--rooms", str(setting.rooms))
                document = await self._runs.run(flags, setting.rate_per_s, setting.users, self.extent.window_s)
            rates = document["rates"]
            asked_per_s, received_per_s = rates["deliveries_expected_per_s"], rates["deliveries_received_per_s"]
        return self._blame("twice what the target carries", document, side="server", believed=True)

    def _blame(self, run: str, document: Document, *, side: str, believed: bool) -> str:
        blamed = calibration_truth.blamed_of(run, document, side=side, believed=believed)
        self._found(blamed=(*self.findings.blamed, blamed))
        return f"{blamed.found}  {'ok' if blamed.held else 'WRONG'}"

    async def _find_target_ceiling(self) -> str:
        """Double the rate until its core is full: what arrives then is the most it can do.

        What it takes for less says too little: the more there is to do, the less each delivery costs.
        """
        setting = self._setting("lognormal 10 ms", 1, TransportKind.PICOWS)
        used, most_per_s = 0.0, 0.0
        while used < CEILING_CPU_RATIO and setting.rate_per_s < MOST_TARGET_RATE_PER_S:
            setting = replace(setting, rate_per_s=2 * setting.rate_per_s)
            document, truth, server = await self._runs.against_target(
                setting, f"[deliveries]\n{LOGNORMAL}", self.extent.window_s
            )
            messages = calibration_truth.measured_part(truth, document)
            cpu_ratio = server.cpu_ratio(messages[0].received_ns, messages[-1].received_ns)
            received_per_s = document["rates"]["deliveries_received_per_s"]
            if not cpu_ratio or not received_per_s:
                raise TroubleError("the target's CPU could not be read")
            used, most_per_s = cpu_ratio, max(most_per_s, received_per_s)
        self._found(ceiling=replace(self.findings.ceiling, target_deliveries_per_s=most_per_s))
        return f"{numbers.rate(most_per_s)} deliveries/s, with {numbers.percent(used)} of a core"

    async def _count(self, setting: Setting, *, stormy: bool) -> str:
        deadline_s = self.extent.window_s if stormy else COUNTS_DEADLINE_S
        times = ("--warmup", "0s", "--drain", f"{deadline_s + 1:g}s", "--deadline", f"{deadline_s:g}s")
        misdeeds, incident = (STORM_MISDEEDS, STORM) if stormy else (MISDEEDS, "")
        document, truth, _ = await self._runs.against_target(
            setting, f"[deliveries]\n{misdeeds}", self.extent.window_s, times, incident
        )
        rows = calibration_truth.counts_of(setting, truth, document, round(deadline_s * NS_PER_S))
        self._found(counts=(*self.findings.counts, *rows))
        return _counts_text(rows)

    async def _freeze(self) -> str:
        setting = self._setting("standstill", 1, TransportKind.PICOWS)
        document, truth, _ = await self._runs.against_target(setting, FREEZE, FREEZE_WINDOW_S, ("--warmup", "0s"))
        freeze = calibration_truth.freeze_of(truth, document)
        self._found(freeze=freeze)
        return _freeze_text(freeze)


def _processes(count: int) -> str:
    return "1 process" if count == 1 else f"{count} processes"


def _accuracy_text(rows: list[Accuracy]) -> str:
    errors = "  ".join(f"{label_of(row.quantile)} {row.error_us:+.0f} us" for row in rows)
    return f"{errors}  {'ok' if all(row.within for row in rows) else 'TOO FAR OFF'}"


def _counts_text(rows: list[Counted]) -> str:
    counts = "  ".join(f"{row.counted:,} of {row.injected:,} {row.fault}" for row in rows)
    return f"{counts}  {'ok' if all(row.exact for row in rows) else 'NOT EXACT'}"


def _freeze_text(freeze: Frozen) -> str:
    return f"delivery p95 {numbers.duration(freeze.delivery_p95_ms)}  {'ok' if freeze.held else 'NOT SEEN'}"


def _clock_read_ns() -> float:
    began_ns = now_ns()
    for _ in range(CLOCK_READS):
        now_ns()
    return (now_ns() - began_ns) / CLOCK_READS


def _ours_ns() -> int:
    """CPU time of this process and of all of its children that have ended, theirs included."""
    times = os.times()
    used_s = times.user + times.system + times.children_user + times.children_system
    return round(used_s * NS_PER_S)
