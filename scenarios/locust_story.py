"""A run that Locust leads, from what it is asked for to the run directory: settled, begun, written down.

Locust's processes run gevent, so no event loop of ours runs here: what the command line does with asyncio is done with
plain sockets and processes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from loadgen.engine.hand import ending_of
from loadgen.engine.limits import sockets_per_process
from loadgen.errors import InputError, TargetUnreachableError
from loadgen.locust_bridge.clocks import clock_of_this_host
from loadgen.locust_bridge.lead import START_DELAY_NS
from loadgen.locust_bridge.messages import Identity, Prepare
from loadgen.locust_bridge.story import Brief, Wish
from loadgen.measure.doubts import doubts_about
from loadgen.measure.record import Phase, Record
from loadgen.plan.access import without_passwords
from loadgen.plan.incidents import CUT_BY_THE_SERVER, IncidentKind
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.plan import Plan
from loadgen.plan.secrets import command_shown
from loadgen.plan.slices import SliceKind, kind_of
from reports import store
from reports.budgets import Document, exit_code_of
from reports.calibration import carried_per_s, quoted
from reports.document import RunFacts, build, snapshot
from reports.live.standing import as_it_stands
from reports.terminal.so_far import needs_histograms
from scenarios.access import refuse_metrics
from scenarios.accounts import generated_accounts
from scenarios.address import base_url_of
from scenarios.calibration_store import calibration_of, fingerprint_of
from scenarios.environment import describe_environment
from scenarios.evidence import doubts_so_far, evidence_of
from scenarios.extends import read_scenario
from scenarios.layers import headers_from
from scenarios.machine import Machine, machine_of_workers
from scenarios.pinning import Pinning, confined_to, separate_cores
from scenarios.run_directory import REPORT_NAME, leave_texts_behind, run_directory
from scenarios.schema import MOST_PROCESSES
from scenarios.settle import Settled, settle
from scenarios.sweep import refuse
from scenarios.target import STOP_TIMEOUT_S, check_reachable_at_once, command_of_our_server, url_in
from scenarios.validation import duration_text

# Drawing takes seconds, and is done by a process of its own, lest Locust's web UI stands still.
DRAWING_LIMIT_S = 120.0
# Accounts follow from their names, so any number of them costs nothing.
OWN_ACCOUNT_COUNT = 10_000_000
# Locust brings the users in itself, and its server is started before the scenario is read.
_NOT_LED = CUT_BY_THE_SERVER | {IncidentKind.HERD_JOIN}
_NOT_TOLD_APART = frozenset(SliceKind.PHASE.named(phase) for phase in (Phase.LOGIN, Phase.JOIN))


@dataclass(frozen=True, slots=True)
class Begun:
    """A run that goes on, or has ended."""

    settled: Settled
    facts: RunFacts
    directory: Path


def _one_run(settled: Settled) -> Settled:
    """InputError where there are several, one after the other, or where Locust cannot lead what is planned."""
    refuse(settled.sweep, "chatbench locust")
    refuse_metrics(settled.scenario, settled.name, "chatbench locust")
    if settled.scenario.traffic.rate_stages:
        raise InputError(
            f"{settled.name}: traffic.rate_stages: expected none where Locust leads, since its window has no beginning "
            f"by plan (--rate N makes one rate of them; chatbench run has them), "
            f"got {len(settled.scenario.traffic.rate_stages)}"
        )
    if not settled.base_urls and settled.scenario.target.nodes > 1:
        raise InputError(
            f"{settled.name}: target.nodes: expected 1 where Locust leads (chatbench run starts several), or their "
            f"addresses (target.url), got {settled.scenario.target.nodes}"
        )
    for incident in settled.incidents:
        if incident.kind in _NOT_LED:
            led = ", ".join(kind for kind in IncidentKind if kind not in _NOT_LED)
            raise InputError(
                f"{settled.name}: incident[{incident.number}].kind: expected one that Locust can lead ({led}; "
                f'chatbench run has them all), got "{incident.kind}"'
            )
    _check_slices(settled)
    return settled


def _check_slices(settled: Settled) -> None:
    """Locust brings the users in by its own time: there are no stages by plan, and one way in for all."""
    for budget in settled.budgets:
        if budget.slice in _NOT_TOLD_APART or (budget.slice and kind_of(budget.slice) is SliceKind.STAGE):
            raise InputError(
                f"{settled.name}: budgets: expected slices by room, incident, or a phase from connect on where Locust "
                f'leads (chatbench run has them all), got "{budget.expression}"'
            )


def check_run_time(settled: Settled, run_time_s: float | None) -> None:
    """InputError where --run-time, which counts from the first user on, is over before anything is measured."""
    users, phases = settled.scenario.users, settled.scenario.phases
    if run_time_s is None or settled.stages:
        return
    # Locust starts a second's worth of users at once, and then as many each second.
    rate_per_s = users.connect_rate_per_s
    ramp_s = max(0.0, users.count / rate_per_s - max(1.0, 1 / rate_per_s))
    needed_s = ramp_s + (phases.warmup + START_DELAY_NS) / NS_PER_S
    if run_time_s <= needed_s:
        raise InputError(
            f"--run-time: expected more than {needed_s:.1f} s, since it counts from the first user on and nothing is "
            f"measured before {users.count:,} users have come in, {rate_per_s:g} a second, and the warm-up of "
            f"{duration_text(phases.warmup)} is over (-u, -r, --warmup), got {run_time_s:g} s"
        )


def capacity(worker_count: int, room_count: int) -> int:
    """The most users there can be: as many as there can be sockets, and as many again that are scripted.

    Each half is a multiple of workers and of rooms, so that both halves are dealt out alike.
    """
    step = math.lcm(worker_count, room_count)
    return 2 * step * -(-worker_count * sockets_per_process() // step)


class OwnServer:
    """The reference server, for as long as Locust runs."""

    def __init__(self, account_count: int, cores: frozenset[int] | None) -> None:
        """TargetUnreachableError where it does not start; what it prints goes to standard error."""
        with confined_to(cores):
            self._process = subprocess.Popen(
                command_of_our_server(account_count),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
        assert self._process.stdout is not None, "started with a pipe"
        self.url = url_in(self._process.stdout.readline(), "what it printed above")

    @property
    def pid(self) -> int:
        return self._process.pid

    def died(self) -> str | None:
        """How it ended, where it did so before we ended it."""
        code = self._process.poll()
        return None if code is None else ending_of(code)

    def end(self) -> None:
        """Ask it to end, and see that it does."""
        self._process.terminate()
        try:
            self._process.wait(timeout=STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _typed(wish: Wish) -> dict[str, Any]:
    """Its flags as settling takes them: Locust knows headers as the lines that were typed."""
    lines = wish.flags.get("target.headers")
    return wish.flags | ({} if lines is None else {"target.headers": headers_from(lines, "--header")})


def _machine_of(wish: Wish) -> Machine:
    return machine_of_workers(wish.worker_count, wish.host_count)


class LocustStory:
    """The runs of one Locust process, one after the other."""

    def __init__(self, scenario: str, environ: Mapping[str, str]) -> None:
        self.own: OwnServer | None = None
        self._scenario = scenario
        self._environ = environ
        self._pinning: Pinning | None = None
        self._begun: Begun | None = None
        self._document: Document | None = None
        self._run_count = 0
        self._drawing: subprocess.Popen[bytes] | None = None
        self._hosts: dict[str, str] = {}
        name, files = read_scenario(scenario)
        # Of what is said, wherever it stands: a file may lie over another one, which is not the same on every host.
        said = json.dumps(files.tables, sort_keys=True, default=str)
        self._identity = Identity(
            version=version("chatbench"),
            scenario=f"{name} ({hashlib.sha256(said.encode()).hexdigest()[:8]})",
            host=socket.gethostname(),
            clock=clock_of_this_host(),
            pid=os.getpid(),
        )

    def identity(self) -> Identity:
        """Who this process is; a fork of it is another one."""
        return replace(self._identity, pid=os.getpid())

    def start_own_server(self) -> str:
        """Start the reference server; where it is. TargetUnreachableError where it does not start."""
        self._pinning = separate_cores()
        self.own = OwnServer(OWN_ACCOUNT_COUNT, None if self._pinning is None else self._pinning.server)
        return self.own.url

    # --- before a run ---------------------------------------------------------------------------------------

    def settled(self, wish: Wish) -> Settled:
        """What is asked for, settled; BenchError where it cannot be done."""
        return _one_run(settle(wish.scenario, self._all_flags(wish), self._environ, _machine_of(wish)))

    def settled_alone(self, wish: Wish) -> Settled:
        """The scenario as it is without what Locust is asked for."""
        return _one_run(settle(wish.scenario, _typed(wish), self._environ, _machine_of(wish)))

    def _all_flags(self, wish: Wish) -> dict[str, Any]:
        flags, alone = _typed(wish), self.settled_alone(wish)
        if "target.url" not in flags and wish.host and not self._is_our_own(wish.host):
            host = base_url_of(self._hosts.get(wish.host, wish.host), "--host")
            # Locust has room for one address: that of the first node stands for all that the scenario names.
            flags["target.url"] = list(alone.base_urls if host in alone.base_urls[:1] else (host,))
        if not alone.stages:
            flags["users.count"] = str(max(1, wish.user_count))
            flags["run.processes"] = str(min(wish.worker_count or 1, max(1, wish.user_count), MOST_PROCESSES))
        if wish.spawn_rate_per_s is not None:
            flags["users.connect_rate_per_s"] = str(wish.spawn_rate_per_s)
        return flags

    def host_shown(self, host: str) -> str:
        """An address as Locust's pages and files may have it; from now on it stands for the one that was given."""
        shown = without_passwords(host)
        if shown != host:
            self._hosts[shown] = host
        return shown

    def _is_our_own(self, host: str) -> bool:
        return self.own is not None and host.rstrip("/") == self.own.url.rstrip("/")

    def check(self, wish: Wish) -> Settled:
        """The same, where also somebody answers at the target."""
        settled = self.settled(wish)
        settled.check_target()
        if not settled.base_urls and self.own is None:
            raise InputError("--host: expected the address of a server, got none")
        for base_url in dict.fromkeys(settled.base_urls):
            check_reachable_at_once(base_url, settled.access)
        if self.own is not None and not settled.base_urls and (how := self.own.died()) is not None:
            raise TargetUnreachableError(f"the embedded server has ended: {how}")
        return settled

    def begin(self, wish: Wish) -> Brief:
        """Claim a run directory, and settle everything; BenchError where that cannot be done."""
        self._finish_drawing()
        settled = self.check(wish)
        started = datetime.now(UTC)
        directory = run_directory(settled, started)
        self._run_count += 1
        if settled.run.out is not None and self._run_count > 1:
            directory = directory.with_name(f"{directory.name}-{self._run_count}")
        store.claim(directory, force=settled.run.force)
        environment = describe_environment() | {"locust": version("locust")}
        calibration = calibration_of(fingerprint_of(environment), self._environ)
        environment["calibration"] = None if calibration is None else quoted(calibration)
        is_pinned = self._pinning is not None and not settled.base_urls
        environment["pinning"] = (
            {"server": sorted(self._pinning.server), "generator": sorted(self._pinning.generator)}
            if is_pinned and self._pinning is not None
            else None
        )
        own_url = () if self.own is None else (base_url_of(self.own.url, "target.url"),)
        facts = RunFacts(
            id=f"{started:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}",
            scenario=settled.name,
            summary=settled.summary,
            started_at=started.isoformat(timespec="milliseconds"),
            command=command_shown(sys.argv),
            target_urls=settled.base_urls or own_url,
            target_owned=not settled.base_urls,
            plan=settled.rows,
            environment=environment,
        )
        self._begun, self._document = Begun(settled, facts, directory), None
        is_own = not settled.base_urls
        return Brief(
            plan=settled.plan_for(facts.target_urls, secrets.token_hex(3)),
            # Budgets are the master's affair: the file of them need not be on every host.
            flags={key: value for key, value in self._all_flags(wish).items() if key != "run.budgets_file"},
            capacity=capacity(wish.worker_count or 1, settled.scenario.users.rooms.count),
            target_pid=self.own.pid if is_own and self.own is not None else None,
            cores=self._pinning.generator if is_own and self._pinning is not None else None,
        )

    def plan_of(self, prepare: Prepare) -> Plan:
        """A worker's plan; BenchError where it cannot be made here."""
        machine = machine_of_workers(prepare.count, prepare.host_count)
        settled = settle(self._scenario, prepare.flags, self._environ, machine)
        plan = settled.plan_for(prepare.base_urls, prepare.tag)
        if settled.scenario.users.file is None:
            plan = replace(plan, accounts=generated_accounts(prepare.capacity))
        return plan

    # --- while it goes on, and afterwards ----------------------------------------------------------------------

    @property
    def document(self) -> Document | None:
        """Of the last run, when it is over."""
        return self._document

    @property
    def report(self) -> str | None:
        """Where the last run is kept, when it is over."""
        return str(self._begun.directory) if self._begun is not None and self._document is not None else None

    def drawn(self) -> tuple[str, Path] | None:
        """The id of the last run and its page, when it is over and drawn."""
        if self._begun is None or self._document is None or self._drawing is None or self._drawing.poll() != 0:
            return None
        page = self._begun.directory / REPORT_NAME
        return (self._begun.facts.id, page) if self._begun.settled.run.html and page.is_file() else None

    def snapshot(self, record: Record) -> Document:
        """The document of the run that goes on, with the doubts there are so far."""
        assert self._begun is not None, "asked of a run that has begun"
        settled = self._begun.settled
        document = snapshot(self._begun.facts, record, with_hdr=needs_histograms(settled.budgets))
        return as_it_stands(document, settled.budgets, doubts_so_far(settled, record, self._target_died()))

    def _target_died(self) -> str | None:
        is_own = self._begun is not None and not self._begun.settled.base_urls
        return self.own.died() if is_own and self.own is not None else None

    def end(self, record: Record) -> int:
        """Write down a run that is over, and have it drawn; its exit code."""
        assert self._begun is not None, "ended after it has begun"
        begun = self._begun
        rows = dict(begun.facts.plan)
        rows["users.count"] = rows["users.count"] | {"value": record.plan.user_count}
        rows["phases.measure"] = rows["phases.measure"] | {"value": duration_text(record.plan.measure_ns)}
        finished = datetime.now(UTC).isoformat(timespec="milliseconds")
        facts = replace(begun.facts, finished_at=finished, plan=rows)
        calibration = calibration_of(fingerprint_of(facts.environment), self._environ)
        evidence = evidence_of(begun.settled, record, self._target_died(), carried_per_s(calibration))
        document = build(facts, record, doubts_about(evidence), begun.settled.budgets)
        self._document = document
        complaint = leave_texts_behind(document, begun.directory)
        if complaint is not None:
            sys.stderr.write(f"chatbench: {complaint}\n")
            return 1
        run = begun.settled.run
        wanted = ("--html" if run.html else "--no-html", "--plots" if run.plots else "--no-plots")
        command = [sys.executable, "-P", "-c", "from scenarios.cli import main; main()", "report", *wanted]
        self._drawing = subprocess.Popen(
            [*command, str(begun.directory)], start_new_session=True, stdin=subprocess.DEVNULL
        )
        return int(exit_code_of(document))

    def _finish_drawing(self) -> None:
        if self._drawing is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._drawing.wait(timeout=DRAWING_LIMIT_S)
            if self._drawing.poll() is None:
                self._drawing.kill()
            self._drawing = None

    def close(self) -> None:
        """Locust ends: no process of ours is left behind."""
        self._finish_drawing()
        if self.own is not None:
            self.own.end()
            self.own = None
