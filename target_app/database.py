"""Which database keeps the messages, and what an ack says about them: `--db` and `--durability`. Pure."""

from enum import StrEnum
from pathlib import Path

_SQLITE = "sqlite:///"


class Durability(StrEnum):
    """What an acknowledged message survives."""

    # A power cut: the ack waits until the disk has the message.
    ACK = "ack"
    # The end of the process, once the message is written, which is soon after the ack.
    ASYNC = "async"


class DatabaseUrlError(ValueError):
    """We have nothing for such a database; one line that says what was wanted."""


def sqlite_path(url: str) -> Path:
    """Return the file that a URL names: three slashes before a relative path, four before an absolute one.

    Raises DatabaseUrlError, which repeats the scheme alone: the rest of a URL may hold a password.
    """
    if not url.startswith(_SQLITE):
        scheme, separator, _ = url.partition("://")
        raise DatabaseUrlError(f"expected sqlite:///FILE, got {scheme + separator!r}")
    path = url.removeprefix(_SQLITE)
    if path in ("", ":memory:"):
        raise DatabaseUrlError("expected a file after sqlite:///; without a URL, messages are kept for one life")
    if "?" in path:
        raise DatabaseUrlError("expected sqlite:///FILE without options, got a '?'")
    return Path(path)
