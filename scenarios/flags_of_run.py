"""The flags of ``chatbench run`` on the command line of another command, which carries out many runs."""

from __future__ import annotations

from argparse import SUPPRESS, Action, ArgumentParser, Namespace
from collections.abc import Mapping, Set
from typing import Any, NoReturn, get_args

from loadgen.errors import InputError
from loadgen.plan.pacing import NS_PER_S
from loadgen.plan.secrets import complaint_shown
from scenarios.commands import options
from scenarios.endpoint import AUTO
from scenarios.layers import FLAGS, Flag, headers_from
from scenarios.validation import duration_ns

_SHORT = {"--users": "-u", "--connect-rate": "-r", "--duration": "-d", "--insecure": "-k"}
_REPEATABLE = frozenset({"--target", "--header", "--budget", "--stage"})
_SWITCHES = frozenset({"--insecure", "--force", "--abort-on-fail"})


class HelpWanted(Exception):  # noqa: N818  # no error: somebody asks
    """The text is the help."""


class Parser(ArgumentParser):
    """One whose complaints are lines of ours, which quote no password."""

    def error(self, message: str) -> NoReturn:
        """InputError, which the command line prints."""
        raise InputError(complaint_shown(message))


class _Refusal(Action):
    """A flag of ``run`` that is taken only to say why it is not."""

    def __call__(self, parser: ArgumentParser, namespace: Namespace, values: Any, option: str | None = None) -> None:
        raise InputError(f"{option}: {self.const}")


def add_flags(parser: ArgumentParser, without: Set[str], refused: Mapping[str, str]) -> None:
    """Let it take the flags of ``run`` but some, by their names; of those that are ``refused`` it says why."""
    group = parser.add_argument_group("of every run")
    for flag in _flags(without | {"--web"}):
        names = [flag.name, *([_SHORT[flag.name]] if flag.name in _SHORT else [])]
        metavar, text = _told(flag.name)
        if flag.name in _SWITCHES:
            group.add_argument(*names, action="store_true", default=None, help=text)
        else:
            action = "append" if flag.name in _REPEATABLE else "store"
            group.add_argument(*names, action=action, metavar=metavar, help=text)
    # Taken in order to be refused in words of its own (endpoint.refuse_page).
    group.add_argument("--web", nargs="?", const=AUTO, help=SUPPRESS)
    for name, why in refused.items():
        group.add_argument(name, action=_Refusal, nargs="?", const=why, help=SUPPRESS)


def _told(name: str) -> tuple[str, str]:
    """What stands for the value of a flag, and its help, as ``chatbench run`` has them."""
    option = get_args(getattr(options, name.title().replace("-", "")))[1]
    return str(option.metavar), str(option.help).replace("%", "%%")


def flags_given(given: Namespace, without: Set[str]) -> tuple[dict[str, Any], list[str]]:
    """By key path, as settling takes them; and as ``chatbench run`` does."""
    flags: dict[str, Any] = {}
    passed: list[str] = []
    for flag in _flags(without):
        value = getattr(given, flag.parameter)
        if value is None:
            continue
        flags[flag.key] = headers_from(value, flag.name) if flag.name == "--header" else value
        if flag.name in ("--force", "--web"):
            continue  # of the command itself
        if flag.name in _SWITCHES:
            passed.append(flag.name)
        else:
            for each in value if isinstance(value, list) else [value]:
                passed += [flag.name, each]
    return flags, passed


def _flags(without: Set[str]) -> list[Flag]:
    return [flag for flag in FLAGS if flag.name not in without]


def whole_number(name: str, text: str) -> int:
    """A number > 0 that was typed for the flag ``name``; InputError where it is none."""
    if not text.isdecimal() or not int(text):
        raise InputError(f"{name}: expected a whole number > 0, got {text}")
    return int(text)


def seconds(name: str, text: str) -> float:
    """A time > 0 that was typed for the flag ``name``; InputError where it is none."""
    try:
        time_s = float(duration_ns(text)) / NS_PER_S
    except ValueError:
        raise InputError(f"{name}: expected a time like 30s or 10m, got {text}") from None
    if time_s <= 0:
        raise InputError(f"{name}: expected a time > 0, got {text}")
    return time_s
