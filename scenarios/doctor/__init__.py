"""``chatbench doctor``: looks at this machine, or tries a dialect with two users, and prints what came of it.

What each of the two needs is imported when it is asked for: no run has to wait for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from loadgen.errors import InputError
from scenarios.layers import FLAGS

if TYPE_CHECKING:
    from reports.budgets import ExitCode

# How long anything is waited for that may not come. With all of them a server that says nothing takes 40 s.
PATIENCE_S = 5.0

# What the environment may say about a target; the rest of a run is none of an examination's business.
_BESIDE_TARGET = (
    "target.dialect",
    "target.headers",
    "target.insecure",
    "target.ca",
    "target.client_cert",
    "target.client_key",
    "target.proxy",
    "target.unix_socket",
    "users.file",
    "users.tokens_file",
)


def examine_machine(user_count: int | None, flags: Mapping[str, Any], *, print_json: bool) -> ExitCode:
    """Say what this machine can carry, and whether so many users fit, where a number is given.

    ``flags`` are those about a target that were given all the same, by key path: InputError.
    """
    from reports.budgets import ExitCode
    from scenarios.doctor import view
    from scenarios.doctor.checkup import check_up
    from scenarios.doctor.gather import facts_about_this_machine

    for flag in FLAGS:
        if flags.get(flag.key) is not None:
            raise InputError(f"{flag.name}: expected together with --target, the server to try it on, got it alone")
    facts = facts_about_this_machine()
    checkup = check_up(facts, user_count)
    if print_json:
        view.print_checkup_document(checkup, facts)
    else:
        view.print_checkup(checkup)
    return ExitCode.INVALID if checkup.fits is False else ExitCode.PASS


def examine_dialect(
    flags: Mapping[str, Any], environ: Mapping[str, str], *, print_json: bool, patience_s: float = PATIENCE_S
) -> ExitCode:
    """Try a dialect with two users, and say step by step what came of it; InputError where it cannot be tried.

    ``flags`` are those of ``run`` about the target and its users, by key path, as typed.
    """
    import asyncio
    import secrets

    from scenarios.doctor import view
    from scenarios.doctor.examination import USER_COUNT, address_of, examine
    from scenarios.doctor.steps import exit_code_of
    from scenarios.settle import settle

    # What a run would make of them, with its own words for what is wrong.
    variables = {flag.variable for flag in FLAGS if flag.key in _BESIDE_TARGET}
    settled = settle(
        "fanout",
        {**flags, "users.count": str(USER_COUNT)},
        {name: value for name, value in environ.items() if name in variables},
    )
    base_urls = settled.base_urls[:USER_COUNT]
    plan = settled.plan_for(base_urls, secrets.token_hex(3))
    show = (lambda _: None) if print_json else view.step_printer()
    steps = asyncio.run(examine(plan, patience_s, show))
    if print_json:
        view.print_diagnosis_document(steps, [*map(address_of, base_urls)], plan.dialect.name)
    else:
        view.print_verdict(steps)
    return exit_code_of(steps)
