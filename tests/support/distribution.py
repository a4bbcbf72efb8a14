"""`make dist`: an sdist and the wheel that is made of it, held to what users should get, and to that of the checkout.

python -m tests.support.distribution FOLDER
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable, Mapping
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PACKAGES: tuple[str, ...] = tuple(
    tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"][
        "packages"
    ]
)
LICENCES = ("LICENSE", "reports/vendor/uPlot.LICENSE")
# Counts its years, and so has no bound above.
_UNBOUND = frozenset({"packaging"})


def wrong_with(wheel: Mapping[str, bytes], wanted: Iterable[str]) -> list[str]:
    """What is missing in a wheel, or should not be there; ``wanted`` are the files of the packages."""
    metadata = next(name for name in wheel if name.endswith(".dist-info/METADATA"))
    information = metadata.removesuffix("METADATA")
    found = {name for name in wheel if not name.startswith(information)}
    wrong = [f"it lacks {name}" for name in sorted(set(wanted) - found)]
    wrong += [f"it should not have {name}" for name in sorted(found - set(wanted))]
    wrong += [f"it lacks the licence {name}" for name in LICENCES if f"{information}licenses/{name}" not in wheel]
    headers = HeaderParser().parsestr(wheel[metadata].decode())
    if headers["License-Expression"] != "MIT":
        wrong.append(f"its licence is {headers['License-Expression']}, and not MIT by SPDX")
    for text in headers.get_all("Requires-Dist") or []:
        asked = Requirement(text)
        is_ours = asked.marker is None or "extra" not in str(asked.marker)
        operators = {each.operator for each in asked.specifier}
        if is_ours and asked.name not in _UNBOUND and not {">=", "<"} <= operators:
            wrong.append(f"it asks for {text} without bounds")
    return wrong


def files_of_packages(root: Path) -> set[str]:
    """What git knows of the packages."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", *PACKAGES], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    return {name for name in listed.split("\0") if name}


def main(folder: Path) -> int:
    """Build both into ``folder``; exit code 1 where something is wrong with them."""
    _build("--outdir", str(folder), ".")
    with tempfile.TemporaryDirectory() as place:
        _build("--wheel", "--outdir", place, ".")
        of_checkout = _read(next(Path(place).glob("*.whl")))
    of_sdist = _read(next(folder.glob("*.whl")))
    wrong = wrong_with(of_sdist, files_of_packages(ROOT))
    differing = {name for name in {*of_checkout, *of_sdist} if of_checkout.get(name) != of_sdist.get(name)}
    wrong += [f"made of the sdist it has another {name} than the checkout's" for name in sorted(differing)]
    for each in wrong:
        print(f"the wheel: {each}")
    return 1 if wrong else 0


def _build(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "build", *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)


def _read(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as wheel:
        return {name: wheel.read(name) for name in wheel.namelist()}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
