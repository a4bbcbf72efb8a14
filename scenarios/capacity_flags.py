"""The command line of ``chatbench capacity``: its own flags, and those of ``run`` that hold for every run."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from loadgen.errors import InputError
from loadgen.plan.pacing import NS_PER_S
from reports.capacity import Axis
from scenarios.capacity import Wish
from scenarios.layers import FLAGS, Flag, headers_from
from scenarios.validation import duration_ns

# What the search settles itself, or what makes no sense of many runs.
_NOT_OF_RUN = frozenset({"--duration", "--out", "--json", "--quiet", "--events", "--html", "--plots", "--stage"})
_SHORT = {"--users": "-u", "--connect-rate": "-r", "--insecure": "-k"}
_REPEATABLE = frozenset({"--target", "--header", "--budget"})
_SWITCHES = frozenset({"--insecure", "--force", "--abort-on-fail"})


class HelpWanted(Exception):  # noqa: N818  # no error: somebody asks
    """The text is the help."""


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(message)


def wish_of(arguments: Sequence[str]) -> Wish:
    """What is asked for; InputError for wrong usage, HelpWanted for --help."""
    parser = _parser()
    if {"-h", "--help"} & set(arguments):
        raise HelpWanted(parser.format_help())
    given = parser.parse_args(arguments)
    try:
        of = Axis(given.of)
    except ValueError:
        raise InputError(f"--of: expected users, rate or room, got {given.of}") from None
    flags, passed = _flags_of_run(given)
    return Wish(
        scenario=given.scenario,
        of=of,
        flags=flags,
        arguments=tuple(passed),
        start=_whole("--start", given.start),
        most=_whole("--most", given.most),
        max_time_s=_seconds("--max-time", given.max_time),
        duration_s=_seconds("--duration", given.duration),
        out=None if given.out is None else Path(given.out),
        print_json=given.json,
    )


def _parser() -> ArgumentParser:
    parser = _Parser(
        "chatbench capacity",
        description="The largest load that keeps the budgets: doubled until one breaks, then halved between what held "
        "and what did not, and confirmed by a run three times as long. Exit codes: 0 an answer, 99 not even the "
        "smallest load held, 97 nothing could be believed, 104 bad input, 105 interrupted (what is known is kept), "
        "106 target unreachable.",
        add_help=False,
    )
    parser.add_argument("scenario", nargs="?", default="fanout", help="catalogue name or path; default: fanout")
    for names, metavar, default, text in (
        (["--of"], "users|rate|room", "users", "what grows: users, messages a second, or the members of one room"),
        (["--start"], "N", None, "the first load to try; default: an eighth of the scenario's"),
        (["--most"], "N", None, "try no more than that"),
        (["--max-time"], "10m", "10m", "answer by then, as well as is known"),
        (["--duration", "-d"], "8s", "8s", "the measured part of each run"),
        (["--out", "-o"], "DIR", None, "default: runs/<time>-capacity-<scenario>"),
    ):
        parser.add_argument(*names, metavar=metavar, default=default, help=text)
    parser.add_argument("--json", action="store_true", help="print the document on standard output")
    group = parser.add_argument_group("of every run (see: chatbench run --help)")
    for flag in _of_run():
        names = [flag.name, *([_SHORT[flag.name]] if flag.name in _SHORT else [])]
        if flag.name in _SWITCHES:
            group.add_argument(*names, action="store_true", default=None)
        else:
            group.add_argument(*names, action="append" if flag.name in _REPEATABLE else "store")
    return parser


def _of_run() -> list[Flag]:
    return [flag for flag in FLAGS if flag.name not in _NOT_OF_RUN]


def _flags_of_run(given: Namespace) -> tuple[dict[str, Any], list[str]]:
    """By key path, as settling takes them; and as ``chatbench run`` does."""
    flags: dict[str, Any] = {}
    passed: list[str] = []
    for flag in _of_run():
        value = getattr(given, flag.name.removeprefix("--").replace("-", "_"))
        if value is None:
            continue
        flags[flag.key] = headers_from(value, flag.name) if flag.name == "--header" else value
        if flag.name == "--force":
            continue  # of the search's own directory
        if flag.name in _SWITCHES:
            passed.append(flag.name)
        else:
            for each in value if isinstance(value, list) else [value]:
                passed += [flag.name, each]
    return flags, passed


def _whole(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal() or not int(text):
        raise InputError(f"{name}: expected a whole number > 0, got {text}")
    return int(text)


def _seconds(name: str, text: str) -> float:
    try:
        seconds = float(duration_ns(text)) / NS_PER_S
    except ValueError:
        raise InputError(f"{name}: expected a time like 30s or 10m, got {text}") from None
    if seconds <= 0:
        raise InputError(f"{name}: expected a time > 0, got {text}")
    return seconds
