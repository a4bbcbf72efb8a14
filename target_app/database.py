"""Which database keeps the messages, and what an ack says about them: `--db` and `--durability`. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

_SQLITE = "sqlite:///"
_POSTGRES = "postgresql+asyncpg://"
_POSTGRES_FORM = f"{_POSTGRES}USER:PASSWORD@HOST:PORT/DATABASE"
_POSTGRES_PORT = 5432


class Durability(StrEnum):
    """What an acknowledged message survives."""

    # A power cut: the ack waits until the disk has the message.
    ACK = "ack"
    # The end of the process, once the message is written, which is soon after the ack.
    ASYNC = "async"


class DatabaseUrlError(ValueError):
    """We have nothing for such a database; one line that says what was wanted.

    It repeats the scheme of a URL at most: the rest may hold a password.
    """


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """A file of ours, new or from an earlier life."""

    path: Path


@dataclass(frozen=True, slots=True)
class PostgresDatabase:
    """A database on a server of PostgreSQL. None is left to libpq's variables and files (PGPASSWORD, ~/.pgpass)."""

    # A name, an address, or the folder of a Unix socket, which begins with a slash.
    host: str
    port: int
    database: str
    user: str | None
    password: str | None = field(repr=False)
    # One of libpq's words for `sslmode`.
    ssl: str | None

    def __str__(self) -> str:
        """Return its name for people, without the password."""
        user = "" if self.user is None else f"{self.user}@"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"postgresql://{user}{host}:{self.port}/{self.database}"


def database_from(url: str) -> SqliteFile | PostgresDatabase:
    """Return what a URL names; raises DatabaseUrlError."""
    if url.startswith(_SQLITE):
        return SqliteFile(_sqlite_path(url))
    if url.startswith(_POSTGRES):
        return _postgres_database(url)
    scheme, separator, _ = url.partition("://")
    raise DatabaseUrlError(f"expected sqlite:///FILE or {_POSTGRES_FORM}, got {scheme + separator!r}")


def _sqlite_path(url: str) -> Path:
    """Return the file: three slashes before a relative path, four before an absolute one."""
    path = url.removeprefix(_SQLITE)
    if path in ("", ":memory:"):
        raise DatabaseUrlError("expected a file after sqlite:///; without a URL, messages are kept for one life")
    if "?" in path:
        raise DatabaseUrlError("expected sqlite:///FILE without options, got a '?'")
    return Path(path)


def _postgres_database(url: str) -> PostgresDatabase:
    try:
        parts = urlsplit(url)
        port = parts.port or _POSTGRES_PORT
    except ValueError:
        raise DatabaseUrlError(f"expected {_POSTGRES_FORM}; is a '[', '/' or ':' of a password not quoted?") from None
    if parts.fragment:
        raise DatabaseUrlError("expected a password in which '#' is written %23")
    options = _options(parts)
    database = unquote(parts.path.removeprefix("/"))
    host = unquote(parts.hostname or "") or options.get("host")
    if not database or "/" in parts.path.removeprefix("/") or "@" in parts.path or host is None:
        raise DatabaseUrlError(
            f"expected {_POSTGRES_FORM}, or {_POSTGRES}USER:PASSWORD@/DATABASE?host=FOLDER for a Unix socket"
        )
    return PostgresDatabase(
        host=host,
        port=port,
        database=database,
        user=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
        ssl=options.get("ssl"),
    )


def _options(parts: SplitResult) -> dict[str, str]:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if options.keys() - {"host", "ssl"}:
        # Not repeated: after a '?' that is not quoted, it is the rest of a password.
        raise DatabaseUrlError("expected host=FOLDER and ssl=MODE after the '?' at most, and %3F for one in a password")
    return options
