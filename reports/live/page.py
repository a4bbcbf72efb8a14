"""The live page: one HTML document, whose own script is told each second how the run is doing and draws it."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

import reports
from reports.palette import DARK, LIGHT, css
from reports.policy import policy
from reports.template import template
from reports.verdicts import ENDED_EARLY

_TEMPLATES = Path(reports.__file__).parent / "templates"
_STYLES = ("report.css", "live/live.css")
# One script: functions may be used before they are defined, classes and constants may not.
_SCRIPTS = tuple(
    f"live/{name}.js"
    for name in (
        *("numbers", "words", "dom", "axes", "history", "drawing", "chart", "figures", "tables", "feed", "ending"),
        "live",
    )
)


def render(
    data_url: str, home_url: str | None = None, home_name: str | None = None, events_url: str | None = None
) -> str:
    """The live page, one self-contained HTML document without network.

    Its script listens to ``events_url`` (text/event-stream), and asks ``data_url`` each second where there is none or
    it fails. Both are of the page's own origin: the page's policy lets it ask no other. What they answer is a JSON
    object (feed.py)::

        phase       waiting, arriving, warmup, measure, drain, closing or over
        elapsed_s   since the phase began, or null
        notice      why there is nothing to see, or what went wrong, or null
        report      where the finished run is kept, or null
        report_url  where its report.html can be had, or null
        is_last     whether nothing more comes: the page keeps what it has, and asks no more
        is_whole    whether the series are all there is, and not what is new
        document    a snapshot while the run goes on, the finished document when it is over, or null

    ``home_url`` is linked at the top.
    """
    dark = f"@media (prefers-color-scheme: dark) {{ :root {{ {css(DARK)} }} }}"
    style = "\n".join([f":root {{ {css(LIGHT)} }}", dark, *map(_source, _STYLES)])
    script = '"use strict";\n' + "\n".join(map(_source, _SCRIPTS))
    return template("live/live.html.j2").render(
        policy=policy([style], [script], may_ask=True, may_frame=True),
        # Safe as they are: files of ours, and colours.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        settings={"data_url": data_url, "events_url": events_url, "ended_early": ENDED_EARLY},
        home_url=home_url,
        home_name=home_name or "back",
    )


def _source(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")
