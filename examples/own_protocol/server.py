"""A small chat with a protocol that nobody else speaks.

    python server.py --port 0

POST /enter with a form of nick and pass: 204 and a cookie named seat, 403 where one of them is empty.
WS /line?v=3 with that cookie. A frame holds one line or several; the fields of a line stand between bars.

    server                      client
    HELLO|nick                                              to whoever has connected
    IN|room                     JOIN|room
    MSG|room|nick|text          SAY|number|room|text        to everybody in the room, the sender too
    TAKEN|number                                            of a message, to its sender
    NO|why                                                  to whoever has said something odd
    ?                           !                           five without an answer, and the server hangs up
"""

import argparse
import asyncio
import contextlib
import html
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import WSMsgType, web

MOST_UNANSWERED = 5

# What some servers do to a text on its way.
CHANGES: dict[str, Callable[[str], str]] = {
    "nothing": lambda text: text,
    "html": lambda text: html.escape(text).replace(" ", "&nbsp;"),
    "entities": lambda text: "".join(f"&#{ord(character)};" for character in text),
    "shorten": lambda text: text[:100],
    "capitals": str.upper,
}


@dataclass(eq=False, slots=True)
class Person:
    """Somebody who is connected."""

    nick: str
    socket: web.WebSocketResponse
    unanswered_count: int = 0

    async def hear(self, *lines: str) -> None:
        """Send lines in one frame; who has gone meanwhile hears nothing."""
        with contextlib.suppress(ConnectionError):
            await self.socket.send_str("\n".join(lines))


class Chat:
    """Who may come in, and who is in which room."""

    def __init__(self, ping_every_s: float, change: Callable[[str], str]) -> None:
        self._ping_every_s = ping_every_s
        self._change = change
        self._seats: dict[str, str] = {}
        self._rooms: dict[str, set[Person]] = {}

    async def enter(self, request: web.Request) -> web.Response:
        """Log in."""
        form = await request.post()
        if not form.get("nick") or not form.get("pass"):
            raise web.HTTPForbidden(text="nick and pass, please")
        seat = secrets.token_hex(16)
        self._seats[seat] = str(form["nick"])
        answer = web.Response(status=204)
        answer.set_cookie("seat", seat)
        return answer

    async def line(self, request: web.Request) -> web.WebSocketResponse:
        """One connection, from its beginning to its end."""
        if request.query.get("v") != "3":
            raise web.HTTPBadRequest(text="this is version 3: v=3")
        nick = self._seats.get(request.cookies.get("seat", ""))
        if nick is None:
            raise web.HTTPUnauthorized(text="take a seat first")
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        person = Person(nick, socket)
        pinging = asyncio.create_task(self._ping(person))
        try:
            await person.hear(f"HELLO|{nick}")
            async for frame in socket:
                if frame.type is WSMsgType.TEXT:
                    for said in frame.data.splitlines():
                        await self._take(person, said)
        finally:
            pinging.cancel()
            for room in self._rooms.values():
                room.discard(person)
        return socket

    async def _ping(self, person: Person) -> None:
        while person.unanswered_count < MOST_UNANSWERED:
            await asyncio.sleep(self._ping_every_s)
            person.unanswered_count += 1
            await person.hear("?")
        await person.socket.close(code=4008, message=b"you do not answer")

    async def _take(self, person: Person, said: str) -> None:
        match said.split("|", 3):
            case ["JOIN", room]:
                self._rooms.setdefault(room, set()).add(person)
                await person.hear(f"IN|{room}")
            case ["SAY", number, room, text] if person in self._rooms.get(room, ()):
                message = f"MSG|{room}|{person.nick}|{self._change(text)}"
                others = self._rooms[room] - {person}
                await asyncio.gather(person.hear(f"TAKEN|{number}", message), *(each.hear(message) for each in others))
            case ["SAY", _, room, _]:
                await person.hear(f"NO|you are not in {room}")
            case ["!"]:
                person.unanswered_count = 0
            case _:
                await person.hear(f"NO|what is {said[:40]}?")


async def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8000, help="0: any free one")
    parser.add_argument("--ping-every", type=float, default=10.0, metavar="SECONDS")
    parser.add_argument("--change", choices=CHANGES, default="nothing", help="what becomes of each text")
    flags = parser.parse_args()
    chat = Chat(flags.ping_every, CHANGES[flags.change])
    app = web.Application()
    app.add_routes([web.post("/enter", chat.enter), web.get("/line", chat.line)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", flags.port)
    await site.start()
    host, port = runner.addresses[0][:2]
    print(f"http://{host}:{port}", flush=True)  # noqa: T201 - where it is
    await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
