"""Many more bouts than there is time for, drawn from the pairs of real ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reports.compare import TOLERANCES
from reports.inference import errors_of_looks
from reports.power import Look, Pairs, Rates, rates_of

REPEATS = 2_000
SEED = 11
ERROR = 0.05


@dataclass(frozen=True, slots=True)
class Table:
    """What became of so many bouts of each kind."""

    pair_count: int
    """Real ones that they were drawn from."""
    noise: Mapping[str, float]
    """How much head and base of a pair differ though they are the same: the standard deviation of the logarithm."""
    alike: Rates
    a_tenth: Rates
    a_fifth: Rates


def drawn_from(documents: Sequence[Mapping[str, Any]], pairs: int, max_pairs: int) -> Table:
    """From the documents of a server beside itself, for ``ab`` with so many pairs."""
    values: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in TOLERANCES}
    for document in documents:
        for pair in document["pairs"]:
            both = [(pair["base"]["values"][name], pair["head"]["values"][name]) for name in TOLERANCES]
            if pair["counts"] and all(base and head for base, head in both):
                for name, (base, head) in zip(TOLERANCES, both, strict=True):
                    values[name][0].append(base)
                    values[name][1].append(head)
    recorded = Pairs.of(values, TOLERANCES)
    counts = [pairs] if pairs == max_pairs else [pairs, max_pairs]
    looks = [Look(count, error) for count, error in zip(counts, errors_of_looks(ERROR, len(counts)), strict=True)]

    def rates(slower: float) -> Rates:
        return rates_of(recorded, looks, dict.fromkeys(TOLERANCES, slower), REPEATS, SEED)

    noise = {name: float(np.std(logs, ddof=1)) for name, logs in recorded.logs.items()}
    return Table(recorded.count, noise, rates(0.0), rates(0.1), rates(0.2))
