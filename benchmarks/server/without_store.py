"""The reference server with a store that keeps nothing: what keeping costs is measured beside it."""

import sys
from collections.abc import Mapping, Sequence

from target_app import __main__, services
from target_app.rooms import Message


class Nothing:
    """Implements `target_app.store.Store`."""

    async def open(self) -> Mapping[str, int]:
        return {}

    async def append(self, messages: Sequence[Message]) -> None:
        pass

    async def newest(self, room: str, before: int | None, limit: int) -> list[Message]:
        return []

    async def after(self, room: str, after: int, limit: int) -> list[Message]:
        return []

    async def close(self) -> None:
        pass


if __name__ == "__main__":
    setattr(services, "store_from", lambda _url, _durability: Nothing())  # noqa: B010 - a name that module only imports
    sys.exit(__main__.main())
