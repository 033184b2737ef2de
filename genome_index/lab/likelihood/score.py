"""Bits a base along genomes by a causal network, window by window, on both strands or the forward one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from genome_index.errors import UsageError
from genome_index.io import tsv
from genome_index.io.quality import given_before
from genome_index.lab.corpus.packing import OTHER, Codes, codes_of, other_strand
from genome_index.lab.likelihood.causal_model import CausalModel
from genome_index.lab.likelihood.contexts import own_bits
from genome_index.lab.likelihood.token_bits import TokenBits, token_bits
from genome_index.records import Failure, Genome

COLUMNS = ("genome", "contig", "start", "end", "bases", "bits_per_base")
OWN_ORDERS = (2, 12)  # of the Markov models of the genome itself
OWN_CONTEXT = -1  # stands for the longest fragment of the model's training

Strands = Literal["both", "forward"]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ScorePlan:
    """How genomes are scored."""

    window_bp: int = 1_000
    strands: Strands = "both"  # both: the mean of the two, each read in its own direction
    context: int = OWN_CONTEXT  # tokens after which the network starts anew; 0: at the next contig only

    def __post_init__(self) -> None:
        if self.window_bp < 1 or self.context < OWN_CONTEXT or self.strands not in get_args(Strands):
            raise UsageError(
                f"windows of {self.window_bp} bp, strands {self.strands!r} and a context of {self.context} "
                f"tokens: give windows of 1 or more, {' or '.join(get_args(Strands))}, and 0 tokens or more"
            )


@dataclass(frozen=True)
class ContigScore:
    """The windows of a contig, side by side; the last may be shorter: (W,) each."""

    name: str
    length_bp: int
    bases: npt.NDArray[np.int64]  # A, C, G and T in each window; N is left out
    bits: Doubles  # of all of them


@dataclass(frozen=True)
class GenomeScore:
    """The score of a genome."""

    id: str
    window_bp: int
    contigs: tuple[ContigScore, ...]
    markov: tuple[float, ...]  # bits a base by Markov models of OWN_ORDERS that learn the genome as they read

    @property
    def bases(self) -> int:
        return sum(int(contig.bases.sum()) for contig in self.contigs)

    @property
    def other_bp(self) -> int:
        """N and other codes, which are left out."""
        return sum(contig.length_bp for contig in self.contigs) - self.bases

    @property
    def bits_per_base(self) -> float:
        return sum(float(contig.bits.sum()) for contig in self.contigs) / self.bases

    def rows(self) -> Iterator[str]:
        """A line of TSV for each window; without a base, its bits a base are missing."""
        for contig in self.contigs:
            for at, (bases, bits) in enumerate(zip(contig.bases.tolist(), contig.bits.tolist(), strict=True)):
                start = at * self.window_bp
                end = min(start + self.window_bp, contig.length_bp)
                value = f"{bits / bases:.4f}" if bases else None
                yield tsv.row((self.id, contig.name, start, end, bases, value))

    def sentence(self) -> str:
        """The genome in one line, beside the Markov models of itself."""
        own = zip(OWN_ORDERS, self.markov, strict=True)
        models = ", ".join(f"order {order} {bits:.4f}" for order, bits in own)
        return (
            f"{self.id}: {self.bits_per_base:.4f} bits a base over {self.bases:,} bases "
            f"({self.other_bp:,} N left out); Markov models of the genome itself: {models}"
        )


def score_genomes(
    genomes: Iterable[Genome | Failure], model: CausalModel, plan: ScorePlan
) -> Iterator[GenomeScore | Failure]:
    """One result for each genome, in order; a genome without a base, or with a second's id, is a failure."""
    sources: dict[str, str] = {}
    for genome in genomes:
        if isinstance(genome, Failure):
            yield genome
        elif genome.id in sources:
            yield Failure(genome.id, genome.source, given_before(genome.id, sources[genome.id]))
        else:
            sources[genome.id] = genome.source
            yield score_genome(genome, model, plan)


def score_genome(genome: Genome, model: CausalModel, plan: ScorePlan) -> GenomeScore | Failure:
    """The windows of a genome; each contig is read by itself."""
    contigs = [codes_of(contig.sequence) for contig in genome.contigs]
    if not any((codes < OTHER).any() for codes in contigs):
        return Failure(genome.id, genome.source, "no base of it is A, C, G or T")
    scores = tuple(
        ContigScore(contig.name, len(codes), *_windows(codes, model, plan))
        for contig, codes in zip(genome.contigs, contigs, strict=True)
    )
    markov = []
    for order in OWN_ORDERS:
        bits, bases = own_bits(contigs, order)
        markov.append(bits / bases)
    return GenomeScore(genome.id, plan.window_bp, scores, tuple(markov))


def _windows(codes: Codes, model: CausalModel, plan: ScorePlan) -> tuple[npt.NDArray[np.int64], Doubles]:
    """Bases and bits of each window: (L,) -> (W,), (W,)."""
    context = model.longest if plan.context == OWN_CONTEXT else plan.context
    edges, length = np.arange(0, len(codes), plan.window_bp), len(codes)
    bits = np.zeros(len(edges))
    for part in token_bits(model, codes, context):
        places, shares = _spread(part)
        bits += np.bincount(places // plan.window_bp, shares, len(edges))
    if plan.strands == "both":
        for part in token_bits(model, other_strand(codes), context):
            places, shares = _spread(part)
            bits += np.bincount((length - 1 - places) // plan.window_bp, shares, len(edges))
        bits /= 2
    known = (codes < OTHER).astype(np.int64)
    return np.add.reduceat(known, edges) if len(edges) else known, bits


def _spread(part: TokenBits) -> tuple[npt.NDArray[np.int64], Doubles]:
    """Each base of the tokens, and its share of their bits."""
    ends = np.cumsum(part.lengths)
    within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - part.lengths, part.lengths)
    places = np.repeat(part.starts, part.lengths) + within
    return places, np.repeat(part.bits / part.lengths, part.lengths)
