"""WebSocket connections by websockets: a second opinion, and the one that can compress.

The library's protocol without I/O is driven by callbacks of the event loop: a message has the time at which its last
bytes came, however long those that came before it take to parse, and a connection needs no task. A frame of 260 bytes
costs 0.8 times the CPU that the library's own asyncio client takes, and 2.5 to 3 times that of picows.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import cast

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.extensions.permessage_deflate import enable_client_permessage_deflate
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from loadgen.dialects import Opening
from loadgen.engine.clock import now_ns
from loadgen.engine.dial import dialled
from loadgen.engine.tls import tls_context
from loadgen.engine.transport import MAX_FRAME_BYTES, Listener, Traffic
from loadgen.engine.transport.bounds import Unfinished
from loadgen.engine.transport.handshake import failed, hung_up, kind_of_answer
from loadgen.errors import ServerError
from loadgen.plan.access import DIRECT, Access

_END_OF_HEAD = b"\r\n\r\n"

# To parse a frame takes five times as long as to read it. So it is parsed in small bites, between which the sockets are
# read, and what comes in a burst is stamped as it comes.
PARSED_AT_ONCE = 4
# And in small pieces, since in a reading of 256 KB may be 128,000 empty frames: 3 s. A piece takes 50 ms at most.
PIECE_BYTES = 4096
# After so long the bite is over, however little it was.
LONGEST_BITE_NS = 10_000_000
# What waits is bounded: past this the sockets wait, as they would without.
MOST_WAITING = 10_000
MOST_WAITING_BYTES = 4 * 1024 * 1024


class _Protocol(ClientProtocol):
    """Answers pings as long as the server reads; then the latest of them, when it reads again (RFC 6455, 5.5.3)."""

    is_read = True
    _unanswered: Frame | None = None

    def send_frame(self, frame: Frame) -> None:
        # A server that pings and never reads must not fill our memory with answers.
        if frame.opcode is Opcode.PONG and not self.is_read:
            self._unanswered = frame
        else:
            super().send_frame(frame)

    def is_read_again(self) -> None:
        """What waits for the server to read may be sent."""
        self.is_read = True
        frame, self._unanswered = self._unanswered, None
        if frame is not None and self.state is State.OPEN:
            self.send_frame(frame)


class Inbox:
    """Bytes that came, in order and with their time, and are not parsed yet; for all connections of a transport."""

    def __init__(self) -> None:
        # One for each piece that waits; those of a socket lie with it, since what ends is parsed before its turn.
        self._waiting: deque[_Socket] = deque()
        self._waiting_bytes = 0
        self._held: set[_Socket] = set()
        self._is_called = False

    def put(self, socket: _Socket, data: bytes, now: int) -> None:
        """Have it parsed soon."""
        if not self._is_called:
            self._call_soon()
        if socket.pieces is None:
            socket.pieces = deque()
        for start in range(0, len(data), PIECE_BYTES):
            socket.pieces.append((data[start : start + PIECE_BYTES], now))
            self._waiting.append(socket)
        self._waiting_bytes += len(data)
        # To parse all that would take seconds: other things may be due.
        if len(self._waiting) >= MOST_WAITING or self._waiting_bytes >= MOST_WAITING_BYTES:
            self._held.add(socket)
            socket.hold()

    def _let_go_on(self) -> None:
        held, self._held = self._held, set()
        for socket in held:
            socket.go_on()

    def take_own(self, socket: _Socket) -> None:
        """Parse now what has come on a connection that ends."""
        while socket.pieces is not None:
            self._take_next(socket)

    def _take_next(self, socket: _Socket) -> None:
        if socket.pieces is None:
            return  # they were taken before their turn
        data, now = socket.pieces.popleft()
        if not socket.pieces:
            socket.pieces = None
        self._waiting_bytes -= len(data)
        socket.take_in(data, now)

    def _call_soon(self) -> None:
        self._is_called = True
        asyncio.get_running_loop().call_soon(self._take_some)

    def _take_some(self) -> None:
        self._is_called = False
        waiting, over_ns = self._waiting, now_ns() + LONGEST_BITE_NS
        for _ in range(min(PARSED_AT_ONCE, len(waiting))):
            self._take_next(waiting.popleft())
            if now_ns() >= over_ns:
                break
        if self._held and len(waiting) < MOST_WAITING // 2 and self._waiting_bytes < MOST_WAITING_BYTES // 2:
            self._let_go_on()
        if waiting:
            self._call_soon()


class _Socket(asyncio.Protocol):
    """Passes on to a listener what the event loop and websockets say, and is the connection that is handed out."""

    __slots__ = (
        "_answer",
        "_handshake_headers",
        "_inbox",
        "_latest_ns",
        "_listener",
        "_parts",
        "_protocol",
        "_reads_no_more",
        "_receive",
        "_send",
        "_traffic",
        "_transport",
        "_unfinished",
        "_unfinished_bytes",
        "_user",
        "answered",
        "failure",
        "pieces",
        "was_opened",
        "writable",
    )

    def __init__(
        self,
        protocol: _Protocol,
        listener: Listener,
        traffic: Traffic,
        inbox: Inbox,
        unfinished: Unfinished,
        handshake_headers: dict[str, str],
        *,
        is_binary: bool,
    ) -> None:
        """``protocol`` has a request to send; ``handshake_headers`` are filled in by the first that is opened."""
        self._protocol = protocol
        self._send = protocol.send_binary if is_binary else protocol.send_text
        self._inbox = inbox
        self.pieces: deque[tuple[bytes, int]] | None = None
        """What waits in the inbox, and when it came; None rather than empty, since many sockets wait for nothing."""
        self._unfinished = unfinished
        self._unfinished_bytes = 0  # of all, those that are ours
        self._latest_ns = 0
        self._handshake_headers = handshake_headers
        self._listener = listener
        self._receive = listener.receive
        self._user = listener.user
        self._traffic = traffic
        self._answer = bytearray()  # to the handshake, until it is taken in
        self._parts: bytearray | None = None  # of a message that comes in several frames
        self._reads_no_more = False
        self._transport: asyncio.Transport | None = None
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.was_opened = False
        self.failure: ServerError | None = None
        """Why it was not opened."""
        self.writable = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._flush()

    # Hot: every delivery comes through here.
    def data_received(self, data: bytes) -> None:
        now = now_ns()
        if not self.was_opened and self.pieces is None:
            self.take_in(data[:PIECE_BYTES], now)
            data = data[PIECE_BYTES:]
        if data:
            self._inbox.put(self, data, now)

    def take_in(self, data: bytes, now: int) -> None:
        """Parse what came at ``now``; nothing where it is not wanted any more."""
        if self._transport is None:
            return
        protocol = self._protocol
        now = max(now, self._latest_ns)  # two pieces came at the same time, and keep their order, too
        protocol.receive_data(data)
        self._flush()
        if not self.was_opened and not self._is_opened_by(data, now):
            return
        traffic = self._traffic
        for frame in cast("list[Frame]", protocol.events_received()):
            if frame.opcode is Opcode.PING:
                continue
            payload = bytes(frame.data)
            traffic.frames_received += 1
            traffic.bytes_received += len(payload)
            # Frames that came together keep their order.
            now += 1
            if self._parts is None and frame.fin and frame.opcode < Opcode.CLOSE:
                if not self._receive(self._user, payload, now):
                    self._listener.heard(payload, now)
            elif frame.opcode < Opcode.CLOSE:
                self._on_fragment(payload, frame.fin, now)
        self._latest_ns = now
        self._note_unfinished()
        if protocol.state is not State.OPEN and (protocol.close_rcvd or protocol.parser_exc) and self._transport:
            self._transport.close()

    def _note_unfinished(self) -> None:
        """End the connection where what has begun to come, of all messages, is more than we hold."""
        protocol = self._protocol
        byte_count = len(protocol.reader.buffer) + (0 if self._parts is None else len(self._parts))
        more, self._unfinished_bytes = byte_count - self._unfinished_bytes, byte_count
        if more <= 0:
            self._unfinished.gives_back(-more)
        elif not self._unfinished.takes(more):
            self._unfinished_bytes -= more
            self._parts = None
            protocol.fail(CloseCode.MESSAGE_TOO_BIG, self._unfinished.complaint)
            self._flush()
            if self._transport is not None:
                self._transport.close()

    def _is_opened_by(self, data: bytes, now: int) -> bool:
        if self.answered.done():
            return False  # nobody waits any more
        self._answer += data
        if self._protocol.state is not State.CONNECTING:  # a close frame may have come with the 101
            (response,) = self._protocol.events[:1]
            del self._protocol.events[:1], self._answer[:]
            assert isinstance(response, Response)
            if not self._handshake_headers:
                self._handshake_headers |= {name.lower(): value for name, value in response.headers.raw_items()}
            response.headers.clear()  # the parser would keep them as long as the connection lives
            self.was_opened = True
            self._settle(None)
            self._listener.opened(self, now)
            return True
        # websockets would wait for the whole body, which need not end.
        if self._protocol.handshake_exc is not None or _END_OF_HEAD in self._answer:
            self._settle(ServerError(kind_of_answer(self._answer), self._refusal()))
            self.abort()
        return False

    def _refusal(self) -> str:
        head, _, body = self._answer.partition(_END_OF_HEAD)
        texts = [part.decode(errors="replace") for part in (head.partition(b"\r\n")[0], body) if part]
        error = self._protocol.handshake_exc
        if error is not None and not isinstance(error, InvalidStatus):
            texts.insert(0, str(error))
        return ": ".join(texts)

    def _settle(self, failure: ServerError | None) -> None:
        """End the wait of connect()."""
        if not self.answered.done():
            self.failure = failure
            self.answered.set_result(None)

    def give_up(self) -> None:
        """Nobody waits for the answer any more: from now on nothing is opened."""
        self.answered.cancel()
        self.abort()

    def _on_fragment(self, payload: bytes, is_last: bool, now: int) -> None:
        # websockets has seen to it that fragments are in order, and together no longer than we take.
        if self._parts is None:
            self._parts = bytearray()
        self._parts += payload
        if is_last:
            message, self._parts = bytes(self._parts), None
            if not self._receive(self._user, message, now):
                self._listener.heard(message, now)

    def connection_lost(self, exc: Exception | None) -> None:
        now = now_ns()
        self._inbox.take_own(self)
        self._transport = None
        self._unfinished.gives_back(self._unfinished_bytes)
        self._unfinished_bytes, self._parts = 0, None
        self._protocol.receive_eof()
        if not self.was_opened:
            self._settle(hung_up() if exc is None else failed(exc))
            return
        received, sent = self._protocol.close_rcvd, self._protocol.close_sent
        if received is not None:
            self._listener.closed(received.code, received.reason, now)
        elif sent is not None and sent.reason:  # said by websockets, and only to a server that breaks the rules
            self._listener.closed(int(sent.code), sent.reason, now)
        else:
            self._listener.closed(int(CloseCode.ABNORMAL_CLOSURE), "", now)

    def pause_writing(self) -> None:
        self.writable = self._protocol.is_read = False

    def resume_writing(self) -> None:
        self.writable = True
        self._protocol.is_read_again()
        self._flush()

    def send(self, frame: bytes) -> None:
        if self._transport is not None and self._protocol.state is State.OPEN:
            self._send(frame)
            self._flush()
            self._traffic.frames_sent += 1
            self._traffic.bytes_sent += len(frame)

    def close(self) -> None:
        if self._transport is not None and self._protocol.state is State.OPEN:
            self._protocol.send_close(CloseCode.NORMAL_CLOSURE)
            self._flush()

    def hold(self) -> None:
        """Read nothing until told to go on: more has come than can be parsed."""
        if self._transport is not None:
            self._transport.pause_reading()

    def go_on(self) -> None:
        """Read again."""
        if self._transport is not None and not self._reads_no_more and not self._transport.is_closing():
            self._transport.resume_reading()

    def stop_reading(self) -> int:
        assert self._transport is not None, "asked of a connection that is gone"
        self._reads_no_more = True
        self._inbox.take_own(self)
        self._transport.pause_reading()
        return int(self._transport.get_extra_info("socket").fileno())

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            # Empty bytes ask for the end of the stream, which closing the transport brings.
            if data and self._transport is not None:
                self._transport.write(data)


class WebsocketsTransport:
    """Implements :class:`loadgen.engine.transport.Transport`."""

    def __init__(
        self,
        base_url: str,
        headers: tuple[tuple[str, str], ...],
        *,
        access: Access = DIRECT,
        timeout_s: float,
        local_address: str | None = None,
        compression: bool = False,
        unfinished: Unfinished | None = None,
    ) -> None:
        """``base_url`` starts with http:// or https://; ``headers`` go into every handshake.

        ``compression`` offers permessage-deflate (RFC 7692); where the server takes it, a connection costs some 35 KB
        more (39 instead of 4). What was agreed on is in ``handshake_headers``. Connections leave from
        ``local_address``, where given. ``unfinished`` is that of all transports of the process. OSError where a file
        of ``access`` cannot be read.
        """
        self._base_url = "ws" + base_url.removeprefix("http")
        self._headers = headers
        self._timeout_s = timeout_s
        self._access = access
        self._local_address = local_address
        self._extensions = enable_client_permessage_deflate(None) if compression else None
        self._ssl = tls_context(base_url, access)
        self.traffic = Traffic()
        self._inbox = Inbox()
        self._unfinished = Unfinished() if unfinished is None else unfinished
        self.handshake_headers: dict[str, str] = {}

    async def connect(self, opening: Opening, listener: Listener) -> None:
        """See :class:`loadgen.engine.transport.Transport`."""
        try:
            protocol = self._protocol(opening)
        except (WebSocketException, UnicodeError) as error:  # a URL or a header that cannot be sent
            raise failed(error) from error
        socket = _Socket(
            protocol,
            listener,
            self.traffic,
            self._inbox,
            self._unfinished,
            self.handshake_headers,
            is_binary=opening.is_binary,
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._connected(socket, protocol.uri.host, protocol.uri.port)
                await socket.answered
        except (OSError, UnicodeError) as error:
            if not socket.was_opened:  # else the answer came in the very moment that the time was up
                raise failed(error) from error
        finally:
            if not socket.was_opened:
                socket.give_up()
        if socket.failure is not None:
            raise socket.failure

    async def _connected(self, socket: _Socket, host: str, port: int) -> None:
        loop, local_address = asyncio.get_running_loop(), self._local_address
        if self._access.is_direct:
            local = None if local_address is None else (local_address, 0)
            await loop.create_connection(lambda: socket, host, port, ssl=self._ssl, local_addr=local)
            return
        sock = await dialled(self._access, host, port, local_address)
        server_hostname = None if self._ssl is None else host
        await loop.create_connection(lambda: socket, sock=sock, ssl=self._ssl, server_hostname=server_hostname)

    def _protocol(self, opening: Opening) -> _Protocol:
        """A protocol that has the request to send."""
        protocol = _Protocol(
            parse_uri(self._base_url + opening.path),
            extensions=self._extensions,
            subprotocols=[Subprotocol(name) for name in opening.subprotocols] or None,
            max_size=MAX_FRAME_BYTES,
        )
        request = protocol.connect()
        for name, value in (*self._headers, *opening.headers):
            if name.lower() == "host":
                del request.headers["Host"]
            request.headers[name] = value.encode().decode("latin-1")  # so that UTF-8 is sent
        protocol.send_request(request)
        return protocol
