"""`python -m tests.support.store_appender URL`: stores one message after the other, and says each number when it is."""

import asyncio
import sys
from itertools import count

from target_app.database import Durability
from target_app.rooms import Message
from target_app.stores import store_from


async def append_for_ever(url: str) -> None:
    """Until somebody kills us."""
    store = store_from(url, Durability.ACK)
    await store.open()
    for seq in count(1):
        await store.append([Message("tea", seq, "ann", f"text {seq}", seq)])
        print(seq, flush=True)


if __name__ == "__main__":
    asyncio.run(append_for_ever(sys.argv[1]))
