"""What the audit finds of wrong labels and chimeras planted in real genomes, and what else it names; grouping's time and memory.

python tests/bench/audit.py [SEEDS]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from common import GENOMES, GINDEX, machine, peak_mb

sys.path.insert(0, str(Path(__file__).parents[1]))
from planting import built, plant, suspects, with_names

from genome_index import Genome
from genome_index.reader import iter_genomes

SETS = {"mito": ("mito.fa.gz", "record", 50, 10), "bacteria": ("bacteria", "file", 5, 3)}


def genomes_of(name: str) -> list[Genome]:
    path, per, *_ = SETS[name]
    found = [one for one in iter_genomes([GENOMES / path], per) if isinstance(one, Genome)]
    return with_names(found, GENOMES / f"{name}.tsv")


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print(machine())
    for name, (_, _, labels, chimeras) in SETS.items():
        genomes = genomes_of(name)
        with tempfile.TemporaryDirectory() as folder:
            clean_index = Path(folder) / "clean"
            clean = suspects(built(genomes, clean_index))
            print(
                f"{name}, {len(genomes):,} genomes as they are: {len(clean['label'])} labels, {len(clean['mixture'])} mixtures named"
            )
            start = time.perf_counter()
            peak = peak_mb(
                [GINDEX, "report", "--index", str(clean_index), "--out", str(Path(folder) / "report")]
            )
            print(f"gindex report: {time.perf_counter() - start:.1f} s, peak {peak:,.0f} MB", flush=True)
            for seed in range(1, seeds + 1):
                planted = plant(genomes, labels, chimeras, seed)
                start = time.perf_counter()
                index = built(planted.genomes, Path(folder) / str(seed))
                between = time.perf_counter()
                found = suspects(index)
                taken = time.perf_counter() - between
                named = found["label"] | found["mixture"]
                innocent = (
                    named - planted.mislabelled - set(planted.chimeras) - clean["label"] - clean["mixture"]
                )
                print(
                    f"seed {seed}: labels {len(named & planted.mislabelled)} of {labels}, "
                    f"chimeras {len(found['mixture'] & set(planted.chimeras))} of {chimeras}, "
                    f"false alarms {len(innocent)} ({len(innocent) / len(genomes):.2%}); "
                    f"build {between - start:.0f} s, audit {taken:.1f} s",
                    flush=True,
                )


if __name__ == "__main__":
    main()
