"""Rooms, people and history over HTTP: what a page shows before and beside a conversation."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, status
from pydantic import BaseModel, Field
from starlette.convertors import Convertor, register_url_convertor

from target_app.bearer import Identified
from target_app.problems import problems
from target_app.roles import is_admin, may_see
from target_app.rooms import Message
from target_app.rooms_protocol import SEQ_MAX
from target_app.services import Shared
from target_app.store import StoreError
from target_app.tokens import Identity


class AnyText(Convertor[str]):
    """A part of a path that may hold anything. Starlette's own `path` takes slashes as well, but no line break."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("any", AnyText())

# Names of rooms may hold slashes; and a name that no room can have is answered like that of a room that is not there.
router = APIRouter(tags=["rooms and people"])

# What a page shows; a program may want more, up to what makes no answer long to wait for.
NAMES = 100
NAMES_MAX = 1_000
MESSAGES = 50

NameLimit = Annotated[int, Query(ge=1, description=f"So many at most; {NAMES_MAX:,} whatever you ask for.")]
RoomName = Annotated[str, Path(description="The room's name, percent-encoded.")]


class Users(BaseModel):
    """Some people."""

    users: list[str] = Field(description="Those who came first.")
    count: int = Field(description="How many there are, listed or not.")


class RoomCount(BaseModel):
    """One room."""

    name: str
    members: int = Field(description="Connections that are in it; a user may have several.")


class RoomList(BaseModel):
    """Some rooms."""

    rooms: list[RoomCount] = Field(description="Those with the most members, then those that were left last.")
    more: bool = Field(description="Whether there are others.")


class KeptMessage(BaseModel):
    """One message."""

    seq: int = Field(description="Its number in the room.")
    sender: str = Field(serialization_alias="from")
    text: str
    ts: int = Field(description="Unix time in ms.")


class HistoryPage(BaseModel):
    """Some messages of a room, in the order of `seq`."""

    room: str
    messages: list[KeptMessage]
    more: bool = Field(description="Whether there are older ones: ask again with `before` the first `seq` of these.")


@router.get("/users/online", summary="See who is online", responses={**problems(401, 422)})
async def online(services: Shared, _: Identified, limit: NameLimit = NAMES) -> Users:
    """Return the users who are connected to `/ws/rooms`: those whom a direct message would reach."""
    return _users(await services.broker.online(), limit)


@router.get("/rooms", summary="See which rooms there are", responses={**problems(401, 422)})
async def rooms(services: Shared, identity: Identified, limit: NameLimit = NAMES) -> RoomList:
    """Return the rooms that somebody is in, or wrote in, as far as they are there for you.

    Rooms whose names begin with `admin:` are there for admins only.
    """
    most = min(limit, NAMES_MAX)
    found = await services.broker.largest_rooms(most + 1, lambda room: may_see(identity, room))
    return RoomList(
        rooms=[RoomCount(name=name, members=members) for name, members in found[:most]], more=len(found) > most
    )


@router.get("/rooms/{room:any}/users", summary="See who is in a room", responses={**problems(401, 403, 404, 422, 503)})
async def users(services: Shared, identity: Identified, room: RoomName, limit: NameLimit = NAMES) -> Users:
    """Return the users who have a connection in the room; one need not be in it to see who is."""
    if not may_see(identity, room):
        raise HTTPException(status.HTTP_403_FORBIDDEN, "This room is for admins only")
    found = await services.broker.users_in(room)
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such room")
    return _users(found, limit)


@router.get(
    "/rooms/{room:any}/messages", summary="Read what was said in a room", responses={**problems(401, 403, 422, 503)}
)
async def messages(
    services: Shared,
    identity: Identified,
    room: RoomName,
    before: Annotated[
        int | None, Query(ge=1, le=SEQ_MAX, description="Only what has a lower `seq`; without it, the newest.")
    ] = None,
    limit: Annotated[int, Query(ge=1, description="So many at most; 100 whatever you ask for.")] = MESSAGES,
) -> HistoryPage:
    """Return the newest messages before a number, as a page needs them that scrolls up.

    For those who have a connection in the room, and for admins; for all others it is 403, whether there is such a
    room or not. An answer has 256 KiB of text at most, and so may have fewer messages than asked for.
    """
    if not await _may_read(services, identity, room):
        raise HTTPException(status.HTTP_403_FORBIDDEN, "Join the room first")
    try:
        page = await services.history.newest(room, before, min(limit, services.settings.limits.history_messages))
    except StoreError:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, "The history cannot be read just now") from None
    return HistoryPage(room=room, messages=[_kept(message) for message in page.messages], more=page.more)


async def _may_read(services: Shared, identity: Identity, room: str) -> bool:
    return is_admin(identity) or (may_see(identity, room) and await services.broker.is_in(identity.user, room))


def _users(names: Sequence[str], limit: int) -> Users:
    return Users(users=list(names[: min(limit, NAMES_MAX)]), count=len(names))


def _kept(message: Message) -> KeptMessage:
    return KeptMessage(seq=message.seq, sender=message.sender, text=message.text, ts=message.sent_at_ms)
