"""Everything that looks at a whole collection, on synthetic genomes: seconds, peak memory, size of what it writes.

python tests/bench/large.py [GENOMES] [FOLDER]     FOLDER keeps the index for the next run
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from common import GINDEX, gindex, machine, peak_mb
from memory import synthetic

GENOMES = 100_000


def commands(index: str, out: Path) -> Iterator[Sequence[str]]:
    place = ("--index", index)
    for method in ("average", "complete", "single", "leiden", "hdbscan"):
        yield ("report", *place, "--method", method, "--out", str(out / method))
    yield ("report", *place, "--rank", "genus", "--out", str(out / "genus"))
    yield ("dereplicate", *place, "--ani", "97", "--output", str(out / "dereplicated.tsv"))
    yield ("draw", "map", *place, "--out", str(out / "pictures"))
    for kind in ("newick", "graphml", "microreact", "krona", "itol"):
        yield ("export", kind, *place, "--output", str(out / kind))
    yield ("list", *place, "--format", "parquet", "--output", str(out / "list.parquet"))
    yield (
        "sql",
        "SELECT genus, count(*) FROM genomes GROUP BY ALL",
        *place,
        "--output",
        str(out / "sql.txt"),
    )


def size_mb(path: Path) -> float:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) / 1e6


def main() -> None:
    genomes = int(sys.argv[1]) if len(sys.argv) > 1 else GENOMES
    with tempfile.TemporaryDirectory() as made:
        folder = Path(sys.argv[2] if len(sys.argv) > 2 else made)
        index, fasta = folder / "index", folder / "genomes.fa"
        print(machine())
        if not (index / "CURRENT").exists():
            folder.mkdir(parents=True, exist_ok=True)
            synthetic(fasta, genomes)
            table = str(fasta.with_suffix(".tsv"))
            gindex("build", str(fasta), "--genome-per", "record", "--taxonomy", table, "--index", str(index))
        for number, words in enumerate(commands(str(index), folder / "out")):
            out = folder / "out"
            out.mkdir(exist_ok=True)
            before, start = size_mb(out), time.perf_counter()
            peak = peak_mb([GINDEX, *words])
            said = " ".join(word for word in words if not word.startswith("/"))
            print(
                f"{number:2} {said:75.75} {time.perf_counter() - start:6.0f} s {peak:7,.0f} MB, wrote {size_mb(out) - before:7,.1f} MB",
                flush=True,
            )


if __name__ == "__main__":
    main()
