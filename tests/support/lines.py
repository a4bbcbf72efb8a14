"""A socket for an outbox that goes nowhere."""

import json
from typing import Any


class FakeLine:
    """Takes everything, and remembers which bytes it was given."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes, /) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return False

    def begin_close(self, _code: int, _reason: str) -> bytes:
        return b""

    def heard(self) -> list[dict[str, Any]]:
        """The frames so far, all of them short or of medium length: two or four bytes of header."""
        return [json.loads(frame[frame.index(b"{") :]) for frame in self.written if frame]
