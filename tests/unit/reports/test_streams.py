"""What is said to nobody: the program goes on, and Python does not complain at its end."""

from __future__ import annotations

import errno
import os
from typing import TextIO

import pytest

from reports.streams import given_up_when_broken, heard_or_not, is_unread, is_unwritable


def unread() -> TextIO:
    """A pipe whose reader is gone."""
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "w", encoding="utf-8")


def test_nothing_depends_on_being_heard() -> None:
    """Once it has failed, whatever follows goes nowhere, without another error."""
    with unread() as stream:
        with heard_or_not(stream):
            stream.write("nobody reads this\n")
        stream.flush()

        stream.write("nor this\n")
        stream.flush()


def test_who_must_be_heard_knows_why_not() -> None:
    """The error goes on, and is that of the stream."""
    with unread() as stream:
        with pytest.raises(BrokenPipeError), given_up_when_broken(stream):
            stream.write("nobody reads this\n")
        stream.flush()


def test_a_full_disk_is_a_fault_of_nobodys_and_a_closed_pipe_is_none() -> None:
    """Anything else is a bug, and its traceback is wanted."""
    no_room, no_reader, bug = (OSError(number, "") for number in (errno.ENOSPC, errno.EPIPE, errno.EBADF))

    assert [is_unwritable(error) for error in (no_room, no_reader, bug)] == [True, True, False]
    assert [is_unread(error) for error in (no_room, no_reader, bug)] == [False, True, False]
