"""A live page and a made-up feed for it: what the page is told is what the test says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from reports.live.page import render

DATA_URL = "/figures"


@dataclass(slots=True)
class LiveFeed:
    """Answers every question with ``body`` and ``status``; with ``body`` None it hangs up without a word."""

    url: str
    body: bytes | None = b"{}"
    status: int = 200

    def tell(self, phase: str, document: dict[str, Any] | None = None, **others: Any) -> None:
        """From now on answer this; ``others`` are elapsed_s, notice and report."""
        answer = {"phase": phase, "elapsed_s": None, "notice": None, "report": None, "document": document} | others
        self.body, self.status = json.dumps(answer).encode(), 200


@contextmanager
def live_feed(home_url: str | None = None, home_name: str | None = None) -> Iterator[LiveFeed]:
    """Serve the page at ``url`` and its feed on a free port until the block ends."""
    page = render(DATA_URL, home_url, home_name).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == DATA_URL:
                self._answer(feed.body, feed.status, "application/json")
            else:
                self._answer(page, 200, "text/html; charset=utf-8")

        def _answer(self, body: bytes | None, status: int, media_type: str) -> None:
            if body is None:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        feed = LiveFeed(f"http://127.0.0.1:{server.server_port}/")
        feed.tell("waiting")
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        try:
            yield feed
        finally:
            server.shutdown()
            serving.join()
