"""WebSocket connections by picows (Cython): the cheapest receive path there is for Python."""

from __future__ import annotations

import asyncio
import logging
import ssl
import sys

from picows import (
    WSCloseCode,
    WSError,
    WSFrame,
    WSHandshakeError,
    WSInvalidStatusError,
    WSListener,
    WSMsgType,
    WSTransport,
    ws_connect,
)

from loadgen.dialects import Opening
from loadgen.engine.clock import now_ns
from loadgen.engine.transport import Listener, Traffic
from loadgen.errors import ErrorKind, ServerError, kind_of_os_error, kind_of_status

# 2 KB instead of 16 KB keeps memory flat; the buffer grows with the frames that come.
READ_BUFFER_BYTES = 2048
MAX_FRAME_BYTES = 16 * 1024 * 1024

_NO_STATUS = 1005
_NO_CLOSE_FRAME = 1006


class _BugCatcher(logging.Handler):
    """Drops what picows logs of servers (that is counted), but not an exception of ours that it caught."""

    def emit(self, record: logging.LogRecord) -> None:
        error = sys.exception()
        if error is not None and not isinstance(error, (WSError, OSError)):
            asyncio.get_running_loop().call_exception_handler({"message": record.getMessage(), "exception": error})


def _logger() -> logging.Logger:
    logger = logging.Logger("chatbench.picows", logging.WARNING)
    logger.addHandler(_BugCatcher())
    return logger


class _Socket(WSListener):
    """A listener of picows that passes on to ours, and the connection that is handed out."""

    __slots__ = ("_listener", "_parts", "_receive", "_traffic", "_transport", "_user", "writable")

    def __init__(self, listener: Listener, traffic: Traffic) -> None:
        self._listener = listener
        self._receive = listener.receive
        self._user = listener.user
        self._traffic = traffic
        self._parts: bytearray | None = None  # of a message that comes in several frames
        self._transport: WSTransport | None = None
        self.writable = True

    # Hot: every delivery comes through here.
    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        now = now_ns()
        payload = frame.get_payload_as_bytes()
        traffic = self._traffic
        traffic.frames_received += 1
        traffic.bytes_received += len(payload)
        if frame.fin and self._parts is None and self._receive(self._user, payload, now):
            return
        self._on_other_frame(transport, frame, payload, now)

    def _on_other_frame(self, transport: WSTransport, frame: WSFrame, payload: bytes, now: int) -> None:
        kind = frame.msg_type
        if kind == WSMsgType.CLOSE:
            # Answered here, so that the code is known to both sides; picows then waits for the end.
            transport.send_close(frame.get_close_code())
            transport.disconnect()
            return
        if kind in (WSMsgType.PING, WSMsgType.PONG):
            return
        if kind == WSMsgType.CONTINUATION:
            if self._parts is None:
                transport.send_close(WSCloseCode.PROTOCOL_ERROR)
                transport.disconnect()
                return
            self._parts += payload
        elif not frame.fin:
            self._parts = bytearray(payload)
        if self._parts is not None:
            if len(self._parts) > MAX_FRAME_BYTES:
                transport.send_close(WSCloseCode.MESSAGE_TOO_BIG)
                transport.disconnect()
                return
            if not frame.fin:
                return
            payload, self._parts = bytes(self._parts), None
            if self._receive(self._user, payload, now):
                return
        self._listener.heard(payload, now)

    def on_ws_connected(self, transport: WSTransport) -> None:
        now = now_ns()
        self._transport = transport
        self._listener.opened(self, now)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        now = now_ns()
        if self._transport is None:
            return  # never opened: connect() raises
        self._transport = None
        received = transport.close_handshake.recv
        if received is None:
            self._listener.closed(_NO_CLOSE_FRAME, "", now)
        else:
            # A code of an application is no member of picows' enum, but a plain number.
            code = received.code.value if isinstance(received.code, WSCloseCode) else int(received.code)
            self._listener.closed(code or _NO_STATUS, received.reason or "", now)

    def pause_writing(self) -> None:
        self.writable = False

    def resume_writing(self) -> None:
        self.writable = True

    def send(self, frame: bytes) -> None:
        if self._transport is not None:
            self._transport.send(WSMsgType.TEXT, frame)
            self._traffic.frames_sent += 1
            self._traffic.bytes_sent += len(frame)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.send_close(WSCloseCode.OK)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.disconnect(graceful=False)


class PicowsTransport:
    """Implements :class:`loadgen.engine.transport.Transport`."""

    def __init__(
        self, base_url: str, headers: tuple[tuple[str, str], ...], *, verify_tls: bool, timeout_s: float
    ) -> None:
        """``base_url`` starts with http:// or https://; ``headers`` go into every handshake."""
        self._base_url = "ws" + base_url.removeprefix("http")
        self._headers = headers
        self._timeout_s = timeout_s
        self.traffic = Traffic()
        self.handshake_headers: dict[str, str] = {}
        self._logger = _logger()
        self._ssl: ssl.SSLContext | None = None
        if self._base_url.startswith("wss"):
            self._ssl = ssl.create_default_context()
            if not verify_tls:
                self._ssl.check_hostname = False
                self._ssl.verify_mode = ssl.CERT_NONE

    async def connect(self, opening: Opening, listener: Listener) -> None:
        """See :class:`loadgen.engine.transport.Transport`."""
        headers = [*self._headers, *opening.headers]
        if opening.subprotocols:
            headers.append(("Sec-WebSocket-Protocol", ", ".join(opening.subprotocols)))
        try:
            # Twice the time: picows limits the handshake, this limits TCP and TLS before it.
            async with asyncio.timeout(2 * self._timeout_s):
                transport, _ = await ws_connect(
                    lambda: _Socket(listener, self.traffic),
                    self._base_url + opening.path,
                    ssl_context=self._ssl,
                    websocket_handshake_timeout=self._timeout_s,
                    logger_name=self._logger,
                    extra_headers=headers,
                    max_frame_size=MAX_FRAME_BYTES,
                    max_redirects=0,  # a server must not send our load elsewhere
                    read_buffer_init_size=READ_BUFFER_BYTES,
                    use_aiofastnet=False,
                )
        except (OSError, WSError) as error:
            raise ServerError(_kind_of(error), _example_of(error)) from error
        if not self.handshake_headers:
            response = transport.response.headers
            self.handshake_headers = {name.lower(): value for name, value in response.items()}
        # picows keeps the headers of every handshake for as long as the connection lives: 2.1 KB a socket.
        transport.request.headers.clear()
        transport.response.headers.clear()


def _kind_of(error: OSError | WSError) -> ErrorKind:
    match error:
        case WSInvalidStatusError() if error.response is not None:
            return kind_of_status(int(error.response.status))
        case WSHandshakeError():
            return ErrorKind.BAD_HANDSHAKE
        case WSError():
            return ErrorKind.PROTOCOL
        case _:
            return kind_of_os_error(error)


def _example_of(error: OSError | WSError) -> str:
    text = str(error) or type(error).__name__
    if isinstance(error, WSHandshakeError) and error.raw_body:
        text += ": " + bytes(error.raw_body).decode(errors="replace")
    return text
