"""series.csv: what a run did second by second, for spreadsheets and plots of one's own."""

from __future__ import annotations

import csv
import io
from typing import Any


def render(document: dict[str, Any]) -> str:
    """The document's series as CSV: a head, then a line a second; what was not measured is empty.

    The names carry their units; ``t_s`` counts from the start of the run.
    """
    series = document["series"]
    names = [name for name, values in series.items() if isinstance(values, list) and name != "t_s"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["t_s", *names])
    writer.writerows(zip(series["t_s"], *(series[name] for name in names), strict=True))
    return text.getvalue()
