"""Locust's web UI with our page in it, and nothing to run: prints where it is, then tells each line of its input."""

from __future__ import annotations

import json
import sys
from typing import Any

import gevent
from gevent.fileobject import FileObject
from locust.argument_parser import get_parser
from locust.env import Environment

from loadgen.locust_bridge import web
from loadgen.locust_bridge.streams import Streams
from reports.live.feed import Feed, Told, phase_of
from reports.live.page import render


def main() -> None:
    environment = Environment(parsed_options=get_parser().parse_args([]))
    environment.create_local_runner()
    web_ui = environment.create_web_ui("127.0.0.1", 0, delayed_start=True)
    feed = Feed()
    streams = Streams(feed)

    def figures() -> dict[str, Any]:
        return {}

    def tell(told: Told) -> None:
        feed.tell(told)
        streams.wake()

    def page(data_url: str, home_url: str, events_url: str) -> str:
        return render(data_url, home_url, "Locust", events_url)

    web.attach(
        web_ui,
        environment,
        page=page,
        report=lambda _: None,
        feed=figures,
        streams=streams,
        check=lambda *_: None,
        host_shown=str,
    )
    tell(Told("arriving"))
    web_ui.start()
    gevent.sleep(0)
    while web_ui.server is None or not web_ui.server.started:
        gevent.sleep(0.01)
    sys.stdout.write(f"http://127.0.0.1:{web_ui.server.server_port}/\n")
    sys.stdout.flush()
    for line in FileObject(sys.stdin.fileno(), "r", close=False):
        document = json.loads(line)
        tell(Told(phase_of(document), document))


if __name__ == "__main__":
    main()
