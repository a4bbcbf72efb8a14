"""A chat with one room: what anybody says, everybody hears.

    uvicorn chat:app

WS /ws takes and sends plain text; nobody logs in.
"""

import asyncio

from fastapi import FastAPI, WebSocket, WebSocketDisconnect


class Room:
    """Who is connected."""

    def __init__(self) -> None:
        self.people: set[WebSocket] = set()

    async def say(self, text: str) -> None:
        """Send ``text`` to everybody; who has gone meanwhile is not waited for."""
        await asyncio.gather(*(person.send_text(text) for person in self.people), return_exceptions=True)


app = FastAPI()
room = Room()


@app.websocket("/ws")
async def chat(websocket: WebSocket) -> None:
    """Hear, and be heard, until the socket closes."""
    await websocket.accept()
    room.people.add(websocket)
    try:
        while True:
            await room.say(await websocket.receive_text())
    except WebSocketDisconnect:
        pass
    finally:
        room.people.discard(websocket)
