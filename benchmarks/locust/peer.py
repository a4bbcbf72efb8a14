"""A locustfile: the WebSocket user on websocket-client that people write today, against the relay.

    locust -f benchmarks/locust/peer.py --headless -u 500 -r 100 --host ws://127.0.0.1:PORT

One user writes, everybody reads, and each delivery is a request event. When the window is over it ends by itself, and
its last line is JSON.
"""

import itertools
import json
import re
import resource
import time
from typing import Any, cast

import gevent
import websocket
from locust import User, constant, constant_throughput, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import Runner

NS_PER_MS = 10**6
STAMP = re.compile(r"sent=(\d+)")
ROOM = "lobby"


@events.init_command_line_parser.add_listener
def add_options(parser: LocustArgumentParser) -> None:
    """What is not Locust's own."""
    parser.add_argument("--rate", type=float, default=20, help="messages a second")
    parser.add_argument("--payload", type=int, default=200, help="bytes of each message's text")
    parser.add_argument("--warmup", type=float, default=2, help="seconds, once everybody is there")
    parser.add_argument("--seconds", type=float, default=10, help="the measured part")
    parser.add_argument("--unchecked", action="store_true", help="believe that texts are UTF-8")


class ChatMember(User):
    """Joins the room, and reads in a greenlet of its own whatever comes."""

    abstract = True
    numbers = itertools.count()

    def on_start(self) -> None:
        """Connect, join, and begin to read."""
        began = time.perf_counter()
        self.socket = websocket.create_connection(
            f"{self.host}/relay?name=user{next(self.numbers)}",
            skip_utf8_validation=self.environment.parsed_options.unchecked,
        )
        self.socket.send(f"JOIN {ROOM}")
        self.socket.recv()
        self.fire("connect", (time.perf_counter() - began) * 1000, 0)
        self.reader = gevent.spawn(self.read)

    def on_stop(self) -> None:
        """Stop reading, and hang up."""
        self.reader.kill()
        self.socket.close()

    def read(self) -> None:
        """Say how long each message took."""
        while True:
            frame = self.socket.recv()
            stamp = STAMP.search(cast("str", frame))  # the relay sends texts only
            if stamp:
                self.fire("delivery", (time.time_ns() - int(stamp[1])) / NS_PER_MS, len(frame))

    def fire(self, name: str, response_time_ms: float, response_length: int) -> None:
        """Tell Locust."""
        self.environment.events.request.fire(
            request_type="WS",
            name=name,
            response_time=response_time_ms,
            response_length=response_length,
            exception=None,
            context={},
        )


class Reader(ChatMember):
    """Has nothing to say."""

    wait_time = constant(3600)

    @task
    def nothing(self) -> None:
        """Locust wants a task."""


class Writer(ChatMember):
    """The one who writes."""

    fixed_count = 1

    def wait_time(self) -> float:
        """As often as the command line says."""
        return constant_throughput(self.environment.parsed_options.rate)(self)

    @task
    def say(self) -> None:
        """A message to everybody in the room, with the time at its end."""
        stamp = f" sent={time.time_ns()}"
        filler = "x" * (self.environment.parsed_options.payload - len(stamp))
        self.socket.send(f"SAY - {filler}{stamp}")
        self.fire("send", 0, 0)


@events.init.add_listener
def measure(environment: Environment, runner: Runner, **_: Any) -> None:
    """Measure once everybody is there, then end."""
    measurement = Measurement(environment, runner)
    environment.events.spawning_complete.add_listener(measurement.begin)
    # Locust prints its tables before, so this is the last line.
    environment.events.quit.add_listener(measurement.tell)


class Measurement:
    """Waits for the warm-up, then measures."""

    def __init__(self, environment: Environment, runner: Runner) -> None:
        assert environment.parsed_options is not None
        self.options = environment.parsed_options
        self.stats = environment.stats
        self.runner = runner
        self.figures: dict[str, Any] | None = None
        self.warmup_deliveries = 0

    def begin(self, user_count: int, **_: Any) -> None:
        """Everybody is there."""
        gevent.spawn(self.carry_out, user_count)

    def carry_out(self, user_count: int) -> None:
        """Measure, and stop everything."""
        gevent.sleep(self.options.warmup)
        self.warmup_deliveries = self.stats.get("delivery", "WS").num_requests
        self.stats.reset_all()
        began_cpu_s = cpu_s()
        gevent.sleep(self.options.seconds)
        used_cpu_s = cpu_s() - began_cpu_s
        delivery, sent = self.stats.get("delivery", "WS"), self.stats.get("send", "WS")
        received = delivery.num_requests
        self.figures = {
            "seconds": self.options.seconds,
            "cpu_s": used_cpu_s,
            "cpu_us_per_delivery": used_cpu_s * 1e6 / received if received else None,
            "deliveries_received": received,
            "deliveries_expected": sent.num_requests * user_count,
            "p50_ms": delivery.get_response_time_percentile(0.5),
            "p99_ms": delivery.get_response_time_percentile(0.99),
        }
        gevent.spawn(self.runner.quit)

    def tell(self, **_: Any) -> None:
        """Print what was measured, where it came to that."""
        if self.figures is not None:
            all_phases = self.warmup_deliveries + self.stats.get("delivery", "WS").num_requests
            print(json.dumps(self.figures | {"deliveries_of_all_phases": all_phases}), flush=True)


def cpu_s() -> float:
    """CPU time so far, children included."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
