"""Everything that goes wrong on purpose, in one running server."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from target_app.agenda import Agenda
from target_app.alarm import Alarm
from target_app.choices import drawn_delay, who
from target_app.deliveries import Deliveries
from target_app.dice import key_of, lot
from target_app.faults import Close, Faults, Freeze
from target_app.outbox import Origin, Outbox
from target_app.truth import Truth

# What a reader of the truth log may be behind.
FLUSH_S = 1.0

# How soon a wait for a slow reading notices that its connection is closed.
LOOK_UP_S = 0.1

# Later than anything on the agenda.
_FOR_EVER_NS = 1 << 63


class Misfortune:
    """Does what the faults ask for, and tells the truth about it; `running` while the server is."""

    def __init__(self, faults: Faults, truth_path: Path) -> None:
        self.faults = faults
        self._truth = Truth(truth_path, faults, time.monotonic_ns())
        self._alarm = Alarm()
        self._agenda = Agenda(self._alarm.set)
        self._deliveries = Deliveries(faults, self._truth, self._agenda)
        self._users: dict[Outbox, str] = {}
        self._login_delay = drawn_delay(faults.seed, "login delay", faults.login.delay)
        self._login_count: Counter[str] = Counter()
        self._upgrade_count: Counter[str] = Counter()
        self._timers: list[asyncio.TimerHandle] = []

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep time inside the block; close the books after it, when all connections are closed."""
        self._alarm.start(lambda: self._agenda.do(time.monotonic_ns()))
        flushing = asyncio.create_task(self._flush_now_and_then())
        yield
        flushing.cancel()
        for timer in self._timers:
            timer.cancel()
        # What has not left by now finds its socket closed.
        self._agenda.do(_FOR_EVER_NS)
        self._alarm.stop()
        deliveries = self._deliveries
        self._truth.tell("end", messages=deliveries.message_count, deliveries=deliveries.delivery_count)
        self._truth.close()

    # --- connections

    def arrived(self, outbox: Outbox, user: str) -> None:
        """Know a connection whose user was admitted."""
        self._users[outbox] = user
        self._deliveries.add(outbox, user)
        slow = self._slow_bytes_per_s(user)
        if slow is not None:
            self._truth.tell("reads_slowly", user=user, at_ns=time.monotonic_ns(), bytes_per_s=slow)

    def left(self, outbox: Outbox) -> None:
        """Forget a connection that has ended."""
        self._deliveries.remove(outbox)
        user = self._users.pop(outbox)
        self._truth.tell("gone", user=user, at_ns=time.monotonic_ns(), code=outbox.closed_with)

    def deliver(self, text: str, members: Mapping[Outbox, object], origin: Origin) -> None:
        """Send one text to many, or not, or later; takes the place of `target_app.outbox.deliver`."""
        if self._deliveries.message_count == 0:
            self._start_timers()
        self._deliveries.deliver(text, members, origin)

    async def read(self, outbox: Outbox, frame: str | bytes) -> None:
        """Take as long over a frame as reading it takes; no longer than its connection is open."""
        bytes_per_s = self._slow_bytes_per_s(self._users[outbox])
        if bytes_per_s is None:
            return
        size_bytes = len(frame if isinstance(frame, bytes) else frame.encode())
        until_ns = time.monotonic_ns() + round(size_bytes / bytes_per_s * 1e9)
        while outbox.closed_with is None and (left_s := (until_ns - time.monotonic_ns()) / 1e9) > 0:
            await asyncio.sleep(min(left_s, LOOK_UP_S))

    # --- before there is a connection

    async def refuses_login(self, user: str) -> bool:
        """Whether a login with the right password is refused all the same; takes its time over the answer."""
        attempt = self._login_count[user]
        self._login_count[user] += 1
        if self._login_delay is not None:
            from_ns = time.monotonic_ns()
            is_due = asyncio.Event()
            self._agenda.at(from_ns + self._login_delay.ns(attempt, who(user)), is_due.set)
            await is_due.wait()
            to_ns = time.monotonic_ns()
            self._truth.tell("login_delayed", user=user, attempt=attempt, from_ns=from_ns, to_ns=to_ns)
        refused = self._draw("login refusal", attempt, user) < self.faults.login.refuse
        if refused:
            self._truth.tell("login_refused", user=user, attempt=attempt, at_ns=time.monotonic_ns())
        return refused

    def never_answers(self, user: str) -> bool:
        """Whether this handshake gets no answer."""
        attempt = self._upgrade_count[user]
        self._upgrade_count[user] += 1
        hung = self._draw("upgrade", attempt, user) < self.faults.upgrade.never_answer
        if hung:
            self._truth.tell("upgrade_hung", user=user, attempt=attempt, at_ns=time.monotonic_ns())
        return hung

    # --- what befalls the whole server

    def _start_timers(self) -> None:
        loop = asyncio.get_running_loop()
        for freeze in self.faults.freeze:
            self._timers.append(loop.call_later(freeze.after_s, self._freeze, freeze))
        for number, close in enumerate(self.faults.close):
            self._timers.append(loop.call_later(close.after_s, self._close, number, close))

    def _freeze(self, freeze: Freeze) -> None:
        from_ns = time.monotonic_ns()
        # The event loop stands still, which is the point.
        time.sleep(freeze.for_s)
        self._truth.tell("freeze", from_ns=from_ns, to_ns=time.monotonic_ns())

    def _close(self, number: int, close: Close) -> None:
        at_ns = time.monotonic_ns()
        chosen = self._chosen(number, close)
        for outbox in chosen:
            outbox.close(close.code, close.reason)
        users = [self._users[outbox] for outbox in chosen]
        self._truth.tell("close", at_ns=at_ns, users=users, code=close.code, reason=close.reason)

    def _chosen(self, number: int, close: Close) -> list[Outbox]:
        is_open = [outbox for outbox in self._users if outbox.is_open()]
        if close.users is not None:
            return [outbox for outbox in is_open if self._users[outbox] in close.users]
        assert close.share is not None
        is_open.sort(key=lambda outbox: self._draw("close", number, self._users[outbox]))
        return is_open[: round(close.share * len(is_open))]

    def _slow_bytes_per_s(self, user: str) -> float | None:
        slow = self.faults.reading.slow
        return slow.bytes_per_s if slow is not None and self._draw("reading", 0, user) < slow.share else None

    def _draw(self, kind: str, number: int, user: str) -> float:
        return lot(key_of(self.faults.seed, kind), number, key_of(user))

    async def _flush_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            self._truth.flush()
