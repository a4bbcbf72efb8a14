"""How what was sent and what came is shown."""

from __future__ import annotations

from dataclasses import replace

from loadgen.dialects import HttpRequest, Opening
from scenarios.doctor import getting_in, talking
from scenarios.doctor.attempts import Overheard, Wait
from scenarios.doctor.steps import Direction, Line
from tests.support.examined import ALL_WELL, MARK, WORDS, case, heard


def test_the_marker_is_shown_as_such() -> None:
    """It means nothing to a reader."""
    assert talking.published(case(), ALL_WELL).lines == (Line(Direction.SENT, 1, f"SAY c0ffee-0-0 {WORDS}<marker>"),)


def test_a_long_message_is_shown_with_its_marker() -> None:
    """What is between is left out."""
    message = f"SAY c0ffee-0-0 {'la' * 500} {MARK}".encode()
    shown = talking.published(case(), replace(ALL_WELL, message=message)).lines[0].text

    assert shown.startswith("SAY c0ffee-0-0 lala")
    assert shown.endswith("...<marker>")
    assert len(shown) < 180


def test_a_frame_of_many_lines_and_control_characters_is_shown_on_one_line() -> None:
    """It must not steer a terminal."""
    step = getting_in.greeted(case(), [Wait(heard=heard('{"type":"welcome"}\n\x1b[31mred'))] * 2)

    assert step.lines[0].text == '{"type":"welcome"} \\x1b[31mred'


def test_of_many_frames_the_first_are_shown() -> None:
    """And how many more there were."""
    many = Overheard(tuple(b"%d" % i for i in range(50)), 1_234)
    step = getting_in.greeted(case(), [Wait(has_come=False, heard=many)] * 2)

    assert [line.text for line in step.lines] == ["0", "1", "2", "3", "4", "and 1,229 more frames"]


def test_what_a_request_or_a_handshake_does_not_have_is_not_told() -> None:
    """No body, no headers, no subprotocol."""
    words = case().words

    assert words.request(HttpRequest("GET", "/rooms"), 1).text == "GET /rooms"
    assert words.request(HttpRequest("POST", "/a", (("X-Key", "v"),), b"b"), 1).text == "POST /a with X-Key b"
    assert words.opening(Opening("/ws"), 1).text == "GET /ws"
    assert words.opening(Opening("/ws", (), ("chat",)), 1).text == "GET /ws and subprotocol chat"
