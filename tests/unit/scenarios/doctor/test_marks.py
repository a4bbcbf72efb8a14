"""What became of a marker on its way through a server."""

from __future__ import annotations

import base64

import pytest

from loadgen.measure import marker
from scenarios.doctor import talking
from scenarios.doctor.marks import Fate, Mark, mark_in
from scenarios.doctor.steps import Outcome
from tests.support.examined import ALL_WELL, FINE, MARK, TEXT, WORDS, case, heard, publishing, talk, verdict


@pytest.mark.parametrize(
    ("frame", "mark"),
    [
        (f"x {TEXT} y", Mark(Fate.INTACT, marker.WIDTH)),
        (TEXT.upper(), Mark(Fate.OTHER_CASE, marker.WIDTH)),
        (WORDS + "-".join(MARK[i : i + 10] for i in range(0, len(MARK), 10)), Mark(Fate.BROKEN_UP, marker.WIDTH)),
        ("".join(f"&#{ord(each)};" for each in TEXT), Mark(Fate.ENTITIES, marker.WIDTH)),
        (base64.b64encode(TEXT.encode()).decode(), Mark(Fate.BASE64, marker.WIDTH)),
        (base64.b64encode(b"a" + TEXT.encode()).decode(), Mark(Fate.BASE64, marker.WIDTH)),
        (base64.b64encode(b"ab" + TEXT.encode() + b"abc").decode(), Mark(Fate.BASE64, marker.WIDTH)),
        (f'"{WORDS}{MARK[:30]}"', Mark(Fate.CUT, 30)),
        (f"{WORDS}{MARK[:30]}***", Mark(Fate.ALTERED, 30)),
        (f"{WORDS}***{MARK[20:]}", Mark(Fate.BEHEADED, marker.WIDTH - 20)),
        (f"{WORDS}[a long word]", Mark(Fate.DROPPED, len(WORDS))),
        ("somebody joined", None),
    ],
)
def test_what_became_of_a_marker_is_told(frame: str, mark: Mark | None) -> None:
    """Intact, spoilt in one of the ways that servers have, or nothing of the message at all."""
    assert mark_in(ALL_WELL, [frame.encode()]) == mark


def test_of_several_frames_the_one_that_holds_most_counts() -> None:
    """An acknowledgement may quote a part of the text."""
    frames = [f"{WORDS}{MARK[:30]}".encode(), TEXT.encode(), f"{WORDS}{MARK[:40]}".encode()]

    assert mark_in(ALL_WELL, frames) == Mark(Fate.INTACT, marker.WIDTH)
    assert mark_in(ALL_WELL, frames[::2]) == Mark(Fate.CUT, 40)


def test_a_spoilt_marker_explains_the_deliveries_that_failed() -> None:
    """The steps before point at it."""
    judged, said = case(), talk(heard(TEXT.upper()), heard(TEXT.upper()))
    step = talking.marked(judged, said)

    assert verdict(step) == (Outcome.FAILED, "publish.send")
    assert step.summary == "user 2 did not get it as it was sent: its letters were changed to upper or mixed case"
    assert (
        talking.delivered(judged, said).advice
        == talking.came_back(judged, said).advice
        == "it came spoilt: see the marker below"
    )


@pytest.mark.parametrize(
    ("came", "advice"),
    [
        (TEXT[:70], "the server shortens texts: a run needs --payload 70 or less"),
        (TEXT[:50], "the server shortens texts to less than the 69 characters of a marker: lift that limit"),
        (TEXT[:15], "the server shortens texts to less than the 69 characters of a marker: lift that limit"),
    ],
)
def test_a_shortened_text_says_what_length_would_do(came: str, advice: str) -> None:
    """As long as a marker fits."""
    assert talking.marked(case(), talk(heard(came), heard(came))).advice == advice


def test_words_that_were_changed_are_said_and_do_no_harm() -> None:
    """Mark-up leaves a marker alone, which is letters and digits."""
    marked_up = TEXT.replace(" ", "&nbsp;")
    step = talking.marked(case(), talk(heard(marked_up), heard(marked_up)))

    assert verdict(step) == FINE
    assert step.summary.endswith("the words before it were changed, which does a run no harm")
    assert "dipa&nbsp;sudi" in step.lines[0].text
    assert talking.marked(case(), ALL_WELL).summary == "it came through as it was sent"


def test_a_copy_that_need_not_come_may_be_spoilt() -> None:
    """An acknowledgement with the first words is none of a run's business."""
    step = talking.marked(case(publishing(echo=False)), talk(heard(TEXT[:40]), heard(TEXT)))

    assert verdict(step) == FINE


def test_where_nothing_came_nothing_is_said_of_the_marker() -> None:
    """The delivery has failed already."""
    assert talking.marked(case(), talk(heard("hello"), heard())).outcome is Outcome.NOT_ASKED_FOR


@pytest.mark.parametrize(
    ("mark", "says", "advice"),
    [
        (Mark(Fate.INTACT, marker.WIDTH), "it came through as it was sent", "the server changes texts"),
        (Mark(Fate.OTHER_CASE, marker.WIDTH), "changed to upper or mixed case", "the server changes texts"),
        (Mark(Fate.ENTITIES, marker.WIDTH), "written as HTML entities", "the server changes texts"),
        (Mark(Fate.BROKEN_UP, marker.WIDTH), "put between its own", "the server changes texts"),
        (Mark(Fate.BASE64, marker.WIDTH), "came in base64", "is there another frame for plain text?"),
        (Mark(Fate.CUT, 30), f"30 of the marker's {marker.WIDTH} characters are left", "the server shortens texts"),
        (Mark(Fate.ALTERED, 30), f"from character 31 of {marker.WIDTH} on", "the server changes texts"),
        (Mark(Fate.BEHEADED, 30), f"only its last 30 of {marker.WIDTH} characters came", "the server changes texts"),
        (Mark(Fate.DROPPED, 19), f"19 of its {len(TEXT)} characters are left", "the server shortens texts"),
    ],
)
def test_each_fate_is_said_with_what_to_try(mark: Mark, says: str, advice: str) -> None:
    """In words of somebody who does not know what a marker is made of."""
    assert says in mark.says(ALL_WELL)
    assert advice in mark.advice(ALL_WELL)
