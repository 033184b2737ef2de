"""ANI against FastANI on the bacterial genomes: all pairs that FastANI reports, the average of its two directions.

python tests/bench/ani.py
"""

from __future__ import annotations

import subprocess
import tempfile
from itertools import combinations
from pathlib import Path

import numpy as np
from common import GENOMES, machine, need

from genome_index.index.store.skani import Candidate, measure
from genome_index.index.store.sketches import skani_sketches
from genome_index.io.inputs import file_stem
from genome_index.io.reader import iter_genomes
from genome_index.records import Failure


def fastani(folder: Path) -> dict[tuple[str, str], float]:
    files = sorted(str(path) for path in (GENOMES / "bacteria").glob("*.gz"))
    (folder / "list").write_text("\n".join(files))
    out = folder / "out.tsv"
    command = [
        need("fastANI", "fastani"),
        "--ql",
        str(folder / "list"),
        "--rl",
        str(folder / "list"),
        "-t",
        "2",
        "-o",
        str(out),
    ]
    subprocess.run(command, check=True, capture_output=True)
    found: dict[tuple[str, str], list[float]] = {}
    for line in out.read_text().splitlines():
        a, b, ani, *_ = line.split("\t")
        if a != b:
            first, second = sorted((file_stem(a), file_stem(b)))
            found.setdefault((first, second), []).append(float(ani))
    return {pair: float(np.mean(values)) for pair, values in found.items()}


def main() -> None:
    print(machine())
    with tempfile.TemporaryDirectory() as made:
        theirs = fastani(Path(made))
    genomes = {
        genome.id: genome
        for genome in iter_genomes([GENOMES / "bacteria"])
        if not isinstance(genome, Failure)
    }
    names = {genome_id: f"n{number}" for number, genome_id in enumerate(genomes)}
    wanted = sorted({genome_id for pair in theirs for genome_id in pair})
    sketches = dict(
        zip(wanted, skani_sketches([genomes[i] for i in wanted], [names[i] for i in wanted]), strict=True)
    )
    ours = {
        (a, b): measure(genomes[a], [Candidate(sketches[b], names[b])])[0]
        for a, b in combinations(wanted, 2)
        if (a, b) in theirs
    }
    high = [(theirs[pair], one.ani) for pair, one in ours.items() if theirs[pair] >= 95]
    middle = [(theirs[pair], one.ani) for pair, one in ours.items() if 85 <= theirs[pair] < 95]
    print(f"{len(theirs)} pairs reported by FastANI")
    close = sum(ani is not None and abs(ani - other) <= 0.5 for other, ani in high)
    print(f"95 and more: {len(high)} pairs, {close} within 0.5 points ({100 * close / len(high):.1f} %)")
    missing = sum(ani is None for _, ani in middle)
    error = np.mean([abs(ani - other) for other, ani in middle if ani is not None])
    print(f"85 to 95: {len(middle)} pairs, {missing} missing, mean absolute error {error:.2f}")
    print(
        f"below 85: {len(theirs) - len(high) - len(middle)} pairs, {sum(one.ani is None for pair, one in ours.items() if theirs[pair] < 85)} of them below skani's range"
    )


if __name__ == "__main__":
    main()
