"""A comparison in words, for a terminal and for a pull request. Pure.

Where both sides ran in turns (``chatbench ab``) the document has the same sections, and these words are its own, too.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from reports import numbers
from reports.budgets import Document
from reports.compare import Whole
from reports.markdown import MARKS
from reports.markdown import text as markdown_text

_WIDTH = 80
# Of the names of times and counts in a line.
_NAMES = 22
_TONES = {Whole.WORSE: "bad", Whole.NO_WORSE: "good", Whole.CANNOT_TELL: "unsure", Whole.INVALID: "unsure"}


def lines_of(document: Document) -> list[str]:
    """The comparison for a terminal: no line is longer than 80 characters."""
    compare = document["compare"]
    sides = _sides_text(compare, name_of_new(document))
    lines = textwrap.wrap(f"{compare['verdict'].upper()}  {compare['scenario']}: {sides}", _WIDTH)
    # What makes it worse comes right after the verdict.
    lines += [line for sentence in why_sentences(document) for line in wrapped(sentence)]
    differences = [f"differs  {each['key']}: {each['base']} -> {each['new']}" for each in _differences(document)]
    lines += ["", *(line for text in differences for line in wrapped(text))] if differences else []
    lines += ["", *_times_lines(document), *([""] if document["counts"] else [])]
    for row in document["counts"]:
        figures = f"{row['base']:>9,} {row['new']:>9,}{'  worse' if row['worse'] else ''}"
        lines.append(f"  {row['name'].replace('_', ' '):<{_NAMES}} {figures}")
    advice = advice_sentence(document)
    if advice is not None:
        lines += ["", *wrapped(advice)]
    return lines


def _times_lines(document: Document) -> Iterator[str]:
    yield f"  {'':<{_NAMES}} {'base':>9} {name_of_new(document):>9} {'ratio':>6}  {'interval':<13} verdict"
    for row in document["times"]:
        base, new = numbers.duration(row["base_ms"]), numbers.duration(row["new_ms"])
        interval = "none" if row["low"] is None else f"{row['low']:.2f} to {row['high']:.2f}"
        mark = "" if row["tolerance"] is not None else "*"
        name = row["metric"].replace("_", " ")
        yield f"  {name:<{_NAMES}} {base:>9} {new:>9} {ratio_text(row):>6}  {interval:<13} {row['verdict']}{mark}"
    shares = sorted({row["confidence"] for row in document["times"] if row["low"] is not None})
    sure = f"; intervals: {' and '.join(f'{100 * share:.3g}' for share in shares)} % sure" if shares else ""
    yield f"  * reported, not judged{sure}"


def wrapped(sentence: str) -> list[str]:
    """A sentence as lines below a headline."""
    return textwrap.wrap(sentence, _WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)


def markdown_of(document: Document) -> str:
    """The comparison as Markdown, for a pull request."""
    compare = document["compare"]
    mark = MARKS[_TONES[Whole(compare["verdict"])]]
    told = [f"- {sentence}" for sentence in why_sentences(document)]
    lines = [
        f"### {mark} chatbench {markdown_text(compare['scenario'])}: {compare['verdict'].upper()}",
        "",
        *told,
        *([""] if told else []),
        f"{_sides_text(compare, name_of_new(document)).capitalize()}.",
        "",
    ]
    lines += [f"- differs: `{each['key']}`: {each['base']} -> {each['new']}" for each in _differences(document)]
    other = name_of_new(document)
    lines += ["", f"| time | base | {other} | ratio | interval | verdict |", "|---|---|---|---|---|---|"]
    for row in document["times"]:
        cells = (
            row["metric"].replace("_", " "),
            numbers.duration(row["base_ms"]),
            numbers.duration(row["new_ms"]),
            ratio_text(row),
            interval_text(row),
            verdict_text(row),
        )
        lines.append(f"| {' | '.join(cells)} |")
    if document["counts"]:
        lines += ["", f"| count | base | {other} | |", "|---|---|---|---|"]
    for row in document["counts"]:
        lines.append(
            f"| {row['name'].replace('_', ' ')} | {row['base']:,} | {row['new']:,} | {'worse' * row['worse']} |"
        )
    advice = advice_sentence(document)
    return "\n".join(lines if advice is None else [*lines, "", advice]) + "\n"


def why_sentences(document: Document) -> list[str]:
    """What makes the other side worse; none where nothing does."""
    return [f"{why[0].upper()}{why[1:]}." for why in (document.get("ab") or document["compare"]).get("why", ())]


def _differences(document: Document) -> list[dict[str, str]]:
    return [*document["settings"], *document["machine"]]


def name_of_new(document: Document) -> str:
    """What the other side is called: head, where both ran in turns."""
    return "head" if "ab" in document else "new"


def _sides_text(compare: dict[str, Any], other: str) -> str:
    return ", ".join(f"{name} {runs_text(compare[side])}" for side, name in (("base", "base"), ("new", other)))


def runs_text(side: dict[str, int]) -> str:
    """How many runs, and how many of them failed or cannot be believed."""
    text = f"{side['runs']} run{'s' * (side['runs'] != 1)}"
    told = [f"{side[name]} {name}" for name in ("failed", "invalid") if side[name]]
    return f"{text} ({', '.join(told)})" if told else text


def ratio_text(row: dict[str, Any]) -> str:
    """That of a time."""
    return numbers.NO_DATA if row["ratio"] is None else f"{row['ratio']:.2f}"


def change_text(ratio: float) -> str:
    """By how much a time has changed: ``+12.3 %``; what is many times as long needs no tenths."""
    decimals = 0 if ratio > 2 else 1
    # + 0.0: of what rounds to nothing no sign is told
    return f"{round(100 * (ratio - 1), decimals) + 0.0:+,.{decimals}f} %"


def interval_text(row: dict[str, Any]) -> str:
    """That of a time's ratio, and how sure it is."""
    if row["low"] is None:
        return "none"
    return f"{row['low']:.2f} to {row['high']:.2f} ({100 * row['confidence']:.3g} %)"


def verdict_text(row: dict[str, Any]) -> str:
    """That of a time, and whether it counts."""
    return str(row["verdict"]) if row["tolerance"] is not None else f"{row['verdict']} (not judged)"


def advice_sentence(document: Document) -> str | None:
    """What to do; None where there is nothing to be done."""
    advice = document["compare"]["advice"]
    return None if advice is None else f"{advice[0].upper()}{advice[1:]}."
