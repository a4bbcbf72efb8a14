"""Our page and our checks inside Locust's web UI."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, jsonify, make_response, request
from locust.env import Environment
from locust.runners import STATE_CLEANUP, STATE_RUNNING, STATE_STOPPING
from locust.web import WebUI

from loadgen.errors import BenchError
from loadgen.locust_bridge.streams import MOST_ONLOOKERS, Streams

PAGE = "/chatbench"
# nginx, for one, holds a stream back unless told.
_NEW = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
# The page asks twice, for what it shows and for what it saves.
_KEPT = {"Cache-Control": "private, max-age=3600, immutable", "X-Content-Type-Options": "nosniff"}
_LINK = """<script>
addEventListener("DOMContentLoaded", () => {
  const link = document.createElement("a");
  link.id = "chatbench-link";
  link.href = %s;
  link.textContent = "chatbench \\u2192";
  link.title = "Delivery times at every receiver, what was lost, and what may be doubted";
  link.style.cssText = "position:fixed;left:16px;bottom:16px;z-index:2000;padding:8px 14px;border-radius:18px;" +
    "background:#15803d;color:#fff;font:600 14px system-ui,sans-serif;text-decoration:none";
  document.body.append(link);
});
</script>"""


def attach(
    web_ui: WebUI,
    environment: Environment,
    *,
    page: Callable[[str, str, str], str],
    report: Callable[[str], Path | None],
    feed: Callable[[], dict[str, Any]],
    streams: Streams,
    check: Callable[[Namespace, str | None, int], None],
    host_shown: Callable[[str], str],
) -> None:
    """Add our page, what it is told each second, a link to it, and a check of the start form.

    ``page`` makes the page, given where its figures, Locust's own page and the stream of its figures are; ``report``
    tells where the report of the last run is, by the run's id, once it is drawn; ``feed`` gives the figures for
    programs, with the whole document; ``check`` is given options, host and number of users, and raises BenchError where
    a run cannot begin; ``host_shown`` tells what may be shown of a host that was typed into the form.
    """
    options = environment.parsed_options
    base = (options.web_base_path or "") if options is not None else ""
    app = web_ui.app
    assert app is not None, "Locust makes it with the web UI"
    blueprint = Blueprint("chatbench", __name__, url_prefix=base or None)

    @blueprint.route(PAGE)
    @web_ui.auth_required_if_enabled
    def show_page() -> Response:
        if streams.is_full:
            return _full()
        return make_response(page(f"{base}{PAGE}/whole", f"{base}/", f"{base}{PAGE}/events"))

    @blueprint.route(f"{PAGE}/whole")
    @web_ui.auth_required_if_enabled
    def tell_whole() -> Response:
        return _full() if streams.is_full else Response(streams.feed.whole(), mimetype="application/json", headers=_NEW)

    @blueprint.route(f"{PAGE}/events")
    @web_ui.auth_required_if_enabled
    def stream() -> Response:
        return _full() if streams.is_full else Response(streams.events(), mimetype="text/event-stream", headers=_NEW)

    @blueprint.route(f"{PAGE}/data")
    @web_ui.auth_required_if_enabled
    def tell() -> Response:
        response = jsonify(feed())
        response.headers.update(_NEW)
        return response

    @blueprint.route(f"/{report_url('<run>')}")
    @web_ui.auth_required_if_enabled
    def show_report(run: str) -> Response:
        path = report(run)
        if path is None:
            return Response("no such report\n", status=404, mimetype="text/plain", headers=_NEW)
        return Response(path.read_bytes(), mimetype="text/html", headers=_KEPT)

    app.register_blueprint(blueprint)

    @app.before_request
    def check_the_form() -> Response | None:
        if request.method != "POST" or request.path != f"{base}/swarm" or options is None:
            return None
        if web_ui.web_login and not _is_logged_in():
            return None
        wanted = Namespace(**(vars(options) | {key: value for key, value in request.form.items() if key in options}))
        try:
            check(wanted, request.form.get("host", environment.host), int(request.form.get("user_count") or 0))
        except (BenchError, ValueError) as error:
            return jsonify({"success": False, "message": str(error), "host": environment.host})
        return None

    @app.after_request
    def hide_what_was_typed(response: Response) -> Response:
        if request.path == f"{base}/swarm" and options is not None and environment.host:
            environment.host = options.host = host_shown(environment.host)
        return response

    @app.after_request
    def link_to_us(response: Response) -> Response:
        if request.path == f"{base}/" and response.mimetype == "text/html" and response.status_code == 200:
            target = jsonify(f"{base}{PAGE}").get_data(as_text=True).strip()
            text = response.get_data(as_text=True)
            response.set_data(text.replace("</head>", f"{_LINK % target}</head>", 1))
        return response

    @app.after_request
    def keep_it_asking(response: Response) -> Response:
        # Locust's page asks for its figures as long as it is told of spawning or running. Told that a run is being
        # stopped it asks no more, and never hears that it was.
        if request.path == f"{base}/stats/requests" and response.is_json:
            told = response.get_json()
            if told.get("state") in (STATE_CLEANUP, STATE_STOPPING):
                response.set_data(jsonify(told | {"state": STATE_RUNNING}).get_data())
        return response


def report_url(run_id: str) -> str:
    """Where the report of a run is, as seen from the page."""
    return f"{PAGE.removeprefix('/')}/report/{run_id}"


def _full() -> Response:
    text = f"{MOST_ONLOOKERS} pages are open already\n"
    return Response(text, status=503, mimetype="text/plain", headers={"Retry-After": "10"})


def _is_logged_in() -> bool:
    from flask_login import current_user

    return bool(current_user.is_authenticated)
