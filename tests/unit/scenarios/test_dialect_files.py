"""Dialect files: what is taken, and those that come with us."""

from pathlib import Path

import pytest

from loadgen.dialects.script import (
    AliveScript,
    ConnectScript,
    DialectScript,
    HttpScript,
    JoinScript,
    LoginScript,
    PublishScript,
    Reach,
)
from loadgen.errors import InputError
from scenarios.dialect_files import builtin_dialects, load_dialect, named_text, read_dialect, summary_of
from tests.support.dialect_files import a_file


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
