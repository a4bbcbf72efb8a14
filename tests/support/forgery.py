"""Sound markers that nobody of a run has written."""

import zlib


def forged(prefix: bytes, sender: int, sequence: int, due_ns: int, late_ns: int, receiver: int) -> bytes:
    """A marker whose check digits fit, whatever it says; ``receiver`` as it stands there (ffffffff: the room)."""
    body = b"%b%08x%08x%016x%012x%08x" % (prefix, sender, sequence, due_ns, late_ns, receiver)
    return body + b"%08x" % zlib.crc32(body)
