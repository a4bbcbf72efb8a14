"""Dialects of a few sections, and what they make of a login or a frame."""

import json
from typing import Any

from loadgen.dialects import Confirmation, Credentials, Heard, HttpAnswer
from loadgen.dialects.script import ConnectScript, DialectScript, HttpScript, JoinScript, LoginScript, PublishScript
from loadgen.dialects.scripted import ScriptedDialect

SECRET = "s3cret-of-at-least-32-bytes-for-HS256"
ODD = 'p"ä\\s{s} &=+%/#?\n'
NOTHING = Heard()


def a_dialect(username: str = "ann", password: str = "", **sections: Any) -> ScriptedDialect:
    whole = {"connect": ConnectScript("/ws"), "publish": PublishScript("{text}"), **sections}
    return ScriptedDialect(DialectScript("test", **whole), Credentials(6, username, password))


def an_answer(
    body: bytes = b"",
    headers: tuple[tuple[str, str], ...] = (),
    cookies: tuple[tuple[str, str], ...] = (),
) -> HttpAnswer:
    return HttpAnswer(200, headers, cookies, body)


def logged_in(token: str, **sections: Any) -> ScriptedDialect:
    dialect = a_dialect(login=LoginScript(HttpScript("/login"), "$.token"), **sections)
    assert dialect.token_from(an_answer(json.dumps({"token": token}).encode())) == token
    return dialect


def awaiting(until: str, **sections: Any) -> ScriptedDialect:
    dialect = a_dialect(join=JoinScript(("join {room}",), until), **sections)
    dialect.join(["room-1"])
    return dialect


def is_confirmed(dialect: ScriptedDialect, frame: str) -> bool:
    return dialect.on_frame(frame.encode()).confirmed is Confirmation.JOINED
