"""The chat page in a real browser: getting in, talking, reading, by mouse, by keyboard, on a phone."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.support.certificates import self_signed
from tests.support.chromium import chromium
from tests.support.fronts import tls_front
from tests.support.server_process import ServerProcess, asked, heard, server_process
from tests.support.visitors import a_token, a_visitor

pytestmark = [pytest.mark.browser, pytest.mark.system]

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with server_process("--lift-limits") as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


def fill(server: ServerProcess, room: str, count: int) -> None:
    """Have somebody say so many things in a room, `said 1` to `said N`, and be gone."""
    with server.connect(f"/ws/rooms?token={a_token('eve')}") as connection:
        heard(connection)
        asked(connection, type="join", room=room)
        for number in range(1, count + 1):
            asked(connection, type="message", room=room, text=f"said {number}")


def test_two_people_talk(server: ServerProcess, browser: Browser) -> None:
    """What one says the other reads at once, each knows who is there and who writes, and the sender that it arrived."""
    with a_visitor(browser, server.url) as ann, a_visitor(browser, server.url) as bob:
        ann.log_in("user1")
        bob.log_in("user2")
        ann.is_in()
        bob.is_in()
        expect(ann.page.locator("#people-list .label")).to_have_text(["user1", "user2"])

        bob.composer.press_sequentially("hel")
        expect(ann.page.locator("#typing")).to_have_text("user2 is writing …")
        bob.say("hello\nthere")
        ann.say("hello yourself")

        for each in (ann, bob):
            expect(each.texts).to_have_text(["hello\nthere", "hello yourself"])
        expect(ann.page.locator("#messages .name")).to_have_text(["user2", "user1"])
        expect(ann.page.locator("#typing")).to_have_text("")
        expect(ann.fate_of("hello yourself")).to_have_text("sent")
        expect(bob.fate_of("hello yourself")).to_have_text("")
        assert bob.page.locator("#messages time").first.get_attribute("title")

    with a_visitor(browser, server.url) as ann:
        ann.log_in("user1")
        expect(ann.texts).to_have_text(["hello\nthere", "hello yourself"])


def test_a_direct_message_reaches_one_person_alone(server: ServerProcess, browser: Browser) -> None:
    """It is counted until it is looked at; one who is not there any more is a reason, not a silence."""
    with a_visitor(browser, server.url) as ann:
        ann.enter("ann")
        ann.join("directs")
        with a_visitor(browser, server.url) as bob, a_visitor(browser, server.url) as eve:
            for each, name in ((bob, "bob"), (eve, "eve")):
                each.enter(name)
                each.join("directs")
            ann.page.get_by_role("button", name="bob").click()
            expect(ann.page.get_by_role("heading", name="bob", level=1)).to_be_visible()
            ann.say("psst")
            expect(ann.fate_of("psst")).to_have_text("sent")
            unread = bob.page.locator("#direct-list li", has_text="ann").locator(".count")
            expect(unread).to_have_text("1")
            expect(bob.page).to_have_title("(1) directs · Chat")
            bob.page.locator("#direct-list button").click()
            expect(bob.texts).to_have_text(["psst"])
            expect(unread).to_be_hidden()
            assert eve.page.locator("#directs").is_hidden()
        ann.say("still there?")
        expect(ann.fate_of("still there?")).to_contain_text("not sent: 'bob' is not online")


def test_a_wrong_password_is_said_and_not_remembered(server: ServerProcess, browser: Browser) -> None:
    """Another try gets in; a token that is none, or that the server does not believe, is said as well."""
    with a_visitor(browser, server.url) as ann:
        problem = ann.page.get_by_role("alert")
        ann.log_in("user1", "wrong")
        expect(problem).to_have_text("Wrong name or password.")
        ann.show_token("no token")
        expect(problem).to_contain_text("That is no token")
        ann.page.get_by_label("Token", exact=True).fill("eyJ.eyJ.forged")
        ann.page.get_by_role("button", name="Connect", exact=True).click()
        expect(problem).to_have_text("The server did not accept the token: log in again.")
        ann.log_in("user1")
        ann.is_in()
        expect(problem).to_be_hidden()

        ann.page.reload()
        ann.is_in()
        ann.page.get_by_role("button", name="Log out").click()
        expect(ann.page.get_by_label("Password")).to_be_empty()
        ann.page.reload()
        expect(ann.page.get_by_role("button", name="Log in")).to_be_visible()


def test_a_guest_reads_and_does_not_write(server: ServerProcess, browser: Browser) -> None:
    """Nothing is offered that the server would refuse, and it is said why."""
    fill(server, "lobby", 1)
    with a_visitor(browser, server.url) as guest:
        guest.page.get_by_role("button", name="Look around as a guest").click()
        guest.is_in()
        expect(guest.texts.last).to_have_text("said 1")
        expect(guest.composer).to_be_hidden()
        expect(guest.page.locator("#instead-text")).to_contain_text("guest")
        expect(guest.page.locator("#own-name")).to_have_text(re.compile("^guest-"))
        assert guest.page.locator("#people-list button").count() == 0


def test_html_and_sql_are_text_like_any_other(server: ServerProcess, browser: Browser) -> None:
    """In names, rooms and texts: it stands there as it was written, and nothing of it is run."""
    evil = "<img src=x onerror=alert(1)>"
    texts = [evil, "<script>alert(1)</script>", "'; DROP TABLE messages; --", "&lt;b&gt; &amp;", "\u202eback\u202c"]
    with a_visitor(browser, server.url) as ann, a_visitor(browser, server.url) as bob:
        for each, name in ((ann, evil), (bob, "bob")):
            each.enter(name)
            each.join(f"{evil}'--")
        for text in texts:
            ann.say(text)

        expect(bob.texts).to_have_text(texts)
        expect(bob.page.locator("#messages .name").first).to_have_text(evil)
        expect(bob.page.locator("#people-list .label", has_text="img")).to_have_text(evil)
        expect(bob.page.locator("#room-list .label").last).to_have_text(f"{evil}'--")
        assert bob.page.locator("#chat img, #chat script, #messages b").count() == 0


def test_rooms_are_found_counted_and_left(server: ServerProcess, browser: Browser) -> None:
    """A room somebody is in is offered to the others; what is said elsewhere is counted; leaving ends both."""
    with a_visitor(browser, server.url) as ann, a_visitor(browser, server.url) as bob:
        ann.enter("ann")
        ann.join("tea/time?")
        bob.enter("bob")
        bob.page.locator("#other-list button", has_text="tea/time?").click()
        bob.is_in()
        expect(bob.page.locator("#people-list .label")).to_have_text(["ann", "bob"])
        bob.page.locator("#room-list button", has_text="lobby").click()
        ann.say("one")
        ann.say("two")
        entry = bob.page.locator("#room-list li", has_text="tea/time?")
        expect(entry.locator(".count")).to_have_text("2")
        entry.click()
        expect(bob.page.locator("#messages .divider.unread + .message .text")).to_have_text("one")
        bob.page.get_by_role("button", name="Leave").click()
        expect(ann.page.locator("#people-list .label")).to_have_text(["ann"])
        expect(entry).to_have_count(0)


def test_all_of_it_can_be_done_by_keyboard(server: ServerProcess, browser: Browser) -> None:
    """Enter sends, Shift+Enter starts a line, Alt and an arrow switches, Esc leaves a direct conversation."""
    with a_visitor(browser, server.url) as bob, a_visitor(browser, server.url) as ann:
        bob.enter("bob")
        bob.join("keys")
        keys, title = ann.page.keyboard, ann.page.locator("#conversation-name")
        for key in ("user1", "Tab", "password1", "Enter"):
            keys.press(key) if key in ("Tab", "Enter") else keys.type(key)
        ann.is_in()
        expect(ann.composer).to_be_focused()
        outline = ann.composer.evaluate("field => getComputedStyle(field).outlineStyle")
        assert outline == "solid"
        # Backwards from the composer: the messages, the room's button, the field for a room, ...
        for _ in range(20):
            keys.press("Shift+Tab")
            if ann.page.evaluate("document.activeElement.id") == "join-name":
                break
        keys.type("keys")
        keys.press("Enter")
        expect(title).to_have_text("keys")
        ann.is_in()
        expect(ann.composer).to_be_focused()
        keys.type("one")
        keys.press("Shift+Enter")
        keys.type("two")
        keys.press("Enter")
        expect(bob.texts).to_have_text(["one\ntwo"])
        keys.press("Alt+ArrowUp")
        expect(title).to_have_text("lobby")
        keys.press("Alt+ArrowDown")
        expect(title).to_have_text("keys")
        for _ in range(20):
            keys.press("Tab")
            if ann.page.evaluate("document.activeElement.title") == "Write to bob":
                break
        keys.press("Enter")
        expect(title).to_have_text("bob")
        expect(ann.composer).to_be_focused()
        keys.press("Escape")
        expect(title).to_have_text("keys")


def test_what_is_said_is_read_out(server: ServerProcess, browser: Browser) -> None:
    """One who does not see the page hears new messages, and what becomes of the connection; every field has a name."""
    with a_visitor(browser, server.url) as ann, a_visitor(browser, server.url) as bob:
        ann.enter("ann")
        bob.enter("bob")
        bob.say("do you hear me?")
        expect(ann.page.locator("[aria-live=polite]")).to_have_text("bob: do you hear me?")
        expect(ann.page.get_by_role("status")).to_contain_text("Connected")
        for field in ann.page.locator("input, textarea").all():
            assert field.evaluate("field => field.labels.length === 1"), field
        ann.page.keyboard.press("Tab")
        ann.page.locator(".skip").focus()
        ann.page.keyboard.press("Enter")
        expect(ann.composer).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_is_wide_enough(server: ServerProcess, browser: Browser, scheme: Any) -> None:
    """Nothing is wider than 360 px; rooms and people are drawn in and out, and go when something was chosen."""
    with a_visitor(browser, server.url, color_scheme=scheme, **PHONE) as ann:
        background = ann.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert background == ("rgb(251, 251, 249)" if scheme == "light" else "rgb(21, 24, 27)")
        assert ann.page.evaluate("document.documentElement.scrollWidth") <= 360
        ann.enter("a-name-of-sixty-four-characters-which-is-longer-than-a-phone-is-w")
        rooms = ann.page.locator("#rooms")
        expect(rooms).to_be_hidden()
        ann.page.get_by_role("button", name="Rooms").click()
        expect(rooms).to_be_visible()
        ann.join(f"phone-{scheme}-{'w' * 50}")
        expect(rooms).to_be_hidden()
        ann.say("w" * 500)
        expect(ann.fate_of("w")).to_have_text("sent")
        expect(ann.composer).to_be_in_viewport(ratio=1)
        assert ann.page.evaluate("document.documentElement.scrollWidth") <= 360
        assert ann.page.evaluate("document.getElementById('messages').scrollWidth") <= 360
        ann.page.get_by_role("button", name="People").click()
        expect(ann.page.locator("#people")).to_be_visible()
        ann.page.keyboard.press("Escape")
        expect(ann.page.locator("#people")).to_be_hidden()


def test_scrolling_up_reads_what_was_said_long_ago(server: ServerProcess, browser: Browser) -> None:
    """To the very first, in order and without a gap, while the document keeps a few hundred lines at most."""
    fill(server, "long", 700)
    with a_visitor(browser, server.url) as ann:
        ann.enter("ann")
        ann.join("long")
        expect(ann.texts.last).to_have_text("said 700")
        seen: set[str] = set()
        messages = ann.page.locator("#messages")
        first = ann.texts.first
        while first.text_content() != "said 1":
            shown = ann.texts.all_text_contents()
            assert shown == [f"said {int(shown[0].split()[1]) + n}" for n in range(len(shown))]
            assert len(shown) <= 240
            seen |= set(shown)
            before = first.text_content()
            messages.evaluate("list => { list.scrollTop = 0 }")
            expect(first).not_to_have_text(str(before))
        seen |= set(ann.texts.all_text_contents())
        assert len(seen) == 700

        # News must not move the page under the reader's eyes, and is one press away.
        messages.evaluate("list => { list.scrollTop = 0 }")
        fill(server, "long", 2)
        pill = ann.page.locator("#pill")
        expect(pill).to_have_text("2 new messages")
        assert first.text_content() == "said 1"
        pill.click()
        expect(ann.texts.last).to_be_in_viewport()
        expect(ann.texts.last).to_have_text("said 2")
        expect(pill).to_be_hidden()


def test_a_flood_leaves_the_page_usable(server: ServerProcess, browser: Browser) -> None:
    """5,000 messages as fast as they come: a few hundred lines, the newest in sight, and one can write at once."""
    with a_visitor(browser, server.url) as ann:
        ann.enter("ann")
        ann.join("flood")
        with server.connect(f"/ws/rooms?token={a_token('bob')}") as connection:
            heard(connection)
            asked(connection, type="join", room="flood")
            for number in range(1, 5_001):
                connection.send(json.dumps({"type": "message", "room": "flood", "text": f"said {number}"}))
                heard(connection)
        expect(ann.texts.last).to_have_text("said 5000")
        expect(ann.texts.last).to_be_in_viewport()
        assert ann.texts.count() <= 240
        ann.say("enough")
        expect(ann.fate_of("enough")).to_have_text("sent")


def test_of_very_many_people_some_are_shown_and_all_are_found(server: ServerProcess, browser: Browser) -> None:
    """2,000 people are 200 names, how many more there are, and a field to look for one."""
    names = [f"user-{number:06d}" for number in range(2_000)]
    with a_visitor(browser, server.url) as ann:
        answer = json.dumps({"users": names[:1_000], "count": 2_000})
        ann.page.route("**/rooms/lobby/users*", lambda route: route.fulfill(body=answer))
        ann.enter("ann")
        expect(ann.page.locator("#people-count")).to_have_text(re.compile("^2,00[01]$"))
        expect(ann.page.locator("#people-list li")).to_have_count(200)
        expect(ann.page.locator("#people-more")).to_have_text(re.compile(r"^and 1,80[01] more$"))
        ann.page.get_by_label("Find somebody").fill("000777")
        expect(ann.page.locator("#people-list .label")).to_have_text(["user-000777"])


def test_it_works_over_https_and_under_a_longer_path(server: ServerProcess, browser: Browser, tmp_path: Path) -> None:
    """Every address is relative to the page's own, the WebSocket's too: wss where the page came over https."""
    with (
        tls_front(server.url, self_signed(tmp_path), "/team/chat/") as url,
        a_visitor(browser, url, ignore_https_errors=True) as ann,
    ):
        sockets: list[str] = []
        ann.page.on("websocket", lambda socket: sockets.append(socket.url))
        ann.log_in("user1")
        ann.join("over tls")
        ann.say("safe and sound")
        expect(ann.fate_of("safe and sound")).to_have_text("sent")

    assert sockets == [f"{url.replace('https', 'wss')}ws/rooms"]


def test_no_address_holds_a_token_and_nothing_comes_from_elsewhere(server: ServerProcess, browser: Browser) -> None:
    """An address ends up in logs and histories: the token goes as a subprotocol and a header."""
    with a_visitor(browser, server.url) as ann:
        addresses: list[str] = []
        ann.page.on("request", lambda request: addresses.append(request.url))
        ann.page.on("websocket", lambda socket: addresses.append(socket.url))
        ann.page.reload()
        token = a_token("ann")
        with ann.page.expect_response("**/rooms"):
            ann.show_token(token)
        ann.is_in()

    assert any(url.startswith("ws://") for url in addresses)
    assert all(url.partition("://")[2].startswith(server.url.removeprefix("http://")) for url in addresses)
    assert not any(token in url for url in addresses)
