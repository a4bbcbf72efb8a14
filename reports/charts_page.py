"""Charts on a page: the style and the scripts that draw them, and the data that they draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

import reports
from reports.charts.data import chart_data
from reports.charts.model import Chart
from reports.palette import DARK, LIGHT, css
from reports.policy import policy

_HERE = Path(reports.__file__).parent
# One script: functions may be used before they are defined, classes and constants may not.
_SCRIPTS = (
    *(f"live/{name}" for name in ("numbers", "dom", "axes")),
    *(
        f"charts/{name}"
        for name in ("theme", "writing", "scales", "marks", "legend", "hands", "group", "panel", "charts")
    ),
)


@dataclass(frozen=True, slots=True)
class Furniture:
    """What a template needs besides its own values; ``data`` is None where the page has no charts, and no script."""

    policy: str
    style: Markup
    library: Markup
    script: Markup
    data: dict[str, Any] | None


def furniture(charts: Sequence[Chart]) -> Furniture:
    """The parts of a page with these charts."""
    dark = f"@media (prefers-color-scheme: dark) {{ :root {{ {css(DARK)} }} }}"
    parts = [f":root {{ {css(LIGHT)} }}", dark, _template("report.css")]
    if not charts:
        style = "\n".join(parts)
        return Furniture(policy([style], styled_pictures=True), Markup(style), Markup(), Markup(), None)  # noqa: S704
    style = "\n".join([*parts, _vendored("uPlot.min.css"), _template("charts/charts.css")])
    library = f"/*\n{_vendored('uPlot.LICENSE')}\n*/\n{_vendored('uPlot.iife.min.js')}"
    script = '"use strict";\n' + "\n".join(_template(f"{name}.js") for name in _SCRIPTS)
    return Furniture(
        policy([style], [library, script], styled_pictures=True),
        # Safe as they are: files of ours, and colours.
        Markup(style),  # noqa: S704
        Markup(library),  # noqa: S704
        Markup(script),  # noqa: S704
        chart_data(charts),
    )


def _template(name: str) -> str:
    return (_HERE / "templates" / name).read_text(encoding="utf-8")


def _vendored(name: str) -> str:
    return (_HERE / "vendor" / name).read_text(encoding="utf-8")
