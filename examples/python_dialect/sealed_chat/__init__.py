"""The protocol of a sealed chat, for chatbench.

    server                      client
    NONCE n                     PROOF name HMAC(password, n)
    WELCOME
    JOINED room                 JOIN room seal
    ACK id                      SAY room id text seal
    MSG room name text
    REFUSED why

A seal is the CRC-32 of all that the client has said since its proof, in eight hexadecimal digits.
"""

from __future__ import annotations

import hashlib
import hmac
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources

from loadgen.dialects import Credentials, Heard, HttpRequest
from loadgen.dialects.script import DialectScript, ErrorsScript, JoinScript
from loadgen.dialects.scripted import ScriptedDialect
from loadgen.errors import InputError


@dataclass(frozen=True, slots=True)
class SealedOptions:
    """What the file says in [options]."""

    digest: str = "sha256"


class SealedDialect(ScriptedDialect):
    """One user of a sealed chat."""

    Options = SealedOptions
    FILE = (resources.files("sealed_chat") / "sealed.toml").read_text(encoding="utf-8")

    __slots__ = ("_options", "_seal")

    def __init__(self, script: DialectScript, credentials: Credentials) -> None:
        super().__init__(script, credentials)
        self._options: SealedOptions = script.options
        self._seal = 0

    @classmethod
    def complete(cls, script: DialectScript) -> DialectScript:
        digest = script.options.digest
        if digest not in hashlib.algorithms_guaranteed:
            raise InputError(f'options.digest: expected a hash like "sha256", got "{digest}"')
        return replace(
            script,
            connect=replace(script.connect, until="re:^WELCOME$"),
            join=JoinScript(("JOIN {room}",), "re:^JOINED {room}$"),
            publish=replace(script.publish, send="SAY {room} {id} {text}", ack="re:^ACK {id}$"),
            errors=ErrorsScript(("re:^REFUSED ",)),
        )

    def on_connected(self) -> list[bytes]:
        self._seal = 0
        return super().on_connected()

    def join(self, rooms: Sequence[str]) -> list[bytes]:
        return [self._sealed(frame) for frame in super().join(rooms)]

    def publish(self, room: str, text: str, message_id: str) -> bytes | HttpRequest:
        frame = super().publish(room, text, message_id)
        return self._sealed(frame) if isinstance(frame, bytes) else frame

    def on_frame(self, frame: bytes) -> Heard:
        if frame.startswith(b"NONCE "):
            return Heard(replies=[self._proof(frame.removeprefix(b"NONCE "))])
        return super().on_frame(frame)

    def _proof(self, nonce: bytes) -> bytes:
        values = self.values
        digest = hmac.new(values["password"].encode(), nonce, self._options.digest).hexdigest()
        return f"PROOF {values['username']} {digest}".encode()

    def _sealed(self, frame: bytes) -> bytes:
        self._seal = zlib.crc32(frame, self._seal)
        return frame + b" %08x" % self._seal
