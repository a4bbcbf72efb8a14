"""What nodes say to one another survives the bus, and nothing else is taken for it."""

from __future__ import annotations

import pytest

from target_app.nodes.messages import Unfollow, decode, encode


def test_a_message_comes_out_as_it_went_in() -> None:
    """With who says it."""
    assert decode(encode("a", Unfollow("room-1"))) == ("a", Unfollow("room-1"))


@pytest.mark.parametrize(
    "data", [b"", b"no json", b"\xff", b"7", b"[]", b'["a"]', b'["a", "Gossip", 1]', b'["a", "Unfollow"]', b'["a", {}]']
)
def test_anything_else_is_nothing(data: bytes) -> None:
    """A server of another version, or whoever else speaks on the bus."""
    assert decode(data) is None
