"""Charts on a page: the style and the scripts that draw them, and the data that they draw."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

import reports
from reports.charts.data import chart_data
from reports.charts.model import Chart
from reports.charts.tables import table_of
from reports.palette import DARK, LIGHT, css
from reports.plots import Drawing
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


# From this width on a picture takes the whole line.
_FULL_WIDTH_PX = 700


def pictured(drawing: Drawing, chart: Chart | None = None) -> dict[str, Any]:
    """A picture as the macro ``picture`` takes it, with the chart that takes its place where a script runs."""
    return {
        "plot": drawing.plot,
        "full": drawing.plot.wide[0] > _FULL_WIDTH_PX,
        # Safe as they are: the pictures hold numbers, our own words and escaped ones.
        "wide": Markup(drawing.wide_svg),  # noqa: S704
        "narrow": Markup(drawing.narrow_svg),  # noqa: S704
        "is_chart": chart is not None,
        "table": chart and table_of(chart),
    }


def furniture(charts: Sequence[Chart]) -> dict[str, Any]:
    """What the template of a page with these charts needs besides its own values.

    ``policy``, ``style``, and for charts/scripts.html.j2 ``library``, ``script`` and ``data``; ``data`` is None where
    there are no charts, and then no script.
    """
    # On screens alone: paper is white.
    dark = f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {css(DARK)} }} }}"
    styles = [f":root {{ {css(LIGHT)} }}", dark, _template("report.css")]
    scripts = []
    if charts:
        styles += [_vendored("uPlot.min.css"), _template("charts/charts.css")]
        library = f"/*\n{_vendored('uPlot.LICENSE')}\n*/\n{_vendored('uPlot.iife.min.js')}"
        scripts = [library, '"use strict";\n' + "\n".join(_template(f"{name}.js") for name in _SCRIPTS)]
    style = "\n".join(styles)
    # Safe as they are: files of ours, and colours.
    return {
        "policy": policy([style], scripts, styled_pictures=True),
        "style": Markup(style),  # noqa: S704
        "library": Markup("".join(scripts[:1])),  # noqa: S704
        "script": Markup("".join(scripts[1:])),  # noqa: S704
        "data": chart_data(charts) if charts else None,
    }


def _template(name: str) -> str:
    return (_HERE / "templates" / name).read_text(encoding="utf-8")


def _vendored(name: str) -> str:
    return (_HERE / "vendor" / name).read_text(encoding="utf-8")
