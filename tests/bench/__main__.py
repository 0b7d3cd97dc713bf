"""`make bench SIZE=100000`, or `LEAVES=15000000`: measures and writes `docs/benchmarks.md`; a part of it for each size."""

import argparse
import logging
import os
import platform
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import psutil
from optkeeper.warehouse import embedded

from tests.bench.measure import Bench, measure
from tests.bench.row import Row
from tests.bench.sealing import measure_sealing

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
_HEAD = """# Benchmarks

What each stage costs, beside the least that it could cost in the same run, on made-up histories of six years (`tests/bench/histories.py`).
Only ratios of one run can be compared between machines. The goals are for 1,000,000 contacts on two cores. Each part is written by the
command above it; a goal that is missed is missed. Models only: how long models were being made, at most two at once. The daily run comes
a day after one that was gated and published.
Known records are landed again a million of each source at most.
"""


def written(bench: Bench, page: str) -> str:
    """The page with the part of this size in it, in the order of the sizes."""
    models = ", ".join(f"`{name}` {seconds:.1f} s" for name, seconds in bench.models)
    command = f"`make bench SIZE={bench.contacts}`; {bench.events:,} events"
    lines = [*_table(command, bench.rows), "", f"The slowest models of the full build: {models}."]
    return _with_part(page, f"{bench.contacts:,} contacts", lines)


def written_sealing(leaves: int, rows: Sequence[Row], page: str) -> str:
    """The page with the sealing of so many leaves in it."""
    lines = _table(f"`make bench LEAVES={leaves}`; made-up leaves, in portions as landing leaves them", rows)
    return _with_part(page, f"{leaves:,} leaves", lines)


def _table(command: str, rows: Sequence[Row]) -> list[str]:
    machine = f"{os.cpu_count()} cores ({platform.machine()}), {psutil.virtual_memory().total / 2**30:.0f} GiB"
    return [
        f"{command}; {machine}; embedded PostgreSQL.", "",
        "| measure | measured | floor | ratio | goal |", "|---|---|---|---|---|",
        *(f"| {row.measure} | {row.measured} | {row.floor} | {row.ratio} | {row.goal} |" for row in rows),
    ]  # fmt: skip


def _with_part(page: str, title: str, lines: Sequence[str]) -> str:
    parts = {part.partition("\n")[0]: part for part in re.split(r"^## ", page, flags=re.MULTILINE)[1:]}
    parts[title] = "\n".join([title, "", *lines])
    in_order = sorted(parts, key=lambda one: (one.split(" ")[1], int(one.split(" ")[0].replace(",", ""))))
    return _HEAD + "".join(f"\n## {parts[one].rstrip()}\n" for one in in_order)


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=100_000, help="how many contacts")
    parser.add_argument("--leaves", type=int, help="seal so many leaves, and nothing else")
    parser.add_argument("--out", type=Path, default=PAGE, help="the page that is written")
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("tests.bench").setLevel(logging.INFO)
    with tempfile.TemporaryDirectory(prefix="optkeeper-bench-") as folder:
        os.environ["OPTKEEPER_HOME"] = folder
        try:
            before = given.out.read_text() if given.out.exists() else ""
            if given.leaves:
                page = written_sealing(given.leaves, measure_sealing(given.leaves, Path(folder)), before)
            else:
                page = written(measure(given.size, Path(folder)), before)
        finally:
            embedded.stop(Path(folder) / "postgres")
    given.out.write_text(page)
    print(page)


if __name__ == "__main__":
    main()
