"""A real trained network beside the spectrum: `gindex compare` with SemiBin's pretrained encoders as rows.

python tests/bench/trained.py [mito | bacteria] [ENVIRONMENT...]

mito: the genomes of every fourth of the genera that have two species or more; bacteria: all. Of the environments
that SemiBin has a network for, all by default. Needs semibin, whose wheel contains the weights.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from common import GENOMES, machine, rows

sys.path.insert(0, str(Path(__file__).parents[1]))
from helpers import semibin

from genome_index.encoders import ENCODERS, spec_for
from genome_index.evaluate.comparison.compare import compare_encoders, queries_of
from genome_index.evaluate.comparison.inputs import compared_names, usable_genomes
from genome_index.evaluate.comparison.rows import Comparison, Row
from genome_index.evaluate.comparison.tables import as_table
from genome_index.io.reader import iter_genomes
from genome_index.records import Failure, Genome
from genome_index.spec import Reading
from genome_index.taxonomy.matching import match
from genome_index.taxonomy.tables import read_taxonomy

EVERY = 4  # genera


def genomes_of(name: str) -> list[Genome]:
    if name == "bacteria":
        return usable_genomes(iter_genomes([GENOMES / name], "file"), False)[0]
    species: dict[str, set[str]] = defaultdict(set)
    for row in rows(name):
        if row["genus"] and row["species"]:
            species[row["genus"]].add(row["species"])
    genera = set(sorted(genus for genus, names in species.items() if len(names) > 1)[::EVERY])
    wanted = {row["genome_id"] for row in rows(name) if row["genus"] in genera}
    records = usable_genomes(iter_genomes([GENOMES / f"{name}.fa.gz"], "record"), False)[0]
    return [genome for genome in records if genome.id in wanted]


def compared(name: str, environments: Sequence[str]) -> Comparison:
    genomes = genomes_of(name)
    taxonomy = read_taxonomy(GENOMES / f"{name}.tsv")
    names, _ = compared_names(genomes, match([genome.id for genome in genomes], taxonomy), [])
    ENCODERS[semibin.NAME] = semibin.opened
    specs = [spec_for("spectrum"), spec_for("profile"), *map(semibin.spec_of, environments)]
    results = list(compare_encoders(genomes, names, specs))
    failures = [result for result in results if isinstance(result, Failure)]
    found = [result for result in results if isinstance(result, Row)]
    return Comparison(len(genomes), queries_of(names), found, failures, taxonomy.release, Reading())


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "mito"
    print(machine())
    print("".join(as_table(compared(name, sys.argv[2:] or semibin.models()))))


if __name__ == "__main__":
    main()
