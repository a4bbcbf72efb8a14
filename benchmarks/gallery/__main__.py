"""``python -m benchmarks.gallery``: make docs/gallery anew, from runs that are made for it; ten minutes at most."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.common import BenchmarkError
from benchmarks.gallery.catalogue import files_of, readme
from benchmarks.gallery.exhibits import EXHIBITS
from benchmarks.gallery.making import Clock, Made, make
from benchmarks.pictures.pages import a_browser, draw_page

GALLERY = Path("docs/gallery")
LIMIT_S = 600.0
PICTURE_SIZE_PX = (1200, 900)


def main() -> int:
    """Make all of it, or, where something does not show what it is to show, nothing; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gallery", description=__doc__)
    parser.add_argument("--out", type=Path, default=GALLERY, metavar="DIR", help="where to (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="a rehearsal: small runs, whose figures say little")
    parser.add_argument("--only", action="append", choices=[each.name for each in EXHIBITS], help="repeatable")
    given = parser.parse_args()
    wanted = [each for each in EXHIBITS if not given.only or each.name in given.only]
    clock = Clock(LIMIT_S)
    try:
        with tempfile.TemporaryDirectory(prefix="chatbench-gallery-") as folder:
            made = []
            for exhibit in wanted:
                print(f"{exhibit.name}  {clock.left_s:.0f} s left", flush=True)
                made.append(make(exhibit, Path(folder), clock, quick=given.quick))
            _write(made, given.out)
    except (BenchmarkError, OSError, RuntimeError, TimeoutError) as error:
        print(f"benchmarks.gallery: {error}", file=sys.stderr)
        return 1
    return 0


def _write(made: Sequence[Made], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for old in out.iterdir():
        if old.suffix in (".html", ".png"):
            old.unlink()
    with a_browser() as browser:
        for each in made:
            page, light, dark = (out / name for name in files_of(each.exhibit.name))
            page.write_text(each.html, encoding="utf-8")
            draw_page(browser, page, light, PICTURE_SIZE_PX)
            draw_page(browser, page, dark, PICTURE_SIZE_PX, dark=True)
    environment: dict[str, Any] = next(
        (each.document["environment"] for each in made if "environment" in each.document), {}
    )
    text = readme(made, environment, f"{datetime.now(UTC):%d %B %Y}")
    (out / "README.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
