"""Views of genomes to learn from: fragments of many lengths, changed as relatives differ, beside a relative.

A pair is a question and its answer: a fragment of a genome, and a whole genome to find. The answer is another
genome of its species, or one of another species of its genus where there is one; else the genome itself, and
then the fragment is mutated, for otherwise the two would agree to the letter and nothing would be learned.
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
    """How views are drawn."""

    shortest_bp: int = 500
    longest_bp: int = 20_000
    own: float = 0.3  # share of pairs that are of one genome though it has relatives
    near: float = 0.5  # share of a batch drawn by families, so that its negatives are hard
    mutated: tuple[float, float] = (0.03, 0.2)  # share of bases that change, least and most
    family_rows: int = 16  # genomes of one family in a batch


@dataclass(frozen=True)
class Pair:
    """A question, the genome it was cut from, and the number of the genome that answers it."""

    question: Codes  # codes 0 to 4, of either strand
    genome: int
    answer: int
    genus: str | None


class Pairs:
    """Batches of pairs of one part of a corpus, each a function of (seed, step) alone."""

    def __init__(self, shards: Shards, part: Part, plan: ViewPlan, seed: int) -> None:
        self.shards, self.plan, self.seed = shards, plan, seed
        self.numbers = shards.numbers(part)
        if len(self.numbers) < 2:
            raise UsageError(
                f"the corpus has {len(self.numbers)} genomes for {part}; two at least are needed"
            )
        species: dict[str, list[int]] = defaultdict(list)
        genera: dict[str, list[int]] = defaultdict(list)
        families: dict[str, list[int]] = defaultdict(list)
        for number in self.numbers.tolist():
            one = shards.genome(number)
            species[one.species or one.id].append(number)
            genera[one.genus or one.id].append(number)
            families[one.names.get("family") or one.genus or one.id].append(number)
        self._species, self._genera, self._families = species, genera, families
        self._kinds = sorted(species)  # drawn evenly: a species with many genomes counts once

    def batch(self, step: int, size: int) -> list[Pair]:
        """`size` pairs; the same for the same step."""
        draws = np.random.default_rng([self.seed, step])
        return [self._pair(number, draws) for number in self._chosen(draws, size)]

    def _chosen(self, draws: np.random.Generator, size: int) -> list[int]:
        """Genomes without repeats: some families first, the rest by species."""
        wanted, chosen = round(self.plan.near * size), dict[int, None]()
        families = sorted(name for name, members in self._families.items() if len(members) > 3)
        for at in draws.permutation(len(families)).tolist():
            if len(chosen) >= wanted:
                break
            members = draws.permutation(self._families[families[at]])[: self.plan.family_rows]
            chosen |= dict.fromkeys(members[: wanted - len(chosen)].tolist())
        for at in draws.permutation(len(self._kinds)).tolist():
            if len(chosen) >= min(size, len(self._kinds)):
                break
            chosen[int(draws.choice(self._species[self._kinds[at]]))] = None
        return list(chosen)

    def _pair(self, number: int, draws: np.random.Generator) -> Pair:
        one = self.shards.genome(number)
        mates = [other for other in self._species[one.species or one.id] if other != number]
        mates = mates or [other for other in self._genera[one.genus or one.id] if other != number]
        length = np.exp(draws.uniform(np.log(self.plan.shortest_bp), np.log(self.plan.longest_bp)))
        question = fragment(self.shards.contigs(number), int(length), draws)
        answer = number
        if mates and draws.random() >= self.plan.own:
            answer = int(draws.choice(mates))
        else:
            question = mutated(question, draws.uniform(*self.plan.mutated), draws)
        return Pair(either_strand(question, draws), number, answer, one.genus)


def require_genera(found: Sized, shards: Shards, part: Part) -> None:
    """Raise UsageError where a batch has fewer than two genera."""
    if len(found) < 2:
        raise UsageError(
            f"{shards.path}: the {part} part has one genus, so there is nothing to tell it from; "
            "give a corpus of more"
        )


def fragment(contigs: Contigs, length_bp: int, draws: np.random.Generator) -> Codes:
    """A stretch of one contig, drawn by length; a contig that is shorter comes whole."""
    at, start = drawn_window([len(contig) for contig in contigs], length_bp, draws)
    return contigs[at][start : start + length_bp]


def either_strand(codes: Codes, draws: np.random.Generator) -> Codes:
    return other_strand(codes) if draws.random() < 0.5 else codes


def mutated(codes: Codes, share: float, draws: np.random.Generator) -> Codes:
    """A copy in which a share of the bases are other bases; letters that are no base stay."""
    hit = (draws.random(len(codes)) < share) & (codes != OTHER)
    changed = codes.copy()
    changed[hit] = (codes[hit] + draws.integers(1, 4, int(hit.sum()), dtype=np.uint8)) % 4
    return changed


def word_profiles(views: Sequence[Contigs]) -> Floats:
    """Profiles of length 1 of genomes or fragments: (N,) -> (N, V)."""
    spectrum = Spectrum()
    genomes = [
        Genome("view", tuple(Contig("", bases_of(codes)) for codes in contigs), "-") for contigs in views
    ]
    return profiles(spectrum.features(spectrum.encode(genomes)))
