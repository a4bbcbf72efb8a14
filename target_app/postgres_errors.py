"""What goes wrong on the way to PostgreSQL, told as a StoreError of one line, with nothing of what people wrote."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoFreeConnectionError

from target_app.store import ClashError, StoreError

# What a call of asyncpg may end with. Where the other end has hung up, and asyncpg has not been told yet, uvloop says
# so with a RuntimeError.
FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, RuntimeError)


def is_lost(driver: Any, error: Exception) -> bool:
    """Whether the connection broke, so that nobody can say whether what was asked for is done."""
    # 57P: PostgreSQL is being ended, and says so before it hangs up.
    is_ending = str(getattr(error, "sqlstate", None)).startswith("57P")
    return is_ending or isinstance(error, OSError | RuntimeError) or driver.is_closed()


@contextmanager
def told_as_ours(name: str) -> Iterator[None]:
    """Raise what goes wrong in the block as StoreError of the database that people know by ``name``."""
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        raise ClashError(f"{name}: {_line_of(error)}") from error
    except DBAPIError as error:
        # SQLAlchemy's text has the statement and its values in it.
        cause = None if error.orig is None else error.orig.__cause__
        raise StoreError(f"{name}: {'the connection was lost' if cause is None else _line_of(cause)}") from error
    except NoFreeConnectionError as error:
        raise StoreError(f"{name}: all connections are busy") from error
    except SQLAlchemyError as error:
        # A new connection ended before it could be used.
        raise StoreError(f"{name}: the connection was lost") from error
    except TimeoutError as error:
        raise StoreError(f"{name}: no answer") from error
    except (*FAILURES, UnicodeError) as error:
        raise StoreError(f"{name}: {_line_of(error)}") from error


def _line_of(error: BaseException) -> str:
    """One line without values: PostgreSQL puts those into its second line, asyncpg into its DataError."""
    if isinstance(error, asyncpg.DataError):
        return "not a value that PostgreSQL takes"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error.args[0]).splitlines() if error.args else []
    return lines[0] if lines else type(error).__name__
