"""A chat on python-socketio: rooms, acknowledgements, and a door that opens for everybody but "nobody".

``python -m tests.support.socketio_chat PORT PING_S``; ends with its stdin.
"""

import asyncio
import os
import sys
from typing import Any

import socketio
import uvicorn


def application(ping_s: float) -> socketio.ASGIApp:
    """The same chat as peers_node/chat.js."""
    server = socketio.AsyncServer(async_mode="asgi", ping_interval=ping_s, ping_timeout=ping_s)

    @server.event  # type: ignore[untyped-decorator]
    async def connect(_sid: str, _environ: dict[str, Any], auth: dict[str, str]) -> None:
        if auth["token"] == "nobody":
            raise socketio.exceptions.ConnectionRefusedError("not you")

    @server.event  # type: ignore[untyped-decorator]
    async def join(sid: str, room: str) -> dict[str, str]:
        if room == "closed":
            return {"error": "this room is closed"}
        await server.enter_room(sid, room)
        return {"joined": room}

    @server.event  # type: ignore[untyped-decorator]
    async def message(_sid: str, said: dict[str, str]) -> dict[str, bool]:
        await server.emit("message", said, room=said["room"])
        return {"taken": True}

    return socketio.ASGIApp(server)


async def main(port: int, ping_s: float) -> None:
    """Serve until nobody is left who could want it."""
    config = uvicorn.Config(application(ping_s), host="127.0.0.1", port=port, log_level="warning")
    server = uvicorn.Server(config)

    def end() -> None:
        if not os.read(sys.stdin.fileno(), 1):
            server.should_exit = True

    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), end)
    await server.serve()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
