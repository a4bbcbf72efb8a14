"""docs/gallery/README.md: each page with its pictures and a sentence. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.gallery.making import Made
from reports import numbers
from reports.budgets import Document


def files_of(name: str) -> tuple[str, str, str]:
    """What there is of an exhibit: page, light and dark picture."""
    return f"{name}.html", f"{name}.png", f"{name}_dark.png"


def readme(made: Sequence[Made], environment: Document, day: str) -> str:
    """The page that shows them all."""
    machine = f"{numbers.count(environment.get('cores'))} cores of {environment.get('cpu') or 'an unnamed processor'}"
    return "\n".join(
        [
            "# Gallery",
            "",
            f"Pages of real runs, made by `make gallery` on {day} on {machine}. The machine's name and paths were "
            "taken out, and nothing else. Each page is one file that needs no network: download it and open it.",
            *(line for each in made for line in _shown(each)),
            "",
        ]
    )


def _shown(made: Made) -> Iterable[str]:
    page, light, dark = files_of(made.exhibit.name)
    yield ""
    yield f"## {made.exhibit.title}"
    yield ""
    yield numbers.printable(made.exhibit.tell(made.document))
    yield ""
    yield "<picture>"
    yield f'  <source media="(prefers-color-scheme: dark)" srcset="{dark}">'
    yield f'  <img src="{light}" alt="{made.exhibit.title}" width="1200">'
    yield "</picture>"
    yield ""
    yield f"`{command_of(made.arguments)}` · [the page]({page})"


def command_of(arguments: Sequence[str]) -> str:
    """As one would type it."""
    typed = " ".join(f"'{word}'" if set(word) & set(" <>=(){}") else word for word in arguments)
    return f"chatbench {typed}".replace("'{target}'", "URL")
