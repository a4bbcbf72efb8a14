"""Which store is behind a URL."""

from target_app.database import Durability, PostgresDatabase, database_from
from target_app.sqlite_store import SqliteStore
from target_app.store import Store, StoreError


def store_from(url: str | None, durability: Durability) -> Store:
    """Return the store behind a URL; without one, a file of our own that is gone after `close`.

    Raises DatabaseUrlError, and StoreError where a package is missing.
    """
    if url is None:
        return SqliteStore(None, durability)
    database = database_from(url)
    if not isinstance(database, PostgresDatabase):
        return SqliteStore(database.path, durability)
    try:
        # Its driver is an extra.
        from target_app.postgres_store import PostgresStore

        return PostgresStore(database, durability)
    except ModuleNotFoundError as error:
        raise StoreError(f"{database}: needs {error.name}; pip install 'chatbench[postgres]'") from error
