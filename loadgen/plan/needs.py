"""What a load takes of a machine, roughly. Pure."""

from __future__ import annotations

import math

# docs/scale.md: 11.2 KB in the process and 3.9 KB in the kernel; picows' buffer grows with long messages.
SOCKET_BYTES = 16_000
# A worker without users has 60 MB, the process that leads it 90 MB.
WORKER_BYTES = 60_000_000
LEADER_BYTES = 90_000_000


def memory_bytes(user_count: int, process_count: int) -> int:
    """The memory of the generator alone, a server beside it left out; within a third, where messages are short."""
    return LEADER_BYTES + process_count * WORKER_BYTES + user_count * SOCKET_BYTES


def processes_for(user_count: int, sockets_per_process: int) -> int:
    """How many processes so many users need at least."""
    return max(1, math.ceil(user_count / max(1, sockets_per_process)))


def in_words(byte_count: float) -> str:
    """As in "1.2 GB"."""
    return f"{byte_count / 1e9:.1f} GB" if byte_count >= 1e9 else f"{byte_count / 1e6:.0f} MB"
