"""Standard output and error, whose reader may be gone: `| head -1`, a terminal that was closed, a full disk."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from typing import TextIO

_UNWRITABLE = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def given_up_when_broken(stream: TextIO) -> Iterator[None]:
    """OSError where what is said meanwhile cannot be, on a full disk, a pipe or a terminal that was closed.

    Nothing is said there from then on, since Python would try it again when it ends, and fail once more.
    """
    try:
        yield
        stream.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        raise


@contextlib.contextmanager
def heard_or_not(stream: TextIO) -> Iterator[None]:
    """The same, and nothing depends on whether it was said."""
    with contextlib.suppress(OSError), given_up_when_broken(stream):
        yield


def is_unwritable(error: OSError) -> bool:
    """Whether this is no room, or no reader, and so no bug of ours."""
    return error.errno in _UNWRITABLE


def is_unread(error: OSError) -> bool:
    """Whether there is nobody left who reads, and who could want to know."""
    return error.errno == errno.EPIPE
