"""What the server says of itself, for `/docs` and `/openapi.json`."""

TITLE = "chatbench reference server"

DESCRIPTION = """\
A chat server to read and to copy from, and what a load test of a chat server can be tried on.

Log in with `POST /login`, and show the token you get: over HTTP as `Authorization: Bearer TOKEN`; over a WebSocket \
as that header, as `?token=TOKEN`, or as the subprotocol `bearer.TOKEN`, which a browser can send and which stays out \
of every log of addresses.

Every answer carries `X-Request-ID` (yours, if you sent one), `X-Server-Time` and `Server-Timing`. Every refusal is \
JSON with a `detail`, and never repeats what was sent. No body may have more than 64 KiB (413).

A WebSocket that is refused is accepted first and then closed, because a client can read the code and the reason of a \
close, and nothing of a handshake that failed.\
"""

# In the order of the page.
TAGS = [
    {"name": "logging in", "description": "A name and a password for a token."},
    {"name": "rooms and people", "description": "What `/ws/rooms` is about: who is where, and what was said."},
    {"name": "sessions", "description": "What a client comes back to after its connection was lost. No login."},
    {"name": "looking at requests", "description": "What the server sees of a request. No login."},
    {"name": "health and figures", "description": "For those who run the server, and their programs. No login."},
    {"name": "pages", "description": "For people."},
]
