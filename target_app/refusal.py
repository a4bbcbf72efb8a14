"""Why a client's frame was refused: a closed list, told to the client in an error frame."""

from enum import StrEnum


class ErrorCode(StrEnum):
    """What the client did wrong, for its program to act on."""

    INVALID_JSON = "invalid_json"
    UNKNOWN_TYPE = "unknown_type"
    BAD_FIELD = "bad_field"
    TEXT_TOO_LONG = "text_too_long"
    NOT_JOINED = "not_joined"
    TOO_MANY_ROOMS = "too_many_rooms"


class RefusedError(Exception):
    """One frame is refused; the connection lives on."""

    def __init__(self, code: ErrorCode, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
