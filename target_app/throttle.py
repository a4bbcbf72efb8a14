"""How often somebody may do something: a bucket a connection, a short memory for failures. The clock is given."""

import ipaddress
from collections import OrderedDict, deque

_NS_PER_S = 1_000_000_000


class Bucket:
    """So many at once, and so many a second from then on (a token bucket)."""

    __slots__ = ("_burst", "_full_ns", "_per_ns")

    def __init__(self, per_s: float, burst: int) -> None:
        self._per_ns = _NS_PER_S / per_s
        self._burst = burst
        # When it would be full again if nothing more were taken.
        self._full_ns = 0.0

    def take(self, now_ns: int) -> bool:
        """Take one; False where none is left."""
        full_ns = max(self._full_ns, now_ns) + self._per_ns
        if full_ns - now_ns > self._burst * self._per_ns:
            return False
        self._full_ns = full_ns
        return True


class Attempts:
    """How often each of many has tried lately; after ``most`` attempts it must wait (None: it never must).

    What it knows is bounded: of too many names, those tried longest ago are forgotten, so nobody fills the
    memory with names he makes up.
    """

    def __init__(self, most: int | None, within_s: float, names: int) -> None:
        self._most = most
        self._within_ns = round(within_s * _NS_PER_S)
        self._names = names
        self._tried_ns: OrderedDict[str, deque[int]] = OrderedDict()

    def wait_s(self, name: str, now_ns: int) -> int | None:
        """Return for how long this one must wait, in whole seconds; None where it need not."""
        tried_ns = self._tried_ns.get(name)
        if tried_ns is None or len(tried_ns) != self._most:
            return None
        left_ns = tried_ns[0] + self._within_ns - now_ns
        return -(-left_ns // _NS_PER_S) if left_ns > 0 else None

    def note(self, name: str, now_ns: int) -> None:
        """Remember one attempt."""
        if self._most is None:
            return
        # The last of them are enough to say when the next one is allowed.
        tried_ns = self._tried_ns.setdefault(name, deque(maxlen=self._most))
        self._tried_ns.move_to_end(name)
        tried_ns.append(now_ns)
        if len(self._tried_ns) > self._names:
            self._tried_ns.popitem(last=False)

    def forget(self, name: str) -> None:
        """Begin anew with this one."""
        self._tried_ns.pop(name, None)


def counted_as(host: str) -> str:
    """Return what an address counts as: itself, or its /64, since one customer has 2^64 of IPv6 to try from."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address) or address.ipv4_mapped is not None:
        return host
    return str(ipaddress.ip_network((address, 64), strict=False))


class LoginFailures:
    """Wrong passwords, by name and by address; a right one forgives the name."""

    def __init__(self, per_name: Attempts, per_address: Attempts) -> None:
        self._per_name = per_name
        self._per_address = per_address

    def wait_s(self, name: str, address: str, now_ns: int) -> int | None:
        """Return for how long nobody may try this name, or from this address; None where one may."""
        waits = (self._per_name.wait_s(name, now_ns), self._per_address.wait_s(address, now_ns))
        return max((wait_s for wait_s in waits if wait_s is not None), default=None)

    def note(self, name: str, address: str, now_ns: int) -> None:
        """Remember a failure."""
        self._per_name.note(name, now_ns)
        self._per_address.note(address, now_ns)

    def forget(self, name: str) -> None:
        """Begin anew with this name."""
        self._per_name.forget(name)
