"""Text with placeholders."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.dialects.template import (
    Values,
    fill,
    fill_all,
    json_text,
    message_id_of,
    number_of,
    placeholders,
    prepared,
)

VALUES = {"room": "room-1", "text": "hello", "json:text": "hel\\nlo"}


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("", ""),
        ("{room}", "room-1"),
        ("{room}{room}", "room-1room-1"),
        ('{"type":"join","room":"{room}"}', '{"type":"join","room":"room-1"}'),
        ('{"a":{"b":{}},"c":{"d":1}}', '{"a":{"b":{}},"c":{"d":1}}'),
        ('{"text":"{json:text}"}', '{"text":"hel\\nlo"}'),
        ("{ room }", "{ room }"),
        ("{{room}}", "{room-1}"),
        ("{1}{,3}{a-b}{json:}{:text}", "{1}{,3}{a-b}{json:}{:text}"),
    ],
)
def test_only_braces_around_a_bare_word_are_placeholders(template: str, filled: str) -> None:
    """The braces of JSON and of regular expressions stand for themselves."""
    assert fill(template, VALUES) == filled


def test_a_value_is_not_filled_again() -> None:
    """A password may look like a placeholder."""
    assert fill("{text} {room}", {"text": "{room}", "room": "{text}"}) == "{room} {text}"


@pytest.mark.parametrize("template", ["{token}", "{Room}", "{json:room}"])
def test_a_placeholder_without_a_value_is_a_key_error(template: str) -> None:
    """It is our bug by then: dialect files are checked when they are read."""
    with pytest.raises(KeyError):
        fill(template, VALUES)


def test_lists_and_tables_are_filled_all_through() -> None:
    """Every string in them; keys, numbers and the rest stay."""
    value = {"{room}": ["{room}", 1, {"deep": ("{text}", None, True)}]}

    assert fill_all(value, VALUES) == {"{room}": ["room-1", 1, {"deep": ["hello", None, True]}]}
    assert placeholders(value) == ["room", "text"]


@given(st.text())
def test_escaped_text_is_the_inside_of_a_json_string(text: str) -> None:
    """What a server reads from it is the text itself."""
    assert json.loads('"' + json_text(text) + '"') == text


@given(st.text())
def test_text_may_be_escaped_for_json_within_json(text: str) -> None:
    """Whoever reads the one, and then the other, has the text."""
    frame = fill('{"data":"{\\"text\\":\\"{json:json:text}\\"}"}', Values(text=text))

    assert json.loads(json.loads(frame)["data"]) == {"text": text}


@pytest.mark.parametrize(
    ("template", "frame"),
    [
        ("{text}", 'hi "a" <b>'),
        ('{"r":"{room}","id":"{id}","t":"{json:text}"}', r'{"r":"o\'1","id":"c0-2-7","t":"hi \"a\" <b>"}'),
        ("<b to='{xml:room}'>{xml:text}</b>", "<b to='o&apos;1'>hi &quot;a&quot; &lt;b&gt;</b>"),
        ("PUB {room} {text_bytes}\r\n{text} 100%", 'PUB o\'1 10\r\nhi "a" <b> 100%'),
        ("{n} {text} {n}", '1007 hi "a" <b> 1007'),
        ('"{json:json:room} {json:json:text}"', r'"o\'1 hi \\\"a\\\" <b>"'),
    ],
)
def test_a_prepared_frame_is_what_filling_it_gives(template: str, frame: str) -> None:
    """The room stands in it already, per cent signs are what they are."""
    values = Values(room="o'1", id="c0-2-7", text='hi "a" <b>')
    frame = frame.replace(r"\'", "'")

    assert fill(template, values) == frame
    make = prepared(template, "o'1")
    assert make is not None
    assert make('hi "a" <b>', "c0-2-7") == frame.encode()


@given(
    st.text(st.characters(codec="utf-8")),
    st.lists(st.sampled_from(["{room}", "{json:room}", "{text}", "{json:text}", "{xml:text}", "{url:text}",
                              "{json:xml:text}", "{text_bytes}", "{id}", "{n}", "%", "%b", '"', "{}"])),
)  # fmt: skip
def test_whatever_is_prepared_is_what_filling_it_gives(text: str, parts: list[str]) -> None:
    """In any order, any number of times, and whatever is in need of an escape."""
    template = "".join(parts)
    make = prepared(template, 'a "b" & c')

    assert make is not None
    expected = fill(template, Values(room='a "b" & c', id="c0-2-7", text=text)).encode()
    assert make(text, "c0-2-7") == expected


@pytest.mark.parametrize("template", ["{username}: {text}", "{token}", "{to}{text}", "{json:id}", "{text:text}"])
def test_a_frame_that_names_its_user_is_not_prepared(template: str) -> None:
    """There would be one for each."""
    assert prepared(template, "lobby") is None


def test_a_message_is_found_by_its_number() -> None:
    """The numbers below are the file's own, for joins and the like."""
    assert number_of("c0ffee-12-0") == "1000"
    assert message_id_of(1007, "c0ffee-12-0") == "c0ffee-12-7"


def test_what_follows_from_name_and_password() -> None:
    """As HTTP's Basic scheme and SASL PLAIN want it (RFC 7617, RFC 4616)."""
    values = Values(username="Aladdin", password="open sesame")

    assert values["basic_auth"] == "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert base64.b64decode(values["sasl_plain"]) == b"\0Aladdin\0open sesame"


def test_a_placeholder_without_a_value_is_an_error() -> None:
    """Nothing is sent with a hole in it."""
    with pytest.raises(KeyError):
        fill("{json:text}", Values(room="lobby"))
