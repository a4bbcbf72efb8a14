"""The port at which Prometheus is told of a run, while it goes on and until it is written down."""

from __future__ import annotations

import socket
import threading
from socketserver import ThreadingMixIn
from types import TracebackType
from typing import Any, Self
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app

from loadgen.errors import InputError
from reports.budgets import Document
from reports.prometheus import Exposition
from scenarios.endpoint import endpoint_of
from scenarios.listening import listen, url_of

# Whoever has connected and says nothing for so long is not waited for.
_PATIENCE_S = 10
# How long closing takes at most.
_LOOK_S = 0.1


class Exporter:
    """Answers with the newest document it was told of; a context manager.

    It answers in threads of its own, makes no document, and is lost without a word where a scraper is.
    """

    def __init__(self, endpoint: int | str) -> None:
        """Listen where a scenario says; InputError where that cannot be. It answers from :meth:`__enter__` on."""
        self._exposition = Exposition()
        registry = CollectorRegistry()
        registry.register(self._exposition)
        self._server = _Server(listen("--prometheus", endpoint))
        self._server.set_app(make_wsgi_app(registry))
        self.url = f"{url_of(self._server.socket, endpoint)}/metrics"
        """Where it is found, on whatever port was free."""
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": _LOOK_S}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def note(self, document: Document) -> None:
        """From now on tell of this one, which nobody changes any more."""
        self._exposition.document = document


def check_for_several(endpoint: int | str | None) -> None:
    """InputError where several runs, one after the other, could not all be found at the same place."""
    if endpoint is None:
        return
    if endpoint_of(endpoint)[1] == 0:
        raise InputError("--prometheus: expected a port that all of the runs can have, one after the other, got 0")
    with Exporter(endpoint):
        pass


class _Handler(WSGIRequestHandler):
    timeout = _PATIENCE_S

    def log_message(self, *_: object) -> None:
        """Say nothing: standard error is for the run."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True  # nothing waits for a scraper

    def __init__(self, listening: socket.socket) -> None:
        """Answer at a port that listens already."""
        super().__init__(listening.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        host, self.server_port = listening.getsockname()[:2]
        self.server_name = str(host)
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a scraper that hung up."""
