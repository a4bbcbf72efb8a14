"""Who the users are: the generated accounts of the reference server, or the lines of a file."""

from __future__ import annotations

import csv
import hashlib
import hmac
import os
from pathlib import Path

from loadgen.errors import InputError

ACCOUNTS_KEY_VARIABLE = "CHATBENCH_ACCOUNTS_KEY"
_DEFAULT_KEY = "chatbench"


def generated_accounts(count: int) -> tuple[tuple[str, str], ...]:
    """``user-000001`` and so on; the password is HMAC-SHA256(key, name), its first 16 hexadecimal digits.

    The reference server makes the same ones with ``--accounts``. The key comes from CHATBENCH_ACCOUNTS_KEY.
    """
    key = os.environ.get(ACCOUNTS_KEY_VARIABLE, _DEFAULT_KEY).encode()
    names = [f"user-{number:06d}" for number in range(1, count + 1)]
    return tuple((name, hmac.new(key, name.encode(), hashlib.sha256).hexdigest()[:16]) for name in names)


def read_accounts(path: Path) -> tuple[tuple[str, str], ...]:
    """The ``username,password`` lines of a CSV file; InputError names the line that is none."""
    accounts = []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.reader(file), start=1):
                if not row:
                    continue
                if len(row) != 2 or not row[0]:
                    # The line is not quoted: it may hold a password.
                    raise InputError(f"{path}: line {number}: expected username,password, got something else")
                accounts.append((row[0], row[1]))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{path}: cannot read the users file: {why}") from None
    if not accounts:
        raise InputError(f"{path}: expected username,password lines, got an empty file")
    return tuple(accounts)


def read_tokens(path: Path) -> tuple[str, ...]:
    """The lines of a file, blank ones left out; InputError names the line that is no token, and never shows it."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{path}: cannot read the tokens file: {why}") from None
    for number, line in enumerate(lines, start=1):
        if not (line.isascii() and line.isprintable()):  # it may stand in an HTTP header
            raise InputError(f"{path}: line {number}: expected a token of printable ASCII characters, got others")
    tokens = tuple(line for line in lines if line)
    if not tokens:
        raise InputError(f"{path}: expected a token a line, got an empty file")
    return tokens
