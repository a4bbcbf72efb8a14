"""``python -m benchmarks.ab``: how often ``chatbench ab`` is wrong on this machine.

Some bouts are real: servers started, runs carried out, an exit code. 100 of each kind would take two days, so the rates
are those of bouts drawn from the pairs of the real ones of a server beside itself. Two hours by default; --duration 2s
makes it one.
"""

import argparse
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.ab.bouts import A_A, A_FIFTH, A_TENTH, FIVE_MS, Bout, Outcome, carried_out
from benchmarks.ab.drawn import REPEATS, Table, drawn_from
from benchmarks.common import REPOSITORY, BenchmarkError, put_into
from reports.power import Rates

PLACE = "<!-- table: benchmarks/ab -->"


def main() -> int:
    """Carry out, print, write where it is asked for; 1 where a real bout came to the wrong answer."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ab", description=__doc__)
    parser.add_argument("--alike", type=int, default=10, help="real bouts of a server beside itself (10)")
    parser.add_argument("--slower", type=int, default=3, help="real bouts of each slower server (3)")
    parser.add_argument("--pairs", type=int, default=16)
    parser.add_argument("--max-pairs", type=int, default=32)
    parser.add_argument("--duration", default="5s", help="the measured part of each run (5s)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where to leave all runs; default: nowhere")
    parser.add_argument("--write", action="store_true", help="put the table into docs/ci.md")
    asked = parser.parse_args()
    plan = [bout for bout in (FIVE_MS, A_FIFTH, A_TENTH) for _ in range(asked.slower)] + [A_A] * asked.alike
    flags = ["--pairs", str(asked.pairs), "--max-pairs", str(asked.max_pairs), "--duration", asked.duration]
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="chatbench-benchmark-") as scratch:
        folder = asked.keep or Path(scratch)
        for number, bout in enumerate(plan):
            try:
                outcome = carried_out(bout, folder / f"{number:02d}", [*flags, "--seed", str(1 + 100 * number)])
            except BenchmarkError as error:
                print(f"FAILED: {error}", flush=True)
                return 1
            outcomes.append(outcome)
            print(told(outcome), flush=True)
    drawn = drawn_from([each.document for each in outcomes if each.bout is A_A], asked.pairs, asked.max_pairs)
    text = table_of(outcomes, drawn, asked.duration)
    print(f"\n{text}")
    if asked.write:
        put_into(REPOSITORY / "docs/ci.md", PLACE, text)
    return int(not all(outcome.is_right for outcome in outcomes))


def told(outcome: Outcome) -> str:
    """One bout in a line."""
    ab = outcome.document["ab"]
    right = "right" if outcome.is_right else "WRONG"
    ratio = "no data" if outcome.ratio is None else f"{outcome.ratio:.3f}"
    return (
        f"{outcome.bout.name:<16} exit {outcome.code:<3} {right}  p50 ratio {ratio}  {ab['pairs']} pairs in "
        f"{ab['seconds'] / 60:.1f} min"
    )


def table_of(outcomes: list[Outcome], drawn: Table, duration: str) -> str:
    """Both tables as Markdown, with where and when they were made."""
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    made = f"by `python -m benchmarks.ab --duration {duration} --write` ({machine}, {datetime.now(UTC):%Y-%m-%d})"
    noise = ", ".join(f"{name} {100 * value:.1f} %" for name, value in drawn.noise.items())
    lines = [
        f"Made {made}. Real bouts, with servers and runs:",
        "",
        "| head | bouts | no worse (0) | cannot tell (96) | worse (98) | invalid (97) | p50 ratio | pairs | minutes |",
        "|---|---|---|---|---|---|---|---|---|",
        *[_real_row([each for each in outcomes if each.bout == bout]) for bout in _in_order(outcomes)],
        "",
        f"Drawn from the {drawn.pair_count} real pairs of a server beside itself ({REPEATS:,} bouts of each kind; both "
        f"times slower by as much). Between the two runs of a pair, the same server differed by (standard deviation): "
        f"{noise}.",
        "",
        "| head | worse | cannot tell | no worse |",
        "|---|---|---|---|",
        _drawn_row("the same", drawn.alike),
        _drawn_row("10 % slower", drawn.a_tenth),
        _drawn_row("20 % slower", drawn.a_fifth),
    ]
    return "\n".join(lines) + "\n"


def _in_order(outcomes: list[Outcome]) -> list[Bout]:
    return list(dict.fromkeys(outcome.bout for outcome in outcomes))


def _real_row(outcomes: list[Outcome]) -> str:
    codes = [outcome.code for outcome in outcomes]
    ratios = [outcome.ratio for outcome in outcomes if outcome.ratio is not None]
    pairs = [outcome.document["ab"]["pairs"] for outcome in outcomes]
    minutes = [outcome.document["ab"]["seconds"] / 60 for outcome in outcomes]
    cells = [
        outcomes[0].bout.name,
        str(len(codes)),
        *(str(codes.count(code)) for code in (0, 96, 98, 97)),
        f"{min(ratios):.2f} to {max(ratios):.2f}" if ratios else "no data",
        f"{min(pairs)} to {max(pairs)}",
        f"{min(minutes):.1f} to {max(minutes):.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def _drawn_row(name: str, rates: Rates) -> str:
    shares = (rates.regression, rates.inconclusive, rates.fine)
    return f"| {name} | {' | '.join(f'{100 * share:.1f} %' for share in shares)} |"


if __name__ == "__main__":
    sys.exit(main())
