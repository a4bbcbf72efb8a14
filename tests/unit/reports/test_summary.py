"""What a report says."""

from __future__ import annotations

from typing import Any

import pytest

from reports.summary import Summary, summarise
from tests.support.documents import a_document, a_failed_document, a_late_document, a_storm_document


def figure(summary: Summary, label: str) -> tuple[str, str, bool]:
    found = next(figure for figure in summary.figures if figure.label == label)
    return found.value, found.note, found.bad


def test_a_pass_says_what_was_allowed_and_what_was_seen() -> None:
    """The headline alone is worth reading."""
    headline = str(summarise(a_document()).headline)

    assert headline == (
        "PASS - every budget held: p99 was 7.36 ms of 250 ms allowed; none of 400,000 deliveries was lost."
    )


def test_a_pass_without_budgets_says_so() -> None:
    """Nothing was asked, so nothing was proved."""
    assert "no budget was set" in summarise(a_document(budgets=[])).headline.sentence


def test_a_failure_names_each_broken_budget() -> None:
    """Whoever broke the build sees how far off it was."""
    headline = str(summarise(a_failed_document()).headline)

    assert headline == "FAIL - p99 was 1.31 s, 250 ms allowed; 1,312 of 400,000 deliveries were lost."


@pytest.mark.parametrize(
    ("expression", "observed", "clause"),
    [
        ("login_time: p(99) <= 1.5s", 1800.0, "login time p99 was 1.80 s, 1.5 s allowed"),
        ("delivery_time: mean < 800us", 0.9, "mean was 900 us, 800 us allowed"),
        (
            "deliveries_received: rate > 19000",
            18_000.0,
            "deliveries received was 18,000/s, wanted > 19,000/s",
        ),
        ("connections_failed: count == 0", 3, "connections failed was 3, wanted == 0"),
        ("something: else entirely", 1.0, "something: else entirely (seen: 1.00)"),
    ],
)
def test_a_broken_budget_of_any_form_reads_as_words(expression: str, observed: float, clause: str) -> None:
    """Also a form that this reader does not know is shown rather than hidden."""
    budgets = [{"expression": expression, "observed": observed, "ok": False}]

    assert summarise(a_document(verdict="fail", budgets=budgets)).headline.sentence == f"{clause}."


def test_an_invalid_run_says_what_cannot_be_believed() -> None:
    """The first fatal doubt is the reason, in words."""
    headline = str(summarise(a_late_document()).headline)

    assert headline.startswith("INVALID - the generator was late: send_lateness p99 was 14.2 ms")


def test_a_budget_without_data_is_the_reason_when_nothing_else_is() -> None:
    """A gate that saw nothing is not green, and says which gate it was."""
    budgets = [{"expression": "ack_time: p(99) < 1s", "observed": None, "ok": None}]

    summary = summarise(a_document(verdict="invalid", budgets=budgets))

    assert summary.headline.sentence == "no data for the budget ack_time: p(99) < 1s."
    assert summary.budgets[0].observed == summary.budgets[0].state == "no data"


def test_an_interrupted_run_is_called_so_whatever_its_verdict() -> None:
    """Half a run proves nothing about the other half."""
    headline = summarise(a_document(interrupted=True)).headline

    assert headline.badge == "INTERRUPTED"
    assert "9.0 s into the phase measure" in headline.sentence


def test_a_run_that_ended_by_itself_says_why() -> None:
    """The reason comes before what follows from it."""
    document = a_document(empty=True, verdict="invalid", ended_early="login_refused")

    assert summarise(document).headline.sentence.startswith("nobody could log in; ")


def test_what_was_not_measured_is_no_data_and_never_nought() -> None:
    """A run in which nothing was due has lost nothing, and shown nothing either."""
    summary = summarise(a_document(empty=True, verdict="invalid"))

    assert [figure.value for figure in summary.figures] == ["no data"] * 4 + ["0"]
    assert summary.books_close is None


def test_users_who_are_missing_are_shown_as_a_failure() -> None:
    """480 of 500 is not the load that was asked for."""
    summary = summarise(a_document(counters={"connections_opened": 480}))

    assert figure(summary, "users connected") == ("480", "of 500 planned", True)


def test_of_a_run_that_never_began_no_users_are_counted() -> None:
    """0 of 0 would say that nobody was planned."""
    summary = summarise(a_document(counters={"connections_opened": 0, "connections_planned": 0, "users_planned": 0}))

    assert figure(summary, "users connected") == ("no data", "", False)


def test_sockets_of_users_who_came_back_are_not_called_users() -> None:
    """750 of 500 users would be a riddle."""
    assert figure(summarise(a_storm_document()), "connections opened") == ("750", "of 750 planned, 500 users", False)


def test_times_come_in_the_order_of_their_weight() -> None:
    """What the run was made for, what may spoil it, how users got in; whatever order the document has."""
    document = a_storm_document()
    document["metrics"] = dict(sorted(document["metrics"].items())) | {"new_time": document["metrics"]["join_time"]}

    rows = summarise(document).latencies

    assert [[row.name for row in rows if row.group == group] for group in range(4)] == [
        ["delivery time", "service time", "first delivery", "last delivery", "fan-out"],
        ["send lateness", "event loop lag", "garbage collection"],
        ["login time", "connect time", "join time", "reconnect time"],
        ["new time"],
    ]


def test_what_was_lost_is_told_apart_by_its_acknowledgement() -> None:
    """Lost though the server had taken it is the serious one."""
    rows = summarise(a_failed_document()).ledger
    at = [row.name for row in rows].index("lost")

    assert [(row.name, row.count, row.bad, row.is_part) for row in rows[at : at + 3]] == [
        ("lost", "1,312", True, False),
        ("acked", "12", True, True),
        ("unacked", "1,300", False, True),
    ]


def test_a_ledger_in_good_order_has_no_rows_for_parts_of_nothing() -> None:
    """Nobody reads how many of no losses were acknowledged; nor what an old document does not know."""
    old = a_failed_document()
    del old["counters"]["deliveries_lost_acked"], old["counters"]["deliveries_lost_unacked"]

    calm, stormy, old_names = (
        [row.name for row in summarise(document).ledger] for document in (a_document(), a_storm_document(), old)
    )

    assert not {"acked", "unacked", "recovered"} & {*calm, *old_names}
    assert stormy[stormy.index("excused") + 1] == "recovered"


def test_each_process_has_a_row_and_so_has_what_else_the_machine_did() -> None:
    """Whose core was full, and who took it; shares are of one core, also of the other programs on two cores."""
    rows = {row.name: row for row in summarise(a_storm_document()).processes}

    assert list(rows) == ["worker 1", "worker 2", "coordinator", "server", "other programs", "socket buffers"]
    assert (rows["worker 2"].pid, rows["worker 2"].cpu, rows["worker 2"].memory) == ("4103", "31 %", "91.0 MB")
    assert (rows["worker 2"].lateness, rows["worker 2"].loop_lag) == ("400 us", "700 us")
    assert (rows["coordinator"].descriptors, rows["coordinator"].lateness) == ("21", "")
    assert (rows["other programs"].cpu, rows["socket buffers"].memory) == ("4.0 %", "4.30 MB")


def test_a_single_worker_has_no_number_and_a_foreign_server_no_row() -> None:
    """Only what is ours is watched."""
    document = a_document(owned=False)
    del document["machine"]

    assert [row.name for row in summarise(document).processes] == ["worker", "coordinator"]


def test_a_target_of_several_nodes_is_listed_in_full() -> None:
    """And one of one node is named once."""
    one, several = (
        {fact.name: fact.value for fact in summarise(document).run} for document in (a_document(), a_storm_document())
    )

    assert (one["target.url"], one.get("target.urls")) == ("http://127.0.0.1:40123", None)
    assert several["target.urls"] == "http://127.0.0.1:40123, http://127.0.0.1:40124"
    assert "target.url" not in several


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        (
            "incident",
            [{"at": "10s", "kind": "reconnect_storm", "share": 0.25, "backoff": "constant"}],
            "reconnect storm at 10s: 25 % of the users, back 3 s later",
        ),
        (
            "incident",
            [
                {"at": "10s", "kind": "slow_readers", "share": 0.1, "within": "0s", "bytes_per_s": 0, "down": None},
                {"at": "50%", "kind": "herd_join", "share": 0.5, "within": "5s", "backoff": "none", "kill": None},
                {"at": "1m", "kind": "server_restart", "share": None, "within": None, "down": "2s", "kill": True},
            ],
            "slow readers at 10s: 10 % of the users, reading nothing; "
            "herd join at 50%: 50 % of the users, within 5s, back at once; "
            "server restart at 1m: killed and down for 2s",
        ),
        (
            "users.stages",
            [{"within": "30s", "count": 5000}, {"within": "1m", "count": 0}],
            "to 5,000 within 30s, then to 0 within 1m",
        ),
        ("users.stages", [], "none"),
        ("users.stages", [{"within": "0s", "count": 80}], "to 80 at once"),
        (
            "traffic.rate_stages",
            [{"within": "10s", "rate_per_s": 40.0}, {"within": "0s", "rate_per_s": 0.5}],
            "to 40/s within 10s, then to 0.5/s at once",
        ),
        ("traffic.payload_bytes", [100, 1_000, 10_000], "100, 1,000 or 10,000, each as likely"),
        ("traffic.payload_bytes", [100], "100"),
        ("users.file", None, "not set"),
        ("users.connect_rate_per_s", 250.0, "250"),
        ("users.rooms", {"shape": "uniform", "count": 2}, "shape: uniform, count: 2"),
        ("target.headers", {}, "none"),
    ],
)
def test_a_plan_is_told_in_words(key: str, value: Any, text: str) -> None:
    """No brackets, no quotes: a plan is for people, too."""
    plan = {key: {"value": value, "origin": "file"}}

    assert [fact.value for fact in summarise(a_document() | {"plan": plan}).plan] == [text]


def test_only_metrics_that_were_measured_have_a_row() -> None:
    """A dialect without acknowledgements has no row full of gaps."""
    names = [row.name for row in summarise(a_document()).latencies]

    assert "delivery time" in names
    assert "ack time" not in names


def test_a_quantile_of_too_few_samples_is_no_data() -> None:
    """500 logins have a p90, and no p99 worth printing."""
    login = next(row for row in summarise(a_document()).latencies if row.name == "login time")

    assert [value == "too few" for value in login.quantiles] == [False, False, True, True, False]


@pytest.mark.parametrize(
    ("counters", "close"),
    [({}, True), ({"deliveries_lost": 1}, False), ({"messages_unsent": 1}, False)],
)
def test_the_books_are_added_up(counters: dict[str, Any], close: bool) -> None:
    """What was expected is received, lost or excused; what was due is sent or unsent."""
    assert summarise(a_document(counters=counters)).books_close is close


def test_the_worst_doubt_comes_first() -> None:
    """Notes do not hide what makes a run invalid."""
    doubts = [
        {"code": code, "severity": severity, "detail": "d", "advice": "a"}
        for code, severity in (("gc_pause", "note"), ("machine_busy", "warning"), ("loop_lag", "fatal"))
    ]

    assert [d.severity for d in summarise(a_document(doubts=doubts)).doubts] == ["fatal", "warning", "note"]


def test_a_document_with_nothing_in_it_can_be_summarised() -> None:
    """Whatever a run leaves behind, something can be said about it."""
    assert summarise({}).headline.badge == "RUNNING"


def test_the_locust_beside_each_worker_has_a_row() -> None:
    """It uses CPU of its own, and may be the one that is at its end."""
    document = a_storm_document()
    document["generator"]["helpers"] = [
        {"pid": 9, "cpu_ratio": 0.5, "rss_bytes": 1_000_000, "descriptors": 7},
        {"pid": 10, "cpu_ratio": None, "rss_bytes": None, "descriptors": None},
    ]
    rows = {row.name: row for row in summarise(document).processes}

    assert (rows["Locust of worker 1"].pid, rows["Locust of worker 1"].cpu) == ("9", "50 %")
    assert rows["Locust of worker 2"].cpu == "no data"


def test_a_run_that_was_stopped_before_anything_arrived_has_measured_nothing() -> None:
    """And says so."""
    document = a_document(interrupted=True)
    document["counters"]["deliveries_received"] = 0

    assert summarise(document).headline.sentence.endswith("; nothing was measured.")
