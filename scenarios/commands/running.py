"""``chatbench run``: which key of a scenario each flag sets, and what is then carried out."""

from __future__ import annotations

import os
from dataclasses import replace

import typer

from scenarios.commands import command_line, options


def run(
    scenario: options.Scenario = "fanout",
    target: options.Target = None,
    dialect: options.Dialect = None,
    users_file: options.UsersFile = None,
    tokens_file: options.TokensFile = None,
    header: options.Header = None,
    insecure: options.Insecure = None,
    ca: options.Ca = None,
    client_cert: options.ClientCert = None,
    client_key: options.ClientKey = None,
    proxy: options.Proxy = None,
    unix_socket: options.UnixSocket = None,
    target_metrics: options.TargetMetrics = None,
    users: options.Users = None,
    stage: options.Stage = None,
    rooms: options.Rooms = None,
    rate: options.Rate = None,
    payload: options.Payload = None,
    connect_rate: options.ConnectRate = None,
    loop: options.Loop = None,
    processes: options.Processes = None,
    transport: options.Transport = None,
    start_with: options.StartWith = None,
    add_events: options.AddEvents = False,
    worker_cores: options.WorkerCores = None,
    seed: options.Seed = None,
    duration: options.Duration = None,
    warmup: options.Warmup = None,
    drain: options.Drain = None,
    deadline: options.Deadline = None,
    budget: options.Budget = None,
    budgets: options.Budgets = None,
    abort_on_fail: options.AbortOnFail = None,
    abort_after: options.AbortAfter = None,
    out: options.Out = None,
    force: options.Force = None,
    events: options.Events = None,
    prometheus: options.Prometheus = None,
    web: options.Web = None,
    print_json: options.PrintJson = None,
    html: options.Html = None,
    plots: options.Plots = None,
    quiet: options.Quiet = None,
) -> None:
    """Benchmark a chat server and leave a run directory with the report.

    Every flag can also stand in the scenario file, or in the environment
    (CHATBENCH_USERS, ...): flag beats environment beats file beats default.
    """
    from scenarios.bench import bench
    from scenarios.layers import flags_typed
    from scenarios.pinning import cores_from
    from scenarios.settle import settle

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
        target_metrics=target_metrics,
        users=users,
        connect_rate=connect_rate,
        rooms=rooms,
        stage=stage,
        users_file=users_file,
        tokens_file=tokens_file,
        loop=loop,
        rate=rate,
        payload=payload,
        deadline=deadline,
        warmup=warmup,
        duration=duration,
        drain=drain,
        seed=seed,
        processes=processes,
        transport=transport,
        events=events,
        prometheus=prometheus,
        web=web,
        abort_on_fail=abort_on_fail,
        abort_after=abort_after,
        budgets=budgets,
        out=out,
        force=force,
        html=html,
        plots=plots,
        json=print_json,
        quiet=quiet,
        budget=budget,
    )
    settled = settle(scenario, flags, os.environ)
    command = command_line()
    if settled.sweep is not None:
        from scenarios.sweep_runs import Request, arguments_of, carry_out_sweep

        arguments = (
            arguments_of(flags) if worker_cores is None else (*arguments_of(flags), "--worker-cores", worker_cores)
        )
        raise typer.Exit(carry_out_sweep(settled, Request(scenario, arguments, command)))
    if worker_cores is not None:
        settled = replace(settled, worker_cores=cores_from(worker_cores, "--worker-cores"))
    settled = replace(settled, start_with=start_with, adds_events=add_events)
    raise typer.Exit(bench(settled, command=command, source=scenario))
