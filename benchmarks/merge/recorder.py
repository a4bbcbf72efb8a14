"""``python -m benchmarks.merge.recorder FOLDER FD``: a worker, and all it says written into a file of FOLDER.

A real worker of its own sits at the other end of a second socket pair; everything goes through here.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from benchmarks.merge.words import Word, framed, is_news, read_messages, save
from loadgen.engine.hand import WORKER
from loadgen.engine.parent import die_with_parent


class Cue:
    """The last command, and when it came."""

    number = 0
    at_ns = 0


def main() -> None:
    """Hand on in both directions until either end hangs up."""
    die_with_parent()
    folder, coordinator = Path(sys.argv[1]), socket.socket(fileno=int(sys.argv[2]))
    ours, theirs = socket.socketpair()
    with theirs:
        command = [*WORKER, str(theirs.fileno())]
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
    cue = Cue()
    threading.Thread(target=_hand_down, args=(coordinator, ours, cue), daemon=True).start()
    words = []
    for data in read_messages(ours):
        words.append(Word(cue.number, time.monotonic_ns() - cue.at_ns, data))
        coordinator.sendall(framed(data))
    process.wait()
    save(words, folder / f"{process.pid}.words")


def _hand_down(coordinator: socket.socket, worker: socket.socket, cue: Cue) -> None:
    for data in read_messages(coordinator):
        if not is_news(data):
            cue.number += 1
            cue.at_ns = time.monotonic_ns()
        worker.sendall(framed(data))
    worker.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    main()
