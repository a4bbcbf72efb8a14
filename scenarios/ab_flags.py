"""The command line of ``chatbench ab``: its own flags, and those of ``run`` that hold for every run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from loadgen.errors import InputError
from loadgen.measure.tally import Metric
from reports.compare import TOLERANCES
from scenarios.ab import Wish
from scenarios.flags_of_run import HelpWanted, Parser, add_flags, flags_given, seconds, whole_number

# What makes no sense of pairs of runs, and why.
_REFUSED = {
    "--target": "expected --base and --head, the two servers, instead",
    "--target-metrics": "expected a single server to ask for its figures (chatbench run), and there are two",
    "--prometheus": "expected a single run to serve the figures of (chatbench run)",
    "--events": "expected a single run to write a file of events of (chatbench run)",
    "--stage": "expected without it, since the runs of a pair have the same load from their start to their end",
    **dict.fromkeys(
        ("--html", "--no-html", "--plots", "--no-plots"), "expected without it: what is written is settled"
    ),
    **dict.fromkeys(("--quiet", "-q"), "expected without it; 2> /dev/null leaves out what is said"),
}
# Those, and what the pairs settle themselves.
_NOT_OF_RUN = frozenset({"--out", "--json", "--seed", *_REFUSED})
_GATE = re.compile(
    r"\s*(?P<metric>\w+)\s*:\s*(?P<quantile>mean|med|max|p\(\s*[\d.]+\s*\))\s*<\s*(?P<percent>[\d.]+)\s*%\s*"
)
# As the document calls what it has of every time.
_QUANTILES = {
    "mean": "mean",
    "med": "p50",
    "max": "max",
    **{f"p({q})": f"p{q.replace('.', '_')}" for q in ("50", "75", "90", "95", "99", "99.9")},
}


def wish_of(arguments: Sequence[str]) -> Wish:
    """What is asked for; InputError for wrong usage, HelpWanted for --help."""
    parser = _parser()
    if {"-h", "--help"} & set(arguments):
        raise HelpWanted(parser.format_help())
    given = parser.parse_args(arguments)
    flags, passed = flags_given(given, _NOT_OF_RUN)
    pairs = whole_number("--pairs", given.pairs)
    max_pairs = max(pairs, 32) if given.max_pairs is None else whole_number("--max-pairs", given.max_pairs)
    if max_pairs < pairs:
        raise InputError(f"--max-pairs: expected at least as many as --pairs ({pairs}), got {max_pairs}")
    return Wish(
        scenario=given.scenario,
        base=given.base,
        head=given.head,
        pairs=pairs,
        max_pairs=max_pairs,
        tolerances=tolerances_of(given.gate or []),
        ready_s=seconds("--ready", given.ready),
        apart=given.apart,
        seed=_seed(given.seed),
        flags=flags,
        arguments=tuple(passed),
        out=None if given.out is None else Path(given.out),
        print_json=given.json,
    )


def tolerances_of(texts: Sequence[str]) -> dict[str, float]:
    """What is judged, and how much it may rise: the default, and what was asked for beside or instead of it."""
    tolerances = dict(TOLERANCES)
    for text in texts:
        found = _GATE.fullmatch(text)
        if found is None:
            raise InputError(f'--gate: expected "METRIC: AGG < N%" like "delivery_time: p(99) < 20%", got "{text}"')
        metric = found["metric"]
        if metric not in set(Metric):
            near = get_close_matches(metric, list(Metric), n=1)
            hint = f'; did you mean "{near[0]}"?' if near else f"; there are {', '.join(Metric)}"
            raise InputError(f'--gate: unknown time "{metric}"{hint}')
        quantile = _QUANTILES.get(re.sub(r"\s", "", found["quantile"]))
        if quantile is None:
            raise InputError(f"--gate: expected {', '.join(_QUANTILES)}, got {found['quantile']}")
        try:
            tolerances[f"{metric} {quantile}"] = float(found["percent"]) / 100
        except ValueError:
            raise InputError(f"--gate: expected a number of per cent, got {found['percent']}") from None
    return tolerances


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise InputError(f"--seed: expected a whole number >= 0, got {text}")
    return int(text)


def _parser() -> Parser:
    parser = Parser(
        "chatbench ab",
        "chatbench ab [SCENARIO] [OPTIONS]",
        description="Two servers under the same load in turns, in pairs of runs, and whether head is worse than base. "
        "Each is an address, or a command that starts a server: a fresh one for every run. A command is a line for the "
        "shell; it prints its address when it is ready, or takes the port that {port} stands for. Without --head, base "
        "beside itself: how often this machine would mislead, and how small a change it would find. Exit codes: 0 no "
        "worse, 98 worse, 96 cannot tell, 97 too many runs could not be believed, 104 bad input, 105 interrupted, 106 "
        "a server cannot be reached.",
        add_help=False,
    )
    parser.add_argument(
        "scenario", nargs="?", default="side_by_side", help="catalogue name or path; default: side_by_side"
    )
    for names, metavar, default, text in (
        (["--base"], "URL|CMD", None, "what head is held against; default: the reference server"),
        (["--head"], "URL|CMD", None, "what is judged; default: the same as base"),
        (["--pairs"], "16", "16", "so many pairs; under 10 nothing is said of times"),
        (["--max-pairs"], "32", None, "so many where the first could not tell"),
        (["--ready"], "30s", "30s", "how long a server may take to start"),
        (["--seed"], "N", "1", "that of the first pair; each pair has its own, and both of its runs the same"),
        (["--out", "-o"], "DIR", None, "default: runs/<time>-ab-<scenario>"),
    ):
        parser.add_argument(*names, metavar=metavar, default=default, help=text)
    parser.add_argument(
        "--gate",
        action="append",
        metavar="'METRIC: AGG < N%'",
        help="judge this time, too, or with another tolerance; repeatable; default: "
        "'delivery_time: p(50) < 5%%' and 'delivery_time: p(95) < 10%%'",
    )
    parser.add_argument(
        "--apart", action="store_true", help="one run of a pair after the other, instead of users who talk in turns"
    )
    parser.add_argument("--json", action="store_true", help="print the document on standard output")
    add_flags(parser, _NOT_OF_RUN, _REFUSED)
    return parser
