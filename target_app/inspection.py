"""`POST /submit`, `GET /items/`, `GET /items/{item_id}`: what the server sees of a request."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from target_app.problems import problems

router = APIRouter(tags=["looking at requests"])

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class Submission(BaseModel):
    """A request as it arrived."""

    method: str
    url: str = Field(description="Whole, with its query.")
    user_agent: str | None = Field(description="Null where the client did not say.")
    query_params: dict[str, str | list[str]] = Field(description="A name that came more than once has a list.")
    cookies: dict[str, str]
    data: Any = Field(description="The JSON, or the fields of the form; null where the body is neither.")


class Client(BaseModel):
    """Who asks."""

    client_host: str | None = Field(description="The address at the other end; that of a proxy, if one is between.")


@router.post(
    "/submit",
    summary="Have a request read back",
    response_model=Submission,
    responses={**problems(413)},
    openapi_extra={
        "requestBody": {
            "description": "Anything: JSON, a form (URL-encoded or multipart), or neither.",
            "content": {kind: {} for kind in ("application/json", *_FORMS)},
        }
    },
)
async def submit(request: Request) -> JSONResponse:
    """Say what arrived: to see what a client, or a proxy on the way, makes of a request.

    The type of the body is believed: only what calls itself JSON is read as JSON, and what does not parse is null.
    A file in a form is told by its name, type and size.
    """
    seen = {
        "method": request.method,
        "url": str(request.url),
        "user_agent": request.headers.get("user-agent"),
        "query_params": _grouped(request.query_params.multi_items()),
        "cookies": request.cookies,
    }
    try:
        return JSONResponse({**seen, "data": await _data(request)})
    # JSON can spell what no JSON can answer: half a surrogate pair, 1e999, a tower of brackets.
    except (ValueError, RecursionError):
        return JSONResponse({**seen, "data": None})


@router.get("/items/", summary="See your address")
async def items(request: Request) -> Client:
    """Say where the request came from, as the server sees it: behind a proxy, that is the proxy."""
    return _client(request)


@router.get("/items/{item_id}", summary="See your address, for one item", responses={**problems(422)})
async def item(
    request: Request, item_id: Annotated[int, Path(description="Any whole number: there are no items.")]
) -> Client:
    """Say where the request came from, if it asks for a whole number; 422 otherwise."""
    return _client(request)


def _client(request: Request) -> Client:
    return Client(client_host=None if request.client is None else request.client.host)


async def _data(request: Request) -> Any:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in _FORMS:
        return await _form(request)
    return await request.json() if kind == "application/json" or kind.endswith("+json") else None


async def _form(request: Request) -> dict[str, Any]:
    try:
        async with request.form() as form:
            return _grouped([(name, _told(value)) for name, value in form.multi_items()])
    except HTTPException as error:
        if error.status_code != HTTPStatus.BAD_REQUEST:
            raise
        raise ValueError("not a form") from error


def _told(value: str | UploadFile) -> Any:
    if isinstance(value, str):
        return value
    return {"filename": value.filename, "content_type": value.content_type, "size_bytes": value.size}


def _grouped(items: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    lists: dict[str, list[Any]] = {}
    for name, value in items:
        lists.setdefault(name, []).append(value)
    return {name: values if len(values) > 1 else values[0] for name, values in lists.items()}
