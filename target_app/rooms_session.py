"""One client's conversation in the rooms protocol: what it asks for, whether it may, and the answer."""

from typing import Any

from target_app import rooms_answers as answers
from target_app import rooms_protocol as protocol
from target_app.broker import Answer
from target_app.outbox import Outbox
from target_app.refusal import ErrorCode, RefusedError
from target_app.roles import check_rules, check_sees, check_writes
from target_app.rooms_protocol import (
    Announce,
    CloseRoom,
    Direct,
    Join,
    Kick,
    Leave,
    MessageId,
    Ping,
    Publish,
    ReadHistory,
    Typing,
)
from target_app.services import Services
from target_app.store import StoreError
from target_app.tokens import Identity


class RoomsSession:
    """Each frame in is answered before the next is read, but for the ack of a message: that waits for the store."""

    def __init__(self, identity: Identity, outbox: Outbox, services: Services) -> None:
        self._identity = identity
        self._user = identity.user
        self._outbox = outbox
        self._broker = services.broker
        self._rooms = services.rooms
        self._history = services.history
        self._limits = services.settings.limits
        self._instance = services.settings.instance

    async def begin(self) -> None:
        """Be known to the others, and tell the client who it is here and what it may do."""
        await self._broker.arrive(self._outbox, self._user)
        self._outbox.send_text(answers.welcome(self._identity, self._limits, self._instance))

    async def end(self) -> None:
        """Leave every room, and be gone; after `begin`, whatever has happened since."""
        await self._broker.depart(self._outbox, self._user)

    async def answer(self, raw: str | bytes, *, too_fast: bool = False) -> None:
        """Do what a frame asks for, or say why not; nothing is done of one that came ``too_fast``."""
        message_id: MessageId = None
        try:
            fields = protocol.parse_json(raw)
            message_id = protocol.parse_id(fields, self._limits)
            self._check_pace(too_fast=too_fast)
            await self._do(fields)
        except RefusedError as refusal:
            self._outbox.send_text(answers.error(refusal, message_id))

    def _check_pace(self, *, too_fast: bool) -> None:
        if too_fast:
            raise RefusedError(ErrorCode.RATE_LIMITED, f"at most {self._limits.frames_per_s:g} frames a second")

    async def _do(self, fields: dict[str, Any]) -> None:
        match protocol.parse_frame(fields, self._limits):
            case Publish() as publish:
                check_writes(self._identity)
                await self._broker.publish(self._outbox, publish, self._answer_to(publish))
            case Direct() as direct:
                check_writes(self._identity)
                await self._broker.direct(self._outbox, self._user, direct)
                self._ack(direct.id)
            case Typing(room):
                check_writes(self._identity)
                await self._broker.typing(self._outbox, room)
            case Ping():
                self._outbox.send_text(answers.pong())
            case Join(room, presence):
                check_sees(self._identity, room)
                state = await self._broker.join(self._outbox, self._user, room, presence)
                self._outbox.send_text(answers.joined(room, state.member_count, state.seq))
            case Leave(room):
                state = await self._broker.leave(self._outbox, room)
                self._outbox.send_text(answers.left(room, state.member_count))
            case ReadHistory() as wanted:
                await self._read_history(wanted)
            case Kick(user, room_or_none, message_id):
                check_rules(self._identity)
                await self._broker.kick(user, room_or_none, self._user)
                self._ack(message_id)
            case CloseRoom(room, message_id):
                check_rules(self._identity)
                await self._broker.close_room(room, self._user)
                self._ack(message_id)
            case Announce(text, message_id):
                check_rules(self._identity)
                await self._broker.announce(text, self._user)
                self._ack(message_id)

    def _answer_to(self, publish: Publish) -> Answer:
        room, message_id = publish.room, publish.id

        def answer(seq: int | None, error: StoreError | RefusedError | None) -> None:
            if error is None:
                self._ack(message_id, seq)
                return
            if not isinstance(error, RefusedError):
                error = RefusedError(ErrorCode.STORAGE_FAILED, f"message {seq} of {room!r} was not stored")
            self._outbox.send_text(answers.error(error, message_id))

        return answer

    def _ack(self, message_id: MessageId, seq: int | None = None) -> None:
        if message_id is not None:
            self._outbox.send_text(answers.ack(message_id, seq))

    async def _read_history(self, wanted: ReadHistory) -> None:
        seat = self._rooms.joined(wanted.room, self._outbox).members[self._outbox]
        try:
            if wanted.after is None:
                page = await self._history.newest(wanted.room, None, wanted.limit)
            else:
                # What came after the join was sent as it came: with it, the client would have it twice.
                page = await self._history.between(wanted.room, wanted.after, seat.since_seq, wanted.limit)
        except StoreError as error:
            raise RefusedError(ErrorCode.STORAGE_FAILED, "the history cannot be read just now") from error
        self._outbox.send_text(answers.history(wanted.room, page.messages, page.more))
