"""The live page's two servers, that of a run and Locust's: whoever opens it, whenever, is told, and disturbs nobody."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import pytest

from tests.support.benches import eventually
from tests.support.documents import a_document
from tests.support.live_peers import Listener, Served, an_idle_listener, get, served_by_locust, served_by_run
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.system

SERVERS: dict[str, Callable[[], AbstractContextManager[Served]]] = {"run": served_by_run, "locust": served_by_locust}
MOST = 64


@pytest.fixture(params=SERVERS)
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    with SERVERS[request.param]() as running:
        yield running


def snapshot(last_s: int) -> dict[str, Any]:
    """A snapshot some seconds into the run, with the last five of them."""
    document = a_document(snapshot=True)
    first = max(0, last_s - 5)
    series = {k: v[first:last_s] if isinstance(v, list) else v for k, v in document["series"].items()}
    return document | {"series": series}


def test_the_page_comes_with_its_policy(served: Served) -> None:
    """And no browser keeps it: the next run has another one."""
    answer = get(served.address, served.base.rstrip("/") or "/")

    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert b"Content-Security-Policy" in answer.body
    assert f'"{served.base}events"'.encode() in answer.body


def test_a_page_opened_late_sees_the_whole_run(served: Served) -> None:
    """As does one that was open all the while, second by second."""
    with Listener(served) as early:
        assert early.next()["phase"] == "arriving"
        seen: set[int] = set()
        for last_s in (4, 8, 12):
            served.tell(snapshot(last_s))
            seen |= set(early.until("measure")["document"]["series"]["t_s"])
        with Listener(served) as late:
            whole = late.next()
    asked = get(served.address, f"{served.base}whole")

    assert whole["is_whole"] is True
    assert whole["document"]["series"]["t_s"] == sorted(seen) == list(range(12))
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["cache-control"] == "no-store"


def test_a_stream_is_one_that_browsers_know(served: Served) -> None:
    """Of events, kept by nobody on the way, and with the time after which to come back."""
    with an_idle_listener(served) as browser:
        stream = browser.makefile("rb")
        head = b"".join(iter(stream.readline, b"\r\n")).decode().lower()
        lines = [stream.readline() for _ in range(3)]

    assert head.startswith("http/1.1 200")
    assert "content-type: text/event-stream" in head
    assert "cache-control: no-store" in head
    assert b"retry: 1000\n" in lines
    assert any(line.startswith(b"data: {") for line in lines)


def test_one_onlooker_too_many_is_sent_away(served: Served) -> None:
    """With the page and all that feeds it; whoever leaves makes room."""
    paths = [served.base.rstrip("/") or "/", f"{served.base}events", f"{served.base}whole"]
    with ExitStack() as stack:
        last = [stack.enter_context(Listener(served)) for _ in range(MOST)][-1]
        assert last.next()["phase"] == "arriving"
        refused = [get(served.address, path) for path in paths]
        assert [answer.status for answer in refused] == [503] * 3
        assert refused[0].body == b"64 pages are open already\n"

    def has_room() -> bool:
        served.tell(snapshot(5))  # who has left is noticed when there is something to send
        return get(served.address, paths[0]).status == 200

    eventually(has_room, "room for another page")


def test_a_hundred_pages_leave_nothing_behind(served: Served) -> None:
    """However they go: in good order, or cut off."""
    served.tell(snapshot(5))
    get(served.address, f"{served.base}whole")
    before = served.descriptor_count()
    for number in range(100):
        if number % 2:
            with Listener(served) as page:
                page.next()
        else:
            with an_idle_listener(served) as idle:
                idle.recv(10)
                idle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if number % 20 == 19:
            served.tell(snapshot(5))

    def is_as_before() -> bool:
        served.tell(snapshot(6))
        return served.descriptor_count() <= before

    eventually(is_as_before, "as few descriptors as before")


def test_who_does_not_read_is_cut_off_and_holds_up_nobody(served: Served) -> None:
    """Nothing is kept for them beyond what the kernel keeps; the others are told each second all the while."""
    with an_idle_listener(served) as idle, Listener(served) as page:
        page.next()
        idle.recv(10)
        both = served.descriptor_count()
        heavy = snapshot(10) | {"errors": [{"kind": "x" * 400_000, "phase": "measure", "count": 1, "example": ""}]}

        def is_cut_off() -> bool:
            served.tell(heavy)
            assert page.until("measure")["document"]["errors"]
            return served.descriptor_count() < both

        eventually(is_cut_off, "the end of who does not read", within_s=2 * PATIENCE_S)
