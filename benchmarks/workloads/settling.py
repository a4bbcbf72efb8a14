"""``python -m benchmarks.workloads.settling FILE``: settle a scenario in this process, and print what that took.

On a machine that has room for everybody, so that the plan is what is measured, and not the limits of this one.
"""

import json
import sys
from pathlib import Path
from time import perf_counter

from loadgen.plan.sections import whole_run
from loadgen.plan.senders import active_users
from loadgen.plan.turns import turns_of
from scenarios.machine import Machine
from scenarios.settle import settle

PROCESS_COUNT = 50
A_LARGE_MACHINE = Machine(core_count=64, sockets_per_process=100_000, ephemeral_port_count=60_000)


def main() -> None:
    """The plan, and the first turn of one of its processes."""
    began_s = perf_counter()
    plan = settle(sys.argv[1], {}, {}, A_LARGE_MACHINE).plan_for(("http://127.0.0.1:1",), "0" * 6)
    settled_s = perf_counter()
    process = plan.share(0, PROCESS_COUNT)
    turns = turns_of(process, whole_run(process, 0), active_users(process), lambda _: True)
    first = turns.next(plan.warmup_ns + plan.measure_ns)
    told = {
        "settle_s": settled_s - began_s,
        "first_turn_s": perf_counter() - settled_s if first is not None else None,
        "peak_rss_bytes": peak_rss_bytes(),
    }
    print(json.dumps(told))


def peak_rss_bytes() -> int:
    """Of this process since it was started; getrusage would tell that of whoever started it, where that is more."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
