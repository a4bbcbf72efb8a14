"""Files that a scenario names: accounts, tokens, where events go."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scenarios.settle import settle
from tests.support.settled import Write, complaint, plan_of


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("ann,secret\nbob\n", "users.csv: line 2: expected username,password, got something else"),
        ("ann,secret\n\n,pw\n", "users.csv: line 3: expected username,password, got something else"),
        ("ann,a,b\n", "users.csv: line 1: expected username,password, got something else"),
        ("\n", "users.csv: expected username,password lines, got an empty file"),
    ],
)
def test_a_bad_line_of_a_users_file_is_told_with_its_number(here: Path, text: str, line: str) -> None:
    """One among thousands is not found otherwise."""
    (here / "users.csv").write_text(text, encoding="utf-8")

    assert complaint("smoke", {"users.file": "users.csv"}) == line


def test_a_users_file_that_is_not_there_is_told() -> None:
    """With its name and the reason."""
    assert complaint("smoke", {"users.file": "gone.csv"}) == (
        "gone.csv: cannot read the users file: No such file or directory"
    )


def test_users_take_the_accounts_of_a_file_in_turn(here: Path) -> None:
    """Names and passwords as they stand there, quotes and commas included."""
    (here / "users.csv").write_text('ann,"a,b"\n\nbob,c\n', encoding="utf-8")

    settled = settle("smoke", {"users.file": "users.csv"}, {})

    assert settled.plan_for(("http://x",), "abcdef").accounts == (("ann", "a,b"), ("bob", "c"))


def test_users_take_the_tokens_of_a_file_in_turn(here: Path) -> None:
    """One a line; what is blank says nothing."""
    (here / "tokens.txt").write_text("abc\n\n  d.e-f \r\n", encoding="utf-8")

    assert plan_of(settle("fanout", {"users.tokens_file": "tokens.txt"}, {})).tokens == ("abc", "d.e-f")
    assert plan_of(settle("fanout", {}, {})).tokens == ()


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "tokens.txt: expected a token a line, got an empty file"),
        (b" \n\n", "tokens.txt: expected a token a line, got an empty file"),
        (b"abc\n\nd\x00e", "tokens.txt: line 3: expected a token of printable ASCII characters, got others"),
        (b"\xc3\xa9", "tokens.txt: line 1: expected a token of printable ASCII characters, got others"),
        (b"\xe9", "tokens.txt: cannot read the tokens file: 'utf-8' codec can't decode byte 0xe9"),
    ],
)
def test_a_bad_tokens_file_is_told_without_its_tokens(here: Path, content: bytes, line: str) -> None:
    """They are secrets."""
    (here / "tokens.txt").write_bytes(content)

    assert complaint("fanout", {"users.tokens_file": "tokens.txt"}).startswith(line)


def test_a_tokens_file_that_is_not_there_is_told() -> None:
    """With its name and the reason."""
    assert complaint("fanout", {"users.tokens_file": "gone"}) == (
        "gone: cannot read the tokens file: No such file or directory"
    )


def test_either_accounts_or_tokens_come_from_a_file(write: Write) -> None:
    """With tokens, nobody would log in with the accounts."""
    scenario = write('[users]\nfile = "users.csv"\n')

    assert complaint(scenario, {"users.tokens_file": "tokens.txt"}) == (
        "--tokens-file: expected one of users.file and users.tokens_file, got both"
    )


def test_events_may_go_into_the_run_directory_that_is_not_there_yet() -> None:
    """It is made before they are written."""
    settled = settle("fanout", {"run.out": "out", "run.events": "out/events.ndjson"}, {})

    assert settled.run.events == "out/events.ndjson"


def test_a_path_that_is_none_is_told_with_the_reason() -> None:
    """As the system says it."""
    assert complaint("fanout", {"run.events": "x" * 300}).endswith('": File name too long')


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_file_that_may_not_be_written_is_told_before_anything_starts(here: Path) -> None:
    """Not when the first event comes."""
    (here / "theirs").mkdir(mode=0o500)

    assert complaint("fanout", {"run.events": "theirs/events"}) == (
        '--events: expected a file that may be written, got "theirs/events"'
    )
