"""Tracebacks of our own bugs, without the secrets that a message or a line of them quotes."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from types import TracebackType

from loadgen.plan.secrets import Secrets


def traceback_of(error: BaseException, secrets: Secrets) -> str:
    """As Python prints it, but without them."""
    return secrets.hide("".join(traceback.format_exception(error)))


def hide_in_tracebacks(secrets: Callable[[], Secrets]) -> None:
    """Have an exception that ends this process told without them; they are asked for then."""

    def tell(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
        sys.stderr.write(traceback_of(error, secrets()))

    sys.excepthook = tell
