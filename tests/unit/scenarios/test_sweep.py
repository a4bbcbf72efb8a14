"""What a scenario sweeps over: one key, some values, each of them sound before anything starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from loadgen.errors import InputError
from scenarios.explain import explained
from scenarios.machine import Machine
from scenarios.settle import Settled, settle
from scenarios.sweep import refuse

Write = Callable[[str], str]

A_MACHINE = Machine(core_count=2, sockets_per_process=4000, ephemeral_port_count=28_232)


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a scenario file where we are; its name."""
    monkeypatch.chdir(tmp_path)

    def write_scenario(text: str) -> str:
        Path("mine.toml").write_text(text, encoding="utf-8")
        return "mine.toml"

    return write_scenario


def settled(scenario: str, flags: Mapping[str, object] | None = None, **environ: str) -> Settled:
    return settle(scenario, flags or {}, environ, A_MACHINE)


@pytest.mark.parametrize("key", ["payload_bytes", '"traffic.payload_bytes"', "traffic.payload_bytes"])
def test_a_key_is_named_by_its_end_or_by_its_path(write: Write, key: str) -> None:
    """One run for each value, and all else as it is."""
    of = settled(write(f"[users]\ncount = 9\n[sweep]\n{key} = [100, 1000, 500]"))

    assert of.sweep is not None
    assert (of.sweep.key, of.sweep.values) == ("traffic.payload_bytes", (100, 1000, 500))
    assert [run.scenario.traffic.payload_bytes for run in of.runs] == [100, 1000, 500]
    assert {run.scenario.users.count for run in of.runs} == {9}
    assert [run.rows["traffic.payload_bytes"]["origin"] for run in of.runs] == ["file"] * 3
    assert all(run.sweep is None for run in of.runs)


def test_the_file_s_own_value_gives_way(write: Write) -> None:
    """Also another key that says the same in other words."""
    of = settled(write("[traffic]\nper_user_per_min = 6\n[sweep]\nrate_per_s = [5, 10]"))

    assert [run.rows["traffic.rate_per_s"]["value"] for run in of.runs] == [5, 10]


@pytest.mark.parametrize("how", ["flag", "variable"])
def test_a_flag_or_variable_that_sets_the_key_makes_it_a_single_run(write: Write, how: str) -> None:
    """Flag beats environment beats file."""
    scenario = write("[sweep]\npayload_bytes = [100, 1000]")
    given = {"traffic.payload_bytes": "500"}
    of = settled(scenario, given) if how == "flag" else settled(scenario, CHATBENCH_PAYLOAD="500")

    assert of.sweep is None
    assert of.runs == ()
    assert of.scenario.traffic.payload_bytes == 500


@pytest.mark.parametrize("value", ['"own"', "{ shape = 'own' }"])
def test_values_may_be_anything_that_the_key_takes(write: Write, value: str) -> None:
    """Words and lists of tables as well as numbers."""
    key = '"users.rooms.shape"' if value.startswith('"') else "more_rooms"
    values = f'["single", {value}]' if value.startswith('"') else f"[[], [{value}]]"

    assert len(settled(write(f"[sweep]\n{key} = {values}")).runs) == 2


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("sweep = 5", "sweep: expected one key with a list of values like payload_bytes = [100, 1000], got 5"),
        ("[sweep]", "sweep: expected one key with a list of values like payload_bytes = [100, 1000], got {}"),
        ("[sweep]\npayload_bytes = [100, 200]\nusers.count = [1, 2]",
         "sweep: expected one key, got payload_bytes, users.count"),
        ("[sweep]\npayload_bytes = 100", "sweep.payload_bytes: expected a list of 2 to 20 values, got 100"),
        ("[sweep]\npayload_bytes = [100]", "sweep.payload_bytes: expected a list of 2 to 20 values, got 1"),
        (f"[sweep]\nrate_per_s = {list(range(1, 22))}", "sweep.rate_per_s: expected a list of 2 to 20 values, got 21"),
        ("[sweep]\npayload_byte = [100, 200]", 'sweep.payload_byte: unknown key; did you mean "payload_bytes"?'),
        ('[sweep]\n"trafic.payload_bytes" = [100, 200]',
         'sweep.trafic.payload_bytes: unknown key; did you mean "traffic.payload_bytes"?'),
        ("[sweep]\nzzzz = [1, 2]", "sweep.zzzz: unknown key"),
        ("[sweep]\ncount = [1, 2]",
         'sweep.count: expected the path of one key, users.count or users.rooms.count, got "count"'),
        ("[sweep]\nbackoff = [1, 2]",
         "sweep.backoff: expected a key whose values can be compared, got incident[].backoff, one of a list of tables"),
        ("[sweep]\nquiet = [true, false]",
         "sweep.quiet: expected a key whose values can be compared, got run.quiet, one that says nothing of what is "
         "measured"),
        ('[sweep]\n"run.out" = ["a", "b"]',
         "sweep.run.out: expected a key whose values can be compared, got run.out, one that says nothing of what is "
         "measured"),
        ("[sweep]\nsweep = [1, 2]",
         "sweep.sweep: expected a key whose values can be compared, got sweep, one that says nothing of what is "
         "measured"),
        ("[sweep]\npayload_bytes = [100, 5]",
         "sweep.payload_bytes[1]: expected a whole number from 69"),
        ("[sweep]\nusers.count = [10, [20]]", "sweep.users.count[1]: expected a whole number > 0, got [20]"),
        ('[sweep]\nloop = ["open", "half"]', 'sweep.loop[1]: expected "open" or "closed", got "half"'),
        ("[users]\nmore_rooms = []\n[sweep]\nmore_rooms = [[], [{ count = 0 }]]", "sweep.more_rooms[1]"),
        ('[sweep]\ndialect = ["plain", "plian"]', 'sweep.dialect[1]: unknown dialect "plian"; did you mean "plain"?'),
        ("[sweep]\npayload_bytes = [100, 100]",
         "sweep.payload_bytes: expected values that make a difference here, got runs that are all the same"),
        ('[phases]\nmeasure = "13h"\n[sweep]\npayload_bytes = [100, 200]',
         "sweep.payload_bytes: expected runs that take 24 h together, at most, got 2 that take 26.0 h"),
    ],
)  # fmt: skip
def test_what_cannot_be_swept_is_refused_with_the_place(write: Write, text: str, line: str) -> None:
    """Before anything starts."""
    with pytest.raises(InputError) as refused:
        settled(write(text))

    assert str(refused.value).startswith(f"mine.toml: {line}")


def test_values_that_a_flag_leaves_no_say_are_refused(write: Write) -> None:
    """Ten runs that are all the same would look like an answer."""
    with pytest.raises(InputError, match="make a difference here"):
        settled(write("[sweep]\nusers.count = [10, 20]"), {"users.stages": ["5s:5"]})


def test_a_command_for_a_single_scenario_refuses_a_sweep(write: Write) -> None:
    """And says how to make it one."""
    flagged = settled(write("[sweep]\npayload_bytes = [100, 1000]")).sweep
    other = settled(write('[sweep]\ngaps = ["constant", "exponential"]')).sweep

    with pytest.raises(InputError) as refused:
        refuse(flagged, "chatbench capacity")
    assert str(refused.value) == (
        "mine.toml: sweep.payload_bytes: expected a single value for chatbench capacity (with --payload it has one), "
        "got 2"
    )
    with pytest.raises(InputError, match=r"a file that extends it and sets traffic\.gaps has one"):
        refuse(other, "chatbench capacity")
    refuse(None, "chatbench capacity")


def test_show_of_a_sweep_says_what_differs(write: Write) -> None:
    """Every key stands as the first run has it."""
    shown = explained(write('[sweep]\n"traffic.payload_bytes" = [100, 1000]'))

    assert "2 runs, one after the other, with traffic.payload_bytes = [100, 1000]" in shown
    assert "# traffic.payload_bytes = 100  (file)" in shown
