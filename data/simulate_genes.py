"""Make genomes of invented bacteria whose genes are known: a FASTA and a GFF3 for each genome.

`python data/simulate_genes.py FOLDER [--genomes 120] [--length 60000] [--seed 2026]` writes the same bytes
with the same version of numpy. No sequence comes from a real organism. A gene has a ribosome binding site 5
to 9 bases before its start codon, then codons in the usage of its genome, then a stop codon; half of the
genes lie on the other strand. Genes do not overlap. Other start codons, in genes and between them, stay as
they fall. What it shares with `simulate.py`, which lies beside it, is there.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from simulate import AMINO_ACIDS, STOPS, Codes, base_weights, fasta_lines, reverse_complement

STARTS = ((14, 0.85), (46, 0.10), (62, 0.05))  # ATG, GTG, TTG: shares as in bacteria
SITE = np.array([0, 2, 2, 0, 2, 2], np.uint8)  # AGGAGG, complement of the end of the 16S rRNA
SITE_KEPT = 0.92  # of its bases; the others are drawn anew
SITE_SPACER = (5, 9)  # bases between site and start codon, both included
CODONS = (60, 300)  # of a gene, without start and stop
SPACER = (30, 160)  # bases between two genes


@dataclass(frozen=True)
class Gene:
    start: int  # 0-based, half-open, on the forward strand
    end: int
    strand: str


def bases_of_codons(codons: npt.NDArray[np.int64]) -> Codes:
    return np.stack([codons >> 4, codons >> 2 & 3, codons & 3], axis=1).ravel().astype(np.uint8)


class Genome:
    """One genome drawn from its own stream of numbers: codon usage, composition, then gene by gene."""

    def __init__(self, seed: int, number: int) -> None:
        self.random = np.random.default_rng([seed, number])
        gc = self.random.uniform(0.35, 0.6)
        self.background = base_weights(gc)
        first, second = base_weights(0.55), base_weights(0.42)
        third = base_weights(np.clip(gc + 1.2 * (gc - 0.45), 0.15, 0.9))
        weights = np.kron(np.kron(first * [1.2, 0.7, 1.5, 0.6], second), third) * (AMINO_ACIDS != "*")
        weights = weights * self.random.gamma(2, 0.5, 64)
        self.codons = weights / weights.sum()

    def spacer(self, length: int) -> Codes:
        return self.random.choice(4, length, p=self.background).astype(np.uint8)

    def site(self) -> Codes:
        kept = self.random.random(len(SITE)) < SITE_KEPT
        gap = int(self.random.integers(SITE_SPACER[0], SITE_SPACER[1] + 1))
        return np.concatenate([np.where(kept, SITE, self.spacer(len(SITE))), self.spacer(gap)]).astype(
            np.uint8
        )

    def reading_frame(self) -> Codes:
        start = self.random.choice([codon for codon, _ in STARTS], p=[share for _, share in STARTS])
        body = self.random.choice(64, int(self.random.integers(*CODONS)), p=self.codons)
        return bases_of_codons(np.array([start, *body, self.random.choice(STOPS)]))

    def draw(self, length: int) -> tuple[Codes, list[Gene]]:
        pieces, genes, at = [self.spacer(60)], list[Gene](), 60
        while at < length:
            site, frame = self.site(), self.reading_frame()
            spacer = self.spacer(int(self.random.integers(*SPACER)))
            locus = np.concatenate([site, frame])
            forward = self.random.random() < 0.5
            offset = len(site) if forward else 0
            genes.append(Gene(at + offset, at + offset + len(frame), "+" if forward else "-"))
            pieces += [locus if forward else reverse_complement(locus), spacer]
            at += len(locus) + len(spacer)
        return np.concatenate(pieces), genes


def gff_of(name: str, length: int, genes: list[Gene]) -> str:
    lines = ["##gff-version 3", f"##sequence-region {name} 1 {length}"]
    for number, gene in enumerate(genes, 1):
        place = f"{gene.start + 1}\t{gene.end}\t.\t{gene.strand}"
        lines += [
            f"{name}\tsimulated\tgene\t{place}\t.\tID=gene-{number};gene_biotype=protein_coding",
            f"{name}\tsimulated\tCDS\t{place}\t0\tID=cds-{number};Parent=gene-{number}",
        ]
    return "\n".join(lines) + "\n"


def write(folder: Path, genomes: int, length: int, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(genomes):
        name = f"SIM_{number + 1:04}"
        codes, genes = Genome(seed, number).draw(length)
        (folder / f"{name}.fa").write_text("\n".join(fasta_lines(name, codes)) + "\n")
        (folder / f"{name}.gff").write_text(gff_of(name, len(codes), genes))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write simulated genomes with known genes.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--genomes", type=int, default=120)
    parser.add_argument("--length", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=2026)
    chosen = parser.parse_args()
    write(chosen.folder, chosen.genomes, chosen.length, chosen.seed)
