"""The process: one listening socket, one ready line, one orderly end."""

import contextlib
import gc
import json
import logging
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import uvicorn

from target_app.app import create_app
from target_app.connection import ChatConnection
from target_app.impatience import ImpatientProtocol
from target_app.services import Services
from target_app.settings import Settings
from target_app.storing import open_store

# A storm of thousands of connects must wait in the kernel, not be refused. The kernel's own limit,
# net.core.somaxconn, is 4096 too.
BACKLOG = 4096

STDIN = 0

# On every response while things go wrong on purpose, the 101 of a WebSocket included.
FAULTS_HEADER = ("X-Chatbench-Faults", "on")

# Nobody pings: 10,000 idle sockets cost nothing. A peer that vanished without a word is found by the
# kernel, after this long and nine probes 75 s apart.
KEEPALIVE_IDLE_S = 60

# Descriptors that are not for clients: the store, Redis, listeners, modules that are loaded late - and the connections
# that are being told that there is no room for them.
OTHER_DESCRIPTORS = 96

# What uvicorn logs of a request that is no request, of a client that hangs up in its handshake, and of text that is
# none, each time: any stranger could fill the disk with it.
_OF_STRANGERS = frozenset(
    {
        "Invalid HTTP request received.",
        "Unsupported upgrade request.",
        "ASGI callable returned without completing handshake.",
        "Invalid UTF-8 sequence received from client.",
    }
)


class CannotListenError(Exception):
    """The address is taken or is not ours; the text says which and why."""


def serve(settings: Settings) -> None:
    """Serve until told to stop; raises CannotListenError, TruthError and StoreError."""
    descriptors = raise_descriptor_limit()
    connections = max(1, min(settings.limits.connections, descriptors - OTHER_DESCRIPTORS))
    settings = replace(settings, limits=replace(settings.limits, connections=connections))
    logging.getLogger("uvicorn.error").addFilter(lambda record: record.msg not in _OF_STRANGERS)
    listener = listen(settings.host, settings.port, shared=settings.shares_port)
    app = create_app(settings)
    server = ChatServer(
        uvicorn.Config(
            app,
            http=ImpatientProtocol,
            ws=ChatConnection,
            ws_max_size=settings.limits.frame_bytes,
            ws_per_message_deflate=False,
            ws_ping_interval=None,
            backlog=BACKLOG,
            lifespan="on",
            proxy_headers=False,
            server_header=False,
            headers=[] if settings.faults is None else [FAULTS_HEADER],
            access_log=False,
            log_config=None,
            # At "info" uvicorn logs every WebSocket with its query string, and so its token.
            log_level="warning",
            # Connections cut themselves after closing_s; this is for the case that one does not.
            timeout_graceful_shutdown=int(settings.limits.closing_s) + 2,
        ),
        app.state.services,
    )
    if settings.exit_with_stdin:
        threading.Thread(target=at_end_of_stdin, args=(server.stop_soon,), daemon=True).start()
    server.run(sockets=[listener])


class ChatServer(uvicorn.Server):
    """uvicorn's server, which says when it is ready and ends with exit code 0 when told to stop."""

    def __init__(self, config: uvicorn.Config, services: Services) -> None:
        super().__init__(config)
        self._services = services

    def stop_soon(self) -> None:
        """Stop in order; from any thread."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and print the ready line: from here on, a connect is accepted. Raises StoreError."""
        # Not in the lifespan, where uvicorn would log what goes wrong with its traceback, and go on to its own end.
        await open_store(self._services)
        await super().startup(sockets)
        # What exists now exists until the end: spare the collector from walking it again and again.
        gc.collect()
        gc.freeze()
        for listener in sockets or []:
            sys.stdout.write(ready_line(listener) + "\n")
            sys.stdout.flush()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop in order when asked to, at once when asked again.

        uvicorn's own raises the signal again after an orderly end, which then looks
        like a kill to whoever started us.
        """
        stoppers = that_ask_to_end()

        def stop(number: int, _frame: object) -> None:
            self.should_exit = True
            for each in stoppers:
                # Of a terminal that closes both the kernel and the shell tell: that is no second wish.
                is_told_twice = each == number == signal.SIGHUP
                signal.signal(each, signal.SIG_IGN if is_told_twice else signal.SIG_DFL)

        before = {each: signal.signal(each, stop) for each in stoppers}
        yield
        for each, handler in before.items():
            signal.signal(each, handler)


def that_ask_to_end() -> tuple[signal.Signals, ...]:
    """Return what ends us: SIGTERM, Ctrl-C, and the end of the terminal, unless we are to outlive it (nohup)."""
    outlives = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return (signal.SIGTERM, signal.SIGINT) if outlives else (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def listen(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Return a listening socket; port 0 takes any free one. Raises CannotListenError.

    A ``shared`` port is that of several workers, each of which has a socket of its own.
    """
    try:
        listener = socket.create_server((host, port), family=_family(host), backlog=BACKLOG, reuse_port=shared)
    except OSError as error:
        raise _cannot_listen(host, port, error) from error
    # Accepted sockets inherit both.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
    return listener


def reserve(host: str, port: int) -> socket.socket:
    """Return a socket that keeps a port for workers, and listens to nobody. Raises CannotListenError."""
    # Where nobody else listens on it: to share it with a stranger would be to share its clients.
    with listen(host, port) as alone:
        port = alone.getsockname()[1]
    reserved = socket.socket(_family(host), socket.SOCK_STREAM)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        reserved.bind((host, port))
    except OSError as error:
        reserved.close()
        raise _cannot_listen(host, port, error) from error
    return reserved


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _cannot_listen(host: str, port: int, error: OSError) -> CannotListenError:
    # create_server says the address once more, in brackets.
    reason = str(error.strerror).partition(" (while")[0]
    return CannotListenError(f"cannot listen on {host} port {port}: {reason}")


def ready_line(listener: socket.socket) -> str:
    """Return the first line on standard output: where we are, for a program to read."""
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return json.dumps({"ready": True, "url": f"http://{shown}:{port}", "pid": os.getpid()})


def raise_descriptor_limit() -> int:
    """Allow as many descriptors as we may have, and return how many: the usual 1,024 are a small room."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


def at_end_of_stdin(stop: Callable[[], object]) -> None:
    """Wait for the end of standard input, in a thread of its own, and ``stop``.

    In a thread, because standard input may be anything: a file has no readiness to wait for.
    """
    # One that was closed before we started (OSError) has ended too.
    with contextlib.suppress(OSError):
        while os.read(STDIN, 4096):
            pass
    stop()
