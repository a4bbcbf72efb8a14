"""The chat page and the end of its connection: what it says, how it comes back, and that nothing is lost or doubled."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from target_app.settings import Limits
from tests.support.chromium import chromium
from tests.support.server_process import ServerProcess, asked, heard, server_process
from tests.support.tcp_relay import TcpRelay, tcp_relay
from tests.support.visitors import Visitor, a_token, a_visitor

pytestmark = [pytest.mark.browser, pytest.mark.system]


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with server_process() as running:
        yield running


@pytest.fixture
def relay(server: ServerProcess) -> Iterator[TcpRelay]:
    with tcp_relay(server.url) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def ann(browser: Browser, relay: TcpRelay, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """Somebody whose wire can be cut, in a room of the test's own."""
    with a_visitor(browser, relay.url) as visitor:
        visitor.enter("ann")
        visitor.join(room_of(request))
        yield visitor


@pytest.fixture
def bob(browser: Browser, server: ServerProcess, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """Somebody else there, with a wire of his own."""
    with a_visitor(browser, server.url) as visitor:
        visitor.enter("bob")
        visitor.join(room_of(request))
        yield visitor


def room_of(request: pytest.FixtureRequest) -> str:
    name: str = request.node.name
    return name[:64]


def test_who_was_away_catches_up(ann: Visitor, bob: Visitor, relay: TcpRelay) -> None:
    """Nothing twice, nothing missing, in order; what was written meanwhile is sent then, and once."""
    bob.say("before")
    expect(ann.texts).to_have_text(["before"])
    relay.cut()
    expect(ann.status).to_have_text(re.compile(r"\(1006\); trying again in \d+ s$"))
    expect(bob.page.locator("#people-list .label")).to_have_text(["bob"])
    for number in range(3):
        bob.say(f"meanwhile {number}")
        expect(bob.fate_of(f"meanwhile {number}")).to_have_text("sent")
    ann.say("from afar")
    expect(ann.fate_of("from afar")).to_have_text("waiting for the connection")

    relay.mend()
    for each in (ann, bob):
        expect(each.texts).to_have_text(["before", "meanwhile 0", "meanwhile 1", "meanwhile 2", "from afar"])
    expect(ann.fate_of("from afar")).to_have_text("sent")
    expect(ann.status).to_have_text("Connected")
    expect(bob.page.locator("#people-list .label")).to_have_text(["ann", "bob"])
    bob.say("after")
    expect(ann.texts.last).to_have_text("after")
    assert ann.texts.count() == 6


def test_who_is_gone_is_not_writing(ann: Visitor, bob: Visitor, server: ServerProcess, relay: TcpRelay) -> None:
    """Neither one who left with half a sentence, nor anybody once we are gone ourselves."""
    room, typing = ann.page.locator("#conversation-name").text_content(), ann.page.locator("#typing")
    with server.connect(f"/ws/rooms?token={a_token('eve')}") as connection:
        heard(connection)
        asked(connection, type="join", room=room)
        connection.send(json.dumps({"type": "typing", "room": room}))
        expect(typing).to_have_text("eve is writing …")
    expect(ann.page.locator("#people-list .label")).to_have_text(["ann", "bob"])
    assert typing.text_content() == ""

    bob.composer.press_sequentially("hel")
    expect(typing).to_have_text("bob is writing …")
    relay.cut()
    expect(ann.status).to_contain_text("trying again")
    assert typing.text_content() == ""


def test_a_long_absence_is_caught_up_page_by_page(ann: Visitor, server: ServerProcess, relay: TcpRelay) -> None:
    """More than one page of the history was said meanwhile."""
    room = ann.page.locator("#conversation-name").text_content()
    relay.cut()
    expect(ann.status).to_contain_text("trying again")
    # As fast as the server lets anybody.
    with server.connect(f"/ws/rooms?token={a_token('eve')}") as connection:
        heard(connection)
        asked(connection, type="join", room=room)
        for number in range(150):
            asked(connection, type="message", room=room, text=f"said {number}")
    relay.mend()
    expect(ann.texts).to_have_text([f"said {number}" for number in range(150)])


def test_what_was_heard_before_its_ack_was_lost_is_sent_and_not_twice(
    ann: Visitor, bob: Visitor, relay: TcpRelay
) -> None:
    """The room's history tells: no one needs to say it again."""
    relay.to_client.clear()
    ann.say("heard")
    expect(bob.texts).to_have_text(["heard"])
    expect(ann.fate_of("heard")).to_have_text("sending")
    relay.cut()
    expect(ann.status).to_contain_text("trying again")
    relay.mend()

    expect(ann.fate_of("heard")).to_have_text("sent")
    expect(ann.texts).to_have_text(["heard"])
    assert bob.texts.all_text_contents() == ["heard"]


def test_what_was_not_heard_says_so_and_can_be_sent_again(ann: Visitor, bob: Visitor, relay: TcpRelay) -> None:
    """It is not in the history, so it is safe to say it again; a person decides."""
    relay.to_server.clear()
    ann.say("lost")
    expect(ann.fate_of("lost")).to_have_text("sending")
    relay.cut()
    expect(ann.status).to_contain_text("trying again")
    relay.mend()

    expect(ann.fate_of("lost")).to_contain_text("not sent: the connection was lost")
    assert bob.texts.count() == 0
    ann.page.get_by_role("button", name="Try again").click()
    expect(ann.fate_of("lost")).to_have_text("sent")
    expect(bob.texts).to_have_text(["lost"])
    assert ann.texts.count() == 1


def test_a_refused_message_tells_why_and_can_be_discarded(ann: Visitor, bob: Visitor) -> None:
    """A text the server does not take is never shown as sent."""
    ann.composer.evaluate("field => field.removeAttribute('maxlength')")
    ann.page.evaluate("document.execCommand('insertText', false, 'ß'.repeat(40000))")
    ann.composer.press("Enter")
    expect(ann.page.locator("#messages .fate")).to_contain_text("not sent: it is longer than the server takes")
    ann.page.get_by_role("button", name="Discard", exact=True).click()
    expect(ann.texts).to_have_count(0)
    ann.say("short")
    expect(bob.texts).to_have_text(["short"])


def test_a_server_that_restarts_is_waited_for(browser: Browser, tmp_path: Path) -> None:
    """The reason of the close is shown; the same rooms, and what was said, are there again."""
    database = f"sqlite:///{tmp_path}/chat.db"
    with (
        server_process("--db", database) as first,
        tcp_relay(first.url) as relay,
        a_visitor(browser, relay.url) as ann,
    ):
        ann.enter("ann")
        ann.join("tea")
        ann.say("before")
        expect(ann.fate_of("before")).to_have_text("sent")
        assert first.stop() == 0
        expect(ann.status).to_have_text(re.compile(r"because the server restarts \(1012, .+\); trying again in \d+ s$"))
        with server_process("--db", database) as second:
            relay.mend(second.url)
            expect(ann.status).to_have_text("Connected")
            ann.say("after")
            expect(ann.fate_of("after")).to_have_text("sent")
            assert ann.texts.all_text_contents() == ["before", "after"]


def test_what_comes_twice_is_shown_once(browser: Browser, tmp_path: Path) -> None:
    """By its number in the room; also one's own, which comes on top of what is shown already."""
    faults = tmp_path / "faults.toml"
    faults.write_text("[deliveries]\nduplicate = 1.0\n")
    with (
        server_process("--faults", str(faults)) as server,
        a_visitor(browser, server.url) as ann,
        a_visitor(browser, server.url) as bob,
    ):
        ann.enter("ann")
        bob.enter("bob")
        for text in ("same", "same", "last"):
            ann.say(text)
        expect(bob.texts).to_have_text(["same", "same", "last"])
        bob.say("seen")
        for each in (ann, bob):
            expect(each.texts).to_have_text(["same", "same", "last", "seen"])
        expect(ann.fate_of("last")).to_have_text("sent")


@pytest.mark.parametrize("said_meanwhile", [1, 5])
def test_a_server_that_forgot_everything_begins_anew(browser: Browser, said_meanwhile: int) -> None:
    """Its numbers begin with 1 again, whether or not they have passed ours by now: the page shows what is there now."""
    texts = [f"hello {number}" for number in range(said_meanwhile)]
    with server_process() as first, tcp_relay(first.url) as relay, a_visitor(browser, relay.url) as ann:
        ann.enter("ann")
        for text in ("one", "two", "three"):
            ann.say(text)
        expect(ann.fate_of("three")).to_have_text("sent")
        assert first.stop() == 0
        with server_process() as second, a_visitor(browser, second.url) as bob:
            bob.enter("bob")
            for text in texts:
                bob.say(text)
                expect(bob.fate_of(text)).to_have_text("sent")
            relay.mend(second.url)
            expect(ann.texts).to_have_text(texts)
            bob.say("and on")
            expect(ann.texts).to_have_text([*texts, "and on"])


def test_an_expired_session_asks_for_a_login_and_goes_on(browser: Browser, server: ServerProcess) -> None:
    """4401: what was said stays on the page, and what is said meanwhile is caught up."""
    with a_visitor(browser, server.url) as ann:
        ann.show_token(a_token("user1", lifetime_s=10))
        ann.join("expiry")
        ann.say("before")
        expect(ann.page.get_by_role("alert")).to_have_text("Your session expired: log in again.")
        with server.connect(f"/ws/rooms?token={a_token('bob')}") as connection:
            heard(connection)
            asked(connection, type="join", room="expiry")
            asked(connection, type="message", room="expiry", text="meanwhile", id="m1")
            heard(connection)
        ann.log_in("user1", "wrong")
        expect(ann.page.get_by_role("alert")).to_have_text("Wrong name or password.")
        ann.log_in("user1")
        ann.is_in()
        expect(ann.texts).to_have_text(["before", "meanwhile"])


def test_another_user_sees_nothing_of_the_one_before(browser: Browser, server: ServerProcess) -> None:
    """Direct messages above all: somebody else logs in where a session expired."""
    with a_visitor(browser, server.url) as ann:
        ann.show_token(a_token("user1", lifetime_s=10))
        ann.is_in()
        with server.connect(f"/ws/rooms?token={a_token('bob')}") as connection:
            heard(connection)
            connection.send(json.dumps({"type": "direct", "to": "user1", "text": "for your eyes only"}))
            expect(ann.page.locator("#direct-list .count")).to_have_text("1")
        expect(ann.page.get_by_role("alert")).to_contain_text("expired")
        ann.log_in("user2")
        expect(ann.page.locator("#own-name")).to_have_text("user2")
        ann.is_in()
        expect(ann.page.locator("#direct-list li")).to_have_count(0)


def test_one_who_was_removed_is_told_by_whom(ann: Visitor, server: ServerProcess) -> None:
    """From a room, one may knock again; from the server, the page does not come back by itself."""
    room = ann.page.locator("#conversation-name").text_content()
    with server.connect(f"/ws/rooms?token={a_token('root', ['admin'])}") as admin:
        heard(admin)
        admin.send(json.dumps({"type": "announce", "text": "tea is ready"}))
        expect(ann.status).to_have_text("root to everybody: tea is ready")
        admin.send(json.dumps({"type": "kick", "user": "ann", "room": room}))
        expect(ann.page.locator("#instead-text")).to_have_text("You were removed from this room by root.")
        expect(ann.composer).to_be_hidden()
        ann.page.get_by_role("button", name="Join again").click()
        ann.is_in()
        ann.say("sorry")
        expect(ann.fate_of("sorry")).to_have_text("sent")
        admin.send(json.dumps({"type": "kick", "user": "ann"}))
        expect(ann.status).to_have_text("You were removed by root.")
        ann.page.get_by_role("button", name="Connect again").click()
        ann.is_in()
        expect(ann.texts).to_have_text(["sorry"])


def test_a_refusal_is_shown_with_its_reason(browser: Browser, server: ServerProcess) -> None:
    """1008: to come back at once would not help, and the page does not."""
    with ExitStack() as connections:
        for _ in range(Limits().connections_per_user):
            heard(connections.enter_context(server.connect(f"/ws/rooms?token={a_token('carl')}")))
        with a_visitor(browser, server.url) as carl:
            carl.show_token(a_token("carl"))
            expect(carl.status).to_have_text(
                "You were disconnected because the server refused (1008, Too many connections)."
            )
            connections.close()
            carl.page.get_by_role("button", name="Connect again").click()
            carl.is_in()
