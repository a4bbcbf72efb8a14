"""Who may do what, by the roles in the token. Asked at every action, so a right ends with the token that gave it.

    guest   hears rooms and reads their history
    member  also writes: to rooms, to people
    admin   also removes people, closes rooms, speaks to all, and sees the rooms that are for admins

Roles add up; one we do not know gives no right.
"""

from enum import StrEnum

from target_app.refusal import ErrorCode, RefusedError
from target_app.tokens import Identity

# A room whose name begins so is for admins. By its name and not by a mark on the room: a name is stored
# with every message, and nobody can be in the room before it is marked.
ADMIN_ROOMS = "admin:"


class Role(StrEnum):
    """What a token may say of its user."""

    ADMIN = "admin"
    MEMBER = "member"
    GUEST = "guest"


def is_admin(identity: Identity) -> bool:
    """Whether the rights of an admin are among those of the token."""
    return Role.ADMIN in identity.roles


def may_see(identity: Identity, room: str) -> bool:
    """Whether the room is there for this user."""
    return not room.startswith(ADMIN_ROOMS) or is_admin(identity)


def may_write(identity: Identity) -> bool:
    """Whether the user may say something."""
    return Role.MEMBER in identity.roles or is_admin(identity)


def check_writes(identity: Identity) -> None:
    """Raise RefusedError unless the user may write."""
    if not may_write(identity):
        raise RefusedError(ErrorCode.FORBIDDEN, "guests only read")


def check_rules(identity: Identity) -> None:
    """Raise RefusedError unless the user may rule over others."""
    if not is_admin(identity):
        raise RefusedError(ErrorCode.FORBIDDEN, "for admins only")


def check_sees(identity: Identity, room: str) -> None:
    """Raise RefusedError unless the room is there for this user."""
    if not may_see(identity, room):
        raise RefusedError(ErrorCode.FORBIDDEN, f"rooms that begin with {ADMIN_ROOMS!r} are for admins only")
