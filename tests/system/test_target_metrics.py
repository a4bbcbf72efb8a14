"""--target-metrics with the real command: the server's own figures in all that a run leaves behind."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.support.benches import CHATBENCH, chatbench, document_in
from tests.support.programs import listening

pytestmark = pytest.mark.system

SHORT = ("smoke", "--users", "8", "--warmup", "0s", "--duration", "3s", "--drain", "1s", "--quiet")


def test_the_embedded_server_is_asked_for_its_own_figures(tmp_path: Path) -> None:
    """On the seconds of the run: what it counts is what we count."""
    ended = chatbench("run", *SHORT, "--target-metrics", "auto", "--out", "run", cwd=tmp_path)

    assert ended.returncode in (0, 97, 99), ended.stderr
    document = document_in(tmp_path / "run")
    told, asked = document["target_series"], document["target_metrics"]
    assert told["t_s"] == document["series"]["t_s"]
    assert asked["url"].endswith("/metrics")
    assert asked["scrapes"] >= 4
    values = {each["name"]: [value for value in each["values"] if value is not None] for each in told["series"]}
    assert max(values["chat_connections"]) == 8
    assert sum(values["rate(chat_messages_total)"]) > 0
    with (tmp_path / "run" / "series.csv").open(encoding="utf-8") as file:
        assert "target:chat_connections" in next(csv.reader(file))
    assert (tmp_path / "run" / "plots" / "target_figures.png").stat().st_size > 5_000
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "The server&#39;s own figures" in page or "The server's own figures" in page


def test_of_another_server_exactly_what_is_named_is_kept(tmp_path: Path) -> None:
    """By a key of the file; what the server never tells is no data."""
    names = '["chat_rooms", "rate(never_there_total)"]'
    scenario = tmp_path / "named.toml"
    scenario.write_text(f'extends = "smoke"\n[target]\nmetrics = {names}\n', encoding="utf-8")
    with listening([CHATBENCH, "serve", "--port", "0", "--accounts", "20", "--exit-with-stdin"]) as server:
        flags = (*SHORT[1:], "--no-html", "--no-plots", "--target", server.url, "--target-metrics", server.url)
        ended = chatbench("run", str(scenario), *flags, "--out", "run", cwd=tmp_path)

    assert ended.returncode in (0, 97, 99), ended.stderr
    rooms, never = document_in(tmp_path / "run")["target_series"]["series"]
    assert max(value for value in rooms["values"] if value is not None) >= 1
    assert (never["name"], set(never["values"])) == ("rate(never_there_total)", {None})


@pytest.mark.parametrize(
    ("command", "flags", "complaint"),
    [
        ("run", ("--target-metrics", "nonsense"), 'expected an address like "http://127.0.0.1:8000/metrics"'),
        ("run", ("--target-metrics", "http://127.0.0.1:1/metrics"), "http://127.0.0.1:1/metrics, got none: refused"),
        ("run", ("--target-metrics", "auto", "--target", "http://127.0.0.1:1"), 'got "auto"'),
        ("ab", ("--target-metrics", "auto"), "--target-metrics"),
        ("locust", ("--target-metrics", "auto", "--headless"), "target-metrics"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line(
    tmp_path: Path, command: str, flags: tuple[str, ...], complaint: str
) -> None:
    """Before anything has started, and nothing is left."""
    out = () if command == "locust" else ("--out", "run")
    ended = chatbench(command, "smoke", *flags, *out, cwd=tmp_path)

    assert ended.returncode != 0
    assert complaint in ended.stderr
    assert "Traceback" not in ended.stderr
    if command != "locust":  # Locust itself complains of flags that nobody knows
        assert ended.returncode == 104
        assert len(ended.stderr.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_commands_without_the_flag_refuse_the_variable(tmp_path: Path) -> None:
    """Nobody must wait for a picture that does not come."""
    ended = chatbench("ab", "smoke", "--out", "run", cwd=tmp_path, CHATBENCH_TARGET_METRICS="http://127.0.0.1:1")

    assert ended.returncode == 104
    assert "target.metrics_url: expected none for chatbench ab" in ended.stderr
