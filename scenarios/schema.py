"""The scenario file: every key, what it means, what it must be, and its default."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from loadgen.measure.marker import WIDTH
from loadgen.plan.incidents import Backoff, IncidentKind
from loadgen.plan.pacing import Gaps, Loop
from loadgen.plan.plan import TransportKind
from loadgen.plan.rooms import RoomShape
from reports.target_series import EMBEDDED, MOST_SERIES, parse_wanted
from scenarios.endpoint import AUTO, MOST_PORT, endpoint_of
from scenarios.validation import Duration, Moment, Section

# More than any machine of ours has cores; beyond, it is a slip.
MOST_PROCESSES = 64

# Of the embedded server, which shares a machine with the generator.
MOST_NODES = 16

# More lengths than a table has rows for.
MOST_PAYLOAD_SIZES = 64


def _key(expected: str, default: Any, **limits: Any) -> Any:
    """A field: what it must be in words, its default, and pydantic's limits."""
    return Field(default, json_schema_extra={"expected": expected}, validate_default=False, **limits)


def _metrics_url(text: str) -> str:
    parts = urlsplit(text)
    if text != EMBEDDED and (parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0):
        raise ValueError("neither an address nor auto")
    if not text.isprintable() or " " in text:
        raise ValueError("no address has these characters")
    return text


def _wanted(text: str) -> str:
    return str(parse_wanted(text))


class Target(Section):
    """The server under test; left out: the embedded reference server."""

    url: str | list[str] | None = _key('an address like "http://127.0.0.1:8000", or a list of them', None)
    """Base address, http(s):// or ws(s)://; of several, the nodes of one server, users take them in turn; left out:
    the embedded reference server."""
    nodes: int = _key(f"a whole number from 1 to {MOST_NODES}", 1, ge=1, le=MOST_NODES)
    """Of the embedded server: how many processes of it are one chat, through a Redis of their own (redis-server must be
    installed); users take them in turn. With a url the nodes are those that it names."""
    dialect: str = _key("the name of a built-in dialect or the path of a dialect file", "reference")
    """How the server is spoken to: a built-in dialect (`chatbench dialects`), or a dialect file (TOML)."""
    insecure: bool = _key("true or false", False)
    """Take any TLS certificate."""
    ca: str | None = _key("the path of a file", None)
    """File with the certificates to trust, in PEM; left out: those that the system trusts."""
    client_cert: str | None = _key("the path of a file", None)
    """File with the certificate that says who we are, in PEM, for a server that asks."""
    client_key: str | None = _key("the path of a file", None)
    """File with its key, in PEM and without a passphrase; left out: it is in the file of the certificate."""
    proxy: str | None = _key('an address like "http://proxy.example.org:3128"', None)
    """An HTTP proxy to go through (CONNECT); with a name and password where it wants them,
    http://name:password@host:port."""
    unix_socket: str | None = _key("the path of a unix socket", None)
    """Everything goes through this socket, whatever host the address names."""
    headers: dict[str, str] = _key("a table of texts", {})
    """Sent with every request and handshake."""
    compression: bool = _key("true or false", False)
    """Offer permessage-deflate; needs transport websockets."""
    metrics_url: Annotated[str, AfterValidator(_metrics_url)] | None = _key(
        'an address like "http://127.0.0.1:8000/metrics", or "auto"', None
    )
    """Where the server tells of itself in Prometheus' text format: asked once a second while the run goes on, and drawn
    beside our own figures; auto: the embedded server's own address."""
    metrics: list[Annotated[str, AfterValidator(_wanted)]] = _key(
        'names like ["process_open_fds", "rate(chat_messages_total)"]', [], max_length=MOST_SERIES
    )
    """Which of these figures: names, or rate(NAME) of counters, the samples of a name added up; left out: processor,
    memory and descriptors, and what is named after connections and messages, 12 at most."""


class Rooms(Section):
    """Who shares a room with whom."""

    shape: Annotated[RoomShape, Field(strict=False)] = _key(
        '"single", "uniform", "zipf", "lognormal" or "own"', RoomShape.SINGLE
    )
    """single: one room for all; uniform: rooms of equal size; zipf: few large rooms and many small ones; lognormal:
    sizes as groups of people have; own: a room for each user alone."""
    count: int = _key("a whole number > 0", 1, ge=1)
    """How many rooms; 1 for shape single, and not said for lognormal and own, which have as many as it takes."""
    exponent: float | None = _key("a number > 0 and <= 10", None, gt=0, le=10)
    """Of shape zipf: the size of the room in place k goes with 1 / k ** exponent; default 1."""
    median: float | None = _key("a number >= 1", None, ge=1, allow_inf_nan=False)
    """Of shape lognormal: half of the rooms are smaller; default 8."""
    sigma: float | None = _key("a number >= 0 and <= 5", None, ge=0, le=5)
    """Of shape lognormal: how widely sizes are spread (of their logarithm); default 1."""
    giant: float | None = _key("a number >= 0 and <= 1", None, ge=0, le=1)
    """Of shape lognormal: this share of the users is in one giant room; default 0."""
    weight: float = _key("a number >= 0", 1.0, ge=0, allow_inf_nan=False)
    """Where a user has several rooms: how much of what it does there is done in these."""


def _stage_of_text(value: Any) -> Any:
    """The table that a text like "30s:500" stands for; ValueError for any other text."""
    if not isinstance(value, str):
        return value
    within, colon, count = value.partition(":")
    if not colon:
        raise ValueError("not a stage")
    return {"within": within, "count": int(count) if count.isascii() and count.isdecimal() else count}


class Stage(Section):
    """A part of the measured window in which users come or go."""

    within: Duration = _key('a time like "30s"', ..., ge=0)
    """How long the stage takes; 0s: all come, or leave, at once."""
    count: int = _key("a whole number >= 0", ..., ge=0)
    """How many users there are at its end; they come or go evenly."""


class Users(Section):
    """Who talks."""

    count: int = _key("a whole number > 0", 500, ge=1)
    """How many users; one user is one login and one socket. With stages: the most there are at a time."""
    active: float = _key("a number > 0 and <= 1", 1.0, gt=0, le=1)
    """This share of the users writes, and does whatever else is in the mix; the others only read. Which ones, the seed
    settles; one at least."""
    stages: list[Annotated[Stage, BeforeValidator(_stage_of_text)]] = _key(
        'stages like "30s:500" or { within = "30s", count = 500 }', []
    )
    """Users who come and go: nobody is there at first, each stage leads to its number of users, and together they are
    the measured window; there is no warm-up."""
    connect_rate_per_s: float = _key("a number > 0", 250.0, gt=0, allow_inf_nan=False)
    """Logins, connections and joins a second; where there are stages, these say when users come."""
    rooms: Rooms = _key('a table like { shape = "uniform", count = 2 }', Rooms())
    """Who shares a room with whom."""
    more_rooms: list[Rooms] = _key('tables like [{ shape = "own", weight = 0.5 }]', [])
    """Further rooms: each user is in one of each table's, too, and writes now to the one, now to the other."""
    watch_presence: bool = _key("true or false", False)
    """Whether users want to be told who comes and goes: a room of N that fills costs N squared frames. The dialect must
    know how (join.watch)."""
    file: str | None = _key("the path of a CSV file with username,password lines", None)
    """username,password a line, taken in turn; left out: the generated accounts of the reference server."""
    tokens_file: str | None = _key("the path of a file with one token a line", None)
    """One token a line, taken in turn; nobody logs in."""


def _weight(default: float = 0.0) -> Any:
    return _key("a number >= 0", default, ge=0, allow_inf_nan=False)


class Mix(Section):
    """What users do, by weight."""

    message: float = _weight()
    """A message to everybody in one's room."""
    direct: float = _weight()
    """A message to one other user, any of them."""
    typing: float = _weight()
    """Tell the room that one is about to write."""
    history: float = _weight()
    """Read the latest messages of the room."""
    presence: float = _weight()
    """Ask who is there."""
    http: float = _weight()
    """Make the HTTP request of the dialect's section [http]."""


_MOST_BYTES = 10**7
_Bytes = Annotated[int, Field(ge=WIDTH, le=_MOST_BYTES)]
_FROM_MARKER = f"from {WIDTH} (the bytes of the marker) to {_MOST_BYTES:,}"
_BYTES = f"a whole number {_FROM_MARKER}"


class PayloadSizes(Section):
    """Texts whose lengths are distributed as those of what people write: log-normal."""

    median: float = _key(f"a number {_FROM_MARKER}", ..., ge=WIDTH, le=_MOST_BYTES)
    """Half of the texts are shorter."""
    sigma: float = _key("a number >= 0 and <= 5", 1.0, ge=0, le=5)
    """How widely lengths are spread (of their logarithm)."""
    most: _Bytes = _key(_BYTES, 20_000)
    """No text is longer; what is drawn longer gets this length, what is drawn shorter than the marker gets its."""


def _form_of(value: Any) -> str:
    """Which of its forms payload_bytes has; whatever else it is shall be a number."""
    if isinstance(value, list):
        return "list[int]"
    return "table[]" if isinstance(value, dict | PayloadSizes) else "int"


class Factor(Section):
    """How many times as long some of the users think as others do."""

    times: float = _key("a number > 0 and <= 100000", ..., gt=0, le=10**5)
    """So many times as long, for as long as the run lasts."""
    weight: float = _key("a number > 0", 1.0, gt=0, allow_inf_nan=False)
    """How many of the users do, beside the weights of the other factors."""


class Think(Section):
    """How long users think before each thing they do."""

    min: Annotated[Duration, Field(ge=0)] | None = _key('a time like "1s"', None)
    """Of gaps think: nobody thinks for less, before its factor; default 1s."""
    max: Annotated[Duration, Field(gt=0)] | None = _key('a time > 0 like "39s"', None)
    """Of gaps think: nobody thinks for longer, before its factor; default 39s. Anything between is as likely."""
    factors: list[Factor] = _key("tables like [{ times = 1, weight = 0.7 }, { times = 6, weight = 0.3 }]", [])
    """Of gaps think: each user has one of these factors, for all its thoughts; none: all think alike."""


def _rate_stage_of_text(value: Any) -> Any:
    """The table that a text like "10s:200" stands for; ValueError for any other text."""
    if not isinstance(value, str):
        return value
    within, colon, rate = value.partition(":")
    if not colon:
        raise ValueError("not a stage")
    try:
        return {"within": within, "rate_per_s": float(rate)}
    except ValueError:
        return {"within": within, "rate_per_s": rate}


class RateStage(Section):
    """A part of the measured window in which the rate changes."""

    within: Duration = _key('a time like "30s"', ..., ge=0)
    """How long the stage takes; 0s: the rate changes at once."""
    rate_per_s: float = _key("a number >= 0", ..., ge=0, allow_inf_nan=False)
    """Messages a second at its end; the rate goes there evenly."""


class Traffic(Section):
    """How much is said."""

    loop: Annotated[Loop, Field(strict=False)] = _key('"open" or "closed"', Loop.OPEN)
    """open: messages are due at fixed instants whatever the server does; closed: a user waits for the answer to its
    last message, and thinks, before it writes the next."""
    rate_per_s: float | None = _key("a number > 0", None, gt=0, allow_inf_nan=False)
    """Messages a second, all users together, direct ones included; default 40. What else the mix has comes on top;
    where it has no messages at all, the rate is that of the other things."""
    per_user_per_min: float | None = _key("a number > 0", None, gt=0, allow_inf_nan=False)
    """Messages a minute of each active user, instead of rate_per_s."""
    rate_stages: list[Annotated[RateStage, BeforeValidator(_rate_stage_of_text)]] = _key(
        'stages like "10s:200" or { within = "10s", rate_per_s = 200 }', []
    )
    """A rate that changes: from the start of the measured window it goes from rate_per_s, which the warm-up has, to
    that of each stage, and stays as the last one says. A rate by flag is meant for the whole run, and has none."""
    gaps: Annotated[Gaps, Field(strict=False)] = _key(
        '"exponential", "constant", "pareto" or "think"', Gaps.EXPONENTIAL
    )
    """How the time between two messages is distributed. exponential, constant: between those of all users, who take
    turns by chance; pareto: between those of one user, bursts with long pauses between them; think: each user thinks
    before each thing it does, and the rate follows from that. With pareto and stages of users, rate_per_s is that of
    all of them."""
    alpha: float | None = _key("a number > 1 and <= 5", None, gt=1, le=5)
    """Of gaps pareto: pauses longer than x are as many as x ** -alpha; the less, the longer the longest; default 1.8.
    Of people's messages it is 1.5 to 2.2."""
    think: Think = _key('a table like { min = "1s", max = "39s" }', Think())
    """How long users think before each thing they do."""
    mix: Mix = _key("a table like { message = 0.8, direct = 0.2 }", Mix(message=1.0))
    """What users do, by weight: message, direct, typing, history, presence, http; the dialect must know how."""
    payload_bytes: Annotated[
        Annotated[_Bytes, Tag("int")]
        | Annotated[list[_Bytes], Field(min_length=1, max_length=MOST_PAYLOAD_SIZES), Tag("list[int]")]
        | Annotated[PayloadSizes, Tag("table[]")],
        Discriminator(_form_of),
    ] = _key(f"{_BYTES}, a list of 1 to {MOST_PAYLOAD_SIZES} of them, or a table like {{ median = 120 }}", 200)
    """Length of each message's text, marker included; of a list any of them, each as likely; of a table, as it
    says."""
    compressible: bool = _key("true or false", True)
    """Texts are words, which deflate makes half as long; false: letters and digits, which it can hardly shorten."""
    deadline: Duration = _key('a time > 0 like "5s"', 5 * 10**9, gt=0)
    """A delivery is late when it comes later than this after it was sent."""


class Phases(Section):
    """How long everything takes."""

    warmup: Duration = _key('a time like "3s"', 3 * 10**9, ge=0)
    """Messages flow, nothing is measured; 0s is allowed."""
    measure: Duration = _key('a time > 0 like "30s"', 30 * 10**9, gt=0)
    """The measured window."""
    drain: Duration = _key('a time like "5s"', 5 * 10**9, ge=0)
    """How long to wait for what is under way before it is lost; 0s is allowed."""
    time_scale: float = _key("a number > 0 and <= 100000", 1.0, gt=0, le=10**5)
    """The hours of the plan pass so many times as fast: what is said of the measured window, of stages and of incidents
    is divided by it. Warm-up, drain and deadlines stay, and so does what people do in a minute."""


def _endpoint(text: str) -> str:
    endpoint_of(text)
    return text


def _endpoint_or_auto(text: str) -> str:
    return text if text == AUTO else _endpoint(text)


class Run(Section):
    """How the run is carried out and what it leaves behind."""

    seed: int = _key("a whole number >= 0", 1, ge=0, lt=2**63)
    """Settles every random choice."""
    processes: Annotated[int, Field(ge=1, le=MOST_PROCESSES)] | Literal["auto"] = _key(
        f'a whole number from 1 to {MOST_PROCESSES}, or "auto"', 1
    )
    """Processes that offer load; auto: one for each core, but the one that the embedded server has."""
    transport: Annotated[TransportKind, Field(strict=False)] = _key('"picows" or "websockets"', TransportKind.PICOWS)
    """Which WebSocket implementation carries the frames: the fast one, or the one that compresses."""
    out: str | None = _key("the path of a directory", None)
    """Run directory; left out: runs/<time>-<scenario>."""
    force: bool = _key("true or false", False)
    """Write into a run directory that is not empty."""
    html: bool = _key("true or false", True)
    """Write report.html."""
    plots: bool = _key("true or false", True)
    """Write plots/*.png."""
    print_json: bool = _key("true or false", False)
    """Print the result document on standard output."""
    quiet: bool = _key("true or false", False)
    """Print nothing but errors."""
    events: str | None = _key("the path of a file", None)
    """Write what happens, a line of JSON each, into this file."""
    prometheus_port: Annotated[int, Field(ge=0, le=MOST_PORT)] | Annotated[str, AfterValidator(_endpoint)] | None = (
        _key('a port like 9464, or an address and a port like "0.0.0.0:9464"', None)
    )
    """Serve the live figures for Prometheus at this port while the run goes on, at /metrics, for this machine alone
    unless an address is named; 0: any port that is free."""
    web: Annotated[int, Field(ge=0, le=MOST_PORT)] | Annotated[str, AfterValidator(_endpoint_or_auto)] | None = _key(
        'a port like 8090, an address and a port like "0.0.0.0:8090", or "auto"', None
    )
    """Serve a page to look at in a browser at this port while the run goes on, for this machine alone unless an address
    is named; 0: any port that is free; auto, as is --web without a value: 8090, or any that is free where another
    program has it."""
    abort_on_fail: bool = _key("true or false", False)
    """End the run as soon as a budget has failed."""
    abort_after: Duration = _key('a time like "10s"', 0, ge=0)
    """Of abort_on_fail: how long after the start of the measured window budgets are looked at first. What happened in
    the window before counts all the same."""
    budgets_file: str | None = _key("the path of a TOML file", None)
    """Limits for many scenarios: of all as in [budgets], and in [scenario.NAME] of one; they replace those of the
    scenario for the same metric and slice. A path from where this file is; by flag, from where one is."""


class Incident(Section):
    """Something that goes wrong by plan."""

    at: Moment = _key('a share of the measured window like "50%", or a time from its start like "10s"', "50%")
    """When: a share of the measured window, or a time from its start."""
    kind: Annotated[IncidentKind, Field(strict=False)] = _key(
        '"reconnect_storm", "herd_join", "abrupt_close", "half_open", "slow_readers", "token_expiry", '
        '"server_restart", "outage" or "announcement"',
        ...,
    )
    """reconnect_storm: sockets are cut, and their users come back; herd_join: users who were not there before come
    together; abrupt_close: sockets are cut without a close frame, and their users stay away; half_open: sockets are
    left open and unread, and their users come back on others; slow_readers: sockets are read slowly, or no more;
    token_expiry: the server closes the sockets of those whose tokens have run out, and they log in again (the tokens of
    the embedded server last until then); server_restart: the embedded server ends, and is started again; outage:
    whatever somebody else does to the server meanwhile, whoever it cuts off comes back, each time; announcement: one
    user writes to its room, and others answer."""
    share: float | None = _key("a number > 0 and <= 1", None, gt=0, le=1)
    """The share of the users it hits; default 0.5, and 0.1 for slow_readers and announcement. Not of token_expiry,
    server_restart and outage, which hit whoever they hit."""
    within: Moment | None = _key('a time like "5s", or a share of the measured window like "50%"', None)
    """Over how long those whom it hits are spread; default 0s, all at once, and a quarter of the measured window for
    herd_join and announcement. How long an outage takes; default a quarter of the window, too."""
    backoff: Annotated[Backoff, Field(strict=False)] | None = _key('"none", "constant" or "exponential_jitter"', None)
    """How long they wait before they try to come back: not at all, 3 s, or up to a bound that doubles each time
    (default; none for herd_join)."""
    bytes_per_s: int | None = _key("a whole number >= 0", None, ge=0)
    """Of slow_readers: how much each of them reads a second; default 0."""
    down: Annotated[Duration, Field(gt=0)] | None = _key('a time > 0 like "1s"', None)
    """Of server_restart: how long nobody serves; default 1s."""
    kill: bool | None = _key("true or false", None)
    """Of server_restart: whether the server is killed, instead of being asked to end; default false."""


class Scenario(Section):
    """Who talks to whom, how much, for how long, within which budgets."""

    summary: str = _key("a sentence", "")
    """What the scenario asks, in a sentence."""
    extends: str | None = _key("a name of the catalogue, or the path of a file from where this one is", None)
    """The scenario that this one is laid over, table by table and key by key; lists, and the limits of a metric,
    replace."""
    target: Target = _key("a table", Target())
    users: Users = _key("a table", Users())
    traffic: Traffic = _key("a table", Traffic())
    phases: Phases = _key("a table", Phases())
    incident: list[Incident] = _key('tables like [[incident]] with kind = "reconnect_storm"', [])
    """What goes wrong, and when."""
    run: Run = _key("a table", Run())
    sweep: dict[str, Any] = _key("one key with a list of values like payload_bytes = [100, 1000]", {})
    """One key, by its name or its path, and the values that it has in one run after the other."""
    budgets: dict[str, str | list[str]] = _key('a limit like "p(99) < 250ms", or a list of them', {})
    """Limits on metrics and counters; a run that breaks one fails."""
