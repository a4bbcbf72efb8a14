"""Our scenario flags among Locust's options: on its command line, in its start form, and back."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from typing import Any, NoReturn

from loadgen.plan.secrets import complaint_shown


@dataclass(frozen=True, slots=True)
class Option:
    """A flag of ``chatbench run`` that Locust takes, too."""

    name: str
    key: str
    """What it sets in the scenario."""
    metavar: str
    help: str
    in_form: bool = True
    """Whether it stands in the start form."""
    repeatable: bool = False
    short: str | None = None

    @property
    def attribute(self) -> str:
        return self.name.removeprefix("--").replace("-", "_")


OPTIONS = (
    Option(
        "--target", "target.url", "URL", "A node of the server; repeatable; --host is the same for one.", False, True
    ),
    Option("--dialect", "target.dialect", "NAME|FILE", "A built-in one (chatbench dialects), or a file."),
    Option("--users-file", "users.file", "FILE.csv", "username,password a line, taken in turn.", False),
    Option("--tokens-file", "users.tokens_file", "FILE", "One token a line; nobody logs in.", False),
    Option("--header", "target.headers", "'K: V'", "Sent with every request and handshake.", False, True),
    Option("--ca", "target.ca", "FILE", "Certificates to trust, in PEM.", False),
    Option("--client-cert", "target.client_cert", "FILE", "Certificate for a server that asks, in PEM.", False),
    Option("--client-key", "target.client_key", "FILE", "Its key, where it is in a file of its own.", False),
    Option("--proxy", "target.proxy", "URL", "HTTP proxy, http://name:password@host:port.", False),
    Option("--unix-socket", "target.unix_socket", "PATH", "Everything goes through it.", False),
    Option("--rooms", "users.rooms.count", "N", "N rooms of equal size, one room a user."),
    Option("--stage", "users.stages", "30s:500", "Within 30 s go evenly to 500 users; repeatable.", False, True),
    Option("--rate", "traffic.rate_per_s", "MSGS_PER_S", "Messages a second, all users together."),
    Option("--payload", "traffic.payload_bytes", "BYTES", "Length of each message's text."),
    Option("--loop", "traffic.loop", "open|closed", "open: the rate is kept; closed: users wait for answers."),
    Option("--deadline", "traffic.deadline", "5s", "A delivery later than this is late."),
    Option("--warmup", "phases.warmup", "3s", "After everybody is there; not measured."),
    Option("--duration", "phases.measure", "30s", "Headless and without --run-time: the measured part.", False),
    Option("--drain", "phases.drain", "5s", "After it: waits for what is under way."),
    Option("--seed", "run.seed", "N", "Settles every random choice."),
    Option("--transport", "run.transport", "picows|websockets", "Which library carries the frames.", False),
    Option("--budget", "budgets", "'METRIC:AGG OP VALUE'", "A limit, e.g. 'delivery_time:p(99)<250ms'.", True, True),
    Option("--budgets", "run.budgets_file", "FILE", "Limits for many scenarios, in TOML.", False),
    Option("--out", "run.out", "DIR", "Run directory; default runs/<time>-<scenario>.", False, short="-o"),
)
SWITCHES = (
    Option("--insecure", "target.insecure", "", "Take any TLS certificate.", False, short="-k"),
    Option("--force", "run.force", "", "Write into a directory that is not empty.", False),
)
SCENARIO = Option("--scenario", "", "NAME|FILE", "Catalogue name or path of a scenario file; default: fanout.")


def add_to(parser: ArgumentParser) -> None:
    """Put them into Locust's parser, and some of them into its start form."""
    group = parser.add_argument_group("chatbench", "Of the scenario; each of them also stands in its file.")
    for option in (SCENARIO, *OPTIONS, *SWITCHES):
        taken: dict[str, Any] = {"default": None, "metavar": option.metavar}
        if option in SWITCHES:
            taken = {"default": False, "action": "store_true"}
        elif option.repeatable:
            taken["action"] = "append"
        help_text = option.help.replace("%", "%%")
        names = [option.name, *([option.short] if option.short else [])]
        action = group.add_argument(*names, dest=option.attribute, help=help_text, **taken)
        # What Locust's own add_argument notes for its form; that of a group does not.
        for name, value in (
            ("include_in_web_ui", option.in_form),
            ("is_secret", False),
            ("is_required", False),
            ("is_multiple", False),
        ):
            setattr(action, name, value)


def complain_in_one_line(parser: ArgumentParser, exit_code: int) -> None:
    """Have wrong usage end with one line and this exit code."""

    def error(message: str) -> NoReturn:
        parser.exit(exit_code, f"chatbench: {complaint_shown(' '.join(message.split()))}\n")

    parser.error = error  # type: ignore[method-assign]


def scenario_of(options: Namespace) -> str:
    """The scenario that was asked for."""
    return getattr(options, SCENARIO.attribute, None) or "fanout"


def flags_of(options: Namespace) -> dict[str, Any]:
    """What was given, by key path, as settling takes it; an empty field of the form is not given."""
    given: dict[str, Any] = {}
    for option in OPTIONS:
        value = getattr(options, option.attribute, None)
        if value in (None, "", []):
            continue
        if option.repeatable and isinstance(value, str):  # of the form
            value = [part.strip() for part in value.split(",") if part.strip()]
        given[option.key] = value
    for option in SWITCHES:
        if getattr(options, option.attribute, False):
            given[option.key] = True
    return given
