"""HTTP requests of users who talk: what is timed and counted, and how many there may be without an answer."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from loadgen.dialects import HttpAnswer, HttpRequest
from loadgen.dialects.script import ConnectScript, DialectScript, HttpScript, PublishScript, Reach
from loadgen.engine.books import Books
from loadgen.engine.calls import CALLS_AT_ONCE, Calls
from loadgen.engine.http import HttpClient
from loadgen.engine.speaker import acts_over_http
from loadgen.errors import ErrorKind, ServerError
from loadgen.measure import marker
from loadgen.measure.ledger import Ledger
from loadgen.measure.payload import Payload
from loadgen.measure.rules import Rules
from loadgen.measure.tally import Metric, Tally
from loadgen.plan.acts import Act
from loadgen.plan.incidents import Incident, IncidentKind
from loadgen.plan.rooms import Rooms
from tests.support.event_loop import on_an_event_loop
from tests.support.plans import a_plan

WHO_IS_THERE = HttpRequest("GET", "/users")
# Measured is what is due from 100 on.
BEFORE, WITHIN = 50, 150


class ACounter(HttpClient):
    """A server's end where each request waits until somebody says what becomes of it."""

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[HttpAnswer]] = []

    async def request(self, request: HttpRequest) -> HttpAnswer:
        answer: asyncio.Future[HttpAnswer] = asyncio.get_running_loop().create_future()
        self.waiting.append(answer)
        return await answer

    async def answer(self, status: int) -> None:
        """Answer the oldest one."""
        self.waiting.pop(0).set_result(HttpAnswer(status, (), (), b"Ann"))
        await handed_on()

    async def fail(self, error: ServerError) -> None:
        """The oldest one gets no answer."""
        self.waiting.pop(0).set_exception(error)
        await handed_on()


async def handed_on() -> None:
    """Whatever waits for the event loop has had its turn."""
    for _ in range(5):
        await asyncio.sleep(0)


def some_calls() -> tuple[Calls, ACounter, Tally]:
    """Of a run in its measured window."""
    tally, counter = Tally(0), ACounter()
    ledger = Ledger(
        Rules(2, Rooms.alike(1), Reach.ROOM, echo=True, deadline_ns=1_000), marker.prefix_of("abc123"), tally
    )
    ledger.measure(100, 200)
    books = Books(ledger, Payload(1, 100), "abc123", 1_000)
    books.phase = "measure"
    return Calls(books, [counter]), counter, tally


def errors_of(tally: Tally) -> dict[ErrorKind, int]:
    """How many of each kind."""
    return {kind: error.count for (kind, _), error in tally.errors.items()}


@on_an_event_loop
async def test_an_answer_is_timed_where_the_request_was_due_in_the_measured_window() -> None:
    """Whatever it says; what it says of a failure is counted besides."""
    calls, counter, tally = some_calls()
    for due_ns in (BEFORE, WITHIN, WITHIN):
        calls.make(0, WHO_IS_THERE, due_ns)
    await handed_on()
    for status in (200, 200, 503):
        await counter.answer(status)

    assert tally.metrics[Metric.HTTP_TIME].count == 2
    assert errors_of(tally) == {ErrorKind.HTTP_5XX: 1}


@on_an_event_loop
async def test_a_request_without_an_answer_is_an_error_and_has_no_time() -> None:
    """A refusal within a microsecond would look like a quick server."""
    calls, counter, tally = some_calls()
    calls.make(0, WHO_IS_THERE, WITHIN)
    await handed_on()
    await counter.fail(ServerError(ErrorKind.REFUSED, "nobody there"))

    assert tally.metrics[Metric.HTTP_TIME].count == 0
    assert errors_of(tally) == {ErrorKind.REFUSED: 1}


@on_an_event_loop
async def test_a_server_that_does_not_answer_is_asked_no_more_and_that_is_counted() -> None:
    """Requests would pile up until the generator is out of memory; one answer makes room for one more."""
    calls, counter, tally = some_calls()
    for _ in range(CALLS_AT_ONCE):
        assert not calls.refused()
        calls.make(0, WHO_IS_THERE, WITHIN)
    await handed_on()

    assert calls.refused()
    assert calls.refused()
    assert errors_of(tally) == {ErrorKind.UNANSWERED: 2}
    await counter.answer(200)
    assert not calls.refused()
    calls.close()
    await handed_on()


@on_an_event_loop
async def test_what_has_no_answer_when_the_drain_ends_is_an_error() -> None:
    """Else the slowest would be missing from the times, and from everything."""
    calls, counter, tally = some_calls()
    for _ in range(3):
        calls.make(0, WHO_IS_THERE, WITHIN)
    await handed_on()
    await counter.answer(200)
    calls.close()
    await handed_on()

    assert tally.metrics[Metric.HTTP_TIME].count == 1
    assert errors_of(tally) == {ErrorKind.TIMEOUT: 2}
    assert all(answer.cancelled() for answer in counter.waiting)


def test_an_announcement_goes_over_http_where_messages_do() -> None:
    """Whatever the mix is: somebody has to carry the request."""
    dialect = DialectScript("http", ConnectScript("/"), PublishScript(http=HttpScript("/say", json="{text}")))
    plan = replace(a_plan(), dialect=dialect, mix=((Act.TYPING, 1.0),))
    announced = replace(plan, incidents=(Incident(IncidentKind.ANNOUNCEMENT, 0),))

    assert acts_over_http(plan) == frozenset()
    assert acts_over_http(announced) == {Act.MESSAGE}


@on_an_event_loop
async def test_an_answer_that_repeats_the_users_token_is_told_without_it() -> None:
    """So is an error of our own that does."""
    calls, counter, tally = some_calls()
    for _ in range(2):
        calls.make(0, WHO_IS_THERE, WITHIN, "let-me-in")
    await handed_on()
    counter.waiting.pop(0).set_result(HttpAnswer(403, (), (), b"who is let-me-in?"))
    await counter.fail(ServerError(ErrorKind.BAD_RESPONSE, "nonsense after let-me-in"))

    assert {error.example for error in tally.errors.values()} == {"HTTP 403: who is ***?", "nonsense after ***"}
