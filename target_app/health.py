"""`GET /healthz` and `GET /metrics`: whether the server is there, and what it carries."""

import time
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from target_app.metrics import CONTENT_TYPE
from target_app.services import Shared

router = APIRouter(tags=["health and figures"])


class Health(BaseModel):
    """What a probe wants to know at a glance."""

    status: Literal["ok", "degraded"]
    reason: str | None = Field(default=None, description="What is degraded; left out while all is well.")
    connections: int = Field(description="Open WebSockets, whichever endpoint they talk to.")
    rooms: int = Field(description="Rooms with members, or with messages.")
    uptime_s: float
    faults: list[str] | None = Field(
        default=None, description="What goes wrong on purpose; left out by a server that does its best."
    )


@router.get("/healthz", summary="See whether the server is well", response_model_exclude_none=True)
async def health(services: Shared) -> Health:
    """Answer at once, without waiting for anything that a busy server is busy with.

    200 whenever the server can answer, `degraded` too: it still serves whoever is connected, and a restart would
    not mend what it depends on.
    """
    reasons = [reason for look in services.worries if (reason := look()) is not None]
    return Health(
        status="degraded" if reasons else "ok",
        reason="; ".join(reasons) or None,
        connections=len(services.outboxes.open),
        rooms=len(services.rooms),
        uptime_s=round((time.monotonic_ns() - services.started_ns) / 1e9, 3),
        faults=None if services.misfortune is None else services.misfortune.faults.texts(),
    )


# Not `response_class=PlainTextResponse`: that would have the refusals be texts, too.
@router.get(
    "/metrics", summary="Read the figures", response_class=Response, responses={200: {"content": {"text/plain": {}}}}
)
async def metrics(services: Shared) -> Response:
    """Return figures in Prometheus' text format: connections, rooms, messages, what waits, how late we are.

    They name no user and no room. All the same, a server on the open internet keeps this path for its own network.
    """
    return Response(services.metrics.text(), media_type=CONTENT_TYPE)
