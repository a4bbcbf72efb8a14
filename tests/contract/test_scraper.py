"""What the scraper makes of real HTTP endpoints: slow, huge, broken and vanishing ones among them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from loadgen.engine.clock import now_ns
from loadgen.errors import InputError
from loadgen.plan.access import DIRECT
from reports.target_series import Wanted
from scenarios.scraper import MOST_BYTES, Scraper, scraping
from tests.support.event_loop import on_an_event_loop
from tests.support.http_peer import http_server
from tests.support.patience import PATIENCE_S

GOOD = "# TYPE connections gauge\nconnections 7\n# TYPE messages_total counter\nmessages_total 3\n"
Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


async def scraped(scraper: Scraper, count: int) -> None:
    """Until it has asked so often."""
    async with asyncio.timeout(PATIENCE_S):
        while len(scraper.scrapes) < count:
            await asyncio.sleep(0.01)


async def good(_: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text=GOOD)


def first_good_then(*answers: Answer) -> Answer:
    """Answers well to the first request, and then with each of ``answers`` in turn; the last one stays."""
    left = [good, *answers]

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return await (left.pop(0) if len(left) > 1 else left[0])(request)

    return answer


async def slow(request: web.BaseRequest) -> web.StreamResponse:
    while request.transport is not None and not request.transport.is_closing():
        await asyncio.sleep(0.01)
    raise ConnectionResetError("nobody waits so long")


async def refusing(_: web.BaseRequest) -> web.StreamResponse:
    return web.Response(status=503, text="busy")


async def something_else(_: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text="<html>Welcome</html>")


async def huge(request: web.BaseRequest) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    line = b"x" * 65_536
    try:
        for _ in range(2 * MOST_BYTES // len(line)):
            await response.write(line)
    except ConnectionError:
        pass
    return response


async def broken(request: web.BaseRequest) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b"connections 7\nmessages_tot")
    assert request.transport is not None
    request.transport.close()
    return response


@on_an_event_loop
async def test_of_several_nodes_each_is_asked_and_all_is_added_up() -> None:
    """Where one of them does not answer nothing is told: the sum of the others would be another figure."""
    async with (
        http_server(first_good_then(good, good, refusing)) as one,
        http_server(good) as other,
        scraping([one, f"{other}/metrics"], [], DIRECT, "--target-metrics") as scraper,
    ):
        scraper.begin(now_ns())
        await scraped(scraper, 3)

    assert [scrape.values for scrape in scraper.scrapes[:2]] == [{"connections": 14.0, "messages_total": 6.0}] * 2
    assert (scraper.scrapes[2].values, scraper.scrapes[2].error) == (None, "HTTP 503")
    assert scraper.url == f"{one}, {other}/metrics"


@on_an_event_loop
async def test_it_asks_at_once_and_then_each_second() -> None:
    """What was told is kept with its instant."""
    asked: list[str] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request.path_qs)
        return web.Response(text=GOOD)

    async with http_server(answer) as url, scraping([url], [], DIRECT, "--target-metrics") as scraper:
        assert scraper.wanted == (Wanted("connections"), Wanted("messages_total", is_rate=True))
        scraper.begin(now_ns())
        await scraped(scraper, 3)

    first, second, third = scraper.scrapes[:3]
    assert first.values == {"connections": 7, "messages_total": 3}
    assert 0 <= first.at_s < second.at_s < third.at_s
    assert second.at_s >= 1
    assert set(asked) == {"/metrics"}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (slow, "timeout"),
        (refusing, "HTTP 503"),
        (something_else, "none of the series is there"),
        (huge, f"an answer of more than {MOST_BYTES} bytes"),
        (broken, ""),
    ],
)
@on_an_event_loop
async def test_a_scrape_that_fails_is_noted_and_the_next_one_is_tried(answer: Answer, error: str) -> None:
    """Never a value that was not told."""
    async with (
        http_server(first_good_then(answer, good)) as url,
        scraping([url], [], DIRECT, "--target-metrics") as scraper,
    ):
        scraper.begin(now_ns())
        await scraped(scraper, 2)

    failed, told = scraper.scrapes[:2]
    assert failed.values is None
    assert error in (failed.error or "no error")
    assert told.values == {"connections": 7, "messages_total": 3}


@on_an_event_loop
async def test_a_server_that_vanishes_is_asked_in_vain() -> None:
    """And the run goes on; nothing is left behind."""
    async with http_server(good) as url:
        manager = scraping([url], [Wanted("connections")], DIRECT, "--target-metrics")
        scraper = await manager.__aenter__()
    scraper.begin(now_ns())
    await scraped(scraper, 2)
    await manager.__aexit__(None, None, None)

    assert all(scrape.values is None for scrape in scraper.scrapes)
    assert scraper.scrapes[0].error in ("refused", "reset")


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [(refusing, "got none: HTTP 503"), (something_else, "got none: nothing in it is in Prometheus' text format")],
)
@on_an_event_loop
async def test_what_cannot_be_read_at_the_start_is_refused(answer: Answer, complaint: str) -> None:
    """Before anybody has waited for a whole run."""
    async with http_server(answer) as url:
        with pytest.raises(InputError, match=complaint):
            await scraping([url], [], DIRECT, "--target-metrics").__aenter__()


@on_an_event_loop
async def test_where_nothing_is_worth_drawing_somebody_must_say_what() -> None:
    """It answers well, and tells of other things."""

    async def other(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="go_goroutines 8\n")

    async with http_server(other) as url:
        with pytest.raises(InputError, match=r"say which of it is to be drawn"):
            await scraping([url], [], DIRECT, "--target-metrics").__aenter__()
        async with scraping([url], [Wanted("go_goroutines")], DIRECT, "--target-metrics") as scraper:
            scraper.begin(now_ns())
            await scraped(scraper, 1)
    assert scraper.scrapes[0].values == {"go_goroutines": 8}


@on_an_event_loop
async def test_an_address_with_a_path_and_a_password_is_asked_as_it_is() -> None:
    """The password goes where it belongs, and into no complaint."""
    seen: list[tuple[str, str | None]] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        seen.append((request.path_qs, request.headers.get("Authorization")))
        return web.Response(text=GOOD) if len(seen) == 1 else web.Response(status=403)

    async with http_server(answer) as url:
        address = f"{url.replace('http://', 'http://me:secret@')}/stats?format=prometheus"
        async with scraping([address], [], DIRECT, "--target-metrics"):
            pass
        with pytest.raises(InputError) as refused:
            await scraping([address], [], DIRECT, "--target-metrics").__aenter__()

    assert seen[0] == ("/stats?format=prometheus", "Basic bWU6c2VjcmV0")
    assert "secret" not in str(refused.value)
