"""docs/gallery/README.md: each page with its pictures and a sentence. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reports import numbers
from reports.budgets import Document

_PAGE_OF = re.compile(r"\[the page\]\((\w+)\.html\)")


@dataclass(frozen=True, slots=True)
class Shown:
    """One page of the gallery, and what is said of it."""

    name: str
    title: str
    sentence: str
    command: str
    """As one would type it."""
    environment: Document
    day: str
    html: str

    @property
    def section(self) -> str:
        """Of the README."""
        page, light, dark = files_of(self.name)
        cores, cpu = numbers.count(self.environment.get("cores")), self.environment.get("cpu")
        return "\n".join(
            [
                f"## {self.title}",
                "",
                numbers.printable(self.sentence),
                "",
                "<picture>",
                f'  <source media="(prefers-color-scheme: dark)" srcset="{dark}">',
                f'  <img src="{light}" alt="{self.title}" width="1200">',
                "</picture>",
                "",
                f"`{self.command}` · {self.day}, {cores} cores of {cpu or 'an unnamed processor'} · [the page]({page})",
            ]
        )


def files_of(name: str) -> tuple[str, str, str]:
    """What there is of an exhibit: page, light and dark picture."""
    return f"{name}.html", f"{name}.png", f"{name}_dark.png"


def readme(sections: Iterable[str]) -> str:
    """The page that shows them all."""
    head = (
        "# Gallery\n\n"
        "Pages of real runs, made by `make gallery`; those that take long, each by the command that stands with it. "
        "The machine's name and paths were taken out, and nothing else. Each page is one file that needs no network: "
        "download it and open it."
    )
    return "\n\n".join([head, *sections]) + "\n"


def sections_of(text: str) -> dict[str, str]:
    """The sections of such a page, by the names of their exhibits."""
    sections = {}
    for section in text.split("\n## ")[1:]:
        if found := _PAGE_OF.search(section):
            sections[found[1]] = f"## {section.strip()}"
    return sections


def in_order(sections: Mapping[str, str], names: Sequence[str]) -> list[str]:
    """The sections with those names, in their order, and after them all others as they stand."""
    known = [sections[name] for name in names if name in sections]
    return known + [section for name, section in sections.items() if name not in names]


def command_of(arguments: Sequence[str]) -> str:
    """As one would type it."""
    typed = " ".join(f"'{word}'" if set(word) & set(" <>=(){}") else word for word in arguments)
    return f"chatbench {typed}".replace("'{target}'", "URL")
