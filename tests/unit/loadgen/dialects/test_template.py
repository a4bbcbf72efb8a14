"""Text with placeholders."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.dialects.template import fill, fill_all, json_text, placeholders

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
