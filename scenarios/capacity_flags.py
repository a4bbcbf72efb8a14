"""The command line of ``chatbench capacity``: its own flags, and those of ``run`` that hold for every run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from loadgen.errors import InputError
from reports.capacity import Axis
from scenarios.capacity import Wish
from scenarios.flags_of_run import HelpWanted, Parser, add_flags, flags_given, seconds, whole_number

# What makes no sense of many runs, and why.
_REFUSED = {
    "--stage": "expected without it, since each run of a search has one load",
    "--events": "expected a single run to write a file of events of (chatbench run)",
    **dict.fromkeys(
        ("--html", "--no-html", "--plots", "--no-plots"), "expected without it: what is written is settled"
    ),
    **dict.fromkeys(("--quiet", "-q"), "expected without it; 2> /dev/null leaves out what is said"),
}
# Those, and what the search settles itself.
_NOT_OF_RUN = frozenset({"--duration", "--out", "--json", *_REFUSED})


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
    flags, passed = flags_given(given, _NOT_OF_RUN)
    start = None if given.start is None else whole_number("--start", given.start)
    most = None if given.most is None else whole_number("--most", given.most)
    if start is not None and most is not None and most < start:
        raise InputError(f"--most: expected at least as much as --start ({start}), got {most}")
    return Wish(
        scenario=given.scenario,
        of=of,
        flags=flags,
        arguments=tuple(passed),
        start=start,
        most=most,
        max_time_s=seconds("--max-time", given.max_time),
        duration_s=seconds("--duration", given.duration),
        out=None if given.out is None else Path(given.out),
        print_json=given.json,
    )


def _parser() -> Parser:
    parser = Parser(
        "chatbench capacity",
        "chatbench capacity [SCENARIO] [OPTIONS]",
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
    add_flags(parser, _NOT_OF_RUN, _REFUSED)
    return parser
