"""What goes wrong by plan, through the real command: whom it hits, and what becomes of them and their messages."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from loadgen.plan.incidents import IncidentKind
from tests.support.benches import GENERATOR_DOUBTS, bench, errors_of, eventually, fatal_doubts_of, unless_starved

pytestmark = pytest.mark.system

USERS = 60
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a scenario with these incidents; the document of a run that has left nothing behind but its directory."""
    folders = tmp_path / "temporary"
    folders.mkdir()
    monkeypatch.setenv("TMPDIR", str(folders))

    def attempt(text: str, *flags: str) -> dict[str, Any]:
        (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
        with bench("mine.toml", "--force", *flags, cwd=tmp_path) as running:
            document = running.ends_with(0, 97)
        assert list(folders.iterdir()) == []
        assert nobody_listens(document["target"]["url"])
        return document

    def run_until_fed(*incidents: str, rate: int = 40, measure: str = "1500ms", flags: tuple[str, ...] = ()) -> Any:
        text = scenario(*incidents, rate=rate, measure=measure)
        return unless_starved(lambda: (0, attempt(text, *flags)), only_counts=True)[1]

    return run_until_fed


def nobody_listens(url: str) -> bool:
    """Whether the server's port is closed again."""
    parts = urlsplit(url)
    with socket.socket() as knocking:
        return knocking.connect_ex((parts.hostname or "", parts.port or 0)) != 0


def scenario(*incidents: str, rate: int, measure: str) -> str:
    """Sixty users in one room, with equal gaps between messages."""
    tables = "".join(f"[[incident]]\n{incident}\n" for incident in incidents)
    return f"""
[users]
count = {USERS}
connect_rate_per_s = 1000
[traffic]
rate_per_s = {rate}
gaps = "constant"
[phases]
warmup = "0s"
measure = "{measure}"
drain = "500ms"
{tables}"""


def kind(name: IncidentKind, **keys: str) -> str:
    """The table of an incident, its values as TOML."""
    return "\n".join([f'kind = "{name}"', *(f"{key} = {value}" for key, value in keys.items())])


def nothing_is_lost(counts: dict[str, int]) -> bool:
    """Whoever should have got a message has got it, once, and nothing that was acknowledged is gone."""
    names = ("lost", "lost_acked", "duplicated", "unexpected")
    return all(counts[f"deliveries_{name}"] == 0 for name in names)


def test_who_is_cut_comes_back_and_a_herd_comes_for_the_first_time(run: Run) -> None:
    """The storm passes by those who are not there yet; two processes hit those whom one would."""
    incidents = (
        kind(IncidentKind.RECONNECT_STORM, at='"5%"', backoff='"exponential_jitter"'),
        kind(IncidentKind.HERD_JOIN, at='"60%"', within='"300ms"', share="0.3"),
    )
    seen = []
    for flags in ((), ("--processes", "2")):
        document = run(*incidents, measure="3s", flags=flags)
        (storm, herd), counts = document["incidents"], document["counters"]
        assert 0 < storm["users_hit"] == storm["users_back"] < USERS - herd["users_hit"]
        assert 0 < herd["users_hit"] == herd["users_back"]
        assert storm["back_100_s"] is not None
        assert 0 < storm["messages_recovered"] <= storm["messages_missed"]
        assert herd["messages_missed"] is None
        assert herd["logins_per_s"] > 0
        assert counts["connections_planned"] == counts["connections_opened"] == USERS + storm["users_hit"]
        assert counts["reconnects"] == storm["users_hit"]
        assert counts["connections_dropped"] == 0
        assert nothing_is_lost(counts)
        assert errors_of(document) == {}
        seen.append((storm["users_hit"], herd["users_hit"], counts["messages_due"]))

    assert seen[0] == seen[1]
    assert seen[0][2] == 3 * 40


def test_an_announcement_is_answered_by_a_share_of_all(run: Run) -> None:
    """Its messages come on top of those of the traffic, whoever carries them."""
    announcement = kind(IncidentKind.ANNOUNCEMENT, at='"10%"', within='"500ms"')
    seen = []
    for flags in ((), ("--processes", "2")):
        document = run(announcement, measure="1s", flags=flags)
        (incident,), counts = document["incidents"], document["counters"]
        assert 0 < incident["users_hit"] < USERS
        assert incident["users_back"] is None
        assert counts["messages_due"] == counts["messages_sent"] == 40 + 1 + incident["users_hit"]
        assert counts["deliveries_expected"] == counts["deliveries_received"] == USERS * counts["messages_sent"]
        assert nothing_is_lost(counts)
        seen.append((incident["users_hit"], counts["messages_due"], counts["deliveries_expected"]))

    assert seen[0] == seen[1]


def test_whoever_hangs_up_without_a_word_or_reads_no_more_loses_nothing(run: Run) -> None:
    """Three incidents in one run; only who lost a socket that stays open comes back, on another one."""
    document = run(
        kind(IncidentKind.ABRUPT_CLOSE, at='"10%"', share="0.2"),
        kind(IncidentKind.SLOW_READERS, at='"15%"', share="0.2", bytes_per_s="1000"),
        kind(IncidentKind.HALF_OPEN, at='"20%"', share="0.2", backoff='"none"'),
    )
    away, slow, lost = document["incidents"]
    counts = document["counters"]

    assert [each["kind"] for each in (away, slow, lost)] == ["abrupt_close", "slow_readers", "half_open"]
    assert min(each["users_hit"] for each in (away, slow, lost)) > 0
    assert away["users_hit"] + slow["users_hit"] + lost["users_hit"] <= USERS
    assert away["users_back"] is slow["users_back"] is None
    assert lost["users_back"] == lost["users_hit"] == counts["reconnects"]
    assert counts["connections_opened"] == USERS + lost["users_back"]
    assert counts["connections_dropped"] == 0
    assert nothing_is_lost(counts)
    assert errors_of(document) == {}


def test_tokens_that_run_out_close_sockets_with_4401_and_their_users_log_in_again(run: Run) -> None:
    """The server closes them all; none of it is a drop."""
    document = run(kind(IncidentKind.TOKEN_EXPIRY, at='"1s"', backoff='"none"'), measure="4s")
    (incident,), counts = document["incidents"], document["counters"]

    assert incident["users_hit"] == incident["users_back"] == USERS
    assert incident["closes"] == {"4401": USERS}
    assert incident["logins_per_s"] > 0
    assert counts["connections_dropped"] == 0
    assert nothing_is_lost(counts)
    assert errors_of(document) == {}


@pytest.mark.parametrize(("kill", "code"), [("false", "1012"), ("true", "none")])
def test_a_server_that_restarts_gets_its_users_back_and_forgets_nothing(run: Run, kill: str, code: str) -> None:
    """Whether it is asked to end or killed: what it has acknowledged is in the history when they are back."""
    restart = kind(IncidentKind.SERVER_RESTART, at='"5%"', backoff='"none"', down='"500ms"', kill=kill)
    # On a busy machine it takes the server some seconds to be there again.
    document = run(restart, rate=200, measure="8s")
    (incident,), counts = document["incidents"], document["counters"]

    assert incident["users_hit"] == incident["users_back"] == USERS
    assert incident["closes"] == {code: USERS}
    assert incident["at_s"] < incident["until_s"]
    assert 0 < incident["messages_recovered"] <= incident["messages_missed"]
    assert counts["connections_dropped"] == 0
    assert nothing_is_lost(counts)
    assert {name for name, _ in errors_of(document)} <= {"refused", "reset"}


def test_a_run_that_is_interrupted_while_its_server_is_down_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the process that was to serve again, nor what it was to begin with."""
    folders = tmp_path / "temporary"
    folders.mkdir()
    monkeypatch.setenv("TMPDIR", str(folders))
    restart = kind(IncidentKind.SERVER_RESTART, at='"100ms"', down='"50s"')
    (tmp_path / "mine.toml").write_text(scenario(restart, rate=40, measure="60s"), encoding="utf-8")
    with bench("mine.toml", cwd=tmp_path) as running:
        server = running.part("target_app")
        eventually(lambda: not psutil.pid_exists(server.pid), "the end of the server")
        running.send(signal.SIGINT)
        document = running.ends_with(105)

    assert document["run"]["interrupted"]
    assert fatal_doubts_of(document) <= GENERATOR_DOUBTS
    assert list(folders.iterdir()) == []
