"""Figures for Prometheus: counted as things happen where that is cheap, looked up when asked where it is not.

The registry is the app's own, so that two apps in one process keep two sets of books.
No figure names a user, a room or an address: the number of series stays what it is.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.exceptions import HTTPException

from target_app.outbox import Deliver, Origin, Outbox

# What `Metrics.text` is written in.
CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

# Of an argon2 hash: 50 ms on an idle core; of a queue of them: seconds.
_LOGIN_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

# From what a person cannot notice to what every client takes for an outage.
_LAG_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

# Of requests for a path that we do not have: what strangers try is not for our labels.
_NO_ROUTE = "none"


class LoginOutcome(StrEnum):
    """How an attempt to log in ended."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    LIMITED = "limited"
    # By a fault of ours.
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Figure:
    """One that is looked up when it is asked for; the name of one that only grows ends in `_total`."""

    name: str
    text: str
    look: Callable[[], float]


class Metrics:
    """One app's figures."""

    def __init__(self, figures: Iterable[Figure]) -> None:
        # Of the whole process, as the library has it: a series more for each counter, which nobody reads.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self.add(figures)
        self._messages = Counter("chat_messages", "Messages taken from clients.", registry=self._registry)
        self._lag = Histogram(
            "chat_event_loop_lag_seconds",
            "How late the event loop was, ten times a second.",
            buckets=_LAG_BUCKETS_S,
            registry=self._registry,
        )
        self._login_time = Histogram(
            "chat_login_seconds",
            "How long an attempt to log in took that was not turned away at the door.",
            buckets=_LOGIN_BUCKETS_S,
            registry=self._registry,
        )
        self._logins = Counter("chat_logins", "Attempts to log in.", ["outcome"], registry=self._registry)
        for outcome in LoginOutcome:
            # Known before the first of its kind: a rate of what never happened is 0, not missing.
            self._logins.labels(outcome)
        self._requests = Counter(
            "chat_requests",
            "Answers by route and status; 101 is a WebSocket.",
            ["route", "status"],
            registry=self._registry,
        )

    def add(self, figures: Iterable[Figure]) -> None:
        """Have some more."""
        self._registry.register(_LookedUp(tuple(figures)))

    def text(self) -> bytes:
        """Return all figures in Prometheus' text format."""
        return generate_latest(self._registry)

    def answered(self, route: str | None, status: int) -> None:
        """Count one answer."""
        self._requests.labels(_NO_ROUTE if route is None else route, status).inc()

    @contextmanager
    def login(self) -> Iterator[None]:
        """Count one attempt to log in, by how the block ends."""
        started_s = time.perf_counter()
        outcome = LoginOutcome.FAILED
        try:
            yield
            outcome = LoginOutcome.ACCEPTED
        except HTTPException as refusal:
            limited = refusal.status_code == HTTPStatus.TOO_MANY_REQUESTS
            outcome = LoginOutcome.LIMITED if limited else LoginOutcome.REFUSED
            raise
        finally:
            self._logins.labels(outcome).inc()
            # Who is turned away at the door takes no time, and would make logging in look quick.
            if outcome is not LoginOutcome.LIMITED:
                self._login_time.observe(time.perf_counter() - started_s)

    def lagged(self, lag_s: float) -> None:
        """Record one look at the event loop."""
        self._lag.observe(lag_s)

    def counting(self, deliver: Deliver) -> Deliver:
        """Return the same way to deliver, with its messages counted: once each, whatever the room's size."""
        messages = self._messages

        def deliver_counted(text: str, members: Mapping[Outbox, object], origin: Origin, /) -> None:
            messages.inc()
            deliver(text, members, origin)

        return deliver_counted


class _LookedUp(Collector):
    """Figures whose only book is the thing itself."""

    def __init__(self, figures: tuple[Figure, ...]) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        for figure in self._figures:
            family = CounterMetricFamily if figure.name.endswith("_total") else GaugeMetricFamily
            yield family(figure.name, figure.text, value=figure.look())
