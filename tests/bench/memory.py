"""Peak memory: building mito, and building 1,000, 10,000 and 100,000 synthetic genomes.

python tests/bench/memory.py [LARGEST]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from common import GENOMES, GINDEX, gindex, machine, peak_mb

LENGTH_BP = 2_000
SPECIES_OF = 4  # genomes


def synthetic(path: Path, count: int) -> None:
    """Random genomes, four to a species, 2 % apart."""
    generator = np.random.default_rng(1)
    letters = np.frombuffer(b"ACGT", np.uint8)
    with path.open("wb") as out, path.with_suffix(".tsv").open("w") as table:
        table.write("genome_id\tgenus\tspecies\n")
        for number in range(count):
            if number % SPECIES_OF == 0:
                ancestor = letters[generator.integers(0, 4, LENGTH_BP)]
            genome = ancestor.copy()
            at = generator.integers(0, LENGTH_BP, LENGTH_BP // 50)
            genome[at] = letters[generator.integers(0, 4, len(at))]
            out.write(b">g%d\n%s\n" % (number, genome.tobytes()))
            species = number // SPECIES_OF
            table.write(f"g{number}\tGenus{species // 5}\tGenus{species // 5} species{species}\n")


def main() -> None:
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    print(machine())
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        command = [
            GINDEX,
            "build",
            str(GENOMES / "mito.fa.gz"),
            "--taxonomy",
            str(GENOMES / "mito.tsv"),
            "--index",
            str(folder / "mito"),
        ]
        print(
            f"build of mito, fitting and calibration included: peak {peak_mb(command):,.0f} MB (wanted under 1,000)"
        )
        for count in (1_000, 10_000, 100_000):
            if count > largest:
                continue
            fasta, index = folder / f"{count}.fa", folder / f"{count}"
            synthetic(fasta, count)
            start = time.perf_counter()
            peak = peak_mb(
                [
                    GINDEX,
                    "build",
                    str(fasta),
                    "--genome-per",
                    "record",
                    "--taxonomy",
                    str(fasta.with_suffix(".tsv")),
                    "--index",
                    str(index),
                ]
            )
            size = sum(file.stat().st_size for file in index.rglob("*") if file.is_file()) / 1e6
            vectors = sum(file.stat().st_size for file in index.rglob("vectors.faiss")) / 1e6
            print(
                f"{count:>7,} synthetic genomes: peak {peak:6,.0f} MB, vectors {vectors:6,.1f} MB, index on disk {size:7,.1f} MB, {time.perf_counter() - start:.0f} s",
                flush=True,
            )
            assert '"genomes"' in gindex("info", "--json", "--index", str(index))


if __name__ == "__main__":
    main()
