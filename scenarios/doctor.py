"""``chatbench doctor``: looks at this machine, or tries a dialect with two users, and prints what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import re
import resource
import secrets
import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table
from rich.text import Text

from loadgen.dialects import Credentials, HttpRequest
from loadgen.dialects.script import Reach
from loadgen.dialects.scripted import ScriptedDialect, prepare
from loadgen.engine.clock import now_ns
from loadgen.engine.http import HttpClient
from loadgen.engine.limits import UNLIMITED_FILES, sockets_per_process
from loadgen.engine.probe import MachineProbe, Probe
from loadgen.engine.swarm import CONNECTS_AT_ONCE
from loadgen.engine.transport import Connection
from loadgen.engine.transport.picows_transport import PicowsTransport
from loadgen.engine.user import Books, User, UserState
from loadgen.errors import InputError, ServerError, TargetUnreachableError
from loadgen.measure import marker
from loadgen.measure.ledger import Ledger, Receive, Rules
from loadgen.measure.payload import Payload
from loadgen.measure.record import others_cpu_ratio
from loadgen.measure.tally import Tally
from loadgen.plan.plan import Plan
from loadgen.plan.rooms import Rooms, room_name
from reports.budgets import ExitCode
from scenarios.checkup import Checkup, Facts, Finding, Severity, check_up
from scenarios.diagnosis import (
    Closing,
    ConnectAttempt,
    Diagnosis,
    LoginAttempt,
    Outcome,
    Overheard,
    Person,
    Secrets,
    Step,
    Talk,
    Trouble,
    Wait,
    exit_code_of,
)
from scenarios.environment import (
    clock_sources,
    core_count,
    cpu_quota_cores,
    ephemeral_port_count,
    ephemeral_ports,
    installed_version,
    kernel_setting,
    python_wanted,
    requirements,
)
from scenarios.layers import FLAGS
from scenarios.machine import connections_per_node, process_count_for
from scenarios.settle import settle
from scenarios.target import check_reachable

CHECKUP_SCHEMA, DIAGNOSIS_SCHEMA = "chatbench.checkup/1", "chatbench.diagnosis/1"

WIDTH = 80
# Long enough for a share of a core to be seen, short enough to wait for.
LOOK_S = 0.5
CLOCK_READS = 20_000
CLOCK_ROUNDS = 5

USER_COUNT = 2
# How long anything is waited for that may not come. With all of them a server that says nothing takes 40 s.
PATIENCE_S = 5.0
# How long we listen for what should not come.
QUIET_S = 0.5
ALIVE_S = 1.0
# What is kept of what comes: enough to understand it, however much there is.
KEPT_FRAMES = 50
KEPT_MESSAGES = 200
KEPT_BYTES = 16_384

_TONES = {
    Severity.OK: "green",
    Severity.UNKNOWN: "dim",
    Severity.WARNING: "yellow",
    Severity.TOO_LITTLE: "bold red",
    Outcome.OK: "green",
    Outcome.FAILED: "bold red",
    Outcome.NOT_ASKED_FOR: "dim",
}
_BESIDE_TARGET = ("target.dialect", "target.headers", "target.insecure", "users.file", "users.tokens_file")


# --- this machine -------------------------------------------------------------------------------------------


def examine_machine(user_count: int | None, flags: Mapping[str, Any], *, print_json: bool) -> ExitCode:
    """Say what this machine can carry, and whether so many users fit, where a number is given.

    ``flags`` are those about a target that were given all the same, by key path: InputError.
    """
    for flag in FLAGS:
        if flags.get(flag.key) is not None:
            raise InputError(f"{flag.name}: expected together with --target, the server to try it on, got it alone")
    facts = _facts()
    checkup = check_up(facts, user_count)
    if print_json:
        _print_document({"schema": CHECKUP_SCHEMA, **asdict(checkup), "facts": asdict(facts)})
    else:
        _print_checkup(checkup)
    return ExitCode.INVALID if checkup.fits is False else ExitCode.PASS


def _facts() -> Facts:
    soft, hard = (
        UNLIMITED_FILES if limit == resource.RLIM_INFINITY else limit
        for limit in resource.getrlimit(resource.RLIMIT_NOFILE)
    )
    cores, port_count = core_count(), ephemeral_port_count()
    clock_source, other_sources = clock_sources()
    syn_cookies = kernel_setting("net.ipv4.tcp_syncookies")
    wanted, is_met = python_wanted()
    return Facts(
        is_root=os.geteuid() == 0,
        open_files_soft=soft,
        open_files_hard=hard,
        most_open_files=kernel_setting("fs.nr_open"),
        sockets_per_process=sockets_per_process(),
        ports=ephemeral_ports(),
        connections_per_node=None if port_count is None else connections_per_node(port_count),
        listen_queue=kernel_setting("net.core.somaxconn"),
        syn_queue=kernel_setting("net.ipv4.tcp_max_syn_backlog"),
        syn_cookies=None if syn_cookies is None else syn_cookies > 0,
        connects_at_once=CONNECTS_AT_ONCE,
        core_count=cores,
        cpu_quota_cores=cpu_quota_cores(),
        process_count=process_count_for(cores, beside_server=False),
        process_count_beside_server=process_count_for(cores, beside_server=True),
        clock_source=clock_source,
        clock_sources=other_sources,
        clock_read_ns=_clock_read_ns(),
        others_cpu_ratio=_others_cpu_ratio(),
        python=platform.python_version(),
        python_wanted=wanted,
        python_is_met=is_met,
        requirements=requirements(),
        uvloop=installed_version("uvloop"),
    )


def _clock_read_ns() -> float:
    """What a reading costs, loop and all; the best of some rounds, since others may come between."""
    rounds = []
    for _ in range(CLOCK_ROUNDS):
        began_ns = now_ns()
        for _ in range(CLOCK_READS):
            now_ns()
        rounds.append((now_ns() - began_ns) / CLOCK_READS)
    return min(rounds)


def _others_cpu_ratio() -> float | None:
    machine, ours = MachineProbe(), Probe(os.getpid())
    before, ours_before = machine.read(), ours.read()
    time.sleep(LOOK_S)
    after, ours_after = machine.read(), ours.read()
    if ours_before is None or ours_after is None:
        return None
    return others_cpu_ratio(before, after, ours_after.cpu_ns - ours_before.cpu_ns)


# --- a dialect ----------------------------------------------------------------------------------------------


def examine_dialect(flags: Mapping[str, Any], environ: Mapping[str, str], *, print_json: bool) -> ExitCode:
    """Try a dialect with two users, and say step by step what came of it; InputError where it cannot be tried.

    ``flags`` are those of ``run`` about the target and its users, by key path, as typed.
    """
    # What a run would make of them, with its own words for what is wrong.
    variables = {flag.variable for flag in FLAGS if flag.key in _BESIDE_TARGET}
    settled = settle(
        "fanout",
        {**flags, "users.count": str(USER_COUNT)},
        {name: value for name, value in environ.items() if name in variables},
    )
    base_urls = settled.base_urls[:USER_COUNT]
    plan = settled.plan_for(base_urls, secrets.token_hex(3))
    show = (lambda _: None) if print_json else _stepwise(_stdout())
    steps = asyncio.run(_examined(plan, show))
    if print_json:
        document = {
            "schema": DIAGNOSIS_SCHEMA,
            "target": [_address(url) for url in base_urls],
            "dialect": plan.dialect.name,
            "ok": exit_code_of(steps) is ExitCode.PASS,
            "steps": [asdict(step) for step in steps],
        }
        _print_document(document)
    else:
        _print_verdict(steps)
    return exit_code_of(steps)


async def _examined(plan: Plan, show: Callable[[Step], None]) -> list[Step]:
    steps = []
    async with contextlib.aclosing(Examination(plan).steps()) as coming:
        async for step in coming:
            show(step)
            steps.append(step)
            if step.is_the_end:
                break
    return steps


class Guest:
    """One of the two users and its socket; implements :class:`loadgen.engine.transport.Listener`."""

    def __init__(self, chatter: User, prefix: bytes, receive: Receive) -> None:
        """``prefix`` is what the markers of this examination start with."""
        self.chatter = chatter
        self.user = chatter.index
        self.connection: Connection | None = None
        self.closing: Closing | None = None
        self.first_frames: tuple[bytes, ...] = ()
        """What was sent after the 101."""
        self.reply_count = 0
        self._prefix = prefix
        self._take = receive
        self._frames: list[bytes] = []
        self._frame_count = 0
        self._changed = asyncio.Event()

    def receive(self, user: int, payload: bytes, now_ns: int) -> bool:
        """Let the ledger look first, as in a run."""
        taken = self._take(user, payload, now_ns)
        self._frame_count += 1
        kept = KEPT_MESSAGES if self._prefix in payload else KEPT_FRAMES
        if len(self._frames) < kept:
            self._frames.append(payload[:KEPT_BYTES])
        self.changed()
        return taken

    def opened(self, connection: Connection, now_ns: int) -> None:
        self.connection = connection
        self.first_frames = tuple(self.chatter.opened(now_ns))
        self.send(self.first_frames)

    def heard(self, payload: bytes, now_ns: int) -> None:
        replies = self.chatter.heard(payload, now_ns)
        self.reply_count += len(replies)
        self.send(replies)
        self.changed()

    def closed(self, code: int, reason: str, now_ns: int) -> None:
        self.connection = None
        self.closing = Closing(int(code), reason)
        self.chatter.closed(code, reason, now_ns)
        self.changed()

    def send(self, frames: Sequence[bytes]) -> None:
        """Send them, unless the socket is gone."""
        for frame in frames:
            if self.connection is not None:
                self.connection.send(frame)

    def changed(self) -> None:
        """Whoever waits looks again."""
        self._changed.set()

    def overheard(self) -> Overheard:
        """What came since this was asked last."""
        heard = Overheard(tuple(self._frames), self._frame_count, self.closing)
        self._frames, self._frame_count = [], 0
        return heard

    def holds(self, mark: bytes) -> bool:
        """Whether it has got the message with this marker."""
        return any(mark in frame for frame in self._frames)

    async def is_past(self, state: UserState) -> bool:
        """Wait until the user is not in a state any more, in which it waits for something; whether that has come."""
        return await self.until(lambda: self.chatter.state is not state) and self.closing is None

    async def listen(self, for_s: float) -> None:
        """Wait for what may still come, unless the socket is gone."""
        await self.until(lambda: False, for_s)

    async def until(self, is_true: Callable[[], bool], within_s: float = PATIENCE_S) -> bool:
        """Wait until ``is_true()`` or the socket is gone; whether it came to be true."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not is_true() and self.closing is None:
                    self._changed.clear()
                    await self._changed.wait()
        return is_true()


class Examination:
    """Two users who get in, talk and leave, step by step. No wait is longer than PATIENCE_S, for both together."""

    def __init__(self, plan: Plan) -> None:
        """The plan has two users and one room."""
        self._plan = plan
        script, tally = plan.dialect, Tally(now_ns())
        rules = Rules(USER_COUNT, Rooms(1), script.publish.reach, script.publish.echo, plan.deadline_ns)
        ledger = Ledger(rules, marker.prefix_of(plan.tag), tally)
        self._payload = Payload(plan.seed, plan.payload_bytes)
        self._books = Books(ledger, self._payload, plan.tag, plan.deadline_ns)
        accounts = [plan.accounts[i % len(plan.accounts)] for i in range(USER_COUNT)]
        self._people = [Person(name, password) for name, password in accounts]
        self._guests = [
            Guest(
                User(i, 0, ScriptedDialect(script, Credentials(i, person.username, person.password)), self._books),
                self._books.prefix,
                ledger.receive,
            )
            for i, person in enumerate(self._people)
        ]

    @property
    def _diagnosis(self) -> Diagnosis:
        """Judges by what is known so far: the tokens come with the login."""
        one, two = self._people
        in_urls = [urlsplit(url).password for url in self._plan.base_urls]
        hidden = Secrets.of(self._people, self._plan.headers, *in_urls)
        return Diagnosis(self._plan.dialect, (one, two), room_name(0), PATIENCE_S, hidden)

    async def steps(self) -> AsyncGenerator[Step, None]:
        """Each step when it is over; stop at one that is the end."""
        try:
            yield await self._reach()
            async with contextlib.AsyncExitStack() as stack:
                clients = [await stack.enter_async_context(self._client(url)) for url in self._urls()]
                yield await self._log_in(clients)
                yield await self._connect()
                yield await self._greet()
                yield await self._join()
                talk = await self._talk(clients[0])
            diagnosis = self._diagnosis
            for judge in (
                diagnosis.published,
                diagnosis.acknowledged,
                diagnosis.delivered,
                diagnosis.came_back,
                diagnosis.marked,
            ):
                yield judge(talk)
            yield await self._keep_alive()
            yield await self._leave()
        finally:
            for guest in self._guests:
                if guest.connection is not None:
                    guest.connection.abort()

    def _urls(self) -> Iterator[str]:
        """The node of each user: they take them in turn."""
        for i in range(USER_COUNT):
            yield self._plan.base_urls[i % len(self._plan.base_urls)]

    def _client(self, base_url: str) -> HttpClient:
        plan = self._plan
        return HttpClient(
            base_url, plan.headers, verify_tls=plan.verify_tls, timeout_s=PATIENCE_S, connection_count=USER_COUNT
        )

    async def _reach(self) -> Step:
        for base_url in self._plan.base_urls:
            try:
                await check_reachable(base_url)
            except TargetUnreachableError as error:
                return self._diagnosis.reached(_address(base_url), str(error))
        return self._diagnosis.reached(" and ".join(map(_address, self._plan.base_urls)), None)

    async def _log_in(self, clients: Sequence[HttpClient]) -> Step:
        tokens = self._plan.tokens
        if tokens or self._plan.dialect.login is None:
            for i, guest in enumerate(self._guests if tokens else ()):
                self._has(guest, tokens[i % len(tokens)])
            return self._diagnosis.logged_in(None, have_tokens=bool(tokens))
        prepare(self._plan.dialect)
        attempts = await asyncio.gather(*map(self._attempt_login, self._guests, clients))
        return self._diagnosis.logged_in(attempts, have_tokens=False)

    async def _attempt_login(self, guest: Guest, client: HttpClient) -> LoginAttempt:
        request = guest.chatter.logging_in(now_ns())
        try:
            answer = await client.request(request)
        except ServerError as error:
            return LoginAttempt(request, trouble=Trouble(error.kind, str(error)))
        attempt = LoginAttempt(request, answer)
        guest.chatter.logged_in(answer, now_ns())
        if guest.chatter.state is not UserState.LOGGED_IN:
            return attempt
        token = guest.chatter.dialect.token_from(answer)
        self._people[guest.user] = replace(self._people[guest.user], token=token or None)
        return replace(attempt, has_token=True)

    async def _listen(self, for_s: float) -> None:
        await asyncio.gather(*(guest.listen(for_s) for guest in self._guests))

    def _has(self, guest: Guest, token: str) -> None:
        guest.chatter.given(token)
        self._people[guest.user] = replace(self._people[guest.user], token=token)

    async def _connect(self) -> Step:
        attempts = await asyncio.gather(*map(self._attempt_connect, self._guests, self._urls()))
        # A server that does not like the token may say so after the 101.
        if any(guest.connection for guest in self._guests):
            await self._listen(QUIET_S)
        closings = [guest.closing for guest in self._guests]
        return self._diagnosis.connected(
            [replace(each, closing=closing) for each, closing in zip(attempts, closings, strict=True)]
        )

    async def _attempt_connect(self, guest: Guest, base_url: str) -> ConnectAttempt:
        plan, opening = self._plan, guest.chatter.dialect.open()
        transport = PicowsTransport(base_url, plan.headers, verify_tls=plan.verify_tls, timeout_s=PATIENCE_S)
        guest.chatter.connecting(now_ns())
        try:
            await transport.connect(opening, guest)
        except ServerError as error:
            return ConnectAttempt(opening, Trouble(error.kind, str(error)))
        return ConnectAttempt(opening)

    async def _greet(self) -> Step:
        sent = [guest.first_frames for guest in self._guests]
        return self._diagnosis.greeted(await self._waited_for(UserState.GREETING, sent))

    async def _join(self) -> Step:
        sent = [tuple(guest.chatter.joining(now_ns())) for guest in self._guests]
        for guest, frames in zip(self._guests, sent, strict=True):
            guest.send(frames)
        return self._diagnosis.joined(await self._waited_for(UserState.JOINING, sent))

    async def _waited_for(self, state: UserState, sent: Sequence[tuple[bytes, ...]]) -> list[Wait]:
        have_come = await asyncio.gather(*(guest.is_past(state) for guest in self._guests))
        if any(sent):  # an answer that is not awaited may say a lot
            await self._listen(QUIET_S)
        return [
            Wait(frames, has_come, guest.overheard())
            for guest, frames, has_come in zip(self._guests, sent, have_come, strict=True)
        ]

    async def _talk(self, client: HttpClient) -> Talk:
        one, two = self._guests
        acks: list[bytes] = []
        publish = self._plan.dialect.publish

        def note(_user: int, mark: bytes, _now_ns: int) -> None:
            acks.append(mark)
            one.changed()

        self._books.on_ack = note
        now = now_ns()
        message = one.chatter.due(0, now, now, writable=True)
        assert message is not None, "a user who is not ready was let through"
        mark = _marker_in(message, self._books.prefix)
        answer, trouble = None, None
        if isinstance(message, HttpRequest):
            try:
                answer = await client.request(message)
            except ServerError as error:
                trouble = Trouble(error.kind, str(error))
        else:
            one.send([message])
        expects_own = publish.echo or publish.reach is Reach.SELF
        if trouble is None and (answer is None or 200 <= answer.status < 300):
            await asyncio.gather(
                one.until(lambda: (not expects_own or one.holds(mark)) and (bool(acks) or publish.ack is None)),
                two.until(lambda: publish.reach is Reach.SELF or two.holds(mark)),
            )
            await self._listen(QUIET_S)
        return Talk(
            text=self._payload.text(0, mark),
            marker=mark.decode(),
            message_id=f"{self._plan.tag}-0-0",
            message=message,
            heard=(one.overheard(), two.overheard()),
            is_acked=bool(acks),
            answer=answer,
            trouble=trouble,
        )

    async def _keep_alive(self) -> Step:
        sent = []
        for guest in self._guests:
            regular = guest.chatter.dialect.keep_alive()
            sent.append(() if regular is None else (regular.frame,))
            guest.send(sent[-1])
        if any(sent):
            await self._listen(ALIVE_S)
        waits = [Wait(frames, heard=guest.overheard()) for guest, frames in zip(self._guests, sent, strict=True)]
        return self._diagnosis.kept_alive(waits, sum(guest.reply_count for guest in self._guests))

    async def _leave(self) -> Step:
        for guest in self._guests:
            guest.chatter.leaving()
            if guest.connection is not None:
                guest.connection.close()
        await self._listen(PATIENCE_S)
        return self._diagnosis.closed([guest.closing for guest in self._guests])


def _marker_in(message: bytes | HttpRequest, prefix: bytes) -> bytes:
    raw = message if isinstance(message, bytes) else message.path.encode() + b" " + (message.body or b"")
    found = re.search(re.escape(prefix) + rb"[0-9a-f]{%d}" % (marker.WIDTH - len(prefix)), raw)
    assert found is not None, "a dialect whose message has no {text} was let through"
    return found[0]


def _address(base_url: str) -> str:
    """Without a name and password that may stand in it."""
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


# --- on paper -----------------------------------------------------------------------------------------------


def _print_document(document: dict[str, Any]) -> None:
    json.dump(document, sys.stdout, allow_nan=False, indent=2)
    sys.stdout.write("\n")


def _print_checkup(checkup: Checkup) -> None:
    console = _stdout()
    console.print()
    for finding in checkup.findings:
        console.print(_row(finding), width=min(WIDTH, console.width))
        if finding.command is not None:
            # On one line however long it is, so that it can be copied.
            console.print(Text(f"{'':40}{finding.command}", "bold"), soft_wrap=True)
    console.print()
    console.print(Text(checkup.verdict, "bold red" if checkup.fits is False else "bold"), width=WIDTH)


def _row(finding: Finding) -> Table:
    row = _grid(10, 12, 12)
    row.add_row(
        Text(finding.severity, _TONES[finding.severity]),
        finding.check,
        Text(finding.found, "bold"),
        finding.means,
    )
    return row


def _stepwise(console: Console) -> Callable[[Step], None]:
    def show(step: Step) -> None:
        row = _grid(13, 15)
        row.add_row(Text(step.outcome, _TONES[step.outcome]), step.name, Text(step.summary))
        console.print(row, width=min(WIDTH, console.width))
        for line in step.lines:
            console.print(Text(f"{'':4}{line.direction} user {line.user}  {line.text}", "dim"), soft_wrap=True)
        if step.advice is not None:
            row = _grid(2)
            row.add_row("", Text.assemble((f"{step.key}: " if step.key else "", "bold"), step.advice))
            console.print(row, width=min(WIDTH, console.width))

    return show


def _print_verdict(steps: Sequence[Step]) -> None:
    console = _stdout()
    failed = [step.name for step in steps if step.outcome is Outcome.FAILED]
    verdict = f"Failed: {', '.join(failed)}." if failed else "All is well: a run will understand this server."
    console.print()
    console.print(Text(verdict, "bold red" if failed else "bold"))


def _grid(*widths: int) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    for width in widths:
        grid.add_column(width=width)
    grid.add_column(ratio=1)
    return grid


def _stdout() -> Console:
    return Console(highlight=False)
