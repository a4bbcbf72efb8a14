"""``python -m benchmarks.merge.player FILE FD``: says what a worker once said, after the same commands and as late.

Prints at its end, in a line of JSON, how many bytes it has said and heard.
"""

from __future__ import annotations

import json
import queue
import socket
import sys
import threading
import time
from pathlib import Path

from benchmarks.merge.words import framed, is_news, load, read_messages


def main() -> None:
    """Play until all is said, or the coordinator hangs up."""
    words, sock = load(Path(sys.argv[1])), socket.socket(fileno=int(sys.argv[2]))
    commands: queue.SimpleQueue[bool] = queue.SimpleQueue()
    heard = [0]
    threading.Thread(target=_listen, args=(sock, commands, heard), daemon=True).start()
    cue, said = 0, 0
    while commands.get():
        cue += 1
        at_ns = time.monotonic_ns()
        for word in [word for word in words if word.cue == cue]:
            _wait_until(at_ns + word.after_ns, commands)
            sock.sendall(framed(word.data))
            said += len(word.data)
        if cue == words[-1].cue:
            break
    print(json.dumps({"said_bytes": said, "heard_bytes": heard[0]}), flush=True)


def _wait_until(at_ns: int, commands: queue.SimpleQueue[bool]) -> None:
    """Until then, or until the next command has come: what was said before it still is, at once."""
    while commands.empty() and (left_ns := at_ns - time.monotonic_ns()) > 0:
        time.sleep(min(left_ns / 1e9, 0.01))


def _listen(sock: socket.socket, commands: queue.SimpleQueue[bool], heard: list[int]) -> None:
    for data in read_messages(sock):
        heard[0] += len(data)
        if not is_news(data):
            commands.put(True)
    commands.put(False)


if __name__ == "__main__":
    main()
