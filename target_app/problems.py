"""What an endpoint answers where it does not do what it was asked: one shape for all, and the words for /docs."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from target_app.refusal import RefusedError

MEANINGS = {
    401: "No login, or a wrong or expired one.",
    403: "You are known, and may not do this.",
    404: "There is no such thing.",
    413: "The body is larger than the server takes.",
    422: "Something has the wrong form; `detail` says which field, and never repeats what was sent.",
    429: "Too many attempts; `Retry-After` says how many seconds to wait.",
    500: "A fault of ours. Quote the `X-Request-ID` of the answer: the log says more under that id.",
    503: "Something the server depends on is not there just now; `/healthz` says what.",
}


class Problem(BaseModel):
    """Why a request was refused."""

    detail: str = Field(description="For people to read.")


class WrongField(BaseModel):
    """One thing that has the wrong form."""

    type: str = Field(description="Which rule it breaks, for programs: `missing`, `int_parsing`, ...")
    loc: list[str | int] = Field(description="Where it is: `body`, `query` or `path`, then the way down to the field.")
    msg: str = Field(description="What is wrong with it, for people.")


class WrongFields(BaseModel):
    """Everything about a request that has the wrong form."""

    detail: list[WrongField]


def problems(*statuses: int) -> Mapping[int | str, dict[str, Any]]:
    """Return what `responses=` wants, for the statuses an endpoint may answer with."""
    return {status: _told(status) for status in statuses}


def _told(status: int) -> dict[str, Any]:
    told: dict[str, Any] = {"model": WrongFields if status == 422 else Problem, "description": MEANINGS[status]}
    if status == 429:
        seconds = {"description": "Seconds to wait.", "required": True, "schema": {"type": "integer", "minimum": 1}}
        told["headers"] = {"Retry-After": seconds}
    return told


async def say_what_is_wrong(_: Request, error: Exception) -> JSONResponse:
    """Answer 422 without FastAPI's quote of the input: a password, or text that no UTF-8 can carry."""
    assert isinstance(error, RequestValidationError)
    detail = [{"type": e["type"], "loc": e["loc"], "msg": e["msg"]} for e in error.errors()]
    return JSONResponse({"detail": detail}, status_code=422)


async def say_what_is_away(_: Request, error: Exception) -> JSONResponse:
    """Answer 503 where another server of this chat would have to be asked, and cannot be."""
    assert isinstance(error, RefusedError)
    return JSONResponse({"detail": error.detail}, status_code=503)


async def say_that_it_cannot_be_read(_: Request, __: Exception) -> JSONResponse:
    """Answer 422 where FastAPI says 400: the body is no UTF-8, or a tower of brackets. To a client it is one thing."""
    detail = [{"type": "json_invalid", "loc": ["body"], "msg": "The body cannot be read as JSON"}]
    return JSONResponse({"detail": detail}, status_code=422)
