"""Dialect files: what is taken, and that everything else is refused in one clear line."""

import datetime
import tomllib
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.dialects import Credentials, HttpAnswer
from loadgen.dialects.script import (
    AliveScript,
    ConnectScript,
    DialectScript,
    ErrorsScript,
    FrameKind,
    FramesScript,
    HttpScript,
    JoinScript,
    LeaveScript,
    LoginScript,
    PublishScript,
    Reach,
    StepScript,
)
from loadgen.dialects.scripted import ScriptedDialect
from loadgen.errors import InputError
from scenarios.dialect_files import builtin_dialects, load_dialect, named_text, read_dialect, summary_of
from tests.support.toml_text import toml_text

SMALLEST = {"connect": {"path": "/ws"}, "publish": {"send": "{text}"}}


def a_file(**changes: dict[str, Any]) -> str:
    """The smallest file, with keys of some tables changed; None takes a key away."""
    table: dict[str, dict[str, Any]] = {name: dict(section) for name, section in SMALLEST.items()}
    for name, change in changes.items():
        table[name] = {key: value for key, value in (table.get(name, {}) | change).items() if value is not None}
    return toml_text(table)


def refusal(text: str) -> str:
    with pytest.raises(InputError) as refused:
        read_dialect(text, "mine", "mine.toml")
    return str(refused.value)


# --- what is taken


def test_the_smallest_file_has_two_lines() -> None:
    """Everything else has a default."""
    script = read_dialect(a_file(), "mine", "mine.toml")

    assert script == DialectScript("mine", ConnectScript("/ws"), PublishScript("{text}"))


def test_everything_a_file_may_hold() -> None:
    """Each key lands in its place; one frame may stand for a list of one."""
    text = """
    [login]
    method = "PUT"
    path = "/in?as={username}"
    headers = { X-User = "{user_id}" }
    form = { p = "{password}" }
    token = "cookie:session"
    [connect]
    path = "/ws"
    headers = { Authorization = "Bearer {token}" }
    subprotocols = ["bearer.{token}"]
    send = "hello"
    until = "re:^wel(come)?$"
    [join]
    send = ["a {room}", "b"]
    until = "{room}"
    [publish]
    http = { path = "/say", json = { text = "{text}", id = "{id}", n = [1, 2.5, true] } }
    echo = false
    reach = "room"
    ack = "re:ok {id}"
    [alive]
    reply = { "2" = "3" }
    every = "1m30s"
    send = "{}"
    """

    assert read_dialect(text, "mine", "mine.toml") == DialectScript(
        name="mine",
        login=LoginScript(
            HttpScript("/in?as={username}", "PUT", {"X-User": "{user_id}"}, form={"p": "{password}"}), "cookie:session"
        ),
        connect=ConnectScript(
            "/ws",
            headers={"Authorization": "Bearer {token}"},
            subprotocols=("bearer.{token}",),
            send=("hello",),
            until="re:^wel(come)?$",
        ),
        join=JoinScript(("a {room}", "b"), "{room}"),
        publish=PublishScript(
            http=HttpScript("/say", json={"text": "{text}", "id": "{id}", "n": [1, 2.5, True]}),
            echo=False,
            reach=Reach.ROOM,
            ack="re:ok {id}",
        ),
        alive=AliveScript({"2": "3"}, 90 * 10**9, "{}"),
    )


@pytest.mark.parametrize("name", builtin_dialects())
def test_every_dialect_that_comes_with_us_can_be_read(name: str) -> None:
    """Found by its name, and named so."""
    assert load_dialect(name).name == name


def test_a_file_is_found_by_its_path_and_named_after_it(tmp_path: Path) -> None:
    """With the ending .toml or without."""
    for name in ("mine.toml", "mine"):
        (tmp_path / name).write_text(a_file())
        assert load_dialect(str(tmp_path / name)).name == "mine"


# --- what is refused

A_TOKEN = 'a JSONPath like "$.access_token", header:NAME or cookie:NAME'
A_PATH = 'a path like "/ws?token={token}", from / on, anything odd percent-encoded'
WHO = "; here are {username}, {password}, {user_id}, {basic_auth}, {sasl_plain}"


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


# --- whatever it holds

WORDS = st.sampled_from(
    [
        *("", "/", "/ws", "ws", "{text}", "{json:text}", "{id}", "{id} {text}", "{token}", "{room}", "{username}"),
        *("re:", "re:(", "re:a{2}", "re:{id}", "re:[{id}", "re:(?P<our_id>a){id}", "re:(?u){id}", "re:\\1{id}"),
        *("re:(?i){room}", "re:[{room}-a]", "re:a{99999999999}", "re:{room}{2}{id}", "re:(?:{id})*"),
        *("$", "$.a", "$..a[?@.b == 1]", "$[", "header:X", "cookie:x", "header:", "$[?match(@.a, '[')]"),
        *("room", "self", "20s", "0s", "1h30m", "POST", "post", "\r\n", "é", "a b"),
    ]
)
TEXTS = WORDS | st.text(st.characters(codec="utf-8"), max_size=8)
MOMENTS = st.sampled_from([datetime.date(2000, 1, 2), datetime.datetime(2000, 1, 2, 3, 4), datetime.time(3, 4, 5, 6)])
SCALARS = st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | TEXTS | MOMENTS
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
HTTP = {
    "path": TEXTS,
    "method": TEXTS,
    "headers": st.dictionaries(TEXTS, TEXTS, max_size=2),
    "json": ANYTHING,
    "form": st.dictionaries(TEXTS, TEXTS, max_size=2),
    "body": TEXTS,
}
TABLES: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "login": {**HTTP, "token": TEXTS},
    "connect": {
        "path": TEXTS,
        "headers": st.dictionaries(TEXTS, TEXTS, max_size=2),
        "subprotocols": st.lists(TEXTS, max_size=2),
        "send": TEXTS | st.lists(TEXTS, max_size=2),
        "until": TEXTS,
    },
    "join": {"send": TEXTS | st.lists(TEXTS, max_size=2), "until": TEXTS},
    "publish": {
        "send": TEXTS,
        "http": st.fixed_dictionaries({}, optional=HTTP),
        "echo": st.booleans(),
        "reach": TEXTS,
        "ack": TEXTS,
    },
    "alive": {"reply": st.dictionaries(TEXTS, TEXTS, max_size=2), "every": TEXTS, "send": TEXTS},
}


@st.composite
def files(draw: st.DrawFn) -> dict[str, Any]:
    """A file that is nearly right: some keys of it replaced, most of the rest sound."""
    table: dict[str, Any] = {name: dict(section) for name, section in SMALLEST.items()}
    for _ in range(draw(st.integers(0, 5))):
        name = draw(st.sampled_from(sorted(TABLES)))
        key = draw(st.sampled_from(sorted(TABLES[name])))
        if name == "login":
            table.setdefault(name, {"path": "/"})
        table.setdefault(name, {})[key] = draw(TABLES[name][key])
    if draw(st.integers(0, 9)) == 0:
        table[draw(st.from_regex(r"[a-z_]{0,9}", fullmatch=True))] = draw(ANYTHING)
    return table


@given(files())
def test_a_file_is_refused_in_one_line_or_can_be_spoken(table: dict[str, Any]) -> None:
    """Nothing else comes out of reading it, and what was let through never trips over itself later."""
    text = toml_text(table)
    with warnings.catch_warnings():
        # Python's remarks on regular expressions that may mean something else some day.
        warnings.simplefilter("ignore")
        try:
            script = read_dialect(text, "mine", "mine.toml")
        except InputError as refused:
            said = str(refused)
        else:
            speak(script)
            said = "mine.toml: fine"
    assert said.startswith("mine.toml: ")
    assert len(said.splitlines()) == 1


def speak(script: DialectScript) -> None:
    """Use all of a dialect once."""
    dialect = ScriptedDialect(script, Credentials(0, 'a"n(n\n', "p[w"))
    if dialect.has_login:
        dialect.login()
        dialect.token_from(HttpAnswer(200, (("X", "t"),), (("x", "t"),), b'{"a": "t)"}'))
    dialect.open(["lobby"])
    dialect.on_connected()
    dialect.join(["room-1"])
    dialect.publish("room-1", 'say "hi"', "c0ffee-1-2")
    dialect.keep_alive()
    for frame in (b"", b"2", b"\xff", b"c0ffee-1-2 room-1", *[key.encode() for key in script.alive.reply]):
        dialect.on_frame(frame)


@given(files())
def test_the_toml_of_these_tests_says_what_they_mean(table: dict[str, Any]) -> None:
    """Else the test above would test the TOML parser."""
    assert repr(tomllib.loads(toml_text(table))) == repr(table)


def test_a_built_in_dialect_is_a_file_to_start_from(tmp_path: Path) -> None:
    """Written out, it says the same; and its first comment says what it is."""
    for name in builtin_dialects():
        path = tmp_path / f"{name}.toml"
        path.write_text(named_text(name))

        assert load_dialect(str(path)) == load_dialect(name)
        assert summary_of(named_text(name)).endswith(".")


def test_a_dialect_that_is_not_built_in_cannot_be_printed() -> None:
    """The nearest one is."""
    with pytest.raises(InputError, match=r'unknown dialect "plane"; did you mean "plain"\? \(there are '):
        named_text("plane")


def test_a_file_without_a_comment_says_nothing_of_itself() -> None:
    """Nor does a comment further down."""
    assert summary_of("[connect]\n# here") == ""


# --- what goes beyond a login, a frame and its acknowledgement


def test_everything_else_a_file_may_hold() -> None:
    """Steps, signed tokens, kinds of frames, good-byes, errors."""
    text = """
    [token]
    claims = { sub = "{username}", nested = { id = "{user_id}" } }
    secret = "a secret of 32 bytes, or even more"
    lifetime = "90s"
    [frames]
    kind = "binary"
    separator = "\\n"
    [connect]
    path = "/ws/{room}"
    query = { t = "{token}" }
    cookies = { sid = "{token}" }
    until = "hello"
    [[connect.then]]
    send = ["a", "b"]
    until = "re:c+"
    [join]
    send = "{room_number} {xml:room}"
    [leave]
    send = "bye {room}"
    [publish]
    send = "{n} {text_bytes} {xml:text}"
    ack = "ok"
    acks_in_order = true
    [alive]
    every = "5s"
    send = "ping {basic_auth} {sasl_plain}"
    answer = "pong"
    [errors]
    frames = ["no", "re:^-ERR"]
    """

    script = read_dialect(text, "mine", "mine.toml")

    token = script.token
    assert token is not None
    assert (token.lifetime_s, token.algorithm) == (90, "HS256")
    assert script.frames == FramesScript(FrameKind.BINARY, "\n")
    assert script.has_several_in_a_frame
    assert script.has_rooms
    assert script.connect.then == (StepScript(("a", "b"), "re:c+"),)
    assert (script.connect.query, script.connect.cookies) == ({"t": "{token}"}, {"sid": "{token}"})
    assert script.leave == LeaveScript(("bye {room}",))
    assert script.publish == PublishScript("{n} {text_bytes} {xml:text}", ack="ok", acks_in_order=True)
    assert script.alive == AliveScript({}, 5 * 10**9, "ping {basic_auth} {sasl_plain}", "pong")
    assert script.errors == ErrorsScript(("no", "re:^-ERR"))


def test_no_token_is_of_the_future(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server with the same clock would not believe it yet."""
    monkeypatch.setattr("time.time", lambda: 1_000.9)
    text = a_file(token={"claims": {}, "secret": "a secret of 32 bytes, or even more"})

    token = read_dialect(text, "mine", "mine.toml").token
    assert token is not None
    assert token.issued_at_s == 1_000


SIGNED: dict[str, Any] = {"claims": {}, "secret": "x" * 32}


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"token": SIGNED, "login": {"path": "/"}}, "token: expected one of [login] and [token], got both"),
        (
            {"token": {"claims": {}}},
            "token.secret: expected one of token.secret, token.secret_env and token.secret_file, got none",
        ),
        (
            {"token": {**SIGNED, "secret_env": "X"}},
            "token.secret: expected one of token.secret, token.secret_env and token.secret_file, "
            "got token.secret and token.secret_env",
        ),
        (
            {"token": {"claims": {}, "secret_env": "NO_SUCH_SECRET"}},
            'token.secret_env: expected an environment variable that is set, got "NO_SUCH_SECRET"',
        ),
        (
            {"token": {"claims": {}, "secret_file": "/nowhere"}},
            "token.secret_file: cannot read /nowhere: No such file or directory",
        ),
        ({"token": {**SIGNED, "lifetime": "0s"}}, 'token.lifetime: expected a time > 0 like "1h", got "0s"'),
        (
            {"token": {**SIGNED, "claims": {"a": [1, "{tokn}"]}}},
            "token.claims: unknown placeholder {tokn}" + WHO,
        ),
        ({"token": {**SIGNED, "claims": {"a": float("nan")}}}, "token.claims: expected what JSON can say, got a date"),
        ({"token": {**SIGNED, "algorithm": "HS7"}}, "token: nothing can be signed with this secret by HS7: unknown"),
        ({"token": {**SIGNED, "algorithm": "RS256"}}, "token: nothing can be signed with this secret by RS256: "),
        ({"frames": {"kind": "blob"}}, 'frames.kind: expected "text" or "binary", got "blob"'),
        ({"frames": {"separator": ""}}, 'frames.separator: expected a text that stands between messages, got ""'),
        (
            {"connect": {"then": [{"send": "a", "until": "b"}]}},
            "connect.until: expected a text, since connect.then is what follows it, got none",
        ),
        (
            {"connect": {"node": "at {node}"}},
            "connect.until: expected a text, since connect.node is looked for in that frame, got none",
        ),
        ({"connect": {"until": "a", "node": "at"}}, 'connect.node: expected {node} in it, got "at"'),
        ({"connect": {"until": "a", "node": "{id} {node}"}}, "connect.node: unknown placeholder {id}"),
        ({"connect": {"until": "a", "node": "re:({node}"}}, "connect.node: expected a regular expression after re:"),
        (
            {"connect": {"until": "a", "then": [{"send": "a"}]}},
            "connect.then[0].until: missing; expected a text the awaited frame holds, or re:...",
        ),
        (
            {"connect": {"until": "a", "then": [{"send": "a", "until": "re:("}]}},
            'connect.then[0].until: expected a regular expression after re:, got "(": ',
        ),
        ({"connect": {"cookies": {"a b": "c"}}}, 'connect.cookies: expected the name of a cookie, got "a b"'),
        (
            {"connect": {"cookies": {"a": "b;c"}}},
            'connect.cookies.a: expected a text without spaces, quotes, commas, semicolons and backslashes, got "b;c"',
        ),
        ({"connect": {"query": {"a": "{txt}"}}}, "connect.query: unknown placeholder {txt}" + WHO),
        ({"leave": {"send": "{text}"}}, "leave.send: unknown placeholder {text}" + WHO),
        (
            {"publish": {"send": "{text}", "ack": "ok", "acks_in_order": True, "echo": "x"}},
            'publish.echo: expected true or false, got "x"',
        ),
        (
            {"publish": {"send": "{id} {text}", "ack": "ok {id}", "acks_in_order": True}},
            "publish.ack: expected a text without {id} and {n}, since publish.acks_in_order says that none is named, "
            'got "ok {id}"',
        ),
        (
            {"publish": {"send": "{text}", "acks_in_order": True}},
            "publish.ack: expected a text, since publish.acks_in_order is of them, got none",
        ),
        ({"publish": {"ack": "{n}"}}, "publish.send: expected {n} in it, since publish.ack waits for it, got none"),
        (
            {"publish": {"send": "{yaml:text} {text}"}},
            "publish.send: unknown placeholder {yaml:text}; what may stand before the colon is json, xml, url",
        ),
        (
            {"alive": {"answer": "pong"}},
            "alive.send: expected a frame, since alive.answer awaits what answers it, got none",
        ),
        ({"errors": {"frames": [""]}}, 'errors.frames[0]: expected a text that not every frame holds, got ""'),
        ({"errors": {"frames": ["ok", "re:("]}}, "errors.frames[1]: expected a regular expression after re:, got "),
    ],
)
def test_what_is_wrong_with_the_rest_is_said_in_one_line(changes: dict[str, Any], line: str) -> None:
    """The place, what was expected and what was found."""
    told = refusal(a_file(**changes))
    assert told.startswith(f"mine.toml: {line}"), told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('protocol = "mqt"', 'protocol: unknown protocol "mqt"; did you mean "mqtt"? (there are mqtt'),
        ('protocol = "mqtt"\n[join]\nsend = "x"', "join: unknown key"),
        ('protocol = "mqtt"\n[options]\nqoss = 1', 'options.qoss: unknown key; did you mean "qos"?'),
        ('protocol = "mqtt"\n[options]\nqos = "1"', "options.qos: "),
        ('protocol = "mqtt"\n[options]\nqos = 7', "options.qos: expected 0 or 1, got 7"),
        ('protocol = "mqtt"\n[options]\ntopic = "{romo}"', "options: unknown placeholder {romo}; did you mean {room}?"),
        ('protocol = "mqtt"\n[publish]\nreach = "self"\necho = false', 'publish.echo: expected true where reach is "s'),
    ],
)
def test_what_is_wrong_with_a_spoken_protocol_is_said_in_one_line(text: str, line: str) -> None:
    """Whatever the class wants to know has the types that it says."""
    with pytest.raises(InputError) as caught:
        read_dialect(text + '\n[connect]\npath = "/"', "mine", "mine.toml")
    assert str(caught.value).startswith(f"mine.toml: {line}"), str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_history_in_one_part_needs_no_sign_of_another() -> None:
    """Its frames are all there is to know."""
    script = read_dialect(a_file(history={"frame": "past", "send": "past?"}), "mine", "mine.toml")

    assert script.history is not None
    assert (script.history.frame, script.history.more) == ("past", None)
