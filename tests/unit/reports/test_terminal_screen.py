"""What a run looks like on a terminal while it goes on: one screen of whatever size, read as a terminal shows it."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

import pytest
from rich.console import Console

from reports.budgets import parse
from reports.terminal import LiveView
from reports.terminal.last_minute import LastMinute, sparkline
from reports.terminal.so_far import State, budgets_so_far, needs_histograms
from tests.support.documents import a_document, a_failed_document, a_late_document, an_incidents_document
from tests.support.screen import Terminal

BUDGETS = tuple(
    map(
        parse,
        (
            "delivery_time: p(99) < 250ms",
            "deliveries_lost: count == 0",
            "delivery_time: p(50) < 2ms",
            "messages_sent: count >= 5000",
            "delivery_time{room: large}: p(97) < 2ms",
        ),
    )
)


class _Shown:
    """A live view on a terminal of its own."""

    def __init__(self, columns: int = 80, rows: int = 24, **wishes: Any) -> None:
        self.terminal = Terminal(columns, rows)
        self.console = Console(
            file=cast("IO[str]", self.terminal),
            force_terminal=True,
            width=columns,
            height=rows,
            highlight=False,
            color_system="standard",
        )
        self.view = LiveView(self.console, **wishes)


@contextmanager
def shown(document: dict[str, Any], columns: int = 80, rows: int = 24, **wishes: Any) -> Iterator[Terminal]:
    it = _Shown(columns, rows, **wishes)
    with it.view:
        it.view.update(document)
        yield it.terminal


def running(document: dict[str, Any], phase: str = "measure") -> dict[str, Any]:
    """A finished document as it was when ``phase`` was the last that had begun."""
    names = [each["name"] for each in document["phases"]]
    document["phases"] = document["phases"][: names.index(phase) + 1]
    document["phases"][-1]["end_s"] = None
    for metric in document["metrics"].values():
        metric.pop("hdr", None)
    return document | {"budgets": [], "doubts": [], "verdict": None, "slices": []}


def logging_in() -> dict[str, Any]:
    """4 s into the logins, of which a quarter is through."""
    document = a_document(snapshot=True, phases=[{"name": "login", "start_s": 0.0, "end_s": None}])
    document["metrics"] = {"login_time": {"count": 125}}
    series = document["series"]
    document["series"] = {name: each[:5] if isinstance(each, list) else each for name, each in series.items()}
    return document


DOCUMENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "nothing yet": dict,
    "login": logging_in,
    "window": lambda: a_document(snapshot=True),
    "failing": lambda: running(a_failed_document()),
    "late": lambda: running(a_late_document()),
    "incidents": lambda: running(an_incidents_document(), "drain"),
    "odd names": lambda: a_document(snapshot=True, run={"scenario": "聊天室" * 40}, target={"urls": ["\x1b[2J" * 30]}),
}


@pytest.mark.parametrize("size", [(80, 24), (40, 12), (132, 50), (61, 9), (20, 5), (12, 3)])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_it_fits_whatever_screen_there_is(name: str, size: tuple[int, int]) -> None:
    """No line wraps and nothing scrolls, or the picture of each second would push that of the second before upwards."""
    document = DOCUMENTS[name]()

    with shown(document, *size, budgets=BUDGETS, notes=("metrics  http://127.0.0.1:9464/metrics",)) as terminal:
        first = terminal.lines
        assert terminal.line_feeds == 0
        assert first[0], "the first line is still there"


def test_a_run_in_its_window_is_told_on_one_screen() -> None:
    """All that one asks while one waits."""
    with shown(a_document(snapshot=True), budgets=BUDGETS) as terminal:
        text = terminal.text

    for words in (
        "fanout  22 s to the end",
        "http://127.0.0.1:40123  reference  the embedded server",
        "3 of 20 s  17 s left",
        "connected 500 of 500   reconnects 0",
        "messages/s              40  ",
        "deliveries/s        20,000  ",
        "  last second     3.26 ms   5.16 ms   8.52 ms   17.0 ms",
        "  window so far   3.20 ms   4.96 ms   7.38 ms   18.7 ms",
        "lost 0   late 0   duplicated 0   received 80,000",
        "CPU 31 %   late p99 407 us",
        "CPU 39 %   memory 141 MB",
        "1 broken so far  1 no data yet  1 not yet  2 held so far",
        "  held so far    delivery_time: p(99) < 250ms  7.38 ms",
    ):
        assert words in text


def test_what_is_in_trouble_stays_where_there_is_little_room() -> None:
    """On a small screen speed, loss and broken budgets are left, and what is in order goes."""
    with shown(a_document(snapshot=True), 40, 12, budgets=BUDGETS) as terminal:
        text = terminal.text

    for words in ("fanout", "3 of 20 s  17 s left", "so far   3.20 ms", "lost 0", "broken so far  delivery_time"):
        assert words in text
    assert "held so far  " not in text
    assert "Ctrl-C" not in text


def test_an_address_stays_however_many_budgets_there_are() -> None:
    """It was printed before the run, and is on the screen behind this one: nobody could read it there."""
    address = "page  http://127.0.0.1:8090/"
    many = [parse(f"deliveries_lost: count <= {most}") for most in range(30)]

    with shown(a_document(snapshot=True), budgets=many, notes=(address,)) as terminal:
        assert address in terminal.lines


def test_logins_are_told_by_users_and_how_long_the_others_will_take() -> None:
    """Nobody planned how long it takes; who is through says it: a quarter in 4 s, so 12 s more."""
    with shown(logging_in()) as terminal:
        line = next(line for line in terminal.lines if line.startswith("login"))

    assert line.endswith("125 of 500 users  12 s left")
    bar = line.removeprefix("login  ").split("  ")[0]
    assert bar.count("█") == pytest.approx(len(bar) / 4, abs=1)


def test_who_has_just_begun_is_not_almost_done() -> None:
    """A second tells nothing of how fast they come: the plan does: 400 more at 250 a second."""
    document = logging_in()
    document["phases"][0]["start_s"] = 3.5
    document["metrics"]["login_time"]["count"] = 100

    with shown(document) as terminal:
        text = terminal.text

    assert "100 of 500 users  2 s left" in text
    assert f"{round(400 / 250 + 2 * 500 / 250 + 3 + 20 + 5)} s to the end" in text


def test_users_are_counted_from_the_plan_until_the_workers_have_counted_them() -> None:
    """Not "of 0"."""
    document = logging_in()
    document["counters"] = dict.fromkeys(document["counters"], 0)

    with shown(document) as terminal:
        assert "125 of 500 users" in terminal.text
        assert " of 0" not in terminal.text


def test_before_anything_is_known_nothing_is_claimed() -> None:
    """Not 0, and no budget that holds."""
    with shown({}, budgets=BUDGETS) as terminal:
        text = terminal.text

    assert "starting" in text
    assert "5 no data yet" in text
    assert "held" not in text


def test_the_newest_incident_is_told_with_those_who_are_back() -> None:
    """A storm is watched until the last one is back."""
    with shown(running(an_incidents_document())) as terminal:
        text = terminal.text

    assert "incident        server restart at 24.0 s: 250 users hit, 250 back" in text


def test_a_late_generator_is_told_while_it_is_late() -> None:
    """Whoever sees it early need not wait for the end of a run that cannot be believed."""
    with shown(running(a_late_document())) as terminal:
        text = terminal.text

    assert "doubt           messages were sent " in text


def test_errors_are_told_with_the_most_frequent_first() -> None:
    """One kind in a line: there may be many."""
    with shown(running(a_failed_document())) as terminal:
        assert "errors          14 close_1006 in measure, and 1 other kind" in terminal.text


def test_the_terminal_is_left_as_it_was() -> None:
    """With its cursor, and with what was on it before, also where the run ends in an error."""
    it = _Shown()

    def crash() -> None:
        with it.view:
            it.view.update(a_document(snapshot=True))
            assert it.terminal.is_other_screen
            assert not it.terminal.has_a_cursor
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError):
        crash()

    assert not it.terminal.is_other_screen
    assert it.terminal.has_a_cursor


def test_a_window_that_changes_its_size_is_drawn_anew_at_once() -> None:
    """And not a second later, in whatever the terminal has made of the lines meanwhile."""
    it = _Shown()
    with it.view:
        it.view.update(a_document(snapshot=True))
        it.terminal.resize(50, 10)
        it.console.size = (50, 10)
        signal.raise_signal(signal.SIGWINCH)

        assert "so far  " in it.terminal.text
        assert it.terminal.line_feeds == 0
        assert max(map(len, it.terminal.lines)) <= 50
    assert signal.getsignal(signal.SIGWINCH) is not it.view._resized


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """TERM=dumb: Emacs' shell, some logs of builds."""
    monkeypatch.setenv("TERM", "dumb")
    with shown(a_document(snapshot=True)) as terminal:
        text = terminal.text

    assert text.startswith("11 s  measured window 3 of 20 s  500 users")


def test_no_color_is_honoured_on_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """https://no-color.org; bold and dim are no colours."""
    colours = {}
    for wish in ("", "1"):
        monkeypatch.setenv("NO_COLOR", wish)
        with shown(a_document(snapshot=True), budgets=BUDGETS) as terminal:
            colours[wish] = {colour for row in range(24) for colour in terminal.colours_of(row)}

    assert colours["1"] == {"default"}
    assert {"cyan", "green", "red"} <= colours[""]


def test_standard_output_stays_free_while_the_screen_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    """Drawing must not carry off what another part prints there."""
    with shown(a_document(snapshot=True)) as terminal:
        print("document")

        assert capsys.readouterr().out == "document\n"
        assert "document" not in terminal.text


# --- what it is made of -------------------------------------------------------------------------------------------


def test_a_minute_is_put_together_from_snapshots_that_know_less() -> None:
    """Each tells of its last seconds; a second told again is as it was told last."""
    minute = LastMinute("messages_sent")
    for first in range(0, 100, 10):
        seconds = [float(second) for second in range(first, first + 30)]
        minute.note({"series": {"t_s": seconds, "messages_sent": [second + first / 1000 for second in seconds]}})

    values = minute.values_of("messages_sent")
    assert len(values) == 60
    assert [int(value or 0) for value in values] == list(range(60, 120))
    assert values[-1] == 119.09


def test_a_sparkline_has_a_bar_a_second_and_none_where_nothing_is_known() -> None:
    """The newest is at its end."""
    assert sparkline([0.0, None, 4.0, 8.0], 10) == "▁ ▅█"
    assert sparkline([0.0, 0.0], 10) == "▁▁"
    assert sparkline([1.0, 2.0, 3.0], 2) == "▆█"
    assert sparkline([0.0, 8.0], 10, plain=True) == "_#"


def states_of(document: dict[str, Any], *budgets: str) -> dict[str, State]:
    return {now.expression: now.state for now in budgets_so_far(document, map(parse, budgets))}


def test_a_limit_from_below_that_is_not_reached_is_not_broken_yet() -> None:
    """What grows may still get there; what is over its limit already stays there."""
    document = a_document(snapshot=True, deliveries_lost=3)

    assert states_of(
        document,
        "messages_sent: count >= 5000",
        "messages_sent: count >= 100",
        "deliveries_lost: count == 0",
        "deliveries_lost: count == 5",
        "deliveries_lost: count > 3",
        "deliveries_lost: count < 3",
        "delivery_time: min > 1s",
    ) == {
        "messages_sent: count >= 5000": State.NOT_YET,
        "messages_sent: count >= 100": State.HELD,
        "deliveries_lost: count == 0": State.BROKEN,
        "deliveries_lost: count == 5": State.NOT_YET,
        "deliveries_lost: count > 3": State.NOT_YET,
        "deliveries_lost: count < 3": State.BROKEN,
        "delivery_time: min > 1s": State.BROKEN,
    }


def test_a_rate_is_that_of_the_window_so_far() -> None:
    """160 messages in 4 s of 20 are 40 a second, and not 8."""
    document = a_document(snapshot=True)

    assert states_of(document, "messages_sent: rate > 35") == {"messages_sent: rate > 35": State.HELD}


def test_a_snapshot_without_histograms_says_nothing_of_other_quantiles() -> None:
    """p(97) is in no document; no data yet is the truth."""
    document = a_document(snapshot=True)

    assert states_of(document, "delivery_time: p(97) < 1s") == {"delivery_time: p(97) < 1s": State.NO_DATA}


def test_a_long_time_is_told_without_its_seconds() -> None:
    """In minutes from two of them on, in hours from two of those on: a figure that changes each second is not read."""
    told = {}
    for measure in ("90s", "600s", "9000s"):
        document = running(a_document())
        document["plan"]["phases.measure"]["value"] = measure
        with shown(document) as terminal:
            told[measure] = terminal.text

    assert re.search(r"[0-9]+ s left", told["90s"])
    assert re.search(r"[0-9]+ min left", told["600s"])
    assert re.search(r"2\.[0-9] h left", told["9000s"])


def test_a_generator_of_several_processes_says_how_many_and_that_one_is_full() -> None:
    """A process at the end of its core makes the run one that cannot be believed."""
    document = running(a_document())
    document["generator"]["processes"] = [{"cpu_ratio": 0.2}, {"cpu_ratio": 0.99}]
    with shown(document, columns=160, rows=50) as terminal:
        text = terminal.text

    assert "processes 2" in " ".join(text.split())
    assert "a process that offers load uses more than 95.0 % of its core" in text


def test_only_budgets_that_snapshots_do_not_know_need_histograms() -> None:
    """To put them into each snapshot would cost the coordinator of a large run a part of each second."""
    assert not needs_histograms(map(parse, ["delivery_time: p(99) < 1s", "deliveries_lost: count == 0"]))
    assert needs_histograms([parse("delivery_time: p(97) < 1s")])
    assert needs_histograms([parse("delivery_time{room: large}: p(99) < 1s")])
