"""What `GET /metrics` looks up when it is asked, because somebody keeps that book anyway."""

from collections.abc import Iterator, Sized

from target_app.metrics import Figure
from target_app.nodes.node import Node
from target_app.outbox import Outboxes
from target_app.writer import Writer


def figures(outboxes: Outboxes, rooms: Sized, sessions: Sized) -> Iterator[Figure]:
    """Yield the figures of one app."""
    yield Figure("chat_connections", "Open WebSockets.", lambda: len(outboxes.open))
    yield Figure("chat_rooms", "Rooms with members, or with messages.", lambda: len(rooms))
    yield Figure("chat_sessions", "Sessions a client can connect to.", lambda: len(sessions))
    yield Figure("chat_sends_total", "Frames handed to connections.", lambda: outboxes.sent_frame_count)
    yield Figure(
        "chat_slow_reader_closes_total",
        "Connections closed since their readers were too slow.",
        lambda: outboxes.slow_reader_close_count,
    )
    yield Figure(
        "chat_turned_away_total",
        "Connections that there was no room for.",
        lambda: outboxes.turned_away_count,
    )
    # A walk over all outboxes, 1 ms for 10,000 of them: cheaper at each look than a count at each frame.
    yield Figure(
        "chat_outbox_waiting_frames",
        "Frames that wait for readers who are behind.",
        lambda: sum(outbox.waiting_frame_count for outbox in outboxes.open),
    )
    yield Figure(
        "chat_outbox_waiting_bytes",
        "Bytes of those frames.",
        lambda: sum(outbox.waiting_bytes for outbox in outboxes.open),
    )


def node_figures(node: Node) -> Iterator[Figure]:
    """Yield the figures of a server that is one of several."""
    yield Figure("chat_nodes", "Other servers of this chat that are known.", lambda: node.other_count)
    yield Figure("chat_bus_up", "1 while other servers can be reached.", lambda: int(node.is_connected))
    yield Figure("chat_rooms_at_home", "Rooms whose messages are numbered here.", lambda: node.home_count)
    yield Figure("chat_rooms_followed", "Rooms with members here, numbered elsewhere.", lambda: node.followed_count)


def store_figures(writer: Writer) -> Iterator[Figure]:
    """Yield the figures of what is kept."""
    yield Figure("chat_store_waiting_messages", "Messages that are not stored yet.", lambda: writer.waiting_count)
    yield Figure("chat_store_messages_total", "Messages that were stored.", lambda: writer.stored_count)
    yield Figure("chat_store_errors_total", "Messages that could not be stored.", lambda: writer.failed_count)
