"""What a dialect file says, as data."""

from __future__ import annotations

import pytest

from loadgen.dialects.script import PublishScript


@pytest.mark.parametrize(("ack", "has"), [(None, False), ("ACK {id}", False), ("ACK {id} {seq}", True)])
def test_a_room_has_numbers_where_acknowledgements_tell_them(ack: str | None, *, has: bool) -> None:
    """Then the order of its messages is judged by them."""
    assert PublishScript("{text}", ack=ack).has_room_sequence is has
