"""What ``locust -f`` is given: Locust's web UI and its master and workers, on this engine.

``chatbench locust`` starts Locust with this file. A locustfile of your own that imports ChatUser from here has all of
it, too (examples/).
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import gevent
from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner
from locust.util.timespan import parse_timespan

from loadgen.engine.limits import raise_open_files_limit
from loadgen.errors import BenchError, TargetUnreachableError
from loadgen.locust_bridge import options as our_options
from loadgen.locust_bridge.session import BAD_INPUT, UNREACHABLE, Session, follow
from loadgen.locust_bridge.story import Wish
from loadgen.locust_bridge.users import ChatUser, ScriptedChatUser
from reports.live.feed import Feed, Told
from reports.live.page import render
from scenarios.locust_story import LocustStory, check_run_time
from scenarios.signals import Requests, that_ask_to_end

__all__ = ["ChatUser", "ScriptedChatUser"]

logger = logging.getLogger("chatbench")

# Also where nobody looks: who comes late sees the whole run.
TELL_EACH_S = 1.0


@events.init_command_line_parser.add_listener
def _add_our_options(parser: LocustArgumentParser) -> None:
    our_options.add_to(parser)
    our_options.complain_in_one_line(parser, BAD_INPUT)


@events.init.add_listener
def _begin(environment: Environment, **_: Any) -> None:
    options = environment.parsed_options
    assert options is not None, "Locust has a command line"
    raise_open_files_limit()
    _end_with_the_terminal()
    story = None
    try:
        story = LocustStory(our_options.scenario_of(options), os.environ)
        session = Session(environment, story)
        environment.chatbench = session  # type: ignore[attr-defined]  # where our users look for it
        if not isinstance(environment.runner, WorkerRunner):
            _settle_at_first(environment, options, story)
    except BenchError as error:
        if story is not None:
            story.close()
        sys.stderr.write(f"chatbench: {error}\n")
        sys.exit(UNREACHABLE if isinstance(error, TargetUnreachableError) else BAD_INPUT)
    session.begin()
    if environment.web_ui is not None:
        _attach_pages(environment, session, story)


def _end_with_the_terminal() -> None:
    """A terminal that closes is to Locust as SIGTERM is, of which it knows; it would be killed by it otherwise."""
    requests = Requests()

    def ask() -> None:
        if requests.is_new(signal.SIGHUP):
            os.kill(os.getpid(), signal.SIGTERM)

    if signal.SIGHUP in that_ask_to_end():
        gevent.signal_handler(signal.SIGHUP, ask)


def _settle_at_first(environment: Environment, options: Namespace, story: LocustStory) -> None:
    """What is wrong is said before anything starts; what Locust was not told, the scenario says."""
    worker_count = _known_workers(environment)
    if options.num_users is None or options.spawn_rate is None:
        users = story.settled_alone(Wish.of(options, None, 1, worker_count)).scenario.users
        options.num_users = options.num_users or users.count
        options.spawn_rate = options.spawn_rate or users.connect_rate_per_s
    wish = Wish.of(options, environment.host, options.num_users, worker_count)
    settled = story.settled(wish)
    if options.headless or options.autostart:
        check_run_time(settled, _run_time_s(options))
    follow(environment, settled.stages)
    if settled.base_urls and options.headless:
        story.check(wish)  # who has a web UI may start the server later
    settled.check_target()
    if not settled.base_urls:
        environment.host = options.host = story.start_own_server()
    else:
        # Locust shows it on its pages, and to whoever downloads its report.
        environment.host = options.host = story.host_shown(environment.host or settled.base_urls[0])


def _run_time_s(options: Namespace) -> float | None:
    """That of the command line, or of the form, where it is a text; ValueError for a text that is no time."""
    told = options.run_time
    return parse_timespan(told) if isinstance(told, str) and told.strip() else told or None


def _known_workers(environment: Environment) -> int | None:
    """A master may have any number of them, on any number of machines, by the time that a run begins."""
    return None if isinstance(environment.runner, MasterRunner) else 1


def _attach_pages(environment: Environment, session: Session, story: LocustStory) -> None:
    from loadgen.locust_bridge import web
    from loadgen.locust_bridge.streams import Streams

    live = Feed()
    streams = Streams(live)

    def check(options: Namespace, host: str | None, user_count: int) -> None:
        settled = story.check(Wish.of(options, host, user_count, _known_workers(environment)))
        check_run_time(settled, _run_time_s(options))
        follow(environment, settled.stages)

    def told() -> Told:
        lead = session.lead
        document = story.document
        if lead is not None and not lead.is_closed:
            document = story.snapshot(lead.record)
        drawn = story.drawn()
        return Told(
            phase="waiting" if lead is None else lead.phase,
            document=document,
            elapsed_s=None if lead is None else session.elapsed_s,
            notice=session.notice,
            report=story.report,
            report_url=None if drawn is None else web.report_url(drawn[0]),
        )

    def report(run_id: str) -> Path | None:
        drawn = story.drawn()
        return drawn[1] if drawn is not None and drawn[0] == run_id else None

    def figures() -> dict[str, Any]:
        newest = told()
        return {name: getattr(newest, name) for name in ("phase", "elapsed_s", "notice", "report", "document")}

    def page(data_url: str, home_url: str, events_url: str) -> str:
        return render(data_url, home_url, "Locust", events_url)

    def go_on() -> None:
        while True:
            live.tell(told())
            streams.wake()
            gevent.sleep(TELL_EACH_S)

    assert environment.web_ui is not None, "asked where there is a web UI"
    web.attach(
        environment.web_ui,
        environment,
        page=page,
        report=report,
        feed=figures,
        streams=streams,
        check=check,
        host_shown=story.host_shown,
    )
    gevent.spawn(go_on)
