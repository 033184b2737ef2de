"""What the audit finds of wrong labels, chimeras and foreign contigs planted in real genomes, and what else it names;
how many honest queries are warned of a suspect; grouping's time and memory.

python tests/bench/audit.py [SEEDS]
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from common import GENOMES, GINDEX, machine, peak_mb

sys.path.insert(0, str(Path(__file__).parents[1]))
from helpers.planted import KINDS, Planted, built, contaminated, plant, read_all, suspects
from helpers.simulated import mutated

from genome_index import Contig, Genome, Index, query_index

SETS = {"mito": ("mito.fa.gz", "record", 50, 10), "bacteria": ("bacteria", "file", 5, 3)}
CONTAMINATED = 10  # of the bacteria
HONEST = 300  # queries of new vertebrates


def warned(index: Index, queries: Iterable[Genome]) -> set[str]:
    return {
        call.query
        for call in query_index(index, list(queries))
        if any(" is itself suspect: " in one for one in call.warnings)
    }


def relatives(genomes: list[Genome], planted: set[str]) -> list[Genome]:
    """True genomes, half a percent apart from those that something was planted in."""
    return [
        replace(one, contigs=(Contig(one.id, mutated(one.contigs[0].sequence.upper(), 0.005, at)),))
        for at, one in enumerate(genomes)
        if one.id in planted
    ]


def honest(index: Index) -> None:
    new = read_all(GENOMES / "mito_newvert.fa.gz", GENOMES / "mito_newvert.tsv", "record")
    asked = random.Random(1).sample(new, HONEST)
    print(f"{len(warned(index, asked))} of {HONEST} new vertebrates are warned of a suspect")


def tell(
    what: str, planted: Planted, found: dict[str, set[str]], clean: dict[str, set[str]], genomes: int
) -> None:
    named = set.union(*(found[kind] for kind in KINDS))
    wrong = planted.mislabelled | set(planted.chimeras) | set(planted.contaminated)
    innocent = named - wrong - set.union(*(clean[kind] for kind in KINDS))
    parts = [
        f"labels {len(named & planted.mislabelled)} of {len(planted.mislabelled)}",
        f"chimeras {len(found['mixture'] & set(planted.chimeras))} of {len(planted.chimeras)}",
        f"foreign contigs {len(found['contigs'] & set(planted.contaminated))} of {len(planted.contaminated)}",
    ]
    print(
        f"{what}: {', '.join(parts)}, false alarms {len(innocent)} ({len(innocent) / genomes:.2%})",
        flush=True,
    )


def look_at(name: str, seeds: int, folder: Path) -> None:
    path, per, labels, chimeras = SETS[name]
    genomes = read_all(GENOMES / path, GENOMES / f"{name}.tsv", per)
    index = built(genomes, folder / "clean")
    clean = suspects(index)
    print(
        f"{name}, {len(genomes):,} as they are: {', '.join(f'{len(clean[kind])} {kind}' for kind in KINDS)}"
    )
    start = time.perf_counter()
    peak = peak_mb([GINDEX, "report", "--index", str(folder / "clean"), "--out", str(folder / "report")])
    print(f"gindex report: {time.perf_counter() - start:.1f} s, peak {peak:,.0f} MB", flush=True)
    if name == "mito":
        honest(index)
    for seed in range(1, seeds + 1):
        planted = plant(genomes, labels, chimeras, seed)
        index = built(planted.genomes, folder / str(seed))
        found = suspects(index)
        tell(f"seed {seed}", planted, found, clean, len(genomes))
        asked = relatives(
            genomes, (found["label"] | found["mixture"]) & (planted.mislabelled | set(planted.chimeras))
        )
        if name == "mito":
            print(f"  their true relatives warned: {len(warned(index, asked))} of {len(asked)}", flush=True)
        else:
            planted = contaminated(genomes, CONTAMINATED, seed)
            found = suspects(built(planted.genomes, folder / f"{seed}-contigs"))
            tell(f"seed {seed}, contigs", planted, found, clean, len(genomes))


def main() -> None:
    print(machine())
    for name in SETS:
        with tempfile.TemporaryDirectory() as folder:
            look_at(name, int(sys.argv[1]) if len(sys.argv) > 1 else 3, Path(folder))


if __name__ == "__main__":
    main()
