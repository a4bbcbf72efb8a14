"""Interleaved pairs: the verdict, what is said of it, and its page."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from reports.ab import Course, Ended, build
from reports.ab_page import render
from reports.ab_texts import lines_of, markdown_of, pair_line, so_far_text
from reports.budgets import ExitCode
from reports.compare import TOLERANCES, Whole
from reports.plots.ratios import ratios
from reports.power import Look
from reports.trials import Pair, Side, Trial
from tests.support.pairs import FACTS, ONE_LOOK, a_believable_course, a_trial


def judged(course: Course, **facts: Any) -> dict[str, Any]:
    """The document after the look that is due."""
    course.look()
    course.ended = Ended.DECIDED
    return build({**FACTS, **facts}, course)


def code_of(document: dict[str, Any]) -> ExitCode:
    return ExitCode(document["compare"]["exit_code"])


def test_a_head_that_is_a_fifth_slower_is_worse_and_the_metric_is_named() -> None:
    """With its ratio, the interval and what is tolerated."""
    document = judged(a_believable_course(1.2))

    assert (document["compare"]["verdict"], code_of(document)) == ("worse", ExitCode.REGRESSION)
    assert document["ab"]["why"][0].startswith("delivery time p50 is 1.2")
    assert "5 % more is tolerated" in document["ab"]["why"][0]


def test_a_head_that_is_alike_or_quicker_is_no_worse() -> None:
    """And nothing is said against it."""
    for times in (1.0, 0.8):
        document = judged(a_believable_course(times))

        assert code_of(document) is ExitCode.PASS
        assert document["ab"]["why"] == []
        assert document["compare"]["advice"] is None


def test_a_difference_within_the_noise_is_neither_found_nor_called_fine() -> None:
    """What would have gone unseen is said."""
    document = judged(a_believable_course(0.97, noise=0.25))

    assert code_of(document) is ExitCode.INCONCLUSIVE
    assert "delivery time p50 may have risen by up to" in document["compare"]["advice"]


def test_fewer_than_ten_pairs_tell_nothing_of_times() -> None:
    """However far apart they are."""
    document = judged(a_believable_course(2.0, count=9, looks=(Look(9, 0.05),)))

    assert code_of(document) is ExitCode.INCONCLUSIVE
    assert document["compare"]["advice"].startswith("of times it takes 10 pairs, and there are 9")


def test_the_first_look_is_surer_than_the_last() -> None:
    """What each saw is kept, and intervals are those of the last that was taken."""
    course = a_believable_course(1.0, count=16, looks=(Look(16, 0.01), Look(32, 0.04)))
    before = build(FACTS, course)
    course.look()
    document = build(FACTS, course)

    assert document["ab"]["looks"] == [{"pairs": 16, "error": 0.01, "verdict": "no worse"}]
    assert before["times"][0]["confidence"] == document["times"][0]["confidence"] >= 0.99
    assert course.next_look == Look(32, 0.04)


def test_a_head_that_fails_one_pair_in_five_is_worse_whatever_its_times_are() -> None:
    """It is not averaged away; how often, and why, comes first."""
    course = a_believable_course(1.0, count=13)
    failing = a_trial(failures=("deliveries_lost: count == 0 (3)",))
    course.pairs += [Pair(number, Side.HEAD, a_trial(), failing) for number in (14, 15, 16)]
    document = judged(course)

    assert code_of(document) is ExitCode.REGRESSION
    assert document["ab"]["why"] == ["head failed in 3 of 16 pairs, base in 0: deliveries_lost: count == 0 (3)"]
    assert document["compare"]["new"] == {"runs": 16, "failed": 3, "invalid": 0}


def test_where_both_fail_now_and_then_nothing_is_said_of_failures() -> None:
    """Two of head and one of base may be chance; the advice says what hides it."""
    course = a_believable_course(1.0, count=13)
    failing = a_trial(failures=("the server ended (exit code 3)",))
    course.pairs += [
        Pair(14, Side.HEAD, a_trial(), failing),
        Pair(15, Side.HEAD, a_trial(), failing),
        Pair(16, Side.HEAD, failing, a_trial()),
    ]
    document = judged(course)

    assert code_of(document) is ExitCode.INCONCLUSIVE
    assert "base fails now and then, too" in document["compare"]["advice"]


def test_a_server_that_was_never_there_again_failed() -> None:
    """Its pair has no times, and counts."""
    course = a_believable_course(1.0, count=15)
    course.pairs.append(Pair(16, Side.BASE, a_trial(), Trial(None, None, ("the server ended (exit code 1)",))))
    document = judged(course)

    assert code_of(document) is ExitCode.REGRESSION
    assert document["pairs"][-1]["head"] == {
        "run": None,
        "failures": ["the server ended (exit code 1)"],
        "doubts": [],
        "values": dict.fromkeys(TOLERANCES),
    }


def test_a_loss_in_head_alone_is_worse() -> None:
    """One is enough."""
    course = a_believable_course(1.0, count=15)
    course.pairs.append(Pair(16, Side.BASE, a_trial(), a_trial(deliveries_lost=1)))
    document = judged(course)

    assert code_of(document) is ExitCode.REGRESSION
    assert "deliveries lost: 1 in head, 0 in base" in document["ab"]["why"]


def test_pairs_that_cannot_be_believed_do_not_count() -> None:
    """Where there are too many of them, nothing is said of either."""
    doubt = {"code": "generator_late", "severity": "fatal", "detail": "40 ms", "advice": "less"}
    course = Course(ONE_LOOK, TOLERANCES, [Pair(1, Side.BASE, a_trial(), a_trial(doubts=[doubt], verdict="invalid"))])
    course.ended = Ended.UNBELIEVABLE
    document = build(FACTS, course)

    assert code_of(document) is ExitCode.INVALID
    assert "generator_late: 40 ms" in document["compare"]["advice"]
    assert (document["ab"]["pairs"], document["pairs"][0]["counts"]) == (0, False)
    assert render(document)


def test_an_interrupted_course_keeps_what_it_has() -> None:
    """Its exit code says so."""
    course = a_believable_course(1.0, count=3)
    course.ended = Ended.INTERRUPTED
    document = build(FACTS, course)

    assert code_of(document) is ExitCode.INTERRUPTED
    assert len(document["pairs"]) == 3
    assert "Stopped by hand after 3 pairs" in " ".join(lines_of(document))


def test_a_server_beside_itself_tells_what_this_machine_can_see() -> None:
    """How often it would mislead, and from which change on it would find one."""
    document = judged(a_believable_course(1.0), alike=True)

    assert document["noise"]["false_alarms"] <= 0.05
    assert 0.05 <= document["noise"]["smallest"]["delivery_time p50"] < 0.2
    assert "were false alarms" in " ".join(" ".join(lines_of(document)).split())
    assert judged(a_believable_course(1.0))["noise"] is None


def test_a_course_of_nothing_is_told_as_that() -> None:
    """Nobody was measured: no data, not a pass."""
    course = Course(ONE_LOOK, TOLERANCES, ended=Ended.INTERRUPTED)
    document = build({**FACTS, "alike": True}, course)

    assert document["noise"] is None
    assert document["compare"]["verdict"] == str(Whole.CANNOT_TELL)
    text = "\n".join(lines_of(document))
    assert "no data" in text
    assert "deliveries lost" not in text
    assert "deliveries lost" not in markdown_of(document)
    assert render(document)


def test_terminal_markdown_and_page_say_the_same() -> None:
    """The verdict, what makes it so, what was held against what."""
    document = judged(a_believable_course(1.3))
    why = document["ab"]["why"][0]

    terminal, markdown, page = " ".join(" ".join(lines_of(document)).split()), markdown_of(document), render(document)
    for text in (terminal, markdown, page):
        assert "worse" in text.lower()
        assert f"{why[0].upper()}{why[1:]}." in text
    assert 'class="verdict bad"' in page
    assert "`serve --new`" in markdown
    assert "<code>serve --new</code>" in page
    assert all(len(line) <= 80 for line in lines_of(document))


def test_a_pair_is_told_in_a_line() -> None:
    """With the figures of both, what failed, and how long it still takes."""
    course = a_believable_course(1.0, count=1)
    course.pairs.append(Pair(2, Side.HEAD, a_trial(), a_trial(failures=("x",))))
    first, second = build(FACTS, course)["pairs"]

    assert pair_line(first, 16, 90.0).startswith("pair  1/16  base p50 3.")
    assert pair_line(first, 16, 90.0).endswith("   90.0 s left")
    assert "FAILED" in pair_line(second, 16, None)


def test_a_change_beyond_the_picture_is_pointed_to() -> None:
    """Thirteen times as long would press all else flat; without a mark its row would be empty."""
    figure = Figure(figsize=(10, 4))
    ratios(figure, judged(a_believable_course(13.0)))
    (axes,) = figure.axes
    arrows = [np.asarray(line.get_xydata(), float)[0] for line in axes.lines if line.get_marker() == ">"]

    assert {float(place[0]) for place in arrows} == {axes.get_xlim()[1]}
    assert {float(place[1]) for place in arrows} >= {0.0, 1.0}


def test_while_pairs_go_on_their_ratios_are_told_and_no_verdict_before_its_time() -> None:
    """To look at every pair and stop at the first that tells would find a difference where there is none."""
    course = a_believable_course(1.2, looks=(Look(16, 0.03), Look(32, 0.02)))
    before = so_far_text(course)
    course.look()

    assert so_far_text(Course(ONE_LOOK, TOLERANCES)) == "judged at 16"
    assert before.startswith("p50 x 1.2")
    assert before.endswith("judged at 16")
    assert so_far_text(course).endswith("worse by 16")


def test_a_run_that_cannot_be_believed_has_no_figures_in_its_line() -> None:
    """It says why."""
    doubt = {"code": "machine_busy", "severity": "fatal", "detail": "x", "advice": "y"}
    course = Course(ONE_LOOK, TOLERANCES, [Pair(1, Side.BASE, a_trial(), a_trial(doubts=[doubt], verdict="invalid"))])
    (pair,) = build(FACTS, course)["pairs"]

    assert "head invalid (" in pair_line(pair, 16, None)
    assert pair_line(pair, 16, None).endswith("cannot be believed, tried again")


def test_where_no_look_is_planned_nothing_is_said_of_one() -> None:
    """And without a pair there is no ratio either."""
    assert so_far_text(Course((), TOLERANCES)) == ""
