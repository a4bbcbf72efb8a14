"""series.csv: what a run did second by second, for spreadsheets and plots of one's own."""

from __future__ import annotations

import csv
import io
from typing import Any


def render(document: dict[str, Any]) -> str:
    """The document's series as CSV: a head, then a line a second; what was not measured is empty.

    The names carry their units; ``t_s`` counts from the start of the run. What the server told of itself has its own
    names, after ``target:``.
    """
    series = document["series"]
    columns = {name: values for name, values in series.items() if isinstance(values, list) and name != "t_s"}
    for told in (document.get("target_series") or {}).get("series", []):
        columns[f"target:{told['name']}"] = told["values"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["t_s", *columns])
    writer.writerows(zip(series["t_s"], *columns.values(), strict=True))
    return text.getvalue()
