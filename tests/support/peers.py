"""Chat servers that are not ours, each on a free port and in a temporary folder: started, waited for, and ended.

Where one is not installed, the test that asks for it is skipped, and says what to install.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from loadgen.dialects.script import DialectScript
from scenarios.dialect_files import named_text, read_dialect
from tests.support.mortal import mortal, mortal_folder
from tests.support.patience import PATIENCE_S
from tests.support.silent_port import refusing_port

NODE_FOLDER = Path(__file__).with_name("peers_node")
NCHAN_MODULE = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")

# RabbitMQ takes ten seconds where the machine is at ease.
BOOT_S = 60.0
ALIVE_S = 1
"""How soon a server that watches for silent clients is told to hang up on them, or about."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A server that is up, and the dialect it is spoken to with."""

    name: str
    url: str
    text: str
    """Of the dialect file."""
    accounts: tuple[tuple[str, str], ...] = ()
    """Whom it knows; none: whoever comes."""
    pid: int | None = None

    @property
    def script(self) -> DialectScript:
        """The same, read."""
        return read_dialect(self.text, self.name, f"{self.name}.toml")

    def with_text(self, *changes: tuple[str, str]) -> Peer:
        """The same server, spoken to with a file in which something stands instead of something else."""
        text = self.text
        for old, new in changes:
            assert old in text, f"{self.name}.toml has no {old!r}"
            text = text.replace(old, new)
        return Peer(self.name, self.url, text, self.accounts, self.pid)


def in_files(peer: Peer, folder: Path) -> list[str]:
    """Flags for a command line in the folder: a dialect file, and one of users where it knows some."""
    (folder / f"{peer.name}.toml").write_text(peer.text)
    flags = ["--target", peer.url, "--dialect", f"{peer.name}.toml"]
    if peer.accounts:
        (folder / "users.csv").write_text("".join(f"{name},{password}\n" for name, password in peer.accounts))
        flags += ["--users-file", "users.csv"]
    return flags


def needed(*programs: str, files: Sequence[Path] = (), install: str) -> None:
    """Go on where all of these are installed; else skip the test that asks, or fail it where it must not be skipped."""
    missing = [name for name in programs if shutil.which(name) is None]
    missing += [str(path) for path in files if not path.exists()]
    if missing:
        why = f"{', '.join(missing)} is missing: {install}"
        if os.environ.get("CHATBENCH_TESTS_NEED_PEERS"):
            pytest.fail(why)
        pytest.skip(why)


@contextmanager
def _running(
    command: Sequence[str],
    folder: Path,
    port: int,
    *,
    environ: Mapping[str, str] | None = None,
    number: int = signal.SIGTERM,
    within_s: float = PATIENCE_S,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; enter the block when something listens on the port."""
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            mortal(command, number),
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environ or {})},
            start_new_session=True,
        )
    try:
        _await_port(port, within_s, lambda: _still_runs(process, log))
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE_S)
        # Whatever it started is in its session.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        assert process.stdin is not None
        process.stdin.close()
        process.wait(PATIENCE_S)


def _still_runs(process: subprocess.Popen[bytes], log: Path) -> None:
    if process.poll() is not None:
        raise RuntimeError(f"it ended with {process.returncode} before it was ready: {log.read_text(errors='replace')}")


def _await_port(port: int, within_s: float, check: Callable[[], None]) -> None:
    give_up_s = time.monotonic() + within_s
    while True:
        check()
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if time.monotonic() > give_up_s:
            raise TimeoutError(f"nothing listened on {port} within {within_s:g} s")
        time.sleep(0.05)


# --- Socket.IO

# The options of the application behind it; "nobody" is turned away at the door.
_SOCKETIO = (('send = "40"', """send = '40{"token":"{username}"}'"""),)


def _socketio(url: str, pid: int) -> Peer:
    return Peer("socketio", url, named_text("socketio"), pid=pid).with_text(*_SOCKETIO)


@contextmanager
def socketio_node(alive_s: float = ALIVE_S) -> Iterator[Peer]:
    """Socket.IO on Node, which pings twice in ``alive_s``."""
    installed = NODE_FOLDER / "node_modules" / "socket.io"
    needed("node", files=[installed], install=f"apt-get install nodejs npm; npm ci --prefix {NODE_FOLDER}")
    port = refusing_port()
    command = ["node", str(NODE_FOLDER / "chat.js"), str(port), str(round(alive_s * 500)), str(round(alive_s * 500))]
    with mortal_folder() as folder, _running(command, folder, port) as process:
        yield _socketio(f"http://127.0.0.1:{port}", process.pid)


@contextmanager
def socketio_python() -> Iterator[Peer]:
    """Socket.IO in Python."""
    port = refusing_port()
    command = [sys.executable, "-m", "tests.support.socketio_chat", str(port), str(ALIVE_S / 2)]
    environ = {"PYTHONPATH": str(Path(__file__).parents[2])}
    with mortal_folder() as folder, _running(command, folder, port, environ=environ) as process:
        yield _socketio(f"http://127.0.0.1:{port}", process.pid)


# --- MQTT, STOMP


@contextmanager
def mosquitto() -> Iterator[Peer]:
    """MQTT with names and passwords. Debian's needs a listener of its own kind beside that of WebSockets."""
    needed("mosquitto", "mosquitto_passwd", install="apt-get install mosquitto")
    accounts = _some_accounts()
    with mortal_folder() as folder:
        port = refusing_port()
        passwords = folder / "passwords"
        passwords.write_text("".join(f"{name}:{password}\n" for name, password in accounts))
        subprocess.run(["mosquitto_passwd", "-U", str(passwords)], check=True)
        passwords.chmod(0o644)
        (folder / "mosquitto.conf").write_text(
            f"user root\nallow_anonymous false\npassword_file {passwords}\n"
            f"listener 0 {folder / 'native.sock'}\nlistener {port} 127.0.0.1\nprotocol websockets\n"
        )
        with _running(["mosquitto", "-c", "mosquitto.conf"], folder, port) as process:
            named = (('username = ""', 'username = "{username}"'), ('password = ""', 'password = "{password}"'))
            text = named_text("mqtt")
            yield Peer("mqtt", f"http://127.0.0.1:{port}", text, accounts, process.pid).with_text(*named)


@contextmanager
def rabbitmq() -> Iterator[tuple[Peer, Peer]]:
    """STOMP and MQTT over WebSockets, by two plugins of one broker."""
    needed("epmd", files=[RABBITMQ], install="apt-get install rabbitmq-server")
    ports = [refusing_port() for _ in range(4)]
    stomp, mqtt, distribution, mapper = ports
    with ExitStack() as stack:
        folder = stack.enter_context(mortal_folder())
        (folder / "rabbitmq.conf").write_text(
            "listeners.tcp = none\nstomp.listeners.tcp = none\nmqtt.listeners.tcp = none\n"
            f"web_stomp.tcp.ip = 127.0.0.1\nweb_stomp.tcp.port = {stomp}\n"
            f"web_mqtt.tcp.ip = 127.0.0.1\nweb_mqtt.tcp.port = {mqtt}\nmqtt.allow_anonymous = true\n"
        )
        (folder / "enabled_plugins").write_text("[rabbitmq_web_stomp,rabbitmq_web_mqtt].\n")
        environ = {
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "chatbench@localhost",
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none",
        }
        # A broker that finds one running starts none that would outlive it.
        stack.enter_context(_running(["epmd"], folder, mapper, environ=environ))
        broker = folder / "broker"
        broker.mkdir()
        process = stack.enter_context(_running([str(RABBITMQ)], broker, stomp, environ=environ, within_s=BOOT_S))
        _await_port(mqtt, BOOT_S, lambda: _still_runs(process, broker / "server.log"))
        path = ('path = "/mqtt"', 'path = "/ws"')
        yield (
            Peer("stomp", f"http://127.0.0.1:{stomp}", named_text("stomp"), pid=process.pid),
            Peer("mqtt", f"http://127.0.0.1:{mqtt}", named_text("mqtt"), pid=process.pid).with_text(path),
        )


# --- XMPP


@contextmanager
def prosody() -> Iterator[Peer]:
    """XMPP with chat rooms that anybody may open, and without its limits of how much one may say."""
    needed("prosody", install="apt-get install prosody")
    accounts = _some_accounts()
    with mortal_folder() as folder:
        port = refusing_port()
        known = folder / "data" / "localhost" / "accounts"
        known.mkdir(parents=True)
        for name, password in accounts:
            (known / f"{name}.dat").write_text(f'return {{ ["password"] = {json.dumps(password)}; }};\n')
        (folder / "prosody.cfg.lua").write_text(
            f"""
pidfile = "{folder}/pid"; data_path = "{folder}/data"; certificates = "{folder}"; run_as_root = true
modules_enabled = {{ "saslauth", "disco", "ping", "websocket", "http" }}
modules_disabled = {{ "tls", "s2s", "limits" }}
authentication = "internal_plain"
c2s_require_encryption = false; consider_websocket_secure = true; allow_unencrypted_plain_auth = true
http_ports = {{ {port} }}; http_interfaces = {{ "127.0.0.1" }}; https_ports = {{}}; c2s_ports = {{}}
log = {{ info = "*console" }}
VirtualHost "localhost"
Component "conference.localhost" "muc"
  muc_room_locking = false
  muc_room_default_history_length = 0
"""
        )
        with _running(["prosody", "--config", "prosody.cfg.lua", "-F"], folder, port) as process:
            yield Peer("xmpp", f"http://127.0.0.1:{port}", named_text("xmpp"), accounts, process.pid)


# --- nchan, NATS


@contextmanager
def nchan(alive_s: int = ALIVE_S) -> Iterator[Peer]:
    """A channel for each room, which keeps no message, and pings every ``alive_s``; ``/closed/`` is forbidden."""
    needed("nginx", files=[NCHAN_MODULE], install="apt-get install nginx-light libnginx-mod-nchan")
    with mortal_folder() as folder:
        port = refusing_port()
        (folder / "nginx.conf").write_text(
            f"""
load_module {NCHAN_MODULE};
daemon off; pid nginx.pid; error_log stderr; worker_processes 1; user root;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {{
    listen 127.0.0.1:{port};
    nchan_message_buffer_length 0; nchan_subscriber_first_message newest; nchan_websocket_ping_interval {alive_s};
    location ~ ^/pubsub/(.+)$ {{ nchan_pubsub websocket; nchan_channel_id $1; }}
    location ~ ^/sub/(.+)$ {{ nchan_subscriber websocket; nchan_channel_id $1; }}
    location ~ ^/pub/(.+)$ {{ nchan_publisher http; nchan_channel_id $1; }}
    location /closed/ {{ return 403 "not you"; }}
  }}
}}
"""
        )
        # It opens its own log before it has read that it is to be another.
        command = ["nginx", "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"]
        with _running(command, folder, port, number=signal.SIGQUIT) as process:
            yield Peer("nchan", f"http://127.0.0.1:{port}", named_text("nchan"), pid=process.pid)


@contextmanager
def nats() -> Iterator[Peer]:
    """With a token, and pings every second."""
    needed("nats-server", install="apt-get install nats-server")
    with mortal_folder() as folder:
        port = refusing_port()
        (folder / "nats.conf").write_text(
            f'host: "127.0.0.1", port: {refusing_port()}, ping_interval: "{ALIVE_S}s", ping_max: 1\n'
            'authorization { token: "let-me-in" }\n'
            f'websocket {{ host: "127.0.0.1", port: {port}, no_tls: true }}\n'
        )
        with _running(["nats-server", "-c", "nats.conf"], folder, port) as process:
            token = ('\\"echo\\":true', '\\"echo\\":true,\\"auth_token\\":\\"let-me-in\\"')
            yield Peer("nats", f"http://127.0.0.1:{port}", named_text("nats"), pid=process.pid).with_text(token)


def _some_accounts() -> tuple[tuple[str, str], ...]:
    return tuple((f"user{number}", f"a-password-{number}") for number in range(1, 21))
