"""The processes of a calibration: servers that are started for one run, and ``chatbench run`` as a user types it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loadgen.engine.probe import Probe
from loadgen.measure.record import Reading
from reports.budgets import Document, ExitCode
from reports.truth import Truth, read_truth
from scenarios.pinning import confined_to
from scenarios.probing import command_of_a_run
from scenarios.target import PYTHON

READY_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0
# What a run takes beside its own phases: starting, logging in, writing things down, on a machine that may be busy.
RUN_OVERHEAD_S = 60.0
PROBE_PERIOD_S = 0.1

# Of these there is a document.
_MEASURED = (ExitCode.PASS, ExitCode.FAILED, ExitCode.INVALID)


class TroubleError(Exception):
    """A run that gave nothing to compare; the text says why."""


@dataclass(slots=True)
class Server:
    """One that was started by us, and what CPU it has taken since."""

    url: str
    readings: list[Reading] = field(default_factory=list)

    def cpu_ratio(self, start_ns: int, end_ns: int) -> float | None:
        """Share of a core used between two instants; None where it was not watched for most of the time."""
        inside = [reading for reading in self.readings if start_ns <= reading.at_ns <= end_ns]
        if len(inside) < 2 or inside[-1].at_ns - inside[0].at_ns < (end_ns - start_ns) / 2:
            return None
        return (inside[-1].cpu_ns - inside[0].cpu_ns) / (inside[-1].at_ns - inside[0].at_ns)


@dataclass(frozen=True, slots=True)
class Place:
    """Where runs leave what they need for a moment, and which cores each side keeps to; None is any."""

    folder: Path
    server_cores: frozenset[int] | None
    generator_cores: frozenset[int] | None

    @property
    def truth_log(self) -> Path:
        """Of the faulty target that was started last."""
        return self.folder / "truth.ndjson"


@contextlib.asynccontextmanager
async def relay(place: Place) -> AsyncIterator[Server]:
    """The fast relay, which gives the generator more to do than it can."""
    async with _serving(("loadgen.relay",), place) as server:
        yield server


@contextlib.asynccontextmanager
async def faulty_target(place: Place, faults: str, account_count: int) -> AsyncIterator[Server]:
    """The reference server with a faults file of that text; when the block is left, its truth log is complete."""
    path = place.folder / "faults.toml"
    path.write_text(faults, encoding="utf-8")
    flags = ("--accounts", str(account_count), "--lift-limits", "--faults", str(path), "--truth", str(place.truth_log))
    async with _serving(("target_app", *flags), place) as server:
        yield server


def truth_in(place: Place) -> Truth:
    """What the faulty target has written down; TruthError where it cannot be trusted."""
    with place.truth_log.open(encoding="utf-8", newline="\n") as lines:
        return read_truth(lines)


@contextlib.asynccontextmanager
async def _serving(module: Sequence[str], place: Place) -> AsyncIterator[Server]:
    with (place.folder / "server.log").open("wb") as log:
        with confined_to(place.server_cores):
            process = await asyncio.create_subprocess_exec(
                *(*PYTHON, *module, "--port", "0", "--exit-with-stdin"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        try:
            server = Server(await _ready_url(process, module[0]))
            watching = asyncio.create_task(_watch(process.pid, server))
            try:
                yield server
            finally:
                watching.cancel()
        finally:
            await end(process, signal.SIGTERM)


async def _ready_url(process: asyncio.subprocess.Process, name: str) -> str:
    assert process.stdout is not None, "started with a pipe"
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            line = await process.stdout.readline()
        return str(json.loads(line)["url"])
    except TimeoutError:
        raise TroubleError(f"{name} was not ready after {READY_TIMEOUT_S:g} s") from None
    except (ValueError, KeyError):
        raise TroubleError(f"{name} did not start") from None


async def _watch(pid: int, server: Server) -> None:
    probe = Probe(pid)
    while True:
        reading = probe.read()
        if reading is not None:
            server.readings.append(reading)
        await asyncio.sleep(PROBE_PERIOD_S)


async def run_chatbench(flags: Sequence[str], place: Place, length_s: float) -> Document:
    """The document of ``chatbench run`` with those flags, its workers on the generator's cores.

    TroubleError where there is none.

    ``length_s`` is how long its phases take.
    """
    command = command_of_a_run(flags)
    if place.generator_cores is not None:
        command += ["--worker-cores", ",".join(map(str, sorted(place.generator_cores)))]
    output = ("--out", str(place.folder / "run"), "--force", "--quiet", "--json", "--no-html", "--no-plots")
    process = await asyncio.create_subprocess_exec(
        *(*command, *output),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_without_settings(os.environ),
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(length_s + RUN_OVERHEAD_S):
            said, complained = await process.communicate()
    except TimeoutError:
        raise TroubleError(f"the run did not end within {length_s + RUN_OVERHEAD_S:.0f} s") from None
    finally:
        await end(process, signal.SIGINT)
    if process.returncode not in _MEASURED:
        last_words = complained.decode(errors="replace").strip().splitlines()[-1:] or ["without a word"]
        raise TroubleError(f"the run ended with {process.returncode}: {last_words[0]}")
    document: Document = json.loads(said)
    return document


def _without_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """What a user has set for runs of his own must not change these; the accounts' key is the target's, too."""
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith("CHATBENCH_") or name in ("CHATBENCH_ACCOUNTS_KEY", "CHATBENCH_SECRET")
    }


async def end(process: asyncio.subprocess.Process, how: signal.Signals) -> None:
    """Tell it to end, and make it, with all that it has started; nothing where it has ended."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(how)
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
