"""The faults file: what the server is to do wrong, and how often.

    seed = 7                                  # every random choice below comes from it

    [deliveries]                              # each message, for each of its receivers
    delay = { kind = "constant", ms = 5.0 }   # uniform: from_ms, to_ms; lognormal: median_ms, sigma
    drop = 0.01                               # a probability; or [{ message = 3, receiver = "user-000002" }]
    duplicate = 0.01                          # the same; in a list, copies = 2 sends two more
    swap = 0.01                               # the same; goes out after the next message for this receiver
    stray = 0.001                             # the same, for each user of another room: gets it all the same
    swap_same_sender = true                   # the next of the same sender and room; false: of the room
    spare_newcomers_s = 0.5                   # who came less than this ago gets all, once and in order

    [[freeze]]                                # the whole server stands still
    after_s = 5.0                             # after the first message
    for_s = 1.0

    [[close]]                                 # sockets are closed
    after_s = 3.0
    share = 0.25                              # of those connected; or users = ["user-000001"]
    code = 1012
    reason = "restart"

    [login]                                   # logins that would have succeeded
    refuse = 0.1                              # with 401
    delay = { kind = "constant", ms = 50 }

    [upgrade]                                 # handshakes with a good token
    never_answer = 0.05

    [reading]                                 # of some users the server takes this much a second
    slow = { share = 0.1, bytes_per_s = 1000 }

Messages are numbered from 0 in the order in which the server takes them. Every key may be left out.
"""

import json
import math
import tomllib
from collections.abc import Iterator
from pathlib import Path
from statistics import NormalDist
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

# What is longer is a slip; it also bounds the tail of a lognormal delay.
LONGEST_S = 3_600

_STANDARD_NORMAL = NormalDist()

# Longer lists are told by their beginning.
_TEXT_LENGTH = 120


class FaultsError(ValueError):
    """The file cannot be followed; the text names it, the key, what was wanted and what was found."""


class Section(BaseModel):
    """A table of the file: unknown keys, wrong types, infinities are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


Probability = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=LONGEST_S)]
Milliseconds = Annotated[float, Field(ge=0, le=LONGEST_S * 1_000)]


class ConstantDelay(Section):
    """The same for all."""

    kind: Literal["constant"]
    ms: Milliseconds

    def delay_ns(self, _lot: float) -> int:
        """Return the delay that a lot in (0, 1) stands for."""
        return round(self.ms * 1e6)


class UniformDelay(Section):
    """Anything between two bounds."""

    kind: Literal["uniform"]
    from_ms: Milliseconds
    to_ms: Milliseconds

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.to_ms < self.from_ms:
            raise ValueError(f"expected from_ms <= to_ms, got {self.from_ms:g} and {self.to_ms:g}")
        return self

    def delay_ns(self, lot: float) -> int:
        """Return the delay that a lot in (0, 1) stands for."""
        return round((self.from_ms + lot * (self.to_ms - self.from_ms)) * 1e6)


class LognormalDelay(Section):
    """Mostly short, sometimes very long, as networks are; ``sigma`` is that of the natural logarithm."""

    kind: Literal["lognormal"]
    median_ms: Annotated[Milliseconds, Field(gt=0)]
    sigma: Annotated[float, Field(ge=0, le=10)]

    def delay_ns(self, lot: float) -> int:
        """Return the delay that a lot in (0, 1) stands for; an hour at most."""
        delay_s = self.median_ms * 1e-3 * math.exp(self.sigma * _STANDARD_NORMAL.inv_cdf(lot))
        return round(min(delay_s, LONGEST_S) * 1e9)


Delay = Annotated[ConstantDelay | UniformDelay | LognormalDelay, Field(discriminator="kind")]


class Pick(Section):
    """One delivery: this message to this receiver."""

    message: Annotated[int, Field(ge=0)]
    receiver: str


class CopiesPick(Pick):
    """One delivery that is sent more than once; ``copies`` are those beyond the first."""

    copies: Annotated[int, Field(ge=1, le=100)] = 1


def _shape(value: object) -> str:
    return "list" if isinstance(value, list) else "probability"


_Chance = Annotated[Probability, Tag("probability")]
_ByShape = Discriminator(_shape)
Picks = Annotated[_Chance | Annotated[list[Pick], Tag("list")], _ByShape]
CopiesPicks = Annotated[_Chance | Annotated[list[CopiesPick], Tag("list")], _ByShape]


class Deliveries(Section):
    """What befalls a message on its way to one receiver."""

    delay: Delay | None = None
    drop: Picks | None = None
    duplicate: CopiesPicks | None = None
    swap: Picks | None = None
    stray: Picks | None = None
    swap_same_sender: bool = True
    spare_newcomers_s: Seconds = 0


class Freeze(Section):
    """The whole server stands still."""

    after_s: Seconds
    for_s: Seconds


class Close(Section):
    """Sockets are closed: a share of those connected, or those of some users."""

    after_s: Seconds
    share: Probability | None = None
    users: list[str] | None = None
    code: int
    reason: str = ""

    @model_validator(mode="after")
    def _can_be_done(self) -> Self:
        if (self.share is None) == (self.users is None):
            raise ValueError("expected either share or users")
        # RFC 6455, 7.4, and IANA's registry after it: what may stand in a close frame.
        if not (1000 <= self.code <= 1003 or 1007 <= self.code <= 1014 or 3000 <= self.code <= 4999):
            raise ValueError(f"code: expected one that a close frame may carry, got {self.code}")
        if len(self.reason.encode()) > 123:
            raise ValueError(f"reason: expected at most 123 bytes, got {len(self.reason.encode())}")
        return self


class Login(Section):
    """What befalls a login that would have succeeded."""

    refuse: Probability = 0.0
    delay: Delay | None = None


class Upgrade(Section):
    """What befalls a handshake with a good token."""

    never_answer: Probability = 0.0


class SlowReading(Section):
    """From this share of the users the server reads no faster than this."""

    share: Probability
    bytes_per_s: Annotated[float, Field(gt=0)]


class Reading(Section):
    """How the server reads."""

    slow: SlowReading | None = None


class Faults(Section):
    """The whole file."""

    seed: int = 1
    deliveries: Deliveries = Deliveries()
    freeze: list[Freeze] = []
    close: list[Close] = []
    login: Login = Login()
    upgrade: Upgrade = Upgrade()
    reading: Reading = Reading()

    def given(self) -> dict[str, Any]:
        """Return what the file says, the seed and whatever it left out aside."""
        return self.model_dump(exclude_unset=True, exclude={"seed"})

    def texts(self) -> list[str]:
        """Return one short text a fault, for people."""
        return [text if len(text) <= _TEXT_LENGTH else f"{text[: _TEXT_LENGTH - 3]}..." for text in self._texts()]

    def _texts(self) -> Iterator[str]:
        for section, content in self.given().items():
            if isinstance(content, list):
                yield from (f"{section} {_words(each)}" for each in content)
            else:
                yield from (f"{section}.{key} {_words(value)}" for key, value in content.items())


def read_faults(path: Path) -> Faults:
    """Return what a file asks for; raises FaultsError."""
    try:
        tables = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise FaultsError(f"{path}: cannot read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise FaultsError(f"{path}: not a TOML file: {error}") from error
    try:
        return Faults.model_validate(tables)
    except ValidationError as error:
        raise FaultsError(f"{path}: {_first_line(error)}") from error


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_words(each)}" for key, each in value.items())
    return value if isinstance(value, str) else json.dumps(value)


def _first_line(error: ValidationError) -> str:
    first = error.errors()[0]
    # pydantic also names the branch of a union it took.
    branches = {"probability", "list", "constant", "uniform", "lognormal"}
    path = "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"] if part not in branches
    )
    key = path.removeprefix(".")
    match first["type"]:
        case "extra_forbidden":
            return f"{key}: unknown key"
        case "missing":
            return f"{key}: missing"
        case "union_tag_not_found":
            return f"{key}.kind: missing; expected constant, uniform or lognormal"
        case "union_tag_invalid":
            return f"{key}.kind: expected constant, uniform or lognormal, got {json.dumps(first['ctx']['tag'])}"
        case "value_error":
            return f"{key}: {first['msg'].removeprefix('Value error, ')}"
    is_table = first["type"] in ("model_type", "model_attributes_type")
    wanted = "a table" if is_table else first["msg"].removeprefix("Input should be ")
    return f"{key}: expected {wanted}, got {json.dumps(first['input'], default=str)[:_TEXT_LENGTH]}"
