"""Out of scope: queries that are no nearer to any reference than random sequence is.

Cosine has no zero that means "unrelated": short sequences are somewhat like each other, and so are those rich
in G and C. So a query that shares no k-mer with its hits is compared with random sequence of its own length
and GC content.
"""

from __future__ import annotations

import numpy as np

from genome_index.classify.decision import Verdict
from genome_index.classify.reasons import no_nearer_than_random
from genome_index.classify.search import embed
from genome_index.index.calibration.hits import KMER_FLOOR, Hits
from genome_index.index.index import Index
from genome_index.records import Contig, Genome

DRAWS = 3  # random sequences; the nearest of them counts
MOST_BP = 5_000_000  # longer ones are no less random
PIECE = 0.7  # shorter than this share of its hits, a query may be a piece; genomes of a genus vary less
MOST_READ_BP = 60_000  # of a language model, which takes its time and averages over chunks anyway


def out_of_scope_reason(index: Index, genome: Genome, hits: Hits, query: int) -> str:
    """Why nothing is comparable with this query, as a sentence; nothing if something is."""
    if not (hits.rows[query] >= 0).any() or (hits.kmer_identity[query] > KMER_FLOOR).any():
        return ""
    reached = float(hits.similarity[query].max())
    random = random_similarity(index, genome)
    if reached > random:
        return ""
    return no_nearer_than_random(reached, random)


def warn_of_piece(index: Index, genome: Genome, hits: Hits, query: int, verdict: Verdict) -> tuple[str, ...]:
    """A warning where no species is called of what may be a piece of a genome that is here.

    The vector of a piece is not that of its genome, so its genome need not be among the hits: of pieces of
    3 kb of mitogenomes it was for 3 of 10 by the spectrum, 1 kb for 1 of 100 (tests/bench/RESULTS.md).
    """
    rows = hits.rows[query][hits.rows[query] >= 0]
    if verdict.rank == "species" or verdict.verdict == "ambiguous" or not len(rows):
        return ()
    usual = float(np.median([index.entry(int(row)).length_bp for row in rows]))
    if genome.length_bp >= PIECE * usual:
        return ()
    return (
        f"{genome.length_bp:,} bp where its hits have {usual:,.0f}: if this is a piece of a genome, query it "
        "with --fragments, which searches every reference for its k-mers",
    )


def random_similarity(index: Index, genome: Genome) -> float:
    """The highest similarity to any reference that random sequences like this genome reach.

    They depend on its length and GC content alone: strand, rotation and order of contigs change nothing.
    """
    strong = sum(
        contig.sequence.upper().count(letter) for contig in genome.contigs for letter in (b"G", b"C")
    )
    length = min(genome.length_bp, MOST_READ_BP if index.spec.reading else MOST_BP)
    gc = strong / genome.length_bp
    drawn = [_random_genome(length, gc, seed) for seed in range(DRAWS)]
    similarity, _ = index.model.vectors.search(embed(index, drawn), 1, index.model.live)
    return float(similarity.max())


def _random_genome(length_bp: int, gc: float, seed: int) -> Genome:
    generator = np.random.default_rng(seed)
    is_strong = generator.random(length_bp, np.float32) < gc
    either = generator.integers(0, 2, length_bp, np.uint8)
    letters = np.frombuffer(b"ATGC", np.uint8)[2 * is_strong + either]
    return Genome("noise", (Contig("noise", letters.tobytes()),), "-")
