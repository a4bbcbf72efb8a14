"""One run from a settled scenario to an exit code: starts or finds the target, and writes down whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
import traceback
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from loadgen.engine.clock import now_ns
from loadgen.engine.coordinator import Coordinator
from loadgen.engine.limits import raise_open_files_limit
from loadgen.errors import TargetUnreachableError
from loadgen.measure.doubts import Evidence, JudgedQuantile, doubts_about
from loadgen.measure.record import EndedEarly, ProcessRecord, Record
from loadgen.measure.tally import Count, Metric, Tally
from reports import junit, markdown, series_csv, store
from reports.budgets import Document, ExitCode, exit_code_of
from reports.document import RunFacts, build, snapshot
from reports.impatience import Impatience
from reports.terminal import LiveView, print_summary
from scenarios.diary import Diary
from scenarios.environment import describe_environment
from scenarios.machine import this_machine
from scenarios.pinning import Pinning, confined_to, separate_cores
from scenarios.settle import Settled, base_url_of
from scenarios.target import OwnTarget, check_reachable, embedded

RUN_LOG_NAME = "run.log"
REPORT_NAME = "report.html"


class Interrupts:
    """Ctrl-C and SIGTERM: the first ends the run in good order, the second at once."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self._coordinator: Coordinator | None = None

    @contextlib.contextmanager
    def caught(self) -> Iterator[None]:
        """Catch the signals meanwhile; needs a running loop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._interrupt)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def reach(self, coordinator: Coordinator) -> None:
        """From now on an interrupt is for the coordinator; also one that came a moment ago."""
        self._coordinator = coordinator
        if self.event.is_set():
            coordinator.stop()

    def _interrupt(self) -> None:
        self.event.set()
        if self._coordinator is not None:
            self._coordinator.stop()


def run_directory(settled: Settled, started: datetime) -> Path:
    """Where the run is kept: as asked, else runs/<time>-<scenario>."""
    if settled.run.out is not None:
        return Path(settled.run.out)
    base = Path("runs") / f"{started:%Y%m%d-%H%M%S}-{settled.name}"
    directory, number = base, 1
    while directory.exists():
        number += 1
        directory = base.with_name(f"{base.name}-{number}")
    return directory


def bench(settled: Settled, command: str) -> ExitCode:
    """Carry out a run and leave its directory; a BenchError is raised before anything has started."""
    raise_open_files_limit()
    started = datetime.now(UTC)
    directory = run_directory(settled, started)
    store.claim(directory, force=settled.run.force)
    facts = RunFacts(
        id=f"{started:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}",
        scenario=settled.name,
        summary=settled.summary,
        started_at=started.isoformat(timespec="milliseconds"),
        command=command,
        target_urls=settled.base_urls,
        target_owned=not settled.base_urls,
        plan=settled.rows,
        environment=describe_environment(),
    )
    diary = None if settled.run.events is None else Diary(Path(settled.run.events))
    try:
        with (directory / RUN_LOG_NAME).open("ab") as log:
            facts, record, target_died = asyncio.run(_run(settled, facts, log, diary))
    except TargetUnreachableError:
        store.give_back(directory, RUN_LOG_NAME)
        raise
    except Exception:  # a bug of ours: it goes on, and stays in the run's log
        with (directory / RUN_LOG_NAME).open("a", encoding="utf-8") as log_text:
            traceback.print_exc(file=log_text)
        raise
    facts = replace(facts, finished_at=datetime.now(UTC).isoformat(timespec="milliseconds"))
    document = build(facts, record, doubts_about(evidence_of(settled, record, target_died)), settled.budgets)
    if diary is not None:
        diary.note(document)
    leave_behind(document, directory, html=settled.run.html, plots=settled.run.plots)
    if not settled.run.quiet:
        print_summary(document, report_in(directory, html=settled.run.html))
    if settled.run.print_json:
        json.dump(document, sys.stdout, allow_nan=False)
        sys.stdout.write("\n")
    return exit_code_of(document)


def report_in(directory: Path, *, html: bool) -> Path:
    """What to read after the run: the page, or the directory where no page was wanted."""
    return directory / REPORT_NAME if html else directory


def leave_behind(document: Document, directory: Path, *, html: bool, plots: bool) -> None:
    """Write the run directory: the document first, since drawing might fail."""
    store.write_document(directory, document)
    store.write(directory / "summary.md", markdown.render(document))
    store.write(directory / "junit.xml", junit.render(document))
    store.write(directory / "series.csv", series_csv.render(document))
    if plots:
        from reports.plots import draw_all

        draw_all(document, directory / "plots")
    if html:
        from reports import page

        store.write(directory / REPORT_NAME, page.render(document))


def evidence_of(settled: Settled, record: Record, target_died: str | None) -> Evidence:
    """What the doubts are drawn from."""
    plan, counts = record.plan, record.tally.counts
    machine = this_machine()
    untried = counts[Count.CONNECTIONS_PLANNED] - counts[Count.CONNECTIONS_OPENED] - counts[Count.CONNECTIONS_FAILED]
    return Evidence(
        tally=record.tally,
        sockets_per_process=machine.sockets_per_process,
        process_count=settled.process_count,
        ports_per_address=machine.ephemeral_port_count,
        address_pair_count=max(1, len(plan.source_addresses)) * max(1, len(set(plan.base_urls))),
        users_never_tried=0 if record.ended_early else max(0, untried),
        worker_cpu_ratios={
            worker.pid: worker.window_cpu_ratio for worker in record.workers if worker.window_cpu_ratio is not None
        },
        others_cpu_ratio=record.others_cpu_ratio,
        interrupted=record.ended_early is EndedEarly.INTERRUPTED,
        deaths=tuple(record.deaths),
        target_died=target_died,
        judged_quantiles=tuple(
            JudgedQuantile(budget.expression, Metric(budget.metric), (budget.percent or 50.0) / 100)
            for budget in settled.budgets
            if budget.metric in set(Metric) and budget.aggregate in ("p", "med")
        ),
        gc_pauses_ns=record.tally.metrics[Metric.GC_PAUSE],
        extensions=record.handshake_headers.get("sec-websocket-extensions"),
        dialect_has_join=plan.dialect.join is not None,
    )


async def _run(
    settled: Settled, facts: RunFacts, log: IO[bytes], diary: Diary | None
) -> tuple[RunFacts, Record, str | None]:
    interrupts = Interrupts()
    tag = secrets.token_hex(3)
    with interrupts.caught():
        async with contextlib.AsyncExitStack() as stack:
            pinning = separate_cores() if facts.target_owned else None
            facts.environment["pinning"] = (
                {"server": sorted(pinning.server), "generator": sorted(pinning.generator)} if pinning else None
            )
            arriving = asyncio.create_task(_target(settled, log, stack, pinning))
            if not await _first(arriving, interrupts.event):
                return facts, _never_begun(settled, tag), None
            own = arriving.result()
            if own is not None:
                facts = replace(facts, target_urls=(base_url_of(own.url, "target.url"),))
            stack.enter_context(confined_to(pinning.generator if pinning else None))
            live = None if settled.run.quiet else stack.enter_context(LiveView())
            impatience = Impatience(settled.budgets) if settled.run.abort_on_fail else None

            def on_second(record: Record) -> None:
                document = snapshot(facts, record, with_hdr=impatience is not None)
                if live is not None:
                    live.update(document)
                if diary is not None:
                    diary.note(document)
                if impatience is not None and impatience.is_over(document):
                    coordinator.stop(EndedEarly.BUDGET_BROKEN)

            coordinator = Coordinator(
                settled.plan_for(facts.target_urls, tag),
                process_count=settled.process_count,
                target_pid=own.process.pid if own is not None else None,
                log=log,
                on_second=on_second,
            )
            interrupts.reach(coordinator)
            record = await coordinator.run()
            return facts, record, own.died() if own is not None else None
    raise AssertionError("unreachable")


async def _target(
    settled: Settled, log: IO[bytes], stack: contextlib.AsyncExitStack, pinning: Pinning | None
) -> OwnTarget | None:
    """Our own server, ended with the stack; None where another one answers, on every node."""
    if not settled.base_urls:
        cores = pinning.server if pinning else None
        return await stack.enter_async_context(embedded(settled.scenario.users.count, log, cores))
    for base_url in dict.fromkeys(settled.base_urls):
        await check_reachable(base_url)
    return None


async def _first(task: asyncio.Task[OwnTarget | None], event: asyncio.Event) -> bool:
    """Whether the task came before the event; else it is cancelled."""
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        return True
    task.cancel()
    await asyncio.wait({task})
    return False


def _never_begun(settled: Settled, tag: str) -> Record:
    """The record of a run that was interrupted before its first phase."""
    plan = settled.plan_for(settled.base_urls, tag)
    return Record(plan, Tally(now_ns()), ProcessRecord(os.getpid()), ended_early=EndedEarly.INTERRUPTED)
