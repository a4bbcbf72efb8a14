"""Databases of the reference server in an empty folder on a disk, each for as long as a block lasts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.common import BenchmarkError
from tests.support.postgres_server import PostgresServer, installed, running


@contextmanager
def sqlite_url(folder: Path) -> Iterator[str]:
    """A file, made by the server."""
    yield f"sqlite:///{folder}/chat.db"


@contextmanager
def postgres_url(folder: Path, prefix: Sequence[str]) -> Iterator[str]:
    """A server of its own, which waits for the disk; ``prefix`` keeps it to a core."""
    programs = installed()
    if programs is None:
        raise BenchmarkError("PostgreSQL is not installed: apt-get install postgresql")
    folder.chmod(0o755)
    try:
        with running(PostgresServer(programs, folder, prefix, durable=True)) as server:
            yield server.url(server.new_database())
    except RuntimeError as error:
        raise BenchmarkError(f"PostgreSQL: {error}") from error
