"""Everything a run needs and nothing it does not: plain data, settled before anything starts."""

from __future__ import annotations

from dataclasses import dataclass, replace

from loadgen.dialects.script import DialectScript
from loadgen.plan.pacing import Gaps


@dataclass(frozen=True, slots=True)
class Share:
    """Which of the users are ours: every ``count``-th, from ``index`` on."""

    index: int = 0
    count: int = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """One run; durations and instants are ns, users and rooms are counted from 0."""

    tag: str
    """Six hexadecimal digits that every marker of the run carries."""
    seed: int
    base_url: str
    """http:// or https://, without a slash at the end; WebSockets use ws:// and wss:// at the same place."""
    dialect: DialectScript
    accounts: tuple[tuple[str, str], ...]
    """(username, password); users take them in turn."""
    user_count: int
    connect_rate_per_s: float
    """Also of logins and joins."""
    room_count: int
    rate_per_s: float
    gaps: Gaps
    payload_bytes: int
    warmup_ns: int
    measure_ns: int
    drain_ns: int
    deadline_ns: int
    headers: tuple[tuple[str, str], ...] = ()
    verify_tls: bool = True
    share_of_users: Share = Share()

    def share(self, index: int, count: int) -> Plan:
        """The part of one of ``count`` processes; together they are the whole plan, without loss or overlap."""
        return replace(self, share_of_users=Share(index, count))

    @property
    def users(self) -> range:
        """The users of this share."""
        return range(self.share_of_users.index, self.user_count, self.share_of_users.count)
