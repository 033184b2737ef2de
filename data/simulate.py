"""Make the demo collection `data/demo/`: invented genomes of invented bacteria, evolved along a species tree.

`python data/simulate.py [FOLDER]` writes the same bytes every time. To that end every choice compares a
number with `Generator.random()`, a stream that numpy has kept the same from version to version.
"""

from __future__ import annotations

import gzip
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

# Bases are their places in "ACGT", so ^ 2 is a transition and 3 - code the complement; codons are 0 to 63.
Codes = npt.NDArray[np.uint8]
Weights = npt.NDArray[np.float64]
Composition = Mapping[str, Weights]  # kind of locus -> how often each codon (64,) or base (4,) occurs in it

SEED = 2026
AMINO_ACIDS = np.array(list("KNKNTTTTRSRSIIMIQHQHPPPPRRRRLLLLEDEDAAAAGGGGVVVV*Y*YSSSS*CWCLFLF"))
START, STOPS = 14, (48, 50, 56)  # ATG; TAA, TAG, TGA
TRANSITIONS = 2 / 3  # of the substitutions proposed; 1/3 if all were alike
RRNA_BP, RRNA_GC = 1600, 0.53  # the same in all families
# Relative rates of substitution: (bit of the base in its code, rate). In rRNA 80 bp are slow, 80 bp less so.
SITES: Mapping[str, tuple[tuple[int, Weights], ...]] = {
    "gene": ((4, np.array([0.7])), (2, np.array([0.4])), (0, np.array([1.9]))),
    "spacer": ((0, np.array([1.3])),),
    "rrna": ((0, np.repeat([0.01, 0.12], 80)),),
}
INDELS = {"gene": 0.03, "spacer": 0.06, "rrna": 0.0}  # for each codon or base, times the branch
INDEL_SIZES = (1, 1, 1, 2, 3, 5)  # codons or bases
# The branch down to a rank: substitutions proposed per site; share of genes lost, or joined by a new one.
BRANCHES = {"genus": (0.42, 0.20), "species": (0.083, 0.06), "genome": (0.008, 0.02)}
RANKS = ("superkingdom", "phylum", "class", "order", "family", "genus", "species")
HABITATS = ("soil", "fresh water", "sea water", "sediment", "hot spring", "rhizosphere")


@dataclass(frozen=True)
class Family:
    lineage: tuple[str, ...]  # phylum to family
    codon_gc: tuple[float, float, float]  # by position in the codon
    spacer_gc: float
    genes: int  # of its first genome
    genera: Mapping[str, Sequence[str]]  # genus -> epithets of its species


DEMO = Family(
    ("Demobacterota", "Demobacteria", "Demobacterales", "Demobacteraceae"), (0.43, 0.33, 0.23), 0.28, 60,
    {"Demobacter": ("fictus", "simulatus", "vacuus"), "Exemplicoccus": ("imaginatus", "mutus", "vanus"),
     "Specimenella": ("ficta", "levis", "simulata", "umbratica")},
)  # fmt: skip
FABLE = Family(
    ("Demobacterota", "Demobacteria", "Fabulimonadales", "Fabulimonadaceae"), (0.56, 0.42, 0.55), 0.45, 63,
    {"Fabulimonas": ("dubia", "ficta", "inanis", "vacua"), "Putatimonas": ("muta", "somnialis", "vana")},
)  # fmt: skip
NOWHERE = Family(
    ("Nusquamiota", "Nusquamiia", "Nusquamiales", "Nusquamiaceae"), (0.66, 0.46, 0.84), 0.58, 66,
    {"Nusquamia": ("absens", "imaginata", "simulata"), "Erehwonella": ("dubia", "inversa", "umbratica"),
     "Laputibacter": ("fictus", "levis", "volans")},
)  # fmt: skip
FAMILIES = (DEMO, FABLE, NOWHERE)
STRANGER = Family((), (0.51, 0.39, 0.41), 0.38, 60, {})


@dataclass(frozen=True)
class Locus:
    """A gene, a spacer or the rRNA block, read along its own strand."""

    kind: str  # a key of SITES
    codes: Codes  # codons of a gene, bases of the others
    rate: float = 1.0  # of substitution, relative to other loci of its kind
    reverse: bool = False  # it lies on the other strand

    @property
    def bases(self) -> Codes:
        """The bases as they lie in the chromosome."""
        bits = [bit for bit, _ in SITES[self.kind]]
        bases = np.stack([self.codes >> bit & 3 for bit in bits], axis=1).ravel().astype(np.uint8)
        return reverse_complement(bases) if self.reverse else bases


Chromosome = list[Locus]


def reverse_complement(bases: Codes) -> Codes:
    return (3 - bases[::-1]).astype(np.uint8)


def base_weights(gc: float) -> Weights:
    return np.array([1 - gc, gc, gc, 1 - gc]) / 2


class Evolution:
    """What happens to genomes, drawn from one seeded stream."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed).random

    def below(self, limit: int) -> int:
        return int(self.random() * limit)

    def pick(self, weights: Weights) -> Codes:
        """Draw a column for each row: (N, K) -> (N,)."""
        sums = np.cumsum(weights, axis=1)
        passed = sums <= self.random((len(weights), 1)) * sums[:, -1:]
        return np.asarray(passed.sum(axis=1), dtype=np.uint8)

    def composition(self, family: Family) -> Composition:
        """Weigh codons by the family's GC at each position, and by a preference of its own."""
        first, second, third = (base_weights(gc) for gc in family.codon_gc)
        codons: Weights = np.kron(np.kron(first, second), third) * (AMINO_ACIDS != "*")
        spacer = base_weights(family.spacer_gc)
        return self.drifted({"gene": codons, "spacer": spacer, "rrna": base_weights(RRNA_GC)}, 0.5)

    def drifted(self, composition: Composition, most: float) -> Composition:
        return {**composition, "gene": composition["gene"] * (1 + most * (2 * self.random(64) - 1))}

    def stretch(self, kind: str, size: int, composition: Composition) -> Codes:
        return self.pick(np.tile(composition[kind], (size, 1)))

    def gene(self, composition: Composition) -> Locus:
        body = self.stretch("gene", 110 + self.below(390), composition)
        codons = np.concatenate([[START], body, [STOPS[self.below(3)]]]).astype(np.uint8)
        return Locus("gene", codons, 0.6 + 0.8 * self.random(), self.random() < 0.5)

    def spacer(self, composition: Composition) -> Locus:
        return Locus("spacer", self.stretch("spacer", 40 + self.below(200), composition))

    def recoded(self, gene: Locus, composition: Composition) -> Locus:
        """Spell an ancestral gene in a family's codons: 60 % of its residues last, the rest is drawn anew."""
        body = gene.codes[1:-1]
        synonyms = AMINO_ACIDS[body][:, None] == AMINO_ACIDS
        renewed = self.random((len(body), 1)) >= 0.6
        body = self.pick(composition["gene"] * (synonyms | renewed))
        return replace(gene, codes=np.concatenate([gene.codes[:1], body, gene.codes[-1:]]))

    def substituted(self, locus: Locus, branch: float, composition: Composition) -> Locus:
        """Propose substitutions and accept them so that the composition lasts (Metropolis); stops weigh 0."""
        old, weights = locus.codes, composition[locus.kind]
        new, size = old.copy(), len(old)
        for bit, rates in SITES[locus.kind]:
            hit, kind = self.random((2, size))
            flips = np.where(kind < TRANSITIONS, 2, np.where(kind < (1 + TRANSITIONS) / 2, 1, 3)) << bit
            new ^= np.where(hit < np.resize(rates, size) * locus.rate * branch, flips, 0).astype(np.uint8)
        accepted = self.random(size) * weights[old] < weights[new]
        if locus.kind == "gene":
            accepted[[0, -1]] = False  # start and stop
        return replace(locus, codes=np.where(accepted, new, old))

    def resized(self, locus: Locus, branch: float, composition: Composition) -> Locus:
        """Insert and delete a few bases, or in a gene a few codons between its start and stop."""
        codes = locus.codes
        struck = self.random(len(codes)) < INDELS[locus.kind] * locus.rate * branch
        for at in np.flatnonzero(struck)[::-1]:
            size = INDEL_SIZES[self.below(len(INDEL_SIZES))]
            new = self.stretch(locus.kind, size, composition)
            if 0 < at < len(codes) - size:
                tail = [new, codes[at:]] if self.random() < 0.5 else [codes[at + size :]]
                codes = np.concatenate([codes[:at], *tail])
        return replace(locus, codes=codes)

    def inverted(self, chromosome: Chromosome) -> Chromosome:
        start = self.below(len(chromosome))
        end = start + 1 + self.below(8)
        turned = [replace(locus, reverse=not locus.reverse) for locus in chromosome[start:end][::-1]]
        return chromosome[:start] + turned + chromosome[end:]

    def founder(self, genes: Sequence[Locus], rrna: Locus, composition: Composition) -> Chromosome:
        """Make the first genome of a family: the ancestral genes recoded, in a new order, and the rRNA."""
        chromosome = [self.substituted(rrna, 2.0, composition), self.spacer(composition)]
        for place in np.argsort(self.random(len(genes)), kind="stable"):
            chromosome += [self.recoded(genes[place], composition), self.spacer(composition)]
        return chromosome

    def descendant(
        self, ancestor: Chromosome, rank: str, composition: Composition, length: float = 1.0
    ) -> Chromosome:
        """Evolve an ancestor down the branch to a rank, `length` times the usual one."""
        substitutions, turnover = BRANCHES[rank]
        chromosome: Chromosome = []
        for locus in ancestor:
            if locus.kind == "gene" and self.random() < turnover:
                if self.random() < 0.5:
                    continue
                chromosome += [self.gene(composition), self.spacer(composition)]
            locus = self.substituted(locus, substitutions * length, composition)
            chromosome.append(self.resized(locus, substitutions * length, composition))
        return self.inverted(chromosome)

    def assembled(self, chromosome: Chromosome, start: float, turned: Sequence[bool]) -> list[Codes]:
        """Open the circle at `start`, a fraction of it, and cut it into a contig for each of `turned`."""
        circle = np.concatenate([locus.bases for locus in chromosome])
        circle = np.roll(circle, -int(start * len(circle)))
        pieces = len(turned)
        cuts = [int((piece + 0.5 * self.random()) / pieces * len(circle)) for piece in range(1, pieces)]
        contigs = zip(np.split(circle, cuts), turned, strict=True)
        return [reverse_complement(contig) if turn else contig for contig, turn in contigs]


def fasta_lines(header: str, contig: Codes) -> list[str]:
    sequence = np.frombuffer(b"ACGT", np.uint8)[contig].tobytes().decode()
    return [f">{header}", *(sequence[at : at + 80] for at in range(0, len(sequence), 80))]


def write_genome(path: Path, contigs: Sequence[Codes]) -> None:
    """Write FASTA, its records named after the file; a .gz holds no name and no time, for equal bytes."""
    genome_id = path.name.split(".")[0]
    lines: list[str] = []
    for number, contig in enumerate(contigs, start=1):
        lines += fasta_lines(
            f"{genome_id}_{number} simulated genome, contig {number} of {len(contigs)}", contig
        )
    fasta = ("\n".join(lines) + "\n").encode()
    if path.suffix != ".gz":
        path.write_bytes(fasta)
        return
    with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(fasta)


def write_collection(folder: Path) -> None:
    """Grow the tree, then write genomes of each species, the taxonomy and the three queries."""
    life = Evolution(SEED)
    genes = [life.gene(life.composition(FABLE)) for _ in range(max(family.genes for family in FAMILIES))]
    rrna = Locus("rrna", life.pick(np.tile(base_weights(RRNA_GC), (RRNA_BP, 1))))
    species: dict[str, tuple[str, ...]] = {}  # name -> its lineage
    clades: dict[str, tuple[Chromosome, Composition]] = {}  # genus or species -> its ancestor
    for family in FAMILIES:
        usual = life.composition(family)
        founder = life.founder(genes[: family.genes], rrna, usual)
        for genus, epithets in family.genera.items():
            usage = life.drifted(usual, 0.2)
            clades[genus] = life.descendant(founder, "genus", usage), usage
            for name in (f"{genus} {epithet}" for epithet in epithets):
                species[name] = ("Bacteria", *family.lineage, genus, name)
                ancestor = life.descendant(clades[genus][0], "species", usage, 0.8 + 0.4 * life.random())
                clades[name] = ancestor, usage

    (folder / "genomes").mkdir(parents=True, exist_ok=True)
    rows: list[tuple[str, ...]] = [("genome_id", *RANKS, "kind", "habitat")]
    for name, lineage in species.items():
        ancestor, usage = clades[name]
        habitat = HABITATS[life.below(len(HABITATS))]
        for strain in range(2 + (life.random() < 0.25)):
            genome = life.descendant(ancestor, "genome", usage, 0.2 + 1.6 * life.random())
            # The first of a species lies as its ancestor did, the others as an assembler left them.
            pieces = 2 + life.below(4) if len(rows) % 5 == 0 else 1
            turned = [strain > 0 and life.random() < 0.5 for _ in range(pieces)]
            contigs = life.assembled(genome, life.random() if strain else 0.0, turned)
            genome_id = f"DEMO_{len(rows):04d}"
            write_genome(folder / "genomes" / f"{genome_id}.fa.gz", contigs)
            rows.append((genome_id, *lineage, "bacteria", habitat))
    (folder / "taxonomy.tsv").write_bytes("".join("\t".join(row) + "\n" for row in rows).encode())

    ancestor, usage = clades["Demobacter simulatus"]
    sample = life.descendant(ancestor, "genome", usage, 1.9)
    write_genome(folder / "sample.fasta", life.assembled(sample, 0.4, [False, True]))
    ancestor, usage = clades["Specimenella"]
    novel = life.descendant(ancestor, "species", usage, 1.6)
    write_genome(folder / "novel.fasta", life.assembled(novel, 0.0, [False]))
    usage = life.composition(STRANGER)
    stranger = life.descendant(life.founder(genes[: STRANGER.genes], rrna, usage), "genus", usage)
    write_genome(folder / "stranger.fasta", life.assembled(stranger, 0.0, [False]))


if __name__ == "__main__":
    write_collection(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "demo")
