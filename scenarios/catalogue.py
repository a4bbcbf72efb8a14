"""Where scenario files are found: in the catalogue by name, anywhere else by path."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import resources
from pathlib import Path

from loadgen.errors import InputError


def catalogue() -> dict[str, str]:
    """Every scenario that comes with chatbench: name -> text of its file."""
    folder = resources.files("scenarios") / "catalog"
    entries = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda e: e.name)
    return {entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8") for entry in entries}


def find_scenario(name_or_path: str, folder: Path | None = None) -> tuple[str, str, str]:
    """(name, what errors call the file, its text); InputError where there is none.

    A path starts from ``folder``, or from where we are.
    """
    known = catalogue()
    if name_or_path in known:
        return name_or_path, f"{name_or_path}.toml", known[name_or_path]
    path = Path(name_or_path) if folder is None else folder / name_or_path
    source = name_or_path if folder is None else str(path)
    if not name_or_path.endswith(".toml") and not path.exists():
        near = get_close_matches(name_or_path, known, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        raise InputError(
            f'unknown scenario "{name_or_path}"{hint} (catalogue: {", ".join(known)}; or the path of a file)'
        )
    try:
        return path.stem, source, path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{source}: cannot read the scenario: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{source}: cannot read the scenario: it is not UTF-8 text") from None
