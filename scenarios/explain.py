"""``chatbench show``: a scenario file with every key explained."""

from __future__ import annotations

import os
import textwrap

from scenarios.catalogue import find_scenario
from scenarios.extends import read_scenario
from scenarios.schema import Scenario
from scenarios.settle import settle
from scenarios.toml_text import toml_text
from scenarios.validation import fields_of


def explained(name_or_path: str) -> str:
    """The scenario's own text, then every key with its meaning and value; InputError where it is wrong."""
    _, source, text = find_scenario(name_or_path)
    _, files = read_scenario(name_or_path)
    settled = settle(name_or_path, {}, os.environ)
    lines = [f"# {source}", "", text.rstrip(), "", "# " + "-" * 78]
    if files.beneath:
        lines += [f"# What is not said above stands in {', then in '.join(files.beneath)}.", "#"]
    if settled.sweep is not None:
        swept = toml_text(list(settled.sweep.values))
        lines += [
            f"# {len(settled.runs)} runs, one after the other, with {settled.sweep.key} = {swept}.",
            "# What follows is the first.",
            "#",
        ]
    lines += ["# Every key: its meaning, its value in this scenario, and where that comes from.", "#"]
    for key, field in fields_of(Scenario):
        if key == "summary":
            continue
        row = settled.rows.get(key)
        value = "" if row is None else f" = {toml_text(row['value'])}  ({row['origin']})"
        lines.append(f"# {key}{value}")
        lines += textwrap.wrap(field.description or "", 90, initial_indent="#     ", subsequent_indent="#     ")
        expected = (field.json_schema_extra or {}).get("expected")
        if expected:
            lines += textwrap.wrap(f"expects {expected}", 90, initial_indent="#     ", subsequent_indent="#     ")
    return "\n".join(lines) + "\n"
