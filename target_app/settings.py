"""What the server is told before it starts: flags, environment, limits."""

import argparse
import ipaddress
import os
import re
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

from target_app.database import DatabaseUrlError, Durability, database_from
from target_app.faults import Faults, FaultsError, read_faults
from target_app.origins import normalized

# Public on purpose: `serve` and `run --target` in two terminals agree on the
# generated passwords without being told. That is why it is for loopback only.
DEFAULT_ACCOUNTS_KEY = "chatbench"

# RFC 7518, 3.2: a key for HS256 has at least 256 bits.
SECRET_BYTES_MIN = 32

TOKEN_LIFETIME_S = 3_600

# For URLs with passwords: whoever may list processes reads every command line.
DB_VARIABLE, BROKER_VARIABLE = "CHATBENCH_DB", "CHATBENCH_BROKER"

INSTANCE_LENGTH = 100

# Who is named in a URL, and with which password.
_NAMED = re.compile(r"(?<=://)\S*@")

# OWASP's smallest recommended cost for argon2id (one lane).
ARGON2_MEMORY_KIB = 19 * 1024
ARGON2_PASSES = 2


class SettingsError(Exception):
    """A flag or variable the server cannot start with; the text is for the person who typed it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Every bound a client can run into."""

    # Open at the same time, whoever they are and whatever they speak; the server takes fewer where it may have no more
    # descriptors. One more is answered with 503.
    connections: int = 1_000_000
    # A larger frame closes its connection with 1009.
    frame_bytes: int = 64 * 1024
    # A longer text is answered with an error. 50 KB, the largest payload of payload_sweep, fits into a frame.
    text_length: int = 56 * 1024
    room_name_length: int = 64
    user_name_length: int = 64
    message_id_length: int = 64
    rooms_per_connection: int = 100
    # Rooms outlive their members, because seq must go on counting: this bounds what is kept.
    rooms: int = 100_000
    recent_per_room: int = 1_000
    # One part of a room's history, in messages and in bytes of their texts; a reader asks for the next.
    history_messages: int = 100
    history_bytes: int = 256 * 1024
    # What the kernel may hold of a connection that it has not sent yet (TCP_NOTSENT_LOWAT). Left alone it takes 4 MB
    # for a reader that has stopped, in fresh memory, and the whole room waits for that: with 25 KB to 500 members, a
    # fifth of whom did not read, the others' p99 was 1.9 times as long.
    unsent_bytes: int = 128 * 1024
    # What may wait for a reader that is behind, beyond the transport's own 64 KiB and those.
    outbox_frames: int = 1_024
    outbox_bytes: int = 1024 * 1024
    # How long a closing connection has to take its last frames and answer; then it is cut.
    closing_s: float = 2.0
    # A larger body of an HTTP request is answered with 413.
    body_bytes: int = 64 * 1024
    # Sessions that nobody is connected to: the newest are kept, for this long.
    idle_sessions: int = 10_000
    idle_session_s: float = 600.0
    # What may wait for the store, the texts in bytes of memory; beyond it, messages are refused.
    unstored_messages: int = 10_000
    unstored_bytes: int = 16 * 1024 * 1024
    # How long the end of the server waits for what is not stored yet.
    storing_s: float = 5.0
    # Frames of one connection: so many at once, so many a second from then on. Beyond it they are refused; who is
    # refused more often than this is closed.
    frames_per_s: float = 50.0
    frames_at_once: int = 500
    refused_frames_per_s: float = 1.0
    refused_frames_at_once: int = 500
    connections_per_user: int = 10
    # Within this time: passwords that were wrong, by name and by address, and guests that came from one address.
    attempts_within_s: float = 60.0
    # None: any number. An IPv6 address counts with its whole /64, which is one customer's.
    wrong_passwords_per_user: int | None = 5
    wrong_passwords_per_address: int | None = 50
    guests_per_address: int | None = 20
    # So many names and addresses are remembered.
    attempts_remembered: int = 10_000

    def lifted(self) -> "Limits":
        """Return these without the ones per user, per address and a second: for load that comes from one place."""
        return replace(
            self,
            frames_per_s=1e9,
            frames_at_once=10**9,
            connections_per_user=10**9,
            wrong_passwords_per_user=None,
            wrong_passwords_per_address=None,
            guests_per_address=None,
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """All there is to decide; `create_app` needs nothing else."""

    host: str = "127.0.0.1"
    port: int = 8000
    accounts_count: int = 0
    accounts_key: str = field(default=DEFAULT_ACCOUNTS_KEY, repr=False)
    secret: str = field(default_factory=lambda: secrets.token_hex(SECRET_BYTES_MIN), repr=False)
    secret_is_random: bool = True
    token_lifetime_s: int = TOKEN_LIFETIME_S
    exit_with_stdin: bool = False
    # Of the account `admin`; None: there is none.
    admin_password: str | None = field(default=None, repr=False)
    # Pages of these origins may connect, beside our own.
    origins: frozenset[str] = frozenset()
    # Where the messages are kept, see database.py. None: in a file of our own that ends with the server.
    database_url: str | None = field(default=None, repr=False)
    durability: Durability = Durability.ACK
    # What to do wrong on purpose, and where to write what became of each message; without a path nowhere.
    faults: Faults | None = None
    truth_path: Path = Path(os.devnull)
    # Servers that are one chat speak to one another there; None: this one is alone.
    broker_url: str | None = field(default=None, repr=False)
    # How many processes serve the port.
    worker_count: int = 1
    # Whether others listen on the port as well: this is one of several workers.
    shares_port: bool = False
    instance: str = field(default_factory=socket.gethostname)
    # What the other servers of the chat know this process by: another name in each life.
    node: str = field(default_factory=lambda: f"{socket.gethostname()}-{secrets.token_hex(4)}")
    # The node whose place this one takes, since it is known to be dead.
    instead_of: str | None = None
    limits: Limits = field(default_factory=Limits)
    argon2_memory_kib: int = ARGON2_MEMORY_KIB
    argon2_passes: int = ARGON2_PASSES


def read_settings(flags: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Make settings of a command line; raises SettingsError with one line that says what to change."""
    given = _parser().parse_args(flags)
    key = environment.get("CHATBENCH_ACCOUNTS_KEY") or DEFAULT_ACCOUNTS_KEY
    if key == DEFAULT_ACCOUNTS_KEY and not _is_loopback(given.host):
        raise SettingsError(
            f"--host {given.host}: everybody knows the default key of the generated accounts, so it is for"
            " loopback only; set CHATBENCH_ACCOUNTS_KEY to a key of your own to listen elsewhere"
        )
    if given.truth is not None and given.faults is None:
        raise SettingsError("--truth: tells what became of the faults, so it needs --faults FILE")
    given.db = given.db or _of_environment(environment, DB_VARIABLE, _database_url)
    given.broker = given.broker or _of_environment(environment, BROKER_VARIABLE, _broker_url)
    _check_company(given, environment)
    settings = Settings(
        host=given.host,
        port=given.port,
        accounts_count=given.accounts,
        accounts_key=key,
        token_lifetime_s=given.token_lifetime,
        exit_with_stdin=given.exit_with_stdin,
        admin_password=environment.get("CHATBENCH_ADMIN_PASSWORD") or None,
        origins=frozenset().union(*given.origins),
        limits=Limits().lifted() if given.lift_limits else Limits(),
        database_url=given.db,
        durability=given.durability,
        faults=given.faults,
        truth_path=given.truth or Path(os.devnull),
        broker_url=given.broker,
        worker_count=given.workers,
        shares_port=given.shares_port,
        instance=given.instance,
        node=given.node or f"{given.instance}-{secrets.token_hex(4)}",
        instead_of=given.instead_of,
        argon2_memory_kib=_cost(environment, "CHATBENCH_ARGON2_MEMORY_KIB", ARGON2_MEMORY_KIB, at_least=8),
        argon2_passes=_cost(environment, "CHATBENCH_ARGON2_PASSES", ARGON2_PASSES, at_least=1),
    )
    secret = environment.get("CHATBENCH_SECRET")
    if not secret:
        return settings
    if len(secret.encode()) < SECRET_BYTES_MIN:
        raise SettingsError(
            f"CHATBENCH_SECRET: expected at least {SECRET_BYTES_MIN} bytes, got {len(secret.encode())};"
            " without the variable a random secret is made"
        )
    return replace(settings, secret=secret, secret_is_random=False)


def _check_company(given: argparse.Namespace, environment: Mapping[str, str]) -> None:
    """Check what servers that are one chat must have in common."""
    if given.workers > 1 and given.broker is None:
        raise SettingsError("--workers: several processes are one chat by --broker redis://HOST:PORT")
    if given.broker is None:
        return
    if given.db is None:
        raise SettingsError("--broker: servers that are one chat keep their messages in one place; name it with --db")
    if given.faults is not None:
        raise SettingsError("--broker: faults are for one server alone; leave out --faults or --broker")
    # Workers have one from the process that started them.
    if given.workers == 1 and not environment.get("CHATBENCH_SECRET"):
        raise SettingsError(
            "--broker: servers that are one chat take one another's tokens; set CHATBENCH_SECRET, the same for all"
        )


class _OneLineParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # Ours say no more than the scheme of a URL; of a flag that there is not, all is quoted.
        raise SettingsError(_NAMED.sub("***@", message) if message.startswith("unrecognized") else message)


def _parser() -> argparse.ArgumentParser:
    parser = _OneLineParser(
        prog="python -m target_app",
        description="The reference chat server. Its first line on standard output says where it listens.",
        epilog="From the environment: CHATBENCH_SECRET (signs tokens), CHATBENCH_ADMIN_PASSWORD (of the account admin),"
        " CHATBENCH_DB and CHATBENCH_BROKER (--db and --broker: whoever lists the processes sees no password there),"
        " CHATBENCH_ACCOUNTS_KEY (of the generated accounts), CHATBENCH_ARGON2_MEMORY_KIB and CHATBENCH_ARGON2_PASSES"
        " (what checking a password costs).",
        allow_abbrev=False,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=8000, help="0 takes any free port (default: %(default)s)")
    parser.add_argument(
        "--accounts",
        type=_count,
        # Enough for the catalogue, so that `chatbench serve` and `chatbench run --target` just work.
        default=10_000,
        metavar="N",
        help="accounts user-000001, user-000002, ... beside user1 and user2 (default: %(default)s)",
    )
    parser.add_argument(
        "--exit-with-stdin",
        action="store_true",
        help="stop when standard input ends: for a parent that holds the other end of a pipe",
    )
    parser.add_argument(
        "--db",
        type=_database_url,
        metavar="URL",
        help="keep messages in sqlite:///FILE or postgresql+asyncpg://USER:PASSWORD@HOST:PORT/DATABASE (default: in a"
        " temporary file that is removed at the end)",
    )
    parser.add_argument(
        "--durability",
        type=_durability,
        default=Durability.ACK,
        metavar="ack|async",
        help="whether an ack waits until the disk has the message (default: %(default)s)",
    )
    parser.add_argument(
        "--origins",
        type=_origins,
        action="append",
        default=[],
        metavar="URL,URL",
        help="let pages of these origins connect, beside our own (https://app.example); repeatable",
    )
    parser.add_argument(
        "--broker",
        type=_broker_url,
        metavar="URL",
        help="be one chat with other servers, by redis://HOST:PORT; they share --db and CHATBENCH_SECRET",
    )
    parser.add_argument(
        "--workers",
        type=_at_least_one,
        default=1,
        metavar="N",
        help="processes that serve the port together; more than one need --broker (default: %(default)s)",
    )
    parser.add_argument(
        "--instance",
        type=_instance,
        default=socket.gethostname(),
        metavar="NAME",
        help="what clients know this server by (default: the name of the host)",
    )
    # Between a server of several workers and these.
    parser.add_argument("--shares-port", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--node", type=_instance, help=argparse.SUPPRESS)
    parser.add_argument("--instead-of", type=_instance, help=argparse.SUPPRESS)
    parser.add_argument(
        "--token-lifetime",
        type=_seconds,
        default=TOKEN_LIFETIME_S,
        metavar="SECONDS",
        help="how long a token is good, and a connection that was opened with it (default: %(default)s)",
    )
    parser.add_argument(
        "--lift-limits",
        action="store_true",
        help="no limits per user, per address and per second: for load that comes from one place",
    )
    parser.add_argument(
        "--faults",
        type=_faults,
        metavar="FILE",
        help="do wrong what this TOML file asks for: delays, losses, freezes, ...; see target_app/faults.py",
    )
    parser.add_argument("--truth", type=Path, metavar="LOG", help="write what became of each message to this file")
    return parser


def _origins(text: str) -> frozenset[str]:
    origins = set()
    for each in text.split(","):
        origin = normalized(each.strip())
        if origin is None:
            raise argparse.ArgumentTypeError(f"expected an origin such as https://app.example, got {each!r}")
        origins.add(origin)
    return frozenset(origins)


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number, 1 or more, got {text!r}")
    return int(text)


def _broker_url(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if scheme not in ("redis", "rediss", "unix") or not rest:
        # A URL may hold a password: its scheme says enough.
        raise argparse.ArgumentTypeError(f"expected redis://HOST:PORT, got {scheme + separator!r}")
    # Half of a password would be taken for the host or the port, and be named where nobody answers there.
    if scheme != "unix" and "@" in "".join(re.split("[/?#]", rest, maxsplit=1)[1:]):
        raise argparse.ArgumentTypeError("expected a password in which '/', '?' and '#' are written %2F, %3F and %23")
    return text


def _instance(text: str) -> str:
    if not text.isprintable() or not 0 < len(text) <= INSTANCE_LENGTH or text == "*":
        raise argparse.ArgumentTypeError(f"expected 1 to {INSTANCE_LENGTH} printable characters, got {text!r}")
    return text


def _faults(text: str) -> Faults:
    try:
        return read_faults(Path(text))
    except FaultsError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _database_url(text: str) -> str:
    try:
        database_from(text)
    except DatabaseUrlError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def _durability(text: str) -> Durability:
    try:
        return Durability(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected ack or async, got {text!r}") from error


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"expected 0 to 65535, got {text!r}")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number, 0 or more, got {text!r}")
    return int(text)


def _seconds(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of seconds, 1 or more, got {text!r}")
    return int(text)


def _of_environment(environment: Mapping[str, str], variable: str, read: Callable[[str], str]) -> str | None:
    text = environment.get(variable)
    if not text:
        return None
    try:
        return read(text)
    except argparse.ArgumentTypeError as error:
        raise SettingsError(f"{variable}: {error}") from error


def _cost(environment: Mapping[str, str], variable: str, default: int, at_least: int) -> int:
    text = environment.get(variable)
    if not text:
        return default
    if not text.isdecimal() or int(text) < at_least:
        raise SettingsError(f"{variable}: expected a whole number, {at_least} or more, got {text!r}")
    return int(text)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
