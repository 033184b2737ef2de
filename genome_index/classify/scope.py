"""Scope: queries that are no nearer to any reference than random sequence, and those that may be fragments.

Cosine similarity has no value that means "unrelated": short sequences resemble each other, and so do those
rich in G and C. A query that shares no k-mer with its hits is therefore compared with random sequence of its
own length and GC content.
"""

from __future__ import annotations

import numpy as np

from genome_index.classify.decision import Verdict
from genome_index.classify.reasons import maybe_fragment_warning, no_nearer_than_random
from genome_index.classify.search import embed
from genome_index.index.calibration.hits import KMER_FLOOR, Hits
from genome_index.index.index import Index
from genome_index.records import Contig, Genome

DRAWS = 3  # random genomes for each query; the highest similarity counts
MOST_BP = 5_000_000  # of a random genome; a longer one is no less random
MOST_READ_BP = 60_000  # the same for a language model, which is slow and averages over chunks anyway
FRAGMENT_SHARE = 0.7  # of its hits' median length; lengths within a genus vary less than that


def in_scope(index: Index, genome: Genome, hits: Hits, query: int, verdict: Verdict) -> Verdict:
    """The same verdict, or out_of_scope if no hit is nearer than random sequence."""
    if verdict.verdict == "out_of_scope":
        return verdict
    reason = out_of_scope_reason(index, genome, hits, query)
    return Verdict("out_of_scope", reason, closest=verdict.closest) if reason else verdict


def out_of_scope_reason(index: Index, genome: Genome, hits: Hits, query: int) -> str:
    """Why nothing is comparable with this query, as a sentence; empty if something is."""
    if not (hits.rows[query] >= 0).any() or (hits.kmer_identity[query] > KMER_FLOOR).any():
        return ""
    highest = float(hits.similarity[query].max())
    random = random_similarity(index, genome)
    return no_nearer_than_random(highest, random) if highest <= random else ""


def random_similarity(index: Index, genome: Genome) -> float:
    """The highest similarity to any reference that random genomes like this one reach.

    It depends on length and GC content alone: strand, rotation and order of contigs change nothing.
    """
    strong = sum(contig.sequence.upper().count(base) for contig in genome.contigs for base in (b"G", b"C"))
    length = min(genome.length_bp, MOST_READ_BP if index.spec.reading else MOST_BP)
    genomes = [random_genome(length, strong / genome.length_bp, seed) for seed in range(DRAWS)]
    similarity, _ = index.model.vectors.search(embed(index, genomes), 1, index.model.live)
    return float(similarity.max())


def random_genome(length_bp: int, gc: float, seed: int) -> Genome:
    """A genome of independent bases: G or C with probability `gc`."""
    generator = np.random.default_rng(seed)
    is_strong = generator.random(length_bp, np.float32) < gc
    either = generator.integers(0, 2, length_bp, np.uint8)
    bases = np.frombuffer(b"ATGC", np.uint8)[2 * is_strong + either]
    return Genome("random", (Contig("random", bases.tobytes()),), "-")


def fragment_warnings(
    index: Index, genome: Genome, hits: Hits, query: int, verdict: Verdict
) -> tuple[str, ...]:
    """A warning if a query without a species is much shorter than its hits: it may be a fragment.

    The vector of a fragment differs from that of its genome, which may then be missing among the hits: of
    mitogenomes, for 7 of 10 fragments of 3 kb and 99 of 100 of 1 kb (tests/bench/RESULTS.md).
    """
    rows = hits.rows[query][hits.rows[query] >= 0]
    if verdict.rank == "species" or verdict.verdict in ("ambiguous", "piece") or not len(rows):
        return ()
    median = float(np.median([index.entry(int(row)).length_bp for row in rows]))
    if genome.length_bp >= FRAGMENT_SHARE * median:
        return ()
    return (maybe_fragment_warning(genome.length_bp, median),)
