"""The flags of ``chatbench run``, some of which other commands have as well: what the help says of each."""

from __future__ import annotations

from typing import Annotated

import typer

TARGET, LOAD, TIME, OUTPUT = "Target", "Load", "Time", "Output"

Scenario = Annotated[str, typer.Argument(help="Catalogue name or path of a scenario file.", metavar="SCENARIO")]

Target = Annotated[
    list[str] | None,
    typer.Option(
        metavar="URL",
        help="Base address of the server under test; default: start the reference server. Repeatable: users are "
        "spread over the nodes in turn.",
        rich_help_panel=TARGET,
    ),
]

Dialect = Annotated[
    str | None,
    typer.Option(metavar="NAME|FILE", help="A built-in one (chatbench dialects), or a file.", rich_help_panel=TARGET),
]

UsersFile = Annotated[
    str | None,
    typer.Option(metavar="FILE.csv", help="username,password a line, taken in turn.", rich_help_panel=TARGET),
]

TokensFile = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="One token a line, taken in turn; nobody logs in.", rich_help_panel=TARGET),
]

Header = Annotated[
    list[str] | None,
    typer.Option(
        metavar="'K: V'",
        help="Sent with every request and handshake; repeatable.",
        rich_help_panel=TARGET,
    ),
]

Insecure = Annotated[
    bool | None,
    typer.Option("--insecure", "-k", help="Take any TLS certificate.", rich_help_panel=TARGET),
]

Ca = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Certificates to trust, in PEM.", rich_help_panel=TARGET),
]

ClientCert = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Certificate for a server that asks who we are, in PEM.", rich_help_panel=TARGET),
]

ClientKey = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Its key, where it is in a file of its own.", rich_help_panel=TARGET),
]

Proxy = Annotated[
    str | None,
    typer.Option(metavar="URL", help="HTTP proxy, http://name:password@host:port.", rich_help_panel=TARGET),
]

UnixSocket = Annotated[
    str | None,
    typer.Option(
        metavar="PATH", help="Everything goes through it, whatever host --target names.", rich_help_panel=TARGET
    ),
]

TargetMetrics = Annotated[
    str | None,
    typer.Option(
        metavar="URL|auto",
        help="Where the server tells of itself in Prometheus' text format, drawn beside our figures; auto: the "
        "reference server's own.",
        rich_help_panel=TARGET,
    ),
]

Users = Annotated[str | None, typer.Option("--users", "-u", metavar="N", help="How many users.", rich_help_panel=LOAD)]

Stage = Annotated[
    list[str] | None,
    typer.Option(
        metavar="30s:500",
        help="Within 30 s go evenly to 500 users, from nobody on; repeatable; the stages are the measured part.",
        rich_help_panel=LOAD,
    ),
]

Rooms = Annotated[
    str | None,
    typer.Option(metavar="N", help="N rooms of equal size, one room a user.", rich_help_panel=LOAD),
]

Rate = Annotated[
    str | None,
    typer.Option(metavar="MSGS_PER_S", help="Messages a second, all users together.", rich_help_panel=LOAD),
]

Payload = Annotated[
    str | None,
    typer.Option(metavar="BYTES", help="Length of each message's text.", rich_help_panel=LOAD),
]

ConnectRate = Annotated[
    str | None,
    typer.Option(
        "--connect-rate",
        "-r",
        metavar="N",
        help="Users a second that log in, connect, join.",
        rich_help_panel=LOAD,
    ),
]

Loop = Annotated[
    str | None,
    typer.Option(
        metavar="open|closed",
        help="open: the rate is kept whatever the server does; closed: a user waits for the answer, then thinks.",
        rich_help_panel=LOAD,
    ),
]

Processes = Annotated[
    str | None,
    typer.Option(
        metavar="N|auto", help="Processes that offer load (1); auto: one for each core.", rich_help_panel=LOAD
    ),
]

Transport = Annotated[
    str | None,
    typer.Option(metavar="picows|websockets", help="Which library carries the frames (picows).", rich_help_panel=LOAD),
]

StartWith = Annotated[
    int | None,
    typer.Option(metavar="FD", help="Socket over which a start is agreed on.", hidden=True, rich_help_panel=TIME),
]

WorkerCores = Annotated[
    str | None,
    typer.Option(metavar="N,N", help="Cores that the processes keep to.", hidden=True, rich_help_panel=LOAD),
]

AddEvents = Annotated[
    bool,
    typer.Option("--add-events", help="Go on in the file of events.", hidden=True, rich_help_panel=OUTPUT),
]

Seed = Annotated[str | None, typer.Option(metavar="N", help="Settles every random choice.", rich_help_panel=LOAD)]

Duration = Annotated[
    str | None,
    typer.Option(
        "--duration",
        "-d",
        metavar="30s",
        help="The measured part; 90s, 2m, 1h30m.",
        rich_help_panel=TIME,
    ),
]

Warmup = Annotated[str | None, typer.Option(metavar="3s", help="Before it; not measured.", rich_help_panel=TIME)]

Drain = Annotated[
    str | None,
    typer.Option(metavar="5s", help="After it: waits for what is under way.", rich_help_panel=TIME),
]

Deadline = Annotated[
    str | None,
    typer.Option(metavar="5s", help="A delivery later than this is late.", rich_help_panel=TIME),
]

Budget = Annotated[
    list[str] | None,
    typer.Option(
        metavar="'METRIC:AGG OP VALUE'",
        help="A limit, e.g. 'delivery_time:p(99)<250ms'; it replaces the file's for that metric; repeatable.",
        rich_help_panel=OUTPUT,
    ),
]

Budgets = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Limits for many scenarios, in TOML.", rich_help_panel=OUTPUT),
]

AbortOnFail = Annotated[
    bool | None,
    typer.Option("--abort-on-fail", help="End the run as soon as a budget has failed.", rich_help_panel=OUTPUT),
]

AbortAfter = Annotated[
    str | None,
    typer.Option(metavar="10s", help="But not sooner in the measured part.", rich_help_panel=OUTPUT),
]

Out = Annotated[
    str | None,
    typer.Option(
        "--out",
        "-o",
        metavar="DIR",
        help="Run directory; default runs/<time>-<scenario>.",
        rich_help_panel=OUTPUT,
    ),
]

Force = Annotated[
    bool | None,
    typer.Option("--force", help="Write into a directory that is not empty.", rich_help_panel=OUTPUT),
]

Events = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Write what happens, a line of JSON each.", rich_help_panel=OUTPUT),
]

Prometheus = Annotated[
    str | None,
    typer.Option(
        metavar="[HOST:]PORT",
        help="Serve the live figures for Prometheus at /metrics, on 127.0.0.1 if not said; 0: a free port.",
        rich_help_panel=OUTPUT,
    ),
]

Web = Annotated[
    str | None,
    typer.Option(
        metavar="[[HOST:]PORT]",
        help="Serve a page that follows the run, on 127.0.0.1 if not said; at 8090, or a free port where another "
        "program has it, if nothing is said; 0: a free port.",
        rich_help_panel=OUTPUT,
    ),
]

PrintJson = Annotated[
    bool | None,
    typer.Option("--json", help="Print the result document on standard output.", rich_help_panel=OUTPUT),
]

Html = Annotated[bool | None, typer.Option("--html/--no-html", help="Write report.html.", rich_help_panel=OUTPUT)]

Plots = Annotated[bool | None, typer.Option("--plots/--no-plots", help="Write plots/*.png.", rich_help_panel=OUTPUT)]

Quiet = Annotated[bool | None, typer.Option("--quiet", "-q", help="Print nothing but errors.", rich_help_panel=OUTPUT)]
