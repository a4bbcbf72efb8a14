"""`GET /docs`: every endpoint on one page that needs no network and no script.

FastAPI's own page is fetched from elsewhere, and knows no WebSockets.
"""

import base64
import hashlib

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from target_app.openapi_view import sections
from target_app.socket_guide import common_closes, socket_guides

router = APIRouter(tags=["pages"])


# Not `response_class=HTMLResponse`: that would have the refusals be pages, too.
@router.get("/docs", summary="Read this page", response_class=Response, responses={200: {"content": {"text/html": {}}}})
async def docs(request: Request) -> HTMLResponse:
    """Describe every endpoint, and what is spoken over each WebSocket; programs read `/openapi.json`."""
    environment = Environment(
        loader=PackageLoader("target_app"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    document = request.app.openapi()
    style = environment.get_template("docs.css").render()
    page = environment.get_template("docs.html.j2").render(
        info=document["info"],
        sections=sections(document),
        sockets=socket_guides(),
        common_closes=common_closes(),
        style=style,
    )
    # The one style is known by its hash; nothing else may be loaded, run or sent.
    known = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{known}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return HTMLResponse(page, headers={"Content-Security-Policy": policy})
