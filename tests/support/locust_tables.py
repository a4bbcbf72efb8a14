"""What Locust's own tables say once seconds of ours were merged into them: run as a program, told as JSON.

A program of its own, since `import locust` patches the process it happens in.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import locust.stats
from locust import User
from locust.env import Environment
from locust.event import Events
from locust.html import get_html_report
from locust.rpc.protocol import Message
from locust.stats import RequestStats, StatsCSV
from locust.web import WebUI

from loadgen.errors import ErrorKind
from loadgen.locust_bridge import stats
from loadgen.locust_bridge.rows import rows_of
from loadgen.measure.tally import Count, Metric, Tally

START_S = 1_700_000_000.5
MS_NS = 10**6


@dataclass(slots=True)
class SetTime:
    """Stands for the time module in locust.stats, which asks it for nothing else."""

    now_s: float = START_S

    def time(self) -> float:
        return self.now_s


class Idle(User):
    """Locust draws no report without a class of users."""

    host = "http://127.0.0.1"


def deliveries(count: int, took_ms: float) -> Tally:
    """A second in which every delivery took the same time."""
    tally = Tally(0)
    for _ in range(count):
        tally.metrics[Metric.DELIVERY_TIME].record(round(took_ms * MS_NS))
    tally.counts[Count.DELIVERIES_RECEIVED] += count
    return tally


def a_full_second() -> Tally:
    """Something of everything."""
    tally = deliveries(98, 12.3)
    tally.merge(deliveries(2, 147.2))
    tally.metrics[Metric.LOGIN_TIME].record(900 * MS_NS)
    tally.metrics[Metric.CONNECT_TIME].record(7 * MS_NS)
    tally.metrics[Metric.JOIN_TIME].record(3 * MS_NS)
    tally.metrics[Metric.ACK_TIME].record(round(0.4 * MS_NS))
    tally.counts[Count.MESSAGES_SENT] += 10
    tally.counts[Count.DELIVERIES_LOST] += 3
    tally.error(ErrorKind.HTTP_4XX, "login", "HTTP 401: who are you?")
    tally.error(ErrorKind.CLOSE_1006, "measure", "close code 1006 ''")
    return tally


def told(of: RequestStats) -> dict[str, Any]:
    """What a table holds: each row's figures, the failures, and the row over all."""
    rows = {each.name: each for each in (*of.entries.values(), of.total)}
    return {
        "rows": {
            name: {
                "type": each.method,
                "requests": each.num_requests,
                "untimed": each.num_none_requests,
                "failures": each.num_failures,
                "average_ms": each.avg_response_time,
                "median_ms": each.median_response_time,
                "p99_ms": each.get_response_time_percentile(0.99),
                "min_ms": each.min_response_time,
                "max_ms": each.max_response_time,
            }
            for name, each in rows.items()
        },
        "failures": {each.to_name(): each.occurrences for each in of.errors.values()},
    }


def merged(*tallies: Tally, is_worker: bool = False) -> RequestStats:
    """Tables after some seconds, one after the other."""
    into = RequestStats(use_response_times_cache=not is_worker)
    for second, tally in enumerate(tallies, 1):
        stats.merge(into, rows_of(tally, START_S + second))
    return into


def of_every_output(clock: SetTime) -> dict[str, Any]:
    """One second, as each output of Locust shows it."""
    environment = Environment(user_classes=[Idle])
    environment.create_local_runner()
    stats.merge(environment.stats, rows_of(a_full_second(), clock.now_s))
    app = WebUI(environment, "127.0.0.1", 0, delayed_start=True).app
    assert app is not None
    web = app.test_client()
    table = csv_of(StatsCSV(environment, [0.5, 0.99]).requests_csv)
    failures = csv_of(StatsCSV(environment, [0.5]).failures_csv)
    return {
        "table": told(environment.stats),
        "web": web.get("/stats/requests").get_json(),
        "csv": {row["Name"]: row for row in table},
        "failures_csv": {row["Error"]: row for row in failures},
        "console": "\n".join(
            (
                *locust.stats.get_stats_summary(environment.stats, current=False),
                *locust.stats.get_percentile_stats_summary(environment.stats),
                *locust.stats.get_error_report_summary(environment.stats),
            )
        ),
        "html": drawn(get_html_report(environment)),
        # Last, since it empties the tables.
        "json": json.loads(json.dumps(environment.stats.serialize_stats())),
    }


def csv_of(write: Callable[[Any], None]) -> list[dict[str, str]]:
    text = io.StringIO()
    write(csv.writer(text))
    return list(csv.DictReader(io.StringIO(text.getvalue())))


def drawn(page: str) -> Any:
    """What the script of Locust's page draws its tables from."""
    _, _, figures = page.partition("window.templateArgs = ")
    return json.JSONDecoder().raw_decode(figures)[0]


def of_a_change(clock: SetTime) -> dict[str, Any]:
    """15 seconds of 10 ms a delivery, 15 of 50 ms, and what the charts show meanwhile."""
    into = RequestStats()
    seen = []
    for second in range(1, 31):
        clock.now_s = START_S + second
        stats.merge(into, rows_of(deliveries(100 if second <= 15 else 200, 10 if second <= 15 else 50), clock.now_s))
        seen.append([into.total.get_current_response_time_percentile(0.5), into.total.current_rps])
    assert into.total.response_times_cache is not None
    return {
        "charts": seen,
        "median_ms": into.total.median_response_time,
        "copies": len(into.total.response_times_cache),
    }


def of_drifting_reports(clock: SetTime) -> list[float]:
    """The rate in the charts when a report comes each 1.07 s, of as much as happened since the one before."""
    into = RequestStats()
    seen = []
    for n in range(1, 60):
        clock.now_s = START_S + n * 1.07
        stats.merge(into, rows_of(deliveries(1070, 10), clock.now_s))
        seen.append(into.total.current_rps)
    return seen[20:]


def of_failures_of_one_kind() -> list[dict[str, Any]]:
    """Three seconds, each with an example of its own."""
    into = RequestStats()
    for second in (1, 2, 3):
        tally = Tally(0)
        tally.error(ErrorKind.HTTP_5XX, "login", f"HTTP 500: request {second}")
        stats.merge(into, rows_of(tally, START_S + second))
    return [error.to_dict() for error in into.errors.values()]


def beside_locusts_own() -> dict[str, Any]:
    """An HTTP user's requests in the same tables."""
    into = merged(a_full_second())
    into.log_request("GET", "/", 200, 1000)
    into.log_request("GET", "/", 400, 1000)
    into.log_error("GET", "/", "no such page")
    stats.merge(into, rows_of(deliveries(1, 12.3), START_S + 2))
    return told(into)


def over_the_wire() -> dict[str, Any]:
    """Two workers' tables, sent to a master each second as Locust sends them."""
    at_master = RequestStats()
    of_master = Events()
    locust.stats.setup_distributed_stats_event_listeners(of_master, at_master)
    for name in ("a", "b"):
        at_worker = RequestStats(use_response_times_cache=False)
        of_worker = Events()
        locust.stats.setup_distributed_stats_event_listeners(of_worker, at_worker)
        for second in (1, 2):
            stats.merge(at_worker, rows_of(a_full_second(), START_S + second))
            data: dict[str, Any] = {}
            of_worker.report_to_master.fire(client_id=name, data=data)
            sent = Message.unserialize(Message("stats", data, name).serialize())
            of_master.worker_report.fire(client_id=name, data=sent.data)
    return told(at_master)


def after(forget: Callable[[RequestStats], None]) -> dict[str, Any]:
    """Tables that were emptied between two seconds."""
    into = merged(a_full_second())
    forget(into)
    stats.merge(into, rows_of(deliveries(1, 12.3), START_S + 2))
    return told(into)


def main() -> None:
    clock = SetTime()
    setattr(locust.stats, "time", clock)  # noqa: B010 - a name that module only imports
    print(
        json.dumps(
            {
                "outputs": of_every_output(clock),
                "change": of_a_change(clock),
                "drift": of_drifting_reports(clock),
                "one_kind": of_failures_of_one_kind(),
                "mixed": beside_locusts_own(),
                "sent": over_the_wire(),
                "merged": told(merged(*[a_full_second()] * 4)),
                "reset": after(RequestStats.reset_all),
                "cleared": after(RequestStats.clear_all),
            }
        )
    )


if __name__ == "__main__":
    main()
