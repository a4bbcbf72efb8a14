"""The application: every endpoint, and what they share.

Direct messages, typing, history, presence, roles, metrics and the page each come
as a module of their own with a router, added to the list below.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from target_app import chat_socket, echo, health, login, rooms_socket
from target_app.connection import OUTBOXES
from target_app.services import Services, make_services
from target_app.settings import Settings


def create_app(settings: Settings) -> FastAPI:
    """Make one app with a state of its own; its WebSockets need `target_app.server` below them."""
    # No documentation page: it would be fetched from elsewhere.
    app = FastAPI(title="chatbench reference server", docs_url=None, redoc_url=None, lifespan=_lifespan)
    app.state.services = make_services(settings)
    app.add_exception_handler(RequestValidationError, _say_what_is_wrong)
    for module in (login, rooms_socket, chat_socket, echo, health):
        app.include_router(module.router)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    services: Services = app.state.services
    async with nullcontext() if services.misfortune is None else services.misfortune.running():
        # What is yielded here reaches each connection: ASGI's lifespan state.
        yield {OUTBOXES: services.outboxes}


async def _say_what_is_wrong(_: Request, error: Exception) -> JSONResponse:
    # FastAPI's own answer quotes the input: here that is a password, or text that no UTF-8 can carry.
    assert isinstance(error, RequestValidationError)
    detail = [{"type": e["type"], "loc": e["loc"], "msg": e["msg"]} for e in error.errors()]
    return JSONResponse({"detail": detail}, status_code=422)
