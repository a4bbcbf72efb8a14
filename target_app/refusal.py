"""Why a client's frame was refused: a closed list, told to the client in an error frame."""

from enum import StrEnum


class ErrorCode(StrEnum):
    """Why we did not do it, for the client's program to act on."""

    INVALID_JSON = "invalid_json"
    UNKNOWN_TYPE = "unknown_type"
    BAD_FIELD = "bad_field"
    TEXT_TOO_LONG = "text_too_long"
    NOT_JOINED = "not_joined"
    TOO_MANY_ROOMS = "too_many_rooms"
    # Nothing was done of this one; who goes on so is closed.
    RATE_LIMITED = "rate_limited"
    # The token's roles do not allow it.
    FORBIDDEN = "forbidden"
    # Nobody is there whom it concerns.
    NOT_ONLINE = "not_online"
    # The room heard the message, and it will not be in the history, unless the store had it and could not say so.
    STORAGE_FAILED = "storage_failed"
    # Nobody heard the message: the store has no room for it just now.
    STORAGE_BEHIND = "storage_behind"
    # Other servers of this chat cannot be reached just now: what is said to their members is not heard there, or,
    # where one of them numbers the room's messages, not said at all.
    NODES_APART = "nodes_apart"


class RefusedError(Exception):
    """One frame is refused; the connection lives on."""

    def __init__(self, code: ErrorCode, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
