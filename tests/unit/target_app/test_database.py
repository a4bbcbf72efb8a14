"""Which databases there are, and what a URL has to look like."""

from pathlib import Path

import pytest

from target_app.database import DatabaseUrlError, PostgresDatabase, SqliteFile, database_from

EITHER = "expected sqlite:///FILE or postgresql+asyncpg://USER:PASSWORD@HOST:PORT/DATABASE, got "
POSTGRES = (
    "expected postgresql+asyncpg://USER:PASSWORD@HOST:PORT/DATABASE,"
    " or postgresql+asyncpg://USER:PASSWORD@/DATABASE?host=FOLDER for a Unix socket"
)


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
    assert database_from(url) == SqliteFile(Path(path))


@pytest.mark.parametrize(
    ("rest", "expected", "name"),
    [
        (
            "ann:secret@db.example:6432/chat",
            PostgresDatabase("db.example", 6432, "chat", "ann", "secret", None),
            "ann@db.example:6432/chat",
        ),
        ("db/chat", PostgresDatabase("db", 5432, "chat", None, None, None), "db:5432/chat"),
        ("ann@[::1]/chat", PostgresDatabase("::1", 5432, "chat", "ann", None, None), "ann@[::1]:5432/chat"),
        (
            "a%40b:%2F%3F%23@db/my%20chat?ssl=verify-full",
            PostgresDatabase("db", 5432, "my chat", "a@b", "/?#", "verify-full"),
            "a@b@db:5432/my chat",
        ),
        (
            "ann:secret@/chat?host=/var/run/postgresql",
            PostgresDatabase("/var/run/postgresql", 5432, "chat", "ann", "secret", None),
            "ann@/var/run/postgresql:5432/chat",
        ),
        (
            "ann@:6432/chat?host=/run/pg",
            PostgresDatabase("/run/pg", 6432, "chat", "ann", None, None),
            "ann@/run/pg:6432/chat",
        ),
    ],
)
def test_a_postgresql_is_named_as_sqlalchemy_names_it(rest: str, expected: PostgresDatabase, name: str) -> None:
    """Names and passwords are decoded; people see its name without the password."""
    database = database_from(f"postgresql+asyncpg://{rest}")

    assert database == expected
    assert str(database) == f"postgresql://{name}"
    assert "secret" not in repr(database)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("postgresql://ann:secret@db/chat", f"{EITHER}'postgresql://'"),
        ("mysql+aiomysql://ann:secret@db/chat", f"{EITHER}'mysql+aiomysql://'"),
        ("sqlite+aiosqlite:///chat.db", f"{EITHER}'sqlite+aiosqlite://'"),
        ("sqlite://chat.db", f"{EITHER}'sqlite://'"),
        ("sqlite://", f"{EITHER}'sqlite://'"),
        ("chat.db", f"{EITHER}'chat.db'"),
        ("", f"{EITHER}''"),
        ("sqlite:///", "expected a file after sqlite:///; without a URL, messages are kept for one life"),
        ("sqlite:///:memory:", "expected a file after sqlite:///; without a URL, messages are kept for one life"),
        ("sqlite:///chat.db?mode=ro", "expected sqlite:///FILE without options, got a '?'"),
        ("postgresql+asyncpg://", POSTGRES),
        ("postgresql+asyncpg://ann:secret@db", POSTGRES),
        ("postgresql+asyncpg://ann:secret@db/", POSTGRES),
        ("postgresql+asyncpg://ann:secret@/chat", POSTGRES),
        ("postgresql+asyncpg://ann:secret@db/chat/more", POSTGRES),
        ("postgresql+asyncpg://ann:secret@db:port/chat", None),
        ("postgresql+asyncpg://ann:secret@db:70000/chat", None),
        ("postgresql+asyncpg://ann:sec[ret@db/chat", None),
        ("postgresql+asyncpg://ann:secret#1@db/chat", None),
        ("postgresql+asyncpg://ann:secret@db/chat#1", "expected a password in which '#' is written %23"),
        ("postgresql+asyncpg://ann:secret@db/chat?sslmode=on", None),
    ],
)
def test_anything_else_is_refused_without_repeating_a_password(url: str, complaint: str | None) -> None:
    """What was wanted and which kind was found; the line may end up in a log."""
    with pytest.raises(DatabaseUrlError) as refused:
        database_from(url)

    assert complaint in (None, str(refused.value))
    assert str(refused.value).startswith("expected ")
    assert "secret" not in str(refused.value)
    assert "sec[ret" not in str(refused.value)
    assert "\n" not in str(refused.value)
