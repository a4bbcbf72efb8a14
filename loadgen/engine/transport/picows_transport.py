"""WebSocket connections by picows (Cython): the cheapest receive path there is for Python."""

from __future__ import annotations

import asyncio
import logging
import select
import socket as sockets
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from picows import (
    WSCloseCode,
    WSError,
    WSFrame,
    WSHandshakeError,
    WSListener,
    WSMsgType,
    WSParsedURL,
    WSProtocolError,
    WSTransport,
    ws_connect,
)

from loadgen.dialects import Opening
from loadgen.engine.clock import now_ns
from loadgen.engine.dial import dialled
from loadgen.engine.tls import tls_context
from loadgen.engine.transport import MAX_FRAME_BYTES, Listener, Traffic
from loadgen.engine.transport.bounds import Turn, Unfinished
from loadgen.engine.transport.handshake import failed, hung_up, kind_of_answer
from loadgen.engine.transport.reader import Reader, frame_bytes
from loadgen.engine.transport.sips import SIP_BYTES, Sips
from loadgen.errors import ServerError
from loadgen.plan.access import DIRECT, Access

# 2 KB instead of 16 KB keeps memory flat; the buffer grows with the frames that come.
READ_BUFFER_BYTES = 2048
# A frame of this size leaves a buffer behind that as many small frames could fill as well.
LARGE_BYTES = 256 * 1024

# RFC 6455, 5.5
_MOST_OF_CONTROL_BYTES = 125
_OF_CONTROL = (WSMsgType.PING, WSMsgType.PONG, WSMsgType.CLOSE)

# To be connected; then picows' own limit comes first, which closes the socket. Ours would leave it open for as long.
_REACHING_S = 0.25

_NO_STATUS = 1005
_NO_CLOSE_FRAME = 1006
# What picows sends where it, or we, found a fault.
_FAULTS = (
    WSCloseCode.PROTOCOL_ERROR,
    WSCloseCode.INVALID_TEXT,
    WSCloseCode.MESSAGE_TOO_BIG,
    WSCloseCode.INTERNAL_ERROR,
)


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


def _take_nothing(_user: int, _payload: bytes, _now_ns: int) -> bool:
    """Stands in for ``receive`` once a connection has ended: what still lies in the buffer is dropped."""
    return True


class _Socket(WSListener):
    """A listener of picows that passes on to ours, and the connection that is handed out."""

    __slots__ = (
        "_fd",
        "_handshake_headers",
        "_is_held",
        "_kind",
        "_listener",
        "_parts",
        "_reader",
        "_reads_no_more",
        "_sips",
        "_traffic",
        "_transport",
        "_turn",
        "_unanswered",
        "_unfinished",
        "is_between_frames",
        "is_too_late",
        "receive",
        "receive_path",
        "user",
        "was_opened",
        "writable",
    )

    def __init__(
        self,
        listener: Listener,
        traffic: Traffic,
        handshake_headers: dict[str, str],
        reader: Reader | None,
        turn: Turn,
        unfinished: Unfinished,
        *,
        is_binary: bool,
    ) -> None:
        """``handshake_headers`` are filled in by the first that is opened; ``reader`` reads in place of picows."""
        self._turn = turn
        self._unfinished = unfinished
        self._is_held = self._reads_no_more = False
        self._sips: Sips | None = None
        self._kind = WSMsgType.BINARY if is_binary else WSMsgType.TEXT  # of what is sent
        self._listener = listener
        self.receive = listener.receive
        self.receive_path = listener.receive_path
        self.user = listener.user
        self._traffic = traffic
        self._handshake_headers = handshake_headers
        self._reader = reader
        self._fd = -1  # once it is read by the reader
        self.is_between_frames = False
        """See :class:`loadgen.engine.transport.reader.Inlet`; kept where there is a reader."""
        self._parts: bytearray | None = None  # of a message that comes in several frames
        self._transport: WSTransport | None = None
        self._unanswered: bytes | None = None  # the latest ping that came while what we send piled up
        self.writable = True
        self.was_opened = False
        self.is_too_late = False
        """Whether nobody waits any more for the connection to be opened."""

    # Hot: every delivery comes through here. What it lets pass for speed: a marker in a frame with a reserved bit, or
    # in a last fragment without a first.
    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        now = now_ns()
        if transport.is_close_frame_sent and self._is_over(transport, frame):  # looking costs 0.04 us of 1.2
            return
        payload = frame.get_payload_as_bytes()
        size = len(payload)
        traffic = self._traffic
        traffic.frames_received = frame_count = traffic.frames_received + 1
        traffic.bytes_received += size
        # To ask for the kind of a frame costs a tenth of all this, and only a short one can be a ping or a close.
        is_message = size > _MOST_OF_CONTROL_BYTES or frame.msg_type not in _OF_CONTROL
        is_taken = is_message and frame.fin and self._parts is None and self.receive(self.user, payload, now)
        if size > LARGE_BYTES and self._sips is None and self._reader is None:
            self._sips = _sips_of(transport)
        if frame_count >= traffic.look_at:
            self._turn.look(self, has_more=not frame.last_in_buffer)
        if not is_taken:
            self._on_other_frame(transport, frame, payload, now)
        if self._reader is None:
            return
        if is_taken:
            self._reader.taken.append(payload)
        self.is_between_frames = bool(self._parts is None and frame.last_in_buffer and not frame.tail_size)

    # --- read by the reader, see :class:`loadgen.engine.transport.reader.Inlet` ----------------------------------

    def take_in(self, data: bytes) -> Sequence[bytes]:
        assert self._transport is not None, "asked of a connection that is gone"
        assert self._reader is not None, "asked by a reader"
        protocol: Any = self._transport.underlying_transport.get_protocol()  # picows' own, whose buffer is filled
        was_between_frames, self.is_between_frames = self.is_between_frames, False
        taken = self._reader.taken = []
        left = memoryview(data)
        while left:
            room = protocol.get_buffer(-1)
            part = left[: len(room)]
            room[: len(part)] = part
            protocol.buffer_updated(len(part))
            left = left[len(part) :]
        is_whole = was_between_frames and self.is_between_frames
        # What picows keeps for itself, and what was no message, is missing in the sum.
        return tuple(taken) if is_whole and sum(frame_bytes(len(payload)) for payload in taken) == len(data) else ()

    def heard(self, payload: bytes, now_ns: int) -> None:
        self._listener.heard(payload, now_ns)

    def take_back(self) -> None:
        if self._transport is not None and not self._transport.underlying_transport.is_closing():
            self._transport.underlying_transport.resume_reading()

    # --- whatever is no message of ours ---------------------------------------------------------------------------

    def _is_over(self, transport: WSTransport, frame: WSFrame) -> bool:
        # After a fault picows goes on reading for 10 ms, and even hands out the frame that was too big.
        if self.receive is _take_nothing:
            return True
        handshake = transport.close_handshake
        if handshake is None or handshake.sent is None or handshake.sent.code not in _FAULTS:
            return False  # it is we who have closed, and the server may go on until it has heard of it
        # picows looks one frame ahead: this one was whole before the fault that stands right behind it.
        return not (frame.last_in_buffer and frame.tail_size)

    def _on_other_frame(self, transport: WSTransport, frame: WSFrame, payload: bytes, now: int) -> None:
        self._turn.one_more(self, has_more=not frame.last_in_buffer)
        kind = frame.msg_type
        if kind == WSMsgType.PING:
            self._traffic.frames_received -= 1
            self._traffic.bytes_received -= len(payload)
            self._answer(transport, payload)
            return
        if kind == WSMsgType.PONG:
            return
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            self._refuse(WSCloseCode.PROTOCOL_ERROR, "a reserved bit is set, and no extension was agreed on")
        if kind == WSMsgType.CLOSE:
            self._on_close(transport, payload)
            return
        if kind == WSMsgType.CONTINUATION and self._parts is None:
            self._refuse(WSCloseCode.PROTOCOL_ERROR, "a fragment that belongs to no message")
        if kind != WSMsgType.CONTINUATION and self._parts is not None:
            self._refuse(WSCloseCode.PROTOCOL_ERROR, "a new message before the last fragment of the one before")
        if self._parts is None and not frame.fin:
            self._parts = bytearray()
        if self._parts is not None:
            if len(self._parts) + len(payload) > MAX_FRAME_BYTES:
                self._refuse(WSCloseCode.MESSAGE_TOO_BIG, f"fragments of more than {MAX_FRAME_BYTES} bytes together")
            if not self._unfinished.takes(len(payload)):
                self._refuse(WSCloseCode.MESSAGE_TOO_BIG, self._unfinished.complaint)
            self._parts += payload
            if not frame.fin:
                return
            payload = bytes(self._parts)
            self._forget_parts()
            if self.receive(self.user, payload, now):
                return
        self._listener.heard(payload, now)

    def _answer(self, transport: WSTransport, ping: bytes) -> None:
        # A server that pings and never reads must not fill our memory with answers (picows' own would: 1 GB in 8 s);
        # the latest ping is the one to be answered then (RFC 6455, 5.5.3).
        if self.writable:
            transport.send_pong(ping)
        else:
            self._unanswered = ping

    def _on_close(self, transport: WSTransport, payload: bytes) -> None:
        code = int.from_bytes(payload[:2], "big") if payload else int(WSCloseCode.OK.value)
        # RFC 6455, 7.4: 0, 1006 and all from 5000 on are never sent; picows has refused the others that are not.
        if not 1000 <= code < 5000 or code == _NO_CLOSE_FRAME:
            self._refuse(WSCloseCode.PROTOCOL_ERROR, f"close code {code}, which may not be sent")
        self._take_nothing_more()
        self._hand_over()
        transport.send_close(code)  # type: ignore[arg-type]  # any number, whatever its stub says
        transport.disconnect()

    def _refuse(self, code: WSCloseCode, why: str) -> NoReturn:
        """End the connection: picows sends ``code`` and ``why`` to the server, and hangs up."""
        self._take_nothing_more()
        self._forget_parts()
        raise WSProtocolError(code, why)

    def _take_nothing_more(self) -> None:
        self.receive, self.receive_path = _take_nothing, None

    def _forget_parts(self) -> None:
        if self._parts is not None:
            self._unfinished.gives_back(len(self._parts))
            self._parts = None

    # --- a server that sends faster than we read, see :class:`loadgen.engine.transport.bounds.Holdable` ------------

    def hold(self) -> bool:
        if self._transport is None or self._reader is not None or self._is_held:
            return False
        self._is_held = True
        if self._sips is None:
            self._sips = _sips_of(self._transport)
        self._sips.most_bytes = SIP_BYTES
        self._transport.underlying_transport.pause_reading()
        return True

    def go_on(self) -> None:
        self._is_held = False
        if self._transport is not None and not self._reads_no_more:
            underlying = self._transport.underlying_transport
            if not underlying.is_closing():
                underlying.resume_reading()

    # --- from the beginning to the end ------------------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        now = now_ns()
        if self.is_too_late:
            transport.disconnect(graceful=False)
            return
        if not self._handshake_headers:
            self._handshake_headers |= {name.lower(): value for name, value in transport.response.headers.items()}
        # picows keeps the headers of every handshake for as long as the connection lives: 2.1 KB a socket.
        transport.request.headers.clear()
        transport.response.headers.clear()
        self._transport = transport
        self.was_opened = True
        if self._reader is not None:
            self._fd = _number_of(transport)
            transport.underlying_transport.pause_reading()
            self._reader.add(self._fd, self)
        self._listener.opened(self, now)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        now = now_ns()
        if not self.was_opened:
            return  # connect() raises
        self._hand_over()
        self._forget_parts()
        self._transport = None
        received = sent = None
        if transport.close_handshake is not None:
            received, sent = transport.close_handshake.recv, transport.close_handshake.sent
        if transport.close_handshake is not None:
            # picows keeps what was wrong, a second close frame for one, for somebody to ask; if nobody does, asyncio
            # calls it an unhandled exception, and that ends a worker.
            asyncio.ensure_future(transport.wait_disconnected()).add_done_callback(_look_at)
        if sent is not None and sent.reason:  # said by us or by picows, and only to a server that breaks the rules
            self._listener.closed(_number(sent.code), sent.reason, now)
        elif received is not None:
            self._listener.closed(_number(received.code) or _NO_STATUS, received.reason or "", now)
        else:
            self._listener.closed(_NO_CLOSE_FRAME, "", now)

    def let_go(self) -> None:
        """Send nothing more: picows hangs up where connecting is cancelled, even at the moment after the 101."""
        self._hand_over()
        self._transport = None

    def pause_writing(self) -> None:
        self.writable = False

    def resume_writing(self) -> None:
        self.writable = True
        ping, self._unanswered = self._unanswered, None
        if ping is not None and self._transport is not None and not self._transport.is_close_frame_sent:
            self._transport.send_pong(ping)

    def send(self, frame: bytes) -> None:
        transport = self._transport
        if transport is not None and not transport.is_close_frame_sent:
            transport.send(self._kind, frame)
            self._traffic.frames_sent += 1
            self._traffic.bytes_sent += len(frame)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.send_close(WSCloseCode.OK)

    def stop_reading(self) -> int:
        assert self._transport is not None, "asked of a connection that is gone"
        self._reads_no_more = True
        if self._reader is None:
            self._transport.underlying_transport.pause_reading()
        self._hand_over()
        return _number_of(self._transport)

    def _hand_over(self) -> None:
        """Have it no longer read by the reader."""
        if self._reader is not None:
            self._reader.remove(self._fd, self)

    def abort(self) -> None:
        if self._transport is not None:
            self._hand_over()
            self._transport.disconnect(graceful=False)


def _look_at(ended: asyncio.Future[None]) -> None:
    """Have asked how it ended."""
    if not ended.cancelled():
        ended.exception()


def _sips_of(transport: WSTransport) -> Sips:
    """From now on it takes in so much at a time."""
    underlying = transport.underlying_transport
    sips = Sips(underlying.get_protocol())
    underlying.set_protocol(sips)
    return sips


def _number_of(transport: WSTransport) -> int:
    """The descriptor of its socket."""
    return int(transport.underlying_transport.get_extra_info("socket").fileno())


class _UnixSocket(sockets.socket):
    """One that lets picows set its options of TCP, which a unix socket does not have."""

    def setsockopt(self, level: int, *option: Any) -> None:
        if level != sockets.IPPROTO_TCP:
            super().setsockopt(level, *option)

    def getsockopt(self, level: int, *option: Any) -> Any:
        return 0 if level == sockets.IPPROTO_TCP else super().getsockopt(level, *option)


class PicowsTransport:
    """Implements :class:`loadgen.engine.transport.Transport`."""

    def __init__(
        self,
        base_url: str,
        headers: tuple[tuple[str, str], ...],
        *,
        access: Access = DIRECT,
        timeout_s: float,
        local_address: str | None = None,
        reads_together: bool = False,
        unfinished: Unfinished | None = None,
    ) -> None:
        """``base_url`` starts with http:// or https://; ``headers`` go into every handshake.

        Connections leave from ``local_address``, where given. ``reads_together`` pays where many receive the same, and
        does nothing where the bytes of a socket are not those of its frames (TLS). ``unfinished`` is that of all
        transports of the process. OSError where a file of ``access`` cannot be read.
        """
        self._base_url = "ws" + base_url.removeprefix("http")
        self._headers = headers
        self._timeout_s = timeout_s
        self._access = access
        self._local_address = local_address
        self.traffic = Traffic()
        self.handshake_headers: dict[str, str] = {}
        self._logger = _logger()
        self._ssl = tls_context(base_url, access)
        is_plain = self._ssl is None and access.is_direct and hasattr(select, "epoll")
        self._turn = Turn(self.traffic)
        self._unfinished = Unfinished() if unfinished is None else unfinished
        self._reader = Reader(self.traffic, self._turn) if reads_together and is_plain else None

    async def connect(self, opening: Opening, listener: Listener) -> None:
        """See :class:`loadgen.engine.transport.Transport`."""
        headers = [*self._headers, *opening.headers]
        if opening.subprotocols:
            headers.append(("Sec-WebSocket-Protocol", ", ".join(opening.subprotocols)))
        socket = _Socket(
            listener,
            self.traffic,
            self.handshake_headers,
            self._reader,
            self._turn,
            self._unfinished,
            is_binary=opening.is_binary,
        )
        try:
            async with asyncio.timeout(self._timeout_s + _REACHING_S):
                await ws_connect(
                    lambda: socket,
                    self._base_url + opening.path,
                    ssl_context=self._ssl,
                    websocket_handshake_timeout=self._timeout_s,
                    logger_name=self._logger,
                    extra_headers=headers,
                    max_frame_size=MAX_FRAME_BYTES,
                    enable_auto_pong=False,  # see _answer
                    max_redirects=0,  # a server must not send our load elsewhere
                    read_buffer_init_size=READ_BUFFER_BYTES,
                    # uvloop hands out no socket of ours, on which those options can be passed over.
                    use_aiofastnet=self._access.unix_socket is not None,
                    local_addr=None if self._local_address is None else (self._local_address, 0),
                    socket_factory=None if self._access.is_direct else self._dialled,
                )
        except asyncio.CancelledError:
            socket.let_go()
            raise
        except WSHandshakeError as error:
            raise _refused(error) from error
        except (OSError, WSError, UnicodeError) as error:
            if not socket.was_opened:  # else the answer came in the very moment that the time was up
                raise failed(error) from error
        finally:
            socket.is_too_late = True
        if not socket.was_opened:
            raise hung_up()

    async def _dialled(self, url: WSParsedURL) -> sockets.socket:
        sock = await dialled(self._access, url.host, url.port, self._local_address)
        return _UnixSocket(fileno=sock.detach()) if self._access.unix_socket is not None else sock


def _number(code: WSCloseCode | int) -> int:
    # picows has names for some codes, and gives the others as numbers.
    return code if isinstance(code, int) else int(code.value)


def _refused(error: WSHandshakeError) -> ServerError:
    text = str(error)
    if error.raw_body:
        text += ": " + bytes(error.raw_body).decode(errors="replace")
    return ServerError(kind_of_answer(error.raw_header or b""), text)
