"""``python -m benchmarks.scale``: how many workers and machines a crowd takes, from what one core carries.

Measures nothing that takes long by itself: give it what the others have left, and ``--write`` puts the tables into
docs/scale.md.

    python -m benchmarks.engine receive send sockets entrance --json FOLDER
    python -m benchmarks.merge --json > FOLDER/merge.json
    python -m benchmarks.scale FOLDER --write
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from benchmarks.common import REPOSITORY, BenchmarkError, json_from, put_into
from benchmarks.scale.measured import Measured, documents_in, from_engine, from_merge, joined, learnt, written
from benchmarks.scale.page import core_table, crowd_table, leading_table, limit_table

PAGE = REPOSITORY / "docs/scale.md"
TABLES = {"core": core_table, "limits": limit_table, "crowds": crowd_table, "leading": leading_table}
LIMIT_S = 60.0


def main() -> int:
    """Print the tables; 1 where a figure is missing, which they say."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="what the other benchmarks have left")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/scale.md")
    parser.add_argument("--figures", type=Path, metavar="FILE", help="keep there what the tables were made of")
    arguments = parser.parse_args()
    if not arguments.folder.is_dir():
        parser.error(f"{arguments.folder}: expected a folder, with what the other benchmarks have left")
    measured = measured_in(arguments.folder)
    for name, table in TABLES.items():
        text = table(measured)
        print(text, flush=True)
        if arguments.write:
            put_into(PAGE, f"<!-- table: {name} -->", text)
    if arguments.figures is not None:
        arguments.figures.write_text(written(measured), encoding="utf-8")
    return int("no data" in "".join(table(measured) for table in TABLES.values()))


def measured_in(folder: Path) -> Measured:
    """What the documents of a folder tell, and what an idle socket takes in the kernel, which is weighed now."""
    documents = documents_in(folder)
    parts = [from_engine(documents)]
    if "entrance" in documents:
        parts.append(learnt(json.dumps(documents["entrance"])))
    if "merge" in documents:
        parts.append(from_merge(documents["merge"]))
    try:
        told = json_from([sys.executable, "-m", "benchmarks.scale.kernel"], LIMIT_S, measured_exits=(0,))
        parts.append(Measured(kernel_bytes_per_socket=told["kernel_bytes_per_socket"]))
    except BenchmarkError as error:
        print(f"benchmarks.scale: {error}", file=sys.stderr)
    return joined(parts)


if __name__ == "__main__":
    sys.exit(main())
