"""Asks the server each second how it is (``--target-metrics``), beside the run and never in its way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from loadgen.dialects import HttpRequest
from loadgen.engine.clock import now_ns, sleep_until
from loadgen.engine.http import HttpClient
from loadgen.errors import ErrorKind, InputError, ServerError
from loadgen.plan.access import Access, without_passwords
from loadgen.plan.pacing import NS_PER_S
from reports.budgets import Document
from reports.target_series import Scrape, Wanted, target_sections
from scenarios.target_metrics import NotPrometheusError, check, chosen_of, values_of

PATH = "/metrics"
"""Where an address that names no path is asked."""
TIMEOUT_S = 1.0
# A server that has just started may be slow to answer for the first time.
FIRST_TIMEOUT_S = 5.0
MOST_BYTES = 4 * 1024 * 1024

_ACCEPT = (("Accept", "text/plain;version=0.0.4;q=1,*/*;q=0.1"),)


class _Client(Protocol):
    async def text(self) -> str:
        """What the server tells now; ServerError where it does not."""
        ...


@dataclass(frozen=True, slots=True)
class _Page:
    """The place at which it tells."""

    client: HttpClient
    path: str

    async def text(self) -> str:
        answer = await self.client.request(HttpRequest("GET", self.path))
        if answer.status != 200:
            raise NotPrometheusError(f"HTTP {answer.status}")
        return answer.body.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class _Pages:
    """Those of several nodes, read as one: the samples of a name are added up, whoever tells them."""

    pages: Sequence[_Page]

    async def text(self) -> str:
        answers = await asyncio.gather(*(page.text() for page in self.pages), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer  # the sum of some nodes is not that of all
        return "\n".join(map(str, answers))


@dataclass(slots=True)
class Scraper:
    """Goes on from :meth:`begin` to the end of its :func:`scraping`."""

    url: str
    """Where it asks; several, with commas between."""
    wanted: tuple[Wanted, ...]
    _page: _Client
    scrapes: list[Scrape] = field(default_factory=list)
    _task: asyncio.Task[None] | None = None

    def begin(self, origin_ns: int) -> None:
        """Ask at each full second after the start of the run, so that an answer closes the second before."""
        self._task = asyncio.create_task(self._every_second(origin_ns))

    async def end(self) -> None:
        """Ask no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def sections(self, document: Document) -> dict[str, Any]:
        """What a document says of it, beside the series that it has already."""
        return target_sections(self.url, self.wanted, self.scrapes, document["series"]["t_s"])

    async def _every_second(self, origin_ns: int) -> None:
        second = 0
        while True:
            before_ns = now_ns()
            values, error = await self._ask()
            # What it tells is of some instant between asking and answering.
            at_s = ((before_ns + now_ns()) / 2 - origin_ns) / NS_PER_S
            self.scrapes.append(Scrape(at_s, values, error))
            second = max(second + 1, (now_ns() - origin_ns) // NS_PER_S + 1)
            await sleep_until(origin_ns + second * NS_PER_S)

    async def _ask(self) -> tuple[dict[str, float] | None, str | None]:
        try:
            text = await self._page.text()
            # In a thread: a server that tells of thousands of things would hold up the loop of the run.
            return await asyncio.to_thread(values_of, text, [each.name for each in self.wanted]), None
        except (ServerError, NotPrometheusError) as error:
            return None, why(error)


@contextlib.asynccontextmanager
async def scraping(urls: Sequence[str], wanted: Sequence[Wanted], access: Access, label: str) -> AsyncIterator[Scraper]:
    """A scraper of what is told at ``urls``, added up: the figures that are ``wanted``, or of none those worth drawing.

    InputError at ``label`` where nothing can be read at the first of them now.
    """
    (base, path), url = _parts_of(urls[0]), urls[0]
    # Whatever leads to the target, its own figures may be somewhere else: no proxy, no socket, no headers.
    reached = Access(verify_tls=access.verify_tls, ca_file=access.ca_file)
    try:
        async with _client(base, reached, FIRST_TIMEOUT_S) as first:
            text = await _Page(first, path).text()
        check(text)
        chosen = tuple(wanted) or await asyncio.to_thread(chosen_of, text)
    except (ServerError, NotPrometheusError) as error:
        raise InputError(
            f"{label}: expected Prometheus figures at {without_passwords(url)}, got none: {why(error)}"
        ) from None
    if not chosen:
        raise InputError(
            f"{label}: found nothing at {without_passwords(url)} that is named after connections or messages: say "
            'which of it is to be drawn, like target.metrics = ["rate(http_requests_total)"]'
        )
    async with contextlib.AsyncExitStack() as stack:
        pages = []
        for base, path in map(_parts_of, urls):
            pages.append(_Page(await stack.enter_async_context(_client(base, reached, TIMEOUT_S)), path))
        scraper = Scraper(", ".join(urls), chosen, _Pages(pages))
        try:
            yield scraper
        finally:
            await scraper.end()


def _parts_of(url: str) -> tuple[str, str]:
    """The base of an address, and the path that is asked there."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}", urlunsplit(("", "", parts.path or PATH, parts.query, ""))


def _client(base: str, access: Access, timeout_s: float) -> HttpClient:
    return HttpClient(base, _ACCEPT, access=access, timeout_s=timeout_s, connection_count=1, most_bytes=MOST_BYTES)


def why(error: Exception) -> str:
    """What an error comes to, in a few words."""
    if isinstance(error, ServerError) and error.kind is not ErrorKind.BAD_RESPONSE:
        return str(error.kind).replace("_", " ")
    return str(error)
