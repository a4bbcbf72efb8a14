"""The figures of a document for Prometheus: what the samples are called, what they mean, and what they are.

A sample has exactly the value of the document, in seconds where that has milliseconds. What the document does not
know has no sample.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from loadgen.measure.tally import OF_THE_WHOLE_RUN, Count, Metric
from reports.budgets import Document

_MS_PER_S = 1000
_QUANTILES = {"0.5": "p50", "0.9": "p90", "0.95": "p95", "0.99": "p99"}
_USERINFO = re.compile(r"(?<=//)[^/]*@")

# What the plan asks for. It is corrected when somebody is no longer waited for, and a counter must never shrink.
_PLANNED = frozenset({Count.USERS_PLANNED, Count.CONNECTIONS_PLANNED})

_COUNTERS = {
    Count.USERS_PLANNED: "Users of the plan.",
    Count.CONNECTIONS_PLANNED: "Connections that the plan asks for, those of users who come back included.",
    Count.CONNECTIONS_OPENED: "Connections opened: the 101 was received.",
    Count.CONNECTIONS_FAILED: "Users who did not get in, or tried to come back and did not, at the login or later.",
    Count.CONNECTIONS_DROPPED: "Sockets lost that neither we nor the plan wanted closed.",
    Count.RECONNECTS: "Users who lost their socket and are back in the room.",
    Count.MESSAGES_DUE: "Messages that the plan wanted sent.",
    Count.MESSAGES_SENT: "Messages handed to the transport.",
    Count.MESSAGES_UNSENT: "Messages that were due and not sent.",
    Count.ACKS_RECEIVED: "Acknowledgements of the server.",
    Count.DELIVERIES_EXPECTED: "Deliveries expected: each message, once for every receiver.",
    Count.DELIVERIES_RECEIVED: "Deliveries received, each expected one once, late ones included.",
    Count.DELIVERIES_LOST: "Deliveries that were not there when the drain ended.",
    Count.DELIVERIES_DUPLICATED: "Extra copies of deliveries.",
    Count.DELIVERIES_REORDERED: "Deliveries after a later one of the same sender, or of a room with numbers.",
    Count.DELIVERIES_LATE: "Deliveries received after the deadline.",
    Count.DELIVERIES_UNEXPECTED: "Deliveries read by someone they were not for.",
    Count.DELIVERIES_EXCUSED: "Deliveries not received, since the receiver had left or its socket was gone.",
    Count.DELIVERIES_RECOVERED: "Excused deliveries that history brought when the receiver was back.",
    Count.DELIVERIES_LOST_ACKED: "Lost deliveries of messages that the server had acknowledged.",
    Count.DELIVERIES_LOST_UNACKED: "Lost deliveries of messages that the server may never have had.",
    Count.FRAMES_DAMAGED: "Frames with a marker that is not as it was sent.",
    Count.FRAMES_SENT: "Frames sent.",
    Count.FRAMES_RECEIVED: "Frames received.",
    Count.BYTES_SENT: "Bytes sent.",
    Count.BYTES_RECEIVED: "Bytes received.",
}
_OF_ITS_TRAFFIC = frozenset({Count.FRAMES_SENT, Count.FRAMES_RECEIVED, Count.BYTES_SENT, Count.BYTES_RECEIVED})
_OF_ITS_LOSSES = frozenset({Count.DELIVERIES_LOST, Count.DELIVERIES_LOST_ACKED, Count.DELIVERIES_LOST_UNACKED})

_TIMES = {
    Metric.LOGIN_TIME: "From the login request to the token.",
    Metric.CONNECT_TIME: "From opening a connection to the 101 received.",
    Metric.JOIN_TIME: "From the join frame to its confirmation.",
    Metric.ACK_TIME: "From sent to the acknowledgement of the server.",
    Metric.HTTP_TIME: "From an HTTP request of a user who talks to its complete answer.",
    Metric.DELIVERY_TIME: "From due to received: what a user feels.",
    Metric.DELIVERY_SERVICE_TIME: "From sent to received: the server and the network.",
    Metric.FIRST_DELIVERY_TIME: "From due to the first receiver of each message.",
    Metric.LAST_DELIVERY_TIME: "From due to the last receiver of each message.",
    Metric.FANOUT_TIME: "From the first to the last receiver of each message that reached several.",
    Metric.SEND_LATENESS: "From due to sent: the generator's own fault.",
    Metric.RECONNECT_TIME: "From the loss of the socket until back in the room.",
    Metric.LOOP_LAG: "How late the generator's own event loop ran.",
    Metric.GC_PAUSE: "How long the generator's garbage collector held it up.",
}

_WHOLE_RUN = "Of the whole run."
_SO_FAR = "Of the measured window so far."
_LAST_SECOND = "In the last complete second."

_RUN_LABELS = ("run_id", "scenario", "dialect", "target")
_ERROR_LABELS = ("kind", "phase")


class Kind(StrEnum):
    """Prometheus' types."""

    COUNTER = "counter"
    GAUGE = "gauge"
    SUMMARY = "summary"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Sample:
    """One value; None: there is none."""

    value: float | None
    labels: tuple[tuple[str, str], ...] = ()
    suffix: str = ""
    """What follows the name of a summary's sum and count."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One that can be drawn or asked for."""

    name: str
    """As samples bear it, ``_total`` and ``_info`` included."""
    kind: Kind
    text: str
    look: Callable[[Document], Iterable[Sample]]
    labels: tuple[str, ...] = ()

    @property
    def _root(self) -> str:
        return self.name.removesuffix("_total").removesuffix("_info")

    def family(self, document: Document | None = None) -> Family:
        """What the library makes text of; without a document there are no samples in it."""
        family = Family(self._root, self.text, str(self.kind))
        for sample in () if document is None else self.look(document):
            if sample.value is not None:
                family.add_sample(self.name + sample.suffix, dict(sample.labels), sample.value)
        return family


class Exposition(Collector):
    """Tells the figures of :attr:`document`, which is replaced as a whole and never changed."""

    def __init__(self) -> None:
        self.document: Document | None = None
        """The newest one; None until there is one."""

    def describe(self) -> Iterable[Family]:
        return [figure.family() for figure in FIGURES]

    def collect(self) -> Iterator[Family]:
        document = self.document
        for figure in () if document is None else FIGURES:
            family = figure.family(document)
            if family.samples:
                yield family


# --- what there is in a document ----------------------------------------------------------------------------------


def _counter(count: Count) -> Figure:
    def look(document: Document) -> Iterator[Sample]:
        yield Sample(document["counters"].get(count))

    text = f"{_COUNTERS[count]} {_when_counted(count)}"
    if count in _PLANNED:
        return Figure(f"chatbench_{count}", Kind.GAUGE, text, look)
    return Figure(f"chatbench_{count}_total", Kind.COUNTER, text, look)


def _when_counted(count: Count) -> str:
    if count in OF_THE_WHOLE_RUN or count is Count.FRAMES_DAMAGED:  # when that was due, nobody can read any more
        return _WHOLE_RUN
    if count in _OF_ITS_TRAFFIC:
        return "Within the measured window; 0 until it has ended."
    until = "the drain has ended" if count in _OF_ITS_LOSSES else "it begins"
    return f"Of messages due in the measured window; 0 until {until}."


def _time(metric: Metric) -> Figure:
    def look(document: Document) -> Iterator[Sample]:
        told = document["metrics"].get(metric)
        if not told or not told["count"]:
            return
        for q, name in _QUANTILES.items():
            yield Sample(_seconds(told[name]), (("quantile", q),))
        yield Sample(told["count"], suffix="_count")
        yield Sample(_seconds(told["mean"] * told["count"]), suffix="_sum")

    of = _WHOLE_RUN if metric in OF_THE_WHOLE_RUN else _SO_FAR
    return Figure(f"chatbench_{metric}_seconds", Kind.SUMMARY, f"{_TIMES[metric]} {of}", look, ("quantile",))


def _recent(metric: Metric, *quantiles: str) -> Figure:
    """Of the last second; a summary without sum and count, which the document has of the whole window alone."""

    def look(document: Document) -> Iterator[Sample]:
        for q in quantiles:
            value_ms = _last(document, f"{metric}_{_QUANTILES[q]}_ms")
            yield Sample(_seconds(value_ms), (("quantile", q),))

    name = f"chatbench_recent_{metric}_seconds"
    return Figure(name, Kind.SUMMARY, f"{_TIMES[metric]} {_LAST_SECOND}", look, ("quantile",))


def _in_the_last_second(series: str, text: str) -> Figure:
    def look(document: Document) -> Iterator[Sample]:
        yield Sample(_last(document, series))

    return Figure(f"chatbench_{series}", Kind.GAUGE, f"{text} {_LAST_SECOND}", look)


def _of_workers(key: str, name: str, text: str) -> Figure:
    def look(document: Document) -> Iterator[Sample]:
        for number, worker in enumerate(document["generator"]["processes"], 1):
            yield Sample(worker[key], (("worker", str(number)),))

    return Figure(f"chatbench_worker_{name}", Kind.GAUGE, text, look, ("worker",))


def _run_info(document: Document) -> Iterator[Sample]:
    run, target = document["run"], document["target"]
    # A password in an address is not for a system that many people look at.
    urls = ", ".join(_USERINFO.sub("", url) for url in target["urls"])
    told = (run["id"], run["scenario"], target["dialect"], urls)
    yield Sample(1, tuple(zip(_RUN_LABELS, told, strict=True)))


def _phase(document: Document) -> Iterator[Sample]:
    for phase in document["phases"][-1:]:
        if phase["end_s"] is None:
            yield Sample(1, (("phase", phase["name"]),))


def _errors(document: Document) -> Iterator[Sample]:
    for error in document["errors"]:
        yield Sample(error["count"], tuple((label, error[label]) for label in _ERROR_LABELS))


def _verdict(document: Document) -> Iterator[Sample]:
    if document["verdict"] is not None:
        yield Sample(1, (("verdict", document["verdict"]),))


def _seconds(value_ms: float | None) -> float | None:
    return None if value_ms is None else value_ms / _MS_PER_S


def _last(document: Document, series: str) -> Any:
    """In the last second that the document tells of; None where it tells nothing."""
    values = document["series"].get(series)
    return values[-1] if values else None


FIGURES: tuple[Figure, ...] = (
    Figure("chatbench_run_info", Kind.INFO, "Which run this is.", _run_info, _RUN_LABELS),
    Figure("chatbench_phase", Kind.GAUGE, "1 for the phase the run is in; none when it is over.", _phase, ("phase",)),
    Figure("chatbench_verdict", Kind.GAUGE, "1 for the verdict; none until the run is over.", _verdict, ("verdict",)),
    _in_the_last_second("connections", "Sockets open."),
    *map(_counter, Count),
    Figure("chatbench_errors_total", Kind.COUNTER, f"Errors by kind and phase. {_WHOLE_RUN}", _errors, _ERROR_LABELS),
    *map(_time, Metric),
    _recent(Metric.DELIVERY_TIME, "0.5", "0.9", "0.99"),
    _recent(Metric.SEND_LATENESS, "0.99"),
    _recent(Metric.LOOP_LAG, "0.99"),
    _in_the_last_second("generator_cpu_ratio", "CPU of all workers together; 1 is one core."),
    _in_the_last_second("generator_rss_bytes", "Memory of all workers together."),
    _in_the_last_second("generator_descriptors", "Open files and sockets of all workers together."),
    _of_workers("cpu_ratio", "cpu_ratio", f"CPU of one worker; 1 is one core. {_SO_FAR}"),
    _of_workers("rss_bytes", "peak_rss_bytes", f"The most memory of one worker. {_WHOLE_RUN}"),
    _in_the_last_second("server_cpu_ratio", "CPU of the server, where it is ours; 1 is one core."),
    _in_the_last_second("server_rss_bytes", "Memory of the server, where it is ours."),
    _in_the_last_second("server_descriptors", "Open files and sockets of the server, where it is ours."),
    _in_the_last_second("machine_cpu_ratio", "CPU of the whole machine; 1 is all cores."),
    _in_the_last_second("others_cpu_ratio", "CPU of what is neither generator nor our server; 1 is all cores."),
    _in_the_last_second("socket_memory_bytes", "What the kernel holds in the buffers of all TCP sockets."),
)
"""All there are, in the order in which they are told."""
