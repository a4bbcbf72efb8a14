"""One run from a settled scenario to an exit code: starts or finds the target, and writes down whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from loadgen.engine.clock import now_ns
from loadgen.engine.coordinator import Coordinator
from loadgen.engine.limits import raise_open_files_limit
from loadgen.engine.traces import hide_in_tracebacks, traceback_of
from loadgen.errors import InputError, TargetUnreachableError
from loadgen.measure.doubts import doubts_about
from loadgen.measure.record import EndedEarly, ProcessRecord, Record
from loadgen.measure.tally import Tally
from loadgen.plan.pacing import NS_PER_S
from reports import markdown, store
from reports.budgets import Document, ExitCode, exit_code_of
from reports.calibration import carried_per_s, quoted
from reports.document import RunFacts, build, snapshot
from reports.impatience import Impatience
from reports.streams import given_up_when_broken, heard_or_not
from reports.target_series import EMBEDDED, parse_wanted
from reports.terminal import LiveView, print_summary
from reports.terminal.so_far import needs_histograms
from scenarios import github
from scenarios.address import base_url_of
from scenarios.calibration_store import calibration_of, fingerprint_of
from scenarios.diary import Diary
from scenarios.environment import describe_environment
from scenarios.evidence import evidence_of
from scenarios.incidents import server_for
from scenarios.interrupts import Interrupts
from scenarios.machine import want_of_memory
from scenarios.onlookers import Onlookers, addresses
from scenarios.own_nodes import OwnNodes, own_nodes
from scenarios.pinning import Pinning, separate_cores
from scenarios.rendezvous import agreed_start
from scenarios.run_directory import REPORT_NAME, draw, report_in, run_directory, write_texts
from scenarios.settle import Settled
from scenarios.target import OwnTarget, check_reachable, embedded

if TYPE_CHECKING:
    from scenarios.exporter import Exporter
    from scenarios.live_server import LiveServer
    from scenarios.scraper import Scraper

RUN_LOG_NAME = "run.log"
STANDARD_OUTPUT = Path("/dev/stdout")


def bench(settled: Settled, command: str, source: str) -> ExitCode:
    """Carry out a run and leave its directory; a BenchError is raised before anything has started.

    ``source`` is the name or the path of the scenario.
    """
    settled.check_target()
    with contextlib.ExitStack() as stack:
        exporter = page = None
        if settled.run.prometheus_port is not None:
            from scenarios.exporter import Exporter

            exporter = stack.enter_context(Exporter(settled.run.prometheus_port))
        if settled.run.web is not None:
            from scenarios.live_server import LiveServer

            page = stack.enter_context(LiveServer(settled.run.web))
        if not settled.run.quiet:
            warning = want_of_memory(settled.scenario.users.count, settled.process_count)
            lines = (*addresses(exporter, page), *(() if warning is None else (warning,)))
            with heard_or_not(sys.stderr):
                sys.stderr.writelines(f"{line}\n" for line in lines)
        return _bench(settled, command, source, exporter, page)


def _bench(settled: Settled, command: str, source: str, exporter: Exporter | None, page: LiveServer | None) -> ExitCode:
    raise_open_files_limit()
    started = datetime.now(UTC)
    directory = run_directory(settled, started)
    store.claim(directory, force=settled.run.force)
    environment = describe_environment()
    calibration = calibration_of(fingerprint_of(environment), os.environ)
    environment["calibration"] = None if calibration is None else quoted(calibration)
    facts = RunFacts(
        id=f"{started:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}",
        scenario=settled.name,
        summary=settled.summary,
        started_at=started.isoformat(timespec="milliseconds"),
        command=command,
        target_urls=settled.base_urls,
        target_owned=not settled.base_urls,
        plan=settled.rows,
        environment=environment,
    )
    interrupts, attempts = Interrupts(), store.Attempts()
    with interrupts.caught():
        diary = _diary_of(settled, directory)
        onlookers = Onlookers(diary, exporter, page)
        notes = addresses(exporter, page)
        live = None if settled.run.quiet else LiveView(budgets=settled.budgets, notes=notes)
        try:
            with (directory / RUN_LOG_NAME).open("ab") as log:
                ended = asyncio.run(_run(settled, facts, interrupts, log, live, onlookers))
        except (TargetUnreachableError, InputError):
            store.give_back(directory, RUN_LOG_NAME)
            raise
        except Exception as error:  # a bug of ours: it goes on, and stays in the run's log
            known = settled.plan_for(settled.base_urls, "").secrets
            hide_in_tracebacks(lambda: known)
            _log_traceback(traceback_of(error, known), directory)
            raise
        facts = replace(ended.facts, finished_at=datetime.now(UTC).isoformat(timespec="milliseconds"))
        evidence = evidence_of(settled, ended.record, ended.target_died, carried_per_s(calibration))
        document = build(facts, ended.record, doubts_about(evidence), settled.budgets)
        if ended.scraper is not None:
            document |= ended.scraper.sections(document)
        write_texts(document, directory, attempts)
    onlookers.note(document)
    if diary is not None and diary.trouble is not None:
        attempts.failed(diary.path, diary.trouble)
    with interrupts.obeyed():
        draw(document, directory, attempts, html=settled.run.html, plots=settled.run.plots)
    if page is not None:
        report = directory / REPORT_NAME
        is_written = settled.run.html and report not in attempts.unwritten
        page.finish(directory, report if is_written else None)
    if not settled.run.quiet:
        with heard_or_not(sys.stderr):
            print_summary(document, report_in(directory, html=settled.run.html))
    with heard_or_not(sys.stderr):
        github.show(document, markdown.render(document), os.environ, source)
    if settled.run.print_json:
        with attempts.writing(STANDARD_OUTPUT), given_up_when_broken(sys.stdout):
            json.dump(document, sys.stdout, allow_nan=False)
            sys.stdout.write("\n")
    return _exit_code(document, attempts, directory)


def _diary_of(settled: Settled, directory: Path) -> Diary | None:
    if settled.run.events is None:
        return None
    try:
        return Diary(Path(settled.run.events), goes_on=settled.adds_events)
    except InputError:
        store.give_back(directory, RUN_LOG_NAME)
        raise


def _log_traceback(text: str, directory: Path) -> None:
    with contextlib.suppress(OSError), (directory / RUN_LOG_NAME).open("a", encoding="utf-8") as log:
        log.write(text)


def _exit_code(document: Document, attempts: store.Attempts, directory: Path) -> ExitCode:
    """That of the verdict, unless there is no document that bears it out."""
    complaint = attempts.complaint()
    if complaint is not None:
        with heard_or_not(sys.stderr):
            sys.stderr.write(f"chatbench: {complaint}\n")
    wanted = {directory / store.DOCUMENT_NAME, STANDARD_OUTPUT}
    return ExitCode.BUG if wanted & attempts.unwritten else exit_code_of(document)


@dataclass(frozen=True, slots=True)
class _Ended:
    """What is known of a run that is over."""

    facts: RunFacts
    record: Record
    target_died: str | None = None
    scraper: Scraper | None = None


async def _run(
    settled: Settled,
    facts: RunFacts,
    interrupts: Interrupts,
    log: IO[bytes],
    live: LiveView | None,
    onlookers: Onlookers,
) -> _Ended:
    tag = secrets.token_hex(3)
    with interrupts.told():
        async with contextlib.AsyncExitStack() as stack:
            pinning = separate_cores(settled.scenario.target.nodes) if facts.target_owned else None
            facts.environment["pinning"] = (
                {"server": sorted(pinning.server), "generator": sorted(pinning.generator)} if pinning else None
            )
            arriving = asyncio.create_task(_arrived(settled, log, stack, pinning))
            if not await _first(arriving, interrupts.event):
                return _Ended(facts, _never_begun(settled, tag))
            own, scraper = arriving.result()
            if own is not None:
                facts = replace(facts, target_urls=tuple(base_url_of(url, "target.url") for url in own.urls))
            if live is not None:
                stack.enter_context(live)
            impatience = _impatience_of(settled)
            with_hdr = impatience is not None or _needs_histograms(live, onlookers, settled)

            def on_second(record: Record) -> None:
                if live is None and not onlookers.are_there and impatience is None:
                    return  # nobody looks; on a crowded machine a snapshot takes its 2 ms from a worker
                document = snapshot(facts, record, with_hdr=with_hdr)
                if live is not None:
                    with heard_or_not(sys.stderr):
                        live.update(document)
                onlookers.note_snapshot(document, settled, record)
                now_s = (now_ns() - record.origin_ns) / NS_PER_S
                if impatience is not None and impatience.is_over(document, now_s):
                    coordinator.stop(EndedEarly.BUDGET_BROKEN)

            coordinator = Coordinator(
                settled.plan_for(facts.target_urls, tag),
                process_count=settled.process_count,
                target_pids=own.pids if own is not None else {},
                log=log,
                on_second=on_second,
                worker_cores=pinning.generator if pinning else settled.worker_cores,
                restart_target=own.restart if isinstance(own, OwnTarget) else None,
                agreed_start=None if settled.start_with is None else partial(agreed_start, settled.start_with),
            )
            interrupts.reach(coordinator)
            if scraper is not None:
                scraper.begin(coordinator.record.origin_ns)
            record = await coordinator.run()
            return _Ended(facts, record, own.died() if own is not None else None, scraper)
    raise AssertionError("unreachable")


def _needs_histograms(live: LiveView | None, onlookers: Onlookers, settled: Settled) -> bool:
    """Whether somebody looks at budgets of whose figures a snapshot without histograms knows nothing."""
    is_looked_at = onlookers.page is not None or (live is not None and live.is_a_screen)
    return is_looked_at and needs_histograms(settled.budgets)


def _impatience_of(settled: Settled) -> Impatience | None:
    run = settled.run
    return Impatience(settled.budgets, run.abort_after / NS_PER_S) if run.abort_on_fail else None


async def _arrived(
    settled: Settled, log: IO[bytes], stack: contextlib.AsyncExitStack, pinning: Pinning | None
) -> tuple[OwnTarget | OwnNodes | None, Scraper | None]:
    """The target as below, and who asks it for its own figures, where somebody wants them."""
    url = settled.scenario.target.metrics_url
    # A server of ours is not started for nothing.
    first = None
    if url is not None and url != EMBEDDED and not settled.base_urls:
        first = await _scraper(settled, [url], stack)
    own = await _target(settled, log, stack, pinning)
    if url is None or first is not None:
        return own, first
    urls = [f"{node}/metrics" for node in own.urls] if own is not None and url == EMBEDDED else [url]
    return own, await _scraper(settled, urls, stack)


async def _scraper(settled: Settled, urls: Sequence[str], stack: contextlib.AsyncExitStack) -> Scraper:
    from scenarios.scraper import scraping

    wanted = [parse_wanted(text) for text in settled.scenario.target.metrics]
    return await stack.enter_async_context(scraping(urls, wanted, settled.access, "--target-metrics"))


async def _target(
    settled: Settled, log: IO[bytes], stack: contextlib.AsyncExitStack, pinning: Pinning | None
) -> OwnTarget | OwnNodes | None:
    """Our own server, or its nodes, ended with the stack; None where another one answers, on every node."""
    if not settled.base_urls:
        cores = pinning.server if pinning else None
        wish = server_for(settled, cores)
        if wish.node_count > 1:
            return await stack.enter_async_context(own_nodes(wish, log))
        return await stack.enter_async_context(embedded(wish, log))
    for base_url in dict.fromkeys(settled.base_urls):
        await check_reachable(base_url, settled.access)
    return None


async def _first(task: asyncio.Task[Any], event: asyncio.Event) -> bool:
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
