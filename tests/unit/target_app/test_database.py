"""Database URLs: a file of SQLite, or one line that says what was wanted."""

from pathlib import Path

import pytest

from target_app.database import DatabaseUrlError, sqlite_path


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///chat.db", "chat.db"),
        ("sqlite:///data/chat.db", "data/chat.db"),
        ("sqlite:////var/lib/chat.db", "/var/lib/chat.db"),
        ("sqlite:///a file of 100%.db", "a file of 100%.db"),
    ],
)
def test_three_slashes_are_relative_and_four_absolute(url: str, path: str) -> None:
    """As SQLAlchemy writes it; nothing in the path is decoded."""
    assert sqlite_path(url) == Path(path)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("postgresql://ann:secret@db/chat", "expected sqlite:///FILE, got 'postgresql://'"),
        ("sqlite+aiosqlite:///chat.db", "expected sqlite:///FILE, got 'sqlite+aiosqlite://'"),
        ("sqlite://chat.db", "expected sqlite:///FILE, got 'sqlite://'"),
        ("sqlite://", "expected sqlite:///FILE, got 'sqlite://'"),
        ("chat.db", "expected sqlite:///FILE, got 'chat.db'"),
        ("", "expected sqlite:///FILE, got ''"),
        ("sqlite:///", "expected a file after sqlite:///; without a URL, messages are kept for one life"),
        ("sqlite:///:memory:", "expected a file after sqlite:///; without a URL, messages are kept for one life"),
        ("sqlite:///chat.db?mode=ro", "expected sqlite:///FILE without options, got a '?'"),
    ],
)
def test_anything_else_is_refused_without_repeating_a_password(url: str, complaint: str) -> None:
    """What was wanted and which kind was found; the line may end up in a log."""
    with pytest.raises(DatabaseUrlError) as refused:
        sqlite_path(url)

    assert str(refused.value) == complaint
