"""Every figure of a run beside a second count that shares no code with the first: from the frames of simulated runs."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from loadgen.engine.user import User, UserState
from loadgen.measure.record import Phase, PhaseSpan, ProcessRecord, Record
from loadgen.plan.pacing import Gaps
from loadgen.plan.rooms import Layer, Rooms
from loadgen.plan.slices import Stretch
from reports import junit, markdown, series_csv
from reports.budgets import parse
from reports.document import RunFacts, build
from tests.support.hunting import examples
from tests.support.plans import a_plan
from tests.support.recount import (
    MS,
    QUANTILES,
    TEXT,
    Fate,
    Frame,
    Key,
    Protocol,
    S,
    Socket,
    Way,
    WireLog,
    counters_of,
    exact_ns,
    fates_of,
    in_seconds,
    times_ns_of,
)
from tests.support.simulator import Simulation

FACTS = RunFacts("id", "mine", "", "2026-01-01T00:00:00Z", "chatbench run", ("http://127.0.0.1:1",), False, {})
PROTOCOL = Protocol(
    user_of=int,
    joined=lambda frame: frame[7:].decode() if frame.startswith(b"JOINED ") else None,
    room_of=lambda frame: frame.split(b" ")[1].decode(),
    id_of=lambda frame: frame.split(b" ")[2],
    acked=lambda frame: frame[4:] if frame.startswith(b"ACK ") else None,
)
# Largest room of a class, the smallest class first.
CLASSES = ((2, "pair"), (10, "small"), (100, "medium"))

SLICE_COUNTERS = (
    *("messages_sent", "acks_received"),
    *(f"deliveries_{name}" for name in ("expected", "received", "lost", "duplicated", "reordered", "late", "excused")),
)


@dataclass
class Witnessed(Simulation):
    """A simulation with somebody between users and server who writes down what passes."""

    def __post_init__(self) -> None:
        self.log = WireLog()
        self.due_ns: list[int] = []
        super().__post_init__()

    def _opened(self, user: User) -> None:
        if user.state is not UserState.AWAY:
            self.log.sockets.append(Socket(str(user.index).encode(), self.now_ns))
        super()._opened(user)

    def _lose(self, user: int, notice: Callable[[], object]) -> None:
        if user in self._sockets:
            self.log.sockets[self._sockets[user]].closed_ns = self.now_ns
        super()._lose(user, notice)

    def _due(self, n: int, due_ns: int, sender: User) -> None:
        self.due_ns.append(due_ns)
        super()._due(n, due_ns, sender)

    def _serve(self, user: int, frame: bytes) -> None:
        self.log.frames.append(Frame(self.now_ns, self._sockets[user], Way.TO_SERVER, TEXT, frame))
        super()._serve(user, frame)

    def _arrive(self, user: int, socket: int | None, frame: bytes) -> None:
        if socket is not None and self._sockets.get(user) == socket:
            self.log.frames.append(Frame(self.now_ns, socket, Way.TO_CLIENT, TEXT, frame))
        super()._arrive(user, socket, frame)


@dataclass(frozen=True, slots=True)
class Counted:
    """A run, the document of it, and what its witness has seen."""

    simulation: Witnessed
    document: dict[str, Any]
    fates: dict[Key, Fate]
    """Of all messages."""

    @property
    def start_ns(self) -> int:
        """When the measured window began."""
        return S + self.simulation.warmup_ns

    @property
    def end_ns(self) -> int:
        """When it ended."""
        return self.start_ns + round(self.simulation.seconds * S)

    @property
    def measured(self) -> list[Fate]:
        """Of the messages due in the measured window."""
        return [fate for fate in self.fates.values() if self.start_ns <= fate.message.due_ns < self.end_ns]


def counted(simulation: Witnessed) -> Counted:
    """Carry it out."""
    tally = simulation.run()
    start_ns = S + simulation.warmup_ns
    end_ns = start_ns + round(simulation.seconds * S)
    close_ns = end_ns + simulation.drain_ns
    plan = replace(
        a_plan(simulation.user_count),
        rooms=Rooms((Layer(simulation.room_count), *simulation.more_layers)),
        warmup_ns=simulation.warmup_ns,
        measure_ns=end_ns - start_ns,
        drain_ns=simulation.drain_ns,
        deadline_ns=simulation.deadline_ns,
    )
    spans = [PhaseSpan(Phase.MEASURE, start_ns, end_ns), PhaseSpan(Phase.DRAIN, end_ns, close_ns)]
    record = Record(plan, tally, ProcessRecord(1), spans, [ProcessRecord(2)])
    budgets = [parse(f"delivery_time: {text} < 1s") for text in ("p(50)", "p(99)", "mean", "max", "min")]
    document = build(FACTS, record, [], [*budgets, parse("deliveries_received: rate > 0")])
    return Counted(simulation, document, fates_of(simulation.log, PROTOCOL, simulation.deadline_ns))


@st.composite
def simulations(draw: st.DrawFn) -> Witnessed:
    """Some users in rooms, a server that drops, doubles, delays and swaps, sockets that end, one to three processes."""
    numbers = st.integers(0, 2**32)
    user_count = draw(st.integers(2, 30))
    seed, mischief = draw(numbers), draw(st.sampled_from([0, 3, 20]))
    slow_ms = draw(st.sampled_from([1, 40, 700]))

    def fate(message: int, receiver: int) -> list[int]:
        # A number that looks drawn and depends on the two alone, however many processes ask.
        number = hash((seed, message, receiver)) % 1_000_003
        delay_ns = 50_000 + number * slow_ms
        if number % 100 < mischief:
            return [[], [delay_ns, delay_ns + number], [delay_ns + 900 * MS]][number % 3]
        return [delay_ns]

    simulation = Witnessed(
        user_count=user_count,
        room_count=draw(st.integers(1, min(4, user_count))),
        rate_per_s=draw(st.sampled_from([5.0, 40.0, 150.0])),
        seconds=draw(st.sampled_from([0.5, 1.0, 2.3])),
        gaps=draw(st.sampled_from([Gaps.CONSTANT, Gaps.EXPONENTIAL])),
        seed=seed,
        warmup_ns=draw(st.sampled_from([0, 300 * MS])),
        drain_ns=2 * S,
        deadline_ns=draw(st.sampled_from([500 * MS, 5 * S])),
        fate=fate,
        unacknowledged=frozenset(draw(st.lists(st.integers(0, 50), max_size=5))),
        ack_delay_ns=draw(st.sampled_from([1, 800])) * MS,
        late_by_ns=draw(st.sampled_from([0, 3 * MS])),
        process_count=draw(st.integers(1, 3)),
        stretches=(Stretch("stage:1", 0, 400 * MS), Stretch("stage:2", 400 * MS, None)),
    )
    for user in draw(st.lists(st.integers(0, user_count - 1), max_size=3, unique=True)):
        simulation.cut(user, draw(st.integers(1_000, 2_500)) * MS + 123)
    return simulation


def is_the_quantile(printed_ms: float | None, values_ns: Sequence[int], q: float, *, within: float = 0.001) -> bool:
    """Whether what is printed is at most 0.1 % above the exact one, and never below; or neither is there."""
    exact = exact_ns(values_ns, q)
    if exact is None or printed_ms is None:
        return exact is printed_ms is None
    return exact <= round(printed_ms * MS) <= max(exact * (1 + within), exact + 1)


def check_metric(metric: dict[str, Any], values_ns: Sequence[int]) -> None:
    """All that is said of what took so long."""
    assert metric["count"] == len(values_ns)
    if not values_ns:
        assert {metric[name] for name in ("min", "mean", "max", *QUANTILES)} == {None}
        return
    assert round(metric["min"] * MS) == min(values_ns)
    assert round(metric["max"] * MS) == max(values_ns)
    assert abs(metric["mean"] * MS - sum(values_ns) / len(values_ns)) < 1
    for name, q in QUANTILES.items():
        assert is_the_quantile(metric[name], values_ns, q), (name, metric[name], exact_ns(values_ns, q))


@pytest.mark.hunt
@given(simulations())
@examples(40)
def test_every_figure_of_a_run_is_what_a_second_count_says(simulation: Witnessed) -> None:
    """Counters, times, rates and slices: from the frames alone, in plain Python."""
    run = counted(simulation)
    document, measured = run.document, run.measured
    note(f"{len(measured)} messages of {simulation.user_count} users, {simulation.process_count} processes")

    again = counters_of(measured, simulation.deadline_ns)
    assert {name: document["counters"][name] for name in again} == again
    due_count = sum(run.start_ns <= due_ns < run.end_ns for due_ns in simulation.due_ns)
    assert document["counters"]["messages_due"] == due_count
    assert document["counters"]["messages_unsent"] == due_count - len(measured)
    assert document["counters"]["connections_opened"] == len(simulation.log.sockets)
    times_ns = times_ns_of(measured)
    for name in ("delivery_time", "delivery_service_time", "first_delivery_time", "last_delivery_time", "fanout_time"):
        check_metric(document["metrics"][name], times_ns[name])
    for name in ("ack_time", "send_lateness"):
        check_metric(document["metrics"][name], times_ns[name])
    for name in ("messages_due", "messages_sent", "deliveries_expected", "deliveries_received"):
        assert document["rates"][f"{name}_per_s"] == document["counters"][name] / simulation.seconds


@pytest.mark.hunt
@given(simulations())
@examples(25)
def test_every_slice_of_a_run_is_what_a_second_count_says(simulation: Witnessed) -> None:
    """By the size of the room, and by stage."""
    run = counted(simulation)
    members = {
        f"room-{room + 1}": sum(user % simulation.room_count == room for user in range(simulation.user_count))
        for room in range(simulation.room_count)
    }
    classes = {room: next(name for most, name in CLASSES if count <= most) for room, count in members.items()}
    parts: defaultdict[str, list[Fate]] = defaultdict(list)
    for fate in run.measured:
        # Where all rooms are of one class, nothing is told apart by it.
        if len(set(classes.values())) > 1:
            parts[f"room: {classes[fate.message.room or '']}"].append(fate)
        parts[f"stage:{1 if fate.message.due_ns - run.start_ns < 400 * MS else 2}"].append(fate)
    tally = run.simulation.tally

    assert {name for name, part in tally.slices.items() if part.counts["messages_sent"]} == set(parts)
    for name, fates in parts.items():
        part = tally.slices[name]
        again = counters_of(fates, simulation.deadline_ns)
        assert {key: part.counts[key] for key in SLICE_COUNTERS} == {key: again[key] for key in SLICE_COUNTERS}
        for metric, values_ns in times_ns_of(fates).items():
            if metric != "send_lateness":
                histogram = part.of(metric)
                assert (histogram.count, histogram.max_ns) == (len(values_ns), max(values_ns, default=None))


@pytest.mark.hunt
@given(simulations())
@examples(25)
def test_every_second_of_a_run_is_what_a_second_count_says(simulation: Witnessed) -> None:
    """The series, and series.csv: times stand in the second in which their message was due."""
    run = counted(simulation)
    series = run.document["series"]
    length = len(series["t_s"])
    messages = [fate.message for fate in run.fates.values()]

    assert series["messages_sent"] == in_seconds([each.sent_ns for each in messages], 0, length)
    assert series["messages_due"] == in_seconds(simulation.due_ns, 0, length)
    received = [at_ns for fate in run.fates.values() for at_ns in fate.received_ns.values()]
    assert series["deliveries_received"] == in_seconds(received, 0, length)
    sockets = simulation.log.sockets
    assert series["connects"] == in_seconds([each.opened_ns for each in sockets], 0, length)
    closed = [each.closed_ns for each in sockets if each.closed_ns is not None]
    assert series["disconnects"] == in_seconds(closed, 0, length)
    assert series["connections"] == [
        sum(each.opened_ns < second * S for each in sockets) - sum(at_ns < second * S for at_ns in closed)
        for second in range(1, length + 1)
    ]
    for second in range(length):
        times_ns = [
            at_ns - fate.message.due_ns
            for fate in run.fates.values()
            if fate.message.due_ns // S == second
            for at_ns in fate.received_ns.values()
        ]
        for name in ("p50", "p90", "p99"):
            assert is_the_quantile(series[f"delivery_time_{name}_ms"][second], times_ns, QUANTILES[name], within=0.016)
        longest_ms = series["delivery_time_max_ms"][second]
        assert (None if longest_ms is None else round(longest_ms * MS)) == max(times_ns, default=None)
    head, *lines = csv.reader(series_csv.render(run.document).splitlines())
    for name, column in zip(head, zip(*lines, strict=True), strict=True):
        assert [float(value) if value else None for value in column] == series[name]


@pytest.mark.hunt
@given(simulations())
@examples(20)
def test_what_is_judged_and_printed_is_what_a_second_count_says(simulation: Witnessed) -> None:
    """Budgets, junit.xml and the summary: to the three digits that are printed."""
    run = counted(simulation)
    times_ns = times_ns_of(run.measured)["delivery_time"]
    *of_times, rate = run.document["budgets"]
    exact: list[float | None] = [exact_ns(times_ns, 0.5), exact_ns(times_ns, 0.99)]
    exact += [sum(times_ns) / len(times_ns), max(times_ns), min(times_ns)] if times_ns else [None] * 3

    for budget, value_ns in zip(of_times, exact, strict=True):
        if value_ns is None:
            assert (budget["observed"], bool(budget["ok"])) == (None, False)
        else:
            assert value_ns - 1 <= budget["observed"] * MS <= value_ns * 1.001 + 1
            # Within 0.1 % of the limit either is right.
            assert budget["ok"] == (value_ns < S) or abs(value_ns / S - 1) < 0.001
    assert rate["observed"] == len(times_ns) / simulation.seconds
    told = re.search(r'name="delivery_time_p50_ms" value="([^"]*)"', junit.render(run.document))
    assert (told is None) == (exact[0] is None)
    if told is not None and exact[0] is not None:
        assert exact[0] / MS - 0.001 <= float(told[1]) <= exact[0] / MS * 1.001 + 0.001
    row = re.search(r"^\| delivery time \| ([0-9,]+) \| ([^|]*) \|", markdown.render(run.document), re.MULTILINE)
    assert (row is None) == (not times_ns)
    if row is not None:
        assert int(row[1].replace(",", "")) == len(times_ns)
        assert (row[2] == "too few") == (exact[0] is None)
        if exact[0] is not None:
            figure, unit = row[2].split()
            printed_ns = float(figure.replace(",", "")) * {"us": 1_000, "ms": MS, "s": S}[unit]
            assert exact[0] * 0.995 <= printed_ns <= exact[0] * 1.006
