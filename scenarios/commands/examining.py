"""``chatbench doctor`` and ``calibrate``: what this machine can carry, and how right it measures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from loadgen.errors import InputError
from scenarios.commands import options
from scenarios.commands.options import LOAD, OUTPUT, TARGET


def doctor(
    target: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Base address of a server to try a dialect on; repeatable: the two users take them in turn.",
            rich_help_panel=TARGET,
        ),
    ] = None,
    dialect: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="A built-in one (reference), or a file.", rich_help_panel=TARGET),
    ] = None,
    users_file: Annotated[
        str | None,
        typer.Option(metavar="FILE.csv", help="username,password a line; the first two.", rich_help_panel=TARGET),
    ] = None,
    tokens_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="One token a line, the first two; nobody logs in.", rich_help_panel=TARGET),
    ] = None,
    header: options.Header = None,
    insecure: options.Insecure = None,
    ca: options.Ca = None,
    client_cert: options.ClientCert = None,
    client_key: options.ClientKey = None,
    proxy: options.Proxy = None,
    unix_socket: options.UnixSocket = None,
    users: Annotated[
        str | None,
        typer.Option("--users", "-u", metavar="N", help="Do so many users fit on this machine?", rich_help_panel=LOAD),
    ] = None,
    print_json: Annotated[
        bool, typer.Option("--json", help="Print a document on standard output.", rich_help_panel=OUTPUT)
    ] = False,
) -> None:
    """Say what this machine can carry, or, with --target, why a dialect does not work.

    With --target two users log in, connect, join and say one thing; each step
    shows what was sent, what came back and which key of the dialect file to
    look at. Exit codes: 0 all is well, 97 users do not fit or a step failed,
    104 bad input, 106 nobody answers, or everybody's login was refused.
    """
    from scenarios.doctor import examine_dialect, examine_machine
    from scenarios.flags_of_run import whole_number
    from scenarios.layers import flags_typed

    flags = flags_typed(
        target=target,
        dialect=dialect,
        header=header,
        insecure=insecure,
        ca=ca,
        client_cert=client_cert,
        client_key=client_key,
        proxy=proxy,
        unix_socket=unix_socket,
        users_file=users_file,
        tokens_file=tokens_file,
    )
    if not target:
        user_count = None if users is None else whole_number("--users", users)
        raise typer.Exit(examine_machine(user_count, flags, print_json=print_json))
    if users is not None:
        raise InputError(f"--users: expected without --target, which is tried with two users, got {users}")
    raise typer.Exit(examine_dialect(flags, os.environ, print_json=print_json))


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
