"""What a first chat with FastAPI looks like: one room, and ``await send_text`` to each in turn, on the same uvicorn.

One reader that stops reading stops the room; that aside, it is fast, and what isolation may cost is measured beside it.
"""

import argparse
import asyncio
import json
import os
import sys
import threading

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from target_app.server import BACKLOG, listen, raise_descriptor_limit


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--exit-with-stdin", action="store_true")
    listener = listen("127.0.0.1", parser.parse_args().port)
    raise_descriptor_limit()
    server = uvicorn.Server(
        uvicorn.Config(
            an_app(),
            http="httptools",
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            ws_ping_interval=None,
            backlog=BACKLOG,
            access_log=False,
            log_level="error",
        )
    )

    def stop_with_stdin() -> None:
        while os.read(0, 4096):
            pass
        server.should_exit = True

    threading.Thread(target=stop_with_stdin, daemon=True).start()
    print(json.dumps({"ready": True, "url": f"http://127.0.0.1:{listener.getsockname()[1]}", "pid": os.getpid()}))
    sys.stdout.flush()
    asyncio.run(server.serve(sockets=[listener]))


def an_app() -> FastAPI:
    """The whole of it."""
    app = FastAPI()
    connections: list[WebSocket] = []

    @app.websocket("/ws")
    async def chat(websocket: WebSocket, name: str) -> None:
        await websocket.accept()
        connections.append(websocket)
        try:
            while True:
                text = await websocket.receive_text()
                for each in connections:
                    await each.send_text(f"{name}: {text}")
        except WebSocketDisconnect:
            connections.remove(websocket)

    return app


if __name__ == "__main__":
    main()
