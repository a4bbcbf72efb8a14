"""The commands of ``chatbench``, a family in each module. `scenarios.cli` puts them together and imports them all.

So what they need to do their work is imported where they do it: `chatbench --help` waits for none of it.
"""

from __future__ import annotations

import sys

from loadgen.plan.secrets import command_shown


def command_line() -> str:
    """What was typed, as documents show it."""
    return command_shown(["chatbench", *sys.argv[1:]])
