"""``python -m benchmarks.scale.kernel``: what an idle TCP connection takes in the kernel, at one end. A line of JSON.

Both ends are here, so half of what the kernel's caches of objects have grown by. Buffers of data under way are not in
it: an idle socket has none.
"""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

from loadgen.engine.limits import raise_open_files_limit

PAIRS = 8_000
SPARE_FILES = 100
AT_ONCE = 100


def main() -> None:
    """Open them, look, and close them."""
    pairs = min(PAIRS, (raise_open_files_limit() - SPARE_FILES) // 2)
    listener = socket.create_server(("127.0.0.1", 0), backlog=AT_ONCE * 2)
    sockets: list[socket.socket] = []
    time.sleep(1)
    before = slab_bytes()
    for _ in range(pairs // AT_ONCE):
        sockets += [socket.create_connection(listener.getsockname()) for _ in range(AT_ONCE)]
        sockets += [listener.accept()[0] for _ in range(AT_ONCE)]
    time.sleep(1)
    grown = slab_bytes() - before
    print(json.dumps({"sockets": len(sockets), "kernel_bytes_per_socket": grown / len(sockets)}))


def slab_bytes() -> int:
    """All that the kernel's caches of objects hold."""
    lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Slab:"))


if __name__ == "__main__":
    main()
