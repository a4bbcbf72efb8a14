"""The command line: flags and wiring. Heavy imports stay inside the command that needs them."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from loadgen.errors import BenchError, InputError, TargetUnreachableError
from loadgen.plan.secrets import command_shown
from scenarios.endpoint import AUTO, is_meant_as_endpoint
from scenarios.github import complain

BAD_INPUT, UNREACHABLE, INTERRUPTED, BUG = 104, 106, 105, 1
# What typer makes of a KeyboardInterrupt.
_TYPERS_INTERRUPTED = 130

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

_TARGET, _LOAD, _TIME, _OUTPUT = "Target", "Load", "Time", "Output"


@app.command()
def run(  # the flags of product.md
    scenario: Annotated[
        str, typer.Argument(help="Catalogue name or path of a scenario file.", metavar="[SCENARIO]")
    ] = "fanout",
    target: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Base address of the server under test; default: start the reference server. Repeatable: users are "
            "spread over the nodes in turn.",
            rich_help_panel=_TARGET,
        ),
    ] = None,
    dialect: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE", help="A built-in one (chatbench dialects), or a file.", rich_help_panel=_TARGET
        ),
    ] = None,
    users_file: Annotated[
        str | None,
        typer.Option(metavar="FILE.csv", help="username,password a line, taken in turn.", rich_help_panel=_TARGET),
    ] = None,
    tokens_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="One token a line, taken in turn; nobody logs in.", rich_help_panel=_TARGET),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(
            metavar="'K: V'",
            help="Sent with every request and handshake; repeatable.",
            rich_help_panel=_TARGET,
        ),
    ] = None,
    insecure: Annotated[
        bool | None,
        typer.Option("--insecure", "-k", help="Take any TLS certificate.", rich_help_panel=_TARGET),
    ] = None,
    ca: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Certificates to trust, in PEM.", rich_help_panel=_TARGET),
    ] = None,
    client_cert: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Certificate for a server that asks who we are, in PEM.", rich_help_panel=_TARGET
        ),
    ] = None,
    client_key: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Its key, where it is in a file of its own.", rich_help_panel=_TARGET),
    ] = None,
    proxy: Annotated[
        str | None,
        typer.Option(metavar="URL", help="HTTP proxy, http://name:password@host:port.", rich_help_panel=_TARGET),
    ] = None,
    unix_socket: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", help="Everything goes through it, whatever host --target names.", rich_help_panel=_TARGET
        ),
    ] = None,
    target_metrics: Annotated[
        str | None,
        typer.Option(
            metavar="URL|auto",
            help="Where the server tells of itself in Prometheus' text format, drawn beside our figures; auto: the "
            "reference server's own.",
            rich_help_panel=_TARGET,
        ),
    ] = None,
    users: Annotated[
        str | None, typer.Option("--users", "-u", metavar="N", help="How many users.", rich_help_panel=_LOAD)
    ] = None,
    stage: Annotated[
        list[str] | None,
        typer.Option(
            metavar="30s:500",
            help="Within 30 s go evenly to 500 users, from nobody on; repeatable; the stages are the measured part.",
            rich_help_panel=_LOAD,
        ),
    ] = None,
    rooms: Annotated[
        str | None,
        typer.Option(metavar="N", help="N rooms of equal size, one room a user.", rich_help_panel=_LOAD),
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(metavar="MSGS_PER_S", help="Messages a second, all users together.", rich_help_panel=_LOAD),
    ] = None,
    payload: Annotated[
        str | None,
        typer.Option(metavar="BYTES", help="Length of each message's text.", rich_help_panel=_LOAD),
    ] = None,
    connect_rate: Annotated[
        str | None,
        typer.Option(
            "--connect-rate",
            "-r",
            metavar="N",
            help="Users a second that log in, connect, join.",
            rich_help_panel=_LOAD,
        ),
    ] = None,
    loop: Annotated[
        str | None,
        typer.Option(
            metavar="open|closed",
            help="open: the rate is kept whatever the server does; closed: a user waits for the answer, then thinks.",
            rich_help_panel=_LOAD,
        ),
    ] = None,
    processes: Annotated[
        str | None,
        typer.Option(
            metavar="N|auto", help="Processes that offer load (1); auto: one for each core.", rich_help_panel=_LOAD
        ),
    ] = None,
    transport: Annotated[
        str | None,
        typer.Option(
            metavar="picows|websockets", help="Which library carries the frames (picows).", rich_help_panel=_LOAD
        ),
    ] = None,
    start_with: Annotated[
        int | None,
        typer.Option(metavar="FD", help="Socket over which a start is agreed on.", hidden=True, rich_help_panel=_TIME),
    ] = None,
    worker_cores: Annotated[
        str | None,
        typer.Option(metavar="N,N", help="Cores that the processes keep to.", hidden=True, rich_help_panel=_LOAD),
    ] = None,
    seed: Annotated[
        str | None, typer.Option(metavar="N", help="Settles every random choice.", rich_help_panel=_LOAD)
    ] = None,
    duration: Annotated[
        str | None,
        typer.Option(
            "--duration",
            "-d",
            metavar="30s",
            help="The measured part; 90s, 2m, 1h30m.",
            rich_help_panel=_TIME,
        ),
    ] = None,
    warmup: Annotated[
        str | None, typer.Option(metavar="3s", help="Before it; not measured.", rich_help_panel=_TIME)
    ] = None,
    drain: Annotated[
        str | None,
        typer.Option(metavar="5s", help="After it: waits for what is under way.", rich_help_panel=_TIME),
    ] = None,
    deadline: Annotated[
        str | None,
        typer.Option(metavar="5s", help="A delivery later than this is late.", rich_help_panel=_TIME),
    ] = None,
    budget: Annotated[
        list[str] | None,
        typer.Option(
            metavar="'METRIC:AGG OP VALUE'",
            help="A limit, e.g. 'delivery_time:p(99)<250ms'; it replaces the file's for that metric; repeatable.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    budgets: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Limits for many scenarios, in TOML.", rich_help_panel=_OUTPUT),
    ] = None,
    abort_on_fail: Annotated[
        bool | None,
        typer.Option("--abort-on-fail", help="End the run as soon as a budget has failed.", rich_help_panel=_OUTPUT),
    ] = None,
    abort_after: Annotated[
        str | None,
        typer.Option(metavar="10s", help="But not sooner in the measured part.", rich_help_panel=_OUTPUT),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Run directory; default runs/<time>-<scenario>.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    force: Annotated[
        bool | None,
        typer.Option("--force", help="Write into a directory that is not empty.", rich_help_panel=_OUTPUT),
    ] = None,
    events: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write what happens, a line of JSON each.", rich_help_panel=_OUTPUT),
    ] = None,
    prometheus: Annotated[
        str | None,
        typer.Option(
            metavar="[HOST:]PORT",
            help="Serve the live figures for Prometheus at /metrics, on 127.0.0.1 if not said; 0: a free port.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    web: Annotated[
        str | None,
        typer.Option(
            metavar="[[HOST:]PORT]",
            help="Serve a page that follows the run, on 127.0.0.1 if not said; at 8090, or a free port where another "
            "program has it, if nothing is said; 0: a free port.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    print_json: Annotated[
        bool | None,
        typer.Option("--json", help="Print the result document on standard output.", rich_help_panel=_OUTPUT),
    ] = None,
    html: Annotated[
        bool | None, typer.Option("--html/--no-html", help="Write report.html.", rich_help_panel=_OUTPUT)
    ] = None,
    plots: Annotated[
        bool | None, typer.Option("--plots/--no-plots", help="Write plots/*.png.", rich_help_panel=_OUTPUT)
    ] = None,
    quiet: Annotated[
        bool | None, typer.Option("--quiet", "-q", help="Print nothing but errors.", rich_help_panel=_OUTPUT)
    ] = None,
) -> None:
    """Benchmark a chat server and leave a run directory with the report.

    Every flag can also stand in the scenario file or in the environment (CHATBENCH_USERS, ...): flag beats environment
    beats file beats default.
    """
    from scenarios.bench import bench
    from scenarios.layers import headers_from
    from scenarios.pinning import cores_from
    from scenarios.settle import settle

    given: dict[str, Any] = {
        "target.url": target or None,
        "target.dialect": dialect,
        "target.headers": headers_from(header, "--header") if header else None,
        "target.insecure": insecure,
        "target.ca": ca,
        "target.client_cert": client_cert,
        "target.client_key": client_key,
        "target.proxy": proxy,
        "target.unix_socket": unix_socket,
        "target.metrics_url": target_metrics,
        "users.count": users,
        "users.connect_rate_per_s": connect_rate,
        "users.rooms.count": rooms,
        "users.stages": stage or None,
        "users.file": users_file,
        "users.tokens_file": tokens_file,
        "traffic.loop": loop,
        "traffic.rate_per_s": rate,
        "traffic.payload_bytes": payload,
        "traffic.deadline": deadline,
        "phases.warmup": warmup,
        "phases.measure": duration,
        "phases.drain": drain,
        "run.seed": seed,
        "run.processes": processes,
        "run.transport": transport,
        "run.events": events,
        "run.prometheus_port": prometheus,
        "run.web": web,
        "run.abort_on_fail": abort_on_fail,
        "run.abort_after": abort_after,
        "run.budgets_file": budgets,
        "run.out": out,
        "run.force": force,
        "run.html": html,
        "run.plots": plots,
        "run.print_json": print_json,
        "run.quiet": quiet,
        "budgets": budget,
    }
    flags = {key: value for key, value in given.items() if value is not None}
    settled = settle(scenario, flags, os.environ)
    command = _command_line()
    if settled.sweep is not None:
        from scenarios.sweep_runs import Request, arguments_of, carry_out_sweep

        arguments = (
            arguments_of(flags) if worker_cores is None else (*arguments_of(flags), "--worker-cores", worker_cores)
        )
        raise typer.Exit(carry_out_sweep(settled, Request(scenario, arguments, command)))
    if worker_cores is not None:
        settled = replace(settled, worker_cores=cores_from(worker_cores, "--worker-cores"))
    settled = replace(settled, start_with=start_with)
    raise typer.Exit(bench(settled, command=command, source=scenario))


@app.command("list")
def list_scenarios() -> None:
    """List the scenarios of the catalogue."""
    import tomllib

    from scenarios.catalogue import catalogue

    scenarios = catalogue()
    width = max(map(len, scenarios))
    for name, text in scenarios.items():
        typer.echo(f"{name:<{width}}  {tomllib.loads(text)['summary']}")


@app.command()
def show(
    scenario: Annotated[str, typer.Argument(help="Catalogue name or path of a scenario file.")],
) -> None:
    """Print a scenario file with every key explained."""
    from scenarios.explain import explained

    typer.echo(explained(scenario), nl=False)


@app.command()
def dialects(
    name: Annotated[str | None, typer.Argument(help="One of them, to print its file.", metavar="[NAME]")] = None,
) -> None:
    """List the built-in dialects, or print one of them as a file to start from.

    chatbench dialects plain > mine.toml; then chatbench doctor --target URL
    --dialect mine.toml says what it needs.
    """
    from scenarios.dialect_files import named_dialects, named_text, summary_of

    if name is not None:
        typer.echo(named_text(name), nl=False)
        return
    names = named_dialects()
    width = max(map(len, names))
    for each in names:
        typer.echo(f"{each:<{width}}  {summary_of(named_text(each))}")


@app.command()
def doctor(
    target: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Base address of a server to try a dialect on; repeatable: the two users take them in turn.",
            rich_help_panel=_TARGET,
        ),
    ] = None,
    dialect: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="A built-in one (reference), or a file.", rich_help_panel=_TARGET),
    ] = None,
    users_file: Annotated[
        str | None,
        typer.Option(metavar="FILE.csv", help="username,password a line; the first two.", rich_help_panel=_TARGET),
    ] = None,
    tokens_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="One token a line, the first two; nobody logs in.", rich_help_panel=_TARGET),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(
            metavar="'K: V'", help="Sent with every request and handshake; repeatable.", rich_help_panel=_TARGET
        ),
    ] = None,
    insecure: Annotated[
        bool | None,
        typer.Option("--insecure", "-k", help="Take any TLS certificate.", rich_help_panel=_TARGET),
    ] = None,
    ca: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Certificates to trust, in PEM.", rich_help_panel=_TARGET),
    ] = None,
    client_cert: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Certificate for a server that asks who we are, in PEM.", rich_help_panel=_TARGET
        ),
    ] = None,
    client_key: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Its key, where it is in a file of its own.", rich_help_panel=_TARGET),
    ] = None,
    proxy: Annotated[
        str | None,
        typer.Option(metavar="URL", help="HTTP proxy, http://name:password@host:port.", rich_help_panel=_TARGET),
    ] = None,
    unix_socket: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", help="Everything goes through it, whatever host --target names.", rich_help_panel=_TARGET
        ),
    ] = None,
    users: Annotated[
        int | None,
        typer.Option(
            "--users", "-u", metavar="N", min=1, help="Do so many users fit on this machine?", rich_help_panel=_LOAD
        ),
    ] = None,
    print_json: Annotated[
        bool, typer.Option("--json", help="Print a document on standard output.", rich_help_panel=_OUTPUT)
    ] = False,
) -> None:
    """Say what this machine can carry, or, with --target, why a dialect does not work.

    With --target two users log in, connect, join and say one thing; each step
    shows what was sent, what came back and which key of the dialect file to
    look at. Exit codes: 0 all is well, 97 users do not fit or a step failed,
    104 bad input, 106 nobody answers, or everybody's login was refused.
    """
    from scenarios.doctor import examine_dialect, examine_machine
    from scenarios.layers import headers_from

    given: dict[str, Any] = {
        "target.url": target or None,
        "target.dialect": dialect,
        "target.headers": headers_from(header, "--header") if header else None,
        "target.insecure": insecure,
        "target.ca": ca,
        "target.client_cert": client_cert,
        "target.client_key": client_key,
        "target.proxy": proxy,
        "target.unix_socket": unix_socket,
        "users.file": users_file,
        "users.tokens_file": tokens_file,
    }
    flags = {key: value for key, value in given.items() if value is not None}
    if not target:
        raise typer.Exit(examine_machine(users, flags, print_json=print_json))
    if users is not None:
        raise InputError(f"--users: expected without --target, which is tried with two users, got {users}")
    raise typer.Exit(examine_dialect(flags, os.environ, print_json=print_json))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def serve(context: typer.Context) -> None:
    """Start the reference server; its own flags follow (see: chatbench serve --help)."""
    # It takes our place, so that signals and standard output are the server's own.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "target_app", *context.args])  # noqa: S606


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
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
    locustfile = Path(__file__).with_name("locustfile.py")
    # It takes our place, so that signals, and what its web UI is told, are its own.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "locust", "-f", str(locustfile), *arguments])  # noqa: S606


def _explain_locusts_flags() -> None:
    """Locust's own help does not look into a locustfile."""
    from argparse import ArgumentParser

    from loadgen.locust_bridge.options import add_to

    parser = ArgumentParser("chatbench locust", "chatbench locust [SCENARIO] [options of both]", add_help=False)
    add_to(parser)
    typer.echo(f"{parser.format_help()}\nLocust's own options:\n")
    sys.stdout.flush()


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def ab(context: typer.Context) -> None:
    """Hold a server (--head) against another (--base): pairs of runs in turns, and a verdict that can be believed.

    All flags: chatbench ab --help.
    """
    from scenarios.ab import ab as carry_out
    from scenarios.ab_flags import wish_of
    from scenarios.flags_of_run import HelpWanted

    try:
        wish = wish_of(context.args)
    except HelpWanted as wanted:
        typer.echo(wanted)
        return
    raise typer.Exit(carry_out(wish, os.environ, command=_command_line()))


@app.command("compare")
def compare_runs(
    base: Annotated[Path, typer.Argument(help="A run directory, or a folder of them.", metavar="BASE")],
    new: Annotated[Path, typer.Argument(help="The same, to be judged.", metavar="NEW")],
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page.")] = None,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="Write Markdown.")] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the document on standard output.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Compare what cannot be compared.")] = False,
) -> None:
    """Compare two runs of a scenario, or two folders of runs.

    Times are judged from ten runs on either side on: single runs of one server
    differ by tens of per cent. Losses, duplicates and the like are exact. Exit
    codes: 0 no worse, 98 worse, 96 cannot tell, 97 a run cannot be believed,
    104 bad input, or runs that cannot be compared.
    """
    from scenarios.compare import Files, compare

    raise typer.Exit(compare(base, new, Files(html, markdown, junit), as_json=as_json, force=force))


@app.command()
def report(
    run_dir: Annotated[Path, typer.Argument(help="The directory of a finished run.", metavar="RUN_DIR")],
    html: Annotated[bool, typer.Option("--html/--no-html", help="Write report.html.")] = True,
    plots: Annotated[bool, typer.Option("--plots/--no-plots", help="Write plots/*.png.")] = True,
) -> None:
    """Draw the report of a run again, from its result.json."""
    from reports.store import read_document
    from reports.terminal import print_summary
    from scenarios.bench import leave_behind, report_in

    document = read_document(run_dir)
    if not run_dir.is_dir():
        raise InputError(f"{run_dir}: expected the directory of a run, got a file")
    leave_behind(document, run_dir, html=html, plots=plots)
    print_summary(document, report_in(run_dir, html=html))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def capacity(context: typer.Context) -> None:
    """Find the largest load that keeps the budgets: users, messages a second, or the members of one room.

    All flags: chatbench capacity --help.
    """
    from scenarios.capacity import capacity as search
    from scenarios.capacity_flags import wish_of
    from scenarios.flags_of_run import HelpWanted

    try:
        wish = wish_of(context.args)
    except HelpWanted as wanted:
        typer.echo(wanted)
        return
    raise typer.Exit(search(wish, os.environ, command=_command_line()))


@app.command()
def calibrate(
    quick: Annotated[bool, typer.Option("--quick", help="The most telling runs only, in about a minute.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="The calibration document, its page beside it; default: where later runs find it.",
        ),
    ] = None,
    print_json: Annotated[bool, typer.Option("--json", help="Print the document on standard output.")] = False,
) -> None:
    """Measure the measurer: our figures beside the truth, and the most that the generator carries on this machine."""
    from scenarios.calibrate import Wish
    from scenarios.calibrate import calibrate as carry_out

    raise typer.Exit(carry_out(Wish(quick=quick, out=out, print_json=print_json)))


def main() -> None:
    """The ``chatbench`` command: one clear line and the right exit code for whatever the user can put right."""
    try:
        code = app(_with_value(sys.argv[1:]), standalone_mode=False)
    except TargetUnreachableError as error:
        _complain(error, UNREACHABLE)
    except BenchError as error:
        _complain(error, BAD_INPUT)
    except typer.Abort:
        sys.exit(INTERRUPTED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        # Wrong usage of flags; typer's own class for it lives in a library below it.
        if not hasattr(error, "format_message"):
            raise
        if not error.format_message():  # `chatbench` alone: the help has been printed
            sys.exit(BAD_INPUT)
        _complain(error.format_message(), BAD_INPUT)
    sys.exit(INTERRUPTED if code == _TYPERS_INTERRUPTED else code or 0)


def _with_value(arguments: list[str]) -> list[str]:
    """The same, where ``--web`` has the value that it may be typed without: what follows may be the scenario."""
    if "--web" not in arguments:
        return arguments
    place = arguments.index("--web") + 1
    if place < len(arguments) and is_meant_as_endpoint(arguments[place]):
        return arguments
    return [*arguments[:place], AUTO, *arguments[place:]]


def _command_line() -> str:
    """What was typed, as documents show it."""
    return command_shown(["chatbench", *sys.argv[1:]])


def _complain(what: object, code: int) -> None:
    # One line, whatever was quoted in it.
    line = " ".join(str(what).splitlines())
    typer.echo(f"chatbench: {line}", err=True)
    complain(line, os.environ)
    sys.exit(code)
