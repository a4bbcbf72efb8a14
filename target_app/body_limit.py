"""No body of a request is longer than the limit: 413, before anybody holds it in memory."""

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class LimitBodies:
    """Counts what comes in; what the client announces as its length may be a lie, or missing."""

    def __init__(self, app: ASGIApp, body_bytes: int) -> None:
        self._app = app
        self._body_bytes = body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        received_bytes = 0

        async def bounded() -> Message:
            nonlocal received_bytes
            message = await receive()
            received_bytes += len(message.get("body", b""))
            if received_bytes > self._body_bytes:
                # Raised where the endpoint reads, so it is answered like any other refusal of an endpoint.
                raise HTTPException(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A body may have {self._body_bytes} bytes at most"
                )
            return message

        await self._app(scope, bounded, send)
