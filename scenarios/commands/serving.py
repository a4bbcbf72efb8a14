"""``chatbench serve`` and ``locust``: programs that take our place, with flags of their own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from loadgen.errors import InputError

# Flags of ``run`` that Locust would call unknown, or take for something else, and what there is instead.
_NOT_OF_LOCUST = {
    "--web": "expected without it: Locust's web UI has our page, at /chatbench",
    "--events": "expected a run without Locust to write a file of events of (chatbench run)",
    "--prometheus": "expected a run without Locust to serve the figures of (chatbench run)",
    "--target-metrics": "expected a run without Locust to draw the server's own figures beside (chatbench run)",
    "--abort-on-fail": "expected a run without Locust to end early (chatbench run)",
    "--abort-after": "expected a run without Locust to end early (chatbench run)",
}


def serve(context: typer.Context) -> None:
    """Start the reference server; its own flags follow (see: chatbench serve --help)."""
    # It takes our place, so that signals and standard output are the server's own.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "target_app", *context.args])  # noqa: S606


def locust(context: typer.Context) -> None:
    """Locust's web UI on this engine: chatbench locust [SCENARIO], Locust's own options and the scenario's flags.

    Without --host it starts the reference server. Our page is at /chatbench
    in the web UI. All options: chatbench locust --help.
    """
    from scenarios.catalogue import find_scenario

    arguments = list(context.args)
    if arguments and not arguments[0].startswith("-"):
        find_scenario(arguments[0])
        arguments[0:1] = ["--scenario", arguments[0]]
    if {"-h", "--help"} & set(arguments):
        _explain_locusts_flags()
    for name in (argument.partition("=")[0] for argument in arguments):
        if name in _NOT_OF_LOCUST:
            raise InputError(f"{name}: {_NOT_OF_LOCUST[name]}")
    locustfile = Path(__file__).parents[1] / "locustfile.py"
    # It takes our place, so that signals, and what its web UI is told, are its own.
    command = [sys.executable, "-P", "-m", "loadgen.locust_bridge.start", "-f", str(locustfile), *arguments]
    os.execv(sys.executable, command)  # noqa: S606


def _explain_locusts_flags() -> None:
    """Locust's own help does not look into a locustfile."""
    from argparse import ArgumentParser

    from loadgen.locust_bridge.options import add_to

    parser = ArgumentParser("chatbench locust", "chatbench locust [SCENARIO] [options of both]", add_help=False)
    add_to(parser)
    typer.echo(f"{parser.format_help()}\nLocust's own options:\n")
    sys.stdout.flush()
