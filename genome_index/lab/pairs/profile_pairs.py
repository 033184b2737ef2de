"""Training pairs for k-mer profiles: a query fragment of any length, and the whole genome to retrieve.

The target is another genome of the fragment's species, or one of another species of its genus; if there is
neither, it is the fragment's own genome, and then the fragment is mutated: an exact copy teaches nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence, Sized
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.encoders.profile import profiles
from genome_index.encoders.spectrum import Spectrum
from genome_index.errors import UsageError
from genome_index.io.sequence import drawn_window
from genome_index.lab.corpus.packing import OTHER, bases_of, other_strand
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.corpus.split import Part
from genome_index.records import Contig, Genome

Codes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Contigs = Sequence[Codes]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ViewPlan:
    """The settings of pairs; a checkpoint stores these fields by these names."""

    shortest_bp: int = 500
    longest_bp: int = 20_000
    own: float = 0.3  # share of pairs of one genome although it has relatives
    near: float = 0.5  # share of a batch drawn by families, as hard negatives
    mutated: tuple[float, float] = (0.03, 0.2)  # share of mutated bases, least and most
    family_rows: int = 16  # genomes of one family in a batch


@dataclass(frozen=True)
class Pair:
    """A query fragment, and the numbers of its own genome and of the target genome."""

    query: Codes  # codes 0 to 4, on either strand
    genome: int
    target: int
    genus: str | None


class Pairs:
    """Batches of pairs of one part of a corpus; each batch is a function of (seed, step)."""

    def __init__(self, shards: Shards, part: Part, plan: ViewPlan, seed: int) -> None:
        self.shards, self.plan, self.seed = shards, plan, seed
        self.numbers = shards.numbers(part)
        if len(self.numbers) < 2:
            raise UsageError(
                f"the corpus has {len(self.numbers)} genomes for {part}; at least two are required"
            )
        species: dict[str, list[int]] = defaultdict(list)
        genera: dict[str, list[int]] = defaultdict(list)
        families: dict[str, list[int]] = defaultdict(list)
        for number in self.numbers.tolist():
            genome = shards.genome(number)
            species[genome.species or genome.id].append(number)
            genera[genome.genus or genome.id].append(number)
            families[genome.names.get("family") or genome.genus or genome.id].append(number)
        self._species, self._genera, self._families = species, genera, families
        self._species_names = sorted(species)  # drawn evenly: a species with many genomes counts once

    def batch(self, step: int, size: int) -> list[Pair]:
        """The `size` pairs of a step."""
        draws = np.random.default_rng([self.seed, step])
        return [self._pair(number, draws) for number in self._chosen(draws, size)]

    def _chosen(self, draws: np.random.Generator, size: int) -> list[int]:
        """Genomes without repeats: some families first, the rest by species."""
        near, chosen = round(self.plan.near * size), dict[int, None]()
        families = sorted(name for name, members in self._families.items() if len(members) > 3)
        for at in draws.permutation(len(families)).tolist():
            if len(chosen) >= near:
                break
            members = draws.permutation(self._families[families[at]])[: self.plan.family_rows]
            chosen |= dict.fromkeys(members[: near - len(chosen)].tolist())
        names = self._species_names
        for at in draws.permutation(len(names)).tolist():
            if len(chosen) >= min(size, len(names)):
                break
            chosen[int(draws.choice(self._species[names[at]]))] = None
        return list(chosen)

    def _pair(self, number: int, draws: np.random.Generator) -> Pair:
        genome = self.shards.genome(number)
        relatives = [other for other in self._species[genome.species or genome.id] if other != number]
        relatives = relatives or [
            other for other in self._genera[genome.genus or genome.id] if other != number
        ]
        length = np.exp(draws.uniform(np.log(self.plan.shortest_bp), np.log(self.plan.longest_bp)))
        query = fragment(self.shards.contigs(number), int(length), draws)
        target = number
        if relatives and draws.random() >= self.plan.own:
            target = int(draws.choice(relatives))
        else:
            query = mutated(query, draws.uniform(*self.plan.mutated), draws)
        return Pair(either_strand(query, draws), number, target, genome.genus)


def require_genera(genera: Sized, shards: Shards, part: Part) -> None:
    """Raise UsageError for fewer than two genera."""
    if len(genera) < 2:
        raise UsageError(
            f"{shards.path}: the {part} part has one genus, and contrast requires two; "
            "give a corpus with more genera"
        )


def fragment(contigs: Contigs, length_bp: int, draws: np.random.Generator) -> Codes:
    """A stretch of one contig, drawn in proportion to contig length; a shorter contig is taken whole."""
    at, start = drawn_window([len(contig) for contig in contigs], length_bp, draws)
    return contigs[at][start : start + length_bp]


def either_strand(codes: Codes, draws: np.random.Generator) -> Codes:
    return other_strand(codes) if draws.random() < 0.5 else codes


def mutated(codes: Codes, share: float, draws: np.random.Generator) -> Codes:
    """A copy with a share of the bases replaced by other bases; N stays."""
    hit = (draws.random(len(codes)) < share) & (codes != OTHER)
    changed = codes.copy()
    changed[hit] = (codes[hit] + draws.integers(1, 4, int(hit.sum()), dtype=np.uint8)) % 4
    return changed


def kmer_profiles(views: Sequence[Contigs]) -> Floats:
    """Profiles of length 1 of genomes or fragments: (N,) -> (N, V)."""
    spectrum = Spectrum()
    genomes = [
        Genome("view", tuple(Contig("", bases_of(codes)) for codes in contigs), "-") for contigs in views
    ]
    return profiles(spectrum.features(spectrum.encode(genomes)))
