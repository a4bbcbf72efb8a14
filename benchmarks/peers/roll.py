"""All sides, in the order of the tables."""

from __future__ import annotations

from benchmarks.peers.others import artillery, k6, listening_floor, locust_websocket_client, tcpkali, websockets_reader
from benchmarks.peers.ours import chatbench, chatbench_locust, floor
from benchmarks.peers.side import Side

FLOOR = floor()
LISTENING_FLOOR = listening_floor()
OURS = chatbench("chatbench", package="picows")
OURS_IN_LOCUST = chatbench_locust()
K6_WS = k6("k6/ws", "ws.js")
LOCUST = locust_websocket_client()
READER = websockets_reader()

SIDES: tuple[Side, ...] = (
    FLOOR,
    OURS,
    chatbench("chatbench, websockets", "--transport", "websockets", package="websockets"),
    OURS_IN_LOCUST,
    READER,
    artillery(),
    K6_WS,
    k6("k6/experimental/websockets", "websockets.js"),
    LOCUST,
    tcpkali(),
)
