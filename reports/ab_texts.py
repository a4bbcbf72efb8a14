"""Interleaved pairs in words: the lines of a terminal, and Markdown. Pure."""

from __future__ import annotations

from statistics import median
from typing import Any

from reports import compare, compare_texts, numbers
from reports.ab import Course
from reports.budgets import Document
from reports.trials import Trial


def pair_line(pair: dict[str, Any], max_pairs: int, left_s: float | None) -> str:
    """One pair for whoever waits; ``left_s``: how long the planned ones still take."""
    sides = [f"{side} {_trial_text(pair[side])}" for side in ("base", "head")]
    left = "" if left_s is None else f"   {numbers.seconds(left_s)} left"
    again = "" if pair["counts"] else "   cannot be believed, tried again"
    return f"pair {pair['number']:>2}/{max_pairs}  {'   '.join(sides)}{again}{left}"


def _trial_text(trial: dict[str, Any]) -> str:
    if trial["doubts"]:
        return f"invalid ({trial['doubts'][0].partition(':')[0]})"
    figures = [
        f"{name.rpartition(' ')[2]} {numbers.duration(value)}"
        for name, value in trial["values"].items()
        if value is not None
    ]
    text = ", ".join(figures) or numbers.NO_DATA
    return f"{text} FAILED" if trial["failures"] else text


def so_far_text(course: Course) -> str:
    """What the pairs say by now, for whoever waits: nothing is judged but where a look was planned."""
    told = []
    for name in course.tolerances:
        both = [(_value(pair.base, name), _value(pair.head, name)) for pair in course.counting]
        ratios = [head / base for base, head in both if base and head is not None]
        if ratios:
            told.append(f"{name.rpartition(' ')[2]} x {median(ratios):.2f}")
    if course.taken:
        look, whole = course.taken[-1]
        told.append(f"{whole} by {look.pair_count}")
    elif course.next_look is not None:
        told.append(f"judged at {course.next_look.pair_count}")
    return ", ".join(told)


def _value(trial: Trial, name: str) -> float | None:
    return None if trial.document is None else compare.value_of(trial.document, name)


def lines_of(document: Document) -> list[str]:
    """The whole for a terminal."""
    noise = noise_sentences(document)
    said = [line for sentence in noise for line in compare_texts.wrapped(sentence)]
    return [*compare_texts.lines_of(document), *([""] if noise else []), *said]


def markdown_of(document: Document) -> str:
    """The whole as Markdown, for a pull request."""
    headline, _, rest = compare_texts.markdown_of(document).partition("\n")
    ab = document["ab"]
    about = [f"- base: `{ab['base']}`", f"- head: `{ab['head']}`"]
    return "\n".join([headline, "", *about, rest, *noise_sentences(document)]).rstrip() + "\n"


def noise_sentences(document: Document) -> list[str]:
    """Of a server beside itself: how often this machine would mislead, and what it would find."""
    noise = document["noise"]
    if noise is None:
        return []
    found = []
    for name, effect in noise["smallest"].items():
        where = "not even where it is 5 times as slow" if effect is None else f"from {numbers.percent(effect)} on"
        found.append(f"{name.replace('_', ' ')} {where}")
    return [
        f"A server beside itself: of {noise['resamples']} repetitions drawn from these pairs, "
        f"{numbers.percent(noise['false_alarms'])} were false alarms and {numbers.percent(noise['inconclusive'])} "
        "told nothing.",
        f"A slower head is found here 95 times in 100: {', '.join(found)}.",
    ]
