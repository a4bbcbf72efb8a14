"""``python -m benchmarks.where``: what each layer adds to the CPU that one received delivery costs.

The bare C loop, picows with an empty callback, our transport, and all of a worker with its books, in turns within each
round and against the same relay: the speed of a machine drifts. What a layer adds is the difference of two rows.
"""

import argparse
import sys
from statistics import median

from benchmarks.common import BenchmarkError, Cores, available_cores, json_from, pinned_to, relay_on
from benchmarks.receive.__main__ import settled_load
from benchmarks.receive.sides import Load, Side, compile_receiver, measure
from benchmarks.where.layers import Layer

FLOOR = "bare C: read, find the stamp, one bucket"
WORKER = "a worker of chatbench, with its whole ledger"


def main() -> int:
    """Measure and print; 1 when something could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.where", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (3)")
    parser.add_argument("--sockets", type=int, help="500")
    parser.add_argument("--rate", type=int, help="messages a second: 80")
    parser.add_argument("--seconds", type=int, help="measured part: 10")
    arguments = parser.parse_args()
    arguments.memory = False
    load, cores = settled_load(arguments), available_cores()
    rows: dict[str, list[float]] = {}
    try:
        compile_receiver()
        for number in range(1, arguments.rounds + 1):
            for name, us in round_of(load, cores).items():
                rows.setdefault(name, []).append(us)
                print(f"round {number}: {us:6.2f} us  {name}", flush=True)
    except BenchmarkError as error:
        print(f"benchmarks.where: {error}", file=sys.stderr)
        return 1
    print(*lines_of(rows), sep="\n")
    return 0


def round_of(load: Load, cores: Cores) -> dict[str, float]:
    """CPU us per delivery of each row; raises BenchmarkError."""
    us = {FLOOR: _worker_us(Side.C, load, cores)}
    numbers = [str(each) for each in (load.sockets, load.rate_per_s, load.seconds, load.payload_bytes)]
    for layer in Layer:
        with relay_on(cores.server) as relay:
            command = [sys.executable, "-m", "benchmarks.where.layers", relay.url, layer.name, *numbers]
            printed = json_from([*pinned_to(cores.client), *command], load.limit_s, measured_exits=(0,))
            us[layer] = printed["cpu_us_per_delivery"]
    us[WORKER] = _worker_us(Side.OURS, load, cores)
    return us


def _worker_us(side: Side, load: Load, cores: Cores) -> float:
    us = measure(side, load, cores).worker_us_per_delivery
    if us is None:
        raise BenchmarkError(f"the CPU of {side} was not measured")
    return us


def lines_of(rows: dict[str, list[float]]) -> list[str]:
    """A table in Markdown: medians, and medians of the ratios within each round."""
    lines = ["| | us a delivery | of the C loop |", "|---|---|---|"]
    for name, us in rows.items():
        ratios = [ours / floor for ours, floor in zip(us, rows[FLOOR], strict=True)]
        lines.append(f"| {name} | {median(us):.2f} | {median(ratios):.2f} |")
    return lines


if __name__ == "__main__":
    sys.exit(main())
