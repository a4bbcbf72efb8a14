"""What is wrong with a dialect file is said in one line."""

import datetime
from pathlib import Path
from typing import Any

import pytest

from loadgen.errors import InputError
from scenarios.dialect_files import load_dialect
from tests.support.dialect_files import WHO, a_file, refusal

A_TOKEN = 'a JSONPath like "$.access_token", header:NAME or cookie:NAME'
A_PATH = 'a path like "/ws?token={token}", from / on, anything odd percent-encoded'


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        # unknown, missing, of the wrong type
        ({"conect": {"path": "/"}}, 'conect: unknown key; did you mean "connect"?'),
        ({"connect": {"pth": "/"}}, 'connect.pth: unknown key; did you mean "path"?'),
        ({"connect": {"token": "$.t"}}, 'connect.token: unknown key; did you mean "login.token"?'),
        ({"publish": {"http": {"path": "/", "bdy": "{text}"}}}, 'publish.http.bdy: unknown key; did you mean "body"?'),
        ({"connect": {"path": None}}, 'connect.path: missing; expected a path like "/ws/chat?token={token}"'),
        ({"join": {}}, "join.send: missing; expected a frame, or a list of frames"),
        ({"connect": {"path": 5}}, 'connect.path: expected a path like "/ws/chat?token={token}", got 5'),
        ({"connect": {"send": 5}}, "connect.send: expected a frame, or a list of frames, got 5"),
        ({"publish": {"echo": "no"}}, 'publish.echo: expected true or false, got "no"'),
        ({"publish": {"reach": "all"}}, 'publish.reach: expected "room" or "self", got "all"'),
        ({"login": {"path": "/", "method": "post"}}, 'login.method: expected an HTTP method, got "post"'),
        ({"alive": {"every": 20, "send": "x"}}, 'alive.every: expected a time > 0 like "20s", got 20'),
        ({"alive": {"every": "0s", "send": "x"}}, 'alive.every: expected a time > 0 like "20s", got "0s"'),
        # placeholders
        ({"connect": {"path": "/{tokn}"}}, "connect.path: unknown placeholder {tokn}; did you mean {token}?"),
        ({"connect": {"send": ["{text}"]}}, "connect.send: unknown placeholder {text}" + WHO + ", {token}, {room}"),
        ({"login": {"path": "/", "json": {"a": ["{token}"]}}}, "login.json: unknown placeholder {token}" + WHO),
        (
            {"join": {"send": "{text}"}},
            "join.send: unknown placeholder {text}" + WHO + ", {token}, {room}, {room_number}",
        ),
        (
            {"publish": {"send": "{text} {json:txt}"}},
            "publish.send: unknown placeholder {json:txt}; did you mean {json:text}?",
        ),
        (
            {"publish": {"send": "{id} {text}", "ack": "{id} {token}"}},
            "publish.ack: unknown placeholder {token}; here are {id}",
        ),
        ({"alive": {"reply": {"2": "{rom}"}}}, "alive.reply: unknown placeholder {rom}; did you mean {room}?"),
        # publish
        ({"publish": {"send": None}}, "publish: expected one of send and http, got neither"),
        (
            {"publish": {"http": {"path": "/", "body": "{text}"}}},
            "publish: expected one of send and http, got both",
        ),
        (
            {"publish": {"send": "hello"}},
            "publish.send: expected {text} or {json:text} in it, which carries the marker, got neither",
        ),
        (
            {"publish": {"send": None, "http": {"path": "/{room}"}}},
            "publish.http: expected {text} or {json:text} in it, which carries the marker, got neither",
        ),
        (
            {"publish": {"send": "{id} {text}", "ack": "ok\n"}},
            'publish.ack: expected {id} or {n} in it, or publish.acks_in_order = true, got "ok\\n"',
        ),
        (
            {"publish": {"ack": "ok {id}"}},
            "publish.send: expected {id} in it, since publish.ack waits for it, got none",
        ),
        (
            {"direct": {"echo": True}},
            "direct: expected one of send and http, got neither",
        ),
        (
            {"direct": {"send": "{text}"}},
            "direct: expected {to} in it, which says whom it is for, got none",
        ),
        (
            {"direct": {"send": "{to}"}},
            "direct.send: expected {text} or {json:text} in it, which carries the marker, got neither",
        ),
        (
            {"typing": {"send": "{text}"}},
            "typing.send: unknown placeholder {text}" + WHO + ", {token}, {room}, {room_number}",
        ),
        (
            {"presence": {"send": "who", "http": {"path": "/who"}}},
            "presence: expected one of send and http, got both",
        ),
        ({"http": {"method": "GET"}}, 'http.path: missing; expected a path like "/login"'),
        (
            {"http": {"path": "/{text}"}},
            "http.path: unknown placeholder {text}" + WHO + ", {token}, {room}, {room_number}",
        ),
        (
            {"http": {"path": "/", "body": "", "form": {}}},
            "http: expected one of json, form and body, got several of them",
        ),
        (
            {"history": {"frame": "past"}},
            "history: expected one of send and catch_up, or both, got neither",
        ),
        (
            {"history": {"frame": "past", "catch_up": "past"}},
            'history.catch_up: expected {after} in it, got "past"',
        ),
        (
            {"history": {"frame": "past", "catch_up": "{after}"}},
            "history.seq: expected a text with {seq}, since catch_up asks for what came after, got none",
        ),
        (
            {"history": {"frame": "past", "catch_up": "{after}", "seq": "seq"}},
            'history.seq: expected {seq} in it, got "seq"',
        ),
        (
            {"history": {"frame": "re:*", "send": "past"}},
            'history.frame: expected a regular expression after re:, got "*": nothing to repeat at position 0',
        ),
        (
            {"publish": {"reach": "self", "echo": False}},
            'publish.echo: expected true where reach is "self", got false',
        ),
        # patterns
        (
            {"connect": {"until": "re:("}},
            'connect.until: expected a regular expression after re:, got "(": '
            "missing ), unterminated subpattern at position 0",
        ),
        (
            {"join": {"send": "", "until": "re:\\u2014"}},
            'join.until: expected a regular expression after re:, got "\\\\u2014": bad escape \\u at position 0',
        ),
        (
            {"publish": {"send": "{id} {text}", "ack": "re:*{id}"}},
            'publish.ack: expected a regular expression after re:, got "*{id}": nothing to repeat at position 0',
        ),
        (
            {"publish": {"send": "{id} {text}", "ack": "re:{id}(?u)"}},
            'publish.ack: expected a regular expression after re:, got "{id}(?u)": '
            "bad inline flags: cannot use 'u' flag with a bytes pattern at position ",
        ),
        (
            {"connect": {"until": "re:(?u)a"}},
            'connect.until: expected a regular expression after re:, got "(?u)a": '
            "bad inline flags: cannot use 'u' flag with a bytes pattern at position 3",
        ),
        # HTTP
        (
            {"login": {"path": "/", "json": {}, "form": {}}},
            "login: expected one of json, form and body, got several of them",
        ),
        (
            {"login": {"path": "/", "json": {"born": datetime.date(2000, 1, 2)}}},
            "login.json: expected what JSON can say, got a date, a time, nan or inf in it",
        ),
        (
            {"login": {"path": "/", "json": [float("nan")]}},
            "login.json: expected what JSON can say, got a date, a time, nan or inf in it",
        ),
        ({"login": {"path": "login"}}, f'login.path: expected {A_PATH}, got "login"'),
        ({"connect": {"path": "ws://h/ws"}}, f'connect.path: expected {A_PATH}, got "ws://h/ws"'),
        ({"connect": {"path": "/a b"}}, f'connect.path: expected {A_PATH}, got "/a b"'),
        ({"connect": {"path": "/a#b"}}, f'connect.path: expected {A_PATH}, got "/a#b"'),
        ({"connect": {"path": "/ä\r\n"}}, f'connect.path: expected {A_PATH}, got "/\\u00e4\\r\\n"'),
        (
            {"connect": {"headers": {"X Y": "1"}}},
            'connect.headers: expected the name of an HTTP header, got "X Y"',
        ),
        (
            {"login": {"path": "/", "headers": {"X": "1\r\nY: 2"}}},
            'login.headers.X: expected a text in one line, got "1\\r\\nY: 2"',
        ),
        (
            {"connect": {"subprotocols": ["a", "b c"]}},
            'connect.subprotocols[1]: expected a name without spaces or commas, got "b c"',
        ),
        # the token
        ({"login": {"path": "/", "token": "access_token"}}, f'login.token: expected {A_TOKEN}, got "access_token"'),
        ({"login": {"path": "/", "token": "header:"}}, f'login.token: expected {A_TOKEN}, got "header:"'),
        # staying alive
        ({"alive": {"every": "20s"}}, "alive.send: expected a value, since alive.every is given, got none"),
        ({"alive": {"send": "x"}}, "alive.every: expected a value, since alive.send is given, got none"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(changes: dict[str, dict[str, Any]], line: str) -> None:
    """The file, the key, what was expected, what was found, and what was probably meant."""
    said = refusal(a_file(**changes))

    assert said.startswith(f"mine.toml: {line}")
    assert "\n" not in said


def test_a_jsonpath_that_cannot_be_read_is_refused() -> None:
    """With what the library has to say of it."""
    said = refusal(a_file(login={"path": "/", "token": "$.a["}))

    assert said.startswith(f'mine.toml: login.token: expected {A_TOKEN}, got "$.a[": ')
    assert "\n" not in said


@pytest.mark.parametrize(("text", "line"), [("[connect", 1), ('[connect]\npath = "/\n', 2), ("a = 1\na = 2", 2)])
def test_what_is_not_toml_is_refused_with_its_line(text: str, line: int) -> None:
    """As the TOML parser says it."""
    said = refusal(text)

    assert said.startswith("mine.toml: not a TOML file: ")
    assert f"line {line}" in said or "end of document" in said


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("plian", 'unknown dialect "plian"; did you mean "plain"? (there are '),
        ("Echo", 'unknown dialect "Echo"; did you mean "echo"? (there are '),
        ("gadu", 'unknown dialect "gadu" (there are '),
        ("", 'unknown dialect "" (there are '),
        ("a\nb", 'unknown dialect "a\\nb" (there are '),
        ("x" * 5000, 'unknown dialect "xxx'),
        ("no/such.toml", "no/such.toml: cannot read the dialect file: No such file or directory"),
        ("x" * 5000 + ".toml", "xxx"),
        ("\0.toml", ""),
    ],
)
def test_a_dialect_that_is_not_there_is_refused(name: str, line: str) -> None:
    """With the nearest built-in name, and all of them; a path with the system's own reason."""
    with pytest.raises(InputError) as refused:
        load_dialect(name)

    assert str(refused.value).startswith(line)


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A folder, and a file that is no text."""
    with pytest.raises(InputError, match="cannot read the dialect file: Is a directory"):
        load_dialect(str(tmp_path))
    (tmp_path / "latin.toml").write_bytes(b"# \xff")
    with pytest.raises(InputError, match=r"latin\.toml: cannot read the dialect file: it is not UTF-8 text"):
        load_dialect(str(tmp_path / "latin.toml"))
