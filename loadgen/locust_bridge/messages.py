"""What the master and the workers of a run say to each other, and how it travels between machines.

Within a process it is handed over as it is; between processes Locust's own connection carries it as msgpack, so it is
plain data there, and checked when it comes in: the other end may be another machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadgen.engine.wire import Attended, Closed, Done, Finish, Hear, Measure, Speak, Stop, Tell, Tick
from loadgen.measure import plain, plain_tally
from loadgen.measure.clocks import Clock
from loadgen.measure.record import MachineReading, Reading
from loadgen.plan.sections import Section


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a worker is; told when it connects."""

    version: str
    """Of chatbench."""
    scenario: str
    """What it was started with: the name, and a digest of the file's text."""
    host: str
    clock: str
    """Which clock its times are of: workers who say the same share one."""
    pid: int


@dataclass(frozen=True, slots=True)
class Ping:
    """Answered by Pong at once."""

    number: int


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer."""

    number: int
    now_ns: int
    """On the clock of who answers."""


@dataclass(frozen=True, slots=True)
class Prepare:
    """A run is to begin. Times are on the clock of who is told; answered by Ready or Refused."""

    tag: str
    base_urls: tuple[str, ...]
    flags: dict[str, Any]
    """What the scenario is settled with, by key path."""
    index: int
    count: int
    """Which share of the users it has."""
    host_count: int
    """On how many machines they are."""
    capacity: int
    """The most users there can be, of all shares together."""
    is_open_ended: bool
    """Whether the measured window lasts until it is closed."""
    origin_ns: int
    other_clocks: dict[int, Clock]
    cores: tuple[int, ...] | None
    """What its swarm keeps to; None: any."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Everything is as Prepare says."""

    swarm_pid: int


@dataclass(frozen=True, slots=True)
class Refused:
    """This worker cannot take part."""

    why: str


@dataclass(frozen=True, slots=True)
class Look:
    """Read what your processes use, now, at an end of the measured window; answered by Used."""


@dataclass(frozen=True, slots=True)
class Used:
    """What a worker's two processes, and its machine, have used so far."""

    swarm: Reading | None
    worker: Reading | None
    machine: MachineReading | None
    is_end_of_window: bool


@dataclass(frozen=True, slots=True)
class Died:
    """Its swarm process has ended before its time."""

    how: str


@dataclass(frozen=True, slots=True)
class Leaving:
    """It is about to end, as somebody wants it."""


@dataclass(frozen=True, slots=True)
class Identify:
    """Answered by Identity."""


ToWorker = Identify | Ping | Prepare | Look | Speak | Measure | Hear | Stop | Finish
ToMaster = Identity | Pong | Ready | Refused | Used | Died | Leaving | Done | Tell | Tick | Closed
Said = ToWorker | ToMaster


def to_plain(run: str, message: Said) -> dict[str, Any]:
    """The message of a run (its tag; "" where it is of none) as dictionaries, lists, texts, bytes and numbers."""
    return {"run": run, "kind": type(message).__name__, "data": _data_of(message)}


def _data_of(message: Said) -> Any:
    match message:
        case Identity():
            return [message.version, message.scenario, message.host, message.clock, message.pid]
        case Ping():
            return message.number
        case Pong():
            return [message.number, message.now_ns]
        case Prepare():
            return {
                "tag": message.tag,
                "base_urls": list(message.base_urls),
                "flags": message.flags,
                "index": message.index,
                "count": message.count,
                "host_count": message.host_count,
                "capacity": message.capacity,
                "is_open_ended": message.is_open_ended,
                "origin_ns": message.origin_ns,
                "other_clocks": [[i, c.shift_ns, c.error_ns] for i, c in message.other_clocks.items()],
                "cores": None if message.cores is None else list(message.cores),
            }
        case Ready():
            return message.swarm_pid
        case Refused():
            return message.why
        case Used():
            return {
                "swarm": plain.reading_to_plain(message.swarm) if message.swarm else None,
                "worker": plain.reading_to_plain(message.worker) if message.worker else None,
                "machine": plain.machine_reading_to_plain(message.machine) if message.machine else None,
                "is_end_of_window": message.is_end_of_window,
            }
        case Died():
            return message.how
        case Speak(section):
            return [section.number, section.start_ns, section.user_count, section.acts_per_s]
        case Measure():
            return [message.start_ns, message.end_ns, message.epoch]
        case Hear(news) | Tell(news):
            return plain.news_to_plain(news)
        case Stop():
            return message.grace_ns
        case Done():
            return message.user_count
        case Tick():
            attended = message.attendance
            return {
                "tally": plain_tally.tally_to_plain(message.tally),
                "spreads": plain.spreads_to_plain(message.spreads),
                "attended": None
                if attended is None
                else [attended.wanted_count, attended.arriving_count, attended.ready_count, attended.epoch],
            }
        case Closed():
            return {
                "tally": plain_tally.tally_to_plain(message.tally),
                "spreads": plain.spreads_to_plain(message.spreads),
                "headers": message.handshake_headers,
            }
        case _:
            return None


def from_plain(message: object) -> tuple[str, Said]:
    """The run's tag and the message; ValueError where it is none."""
    match message:
        case {"run": str(run), "kind": str(kind), "data": data}:
            try:
                return run, _message_of(kind, data)
            except (TypeError, KeyError, IndexError, AttributeError) as error:
                raise ValueError(f"{kind}: not what it should hold: {error}") from None
    raise ValueError("expected run, kind and data")


def _message_of(kind: str, data: Any) -> Said:
    match kind, data:
        case "Identity", [str(version), str(scenario), str(host), str(clock), int(pid)]:
            return Identity(version, scenario, host, clock, pid)
        case "Identify", None:
            return Identify()
        case "Ping", int(number):
            return Ping(number)
        case "Pong", [int(number), int(now_ns)]:
            return Pong(number, now_ns)
        case "Prepare", dict():
            return _prepare(data)
        case "Ready", int(pid):
            return Ready(pid)
        case "Refused", str(why):
            return Refused(why)
        case "Look", None:
            return Look()
        case "Used", {"swarm": swarm, "worker": worker, "machine": machine, "is_end_of_window": bool(is_end)}:
            return Used(
                None if swarm is None else plain.reading_from_plain(swarm),
                None if worker is None else plain.reading_from_plain(worker),
                None if machine is None else plain.machine_reading_from_plain(machine),
                is_end,
            )
        case "Died", str(how):
            return Died(how)
        case "Leaving", None:
            return Leaving()
        case "Speak", [int(number), int(start_ns), int(user_count), int() | float() as acts_per_s]:
            return Speak(Section(number, start_ns, user_count, acts_per_s))
        case "Measure", [int(start_ns), int(end_ns), int(epoch)]:
            return Measure(start_ns, end_ns, epoch)
        case "Hear", news:
            return Hear(plain.news_from_plain(news))
        case "Tell", news:
            return Tell(plain.news_from_plain(news))
        case "Stop", int(grace_ns):
            return Stop(grace_ns)
        case "Finish", None:
            return Finish()
        case "Done", int(user_count):
            return Done(user_count)
        case "Tick", {"tally": tally, "spreads": spreads, "attended": attended}:
            return Tick(plain_tally.tally_from_plain(tally), plain.spreads_from_plain(spreads), _attended(attended))
        case "Closed", {"tally": tally, "spreads": spreads, "headers": dict(headers)}:
            texts = {str(name): str(value) for name, value in headers.items()}
            return Closed(plain_tally.tally_from_plain(tally), plain.spreads_from_plain(spreads), texts)
    raise ValueError(f"no such message: {kind}")


def _attended(data: Any) -> Attended | None:
    match data:
        case None:
            return None
        case [int(wanted), int(arriving), int(ready), int(epoch)]:
            return Attended(wanted, arriving, ready, epoch)
    raise ValueError(f"expected who is there, got {data!r}")


def _prepare(data: Mapping[str, Any]) -> Prepare:
    return Prepare(
        tag=str(data["tag"]),
        base_urls=tuple(str(url) for url in data["base_urls"]),
        flags=dict(data["flags"]),
        index=int(data["index"]),
        count=int(data["count"]),
        host_count=int(data["host_count"]),
        capacity=int(data["capacity"]),
        is_open_ended=bool(data["is_open_ended"]),
        origin_ns=int(data["origin_ns"]),
        other_clocks={int(i): Clock(int(shift_ns), int(error_ns)) for i, shift_ns, error_ns in data["other_clocks"]},
        cores=None if data["cores"] is None else tuple(int(core) for core in data["cores"]),
    )
