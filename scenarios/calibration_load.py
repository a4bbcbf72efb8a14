"""One run of a calibration: so much load, on a target that is as fast as can be or on one that tells the truth."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

from reports.budgets import Document
from reports.calibration_findings import Setting
from reports.truth import Truth
from scenarios.calibration_runs import Place, Server, faulty_target, relay, run_chatbench, truth_in

CEILING_PAYLOAD_BYTES = 100
# As fast as it can.
UNPACED_PER_S = 1_000_000
NAME = "calibration"


@dataclass(frozen=True, slots=True)
class Runs:
    """Makes them in a place, each with so much warm-up."""

    place: Place
    warmup_s: float

    async def against_relay(self, rate_per_s: float, user_count: int, window_s: float) -> Document:
        """As fast as can be: what the generator does then is all its own."""
        with resources.as_file(resources.files("loadgen") / "relay.toml") as dialect:
            async with relay(self.place) as server:
                flags = ("--target", server.url, "--dialect", str(dialect), "--payload", str(CEILING_PAYLOAD_BYTES))
                return await self.run(flags, rate_per_s, user_count, window_s, connect_rate_per_s=UNPACED_PER_S)

    async def against_target(
        self, setting: Setting, faults: str, window_s: float, times: tuple[str, ...] = (), incident: str = ""
    ) -> tuple[Document, Truth, Server]:
        """With what the target says of it afterwards, and the target, whose CPU time is known."""
        async with faulty_target(self.place, faults, setting.users) as server:
            kind = ("--processes", str(setting.processes), "--transport", setting.transport)
            rooms = ("--rooms", str(setting.rooms))
            flags = ("--target", server.url, *kind, *rooms, *times)
            document = await self.run(flags, setting.rate_per_s, setting.users, window_s, incident=incident)
        return document, truth_in(self.place), server

    async def run(
        self,
        flags: tuple[str, ...],
        rate_per_s: float,
        user_count: int,
        window_s: float,
        *,
        connect_rate_per_s: int = 1_000,
        incident: str = "",
    ) -> Document:
        """Against whatever the ``flags`` name; a second of drain unless they say otherwise."""
        scenario = self.place.folder / f"{NAME}.toml"
        scenario.write_text(incident, encoding="utf-8")
        load = ("--users", str(user_count), "--rate", f"{rate_per_s:g}", "--connect-rate", str(connect_rate_per_s))
        times = ("--warmup", f"{self.warmup_s:g}s", "--duration", f"{window_s:g}s", "--drain", "1s")
        # A flag that is given twice holds as it is given last.
        return await run_chatbench((str(scenario), *load, *times, *flags), self.place, window_s + 5)
