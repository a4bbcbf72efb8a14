"""What a frame must hold to be recognised."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.dialects.patterns import ack_pattern, matcher
from loadgen.dialects.script import AliveScript, ConnectScript, DialectScript, DirectScript, ErrorsScript, PublishScript
from loadgen.dialects.telling import held_text, telling_texts

SCRIPT = DialectScript("d", ConnectScript("/"), PublishScript(send="{text}", ack="re:^PONG$"))
# Of each kind of thing that an expression may be made of.
ELEMENTS = [
    "a", "b", "-", "{", "}", "é", r"\[", r"\.", r"\d", r"\w", r"\n", ".", "^", "$", "(c)", "(?:d)?", "[ef]", "[^g]",
    "h?", "i*", "j+", "k{2}", "l{0,1}", "m{0}", "n{,2}", "o*?", "p{x}", "{n}", "{id}", "q|r", "(s|t)", r"\|",
    r"\x41", r"\012",
]  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ('"type":"ack","id":"{id}","seq":{seq}', '"type":"ack","id":"'),
        ("re:^PONG$", "PONG"),
        ("re:^-ERR", "-ERR"),
        (r're:"id":{n},"publish":\{', ',"publish":{'),
        (r"re:ab?cd{0,2}ef+gh", "ef"),
        (r"re:^43\d+\[(\{error|error)", ""),
        ("re:(one|two) three", ""),
        ("re:one [12] three", "one "),
        ("re:one|two", ""),
        ("re:(?i)pong", ""),
        (r"re:\A\d+\Z", ""),
    ],
)
def test_the_longest_text_that_is_certain_is_told(pattern: str, text: str) -> None:
    """What stands in a group or a set, or may be left out, is not certain."""
    assert held_text(pattern) == text


@given(st.lists(st.sampled_from(ELEMENTS), max_size=6), st.data())
def test_whatever_is_recognised_holds_the_text(elements: list[str], data: st.DataObject) -> None:
    """Or a frame that matters would be passed over."""
    pattern = "re:" + "".join(elements)
    try:
        compiled = ack_pattern(pattern)
    except re.error:
        return
    recognised = data.draw(st.from_regex(compiled))

    assert held_text(pattern).encode() in recognised


@given(st.text(max_size=8), st.binary(max_size=8), st.binary(max_size=8))
def test_a_frame_that_holds_a_text_holds_it(pattern: str, before: bytes, after: bytes) -> None:
    """The same of what is no regular expression."""
    frame = before + pattern.encode() + after

    assert pattern.startswith("re:") or (matcher(pattern)(frame) and held_text(pattern).encode() in frame)


def test_replies_acknowledgements_and_errors_are_telling() -> None:
    """Each once."""
    script = replace(
        SCRIPT,
        direct=DirectScript(send="{text}", ack="re:^PONG$"),
        alive=AliveScript(reply={"PING": "PONG", "{}": "{}"}),
        errors=ErrorsScript(("re:^-ERR", "denied")),
    )

    telling = telling_texts(script)
    assert telling is not None
    assert [text for _, text in telling] == [b"PONG", b"-ERR", b"denied", b"PING", b"{}"]
    assert bytes(byte for byte, _ in telling) == b"P-dP{"  # rare ones where there are some


def test_where_one_of_them_may_be_anything_every_frame_may_be_telling() -> None:
    """None then, rather than a guess."""
    assert telling_texts(replace(SCRIPT, errors=ErrorsScript(("re:a|b",)))) is None
    assert telling_texts(replace(SCRIPT, publish=PublishScript(send="{text}"))) == ()
