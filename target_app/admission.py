"""Who may open a WebSocket: the page it comes from, the token it shows, how many it has already.

A refused socket is accepted first and then closed: closed before that, the client sees HTTP 403 and never the reason.
"""

from fastapi import WebSocket

from target_app.connection import POLICY_VIOLATION, outbox_of
from target_app.origins import is_allowed
from target_app.services import Services
from target_app.tokens import Identity, InvalidTokenError

SUBPROTOCOL_PREFIX = "bearer."

_FOREIGN = "Forbidden: foreign origin"


async def admit(websocket: WebSocket, services: Services) -> Identity | None:
    """Accept a WebSocket and say who it speaks for; None when it was refused, and is closed already.

    The token stands in the query, after `Bearer`, or in a subprotocol `bearer.TOKEN`.
    """
    identity, refusal = _identify(websocket, services)
    misfortune = services.misfortune
    if identity is not None and misfortune is not None and misfortune.never_answers(identity.user):
        await _until_it_gives_up(websocket)
        return None
    await websocket.accept(_bearer_subprotocol(websocket))
    # Counted as late as possible: from here to `conversation`, which counts this one, nothing else gets a turn.
    if identity is not None and _has_too_many(identity, services):
        identity, refusal = None, "Too many connections"
    if identity is None:
        outbox_of(websocket).close(POLICY_VIOLATION, refusal)
    return identity


async def admit_stranger(websocket: WebSocket, services: Services) -> bool:
    """Accept a WebSocket that needs no token; False when its page is foreign, and it is closed already."""
    await websocket.accept()
    if _is_from_our_pages(websocket, services):
        return True
    outbox_of(websocket).close(POLICY_VIOLATION, _FOREIGN)
    return False


def _identify(websocket: WebSocket, services: Services) -> tuple[Identity | None, str]:
    if not _is_from_our_pages(websocket, services):
        return None, _FOREIGN
    shown = _tokens_of(websocket)
    if not shown:
        return None, "Unauthorized: No token provided"
    if len(shown) > 1:
        # Which of them would count? Whoever guesses, guesses wrong for somebody.
        return None, "Unauthorized: several tokens"
    try:
        return services.tokens.verify(shown.pop()), ""
    except InvalidTokenError:
        return None, "Unauthorized"


def _has_too_many(identity: Identity, services: Services) -> bool:
    return services.connections_of[identity.user] >= services.settings.limits.connections_per_user


def _is_from_our_pages(websocket: WebSocket, services: Services) -> bool:
    origins = websocket.headers.getlist("origin")
    if len(origins) > 1:
        return False
    return is_allowed(origins[0] if origins else None, websocket.headers.get("host"), services.settings.origins)


def _tokens_of(websocket: WebSocket) -> set[str]:
    shown = set(websocket.query_params.getlist("token"))
    for header in websocket.headers.getlist("authorization"):
        scheme, _, credentials = header.partition(" ")
        if scheme.lower() == "bearer":
            shown.add(credentials.strip())
    offered: list[str] = websocket.scope["subprotocols"]
    shown |= {name.removeprefix(SUBPROTOCOL_PREFIX) for name in offered if name.startswith(SUBPROTOCOL_PREFIX)}
    return shown - {""}


def _bearer_subprotocol(websocket: WebSocket) -> str | None:
    # A browser can set no header on a WebSocket, but it can name subprotocols; one of them has to be chosen.
    offered: list[str] = websocket.scope["subprotocols"]
    return next((name for name in offered if name.startswith(SUBPROTOCOL_PREFIX)), None)


async def _until_it_gives_up(websocket: WebSocket) -> None:
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
