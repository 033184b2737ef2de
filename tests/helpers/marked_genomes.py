"""Small genomes whose genes are marked in the sequence, so that a tiny model can learn them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

CONTIG = 1_200


def write_marked_genomes(folder: Path, genomes: int) -> Path:
    """Genomes of A and T in which every CDS begins with a G and ends with a C, which are nowhere else."""
    draws = np.random.default_rng(5)
    folder.mkdir()
    for number in range(genomes):
        name = f"M{number:02}"
        bases, lines, at = draws.choice(list("AT"), CONTIG), ["##gff-version 3"], 3
        while (end := at + int(draws.integers(5, 15))) < CONTIG - 3:
            bases[at], bases[end - 1] = "G", "C"
            lines.append(f"{name}\ttest\tCDS\t{at + 1}\t{end}\t.\t+\t0\tID=cds-{len(lines)}")
            at = end + int(draws.integers(3, 20))
        (folder / f"{name}.fa").write_text(f">{name}\n{''.join(bases)}\n")
        (folder / f"{name}.gff").write_text("\n".join(lines) + "\n")
    return folder
