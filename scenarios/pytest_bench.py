"""The fixture ``chatbench``: starts the server under test, carries out a run as a process of its own, gives its result.

On one machine only one run goes on at a time; those of other workers of pytest-xdist wait for their turn.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shlex
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol

from loadgen.engine.limits import raise_open_files_limit
from loadgen.errors import BenchError, InputError, TargetUnreachableError
from reports import store
from reports.budgets import Document, ExitCode
from reports.numbers import printable
from reports.verdicts import ENDED_EARLY
from scenarios.layers import FLAGS, headers_from
from scenarios.pinning import Pinning
from scenarios.probing import Asked, Ending, InterruptedRunError, carry_out, interrupts
from scenarios.pytest_result import RunResult
from scenarios.servers import CommandServer, last_lines, serving
from scenarios.settle import settle
from scenarios.sweep import refuse

SERVER_LOG_NAME = "server.log"
# How much longer than by its plan a run may take before it is called hung, besides what every run may.
PATIENCE = 1.5

# Settled before there is a server: any address of this machine stands for the one that it will have.
_SOMEWHERE = "http://127.0.0.1:1"

_NOT_OF_A_TEST = {
    "target": "name the server by app, command or url",
    "out": "pytest's --chatbench-out says where runs are kept",
    "force": "each run has a directory of its own",
    "json": "the result has the document",
    "quiet": "the result has the table",
}
_CAN_BE_DENIED = frozenset({"--html", "--plots"})

_IMPORT_STRING = re.compile(r"[\w.]+:[\w.]+")
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._]+")
_LONGEST_NAME = 80

CarryOut = Callable[[Sequence[str], float, Asked], Ending]


class Server(Protocol):
    """One that we have started."""

    @property
    def url(self) -> str: ...

    def died(self) -> str | None: ...


@dataclass(slots=True, repr=False)
class ChatBench:
    """Runs scenarios for one test."""

    name: str
    """Of the test; the directories of its runs are called after it."""
    folder: Path
    """Where they are made."""
    lock: Path
    """Who holds it has the machine."""
    budgets: tuple[str, ...] = ()
    """By which every run is judged, besides its own."""
    carry_out: CarryOut = carry_out
    results: list[RunResult] = field(default_factory=list)
    """In the order of the runs."""

    def run(
        self,
        scenario: str | Path = "fanout",
        *,
        app: object = None,
        command: str | None = None,
        url: str | Sequence[str] | None = None,
        **flags: Any,
    ) -> RunResult:
        """Run ``scenario``, a name of the catalogue or a file, against a server, and say what became of it.

        ``app`` is an ASGI application, served by a thread of this process, or an import string like "chat.main:app",
        served by uvicorn as a process of its own. ``command`` is a line for the shell that starts a server, with
        ``{port}`` in it or an address in what it prints. ``url`` is the address of one that is there, or of each node.
        Without any of them it is the scenario's target, or the reference server.

        ``flags`` are those of ``chatbench run``: ``users=50, duration="3s", budget=["..."]``. InputError and
        TargetUnreachableError where there is nothing to measure; a broken budget is no error, but in the result.
        """
        __tracebackhide__ = True
        try:
            result = self._run(str(scenario), _Under.of(app, command, url), flags)
        except BenchError as error:
            # The text says all; where in our own code it was noticed does not help a test's reader.
            raise error.with_traceback(None) from None
        self.results.append(result)
        return result

    def _run(self, scenario: str, under: _Under, flags: Mapping[str, Any]) -> RunResult:
        typed, arguments = flags_from(flags, self.budgets)
        address = _SOMEWHERE if under.is_started else under.url
        settled = settle(scenario, typed | ({} if address is None else {"target.url": address}), os.environ)
        refuse(settled.sweep, "chatbench.run")
        raise_open_files_limit()  # also of a server that we start, which inherits it
        with _held(self.lock):
            directory = _made(self.folder, f"{self.name}-{settled.name}")
            log = directory / SERVER_LOG_NAME
            cores = cores_for(settled.process_count) if under.is_started else None
            with under.served(log, cores) as server:
                addresses = under.addresses if server is None else [server.url]
                ending = self._carried_out(
                    [
                        *(scenario, *arguments, *(word for each in addresses for word in ("--target", each))),
                        *(() if cores is None else ("--worker-cores", ",".join(map(str, sorted(cores.generator))))),
                        *("--out", str(directory), "--force", "--quiet"),
                    ],
                    PATIENCE * settled.planned_s,
                )
                server_end = _end_of(server)
        return _result_of(ending, directory, server_end)

    def _carried_out(self, arguments: Sequence[str], planned_s: float) -> Ending:
        """KeyboardInterrupt where somebody asked us to end; the run was ended first."""
        if threading.current_thread() is not threading.main_thread():  # where no signal arrives
            return self.carry_out(arguments, planned_s, lambda: 0)
        with interrupts() as asked, contextlib.suppress(InterruptedRunError):
            ending = self.carry_out(arguments, planned_s, asked)
        if asked():
            raise KeyboardInterrupt
        return ending


@dataclass(frozen=True, slots=True)
class _Under:
    """The server under test, as a test names it."""

    app: object = None
    command: str | None = None
    url: str | list[str] | None = None

    @classmethod
    def of(cls, app: object, command: str | None, url: str | Sequence[str] | None) -> _Under:
        """InputError where there is more than one."""
        given = [name for name, value in (("app", app), ("command", command), ("url", url)) if value is not None]
        if len(given) > 1:
            raise InputError(f"chatbench.run: expected one of app, command and url, got {' and '.join(given)}")
        if isinstance(app, str):
            return cls(command=command_for(app))
        return cls(app, command, url if url is None or isinstance(url, str) else list(url))

    @property
    def is_started(self) -> bool:
        return self.app is not None or self.command is not None

    @property
    def addresses(self) -> list[str]:
        return [] if self.url is None else [self.url] if isinstance(self.url, str) else self.url

    @contextlib.contextmanager
    def served(self, log: Path, cores: Pinning | None) -> Iterator[Server | None]:
        """Start it, where it is ours to start, and end it afterwards."""
        its_cores = None if cores is None else cores.server
        if self.command is not None:
            with serving(self.command, log, cores=its_cores) as server:
                yield server
        elif self.app is not None:
            from scenarios.asgi_thread import serving_app

            with serving_app(self.app, cores=its_cores) as served:
                yield served
        else:
            yield None


def flags_from(given: Mapping[str, Any], budgets: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Keywords as settling takes them, by key path, and as ``chatbench run`` does; InputError where one is unknown.

    ``budgets`` come on top of those given.
    """
    known = {flag.name.removeprefix("--").replace("-", "_"): flag for flag in FLAGS}
    typed: dict[str, Any] = {}
    passed: list[str] = []
    given = dict(given)
    if budgets:
        given["budget"] = [*_items(given.get("budget") or []), *budgets]
    for name, value in ({"plots": False} | given).items():
        if name in _NOT_OF_A_TEST:
            raise InputError(f"chatbench.run: expected no {name} ({_NOT_OF_A_TEST[name]}), got {value!r}")
        if name not in known:
            near = get_close_matches(name, known.keys() - _NOT_OF_A_TEST.keys(), n=1)
            hint = f'did you mean "{near[0]}"?' if near else "it takes the flags of chatbench run"
            raise InputError(f'chatbench.run: unknown keyword "{name}"; {hint}')
        if value is None:
            continue
        flag = known[name]
        if isinstance(value, bool):
            typed[flag.key] = value
            denied = [flag.name.replace("--", "--no-", 1)] if flag.name in _CAN_BE_DENIED else []
            passed += [flag.name] if value else denied
            continue
        lines = [f"{key}: {text}" for key, text in value.items()] if isinstance(value, dict) else _items(value)
        typed[flag.key] = headers_from(lines, name) if name == "header" else lines if _is_list(value) else lines[0]
        passed += [word for line in lines for word in (flag.name, line)]
    return typed, passed


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)


def _items(value: Any) -> list[str]:
    return [str(item) for item in (value if _is_list(value) else [value])]


def command_for(app: str) -> str:
    """What serves the application that an import string names, which is found wherever this process finds it."""
    if not _IMPORT_STRING.fullmatch(app):
        raise InputError(f'app: expected an ASGI application, or where it is, like "chat.main:app", got "{app}"')
    path = os.pathsep.join(entry for entry in sys.path if entry)
    uvicorn = [sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", "{port}"]
    return shlex.join(["env", f"PYTHONPATH={path}", *uvicorn, "--log-level", "warning"])


def cores_for(process_count: int) -> Pinning | None:
    """A core for each process of the generator, the others for the server; None where that leaves it none."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    cores = sorted(os.sched_getaffinity(0))
    server, generator = cores[:-process_count], cores[-process_count:]
    return Pinning(frozenset(server), frozenset(generator)) if server else None


@contextlib.contextmanager
def _held(lock: Path) -> Iterator[None]:
    """Wait for the machine, and have it."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _made(folder: Path, name: str) -> Path:
    """A new directory called ``name``, with a number where there is one already."""
    base = folder / (_NOT_IN_A_NAME.sub("-", name)[:_LONGEST_NAME].strip("-.") or "run")
    directory, number = base, 1
    while True:
        try:
            directory.mkdir(parents=True)
        except FileExistsError:
            number += 1
            directory = base.with_name(f"{base.name}-{number}")
        except OSError as error:
            raise InputError(f"{directory}: cannot write there: {error.strerror}") from None
        else:
            return directory


def _end_of(server: Server | None) -> str | None:
    how = None if server is None else server.died()
    if how is None or not isinstance(server, CommandServer):
        return how
    said = last_lines(server.log)
    return f"ended during the run ({how}); " + (f"it last said: {said}" if said else "it said nothing")


def _result_of(ending: Ending, directory: Path, server_end: str | None) -> RunResult:
    code, is_there = ending.code, (directory / store.DOCUMENT_NAME).exists()
    if is_there and code in (ExitCode.PASS, ExitCode.FAILED, ExitCode.INVALID):
        return RunResult(store.read_document(directory), directory, ExitCode(code), server_end)
    if code == ExitCode.UNREACHABLE:
        why = ending.said or _refusal_in(store.read_document(directory))
        raise TargetUnreachableError(why if server_end is None else f"{why}; the server {server_end}")
    if code == ExitCode.BAD_INPUT:
        raise InputError(ending.said)
    raise RuntimeError(f"the run in {directory} ended with exit code {code}: {ending.said}")


def _refusal_in(document: Document) -> str:
    """Why nobody was let in."""
    why = ENDED_EARLY.get(document["run"]["ended_early"], "nobody was let in")
    errors = [
        f"{error['count']} times {error['kind']} in {error['phase']} ({printable(error['example'] or '')})"
        for error in document["errors"]
    ]
    return "; ".join([f"{document['target']['url']}: {why}", *errors])
