"""What was said and received in each of the last sixty seconds, put together from snapshots that know thirty."""

from __future__ import annotations

from typing import Any

SECONDS = 60
_BARS = "▁▂▃▄▅▆▇█"
_PLAIN_BARS = "_.-:=+*#"


class LastMinute:
    """Folds the series of one snapshot after the other; what is told again replaces what was told before."""

    def __init__(self, *names: str) -> None:
        self._values: dict[str, dict[int, float]] = {name: {} for name in names}

    def note(self, document: dict[str, Any]) -> None:
        """Take in the newest snapshot."""
        series = document.get("series") or {}
        for name, known in self._values.items():
            for t_s, value in zip(series.get("t_s") or [], series.get(name) or [], strict=False):
                if value is not None:
                    known[int(t_s)] = float(value)
            for second in sorted(known)[:-SECONDS]:
                del known[second]

    def values_of(self, name: str) -> list[float | None]:
        """One for each second up to the newest, the oldest first; None where there was none."""
        known = self._values[name]
        if not known:
            return []
        last = max(known)
        return [known.get(second) for second in range(max(min(known), last - SECONDS + 1), last + 1)]


def sparkline(values: list[float | None], width: int, *, plain: bool = False) -> str:
    """The newest ``width`` values as bars from 0 to the largest of them; ``plain``: in characters of ASCII."""
    bars = _PLAIN_BARS if plain else _BARS
    shown = values[-width:] if width > 0 else []
    most = max((value for value in shown if value is not None), default=0.0)
    return "".join(
        " " if value is None else bars[0 if most <= 0 else min(len(bars) - 1, int(value / most * len(bars)))]
        for value in shown
    )
