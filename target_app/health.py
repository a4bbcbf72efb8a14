"""`GET /healthz`: whether the server is there, and what it carries."""

import time

from fastapi import APIRouter
from pydantic import BaseModel

from target_app.services import Shared

router = APIRouter()


class Health(BaseModel):
    """What a probe wants to know at a glance."""

    status: str
    # Open WebSockets, whichever endpoint they talk to.
    connections: int
    rooms: int
    uptime_s: float
    # What goes wrong on purpose; left out of the answer of a server that does its best.
    faults: list[str] | None = None


@router.get("/healthz", response_model_exclude_none=True)
async def health(services: Shared) -> Health:
    """Answer at once: this must not wait for anything a busy server is busy with."""
    return Health(
        status="ok",
        connections=len(services.outboxes.open),
        rooms=len(services.rooms),
        uptime_s=round((time.monotonic_ns() - services.started_ns) / 1e9, 3),
        faults=None if services.misfortune is None else services.misfortune.faults.texts(),
    )
