"""The application: every endpoint, and what they share.

Whatever else a server of yours should answer comes as a module of its own with a router,
added to the list below.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError

from target_app import (
    about,
    chat_socket,
    docs_page,
    echo,
    health,
    inspection,
    login,
    page,
    protected,
    rooms_api,
    rooms_socket,
    session_socket,
)
from target_app.body_limit import LimitBodies
from target_app.connection import OUTBOXES
from target_app.loop_lag import loop_lag
from target_app.middleware import StampAnswers
from target_app.problems import problems, say_that_it_cannot_be_read, say_what_is_away, say_what_is_wrong
from target_app.refusal import RefusedError
from target_app.services import Services, make_services
from target_app.settings import Settings
from target_app.storing import storing


def create_app(settings: Settings) -> FastAPI:
    """Make one app with a state of its own; its WebSockets need `target_app.server` below them."""
    services = make_services(settings)
    app = FastAPI(
        title=about.TITLE,
        description=about.DESCRIPTION,
        version=version("chatbench"),
        openapi_tags=about.TAGS,
        # FastAPI's own pages are fetched from elsewhere: `docs_page` takes their place.
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        responses={**problems(500)},
    )
    app.state.services = services
    app.add_exception_handler(RequestValidationError, say_what_is_wrong)
    app.add_exception_handler(RefusedError, say_what_is_away)
    app.add_exception_handler(HTTPStatus.BAD_REQUEST, say_that_it_cannot_be_read)
    # Whatever is added later lies further out.
    app.add_middleware(LimitBodies, body_bytes=settings.limits.body_bytes)
    app.add_middleware(StampAnswers, answered=services.metrics.answered)
    for module in (page, login, rooms_socket, rooms_api, chat_socket, protected, echo, inspection, health, docs_page):
        app.include_router(module.router)
    # The last: to it, /ws/anything is a session.
    app.include_router(session_socket.router)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    services: Services = app.state.services
    async with AsyncExitStack() as running:
        await running.enter_async_context(storing(services))
        await running.enter_async_context(loop_lag(services.metrics.lagged))
        if services.misfortune is not None:
            await running.enter_async_context(services.misfortune.running())
        # What is yielded here reaches each connection: ASGI's lifespan state.
        yield {OUTBOXES: services.outboxes}
