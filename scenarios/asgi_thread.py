"""An ASGI application of this process, served by a thread: awaited until it takes connections, and ended afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

import uvicorn

from loadgen.errors import InputError
from scenarios.pinning import confined_to
from scenarios.servers import READY_TIMEOUT_S, STOP_TIMEOUT_S, ServerFailedError

# A storm of connects waits in the kernel, which has no more room than this by default.
_BACKLOG = 4096
# What is under way when the server is to end, before it is cut off.
_GRACE_S = 1
# A task that is cancelled ends at once, unless it blocks its thread.
_CANCEL_TIMEOUT_S = 1.0

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


class AppServer:
    """An application that is served, from :meth:`start` until :meth:`stop`."""

    def __init__(self, app: Application, cores: frozenset[int] | None) -> None:
        self._app = app
        self._cores = cores
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._server = _Server(
            uvicorn.Config(
                self._call,
                interface="asgi3",
                log_config=None,  # logging is the test's
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        self._thread = threading.Thread(target=self._serve, name="chatbench-app", daemon=True)
        self._trouble: str | None = None

    def start(self, ready_s: float) -> None:
        """ServerFailedError where it takes no connections within ``ready_s``."""
        self._thread.start()
        if not self._server.settled.wait(ready_s):
            raise ServerFailedError(f"the application was not ready within {ready_s:g} s")
        if not self._server.started:
            raise ServerFailedError(f"the application did not start: {self._trouble or 'it did not say why'}")

    def died(self) -> str | None:
        """How it ended, where it did so before we ended it."""
        return None if self._thread.is_alive() else f"ended ({self._trouble or 'it did not say why'})"

    def stop(self) -> None:
        """End it; ServerFailedError where it does not end."""
        self._server.should_exit = True
        if self._server.started:
            self._thread.join(_GRACE_S + STOP_TIMEOUT_S)
        if self._thread.is_alive():
            self._server.cancel()
            self._thread.join(_CANCEL_TIMEOUT_S)
        self._listener.close()
        if self._thread.is_alive():
            raise ServerFailedError("the application blocks its thread, and could not be ended")

    def _serve(self) -> None:
        try:
            with confined_to(self._cores):
                self._server.run(sockets=[self._listener])
        except (SystemExit, asyncio.CancelledError):  # it has failed to start, and said why; or it is we who end it
            pass
        except BaseException as error:  # noqa: BLE001  # a thread's exception goes nowhere else
            self._trouble = f"{type(error).__name__}: {error}"
        finally:
            self._server.settled.set()

    async def _call(self, scope: Message, receive: Receive, send: Send) -> None:
        """The application, whose word on why it cannot start is kept."""

        async def overheard(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed":
                # Starlette sends a whole traceback, which ends with what went wrong.
                self._trouble = next(reversed(message.get("message", "").strip().splitlines()), None)
            await send(message)

        await self._app(scope, receive, overheard if scope["type"] == "lifespan" else send)


class _Server(uvicorn.Server):
    """uvicorn's server, which says when it has started or failed to, and can be cancelled from another thread."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.settled = threading.Event()
        self._cancel: Callable[[], object] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None, "a coroutine runs in a task"
        self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        await super().startup(sockets)
        self.settled.set()

    def cancel(self) -> None:
        """End it wherever it is."""
        if self._cancel is not None:
            with contextlib.suppress(RuntimeError):  # its loop has ended meanwhile
                self._cancel()


@contextlib.contextmanager
def serving_app(
    app: object, *, cores: frozenset[int] | None = None, ready_s: float = READY_TIMEOUT_S
) -> Iterator[AppServer]:
    """Serve ``app`` on a free port, by a thread that keeps to ``cores`` if any, and end it afterwards.

    Its lifespan is run. InputError where it is no ASGI application, ServerFailedError where it does not start or end.
    """
    server = AppServer(_application(app), cores)
    with _quiet():
        try:
            server.start(ready_s)
            yield server
        finally:
            server.stop()


def _application(app: object) -> Application:
    try:
        inspect.signature(app).bind(None, None, None)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise InputError(
            f"app: expected an ASGI application, called with scope, receive and send, got {app!r}"
        ) from None
    return app  # type: ignore[return-value]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Have uvicorn log what went wrong alone: at "info" it has a line for each request and socket."""
    logger = logging.getLogger("uvicorn")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)
