"""The live page over HTTP: the page, the stream that feeds it, and the report at the end. One event loop's affair."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from reports.live.feed import Feed, Told
from reports.live.page import render

# A page costs a few kilobytes a second; more people than this do not look at one run.
MOST_ONLOOKERS = 64
# Who does not take a second's figures within this time is cut off, and comes back where somebody is there.
SLOW_S = 5.0
# How much the kernel keeps for a reader who does not read; we keep one answer more.
_SEND_BUFFER_BYTES = 256 * 1024
_KEEP_ALIVE_S = 10.0
_REPORT = "/report/"
_ALWAYS = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx, for one, holds a stream back unless told
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "frame-ancestors 'self'",
}

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Site:
    """What is served, to whom, and what pages are told."""

    def __init__(self, *, for_this_machine: bool) -> None:
        """``for_this_machine``: only requests to a name of this machine are answered.

        Otherwise a page of the Web whose name leads here, by its own nameserver, could read what is told (DNS
        rebinding).
        """
        self._feed = Feed()
        self._news = asyncio.Event()
        self._page = render("/whole", events_url="/events").encode()
        self._for_this_machine = for_this_machine
        self._reports: dict[str, Path] = {}
        self._onlooker_count = 0
        self._is_closed = False
        self._quiet = asyncio.Event()
        self._quiet.set()

    def runner(self) -> web.AppRunner:
        """Not begun yet; it says nothing, since standard error is for the run."""

        @web.middleware
        async def guarded(request: web.Request, handler: _Handler) -> web.StreamResponse:
            return self._refusal(request) or await handler(request)

        app = web.Application(middlewares=[guarded])
        app.router.add_get("/", self._show)
        app.router.add_get("/whole", self._tell)
        app.router.add_get("/events", self._stream)
        app.router.add_get(_REPORT + "{run}", self._report)
        silent = logging.Logger("chatbench.live", logging.CRITICAL + 1)
        return web.AppRunner(
            app,
            handle_signals=False,
            access_log=None,
            logger=silent,
            keepalive_timeout=_KEEP_ALIVE_S,
            shutdown_timeout=0,
        )

    # --- what the run has to say ------------------------------------------------------------------------------

    def tell(self, told: Told) -> None:
        """Tell every page."""
        self._feed.tell(told)
        self._wake()

    def offer(self, run_id: str, report: Path) -> str:
        """Where the report of a run, a page of its own, can be had from now on."""
        self._reports[run_id] = report
        return f"{_REPORT}{run_id}"

    async def close(self, patience_s: float) -> None:
        """Let every page take what it was told last, those that go by themselves for so long; the rest is cut off."""
        try:
            await asyncio.wait_for(self._quiet.wait(), patience_s)
        except TimeoutError:
            self._is_closed = True
            self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    # --- what is asked -----------------------------------------------------------------------------------------

    def _refusal(self, request: web.Request) -> web.Response | None:
        if self._for_this_machine and not _is_this_machine(request.host):
            return web.Response(status=403, text="asked by a name that is not of this machine\n", headers=_ALWAYS)
        if self._onlooker_count >= MOST_ONLOOKERS and not request.path.startswith(_REPORT):
            text = f"{MOST_ONLOOKERS} pages are open already\n"
            return web.Response(status=503, text=text, headers=_ALWAYS | {"Retry-After": "10"})
        return None

    async def _show(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(body=self._page, content_type="text/html", charset="utf-8", headers=_ALWAYS)

    async def _tell(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(body=self._feed.whole(), content_type="application/json", headers=_ALWAYS)

    async def _report(self, request: web.Request) -> web.StreamResponse:
        report = self._reports.get(request.match_info["run"])
        if report is None:
            return web.Response(status=404, text="no such report\n", headers=_ALWAYS)
        # The page asks twice, for what it shows and for what it saves, and keeps it when we are gone.
        headers = _ALWAYS | {"Cache-Control": "private, max-age=3600, immutable", "Content-Type": "text/html"}
        return web.FileResponse(report, headers=headers)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=_ALWAYS | {"Content-Type": "text/event-stream"})
        self._onlooker_count += 1
        self._quiet.clear()
        try:
            await response.prepare(request)
            _set(request, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
            await self._write_events(response)
        except (TimeoutError, ConnectionError):
            _cut_off(request)
        finally:
            self._onlooker_count -= 1
            if self._onlooker_count == 0:
                self._quiet.set()
        return response

    async def _write_events(self, response: web.StreamResponse) -> None:
        """No queue: who has missed a telling, since the one before took so long, is told the whole."""
        seen: int | None = None
        while True:
            news = self._news
            if seen != self._feed.number:
                event, seen = self._feed.event_after(seen), self._feed.number
                await asyncio.wait_for(response.write(event), SLOW_S)
            elif self._is_closed:
                return
            else:
                await news.wait()


def _cut_off(request: web.Request) -> None:
    """Close at once, and have the kernel forget what was not read."""
    _set(request, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if request.transport is not None:
        request.transport.abort()


def _set(request: web.Request, option: int, value: int | bytes) -> None:
    connection = None if request.transport is None else request.transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, option, value)


def _is_this_machine(host: str) -> bool:
    """Whether a Host header names it; by whatever port, since a tunnel may have another one."""
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    name = name.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
