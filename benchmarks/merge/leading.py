"""``python -m benchmarks.merge.leading FOLDER WORKERS``: the lead of a Locust master, told by so many replayed workers.

All that a master does with a message is done here, as fast as it goes: msgpack, checks, the books, the news to the
others, Locust's tables. What zmq takes to carry them is not in it. Prints one line of JSON.
"""

from __future__ import annotations

import json
import pickle
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgpack
from locust.stats import RequestStats

from benchmarks.merge.restamping import restamped
from benchmarks.merge.words import Word, load
from benchmarks.workloads.settling import peak_rss_bytes
from loadgen.engine.wire import Attended, Closed, Done, Finish, Message, Tell, Tick
from loadgen.locust_bridge import stats
from loadgen.locust_bridge.crew import Mate
from loadgen.locust_bridge.lead import Lead, Step
from loadgen.locust_bridge.messages import Ready, Said, from_plain, to_plain
from loadgen.locust_bridge.rows import rows_of
from loadgen.locust_bridge.session import BEAT_S
from loadgen.measure.record import ProcessRecord, Record
from loadgen.measure.spread import Spreads
from loadgen.measure.tally import Tally
from loadgen.plan.pacing import NS_PER_S
from reports.document import RunFacts, snapshot

FACTS = RunFacts("id", "merge", "", "2026-01-01T00:00:00Z", "benchmarks.merge", ("http://127.0.0.1:1",), False, {})
BEAT_NS = round(BEAT_S * NS_PER_S)
TAG = "merge0"


class Master:
    """The part of a session (loadgen/locust_bridge/session.py) that is not Locust's."""

    def __init__(self, folder: Path, count: int) -> None:
        plan = pickle.loads((folder / "plan.pickle").read_bytes())
        self.record = Record(plan, Tally(0), ProcessRecord(1))
        self.names = [f"worker_{number}" for number in range(count)]
        crew = [Mate(name, number, ProcessRecord(2 + number)) for number, name in enumerate(self.names)]
        self.told_bytes = 0
        self.forwarded_bytes = 0
        self.finishing = False
        self.stats = RequestStats()
        self.users_each = plan.user_count // count or 1
        self.lead = Lead(
            self.record, crew, send=self._send, look=lambda _: None, now_ns=0, is_open_ended=False, has_stages=False
        )

    def _send(self, workers: Sequence[str], message: Said) -> None:
        self.finishing |= isinstance(message, Finish)
        plain = to_plain(TAG, message)
        for worker in workers:
            self.forwarded_bytes += len(msgpack.dumps(("chatbench", plain, worker)))

    def hear(self, worker: str, data: bytes, now_ns: int) -> None:
        """One message, as it comes from the network."""
        self.told_bytes += len(data)
        _, fields, _ = msgpack.loads(data, raw=False, strict_map_key=False)
        _, message = from_plain(fields)
        counted = self.lead.hear(worker, message, now_ns)  # type: ignore[arg-type]  # words of workers
        if counted is not None:
            stats.merge(self.stats, rows_of(counted, now_ns / NS_PER_S))


def main() -> None:
    """Lead the run to its end."""
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    words = load(sorted(folder.glob("*.words"))[0])
    talk = max(word.cue for word in words if isinstance(message_of(word), Tell))
    playing = [
        (word.after_ns, said_by_all(message, count))
        for word in words
        if word.cue == talk and isinstance(message := message_of(word), Tell | Tick)
    ]
    closing = [said_by_all(message, count) for word in words if isinstance(message := message_of(word), Closed)]

    master = Master(folder, count)
    arrive(master)
    now_ns, seconds = 0, 0.0
    snapshot_s: list[float] = []
    began_s = time.process_time()
    for now_ns, due in beats(playing):
        for by_all in due:
            for name, data in zip(master.names, by_all, strict=True):
                master.hear(name, data, now_ns)
        master.lead.pass_time(now_ns)
        if now_ns % NS_PER_S < BEAT_NS:
            looked_s = time.process_time()
            snapshot(FACTS, master.record)
            snapshot_s.append(time.process_time() - looked_s)
    used_s, seconds = time.process_time() - began_s, now_ns / NS_PER_S
    final_s = close(master, closing, now_ns)
    print(
        json.dumps(
            {
                "cpu_ratio": used_s / seconds,
                "snapshot_s": sorted(snapshot_s)[len(snapshot_s) // 2],
                "final_s": final_s,
                "peak_rss_bytes": peak_rss_bytes(),
                "told_bytes": master.told_bytes,
                "forwarded_bytes": master.forwarded_bytes,
                "players": count,
                "messages_sent": master.record.tally.counts["messages_sent"],
                "deaths": [death.how for death in master.record.deaths],
            }
        )
    )


def message_of(word: Word) -> Message:
    """What a word says."""
    message: Message = pickle.loads(word.data)
    return message


def said_by_all(message: Tell | Tick | Closed, count: int) -> list[bytes]:
    """What each of ``count`` workers sends; its news are of its own, lest zlib finds the same thing 64 times."""
    if not isinstance(message, Tell):
        return [packed(message)] * count
    return [packed(Tell(restamped(message.news, number))) for number in range(count)]


def packed(message: Any) -> bytes:
    """As Locust sends it."""
    data: bytes = msgpack.dumps(("chatbench", to_plain(TAG, message), "worker"))
    return data


def arrive(master: Master) -> None:
    """Everybody is there, and the lead has said that they may talk."""
    attended = Attended(master.users_each, 0, master.users_each, 0)
    for name in master.names:
        master.lead.hear(name, Ready(1), 0)
        master.lead.hear(name, Tick(Tally(0), Spreads.of([]), attended), 0)
    master.lead.spawned(master.users_each * len(master.names), 0)
    assert master.lead.step is Step.TALKING, master.lead.step


def beats(playing: list[tuple[int, list[bytes]]]) -> Iterator[tuple[int, list[list[bytes]]]]:
    """The instants at which the lead is told the time, and what has come since the one before."""
    at_ns, left = 0, list(playing)
    while left:
        at_ns += BEAT_NS
        due = [data for after_ns, data in left if after_ns <= at_ns]
        left = left[len(due) :]
        yield at_ns, due


def close(master: Master, closing: list[list[bytes]], now_ns: int) -> float:
    """Drain, stop, finish; how long the last books took, in s."""
    done = packed(Done(0))
    while not master.finishing:
        now_ns += BEAT_NS
        master.lead.pass_time(now_ns)
        for name in master.names:
            master.hear(name, done, now_ns)
    began_s = time.process_time()
    for by_all in closing:
        for name, data in zip(master.names, by_all, strict=True):
            master.hear(name, data, now_ns)
    master.lead.pass_time(now_ns + BEAT_NS)
    assert master.lead.is_closed
    snapshot(FACTS, master.record)
    return time.process_time() - began_s


if __name__ == "__main__":
    main()
