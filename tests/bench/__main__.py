"""`make bench SIZE=100000`: measures and writes `docs/benchmarks.md`; a part of the page for each size."""

import argparse
import os
import platform
import re
import tempfile
from pathlib import Path

import psutil
from optkeeper.warehouse import embedded

from tests.bench.measure import Bench, measure

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
_HEAD = """# Benchmarks

What each stage costs, beside the least that it could cost in the same run, on made-up histories of six years (`tests/bench/histories.py`).
Only ratios of one run can be compared between machines. The goals are for 1,000,000 contacts on two cores. Each part is written by the
command above it; a goal that is missed is missed.
"""


def written(bench: Bench, page: str) -> str:
    """The page with the part of this size in it, in the order of the sizes."""
    machine = f"{os.cpu_count()} cores ({platform.machine()}), {psutil.virtual_memory().total / 2**30:.0f} GiB"
    lines = [
        f"## {bench.contacts:,} contacts", "",
        f"`make bench SIZE={bench.contacts}`; {bench.events:,} events; {machine}; embedded PostgreSQL.", "",
        "| measure | measured | floor | ratio | goal |", "|---|---|---|---|---|",
        *(f"| {row.measure} | {row.measured} | {row.floor} | {row.ratio} | {row.goal} |" for row in bench.rows), "",
        "The slowest models of the full build: "
        + ", ".join(f"`{name}` {seconds:.1f} s" for name, seconds in bench.models) + ".", "",
    ]  # fmt: skip
    parts = {int(part.split(" ")[0].replace(",", "")): part for part in re.split(r"^## ", page, flags=re.MULTILINE)[1:]}
    parts[bench.contacts] = "\n".join(lines).removeprefix("## ")
    return _HEAD + "".join(f"\n## {parts[size].rstrip()}\n" for size in sorted(parts))


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=100_000, help="how many contacts")
    parser.add_argument("--out", type=Path, default=PAGE, help="the page that is written")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="optkeeper-bench-") as folder:
        os.environ["OPTKEEPER_HOME"] = folder
        try:
            bench = measure(given.size, Path(folder))
        finally:
            embedded.stop(Path(folder) / "postgres")
    page = written(bench, given.out.read_text() if given.out.exists() else "")
    given.out.write_text(page)
    print(page)


if __name__ == "__main__":
    main()
