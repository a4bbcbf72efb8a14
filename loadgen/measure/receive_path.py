"""The receive path: every delivery comes through here, and is noted in the log of its message."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from loadgen.measure import marker

Receive = Callable[[int, bytes, int], bool]
"""(user, payload, now_ns) -> whether it was a message of this run."""

_NEVER_NS = np.iinfo(np.int64).max


class ReceivePath:
    """Knows of each open message where an arrival is noted. Times are monotonic ns."""

    def __init__(self, prefix: bytes, slow_path: Receive, on_due: Callable[[], None]) -> None:
        """``prefix`` is what the run's markers start with.

        ``slow_path`` is called with each frame that holds several markers, or one that is not open; ``on_due`` by the
        first delivery at the time that was said by :meth:`remind`, or later.
        """
        self.logs: dict[bytes, list[int]] = {}
        """Marker -> where an arrival is noted: its time, its receiver."""
        self._forget_latest: Callable[[], None] = lambda: None
        self._due_ns = [_NEVER_NS]
        self.receive: Receive = self._made(prefix, slow_path, on_due)
        """Called with user, payload and the time it was complete. False where it holds no marker of this run."""
        self._prefix = prefix
        self._on_due = on_due

    # --- for who reads many sockets in a row that have the same to read: 0.15 us less for each than ``receive`` -------

    def log_of(self, payload: bytes) -> list[int] | None:
        """Where an arrival of these bytes is noted: its time, then its user. None where ``receive`` must be asked.

        It holds until messages are settled or news are heard: ask again in each turn of the event loop.
        """
        at = payload.find(self._prefix)
        end = at + marker.WIDTH
        if at < 0 or payload.find(self._prefix, end) >= 0:
            return None
        return self.logs.get(payload[at:end])

    @property
    def due_ns(self) -> int:
        """Whoever notes an arrival at this time or later must call :meth:`be_due`."""
        return self._due_ns[0]

    def be_due(self) -> None:
        """Something else was to be done by now."""
        self._due_ns[0] = _NEVER_NS
        self._on_due()

    # --- one by one -------------------------------------------------------------------------------------------------

    def _made(self, prefix: bytes, slow_path: Receive, on_due: Callable[[], None]) -> Receive:
        width = marker.WIDTH
        log_of = self.logs.get
        due_ns = self._due_ns
        # One message comes to all of its room, mostly in one burst and in the same bytes. To compare a frame with the
        # latest costs 0.03 us, and to find the marker and look it up 0.37 us.
        latest: bytes | None = None
        latest_log: list[int] = []

        # Hot: every delivery comes through here. One function for all users, not a closure for each: what is
        # shared stays in the processor's cache (0.15 us of 4.3 us a delivery, 500 sockets).
        def receive(user: int, payload: bytes, now_ns: int) -> bool:
            nonlocal latest, latest_log
            if payload != latest:
                at = payload.find(prefix)
                if at < 0:
                    return False
                end = at + width
                log = log_of(payload[at:end])
                # The marker is the last thing in the text, so a second message in the frame is rarely looked for.
                if log is None or (len(payload) - end >= width and payload.find(prefix, end) >= 0):
                    return slow_path(user, payload, now_ns)
                latest, latest_log = payload, log
            # A list takes an int in 0.015 us, an array in 0.12 us; to make an array of the list takes 0.025 us later.
            latest_log.append(now_ns)
            latest_log.append(user)
            if now_ns >= due_ns[0]:  # 0.03 us
                due_ns[0] = _NEVER_NS
                on_due()
            return True

        def forget_latest() -> None:
            nonlocal latest
            latest = None

        self._forget_latest = forget_latest
        return receive

    def remind(self, at_ns: int | None) -> None:
        """Have ``on_due`` called by the first delivery at or after ``at_ns``, once; None: by none.

        A hundred sockets that are ready at once are read one after the other, for milliseconds, before the event loop
        looks at its alarms again. What is due meanwhile need not wait for that.
        """
        self._due_ns[0] = _NEVER_NS if at_ns is None else at_ns

    def close(self, texts: Iterable[bytes]) -> None:
        """Note no more of these markers: a further copy must not be noted where nobody looks."""
        for text in texts:
            del self.logs[text]
        self._forget_latest()


class HistoryApart:
    """The receive path where history is read, which costs 0.1 us more a delivery: parts of it are no deliveries."""

    def __init__(self, prefix: bytes, receive: Receive, read: Callable[[int, bytes, int], None], layers: int) -> None:
        """``receive`` takes what is live, ``read`` what is history; a user is in as many rooms as there are layers."""
        self._prefix = prefix
        self._receive = receive
        self._read = read
        self._layers = layers
        self._last_frames: dict[int | tuple[int, bytes], bytes] = {}

    def told_by(self, is_history: Callable[[bytes], bool]) -> Receive:
        """It says False to a part of the history, too: the dialect may want to ask for the next."""
        receive, read, last_frames = self._receive, self._read, self._last_frames
        several = self._layers > 1
        prefix, receiver_at = self._prefix, marker.RECEIVER_AT

        def receive_or_read(user: int, payload: bytes, now_ns: int) -> bool:
            if is_history(payload):
                read(user, payload, now_ns)
                return False
            if receive(user, payload, now_ns):
                if several:
                    at = payload.rfind(prefix)
                    last_frames[user, payload[at + receiver_at.start : at + receiver_at.stop]] = payload
                else:
                    last_frames[user] = payload
                return True
            return False

        return receive_or_read

    def last_frame(self, user: int, layer: int) -> bytes | None:
        """The last live frame with a message for one of our users in a room of its.

        With one room a user, direct messages are among them.
        """
        return self._last_frames.get(user) or self._last_frames.get((user, marker.receiver_text(layer)))
