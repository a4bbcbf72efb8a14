"""What goes wrong by plan, as a file says it: settled with the defaults of its kind, or refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loadgen.errors import InputError
from loadgen.locust_bridge.story import Wish
from loadgen.plan.incidents import Backoff, Incident, IncidentKind
from loadgen.plan.pacing import NS_PER_S
from scenarios.incidents import DEFAULTS, server_for
from scenarios.locust_story import LocustStory
from scenarios.machine import Machine
from scenarios.settle import Settled, settle

Write = Callable[..., str]

A_MACHINE = Machine(core_count=4, sockets_per_process=1000, ephemeral_port_count=28_232)
TEN_SECONDS = '[phases]\nwarmup = "1s"\nmeasure = "10s"\n'
# All that is told of an incident, where its kind has it.
COLUMNS = ("share", "within", "backoff", "bytes_per_s", "down", "kill")


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a scenario file, of ten seconds where no more is said; its name."""
    monkeypatch.chdir(tmp_path)

    def write_scenario(text: str, phases: str = TEN_SECONDS) -> str:
        (tmp_path / "mine.toml").write_text(phases + text, encoding="utf-8")
        return "mine.toml"

    return write_scenario


def settled(name: str, **flags: Any) -> Settled:
    """A scenario with flags, ``__`` for each dot."""
    return settle(name, {key.replace("__", "."): value for key, value in flags.items()}, {}, A_MACHINE)


def incidents(*tables: str) -> str:
    """Incidents, each as the lines of its table."""
    return "".join(f"[[incident]]\n{table}\n" for table in tables)


def complaint(name: str, **flags: Any) -> str:
    """What is told instead of a plan; always one line."""
    with pytest.raises(InputError) as refused:
        settled(name, **flags)
    line = str(refused.value)
    assert "\n" not in line
    return line


# --- what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "line"),
    [
        (
            'kind = "flood"',
            'incident[0].kind: expected "reconnect_storm", "herd_join", "abrupt_close", "half_open", "slow_readers", '
            '"token_expiry", "server_restart", "outage" or "announcement", got "flood"',
        ),
        ('kind = "half_open"\nshare = 1.5', "incident[0].share: expected a number > 0 and <= 1, got 1.5"),
        ('kind = "half_open"\nshare = 0', "incident[0].share: expected a number > 0 and <= 1, got 0"),
        (
            'kind = "half_open"\nat = "soon"',
            'incident[0].at: expected a share of the measured window like "50%", or a time from its start like "10s", '
            'got "soon"',
        ),
        (
            'kind = "half_open"\nwithin = "-1s"',
            'incident[0].within: expected a time like "5s", or a share of the measured window like "50%", got "-1s"',
        ),
        ('kind = "server_restart"\ndown = "0s"', 'incident[0].down: expected a time > 0 like "1s", got "0s"'),
        ('kind = "server_restart"\nkill = 1', "incident[0].kill: expected true or false, got 1"),
        (
            'kind = "slow_readers"\nbytes_per_s = -1',
            "incident[0].bytes_per_s: expected a whole number >= 0, got -1",
        ),
        (
            'kind = "half_open"\nbackoff = "linear"',
            'incident[0].backoff: expected "none", "constant" or "exponential_jitter", got "linear"',
        ),
        (
            'kind = "half_open"\nat = "10s"',
            'incident[0].at: expected a time before the end of the measured window (10s), got "10s"',
        ),
        (
            'kind = "half_open"\nat = "100%"',
            'incident[0].at: expected a time before the end of the measured window (10s), got "100%"',
        ),
        (
            'kind = "herd_join"\nat = "80%"',
            "incident[0]: expected an end within the measured window (10s), got one after 10500ms: "
            "it begins at 80% and takes 2500ms",
        ),
        (
            'kind = "server_restart"\nat = "9s"\ndown = "1500ms"',
            "incident[0]: expected an end within the measured window (10s), got one after 10500ms: "
            "it begins at 9s and takes 1500ms",
        ),
    ],
)
def test_an_incident_that_cannot_be_is_told_with_its_place(write: Write, table: str, line: str) -> None:
    """Which table of the file, which key, what was wanted, what was found."""
    assert complaint(write(incidents(table))) == f"mine.toml: {line}"


VALUES = {
    "share": "0.25",
    "within": '"2s"',
    "backoff": '"none"',
    "bytes_per_s": "10",
    "down": '"2s"',
    "kill": "true",
}


@pytest.mark.parametrize(
    ("kind", "key"), [(kind, key) for kind in IncidentKind for key in VALUES if key not in DEFAULTS[kind]]
)
def test_a_key_of_another_kind_is_refused(write: Write, kind: IncidentKind, key: str) -> None:
    """It would be passed over, and somebody would believe in it."""
    expected = f"expected none, since {kind} has no {key}, got {VALUES[key]}"

    assert complaint(write(incidents(f'kind = "{kind}"\n{key} = {VALUES[key]}'))) == (
        f"mine.toml: incident[0].{key}: {expected}"
    )


def test_a_server_that_is_not_ours_is_not_restarted(write: Write) -> None:
    """Nobody would start it again."""
    name = write(incidents('kind = "half_open"', 'kind = "server_restart"'))

    assert complaint(name, target__url=["http://127.0.0.1:1"]) == (
        "mine.toml: incident[1].kind: expected another kind, since the server is not ours to restart (target.url), "
        'got "server_restart"'
    )


def test_nodes_are_not_restarted(write: Write) -> None:
    """It would not be said which."""
    name = write("[target]\nnodes = 2\n" + incidents('kind = "server_restart"'))

    assert complaint(name).startswith("mine.toml: incident[0].kind: expected another kind, since a restart is of one")


def test_a_run_has_one_restart(write: Write) -> None:
    """It takes as long as it takes, and the next one might begin meanwhile."""
    restart = 'kind = "server_restart"\nat = "20%"'

    assert complaint(write(incidents(restart, restart))) == (
        "mine.toml: incident[0].kind: expected one restart a run, got 2"
    )


@pytest.mark.parametrize("text", ['[target]\ndialect = "echo"\n', '[users]\ntokens_file = "tokens.txt"\n'])
def test_tokens_that_nobody_was_given_do_not_run_out(write: Write, tmp_path: Path, text: str) -> None:
    """Neither where nobody logs in, nor where tokens come from elsewhere."""
    (tmp_path / "tokens.txt").write_text("a\nb\n", encoding="utf-8")

    assert complaint(write(text + incidents('kind = "token_expiry"'))) == (
        'mine.toml: incident[0].kind: expected another kind, since nobody logs in, got "token_expiry"'
    )


def test_a_herd_does_not_join_where_stages_bring_the_users(write: Write) -> None:
    """Both say who is not there at first."""
    text = '[users]\nstages = ["5s:10"]\n' + incidents('kind = "herd_join"\nat = "1s"\nwithin = "1s"')

    assert complaint(write(text, phases="")) == (
        "mine.toml: incident[0].kind: expected another kind, since stages say who comes when "
        '(mine.toml: users.stages), got "herd_join"'
    )


@pytest.mark.parametrize("kind", ["herd_join", "token_expiry", "server_restart"])
def test_locust_refuses_what_takes_an_entrance_by_plan_or_a_server_made_for_it(write: Write, kind: str) -> None:
    """Before anything starts; what it can lead is named."""
    name = write(incidents('kind = "slow_readers"', f'kind = "{kind}"'))
    with pytest.raises(InputError) as refused:
        LocustStory(name, {}).settled(Wish(name, {}, None, 5, None, 1))

    assert str(refused.value) == (
        "mine: incident[1].kind: expected one that Locust can lead (reconnect_storm, abrupt_close, half_open, "
        f'slow_readers, announcement; chatbench run has them all), got "{kind}"'
    )


def test_locust_leads_the_other_incidents(write: Write) -> None:
    """As they are in the file."""
    kinds = ("reconnect_storm", "abrupt_close", "half_open", "slow_readers", "announcement")
    name = write(incidents(*(f'kind = "{kind}"' for kind in kinds)))

    led = LocustStory(name, {}).settled(Wish(name, {}, None, 5, None, 1))
    assert tuple(incident.kind for incident in led.incidents) == kinds


# --- what is settled ------------------------------------------------------------------------------------------


def test_what_a_file_says_of_an_incident_is_in_the_plan(write: Write) -> None:
    """In the order of the file, numbered; times are ns from the start of the measured window."""
    text = incidents(
        'kind = "half_open"\nat = "25%"\nshare = 0.2\nwithin = "1500ms"\nbackoff = "constant"',
        'kind = "slow_readers"\nat = "1s"\nwithin = "20%"\nbytes_per_s = 300',
        'kind = "server_restart"\ndown = "2s"\nkill = true',
    )

    assert settled(write(text)).incidents == (
        Incident(IncidentKind.HALF_OPEN, 5 * NS_PER_S // 2, 0.2, 3 * NS_PER_S // 2, backoff=Backoff.CONSTANT, number=0),
        Incident(IncidentKind.SLOW_READERS, NS_PER_S, 0.1, 2 * NS_PER_S, number=1, bytes_per_s=300),
        Incident(
            IncidentKind.SERVER_RESTART,
            5 * NS_PER_S,
            backoff=Backoff.EXPONENTIAL_JITTER,
            number=2,
            down_ns=2 * NS_PER_S,
            kills=True,
        ),
    )


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("reconnect_storm", (0.5, "0s", "exponential_jitter", None, None, None)),
        ("herd_join", (0.5, "25%", "none", None, None, None)),
        ("abrupt_close", (0.5, "0s", None, None, None, None)),
        ("half_open", (0.5, "0s", "exponential_jitter", None, None, None)),
        ("slow_readers", (0.1, "0s", None, 0, None, None)),
        ("token_expiry", (None, None, "exponential_jitter", None, None, None)),
        ("server_restart", (None, None, "exponential_jitter", None, "1s", False)),
        ("outage", (None, "25%", "exponential_jitter", None, None, None)),
        ("announcement", (0.1, "25%", None, None, None, None)),
    ],
)
def test_the_defaults_of_its_kind_are_shown(write: Write, kind: str, shown: tuple[object, ...]) -> None:
    """As the document has them; None: not of the kind."""
    (row,) = settled(write(incidents(f'kind = "{kind}"'))).rows["incident"]["value"]

    assert row == {"kind": kind, "at": "50%"} | dict(zip(COLUMNS, shown, strict=True))


def test_what_is_said_is_shown_as_it_was_meant(write: Write) -> None:
    """Times as texts."""
    table = 'kind = "herd_join"\nat = "2s"\nshare = 0.3\nwithin = "1500ms"\nbackoff = "constant"'
    (row,) = settled(write(incidents(table))).rows["incident"]["value"]

    assert row == {"kind": "herd_join", "at": "2s"} | dict(
        zip(COLUMNS, (0.3, "1500ms", "constant", None, None, None), strict=True)
    )


# --- the server it takes --------------------------------------------------------------------------------------


def test_a_server_without_such_incidents_has_tokens_for_longer_than_any_run(write: Write) -> None:
    """And keeps nothing for another life."""
    wish = server_for(settled(write("[users]\ncount = 30\n" + incidents('kind = "reconnect_storm"'))), None)

    assert (wish.account_count, wish.token_lifetime_s, wish.restarts) == (30, None, False)


@pytest.mark.parametrize(("at", "lifetime_s"), [("0s", 6), ("2s", 8), ("25%", 9), ("9999ms", 16)])
def test_tokens_last_until_everybody_is_in_and_the_incident_begins(write: Write, at: str, lifetime_s: int) -> None:
    """Three phases of entrance of one second each, a second of warm-up, the time of the incident, and two of slack."""
    text = "[users]\ncount = 30\nconnect_rate_per_s = 30\n" + incidents(f'kind = "token_expiry"\nat = "{at}"')

    assert server_for(settled(write(text)), None).token_lifetime_s == lifetime_s


def test_a_server_that_restarts_is_asked_to_keep_what_it_has(write: Write) -> None:
    """On the cores it is given."""
    wish = server_for(settled(write(incidents('kind = "server_restart"'))), frozenset({1}))

    assert (wish.restarts, wish.cores, wish.token_lifetime_s) == (True, frozenset({1}), None)
