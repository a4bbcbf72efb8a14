"""`GET /`: a page to chat on, and the files it is made of. Speaks to this server alone, from wherever it is opened.

Plain HTML, CSS and JavaScript in `static/`, sent as they are. The page speaks the rooms protocol like any other
client: nothing here helps it.
"""

from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.staticfiles import StaticFiles

STATIC = Path(__file__).parent / "static"

HEADERS = {
    # Our own files and our own server, nothing inline. Trusted types make the browser refuse innerHTML and its like,
    # so a text that looks like HTML stays a text even where the page has a mistake.
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Ask each time, so that page and server are of one version; a file that did not change is answered with 304.
    "Cache-Control": "no-cache",
}

router = APIRouter(tags=["pages"])


@router.get("/", summary="Open the chat page", response_class=Response, responses={200: {"content": {"text/html": {}}}})
async def page(request: Request) -> Response:
    """Log in, talk in rooms and to people, read what was said: a page without a build step, to look at and to copy.

    It needs a browser of 2023 or newer, no network but this server, and works under any host name, over https too.
    """
    return await _file("index.html", request)


@router.get("/static/{name}", include_in_schema=False)
async def asset(name: str, request: Request) -> Response:
    """Send one of the files the page is made of."""
    return await _file(name, request)


async def _file(name: str, request: Request) -> Response:
    response = await StaticFiles(directory=STATIC).get_response(name, request.scope)
    response.headers.update(HEADERS)
    return response
