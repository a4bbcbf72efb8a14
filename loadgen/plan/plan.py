"""Everything a run needs and nothing it does not: plain data, settled before anything starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain, starmap
from urllib.parse import unquote, urlsplit

from loadgen.dialects.script import DialectScript
from loadgen.plan.access import DIRECT, Access
from loadgen.plan.acts import JUST_MESSAGES, Act, Mix, acts_per_message
from loadgen.plan.incidents import COME_BACK, Incident, IncidentKind
from loadgen.plan.pacing import Gaps, Loop
from loadgen.plan.pauses import Think
from loadgen.plan.payload_sizes import PayloadBytes
from loadgen.plan.ramps import RateStage
from loadgen.plan.rooms import Rooms
from loadgen.plan.secrets import Secrets, secrets_of_account
from loadgen.plan.slices import UNSLICED, Slicing
from loadgen.plan.stages import Stage

DEFAULT_ALPHA = 1.8
"""The exponent of a power law of the gaps between messages of one person: 1.5 to 2.2 (arXiv 0802.2577)."""


class TransportKind(StrEnum):
    """Which WebSocket implementation carries the frames."""

    PICOWS = "picows"
    WEBSOCKETS = "websockets"


@dataclass(frozen=True, slots=True)
class Share:
    """Which of the users are ours: every ``count``-th, from ``index`` on."""

    index: int = 0
    count: int = 1


WHOLE = Share()
"""All users in one process."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One run; durations and instants are ns, users and rooms are counted from 0."""

    tag: str
    """Six hexadecimal digits that every marker of the run carries."""
    seed: int
    base_urls: tuple[str, ...]
    """The nodes of the server; users take them in turn. http:// or https://, without a slash at the end; WebSockets
    use ws:// and wss:// at the same place."""
    dialect: DialectScript
    accounts: tuple[tuple[str, str], ...]
    """(username, password); users take them in turn."""
    user_count: int
    connect_rate_per_s: float
    """Also of logins and joins."""
    rooms: Rooms
    """Who is in which."""
    rate_per_s: float
    """Messages of all users together."""
    gaps: Gaps
    payload_bytes: PayloadBytes
    """Length of each message's text."""
    warmup_ns: int
    measure_ns: int
    drain_ns: int
    deadline_ns: int
    headers: tuple[tuple[str, str], ...] = ()
    access: Access = DIRECT
    """Of all connections, and of requests over HTTP."""
    loop: Loop = Loop.OPEN
    rate_follows_users: bool = False
    """Whether ``rate_per_s`` is meant for ``user_count`` users, and is less while fewer are there."""
    tokens: tuple[str, ...] = ()
    """Where there are some, users take them in turn and nobody logs in."""
    transport: TransportKind = TransportKind.PICOWS
    compression: bool = False
    """Whether permessage-deflate is offered."""
    source_addresses: tuple[str, ...] = ()
    """Local addresses that connections leave from, in turn; none: the system chooses."""
    stages: tuple[Stage, ...] = ()
    """Where there are some, users come and go in the measured window, which they fill."""
    incidents: tuple[Incident, ...] = ()
    """Each at the place of its number."""
    mix: Mix = JUST_MESSAGES
    """What users do, by weight."""
    compressible: bool = True
    """Whether texts are words, which deflate makes shorter, or letters and digits, which it hardly can."""
    share_of_users: Share = WHOLE
    on_call: bool = False
    """Whether users come and go as somebody says while the run goes on. Then ``user_count`` is the most there can be,
    and sections say how many write, and how much."""
    active_share: float = 1.0
    """About how many of the users write; the others only read."""
    alpha: float = DEFAULT_ALPHA
    """Of gaps "pareto"."""
    think: Think | None = None
    """Of gaps "think", where ``rate_per_s`` is what follows from it."""
    rate_stages: tuple[RateStage, ...] = ()
    """From the start of the measured window on the rate goes from ``rate_per_s`` to theirs."""
    slicing: Slicing = UNSLICED
    """Which messages are measured by themselves as well."""

    @property
    def secrets(self) -> Secrets:
        """What nobody may read off what is left of the run, as far as it is known before."""
        of_users = chain.from_iterable(starmap(secrets_of_account, self.accounts))
        return Secrets.of((*self._secrets_of_all(), *of_users, *self.tokens), self.headers)

    def secrets_of(self, user: int | None, token: str) -> Secrets:
        """The same of what one user (None: nobody in particular) hears who has this token."""
        account = () if user is None else secrets_of_account(*self.accounts[user % len(self.accounts)])
        return Secrets.of((*self._secrets_of_all(), *account, token), self.headers)

    def _secrets_of_all(self) -> Iterator[str]:
        if self.dialect.token is not None:
            yield self.dialect.token.secret
        for url in (*self.base_urls, self.access.proxy or ""):
            parts = urlsplit(url)
            if parts.password:
                yield parts.password
                yield from secrets_of_account(unquote(parts.username or ""), unquote(parts.password))

    @property
    def acts_per_s(self) -> float:
        """Everything that all users do together: ``rate_per_s`` messages, and what the mix has besides."""
        return self.rate_per_s * acts_per_message(self.mix)

    def does(self, act: Act) -> bool:
        """Whether it is in the mix."""
        return any(each is act for each, _ in self.mix)

    @property
    def reads_history(self) -> bool:
        """Whether users read what was said before: by the mix, or after they were away."""
        history = self.dialect.history
        return history is not None and (self.does(Act.HISTORY) or bool(history.catch_up and self.has_returns))

    @property
    def catches_up(self) -> bool:
        """Whether who comes back asks for what it has missed, of a server that says what it keeps."""
        history = self.dialect.history
        asks = history is not None and history.catch_up is not None and self.has_returns
        return asks and self.dialect.publish.ack is not None

    @property
    def has_returns(self) -> bool:
        """Whether users who were there come back by plan."""
        return any(each.kind in COME_BACK and each.kind is not IncidentKind.HERD_JOIN for each in self.incidents)

    @property
    def begins_empty(self) -> bool:
        """Whether nobody is there at first: everybody comes by stages, or with a herd."""
        whole = (each.kind is IncidentKind.HERD_JOIN and each.share == 1 for each in self.incidents)
        return bool(self.stages) or any(whole)

    @property
    def brings_in_late(self) -> bool:
        """Whether somebody logs in after the first message is due."""
        return bool(self.stages) or any(
            each.kind in (IncidentKind.HERD_JOIN, IncidentKind.TOKEN_EXPIRY) for each in self.incidents
        )

    def is_held_back(self, user: int) -> bool:
        """Whether a user is not there at first, since it comes with a herd."""
        return any(each.kind is IncidentKind.HERD_JOIN and each.hits(user, self.seed) for each in self.incidents)

    def number_out_of_turn(self, incident: int, n: int) -> int:
        """What message ``n`` of an announcement is numbered in the whole run: no message in turn has that number."""
        # 2^40 for each incident, as for each section; they begin where the two-millionth section would.
        return (1 << 61) + (incident << 40) + n

    def share(self, index: int, count: int) -> Plan:
        """The part of one of ``count`` processes; together they are the whole plan, without loss or overlap."""
        return replace(self, share_of_users=Share(index, count))

    def share_of(self, user: int) -> int:
        """The index of the share that a user belongs to."""
        return user % self.share_of_users.count

    @property
    def users(self) -> range:
        """The users of this share."""
        return range(self.share_of_users.index, self.user_count, self.share_of_users.count)
