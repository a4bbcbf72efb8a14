"""Programs of ours that listen and say so: started, waited for, and stopped."""

import json
import select
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support.patience import PATIENCE_S


@dataclass(frozen=True, slots=True)
class Listening:
    """What a program said in its ready line."""

    url: str
    pid: int


@contextmanager
def listening(command: Sequence[str]) -> Iterator[Listening]:
    """Run ``command`` until the block ends; enter the block when its ready line has come.

    The program is expected to end when its stdin does, so that it never outlives us.
    """
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            if not select.select([process.stdout], [], [], PATIENCE_S)[0]:
                raise TimeoutError(f"{' '.join(command)}: no ready line in {PATIENCE_S} s")
            line = process.stdout.readline()
            if not line:
                code = process.wait(PATIENCE_S)
                raise RuntimeError(f"{' '.join(command)}: ended with {code} before it was ready")
            ready = json.loads(line)
            yield Listening(url=ready["url"], pid=ready["pid"])
            process.stdin.close()
            process.wait(PATIENCE_S)
        finally:
            process.kill()
