"""Dialect files that go beyond a login, a frame and its acknowledgement."""

from typing import Any

import pytest

from loadgen.dialects.script import (
    AliveScript,
    ErrorsScript,
    FrameKind,
    FramesScript,
    LeaveScript,
    PublishScript,
    StepScript,
)
from loadgen.errors import InputError
from scenarios.dialect_files import read_dialect
from tests.support.dialect_files import WHO, a_file, refusal


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
