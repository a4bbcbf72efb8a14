"""The command line: which commands there are, and how each of them ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer
from typer.main import get_command

from loadgen.errors import BenchError, TargetUnreachableError
from loadgen.plan.secrets import Secrets, hidden
from reports.streams import heard_or_not, is_unread, is_unwritable
from scenarios.commands import examining, judging, running, serving, showing
from scenarios.endpoint import AUTO, is_meant_as_endpoint
from scenarios.github import complain

BAD_INPUT, UNREACHABLE, INTERRUPTED, BUG = 104, 106, 105, 1
# What typer makes of a KeyboardInterrupt.
_TYPERS_INTERRUPTED = 130
# Commands that hand their flags on, or read them themselves.
READ_THEIR_FLAGS = frozenset({"serve", "locust", "ab", "capacity"})
FLAGS_OF_THEIR_OWN = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

app = typer.Typer(
    name="chatbench",
    help=(
        "Load-tests and benchmarks WebSocket chat servers: how fast and how completely every message reaches everyone."
    ),
    epilog=(
        "Exit codes: 0 pass, 99 a budget failed, 98 regression, 97 invalid, 96 cannot tell, 104 bad input, "
        "105 interrupted, 106 target unreachable."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        from importlib.metadata import version

        typer.echo(f"chatbench {version('chatbench')}")
        raise typer.Exit


@app.callback()
def _of_no_command(
    version: Annotated[
        bool, typer.Option("--version", "-V", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """What is asked of ``chatbench`` itself."""


# In the order of the help.
COMMANDS: dict[str, Callable[..., None]] = {
    "run": running.run,
    "list": showing.list_scenarios,
    "show": showing.show,
    "dialects": showing.dialects,
    "doctor": examining.doctor,
    "serve": serving.serve,
    "locust": serving.locust,
    "ab": judging.ab,
    "compare": judging.compare_runs,
    "report": judging.report,
    "capacity": judging.capacity,
    "calibrate": examining.calibrate,
}
for name, command in COMMANDS.items():
    app.command(name, context_settings=FLAGS_OF_THEIR_OWN if name in READ_THEIR_FLAGS else None)(command)


def main() -> None:
    """The ``chatbench`` command: one clear line and the right exit code for whatever the user can put right."""
    from loadgen.engine.traces import hide_in_tracebacks

    # Of a bug of ours, the log of a CI job has the traceback.
    hide_in_tracebacks(lambda: Secrets(frozenset()))
    try:
        # Not by app() itself, which would have typer tell of our bugs.
        code = get_command(app)(_with_value(sys.argv[1:]), standalone_mode=False)
        sys.stdout.flush()
    except TargetUnreachableError as error:
        _complain(error, UNREACHABLE)
    except BenchError as error:
        _complain(error, BAD_INPUT)
    except typer.Abort:
        sys.exit(INTERRUPTED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except OSError as error:
        if not is_unwritable(error):
            raise
        with heard_or_not(sys.stdout):  # Python would try again at its end
            pass
        if is_unread(error):  # `| head -1` has read enough
            sys.exit(BUG)
        _complain(f"cannot write: {error.strerror}", BUG)
    except Exception as error:
        # Wrong usage of flags; typer's own class for it lives in a library below it.
        if not hasattr(error, "format_message"):
            raise
        if not error.format_message():  # `chatbench` alone: the help has been printed
            sys.exit(BAD_INPUT)
        # It quotes what could not be read.
        _complain(hidden(error.format_message()), BAD_INPUT)
    sys.exit(INTERRUPTED if code == _TYPERS_INTERRUPTED else code or 0)


def _with_value(arguments: list[str]) -> list[str]:
    """The same, where ``--web`` has the value that it may be typed without: what follows may be the scenario."""
    if "--web" not in arguments:
        return arguments
    place = arguments.index("--web") + 1
    if place < len(arguments) and is_meant_as_endpoint(arguments[place]):
        return arguments
    return [*arguments[:place], AUTO, *arguments[place:]]


def _complain(what: object, code: int) -> None:
    # One line, whatever was quoted in it.
    line = " ".join(str(what).splitlines())
    with heard_or_not(sys.stderr):
        typer.echo(f"chatbench: {line}", err=True)
    complain(line, os.environ)
    sys.exit(code)
