"""What the gallery shows: the runs behind each page, and the sentence that is said of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import resources

from reports import numbers
from reports.budgets import Document
from reports.capacity import headline as capacity_headline
from reports.compare_texts import why_sentences
from reports.verdicts import headline

SLOWER = '[deliveries]\ndelay = { kind = "constant", ms = 10 }\n'
FAULTY = '[deliveries]\ndelay = { kind = "lognormal", median_ms = 30, sigma = 0.6 }\ndrop = 0.002\nduplicate = 0.001\n'
_SERVE = "chatbench serve --port {port} --accounts 1000 --lift-limits"


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One page of the gallery."""

    name: str
    title: str
    arguments: tuple[str, ...]
    """Of ``chatbench``, without the directory; ``{target}`` is the address of ``server``."""
    exits: tuple[int, ...]
    """The exit codes with which it shows what it is to show."""
    tell: Callable[[Document], str]
    document: str = "result.json"
    page: str = "report.html"
    files: Mapping[str, str] = field(default_factory=dict)
    """What the commands read: name -> text."""
    server: tuple[str, ...] = ()
    """The module and the arguments of a server that is started for it."""
    doubt: str = ""
    """The code of one that the document must have."""
    quick: tuple[str, ...] = ()
    """Flags of a rehearsal, laid over the others."""


def of_a_run(document: Document) -> str:
    """Verdict, load and times of a run."""
    rates, times = document["rates"], document["metrics"].get("delivery_time") or {}
    users = numbers.count(document["counters"].get("users_planned"))
    load = f"{users} users, {numbers.rate(rates.get('deliveries_received_per_s'))} deliveries a second"
    quantiles = ", ".join(f"{q} {numbers.duration(times.get(q))}" for q in ("p50", "p99"))
    said = headline(document)
    return f"{said.badge}: {said.sentence} {load[0].upper()}{load[1:]}; delivery time {quantiles}."


def of_a_storm(document: Document) -> str:
    """Who was hit, and how soon they were back."""
    storm = next(each for each in document["incidents"] if each["kind"] == "reconnect_storm")
    hit, half_s, all_s = storm["users_hit"], storm["back_50_s"], storm["back_100_s"]
    last = "and not all of them came back" if all_s is None else f"and the last one after {numbers.seconds(all_s)}"
    return (
        f"{numbers.count(hit)} of {numbers.count(document['counters']['users_planned'])} users lost their sockets at "
        f"one moment: half of them were back after {numbers.seconds(half_s)}, {last}. {of_a_run(document)}"
    )


def of_a_search(document: Document) -> str:
    """The answer, and how many runs it took."""
    return f"{capacity_headline(document)} Found in {len(document['probes'])} runs."


def of_a_comparison(document: Document) -> str:
    """The verdict, and what makes it so."""
    why = " ".join(why_sentences(document))
    verdict = document["compare"]["verdict"]
    return f"{verdict[0].upper()}{verdict[1:]}, by {document['ab']['pairs']} pairs of runs in turns. {why}".strip()


EXHIBITS = (
    Exhibit(
        "pass",
        "A run within its budgets",
        ("run", "fanout", "--users", "200", "--duration", "15s", "--target-metrics", "auto"),
        exits=(0,),
        tell=of_a_run,
        quick=("--users", "50", "--duration", "4s"),
    ),
    Exhibit(
        "budget_failed",
        "A server that is slow, and loses and repeats deliveries",
        (
            *("run", "fanout", "--users", "100", "--duration", "15s", "--target", "{target}"),
            *("--budget", "delivery_time:p(99)<50ms", "--budget", "deliveries_lost:count==0"),
        ),
        exits=(99,),
        tell=of_a_run,
        files={"faulty.toml": FAULTY},
        server=("target_app", "--accounts", "1000", "--lift-limits", "--faults", "faulty.toml"),
        quick=("--users", "30", "--duration", "4s"),
    ),
    Exhibit(
        "invalid",
        "A generator that was asked for more than it can carry",
        (
            *("run", "fanout", "--target", "{target}", "--dialect", "relay.toml", "--users", "100"),
            *("--rate", "2500", "--payload", "100", "--duration", "8s"),
        ),
        exits=(97,),
        doubt="generator_late",
        tell=of_a_run,
        files={"relay.toml": (resources.files("loadgen") / "relay.toml").read_text(encoding="utf-8")},
        server=("loadgen.relay",),
        quick=("--duration", "3s"),
    ),
    Exhibit(
        "storm",
        "Half of the users come back at once",
        ("run", "reconnect_storm", "--users", "300", "--duration", "20s"),
        exits=(0, 99),
        tell=of_a_storm,
        quick=("--users", "60", "--duration", "6s"),
    ),
    Exhibit(
        "capacity",
        "The largest load within the budgets",
        (
            *("capacity", "fanout", "--of", "rate", "--users", "100", "--start", "50", "--duration", "4s"),
            *("--max-time", "150s", "--warmup", "1s", "--drain", "1s", "--budget", "delivery_time:p(95)<50ms"),
        ),
        exits=(0,),
        tell=of_a_search,
        document="capacity.json",
        page="capacity.html",
        quick=("--users", "30", "--start", "50", "--most", "100", "--duration", "2s"),
    ),
    Exhibit(
        "comparison",
        "A server beside one that is 10 ms slower",
        (
            *("ab", "side_by_side", "--base", _SERVE, "--head", f"{_SERVE} --faults slower.toml"),
            *("--pairs", "10", "--max-pairs", "10", "--duration", "3s"),
        ),
        exits=(98,),
        tell=of_a_comparison,
        document="ab.json",
        page="ab.html",
        files={"slower.toml": SLOWER},
        quick=("--duration", "1s"),
    ),
)
