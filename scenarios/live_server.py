"""The live page of a run, for as long as it goes on: a thread with an event loop of its own, which holds up nobody."""

from __future__ import annotations

import asyncio
import ipaddress
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from loadgen.plan.access import without_passwords
from reports.budgets import Document
from reports.live.feed import Told, phase_of
from scenarios.endpoint import AUTO, THIS_MACHINE
from scenarios.listening import listen, listen_at_or_near, url_of
from scenarios.live_site import Site

FLAG = "--web"
# Of "auto": the same from run to run.
USUAL_PORT = 8090
# Pages hang up once they have the report; whoever sleeps is not waited for any longer.
_FAREWELL_S = 0.9
# What was told is told again when nothing new has come for so long: silence means that the run is gone.
_BEAT_S = 1.5


class LiveServer:
    """Tells whoever opens the page how the run is doing; a context manager."""

    def __init__(self, endpoint: int | str) -> None:
        """Listen where a scenario says, "auto" being the usual port or any other; InputError where that cannot be."""
        if endpoint == AUTO:
            endpoint = f"{THIS_MACHINE}:0"
            self._socket = listen_at_or_near(FLAG, THIS_MACHINE, USUAL_PORT)
        else:
            self._socket = listen(FLAG, endpoint)
        self.url = f"{url_of(self._socket, endpoint)}/"
        """Where the page is, on whatever port was free."""
        self._begun: Future[None] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._work()), name="live page", daemon=True)
        # From here on all is of that thread.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._site: Site | None = None
        self._end = asyncio.Event()
        self._beat: asyncio.TimerHandle | None = None
        self._told = Told("arriving")
        self._since_s = time.monotonic()

    def __enter__(self) -> Self:
        self._thread.start()
        self._begun.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say what has ended it, where the end was not told, and close; within a second, whoever looks."""
        why = None if error is None else without_passwords(str(error)) or "the run was ended by hand"
        self._do(self._close, why)
        self._thread.join()

    def note(self, document: Document) -> None:
        """From now on tell of this one, which nobody changes any more."""
        self._do(self._note, document)

    def finish(self, directory: Path, report: Path | None) -> None:
        """What was noted last is the document of the run, and all else is written as well: nothing more will come."""
        self._do(self._finish, directory, report)

    # --- in its own thread -------------------------------------------------------------------------------------

    def _do(self, deed: Callable[..., None], *values: Any) -> None:
        assert self._loop is not None, "entered first"
        self._loop.call_soon_threadsafe(deed, *values)

    async def _work(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._site = Site(for_this_machine=ipaddress.ip_address(self._socket.getsockname()[0]).is_loopback)
        runner = self._site.runner()
        try:
            await runner.setup()
            await web.SockSite(runner, self._socket).start()
            self._tell(self._told)
        except BaseException as error:
            self._begun.set_exception(error)
            raise
        self._begun.set_result(None)
        await self._end.wait()
        if self._beat is not None:
            self._beat.cancel()
        await self._site.close(_FAREWELL_S)
        await runner.cleanup()

    def _tell(self, told: Told) -> None:
        assert self._site is not None, "made before anything is told"
        assert self._loop is not None, "told in it"
        now_s = time.monotonic()
        if told.phase != self._told.phase:
            self._since_s = now_s
        self._told = told
        self._site.tell(replace(told, elapsed_s=None if told.phase == "over" else now_s - self._since_s))
        if self._beat is not None:
            self._beat.cancel()
        self._beat = self._loop.call_later(_BEAT_S, self._tell, told)

    def _note(self, document: Document) -> None:
        phase = phase_of(document)
        notice = "The run's report is being written." if phase == "over" else None
        self._tell(Told(phase, document, notice=notice))

    def _finish(self, directory: Path, report: Path | None) -> None:
        assert self._site is not None, "made before anything is told"
        url = None
        if report is not None and self._told.document is not None:
            url = self._site.offer(str(self._told.document["run"]["id"]), report)
        self._tell(replace(self._told, notice=None, report=str(directory), report_url=url, is_last=True))

    def _close(self, why: str | None) -> None:
        if not self._told.is_last:
            self._tell(Told("over", self._told.document, notice=why, is_last=True))
        self._end.set()
