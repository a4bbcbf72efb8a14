"""Logins with a password that is hashed, so many a second, from a process of their own."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlsplit

THREADS = 16


@dataclass(slots=True)
class Storm:
    """Logins that were answered, and for how long they were asked for."""

    answered_count: int = 0
    duration_s: float = 0.0

    def per_s(self) -> float:
        """As many a second."""
        return self.answered_count / self.duration_s if self.duration_s else 0.0


@contextmanager
def login_storm(url: str, per_s: int, prefix: Sequence[str]) -> Iterator[Storm]:
    """Logins go on for as long as the block lasts; their number is there when it has ended."""
    storm = Storm()
    command = [*prefix, sys.executable, "-m", "benchmarks.server.login_storm", url, str(per_s)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield storm
        said, _ = process.communicate("")
        told = json.loads(said)
        storm.answered_count, storm.duration_s = told["answered"], told["duration_s"]


def _log_in(url: str) -> bool:
    connection = HTTPConnection(urlsplit(url).hostname or "", urlsplit(url).port, timeout=10)
    try:
        body = json.dumps({"username": "user1", "password": "password1"})
        connection.request("POST", "/login", body, {"Content-Type": "application/json"})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _storm(url: str, per_s: int) -> None:
    over = threading.Event()

    def listen() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=listen, daemon=True).start()
    began_s, answers = time.monotonic(), []
    with ThreadPoolExecutor(THREADS) as pool:
        while not over.is_set():
            answers.append(pool.submit(_log_in, url))
            over.wait(max(0.0, began_s + len(answers) / per_s - time.monotonic()))
        duration_s = time.monotonic() - began_s
    print(json.dumps({"answered": sum(answer.result() for answer in answers), "duration_s": duration_s}))


if __name__ == "__main__":
    _storm(sys.argv[1], int(sys.argv[2]))
