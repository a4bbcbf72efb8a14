"""What several processes take care of, left out in turn: does our own ledger find out?

Each careless server (tests/support/careless_server.py) goes through the same trouble as the careful one, whose books
are clean.
"""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from tests.support.benches import GENERATOR_DOUBTS, bench, eventually, fatal_doubts_of
from tests.support.careless_server import Care, careless
from tests.support.redis_server import RedisServer, redis_server
from tests.support.rooms_client import RoomsClient, Visitors, visitors
from tests.support.server_process import ServerProcess, server_process

# A run takes six processes: alone, so that those of other tests do not take their time.
pytestmark = [pytest.mark.system, pytest.mark.alone]

ROOM = "room-1"
# Of a connection that nobody reads any more: what comes has room, and no goodbye is waited for.
UNREAD: dict[str, Any] = {"max_queue": None, "close_timeout": 0.1}
# Most of a run is waiting.
AT_ONCE = 3
BUDGETS = ("deliveries_lost_acked", "deliveries_duplicated", "deliveries_reordered", "deliveries_unexpected")


@dataclass(frozen=True, slots=True)
class Company:
    """Two or three nodes of one chat, in the middle of a run; the first one numbers the messages of ROOM."""

    nodes: dict[str, ServerProcess]
    redis: RedisServer
    database: Path
    # One who sits in ROOM at the first node, one at the second.
    listeners: tuple[RoomsClient, RoomsClient]
    arriving: dict[str, Visitors]

    def kill(self, node: str) -> None:
        self.nodes[node].stop(signal.SIGKILL)

    def freeze(self, node: str) -> None:
        """Stop a node, but not in the middle of a write: nobody else could write into its file until it goes on."""
        eventually(lambda: self._is_frozen_between_writes(node), f"{node} is between two writes")

    def _is_frozen_between_writes(self, node: str) -> bool:
        self.nodes[node].process.send_signal(signal.SIGSTOP)
        with closing(sqlite3.connect(self.database, timeout=0.1, isolation_level=None)) as database:
            try:
                database.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                self.thaw(node)
                return False
        return True

    def thaw(self, node: str) -> None:
        self.nodes[node].process.send_signal(signal.SIGCONT)

    def await_health(self, node: str, status: str) -> None:
        eventually(lambda: self.nodes[node].request("/healthz")[1]["status"] == status, f"{node} is {status}")

    def home(self) -> str | None:
        with closing(sqlite3.connect(self.database)) as database:
            (home,) = database.execute("SELECT home FROM homes WHERE room = ?", (ROOM,)).fetchone()
        return None if home is None else str(home)


def hear(listener: RoomsClient, count: int) -> None:
    """Wait until so many messages have come that are sent from now on."""
    listener.hear_all()
    while count:
        count -= listener.hear()["type"] == "message"


def redis_is_killed_and_comes_back(company: Company) -> None:
    """The nodes are apart for a moment, in which the home goes on."""
    hear(company.listeners[1], 10)
    company.redis.kill()
    company.await_health("b", "degraded")
    hear(company.listeners[0], 10)
    company.redis.start()
    company.await_health("b", "ok")


def the_home_dies_apart_from_the_others(company: Company) -> None:
    """What it said last nobody has heard but those who were with it, and the database."""
    hear(company.listeners[1], 10)
    company.redis.kill()
    company.await_health("b", "degraded")
    hear(company.listeners[0], 10)
    company.kill("a")
    company.redis.start()


def the_home_is_frozen_longer_than_its_lease(company: Company) -> None:
    """Another one has its rooms by the time it goes on."""
    hear(company.listeners[1], 10)
    company.freeze("a")
    eventually(lambda: company.home() == "b", "b takes the room")
    hear(company.listeners[1], 10)
    company.thaw("a")


def the_home_dies_with_what_is_not_stored(company: Company) -> None:
    """Numbers were heard that the database does not know, and a node that has not heard them takes the room."""
    with closing(sqlite3.connect(company.database, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        hear(company.listeners[1], 20)
        company.nodes["b"].process.send_signal(signal.SIGSTOP)
        company.kill("a")
        # Known to be dead, as to the process above its workers.
        database.execute("DELETE FROM nodes WHERE node = 'a'")
        database.execute("COMMIT")
    company.arriving["c"].arrive("in c", **UNREAD).join(ROOM)
    company.thaw("b")


Trouble = Callable[[Company], None]


@dataclass(frozen=True, slots=True)
class Setting:
    """Where the users of a run are, and what happens to them and to their servers."""

    trouble: Trouble
    targets: tuple[str, ...] = ("a", "b")
    room_count: int = 1
    has_storm: bool = False
    idle_node: str | None = None
    measure_s: int = 3
    rate_per_s: int = 60


APART = Setting(redis_is_killed_and_comes_back, room_count=3, has_storm=True, rate_per_s=180)
DEATH = Setting(the_home_dies_apart_from_the_others)
FROST = Setting(the_home_is_frozen_longer_than_its_lease, measure_s=5)
UNSTORED = Setting(the_home_dies_with_what_is_not_stored, targets=("b",), idle_node="c")


def scenario(setting: Setting) -> str:
    """Twelve users, of whom some are cut off and come back where the setting has a storm."""
    storm = '[[incident]]\nkind = "reconnect_storm"\nat = "60%"\nshare = 0.3\nbackoff = "exponential_jitter"\n'
    return f"""
[users]
count = 12
connect_rate_per_s = 500
watch_presence = true
rooms = {{ shape = "uniform", count = {setting.room_count} }}
[traffic]
rate_per_s = {setting.rate_per_s}
[phases]
warmup = "0s"
measure = "{setting.measure_s}s"
drain = "2s"
{storm if setting.has_storm else ""}
[budgets]
{"".join(f'{counter} = "count == 0"{chr(10)}' for counter in BUDGETS)}"""


def run(care: Care, setting: Setting, folder: Path) -> dict[str, Any]:
    """The document of a run on servers without this care."""
    folder.mkdir()
    database = folder / "chat.db"
    (folder / "mine.toml").write_text(scenario(setting), encoding="utf-8")
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server())
        flags = ("--lift-limits", "--broker", redis.url, "--db", f"sqlite:///{database}")
        nodes = {
            name: stack.enter_context(
                server_process(*flags, "--instance", name, "--node", name, command=careless(care))
            )
            for name in ("a", "b", setting.idle_node)
            if name is not None
        }
        arriving = {name: stack.enter_context(visitors(node)) for name, node in nodes.items()}
        first, second = (arriving[name].arrive(f"in {name}", **UNREAD).join(ROOM) for name in ("a", "b"))
        company = Company(nodes, redis, database, (first, second), arriving)
        targets = [flag for name in setting.targets for flag in ("--target", nodes[name].url)]
        running = stack.enter_context(bench("mine.toml", *targets, cwd=folder))
        running.wait_for("measured window")
        setting.trouble(company)
        return running.ends_with(0, 97, 99)


@dataclass(frozen=True, slots=True)
class Case:
    """Servers without a care, and what the books say of them."""

    care: Care
    setting: Setting
    counters: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.care}-{self.setting.trouble.__name__}"


CAREFUL = [Case(Care.NOTHING, setting) for setting in (APART, DEATH, FROST, UNSTORED)]
CAUGHT = [
    Case(Care.STORED_FIRST, DEATH, ("deliveries_lost_acked",)),
    Case(Care.ONE_HOME, APART, ("deliveries_lost_acked",)),
    Case(Care.LEASE, FROST, ("deliveries_lost_acked",)),
    Case(Care.LEAP, UNSTORED, ("deliveries_lost_acked",)),
    Case(Care.ORDER, APART, ("deliveries_reordered",)),
    Case(Care.GAPS, APART, ("deliveries_lost_acked",)),
    Case(Care.ONCE, APART, ("deliveries_duplicated",)),
    Case(Care.MEMBERS_ONLY, APART, ("deliveries_unexpected",)),
    Case(Care.LIVE_FROM_JOINED, APART, ("deliveries_lost_acked",)),
]
# Of the two, one is seen.
HALF_SEEN = Case(Care.CATCHING_UP_AND_PRESENCE, APART, ("deliveries_lost_acked",))

Documents = Callable[[Case], dict[str, Any]]


@pytest.fixture(scope="module")
def document_of(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Documents]:
    """The document of each case that a test of this session asks for, a few runs at a time."""
    folder = tmp_path_factory.mktemp("careless")
    wanted = [
        cast(Case, item.callspec.params["case"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == request.path
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = {case: pool.submit(run, case.care, case.setting, folder / str(case)) for case in wanted}
        yield lambda case: runs[case].result()


def broken_budgets(document: dict[str, Any]) -> dict[str, int]:
    """Counter -> what it is where it is not 0."""
    counts = {counter: document["counters"][counter] for counter in BUDGETS}
    over = {counter: count for counter, count in counts.items() if count}
    assert [each["expression"] for each in document["budgets"] if not each["ok"]] == [
        f"{counter}: count == 0" for counter in over
    ]
    return over


@pytest.mark.parametrize("case", CAREFUL, ids=str)
def test_the_books_of_careful_servers_are_clean(case: Case, document_of: Documents) -> None:
    """Whatever happens between them: what was acknowledged is there, once, in order, at those it was for."""
    document = document_of(case)

    assert document["counters"]["acks_received"] > 0
    assert broken_budgets(document) == {}
    if case.setting.has_storm:
        (storm,) = document["incidents"]
        assert storm["messages_recovered"] > storm["messages_missed"] / 2


@pytest.mark.parametrize("case", CAUGHT, ids=str)
def test_servers_that_leave_one_thing_out_are_caught(case: Case, document_of: Documents) -> None:
    """The run fails, and the counter says what is wrong."""
    document = document_of(case)

    assert set(case.counters) <= set(broken_budgets(document))
    assert document["verdict"] == ("invalid" if fatal_doubts_of(document) & GENERATOR_DOUBTS else "fail")


@pytest.mark.parametrize("case", [HALF_SEEN], ids=str)
def test_what_no_counter_tells_of(case: Case, document_of: Documents) -> None:
    """History that is not there is lost to those who come back; presence stands nowhere (docs/server.md)."""
    document = document_of(case)

    assert set(broken_budgets(document)) == set(case.counters)
    (storm,) = document["incidents"]
    assert storm["messages_recovered"] < storm["messages_missed"] / 2
